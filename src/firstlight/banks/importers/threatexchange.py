"""What python-threatexchange prints and keeps: its CSV export and its local signal files.

Its own state is kept as Python pickles, which run code when they are read. Those are refused, with the way around.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from firstlight.banks.entry import NewEntry, masked
from firstlight.banks.importer import Found, Item, Junk, ListFile
from firstlight.banks.importers.csv_table import plain_name
from firstlight.errors import InputError

_SIGNALS: Final = {
    "pdq": "pdq",
    "video_md5": "md5",
    "photo_md5": "md5",
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
}
_OTHER: Final = frozenset({"raw_text", "url", "url_md5", "trend_query", "vpdq", "video_vpdq", "text_tlsh"})
_HEADER: Final = ("signaltype", "signalstr")
_PICKLE: Final = b"\x80"
_NEGATIVE: Final = "NEGATIVE_CLASS"


class ThreatExchange:
    """Exports of `threatexchange dataset -P --csv`, and files of lines such as `pdq 0123…`."""

    name = "threatexchange"
    says = "python-threatexchange: its CSV export and local signal files"

    def detects(self, source: ListFile) -> bool:
        """Whether it begins as one of its files does; its pickles too, so that they are refused in words."""
        if source.path.name.endswith((".pickle", ".pkl")) and source.head.startswith(_PICKLE):
            return True
        lines = source.head_lines()
        return bool(lines) and (_is_export(lines[0]) or _is_signal(lines[0]))

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """A record for each signal; kinds that are not matched here are named."""
        if source.head.startswith(_PICKLE):
            raise InputError(
                f"{source.path.name!r} is a Python pickle, which can run any program when it is read.",
                hint="Write the signals with `threatexchange dataset -P --csv` and import that file.",
            )
        if columns:
            raise InputError("The columns of this format are known.", hint="Leave the map out, or use the format csv.")
        lines = source.head_lines()
        if lines and _is_export(lines[0]):
            yield from _export(source)
            return
        for number, line in source.lines():
            kind, _, signal = (line or "").strip().partition(" ")
            if line is None:
                yield Junk(number, "the line is too long")
            elif kind:
                yield _found(number, kind, signal.strip(), {})


def _export(source: ListFile) -> Iterator[Found]:
    names: list[str] | None = None
    for number, row in source.rows(","):
        if row is None:
            yield Junk(number, "the row cannot be read")
        elif names is None:
            names = [plain_name(cell) for cell in row]
        elif any(row):
            cells = {name: cell.strip() for name, cell in zip(names, row, strict=False)}
            yield _found(number, cells.get("signaltype", ""), cells.get("signalstr", ""), cells)


def _found(number: int, kind: str, signal: str, cells: Mapping[str, str]) -> Found:
    if kind not in _SIGNALS:
        return Junk(number, f"signals of kind {kind!r} are not matched here" if kind in _OTHER else "no known signal")
    if cells.get("category") == _NEGATIVE:
        return Junk(number, "its owners say that it is not what the list is about", masked(signal))
    hashes = {_SIGNALS[kind]: signal}
    tags = cells.get("tags", "").replace(",", " ").split()
    return Item(
        number,
        NewEntry(
            md5=hashes.get("md5"), sha1=hashes.get("sha1"), sha256=hashes.get("sha256"), pdq=hashes.get("pdq"),
            categories=tuple(tags), note=cells.get("collab", ""),
        ),
    )  # fmt: skip


def _is_signal(line: str) -> bool:
    """A kind and a signal behind it; a kind alone is the head of a table with one column."""
    kind, _, signal = line.strip().partition(" ")
    return kind in (_SIGNALS.keys() | _OTHER) and bool(signal.strip())


def _is_export(line: str) -> bool:
    return tuple(plain_name(cell) for cell in line.split(",")[:2]) == _HEADER
