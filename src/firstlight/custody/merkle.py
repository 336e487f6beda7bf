"""The Merkle tree of RFC 6962, kept so that growing and proving cost O(log n) reads.

A leaf is hashed behind the byte 0x00, an inner node behind 0x01. Only the hashes of complete subtrees are kept, in the
order in which they become complete: the leaf first, then each subtree that this leaf fills. A tree of n leaves keeps
`2n - popcount(n)` hashes, none of them ever changes, and each can be found by arithmetic alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

from firstlight.errors import InputError, IntegrityError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

ReadHashes: TypeAlias = Callable[[Sequence[int]], Sequence[bytes]]
"""Reads stored hashes by their places; answers as many as were asked for, in the same order."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf's bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def stored_count(leaves: int) -> int:
    """How many hashes a tree of so many leaves keeps."""
    return 2 * leaves - leaves.bit_count()


def stored_index(level: int, number: int) -> int:
    """Where the hash of the `number`-th complete subtree of `2**level` leaves is kept."""
    last_leaf = ((number + 1) << level) - 1
    return stored_count(last_leaf) + level


def grow(size: int, leaf_hashes: Sequence[bytes], read: ReadHashes) -> list[bytes]:
    """The hashes to keep when these leaves join a tree of `size` leaves, in the order of their places.

    `read` is asked once, for at most log2(size) hashes: the right edge of the tree as it stands.
    """
    edge = _edge(size, read)
    new: list[bytes] = []
    for offset, hashed in enumerate(leaf_hashes):
        new.append(hashed)
        subtree, number = hashed, size + offset
        while number & 1:
            subtree = node_hash(edge.pop(), subtree)
            new.append(subtree)
            number >>= 1
        edge.append(subtree)
    return new


def root(size: int, read: ReadHashes) -> bytes:
    """The root of the tree's first `size` leaves."""
    return fold(_edge(size, read)) if size else EMPTY_ROOT


def fold(edge: Sequence[bytes]) -> bytes:
    """The root over complete subtrees that stand side by side, largest first."""
    top = edge[-1]
    for left in reversed(edge[:-1]):
        top = node_hash(left, top)
    return top


def inclusion_proof(index: int, size: int, read: ReadHashes) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of the first `size` leaves, from the leaf upwards.

    Raises:
        InputError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise InputError(f"A tree of {size} leaves has no leaf {index}.")
    spans: list[tuple[int, int]] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            spans.append((middle, high))
            high = middle
        else:
            spans.append((low, middle))
            low = middle
    return _span_hashes(spans[::-1], read)


def consistency_proof(old: int, new: int, read: ReadHashes) -> list[bytes]:
    """The hashes that show that the first `old` of `new` leaves are the tree it was when it had `old` leaves.

    Raises:
        InputError: the sizes do not stand in the order 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise InputError(f"A tree of {new} leaves was never one of {old}.")
    if old in (0, new):
        return []
    spans: list[tuple[int, int]] = []
    low, high, left_edge = 0, new, True
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            spans.append((middle, high))
            high = middle
        else:
            spans.append((low, middle))
            low, left_edge = middle, False
    if not left_edge:
        spans.append((low, high))
    return _span_hashes(spans[::-1], read)


def root_from_inclusion(hashed: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that the proof leads to.

    Raises:
        IntegrityError: the proof has the wrong length for this place, so it proves nothing.
    """
    if not 0 <= index < size:
        raise IntegrityError(f"A tree of {size} leaves has no leaf {index}.", code="integrity.proof")
    number, last, top, used = index, size - 1, hashed, 0
    while last:
        if number & 1 or number < last:
            if used == len(proof):
                raise IntegrityError("The inclusion proof is too short.", code="integrity.proof")
            sibling = proof[used]
            used += 1
            top = node_hash(sibling, top) if number & 1 else node_hash(top, sibling)
        number >>= 1
        last >>= 1
    if used != len(proof):
        raise IntegrityError("The inclusion proof is too long.", code="integrity.proof")
    return top


def check_inclusion(hashed: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> None:
    """Return if the proof shows the leaf at this place of the tree with this root.

    Raises:
        IntegrityError: it does not.
    """
    if root_from_inclusion(hashed, index, size, proof) != expected_root:
        raise IntegrityError(
            f"The inclusion proof of entry {index} does not lead to the signed root.", code="integrity.proof"
        )


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Return if the proof shows that the tree of `new` leaves grew out of the tree of `old` leaves.

    Raises:
        IntegrityError: it does not: leaves were changed, taken out or put in, or the proof is of something else.
    """
    if not 0 <= old <= new:
        raise IntegrityError(f"A tree of {new} leaves cannot grow out of one of {old}.", code="integrity.proof")
    if old == 0:
        same, grown, rest = EMPTY_ROOT, new_root, proof
    elif old == new:
        same, grown, rest = new_root, new_root, proof
    else:
        same, grown, rest = _walk_consistency(old, new, old_root, proof)
    if rest or same != old_root or grown != new_root:
        raise IntegrityError(f"The log of {new} entries did not grow out of the one of {old}.", code="integrity.proof")


def _walk_consistency(
    old: int, new: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes, Sequence[bytes]]:
    """Both roots as the proof gives them, and what of the proof was left over."""
    rest = list(proof)

    def take() -> bytes:
        if not rest:
            raise IntegrityError("The consistency proof is too short.", code="integrity.proof")
        return rest.pop(0)

    number, last = old - 1, new - 1
    while number & 1:
        number >>= 1
        last >>= 1
    same = grown = take() if number else old_root
    while last:
        if number & 1 or number == last:
            sibling = take()
            same, grown = node_hash(sibling, same), node_hash(sibling, grown)
            while not number & 1 and number:
                number >>= 1
                last >>= 1
        else:
            grown = node_hash(grown, take())
        number >>= 1
        last >>= 1
    return same, grown, rest


def _split(width: int) -> int:
    """The largest power of two below `width`: where RFC 6962 divides a span."""
    return 1 << ((width - 1).bit_length() - 1)


def _subtrees(low: int, high: int) -> list[int]:
    """The places of the complete subtrees that make up the leaves `low` to `high`, largest first."""
    places: list[int] = []
    while low < high:
        level = (high - low).bit_length() - 1
        places.append(stored_index(level, low >> level))
        low += 1 << level
    return places


def _edge(size: int, read: ReadHashes) -> list[bytes]:
    return _read(_subtrees(0, size), read)


def _span_hashes(spans: Sequence[tuple[int, int]], read: ReadHashes) -> list[bytes]:
    """One hash a span; all stored hashes are read at once."""
    parts = [_subtrees(low, high) for low, high in spans]
    flat = _read([place for part in parts for place in part], read)
    out: list[bytes] = []
    at = 0
    for part in parts:
        out.append(fold(flat[at : at + len(part)]))
        at += len(part)
    return out


def _read(places: Sequence[int], read: ReadHashes) -> list[bytes]:
    if not places:
        return []
    found = list(read(places))
    if len(found) != len(places) or any(len(one) != HASH_SIZE for one in found):
        raise IntegrityError(
            "The log's stored hashes are not whole.",
            hint="Run `firstlight custody verify`; restore the log from its latest backup.",
            code="integrity.hashes",
        )
    return found
