"""Hashing: digests of bytes and the perceptual hash of pictures (PDQ).

Pictures are decoded in a cage; make it with `Cage(preload=PRELOAD)`.
"""

from __future__ import annotations

from firstlight.hashing.digests import digest_file, digest_stream
from firstlight.hashing.files import FileHash, hash_file, hash_files
from firstlight.hashing.frames import (
    FRAMES_PRELOAD,
    FrameHash,
    FramesHash,
    FramesMatch,
    compare_frames,
    hash_frames,
)
from firstlight.hashing.modes import ORIENTATIONS, Mode
from firstlight.hashing.pictures import PRELOAD, PictureHash, hash_picture

__all__ = [
    "FRAMES_PRELOAD",
    "ORIENTATIONS",
    "PRELOAD",
    "FileHash",
    "FrameHash",
    "FramesHash",
    "FramesMatch",
    "Mode",
    "PictureHash",
    "compare_frames",
    "digest_file",
    "digest_stream",
    "hash_file",
    "hash_files",
    "hash_frames",
    "hash_picture",
]
