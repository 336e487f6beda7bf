"""A plain scan is the judge: the index answers exactly what looking at every hash answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError
from firstlight.index import HammingIndex, Hit, hamming, neighbours, plan
from index.faults import FaultyDisk

Hashes = NDArray[np.uint8]
Keys = NDArray[np.uint64]


def drawn(seed: int, count: int, alike: float = 0.5) -> Hashes:
    """Random hashes, a part of them a few bits away from another one."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    for i in range(1, count):
        if rng.random() < alike:
            hashes[i] = flipped(hashes[rng.integers(0, i)], rng, int(rng.integers(0, 70)))
    return hashes


def flipped(one: Hashes, rng: np.random.Generator, bits: int) -> Hashes:
    """The hash with so many bits changed."""
    out = np.unpackbits(one)
    out[rng.choice(256, bits, replace=False)] ^= 1
    return np.packbits(out)


def judge(query: Hashes, hashes: Hashes, keys: Keys, threshold: int) -> list[Hit]:
    """What a plain scan answers."""
    best: dict[int, int] = {}
    for key, distance in zip(keys.tolist(), np.bitwise_count(hashes ^ query).sum(axis=1).tolist(), strict=True):
        if distance <= threshold:
            best[key] = min(distance, best.get(key, 256))
    return sorted((Hit(key, distance) for key, distance in best.items()), key=lambda hit: (hit.distance, hit.key))


@pytest.fixture
def small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build chunk tables, and search through them, already for a handful of hashes."""
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 1)
    monkeypatch.setattr("firstlight.index.plan.scan_cost", lambda rows: 1e9)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), count=st.integers(0, 300), threshold=st.integers(0, 64), merged=st.integers(0, 300))
def test_finds_exactly_what_a_scan_finds(
    seed: int, count: int, threshold: int, merged: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hamming, "MIN_BASE_ROWS", 1)
        patch.setattr(plan, "chunks_for", lambda rows: 14 + seed % 19)
        patch.setattr(plan, "WORD", 9 + seed % 24)  # from no bit beside the row numbers to as many as there are
        plan.probes.cache_clear()
        if threshold < 40:
            patch.setattr("firstlight.index.plan.scan_cost", lambda rows: 1e9)
        rng = np.random.default_rng(seed)
        hashes = drawn(seed, count)
        keys = rng.integers(0, 200, count).astype(np.uint64)
        gone = np.unique(rng.integers(0, 200, 20)).astype(np.uint64)
        with HammingIndex.create(tmp_path_factory.mktemp("index"), disk=FaultyDisk(), auto_compact=False) as index:
            index.add(hashes[:merged], keys[:merged])
            index.compact()
            index.add(hashes[merged:], keys[merged:])
            removed = index.remove(gone)
            alive = ~np.isin(keys, gone)
            assert removed == count - alive.sum()
            assert len(index) == alive.sum()
            queries = np.concatenate([hashes[:20], drawn(seed + 1, 3)])
            many = index.search_many(queries, threshold)
            for i, query in enumerate(queries):
                expected = judge(query, hashes[alive], keys[alive], threshold)
                assert index.search(query.tobytes(), threshold) == expected
                assert many.of(i) == expected
    plan.probes.cache_clear()


def test_tables_find_all_neighbours_at_every_distance(tmp_path: Path, small_tables: None) -> None:
    rng = np.random.default_rng(7)
    query = rng.integers(0, 256, 32, dtype=np.uint8)
    hashes = np.stack([flipped(query, rng, i % 65) for i in range(650)])
    keys = np.arange(650, dtype=np.uint64)
    with HammingIndex.create(tmp_path / "i") as index:
        index.add(hashes, keys)
        assert index.compact()
        for threshold in (0, 1, 5, 12, 13, 14, 30, 31, 32, 40):
            assert index.search(query.tobytes(), threshold) == judge(query, hashes, keys, threshold)


@pytest.mark.parametrize("chunks", [13, 14, 16])
def test_no_spread_of_the_differing_bits_slips_through(chunks: int, tmp_path: Path, small_tables: None) -> None:
    """Bits spread as evenly as can be over the chunks, or heaped up so that only one chunk is near enough."""
    plan.probes.cache_clear()
    rng = np.random.default_rng(chunks)
    query, cut = rng.integers(0, 256, 32, dtype=np.uint8), plan.chunking(chunks)
    rows = []
    for _ in range(400):
        share = rng.dirichlet(np.full(chunks, rng.choice([0.1, 1.0, 100.0]))) * 31
        bits = np.unpackbits(query)
        for start, length, wanted in zip(cut.starts, cut.lengths, np.floor(share).astype(int), strict=True):
            stored = start + rng.choice(length, min(wanted, length), replace=False)
            bits[(stored * plan.STRIDE) % 256] ^= 1
        rows.append(np.packbits(bits))
    hashes, keys = np.stack(rows), np.arange(len(rows), dtype=np.uint64)
    with pytest.MonkeyPatch.context() as patch, HammingIndex.create(tmp_path / "i", auto_compact=False) as index:
        patch.setattr(plan, "chunks_for", lambda rows: chunks)
        index.add(hashes, keys)
        index.compact()
        for threshold in (24, 27, 30, 31):
            assert index.search(query.tobytes(), threshold) == judge(query, hashes, keys, threshold)


def test_a_base_of_real_size_loses_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 256, (60_000, 32), dtype=np.uint8)
    queries = np.stack([flipped(hashes[i], rng, 31) for i in range(300)])
    with HammingIndex.create(tmp_path / "i", auto_compact=False) as index:
        index.add(hashes, np.arange(60_000, dtype=np.uint64))
        assert index.compact()
        found = index.search_many(queries, 31)
        assert found.query.tolist() == found.key.tolist() == list(range(300))
        assert index.search(flipped(hashes[5], rng, 64).tobytes(), 64)[0] == Hit(5, 64)


def test_a_query_near_a_crowd_is_answered_by_a_scan(tmp_path: Path) -> None:
    """A bucket with most of the rows in it would make the tables slower than a scan."""
    hashes = drawn(11, 60_000, alike=0.0)
    hashes[: len(hashes) // 2] = hashes[0]
    keys = np.arange(len(hashes), dtype=np.uint64)
    with HammingIndex.create(tmp_path / "i", auto_compact=False) as index:
        index.add(hashes, keys)
        index.compact()
        queries = np.stack([hashes[0], hashes[-1]])
        assert index.search(hashes[0].tobytes(), 31) == judge(hashes[0], hashes, keys, 31)
        many = index.search_many(queries, 31)
        assert many.of(0) == judge(queries[0], hashes, keys, 31)
        assert many.of(1) == [Hit(len(hashes) - 1, 0)]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
@pytest.mark.parametrize("merged", [False, True])
def test_tiny_indexes_survive_save_and_reload(count: int, merged: bool, tmp_path: Path) -> None:
    hashes = drawn(5, 3, alike=0.0)[:count]
    with HammingIndex.create(tmp_path / "i") as index:
        index.add(hashes, np.arange(count, dtype=np.uint64))
        if merged:
            index.compact()
    with HammingIndex.open(tmp_path / "i") as index:
        assert len(index) == count
        for key, one in enumerate(hashes):
            assert index.search(flipped(one, np.random.default_rng(0), 4).tobytes(), 31) == [Hit(key, 4)]
        assert index.search(bytes(32), 31) == []


@pytest.mark.parametrize("times", [2, 3, 700])
@pytest.mark.parametrize("tables", [False, True])
def test_one_hash_under_many_keys_is_reported_under_each(
    times: int, tables: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 1 if tables else 10**9)
    one = drawn(1, 1)
    with HammingIndex.create(tmp_path / "i") as index:
        index.add(np.repeat(one, times, axis=0), np.arange(times, dtype=np.uint64) + 2**63)
        index.compact()
    with HammingIndex.open(tmp_path / "i") as index:
        assert index.search(one.tobytes(), 0) == [Hit(2**63 + i, 0) for i in range(times)]


def test_a_key_with_several_hashes_is_answered_once_with_the_nearest(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    one = drawn(1, 1)[0]
    with HammingIndex.create(tmp_path / "i") as index:
        index.add(np.stack([flipped(one, rng, 9), flipped(one, rng, 3)]), np.array([7, 7], dtype=np.uint64))
        assert index.search(one.tobytes(), 31) == [Hit(7, 3)]
        assert index.remove([7]) == 2
        assert index.search(one.tobytes(), 31) == []


def test_a_removed_key_can_come_back(tmp_path: Path, small_tables: None) -> None:
    hashes = drawn(4, 2, alike=0.0)
    with HammingIndex.create(tmp_path / "i") as index:
        index.add(hashes, [1, 2])
        index.compact()
        assert index.remove([1, 99]) == 1
        assert index.change(hashes[:1], [1], remove=[2]) == 1
        assert index.search(hashes[0].tobytes(), 0) == [Hit(1, 0)]
        assert index.search(hashes[1].tobytes(), 0) == []
        index.compact()
        assert len(index) == 1
        assert index.search(hashes[0].tobytes(), 0) == [Hit(1, 0)]


def test_wrong_input_is_refused_in_words(tmp_path: Path) -> None:
    with HammingIndex.create(tmp_path / "i") as index:
        with pytest.raises(InputError, match="32 are needed"):
            index.search(b"short", 31)
        with pytest.raises(InputError, match="threshold of 65"):
            index.search(bytes(32), 65)
        with pytest.raises(InputError, match="threshold of -1"):
            index.search(bytes(32), -1)
        with pytest.raises(InputError, match="2 hashes came with 1 keys"):
            index.add(drawn(1, 2), [1])
        with pytest.raises(InputError, match="Keys are whole numbers"):
            index.add(drawn(1, 1), [-1])
        with pytest.raises(InputError, match="shape"):
            index.add(np.zeros((2, 31), dtype=np.uint8), [1, 2])
        with pytest.raises(StateError, match="already"):
            HammingIndex.create(tmp_path / "i")
    with pytest.raises(StateError, match="closed"):
        index.add(drawn(1, 1), [1])
    with pytest.raises(NotFoundError, match="No index"):
        HammingIndex.open(tmp_path / "other")


def test_a_damaged_base_is_refused_in_words(tmp_path: Path, small_tables: None) -> None:
    with HammingIndex.create(tmp_path / "i") as index:
        index.add(drawn(1, 100), np.arange(100, dtype=np.uint64))
        index.compact()
        index.verify()
    (base,) = (tmp_path / "i").glob("base-*")
    whole = base.read_bytes()

    base.write_bytes(whole[:-1])
    with pytest.raises(IntegrityError, match="bytes and should have"):
        HammingIndex.open(tmp_path / "i")

    base.write_bytes(whole[:20] + b"?" + whole[21:])
    with pytest.raises(IntegrityError, match="header"):
        HammingIndex.open(tmp_path / "i")

    base.write_bytes(whole[:5000] + b"?" + whole[5001:])
    with HammingIndex.open(tmp_path / "i") as index, pytest.raises(IntegrityError, match="'rows'"):
        index.verify()


def test_a_table_that_points_outside_is_not_followed(tmp_path: Path, small_tables: None) -> None:
    hashes = drawn(1, 100)
    with HammingIndex.create(tmp_path / "i") as index:
        index.add(hashes, np.arange(100, dtype=np.uint64))
        index.compact()
    (base,) = (tmp_path / "i").glob("base-*")
    whole = base.read_bytes()
    base.write_bytes(whole[:4096] + bytes(range(256)) * ((len(whole) - 4096) // 256))
    with HammingIndex.open(tmp_path / "i") as index:
        with pytest.raises(IntegrityError, match="outside"):
            index.search(hashes[0].tobytes(), 31)
        with pytest.raises(IntegrityError, match="outside"):
            index.remove([3])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 400), threshold=st.integers(0, 64), chunks=st.integers(1, 24))
def test_the_self_join_finds_every_pair_once(seed: int, count: int, threshold: int, chunks: int) -> None:
    if chunks > 1 and max(threshold // chunks, 0) > 3:
        chunks = 24 if threshold > 40 else 16
    if 1 < chunks < 12:
        chunks += 12
    hashes = drawn(seed, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("firstlight.index.join._chunks_for", lambda rows, threshold: chunks)
        patch.setattr("firstlight.index.join._ROOM", 256)
        found = neighbours(hashes, threshold, threads=1 + seed % 2)
    distances = np.bitwise_count(hashes[:, None, :] ^ hashes[None, :, :]).sum(axis=2)
    left, right = np.nonzero(np.triu(distances <= threshold, 1))
    assert found.left.tolist() == left.tolist()
    assert found.right.tolist() == right.tolist()
    assert found.distance.tolist() == distances[left, right].tolist()


def test_the_self_join_refuses_an_answer_without_end() -> None:
    from firstlight.errors import LimitError

    with pytest.raises(LimitError, match="More than 1000 pairs"):
        neighbours(np.zeros((60, 32), dtype=np.uint8), 31, max_pairs=1000)
    assert len(neighbours(np.zeros((45, 32), dtype=np.uint8), 31, max_pairs=1000)) == 990
