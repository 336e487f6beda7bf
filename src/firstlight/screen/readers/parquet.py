"""Parquet files that hold pictures, as the Hugging Face Hub stores them: a column of `{bytes, path}`, or of bytes."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO, Final

from firstlight.errors import FirstlightError, InputError, MissingExtraError
from firstlight.media import SNIFF_BYTES
from firstlight.screen.member import FACT_FIELDS, Facts, Findings, Member, facts_of
from firstlight.screen.objects import S3
from firstlight.screen.places import Places
from firstlight.screen.reader import not_what_it_says
from firstlight.screen.shards import Shard

ROWS: Final = 16
"""Rows that are taken at a time: their bytes are in memory together."""
BUFFER_BYTES: Final = 1 << 20

EXPECTED: Final = (
    "a picture column (a struct of bytes and path, or plain bytes), or for list mode a column md5, sha1 or sha256"
)


def pyarrow_parquet() -> Any:  # noqa: ANN401 - pyarrow has no types
    """The module `pyarrow.parquet`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as e:
        raise MissingExtraError(
            "Parquet files need the library pyarrow.", hint="Install it with: pip install 'firstlight[screen]'."
        ) from e


def open_parquet(place: str, source: BinaryIO) -> Any:  # noqa: ANN401 - pyarrow has no types
    """A `ParquetFile` on what was opened at this place.

    Arrow reads a local file itself, by its name: through Python each row group costs twice the time and is copied.
    """
    pq = pyarrow_parquet()
    file: Any = source if place.startswith(S3) else place
    return pq.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER_BYTES)


@contextmanager
def parquet_errors(what: str) -> Iterator[None]:
    """What pyarrow raises on a file that is damaged, in the words of the house."""
    try:
        yield
    except FirstlightError:
        raise
    except Exception as e:
        if isinstance(e, OSError) and e.errno:
            raise
        first = (str(e).splitlines() or [type(e).__name__])[0][:200]
        raise InputError(
            f"{what} cannot be read as Parquet: {first}.",
            hint="It is cut off, damaged or encrypted; get a whole copy.",
            code="input.shard",
        ) from e


def read(shard: Shard, places: Places, findings: Findings) -> Iterator[Member]:
    """See `reader`. A member is a cell that can hold a picture; columns of facts are read beside it."""
    with closing(places.open(shard.place, shard.mark)) as source:
        head = source.read(SNIFF_BYTES)
        source.seek(0)
        if not head.startswith((b"PAR1", b"PARE")):
            raise not_what_it_says(shard, head)
        with parquet_errors(shard.shown):
            file = open_parquet(shard.place, source)
        pictures = picture_columns(file.schema_arrow)
        if not pictures:
            raise wrong_columns(shard.shown, file.schema_arrow)
        facts = [name for name in file.schema_arrow.names if name.lower() in FACT_FIELDS and name not in pictures]
        yield from _rows(file, pictures, facts, findings)


def _rows(file: Any, pictures: list[str], facts: list[str], findings: Findings) -> Iterator[Member]:  # noqa: ANN401
    """Row group by row group, so that damage costs the rest of its own group and no more."""
    first = 0
    for number in range(file.num_row_groups):
        rows = file.metadata.row_group(number).num_rows
        row = first
        try:
            with parquet_errors("A part of the table"):
                asked = {"row_groups": [number], "columns": [*pictures, *facts], "use_threads": False}
                for batch in file.iter_batches(batch_size=ROWS, **asked):
                    for members in _batch(batch, pictures, facts, row):
                        yield from members
                        row += 1
        except InputError as e:
            findings.add("damaged-rows", f"{e.diagnostics().message} Its rows are lost.", f"rows {row} on")
        for lost in range(row, first + rows):
            yield from (Member(f"{lost}/{column}", lost, 0, reason="damaged") for column in pictures)
        first += rows


def _batch(batch: Any, pictures: list[str], facts: list[str], row: int) -> Iterator[list[Member]]:  # noqa: ANN401
    """The members of each row of a batch whose first row is `row`."""
    records = batch.select(facts).to_pylist() if facts else None
    for at in range(batch.num_rows):
        known = facts_of(records[at]) if records else Facts()
        yield [
            member
            for column in pictures
            for member in _cells(batch.column(column)[at].as_py(), row + at, column, known)
        ]


def _cells(value: Any, row: int, column: str, facts: Facts) -> Iterator[Member]:  # noqa: ANN401 - any cell
    name = f"{row}/{column}"
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield _cell(one, row, f"{name}/{number}", facts)
        if not value:
            yield Member(name, row, 0, reason="empty-cell")
        return
    yield _cell(value, row, name, facts)


def _cell(value: Any, row: int, name: str, facts: Facts) -> Member:  # noqa: ANN401 - any cell
    path = ""
    if isinstance(value, dict):
        path = str(value.get("path") or "")
        value = value.get("bytes")
    name = f"{name}/{path}" if path else name
    if value is None:
        return Member(name, row, 0, facts=facts, reason="external" if path else "empty-cell")
    return Member(name, row, len(value), value, facts)


def picture_columns(schema: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    """The columns that hold pictures: bytes, structs with bytes in them, and lists of either.

    Plain bytes of the length of a digest are no pictures: they are looked at by name.
    """
    return [field.name for field in schema if _holds_bytes(field.type) and field.name.lower() not in FACT_FIELDS]


def _holds_bytes(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    types = importlib.import_module("pyarrow.types")
    if types.is_list(kind) or types.is_large_list(kind):
        return _holds_bytes(kind.value_type)
    if types.is_struct(kind):
        return any(one.name == "bytes" and _holds_bytes(one.type) for one in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def wrong_columns(shown: str, schema: Any) -> InputError:  # noqa: ANN401 - pyarrow has no types
    """The error for a table that holds neither pictures nor hashes: which columns it has, which were expected."""
    has = ", ".join(f"{field.name} ({field.type})"[:80] for field in list(schema)[:20])
    more = f" and {len(schema) - 20} more" if len(schema) > 20 else ""
    return InputError(
        f"{shown} has no column that can be screened. It has: {has or 'no columns'}{more}.",
        hint=f"Expected is {EXPECTED}.",
        code="input.columns",
    )
