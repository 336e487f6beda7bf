"""Columns of pictures are read page by page as Arrow reads them whole, whatever wrote them, in little memory."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.errors import InputError
from firstlight.screen.member import NO_FACTS, Member
from firstlight.screen.readers import footer, pages, parquet
from firstlight.screen.readers.unpacked import Snappy
from firstlight.screen.shards import Kind
from screen.making import codes, read

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

CODECS = ["none", "snappy", "gzip", "zstd", "brotli"]


def some_bytes(rng: random.Random) -> bytes:
    """Sometimes incompressible, sometimes very much so, sometimes empty."""
    size = rng.choice((0, 1, 7, 60, 61, 300, 5000, 70_000))
    return rng.choice((rng.randbytes(size), bytes(size), (rng.randbytes(11) * size)[:size]))


def cells(kind: str, rng: random.Random, rows: int) -> Any:
    pool = [some_bytes(rng) for _ in range(max(1, rows // 2))]

    def one() -> bytes | None:
        return None if rng.random() < 0.2 else rng.choice(pool)

    def struct() -> dict[str, Any] | None:
        return None if rng.random() < 0.1 else {"bytes": one(), "path": rng.choice((None, "a.jpg"))}

    if kind == "bytes":
        return pa.array([one() for _ in range(rows)], pa.binary())
    if kind == "struct":
        return pa.array([struct() for _ in range(rows)], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    lists = [None if rng.random() < 0.1 else [struct() for _ in range(rng.randrange(4))] for _ in range(rows)]
    return pa.array(lists, pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())])))


def expected(table: Any) -> list[tuple[str, int, bytes | None]]:
    out = []
    for row, value in enumerate(table.column("image").to_pylist()):
        many = isinstance(value, list)
        each = value if many and value else [None if many else value]
        for number, one in enumerate(each):
            name = f"{row}/image/{number}" if many and value else f"{row}/image"
            path = one.get("path") if isinstance(one, dict) else None
            data = one.get("bytes") if isinstance(one, dict) else one
            out.append((f"{name}/{path}" if path else name, row, data))
    return out


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32), kind=st.sampled_from(["bytes", "struct", "list"]), codec=st.sampled_from(CODECS),
    dictionary=st.booleans(), version=st.sampled_from(["1.0", "2.0"]), held=st.sampled_from([0, 1 << 25]),
)  # fmt: skip
def test_every_cell_is_read_as_arrow_reads_it(
    tmp_path_factory: pytest.TempPathFactory, seed: int, kind: str, codec: str, dictionary: bool, version: str,
    held: int,
) -> None:  # fmt: skip
    rng = random.Random(seed)
    table = pa.table({"image": cells(kind, rng, rng.randrange(1, 30))})
    path = tmp_path_factory.mktemp("pages") / "x.parquet"
    pq.write_table(
        table, path, compression=codec, use_dictionary=dictionary, data_page_version=version,
        row_group_size=rng.choice((4, 100)), data_page_size=rng.choice((64, 1 << 20)), write_batch_size=3,
        dictionary_pagesize_limit=rng.choice((1000, 1 << 20)),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "HELD_BYTES", held)
        members, findings = read(path, Kind.PARQUET)
    found = [(m.name, m.offset, m.data) for m in members]
    assert sorted(found, key=str) == sorted(expected(table), key=str)
    if held:
        assert [one[1] for one in found] == sorted(one[1] for one in found)
    assert not codes(findings)


@pytest.mark.parametrize(
    ("codec", "options"),
    [("lz4", {}), ("none", {"use_dictionary": False, "column_encoding": {"image": "DELTA_LENGTH_BYTE_ARRAY"}})],
)
def test_what_only_arrow_reads_is_left_to_arrow(tmp_path: Path, codec: str, options: dict[str, Any]) -> None:
    pq.write_table(pa.table({"image": [b"one", None, b"two"]}), tmp_path / "x.parquet", compression=codec, **options)
    members, _ = read(tmp_path / "x.parquet", Kind.PARQUET)
    assert [m.data for m in members] == [b"one", None, b"two"]


def test_what_arrow_would_have_to_hold_whole_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ARROW_BYTES", 100)
    pq.write_table(pa.table({"image": [b"x" * 99, b"y" * 99]}), tmp_path / "x.parquet", compression="lz4")
    members, findings = read(tmp_path / "x.parquet", Kind.PARQUET)
    assert [m.reason for m in members] == ["damaged", "damaged"]
    [one] = findings.all()
    assert one.code == "large-rows"
    assert "held whole (LZ4" in one.says


@pytest.mark.parametrize("codec", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_a_row_group_is_never_held_whole(
    tmp_path: Path, codec: str, dictionary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "HELD_BYTES", 1 << 20)
    rng = random.Random(7)
    table = pa.table({"image": [rng.randbytes(500_000) + bytes([n]) for n in range(40)]})
    pq.write_table(table, tmp_path / "x.parquet", compression=codec, use_dictionary=dictionary)
    assert pq.ParquetFile(tmp_path / "x.parquet").num_row_groups == 1
    seen = 0
    chunk = _chunk(tmp_path / "x.parquet")
    Snappy(io.BytesIO(pa.compress(b"x", "snappy", asbytes=True))).read(1)  # the compiler's memory is not meant
    with (tmp_path / "x.parquet").open("rb") as file:
        tracemalloc.start()
        try:
            for row, _, value in pages.cells_of(file, chunk):
                assert isinstance(value, bytes)
                assert (len(value), value[-1]) == (500_001, row)
                seen += 1
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert seen == 40
    assert peak < 5 * 2**20


def _chunk(path: Path) -> pages.Chunk:
    with path.open("rb") as file:
        one = footer.groups_of(file)[0].columns[0]
    return pages.Chunk(one.start, one.size, one.codec, pq.ParquetFile(path).schema.column(0).max_definition_level, 0, 0)


@pytest.mark.parametrize("codec", CODECS)
def test_a_picture_that_is_too_large_to_hold_has_its_digests(
    tmp_path: Path, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_MEMBER_BYTES", 1000)
    large = random.Random(1).randbytes(100_000)
    pq.write_table(pa.table({"image": [b"one", large, b"two", large]}), tmp_path / "x.parquet", compression=codec)
    members, _ = read(tmp_path / "x.parquet", Kind.PARQUET)
    assert [(m.offset, m.size, m.data, m.reason) for m in members] == [
        (0, 3, b"one", ""), (1, 100_000, None, "too-large"), (2, 3, b"two", ""), (3, 100_000, None, "too-large"),
    ]  # fmt: skip
    assert members[1].digests == members[3].digests
    assert members[1].digests is not None
    assert members[1].name == "1/image"


@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32), codec=st.sampled_from(["none", "snappy", "zstd"]),
    kind=st.sampled_from(["struct", "list"]),
)  # fmt: skip
def test_whatever_is_damaged_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, seed: int, codec: str, kind: str
) -> None:
    rng = random.Random(seed)
    rows = rng.randrange(1, 12)
    path = tmp_path_factory.mktemp("pages") / "x.parquet"
    pq.write_table(
        pa.table({"image": cells(kind, rng, rows)}), path, compression=codec, use_dictionary=rng.random() < 0.5
    )
    data = bytearray(path.read_bytes())
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")  # the footer is Arrow's to refuse
    for _ in range(rng.randrange(1, 4)):
        data[rng.randrange(4, end)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    path.write_bytes(data)
    members, findings = read(path, Kind.PARQUET)
    assert {m.offset for m in members} == set(range(rows))
    assert any(m.reason == "damaged" for m in members) <= bool(codes(findings))
    assert codes(findings) <= {"damaged-rows", "side-file-unread"}


@settings(max_examples=100)
@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(1, 3000)), max_size=40), st.integers(1, 100_000))
def test_snappy_is_unpacked_as_arrow_does(parts: list[tuple[bytes, int]], step: int) -> None:
    data = b"".join(one * times for one, times in parts)
    stream = Snappy(io.BytesIO(pa.compress(data, "snappy", asbytes=True)))
    out = bytearray()
    while piece := stream.read(step):
        out += piece
    assert out == data


@pytest.mark.parametrize(
    "packed", [b"\x05\x10ab", b"\x05\x01\x00", b"\x05\xf0", b"\x05\xff\xff\xff\xff\xff", b"\x05\x04ab\x01\xff"]
)
def test_snappy_that_makes_no_sense_is_refused(packed: bytes) -> None:
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        Snappy(io.BytesIO(packed)).read(1 << 20)


@given(st.lists(st.integers(0, 300), max_size=200))
def test_numbers_in_runs_and_groups(numbers: list[int]) -> None:
    width = 9
    packed = bytearray()
    for at in range(0, len(numbers), 8):
        group = numbers[at : at + 8] + [0] * (8 - len(numbers[at : at + 8]))
        bits = [(number >> bit) & 1 for number in group for bit in range(width)]
        packed += bytes([3]) + np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes()
    assert pages.hybrid(bytes(packed), width, len(numbers), np.uint32).tolist() == numbers
    run = bytes([len(numbers) << 1 & 0x7F | 0x80, len(numbers) >> 6]) + (7).to_bytes(2, "little")
    assert pages.hybrid(run, width, len(numbers), np.uint32).tolist() == [7] * len(numbers)


def test_a_member_of_a_cell_is_named_by_row_and_column() -> None:
    large = Member("", 0, 5, reason="too-large")
    assert parquet._member(3, 1, large, "image", NO_FACTS, "a.jpg").name == "3/image/1/a.jpg"


FOOTERS = """
import random, sys
from pathlib import Path
from firstlight.errors import InputError
from firstlight.screen.shards import Kind
from screen.making import read
path, whole = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
size, rng = int.from_bytes(whole[-8:-4], "little"), random.Random(1)
for _ in range(400):
    data = bytearray(whole)
    for _ in range(rng.randrange(1, 4)):
        data[rng.randrange(len(data) - 8 - size, len(data) - 4)] = rng.randrange(256)
    path.write_bytes(data)
    try:
        read(path, Kind.PARQUET)
    except InputError:
        pass
print("alive")
"""


def test_no_damaged_footer_ends_the_process(tmp_path: Path) -> None:
    cells = [{"bytes": b"x" * 50, "path": "a.jpg"}, None]
    pq.write_table(pa.table({"image": cells, "url": ["u", "v"]}), tmp_path / "whole.parquet")
    command = [sys.executable, "-c", FOOTERS, str(tmp_path / "x.parquet"), str(tmp_path / "whole.parquet")]
    place = os.pathsep.join(one for one in sys.path if one)
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": place}, check=False)
    assert done.stdout == "alive\n", done.stderr


def test_numbers_are_packed_over_more_than_one_slice() -> None:
    rng = np.random.default_rng(5)
    numbers = rng.integers(0, 1 << 11, 200_003, dtype=np.int64)
    bits = (numbers[:, None] >> np.arange(11)) & 1
    groups = -(-len(numbers) // 8)
    packed = np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes().ljust(groups * 11, b"\0")
    head, value = bytearray(), groups << 1 | 1
    while value:
        head.append(value & 127 | (128 if value > 127 else 0))
        value >>= 7
    assert np.array_equal(pages.hybrid(bytes(head) + packed, 11, len(numbers), np.uint32), numbers)


def test_a_page_of_millions_of_empty_cells_takes_little_memory(tmp_path: Path) -> None:
    rows = 1 << 21
    path = tmp_path / "x.parquet"
    how: dict[str, Any] = {
        "row_group_size": rows,
        "max_rows_per_page": rows,
        "write_batch_size": rows,
        "compression": "none",
    }
    pq.write_table(pa.table({"image": pa.nulls(rows, pa.binary())}), path, **how)
    chunk = _chunk(path)
    with path.open("rb") as file:
        tracemalloc.start()
        cells = pages.cells_of(file, chunk)
        assert next(cells) == (0, -1, None)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert sum(1 for _ in cells) == rows - 1
    assert peak < 16 * 2**20
