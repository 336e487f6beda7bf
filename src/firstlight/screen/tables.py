"""List mode: tables of URLs and hashes, as LAION publishes them. No picture is there, and none is fetched.

Each row's digest is held against a table of the lists' digests; the few that get through are looked up like any other
item. Rows are counted, and only those that match are kept, so billions of them take minutes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from firstlight.banks import Sought
from firstlight.banks.digest_table import DigestTable
from firstlight.errors import InputError
from firstlight.media import SNIFF_BYTES
from firstlight.screen.channels import Channel
from firstlight.screen.hits import Hit, matches_of
from firstlight.screen.lists import Lists
from firstlight.screen.member import digest_kind, facts_of
from firstlight.screen.places import Places
from firstlight.screen.reader import kind_of
from firstlight.screen.readers.parquet import open_parquet, parquet_errors, picture_columns
from firstlight.screen.shards import Kind, Shard

ROWS: Final = 1 << 17
"""Rows that are taken at a time."""
WIDTHS: Final = {"md5": 16, "sha1": 20, "sha256": 32}


@dataclass(slots=True)
class Counted:
    """What was counted in a table, and what matched."""

    rows: int
    with_hash: int
    hits: list[Hit]
    lost: int = 0


def is_hash_table(shard: Shard, places: Places) -> bool:
    """Whether a shard is a table without pictures that has a column of digests.

    Raises:
        InputError, StorageError, UpstreamError, MissingExtraError: as for reading it.
    """
    if shard.kind is not Kind.PARQUET:
        return False
    with closing(places.open(shard.place, shard.mark)) as source, parquet_errors(shard.shown):
        if kind_of(source.read(SNIFF_BYTES)) is not Kind.PARQUET:
            return False  # the reader says what it is
        schema = open_parquet(shard.place, source).schema_arrow
        return not picture_columns(schema) and bool(hash_columns(schema.names))


def hash_columns(names: Sequence[str]) -> dict[str, str]:
    """The columns that hold digests, by their name, with the kind that each is of."""
    return {name: kind for name in names if (kind := digest_kind(name))}


def count_table(shard: Shard, places: Places, lists: Lists | None) -> Counted:
    """Hold every row of a table against the lists.

    Raises:
        InputError, StorageError, UpstreamError, MissingExtraError: the table cannot be read.
    """
    with closing(places.open(shard.place, shard.mark)) as source, parquet_errors(shard.shown):
        file = open_parquet(shard.place, source)
        columns = hash_columns(file.schema_arrow.names)
        tables = {
            kind: lists.library.digest_table(kind, banks=lists.banks) if lists is not None else _EMPTY
            for kind in set(columns.values())
        }
        out = Counted(rows=file.metadata.num_rows, with_hash=0, hits=[])
        first = 0
        for number in range(file.num_row_groups):
            size = file.metadata.row_group(number).num_rows
            try:
                with parquet_errors("A part of the table"):
                    counted, wanted = _suspects_of(file, number, first, columns, tables)
            except InputError as e:
                if e.diagnostics().code == "input.columns":
                    raise  # nothing is damaged: no group of it could be read
                out.lost += size
            else:
                out.with_hash += counted
                if lists is not None and wanted:
                    _look_up(file, number, first, wanted, lists, shard, out)
            first += size
    return out


_EMPTY: Final = DigestTable.of(np.zeros(0, dtype=np.uint64))


def _suspects_of(
    file: Any, number: int, first: int, columns: dict[str, str], tables: dict[str, DigestTable],  # noqa: ANN401
) -> tuple[int, dict[int, dict[str, str]]]:  # fmt: skip
    """How many rows of a row group have a digest, and the digests of those that may be listed, by row."""
    wanted: dict[int, dict[str, str]] = {}
    counted, at = 0, first
    for batch in file.iter_batches(batch_size=ROWS, row_groups=[number], columns=list(columns), use_threads=False):
        valid = np.zeros(batch.num_rows, dtype=np.bool_)
        for name, kind in columns.items():
            array = batch.column(name)
            for row in suspect_rows(array, WIDTHS[kind], tables[kind], valid):
                wanted.setdefault(at + row, {})[kind] = _hex(array[row].as_py())
        counted += int(valid.sum())
        at += batch.num_rows
    return counted, wanted


def suspect_rows(array: Any, width: int, table: DigestTable, valid: Any) -> list[int]:  # noqa: ANN401 - arrays
    """The rows of a column whose first 64 bits stand in the table; rows that hold a digest are marked in `valid`."""
    from firstlight.screen import _kernels

    data, offsets = _buffers(array)
    rows, keys = np.empty(len(offsets) - 1, np.uint32), np.empty(len(offsets) - 1, np.uint64)
    found = _kernels.suspects(data, offsets, width, (_coarse(table), table.bits), table.shift, valid, rows, keys)
    return [int(row) for row in rows[:found][table.holds(keys[:found])]]


_COARSE: Final[list[tuple[DigestTable, Any]]] = []


def _coarse(table: DigestTable) -> Any:  # noqa: ANN401 - an array
    """A bit for each byte of the table's bitmap: an eighth of its size, so that caches turn most rows away.

    That of the last tables is kept; a run has one for each kind of digest.
    """
    for known, made in _COARSE:
        if known is table:
            return made
    made = np.packbits(table.bits.view(np.uint8) != 0, bitorder="little")
    _COARSE.append((table, made))
    del _COARSE[:-3]
    return made


def _buffers(array: Any) -> tuple[Any, Any]:  # noqa: ANN401 - an Arrow array
    """The bytes of a column of texts or binaries, and where each value begins; a null has no length."""
    import pyarrow as pa  # type: ignore[import-untyped]

    types = pa.types
    large = types.is_large_binary(array.type) or types.is_large_string(array.type)
    if not (large or types.is_binary(array.type) or types.is_string(array.type)):
        try:
            array = array.cast(pa.binary())
        except pa.ArrowException as e:
            raise InputError(
                f"A column of digests is of type {array.type}.", hint="Expected is text or bytes.", code="input.columns"
            ) from e
    if array.null_count:
        array = array.fill_null("" if types.is_string(array.type) or types.is_large_string(array.type) else b"")
    _, offsets, data = array.buffers()
    kind = np.int64 if large else np.int32
    places = np.frombuffer(offsets, kind)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8), places


def _hex(value: str | bytes) -> str:
    return value.hex() if isinstance(value, bytes) and len(value) in WIDTHS.values() else _text(value).lower()


def _text(value: str | bytes) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def _look_up(
    file: Any, number: int, first: int, wanted: dict[int, dict[str, str]], lists: Lists,  # noqa: ANN401
    shard: Shard, out: Counted,
) -> None:  # fmt: skip
    """Compare the suspects whole, and read the rows of those that match. Damage there costs a hit its facts alone."""
    order = sorted(wanted)
    found = lists.library.match_many([Sought(wanted[row]) for row in order], banks=lists.banks)
    matched = {row: matches for row, matches in zip(order, found, strict=True) if any(one.counts for one in matches)}
    records: dict[int, dict[str, Any]] = {row: {} for row in sorted(matched)}
    with contextlib.suppress(InputError), parquet_errors("What stands beside the digests"):
        records.update(_records(file, number, first, list(records)))
    for row, record in records.items():
        facts = facts_of(record)
        channel = [(Channel.RECORDED, one) for one in matched[row] if one.counts]
        out.hits.append(
            Hit(
                place=shard.place, member=str(row), offset=row, size=0, row=row, key=facts.key, url=facts.url,
                fetched=facts.fetched, record=facts.record, recorded=wanted[row], matches=matches_of(channel),
            )
        )  # fmt: skip


def _records(file: Any, number: int, first: int, rows: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:  # noqa: ANN401
    if not rows:
        return
    at, waiting = first, list(rows)
    for batch in file.iter_batches(batch_size=ROWS, row_groups=[number], use_threads=False):
        while waiting and waiting[0] < at + batch.num_rows:
            row = waiting.pop(0)
            yield row, batch.slice(row - at, 1).to_pylist()[0]
        at += batch.num_rows
        if not waiting:
            return
