from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.custody import merkle
from firstlight.errors import InputError, IntegrityError

KNOWN_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
KNOWN_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The vectors of the Certificate Transparency test suites."""


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return merkle.node_hash(plain_root(leaves[:half]), plain_root(leaves[half:]))


def plain_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    if index < half:
        return [*plain_path(index, leaves[:half]), plain_root(leaves[half:])]
    return [*plain_path(index - half, leaves[half:]), plain_root(leaves[:half])]


def plain_consistency(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """RFC 6962, section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [plain_root(leaves)]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    if old <= half:
        return [*plain_consistency(old, leaves[:half], whole), plain_root(leaves[half:])]
    return [*plain_consistency(old - half, leaves[half:], False), plain_root(leaves[:half])]


class Tree:
    """A tree in memory that counts what it reads."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.stored: list[bytes] = []
        self.reads = 0
        self.size = 0
        for leaf in leaves:
            self.add([leaf])

    def add(self, leaves: Sequence[bytes]) -> None:
        self.stored += merkle.grow(self.size, [merkle.leaf_hash(leaf) for leaf in leaves], self.read)
        self.size += len(leaves)

    def read(self, places: Sequence[int]) -> list[bytes]:
        self.reads += len(places)
        return [self.stored[place] for place in places]


def leaves_of(count: int) -> list[bytes]:
    return [b"leaf %d" % i for i in range(count)]


def test_known_vectors() -> None:
    for size, expected in enumerate(KNOWN_ROOTS):
        tree = Tree(KNOWN_LEAVES[:size])
        assert merkle.root(size, tree.read).hex() == expected
        assert len(tree.stored) == merkle.stored_count(size)


def test_every_proof_of_small_trees_is_the_one_of_the_rfc() -> None:
    leaves = leaves_of(33)
    tree = Tree(leaves)
    for size in range(34):
        root = plain_root(leaves[:size])
        assert merkle.root(size, tree.read) == root
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, tree.read)
            assert proof == plain_path(index, leaves[:size])
            merkle.check_inclusion(merkle.leaf_hash(leaves[index]), index, size, proof, root)
        for old in range(size + 1):
            proof = merkle.consistency_proof(old, size, tree.read)
            assert proof == (plain_consistency(old, leaves[:size]) if old else [])
            merkle.check_consistency(old, size, plain_root(leaves[:old]), root, proof)


@given(st.lists(st.integers(1, 9), max_size=12))
def test_batches_make_the_same_tree_as_single_leaves(batches: list[int]) -> None:
    leaves = leaves_of(sum(batches))
    tree = Tree([])
    for batch in batches:
        tree.add(leaves[tree.size : tree.size + batch])
    assert tree.stored == Tree(leaves).stored


@given(st.integers(2, 300), st.data())
def test_a_proof_fits_only_its_leaf_its_place_and_its_tree(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree = Tree(leaves)
    root = merkle.root(size, tree.read)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, tree.read)
    hashed = merkle.leaf_hash(leaves[index])
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index))
    spoiled = list(proof)
    place = data.draw(st.integers(0, len(proof) - 1))
    spoiled[place] = bytes([spoiled[place][0] ^ 1]) + spoiled[place][1:]
    for false in (
        (merkle.leaf_hash(leaves[other]), index, size, proof, root),
        (hashed, other, size, proof, root),
        (hashed, index, size, spoiled, root),
        (hashed, index, size, proof[:-1], root),
        (hashed, index, size, [*proof, root], root),
        (hashed, size, size, proof, root),
        (hashed, -1, size, proof, root),
        (hashed, index, size, proof, merkle.EMPTY_ROOT),
    ):
        with pytest.raises(IntegrityError):
            merkle.check_inclusion(*false)


@given(st.integers(2, 300), st.data())
def test_a_consistency_proof_fits_only_its_two_trees(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree = Tree(leaves)
    old = data.draw(st.integers(1, size - 1))
    old_root, root = merkle.root(old, tree.read), merkle.root(size, tree.read)
    proof = merkle.consistency_proof(old, size, tree.read)
    changed = list(leaves)
    changed[data.draw(st.integers(0, old - 1))] = b"changed"
    spoiled = list(proof)
    place = data.draw(st.integers(0, len(proof) - 1))
    spoiled[place] = bytes([spoiled[place][0] ^ 1]) + spoiled[place][1:]
    for false in (
        (old, size, plain_root(changed[:old]), root, proof),
        (old, size, old_root, plain_root(changed), proof),
        (old, size, old_root, root, spoiled),
        (old, size, old_root, root, proof[:-1]),
        (old, size, old_root, root, [*proof, root]),
        (size, old, root, old_root, proof),
        (size, size, old_root, root, []),
        (0, size, old_root, root, []),
    ):
        with pytest.raises(IntegrityError):
            merkle.check_consistency(*false)


def test_growing_and_proving_read_few_hashes() -> None:
    tree = Tree(leaves_of(1000))
    tree.reads = 0
    tree.add([b"one more"])
    assert tree.reads <= 10
    tree.reads = 0
    merkle.inclusion_proof(77, 1001, tree.read)
    assert tree.reads <= 20
    tree.reads = 0
    merkle.consistency_proof(777, 1001, tree.read)
    assert tree.reads <= 30


def test_what_is_not_in_the_tree_has_no_proof() -> None:
    tree = Tree(leaves_of(3))
    for index in (3, -1):
        with pytest.raises(InputError):
            merkle.inclusion_proof(index, 3, tree.read)
    for old in (4, -1):
        with pytest.raises(InputError):
            merkle.consistency_proof(old, 3, tree.read)


def test_missing_stored_hashes_are_named() -> None:
    with pytest.raises(IntegrityError, match="not whole") as caught:
        merkle.root(3, lambda places: [])
    assert caught.value.diagnostics().hint
    with pytest.raises(IntegrityError):
        merkle.root(3, lambda places: [b"short" for _ in places])
