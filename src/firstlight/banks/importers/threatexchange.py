"""What python-threatexchange prints and keeps: its CSV export, its local signal files, and its own state.

The state of a collaboration is a Python pickle (`NAME.state.pickle`). It is read without running anything it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from firstlight.banks.entry import NewEntry, masked
from firstlight.banks.importer import Found, Item, Junk, ListFile, Removal
from firstlight.banks.importers import inert_pickle
from firstlight.banks.importers.csv_table import plain_name
from firstlight.errors import InputError

_SIGNALS: Final = {
    "pdq": "pdq",
    "video_md5": "md5",
    "photo_md5": "md5",
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "HASH_PDQ": "pdq",
    "HASH_MD5": "md5",
    "HASH_VIDEO_MD5": "md5",
    "HASH_SHA256": "sha256",
    "HASH_VIDEO_SHA256": "sha256",
    "ImagePDQ": "pdq",
    "VideoMD5": "md5",
}
_OTHER: Final = frozenset({"raw_text", "url", "url_md5", "trend_query", "vpdq", "video_vpdq", "text_tlsh"})
_HEADER: Final = ("signaltype", "signalstr")
_PICKLE: Final = b"\x80"
_NEGATIVE: Final = "NEGATIVE_CLASS"


class ThreatExchange:
    """Exports of `threatexchange dataset -P --csv`, files of lines such as `pdq 0123…`, and `NAME.state.pickle`."""

    name = "threatexchange"
    says = "python-threatexchange: its CSV export, local signal files and state (NAME.state.pickle)"

    def detects(self, source: ListFile) -> bool:
        """Whether it begins as one of its files does."""
        if source.path.name.endswith((".pickle", ".pkl")) and source.head.startswith(_PICKLE):
            return True
        lines = source.head_lines()
        return bool(lines) and (_is_export(lines[0]) or _is_signal(lines[0]))

    def read(self, source: ListFile, columns: Mapping[str, str]) -> Iterator[Found]:
        """A record for each signal; kinds that are not matched here are named."""
        if columns:
            raise InputError("The columns of this format are known.", hint="Leave the map out, or use the format csv.")
        if source.head.startswith(_PICKLE):
            yield from _state(source)
            return
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


def _state(source: ListFile) -> Iterator[Found]:
    """The updates of a collaboration, as each kind of exchange keeps them."""
    kept = inert_pickle.read(source.bytes().read(inert_pickle.MAX_PICKLE + 1))
    updates = kept.get("updates") if isinstance(kept, inert_pickle.Shell) else None
    if not isinstance(updates, dict):
        raise InputError("The pickle holds no state of a collaboration.", hint="Take the file NAME.state.pickle.")
    for number, (key, value) in enumerate(updates.items(), 1):
        shell = value if isinstance(value, inert_pickle.Shell) else inert_pickle.Shell()
        prints = shell.get("fingerprints")
        if isinstance(prints, dict):
            yield _of_ncmec(number, shell, prints)
        elif shell.get("hashValue"):
            yield _of_stop_ncii(number, shell)
        elif isinstance(key, tuple) and len(key) == 2:
            yield _found(number, _word(key[0]), str(key[1]), {})
        else:
            yield Junk(number, "no known record")


def _of_ncmec(number: int, entry: inert_pickle.Shell, prints: dict[Any, Any]) -> Found:
    key = f"{entry.get('member_id')}:{entry.get('id')}"
    if entry.get("deleted"):
        return Removal(number, key)
    given = {str(name).lower(): str(value) for name, value in prints.items()}
    return Item(
        number,
        NewEntry(
            key=key, md5=given.pop("md5", None), sha1=given.pop("sha1", None), pdq=given.pop("pdq", None),
            categories=(str(entry.get("classification") or ""),), original=given,
        ),
    )  # fmt: skip


def _of_stop_ncii(number: int, record: inert_pickle.Shell) -> Found:
    kind, value = _word(record.get("signalType")), str(record.get("hashValue"))
    if _word(record.get("hashStatus")) in ("Withdrawn", "Deleted") and kind in _SIGNALS:
        return Removal(number, "", "", _SIGNALS[kind], value)
    return _found(number, kind, value, {})


def _word(value: Any) -> str:  # noqa: ANN401 - a text, or a shell of an enumeration's member
    return (
        str(value.get("made_from")[0])
        if isinstance(value, inert_pickle.Shell) and value.get("made_from")
        else str(value)
    )


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
