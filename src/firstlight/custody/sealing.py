"""Encryption at rest: C2SP chunked encryption with AES-256-GCM, for streams, ranges and small blobs.

Format `c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM`: 24 bytes of salt, 32 bytes of key commitment, then chunks of
16 KiB (the last one always shorter), each followed by its 16-byte tag. Key, nonces and commitment come from the input
key, the salt and a context by HKDF-Expand, so a ciphertext opens under one key, for one purpose, at one place only.
"""

from __future__ import annotations

import hmac
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from firstlight.errors import InputError, IntegrityError

CHUNK_SIZE = 16 * 1024
TAG_SIZE = 16
SALT_SIZE = 24
COMMITMENT_SIZE = 32
HEADER_SIZE = SALT_SIZE + COMMITMENT_SIZE
KEY_SIZE = 32
_NONCE_SIZE = 12
_SEALED_CHUNK = CHUNK_SIZE + TAG_SIZE
_INFO = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"

MAX_SEALED_BLOB = 1024 * 1024 * 1024
"""Bytes that `seal` takes at once; what is larger goes through a stream."""


@dataclass(frozen=True, slots=True)
class _Secrets:
    aead: AESGCM
    base_nonce: int
    commitment: bytes

    def nonce(self, chunk: int) -> bytes:
        return (self.base_nonce ^ chunk).to_bytes(_NONCE_SIZE, "big")


def _derive(key: bytes, salt: bytes, context: bytes) -> _Secrets:
    if len(key) != KEY_SIZE:
        raise InputError(f"A key has {KEY_SIZE} bytes, not {len(key)}.")
    okm = HKDFExpand(SHA256(), KEY_SIZE + _NONCE_SIZE + COMMITMENT_SIZE, _INFO + salt + context).derive(key)
    nonce = int.from_bytes(okm[KEY_SIZE : KEY_SIZE + _NONCE_SIZE], "big")
    return _Secrets(AESGCM(okm[:KEY_SIZE]), nonce, okm[KEY_SIZE + _NONCE_SIZE :])


def _damaged(why: str) -> IntegrityError:
    return IntegrityError(
        f"Sealed data cannot be opened: {why}.",
        hint="It was damaged, moved from its place, or sealed with another key.",
        code="integrity.sealed",
    )


def sealed_size(size: int) -> int:
    """How many bytes a message of `size` bytes becomes."""
    return HEADER_SIZE + size + (size // CHUNK_SIZE + 1) * TAG_SIZE


def opened_size(size: int) -> int:
    """How many bytes are in a sealed message of `size` bytes.

    Raises:
        IntegrityError: no message has this size when sealed, so the message was cut or extended.
    """
    full, last = divmod(size - HEADER_SIZE, _SEALED_CHUNK)
    if size < HEADER_SIZE or last < TAG_SIZE:
        raise _damaged("its length is impossible, so a part is missing")
    return full * CHUNK_SIZE + last - TAG_SIZE


def encrypt(
    key: bytes, blocks: Iterable[bytes], context: bytes, *, entropy: Callable[[int], bytes] = os.urandom
) -> Iterator[bytes]:
    """The sealed form of a stream, piece by piece, in constant memory."""
    salt = entropy(SALT_SIZE)
    secrets = _derive(key, salt, context)
    yield salt + secrets.commitment
    waiting = b""
    chunk = 0
    for block in blocks:
        view = memoryview(waiting + block)
        full = len(view) // CHUNK_SIZE
        sealed = [
            secrets.aead.encrypt(secrets.nonce(chunk + i), view[i * CHUNK_SIZE : (i + 1) * CHUNK_SIZE], None)
            for i in range(full)
        ]
        chunk += full
        waiting = bytes(view[full * CHUNK_SIZE :])
        if sealed:
            yield b"".join(sealed)
    yield secrets.aead.encrypt(secrets.nonce(chunk), waiting, None)


class SealedReader(io.RawIOBase):
    """A seekable stream of what is sealed in a file: only the chunks that are read get decrypted.

    `start` is where the sealed message begins in the file. The end is authenticated before anything is read, so a
    message that was cut never looks whole. Closing it closes the file.
    """

    def __init__(self, file: BinaryIO, key: bytes, context: bytes, *, start: int = 0) -> None:
        super().__init__()
        self._file = file
        self._start = start
        whole = file.seek(0, os.SEEK_END) - start
        self._size = opened_size(whole)
        file.seek(start)
        header = file.read(HEADER_SIZE)
        self._secrets = _derive(key, header[:SALT_SIZE], context)
        if not hmac.compare_digest(self._secrets.commitment, header[SALT_SIZE:]):
            raise _damaged("the key or the place is not the one it was sealed for")
        self._at = 0
        self._kept: tuple[int, bytes] = (-1, b"")
        self._chunk(self._size // CHUNK_SIZE)

    @property
    def size(self) -> int:
        """Bytes of the opened message."""
        return self._size

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place of the opened message."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise InputError("There is nothing before the beginning of a file.")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer from the place where the reader stands; 0 at the end."""
        if self._at >= self._size or not len(buffer):
            return 0
        number, offset = divmod(self._at, CHUNK_SIZE)
        piece = self._chunk(number)[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()

    def _chunk(self, number: int) -> bytes:
        if self._kept[0] != number:
            self._file.seek(self._start + HEADER_SIZE + number * _SEALED_CHUNK)
            sealed = self._file.read(_SEALED_CHUNK)
            try:
                opened = self._secrets.aead.decrypt(self._secrets.nonce(number), sealed, None)
            except InvalidTag as e:
                raise _damaged(f"the bytes from {number * CHUNK_SIZE} on were changed") from e
            self._kept = (number, opened)
        return self._kept[1]


def seal(key: bytes, data: bytes, context: bytes, *, entropy: Callable[[int], bytes] = os.urandom) -> bytes:
    """A small blob, sealed for a context: it opens with the same key and context only.

    Raises:
        InputError: the blob is larger than MAX_SEALED_BLOB, or the key is not 32 bytes.
    """
    if len(data) > MAX_SEALED_BLOB:
        raise InputError(f"A blob of {len(data)} bytes is too large to be sealed at once.")
    return b"".join(encrypt(key, [data], context, entropy=entropy))


def unseal(key: bytes, data: bytes, context: bytes) -> bytes:
    """The blob that was sealed.

    Raises:
        IntegrityError: it was changed, cut, sealed for another context or with another key.
    """
    with SealedReader(io.BytesIO(data), key, context) as reader:
        return reader.readall()


class Sealer(Protocol):
    """Seals blobs for rooms that must not see a key."""

    def seal(self, data: bytes, context: bytes) -> bytes:
        """The data, sealed for this context."""
        ...

    def unseal(self, data: bytes, context: bytes) -> bytes:
        """The data that was sealed for this context."""
        ...


class KeySealer:
    """A sealer that holds one key."""

    def __init__(self, key: bytes, *, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._key = key
        self._entropy = entropy

    def seal(self, data: bytes, context: bytes) -> bytes:
        """The data, sealed for this context."""
        return seal(self._key, data, context, entropy=self._entropy)

    def unseal(self, data: bytes, context: bytes) -> bytes:
        """The data that was sealed for this context; IntegrityError if it was changed or sealed otherwise."""
        return unseal(self._key, data, context)

    def sealing(self, blocks: Iterable[bytes], context: bytes) -> Iterator[bytes]:
        """A stream, sealed for this context piece by piece."""
        return encrypt(self._key, blocks, context, entropy=self._entropy)

    def opening(self, file: BinaryIO, context: bytes) -> SealedReader:
        """A reader of a stream that was sealed so; IntegrityError where it was changed. Closing it closes the file."""
        return SealedReader(file, self._key, context)
