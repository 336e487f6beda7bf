"""The footer of a Parquet file: its row groups, and where their columns lie.

Arrow ends the process where it is asked for a damaged one, so it is read here first.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from firstlight.screen.reader import read_exactly
from firstlight.screen.readers import thrift
from firstlight.screen.readers.unpacked import damaged

MAX_ROWS: Final = 1 << 28
"""Of a row group."""

_ENCODINGS: Final = {
    0: "PLAIN", 2: "PLAIN_DICTIONARY", 3: "RLE", 4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED",
    6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY", 8: "RLE_DICTIONARY", 9: "BYTE_STREAM_SPLIT",
}  # fmt: skip
_CODECS: Final = ("UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW")
_READ_ENCODINGS: Final = frozenset({"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY"})
_READ_CODECS: Final = frozenset({"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "BROTLI"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column in a row group, as the footer tells it."""

    codec: str
    encodings: frozenset[str]
    start: int
    size: int
    unpacked_size: int

    @property
    def can_be_read(self) -> bool:
        """Whether this reader knows how it was written."""
        return self.codec in _READ_CODECS and self.encodings <= _READ_ENCODINGS


@dataclass(frozen=True, slots=True)
class Group:
    """A row group: how many rows it says it has, and its columns in the order of the leaves."""

    rows: int
    columns: tuple[Column, ...]


def groups_of(file: BinaryIO) -> list[Group]:
    """The row groups of a file, from its footer. Arrow ends the process where it is asked for a damaged one.

    Raises:
        InputError: the footer is damaged.
    """
    file.seek(-8, 2)
    size = int.from_bytes(file.read(4), "little")
    end = file.seek(0, 2) - 8
    if size > end:
        raise damaged("its footer is larger than the file")
    file.seek(end - size)
    try:
        footer = thrift.struct(io.BytesIO(read_exactly(file, size)))
        groups = [Group(int(group[3]), tuple(_column(one[3]) for one in group[1])) for group in footer.get(4, ())]
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise damaged("its footer makes no sense") from e
    if any(not 0 <= group.rows <= MAX_ROWS for group in groups):
        raise damaged("its footer speaks of more rows than can be")
    return groups


def _column(of: dict[int, Any]) -> Column:
    codec = _CODECS[of[4]] if 0 <= of[4] < len(_CODECS) else f"codec {of[4]}"
    encodings = frozenset(_ENCODINGS.get(one, f"encoding {one}") for one in of[2])
    start = min(int(at) for at in (of[9], of.get(11)) if at)
    return Column(codec, encodings, start, int(of[7]), int(of[6]))
