"""Where shards lie: local files and folders, or an S3 store that the operator configured."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from firstlight.media import opened
from firstlight.screen.objects import S3, ObjectStore, S3Settings

BUFFER_BYTES: Final = 1 << 20


class Places:
    """Opens what shards name. One a process; not shared between threads."""

    def __init__(self, s3: S3Settings | None = None) -> None:
        self._s3 = s3 or S3Settings()
        self._store: ObjectStore | None = None

    @property
    def store(self) -> ObjectStore:
        """The S3 store.

        Raises:
            MissingExtraError: boto3 is not installed.
        """
        if self._store is None:
            self._store = ObjectStore(self._s3)
        return self._store

    def open(self, place: str, mark: str = "") -> BinaryIO:
        """The bytes of a file or object, seekable; closed by the caller.

        Raises:
            NotFoundError, InputError, StorageError: as for `media.opened`.
            UpstreamError: the store does not answer, or the object is not the one that was planned (`mark`).
        """
        if place.startswith(S3):
            return self.store.open(place, mark)
        with opened(Path(place)):
            pass  # whatever could hang or is no file has been refused
        return Path(place).open("rb", buffering=BUFFER_BYTES)

    def exists(self, place: str) -> bool:
        """Whether there is such a file or object."""
        return self.store.exists(place) if place.startswith(S3) else Path(place).is_file()
