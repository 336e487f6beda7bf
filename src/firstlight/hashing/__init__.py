"""Hashing: digests of bytes and the perceptual hash of pictures (PDQ).

Pictures are decoded in a cage; make it with `Cage(preload=PRELOAD)`.
"""

from __future__ import annotations

from firstlight.hashing.digests import digest_file, digest_stream
from firstlight.hashing.files import FileHash, hash_file, hash_files
from firstlight.hashing.modes import ORIENTATIONS, Mode
from firstlight.hashing.pictures import PRELOAD, PictureHash, hash_picture

__all__ = [
    "ORIENTATIONS",
    "PRELOAD",
    "FileHash",
    "Mode",
    "PictureHash",
    "digest_file",
    "digest_stream",
    "hash_file",
    "hash_files",
    "hash_picture",
]
