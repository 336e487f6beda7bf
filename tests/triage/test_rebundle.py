"""Bundling from scratch gives what live placement gives, whatever the size and the flood."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firstlight.errors import InputError, LimitError
from firstlight.triage import Bundler, Bundles, PriorityTable, bundle_all
from firstlight.triage import rebundle as module
from firstlight.triage.rebundle import JOINED, PlainFounders, PlainPairs, first_equal, plain_join, plain_self_join
from firstlight.values import Pdq, PdqMode
from triage.cases import PlainHashes, flipped

RULE = PriorityTable.load().bundling


def live(sha256: NDArray[np.uint8], pdq: NDArray[np.uint8], quality: NDArray[np.uint8]) -> Bundles:
    bundler = Bundler(PlainHashes(), {}, RULE)
    placed = [
        bundler.place(
            i, sha256[i].tobytes().hex(), Pdq(hex=pdq[i].tobytes().hex(), quality=int(quality[i]), mode=PdqMode.EXACT)
        )
        for i in range(len(sha256))
    ]
    return Bundles(
        np.array([p.bundle for p in placed], dtype=np.int64),
        np.array([JOINED.index(p.joined) for p in placed], dtype=np.uint8),
        np.array([p.distance for p in placed], dtype=np.uint8),
    )


def rows(raw: list[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(raw), dtype=np.uint8).reshape(-1, 32)


def same(one: Bundles, other: Bundles) -> bool:
    return (
        np.array_equal(one.first, other.first)
        and np.array_equal(one.joined, other.joined)
        and np.array_equal(one.distance, other.distance)
    )


items = st.lists(
    st.tuples(
        st.integers(0, 12),  # the bytes
        st.integers(0, 2),  # the scene
        st.sets(st.integers(0, 20), max_size=9),  # how this copy differs
        st.sampled_from([0, 49, 50, 100]),
    ),
    max_size=40,
)


@given(items, st.sampled_from([1, 3, 64]), st.sampled_from([1, 7, 64]))
@settings(max_examples=150)
def test_it_equals_live_placement(drawn: list[tuple[int, int, set[int], int]], block: int, chunk: int) -> None:
    scenes = [Random(i).randbytes(32) for i in range(3)]
    seen: dict[int, tuple[bytes, int]] = {}
    pdq, quality = [], []
    for name, scene, bits, q in drawn:  # the same bytes have the same hash
        raw, good = seen.setdefault(name, (flipped(scenes[scene], bits), q))
        pdq.append(raw)
        quality.append(good)
    arrays = (
        rows([bytes([name]) * 32 for name, *_ in drawn]),
        rows(pdq),
        np.array(quality, dtype=np.uint8),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        patch.setattr(module, "CHUNK", chunk)
        found = bundle_all(*arrays, RULE)
    assert same(found, live(*arrays))
    assert found.count == len(set(found.first.tolist()))


def test_a_flood_of_copies_is_absorbed_without_listing_its_pairs() -> None:
    rng = np.random.default_rng(5)
    scenes = rng.integers(0, 256, (3, 32), dtype=np.uint8)
    n = 6000
    pdq = scenes[rng.integers(0, 3, n)].copy()
    pdq[np.arange(n), rng.integers(0, 32, n)] ^= (1 << rng.integers(0, 8, n)).astype(np.uint8)
    listed: list[int] = []

    def join(hashes: NDArray[np.uint8], threshold: int) -> PlainPairs:
        pairs = plain_self_join(hashes, threshold)
        listed.append(len(pairs.left))
        return pairs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 100)
        patch.setattr(module, "CHUNK", 1000)
        found = bundle_all(
            rng.integers(0, 256, (n, 32), dtype=np.uint8), pdq, np.full(n, 100, dtype=np.uint8), RULE, join=join
        )
    assert found.count == 3
    assert sum(listed) <= n


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_between_two_bundles_the_older_one_takes_it(chunk: int) -> None:
    base = Random(1).randbytes(32)
    pdq = rows([base, flipped(base, range(12)), flipped(base, range(8))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        found = bundle_all(rows([bytes([i]) * 32 for i in range(3)]), pdq, np.full(3, 100, dtype=np.uint8), RULE)
    assert found.first.tolist() == [0, 1, 0]
    assert found.distance.tolist() == [0, 0, 8]


class EmptyAtFirst(PlainFounders):
    """An index that is false while it is empty, as anything with a length is."""

    def __len__(self) -> int:
        return len(self._keys)


def test_the_index_given_is_the_one_used() -> None:
    founders = EmptyAtFirst()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", 2)
        arrays = rows([bytes([i]) * 32 for i in range(5)])
        found = bundle_all(arrays, arrays, np.full(5, 100, dtype=np.uint8), RULE, founders=founders)
    assert sorted(founders._keys.tolist()) == sorted(set(found.first.tolist()))


def test_a_join_that_never_fits_is_no_endless_loop() -> None:
    def never(hashes: NDArray[np.uint8], threshold: int) -> PlainPairs:
        raise LimitError("Too many.")

    with pytest.raises(LimitError):
        bundle_all(rows([b"a" * 32]), rows([b"b" * 32]), np.full(1, 100, dtype=np.uint8), RULE, join=never)


def test_nothing_at_all_is_no_bundle() -> None:
    empty = np.zeros((0, 32), dtype=np.uint8)
    assert bundle_all(empty, empty, np.zeros(0, dtype=np.uint8), RULE).count == 0
    assert len(plain_join(empty, empty, 10)[0]) == 0


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        bundle_all(np.zeros((2, 32), np.uint8), np.zeros((1, 32), np.uint8), np.zeros(2, np.uint8), RULE)


@given(st.lists(st.sampled_from([b"\x00" * 32, b"\x01" + b"\x00" * 31, b"\xff" * 32]), max_size=12))
def test_the_first_equal_row_is_found(raw: list[bytes]) -> None:
    assert first_equal(rows(raw)).tolist() == [raw.index(row) for row in raw]
