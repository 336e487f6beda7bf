"""Parquet files that hold pictures, as the Hugging Face Hub stores them: a column of `{bytes, path}`, or of bytes."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final

from firstlight.errors import FirstlightError, InputError, MissingExtraError
from firstlight.media import SNIFF_BYTES
from firstlight.screen.member import FACT_FIELDS, NO_FACTS, Facts, Findings, Member, digest_kind, facts_of
from firstlight.screen.objects import S3
from firstlight.screen.places import Places
from firstlight.screen.reader import not_what_it_says
from firstlight.screen.readers import footer, pages
from firstlight.screen.readers.unpacked import damaged
from firstlight.screen.shards import Shard

ROWS: Final = 256
"""Rows whose facts are taken at a time."""
ARROW_ROWS: Final = 16
ARROW_BYTES: Final = 96 * 2**20
"""What Arrow reads of pictures whose encoding only Arrow knows: it may hold a part of a table several times over."""
BUFFER_BYTES: Final = 1 << 20
LONGEST_DIGEST: Final = 64
"""Bytes of SHA-512; longer columns of one width may be anything."""
SIGNATURE_BYTES: Final = 28
"""Behind the footer of a file whose columns are encrypted and whose footer is not."""

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

    Raises:
        InputError: its columns are encrypted.
    """
    pq = pyarrow_parquet()
    given: Any = source if place.startswith(S3) else place
    file: Any = pq.ParquetFile(given, pre_buffer=False, buffer_size=BUFFER_BYTES)
    source.seek(-8, 2)
    if int.from_bytes(source.read(4), "little") == file.metadata.serialized_size + SIGNATURE_BYTES:
        raise InputError(
            f"{place} has columns that are encrypted.", hint="Decrypt it before it is screened.", code="input.shard"
        )  # Arrow would end this process when it is asked for them
    return file


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
        first = (str(e).splitlines() or [type(e).__name__])[0][:200].rstrip(".")
        raise InputError(
            f"{what} cannot be read as Parquet: {first}.",
            hint="It is cut off, damaged or encrypted; get a whole copy.",
            code="input.shard",
        ) from e


def read(shard: Shard, places: Places, findings: Findings) -> Iterator[Member]:
    """See `reader`. A member is a cell that can hold a picture; columns of facts are read beside it.

    Members come row group by row group, and in each column by column.
    """
    with closing(places.open(shard.place, shard.mark)) as source, closing(places.open(shard.place, shard.mark)) as own:
        head = source.read(SNIFF_BYTES)
        source.seek(0)
        if not head.startswith((b"PAR1", b"PARE")):
            raise not_what_it_says(shard, head)
        with parquet_errors(shard.shown):
            file = open_parquet(shard.place, source)
        pictures = picture_columns(file.schema_arrow)
        if not pictures:
            raise wrong_columns(shard.shown, file.schema_arrow)
        for name in unread_columns(file.schema_arrow):
            says = "Columns hold bytes in a form in which pictures are not looked for; they were not screened."
            findings.add("unread-column", says, name)
        facts = [name for name in file.schema_arrow.names if name.lower() in FACT_FIELDS and name not in pictures]
        columns = [_column(file, name, facts) for name in pictures]
        first = 0
        for number, group in enumerate(footer.groups_of(own)):
            for column in columns:
                yield from _cells(_Part(file, own, number, group), first, column, findings)
            first += group.rows


@dataclass(frozen=True, slots=True)
class _Part:
    """A row group, as Arrow and as `pages` read it."""

    file: Any
    own: BinaryIO
    number: int
    group: footer.Group


@dataclass(frozen=True, slots=True)
class _Column:
    """A column with pictures: where its bytes are among the file's leaves, and what is read beside them."""

    name: str
    leaf: int | None
    beside: tuple[str, ...]
    element_definition: int
    max_definition: int = 0
    max_repetition: int = 0


def _column(file: Any, name: str, facts: list[str]) -> _Column:  # noqa: ANN401
    """A leaf is named only where it is certain; a column without one is left to Arrow."""
    types = importlib.import_module("pyarrow.types")
    field = file.schema_arrow.field(name)
    is_list = _is_list(field.type)
    is_struct = types.is_struct(field.type.value_type if is_list else field.type)
    leaves = {file.schema.column(at).path: at for at in range(len(file.schema.names))}

    def named(last: str) -> list[str]:
        if is_list:
            ends = (f".{last}",) if is_struct else ("",)
            return [one for one in leaves if one.startswith(f"{name}.") and one.endswith(ends)]
        return [one for one in (f"{name}.{last}" if is_struct else name,) if one in leaves]

    found = named("bytes")
    beside = (*facts, *(named("path") if is_struct else ()))
    if len(found) != 1 or file.schema.column(leaves[found[0]]).max_repetition_level > 1:
        return _Column(name, None, beside, 0)
    leaf = file.schema.column(leaves[found[0]])
    element = field.nullable + 1 if is_list else 0
    return _Column(
        name, leaves[found[0]], beside, element, leaf.max_definition_level, leaf.max_repetition_level
    )  # fmt: skip


def _cells(part: _Part, first: int, column: _Column, findings: Findings) -> Iterator[Member]:
    """The members of a column in a row group. Damage costs the rest of them and no more."""
    rows = part.group.rows
    seen = bytearray(rows)
    beside = _Beside(part.file, part.number, column, findings)
    try:
        with parquet_errors("A part of the table"):
            for row, place, value in _values(part, column):
                if row >= rows:
                    raise damaged("a column has more rows than the table")
                member = _member(first + row, place, value, column.name, *beside.of(row, place))
                seen[row] = 1
                yield member
            if not all(seen):
                raise damaged("a column has fewer rows than the table")
    except InputError as e:
        code = "large-rows" if e.diagnostics().code == "input.too-large" else "damaged-rows"
        findings.add(code, f"{e.diagnostics().message} Its rows are lost.", f"rows {first + seen.find(0)} on")
        for row in range(rows):
            if not seen[row]:
                yield Member(f"{first + row}/{column.name}", first + row, 0, reason="damaged")


def _values(part: _Part, column: _Column) -> Iterator[pages.Cell]:
    columns = part.group.columns
    if column.leaf is None or column.leaf >= len(columns):
        return _by_arrow(part, column, max((one.unpacked_size for one in columns), default=0), "of lists of lists")
    there = columns[column.leaf]
    if there.can_be_read:
        levels = column.max_definition, column.max_repetition, column.element_definition
        return pages.cells_of(part.own, pages.Chunk(there.start, there.size, there.codec, *levels))
    return _by_arrow(part, column, there.unpacked_size, f"{there.codec} {' '.join(sorted(there.encodings))}")


def _by_arrow(part: _Part, column: _Column, size: int, how: str) -> Iterator[pages.Cell]:
    """Cells of encodings that `pages` does not read, where they are few enough to be held."""
    if size > ARROW_BYTES:
        raise InputError(
            f"A part of the table has {size / 1e6:,.0f} MB of pictures in a form that has to be held whole ({how}).",
            hint="Write it anew with plain encoding, or with smaller row groups.",
            code="input.too-large",
        )
    row = 0
    asked = {"row_groups": [part.number], "columns": [column.name], "use_threads": False}
    for batch in part.file.iter_batches(batch_size=ARROW_ROWS, **asked):
        for at in range(batch.num_rows):
            value = batch.column(column.name)[at].as_py()
            cells = list(_flat(value)) if isinstance(value, list) else []
            yield from ((row, place, _bytes_of(one)) for place, one in enumerate(cells))
            if not cells:
                yield row, -1, _bytes_of(value)
            row += 1


def _flat(values: list[Any]) -> Iterator[Any]:
    """What lists hold, however deep."""
    for one in values:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one


def _bytes_of(value: Any) -> bytes | None:  # noqa: ANN401 - any cell
    value = value.get("bytes") if isinstance(value, dict) else value
    return value if isinstance(value, bytes) else None


class _Beside:
    """What stands beside the pictures of a row group: facts, and the names that pictures had. Read in batches.

    Damage there costs no picture: it is noted, and nothing more is read.
    """

    def __init__(self, file: Any, number: int, column: _Column, findings: Findings) -> None:  # noqa: ANN401
        self._findings = findings
        self._is_damaged = False
        self._file = file
        self._number = number
        self._column = column
        self._has_facts = any(name.lower() in FACT_FIELDS for name in column.beside)
        self._first = 0
        self._records: list[dict[str, Any]] = []
        self._batches: Iterator[Any] | None = None

    def of(self, row: int, place: int) -> tuple[Facts, str]:
        """The facts of a row, and the path beside the picture at this place of it."""
        if not self._column.beside or self._is_damaged:
            return NO_FACTS, ""
        try:
            with parquet_errors("What stands beside the pictures"):
                record = self._record(row)
        except InputError as e:
            self._is_damaged = True
            said = f"{e.diagnostics().message} Recorded names, sizes, digests and URLs are missing."
            self._findings.add("side-file-unread", said, f"row group {self._number}")
            return NO_FACTS, ""
        cell = record.get(self._column.name)
        cell = cell[place] if isinstance(cell, list) and 0 <= place < len(cell) else cell
        path = str(cell.get("path") or "") if isinstance(cell, dict) else ""
        if not self._has_facts:
            return NO_FACTS, path
        return facts_of({name: one for name, one in record.items() if name != self._column.name}), path

    def _record(self, row: int) -> dict[str, Any]:
        if self._batches is None or row < self._first:
            asked = {"row_groups": [self._number], "columns": list(self._column.beside), "use_threads": False}
            self._batches, self._first, self._records = self._file.iter_batches(batch_size=ROWS, **asked), 0, []
        while row >= self._first + len(self._records):
            self._first += len(self._records)
            self._records = self._next()
        return self._records[row - self._first]

    def _next(self) -> list[dict[str, Any]]:
        for batch in self._batches or ():
            records: list[dict[str, Any]] = batch.to_pylist()
            return records
        raise damaged("a column has fewer rows than the table")


def _member(row: int, place: int, value: bytes | Member | None, column: str, facts: Facts, path: str) -> Member:
    name = f"{row}/{column}" if place < 0 else f"{row}/{column}/{place}"
    name = f"{name}/{path}" if path else name
    if isinstance(value, Member):
        return replace(value, name=name, offset=row, facts=facts)
    if value is None:
        return Member(name, row, 0, facts=facts, reason="external" if path else "empty-cell")
    return Member(name, row, len(value), value, facts)


def picture_columns(schema: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    """The columns that hold pictures: bytes, structs with bytes in them, and lists of either.

    Plain bytes of the length of a digest are no pictures: they are looked at by name.
    """
    return [field.name for field in schema if _holds_bytes(field.type) and _may_hold_pictures(field.name)]


def unread_columns(schema: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    """The columns that hold bytes in some other form, such as maps, where pictures may be as well."""
    return [
        field.name
        for field in schema
        if _may_hold_pictures(field.name) and not _holds_bytes(field.type) and _has_bytes(field.type)
    ]


def _may_hold_pictures(column: str) -> bool:
    return column.lower() not in FACT_FIELDS and not digest_kind(column)


def _holds_bytes(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    types = importlib.import_module("pyarrow.types")
    if _is_list(kind) or types.is_dictionary(kind):
        return _holds_bytes(kind.value_type)
    if types.is_struct(kind):
        return any(one.name == "bytes" and _holds_bytes(one.type) for one in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _has_bytes(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    types = importlib.import_module("pyarrow.types")
    if types.is_fixed_size_binary(kind):
        return bool(kind.byte_width > LONGEST_DIGEST)
    return _holds_bytes(kind) or any(_has_bytes(kind.field(at).type) for at in range(kind.num_fields))


def _is_list(kind: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    types = importlib.import_module("pyarrow.types")
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def wrong_columns(shown: str, schema: Any) -> InputError:  # noqa: ANN401 - pyarrow has no types
    """The error for a table that holds neither pictures nor hashes: which columns it has, which were expected."""
    has = ", ".join(f"{field.name} ({field.type})"[:80] for field in list(schema)[:20])
    more = f" and {len(schema) - 20} more" if len(schema) > 20 else ""
    return InputError(
        f"{shown} has no column that can be screened. It has: {has or 'no columns'}{more}.",
        hint=f"Expected is {EXPECTED}.",
        code="input.columns",
    )
