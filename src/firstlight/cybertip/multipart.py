"""A multipart body that is streamed and whose length is known beforehand: one form with an id and a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from firstlight.errors import IntegrityError, StorageError

CHUNK_BYTES = 64 * 1024


def _quoted(text: str) -> str:
    """A file name as HTML forms write it: quotes and line ends escaped, everything else in UTF-8."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").replace("\0", "%00")


class UploadBody:
    """The body of one upload. It can be sent once; afterwards `md5` is that of the bytes which were sent.

    The stream must hold exactly `size` bytes from its present position: the length is announced before the first byte.
    """

    def __init__(self, report_id: int, stream: BinaryIO, size: int, *, file_name: str, boundary: str) -> None:
        self._stream, self._size = stream, size
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="id"\r\n\r\n{report_id}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_quoted(file_name)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode("utf-8", "surrogateescape")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._digest = hashlib.md5(usedforsecurity=False)
        self.content_type = f"multipart/form-data; boundary={boundary}"

    @property
    def length(self) -> int:
        """The length of the whole body in bytes."""
        return len(self._head) + self._size + len(self._tail)

    @property
    def md5(self) -> str:
        """The MD5 of the file's bytes as sent so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        """The parts of the body.

        Raises:
            IntegrityError: the stream ends early or goes on beyond the size that was announced.
            StorageError: the stream cannot be read.
        """
        yield self._head
        left = self._size
        while left:
            chunk = self._read(min(CHUNK_BYTES, left))
            if not chunk:
                raise IntegrityError(
                    f"The file ended {left} bytes before its recorded size.",
                    hint="Check the stored original; its fixity check will name it.",
                )
            left -= len(chunk)
            self._digest.update(chunk)
            yield chunk
        if self._read(1):
            raise IntegrityError(
                "The file is longer than its recorded size.",
                hint="Check the stored original; its fixity check will name it.",
            )
        yield self._tail

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as e:
            raise StorageError(
                f"The file cannot be read any further: {e.strerror or e}.",
                hint="Check the disk that holds the stored original.",
            ) from e
