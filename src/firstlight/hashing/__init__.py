"""Hashing: digests of bytes and the perceptual hash of pictures (PDQ).

Pictures are decoded in a cage; make it with `Cage(preload=PRELOAD)`.
"""

from __future__ import annotations

from firstlight.hashing.digests import digest_file, digest_stream
from firstlight.hashing.files import FileHash, HashedFile, hash_file, hash_file_whole, hash_files, key_frames
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
    "HashedFile",
    "Mode",
    "PictureHash",
    "compare_frames",
    "digest_file",
    "digest_stream",
    "hash_file",
    "hash_file_whole",
    "hash_files",
    "hash_frames",
    "hash_picture",
    "key_frames",
]
