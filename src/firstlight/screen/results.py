"""Result files: one a shard, there whole or not at all, readable with NumPy alone.

A result is a zip archive. `head.json` holds the shard, the tally, the findings and the state of the lists. The members
lie in groups of `GROUP_ROWS`: `00000/rows.npy` is a structured array of `ROW`, `00000/texts.json` holds for each
row its name, key, URL and time of download, and `00000/origin.json`, where signs of origin were looked for, the signs
by row. `matches.sealed` holds what matched, sealed with the home's key; the rest
holds nothing that says which member did.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from firstlight.custody.files import FILE_MODE, FOLDER_MODE, storage_error
from firstlight.errors import IntegrityError
from firstlight.screen.signs import Sign

GROUP_ROWS: Final = 8192
SUFFIX: Final = ".screened"
TEMPORARY: Final = ".part"
ORIGIN: Final = "origin.json"

ROW: Final = np.dtype(
    [
        ("offset", "<i8"), ("size", "<i8"),
        ("status", "u1"), ("reason", "u1"), ("channels", "u1"), ("obstacles", "u1"),
        ("width", "<u4"), ("height", "<u4"), ("original_width", "<u4"), ("original_height", "<u4"),
        ("pdq_quality", "u1"), ("pdq_exact", "?"), ("inner_quality", "u1"), ("has_pdq", "?"), ("has_inner", "?"),
        ("has_digests", "?"),
        ("md5", "u1", 16), ("sha1", "u1", 20), ("sha256", "u1", 32),
        ("recorded_md5", "u1", 16), ("recorded_sha1", "u1", 20), ("recorded_sha256", "u1", 32),
        ("pdq", "u1", 32), ("inner_pdq", "u1", 32),
    ]
)  # fmt: skip
"""A member: where it lies, what became of it, by which channels it could be compared, and its hashes; absent is zero.
`status` is 0 screened, 1 unreadable, 2 skipped; `reason` an index into the head's `reasons`."""

SCREENED, UNREADABLE, SKIPPED = 0, 1, 2
Rows = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Texts:
    """What a row says in words."""

    name: str
    key: str
    url: str
    fetched: str


class ResultWriter:
    """Writes a result under a temporary name; `finish` gives it its real one. In a `with` statement."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}{SUFFIX}"
        self._temporary = folder / f".{name}.{secrets.token_hex(6)}{TEMPORARY}"
        self._groups = 0
        self._rows = np.zeros(GROUP_ROWS, ROW)
        self._texts: list[Texts] = []
        self._signs: dict[int, list[dict[str, Any]]] = {}

    def __enter__(self) -> Self:
        with _words(self._temporary, "write"):
            fd = os.open(self._temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE)
            fcntl.flock(fd, fcntl.LOCK_EX)  # so that others see that it is not left over
            self._file = os.fdopen(fd, "wb")
            self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._zip.close()
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def add(self, texts: Texts, signs: Sequence[Sign] = ()) -> Any:  # noqa: ANN401 - a view of one row
        """The next row, all zero, to be filled in before the next call."""
        if len(self._texts) == GROUP_ROWS:
            self._flush()
        if signs:
            self._signs[len(self._texts)] = [one.model_dump(mode="json") for one in signs]
        self._texts.append(texts)
        row = self._rows[len(self._texts) - 1 : len(self._texts)]
        row[:] = np.zeros(1, ROW)
        return row[0]

    def copy_group(self, path: Path, number: int) -> None:
        """Take a group of another result as it is."""
        with _archive(path) as archive, _words(self._temporary, "write"):
            for part in ("rows.npy", "texts.json", ORIGIN):
                if part != ORIGIN or f"{number:05d}/{part}" in archive.namelist():
                    self._zip.writestr(f"{self._groups:05d}/{part}", archive.read(f"{number:05d}/{part}"))
        self._groups += 1

    def finish(self, head: dict[str, Any], matches: bytes) -> None:
        """Write what is left, make it durable, and give the file its name.

        Raises:
            StorageError: the disk refused; nothing is left behind.
        """
        if self._texts:
            self._flush()
        with _words(self._temporary, "write"):
            if matches:
                self._zip.writestr(zipfile.ZipInfo("matches.sealed"), matches)
            self._zip.writestr("head.json", json.dumps({**head, "groups": self._groups}, sort_keys=True))
            self._zip.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._temporary.rename(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _flush(self) -> None:
        buffer = io.BytesIO()
        np.save(buffer, self._rows[: len(self._texts)], allow_pickle=False)
        texts = [[one.name, one.key, one.url, one.fetched] for one in self._texts]
        with _words(self._temporary, "write"):
            self._zip.writestr(f"{self._groups:05d}/rows.npy", buffer.getvalue())
            self._zip.writestr(f"{self._groups:05d}/texts.json", json.dumps(texts, ensure_ascii=True))
            if self._signs:
                self._zip.writestr(f"{self._groups:05d}/{ORIGIN}", json.dumps(self._signs, ensure_ascii=True))
        self._groups += 1
        self._texts = []
        self._signs = {}


@dataclass(frozen=True, slots=True)
class Result:
    """A result file."""

    path: Path
    head: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> Result:
        """Read the head.

        Raises:
            IntegrityError: it is no whole result.
        """
        with _archive(path) as archive:
            return cls(path, json.loads(archive.read("head.json")))

    def groups(self) -> Iterator[tuple[Rows, list[Texts]]]:
        """The rows with their texts, a group at a time."""
        for number in range(int(self.head["groups"])):
            yield self.rows(number), self.texts(number)

    def rows(self, group: int) -> Rows:
        """The rows of one group."""
        with _archive(self.path) as archive:
            rows: Rows = np.load(io.BytesIO(archive.read(f"{group:05d}/rows.npy")), allow_pickle=False)
        if rows.dtype != ROW:
            raise _damaged(self.path)
        return rows

    def texts(self, group: int) -> list[Texts]:
        """The texts of one group's rows."""
        with _archive(self.path) as archive:
            return [Texts(*one) for one in json.loads(archive.read(f"{group:05d}/texts.json"))]

    def signs(self, group: int) -> dict[int, tuple[Sign, ...]]:
        """The signs of origin of those rows of a group that have any."""
        with _archive(self.path) as archive:
            name = f"{group:05d}/{ORIGIN}"
            found = json.loads(archive.read(name)) if name in archive.namelist() else {}
        return {int(row): tuple(Sign(**one) for one in signs) for row, signs in found.items()}

    def matches(self) -> bytes:
        """What matched, sealed; empty where nothing did or no list was looked at."""
        with _archive(self.path) as archive:
            return archive.read("matches.sealed") if "matches.sealed" in archive.namelist() else b""

    def replaced(self, head: dict[str, Any], matches: bytes) -> Result:
        """The same rows under a new head, with new matches, put in the place of this file at once."""
        with ResultWriter(self.path.parent, self.path.name.removesuffix(SUFFIX)) as writer:
            for number in range(int(self.head["groups"])):
                writer.copy_group(self.path, number)
            writer.finish(head, matches)
        return Result.open(self.path)


def results_in(folder: Path, names: Iterable[str]) -> Iterator[Result]:
    """Those of the named results that are there, in the order given."""
    for name in names:
        path = folder / f"{name}{SUFFIX}"
        if path.exists():
            yield Result.open(path)


def finished(folder: Path) -> set[str]:
    """The names of all results in a folder."""
    with _words(folder, "read"):
        return {path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}")}


def make_folder(folder: Path) -> None:
    """The folder of the results, open to this user alone; what killed runs left in it is removed."""
    with _words(folder, "create"):
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    for left in folder.glob(f".*{TEMPORARY}"):
        with contextlib.suppress(OSError):
            fd = os.open(left, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held by a process that is writing it
                left.unlink(missing_ok=True)
            finally:
                os.close(fd)


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError as e:
        raise storage_error(path, "read", e) from e
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, KeyError, ValueError, EOFError) as e:
        raise _damaged(path) from e
    except OSError as e:
        if e.errno == errno.EINVAL:  # it was sought at a place that no file has
            raise _damaged(path) from e
        raise storage_error(path, "read", e) from e


@contextlib.contextmanager
def _words(path: Path, act: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise storage_error(path, act, e) from e


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(
        f"{path} is damaged.", hint="Remove it and run the same command again: its shard is screened anew."
    )
