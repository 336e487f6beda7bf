"""What every importer shares: the list file as it is read, and the items that are found in it."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NamedTuple, Protocol, Self, TypeAlias

from firstlight.banks.entry import NewEntry, masked
from firstlight.errors import NotFoundError, StorageError

HEAD_BYTES: Final = 65_536
"""So much of a file is looked at to tell its format."""
MAX_LINE: Final = 1 << 20
"""A longer line is no record of any list we know; reading it whole would let one file take all memory."""
_BLOCK: Final = 1 << 20
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Junk(NamedTuple):
    """A record that cannot be taken: where, why, and what it looked like, masked."""

    line: int
    why: str
    shown: str = ""


class Removal(NamedTuple):
    """The list takes an entry back, as of `stamp` if it says so; one without a key by its hash, whose kind is named."""

    line: int
    key: str
    stamp: str = ""
    kind: str = ""
    value: str = ""

    def __repr__(self) -> str:
        return f"Removal({self.line}, {self.key!r}, {self.stamp!r}, {self.kind!r}, {masked(self.value)!r})"


class Item(NamedTuple):
    """A record that can be tried."""

    line: int
    entry: NewEntry


Found: TypeAlias = Item | Junk | Removal


class Importer(Protocol):
    """One list format, in a file of its own below `importers/`."""

    @property
    def name(self) -> str:
        """What people call it by."""
        ...

    @property
    def says(self) -> str:
        """One line about what it reads."""
        ...

    def detects(self, source: ListFile) -> bool:
        """Whether the file looks like one."""
        ...

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """The records, in order, in little memory.

        Raises:
            InputError: the file is not of this format after all, or the columns do not fit.
        """
        ...


class ListFile:
    """A list on disk, open for reading; use it in a `with` statement."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        try:
            self._stream = self.path.open("rb")
            self.size = self.path.stat().st_size
            self.head = self._stream.read(HEAD_BYTES)
        except FileNotFoundError as e:
            raise NotFoundError(f"There is no file {self.path.name!r}.", hint="Check the path.") from e
        except OSError as e:
            raise StorageError(f"Could not read {self.path.name!r}: {e.strerror}.", hint="Check permissions.") from e
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    @property
    def encoding(self) -> str:
        """As its first bytes say; UTF-8 without a mark."""
        return next((name for mark, name in _MARKS if self.head.startswith(mark)), "utf-8")

    def head_lines(self) -> list[str]:
        """The lines at its start that are whole, without blank ones."""
        text = self.head.decode(self.encoding, errors="replace")
        lines = text.splitlines()
        if len(self.head) < self.size and len(lines) > 1:
            lines.pop()
        return [line.strip() for line in lines if line.strip()]

    def bytes(self) -> IO[bytes]:
        """The file from its start."""
        self._stream.seek(0)
        return self._stream

    def lines(self) -> Iterator[tuple[int, str | None]]:
        """Numbered lines from 1, whatever ends them; none in place of a line that is too long. Bytes that are no text
        become replacement signs."""
        self._stream.seek(0)
        text = io.TextIOWrapper(self._stream, self.encoding, errors="replace", newline=None)
        try:
            number = 0
            while line := text.readline(MAX_LINE):
                number += 1
                if len(line) < MAX_LINE or line.endswith("\n"):
                    yield number, line.rstrip("\n")
                    continue
                while (rest := text.readline(MAX_LINE)) and not rest.endswith("\n"):
                    pass
                yield number, None
        except OSError as e:
            raise StorageError(f"Could not read {self.path.name!r}: {e.strerror}.", hint="Check the disk.") from e
        finally:
            text.detach()

    def rows(self, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
        """Rows of a table with the line they end on; none in place of one that cannot be read."""
        last = 0

        def plain_lines() -> Iterator[str]:
            nonlocal last
            for number, line in self.lines():
                last = number
                yield (line if line is not None else "") + "\n"

        reader = csv.reader(plain_lines(), delimiter=delimiter)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield last, None
                continue
            yield last, row

    def sha256(self) -> str:
        """The digest of the file as it is now."""
        digest = hashlib.sha256()
        stream = self.bytes()
        while block := stream.read(_BLOCK):
            digest.update(block)
        return digest.hexdigest()
