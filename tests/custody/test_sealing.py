from __future__ import annotations

import hashlib
import hmac
import io

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from custody.conftest import fixed_entropy
from firstlight.custody.sealing import (
    CHUNK_SIZE,
    HEADER_SIZE,
    TAG_SIZE,
    KeySealer,
    SealedReader,
    encrypt,
    opened_size,
    seal,
    sealed_size,
    unseal,
)
from firstlight.errors import InputError, IntegrityError

KEY = bytes(range(32))
EDGES = [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 3 * CHUNK_SIZE + 7]


def message(size: int) -> bytes:
    return bytes(i * 31 % 251 for i in range(size))


@pytest.mark.parametrize("size", EDGES)
def test_round_trip_at_the_edges(size: int) -> None:
    sealed = seal(KEY, message(size), b"context")
    assert len(sealed) == sealed_size(size)
    assert opened_size(len(sealed)) == size
    assert unseal(KEY, sealed, b"context") == message(size)


@pytest.mark.parametrize(
    ("size", "tag"), [(0, "a957991bc5ec6190ac28b597e76f0fda"), (CHUNK_SIZE + 3, "f09004e526e04789e9364f61d11a604e")]
)
def test_frozen_vectors(size: int, tag: str) -> None:
    """The format may never change: what was sealed once has to open for as long as it is kept."""
    commitment = "b6638f651b8772489af258668c9a414380a79bc1b86ada77c985ab5aa37f0a30"
    sealed = seal(KEY, message(size), b"vector", entropy=bytes)
    assert sealed[:HEADER_SIZE].hex() == "00" * 24 + commitment
    assert sealed[-TAG_SIZE:].hex() == tag


def test_the_derivation_is_the_one_that_is_specified() -> None:
    """HKDF-Expand and AES-GCM written out by hand, beside the implementation."""
    salt = bytes(range(24))
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + b"ctx"
    okm, block = b"", b""
    for counter in (1, 2, 3):
        block = hmac.digest(KEY, block + info + bytes([counter]), hashlib.sha256)
        okm += block
    key, nonce, commitment = okm[:32], okm[32:44], okm[44:76]
    text = message(CHUNK_SIZE + 5)
    second = (int.from_bytes(nonce, "big") ^ 1).to_bytes(12, "big")
    expected = salt + commitment + AESGCM(key).encrypt(nonce, text[:CHUNK_SIZE], None)
    expected += AESGCM(key).encrypt(second, text[CHUNK_SIZE:], None)
    assert seal(KEY, text, b"ctx", entropy=lambda n: salt[:n]) == expected


@given(st.integers(0, 3 * CHUNK_SIZE), st.lists(st.integers(1, CHUNK_SIZE * 2), max_size=8))
def test_the_pieces_of_a_stream_do_not_matter(size: int, cuts: list[int]) -> None:
    text = message(size)
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(text[at : at + cut])
        at += cut
    pieces.append(text[at:])
    whole = b"".join(encrypt(KEY, pieces, b"c", entropy=fixed_entropy()))
    assert whole == seal(KEY, text, b"c", entropy=fixed_entropy())


@given(st.data())
def test_ranges_are_those_of_the_plain_text(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from(EDGES))
    text = message(size)
    with SealedReader(io.BytesIO(b"head" + seal(KEY, text, b"c")), KEY, b"c", start=4) as reader:
        assert reader.size == size
        for _ in range(5):
            start, length = data.draw(st.integers(0, size + 10)), data.draw(st.integers(0, CHUNK_SIZE * 2))
            reader.seek(start)
            got = b""
            while len(got) < length and (piece := reader.read(length - len(got))):
                got += piece
            assert got == text[start : start + length]
            assert reader.tell() == start + len(got)
        assert reader.seek(0, io.SEEK_END) == size


@given(st.data())
def test_nothing_changed_cut_or_moved_opens(data: st.DataObject) -> None:
    text = message(data.draw(st.sampled_from(EDGES)))
    sealed = bytearray(seal(KEY, text, b"context"))
    how = data.draw(st.sampled_from(["flip", "cut", "grow", "key", "context", "swap"]))
    key, context = KEY, b"context"
    if how == "flip":
        sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    elif how == "cut":
        del sealed[data.draw(st.integers(0, len(sealed) - 1)) :]
    elif how == "grow":
        sealed += b"\x00" * data.draw(st.integers(1, CHUNK_SIZE))
    elif how == "key":
        key = bytes(32)
    elif how == "context":
        context = b"another"
    else:
        chunk = CHUNK_SIZE + TAG_SIZE
        if len(sealed) < HEADER_SIZE + 2 * chunk:
            return
        first = sealed[HEADER_SIZE : HEADER_SIZE + chunk]
        sealed[HEADER_SIZE : HEADER_SIZE + chunk] = sealed[HEADER_SIZE + chunk : HEADER_SIZE + 2 * chunk]
        sealed[HEADER_SIZE + chunk : HEADER_SIZE + 2 * chunk] = first
    with pytest.raises(IntegrityError):
        unseal(key, bytes(sealed), context)


def test_a_message_cut_at_a_chunk_is_refused_before_anything_is_read() -> None:
    sealed = seal(KEY, message(3 * CHUNK_SIZE), b"c")
    cut = sealed[: HEADER_SIZE + 2 * (CHUNK_SIZE + TAG_SIZE)]
    with pytest.raises(IntegrityError, match="missing"):
        SealedReader(io.BytesIO(cut), KEY, b"c")


def test_wrong_arguments() -> None:
    with pytest.raises(InputError):
        seal(b"short", b"", b"")
    with SealedReader(io.BytesIO(seal(KEY, b"abc", b"")), KEY, b"") as reader, pytest.raises(InputError):
        reader.seek(-1)


def test_sealer_binds_the_context() -> None:
    sealer = KeySealer(KEY)
    sealed = sealer.seal(b"data", b"here")
    assert sealer.unseal(sealed, b"here") == b"data"
    with pytest.raises(IntegrityError):
        sealer.unseal(sealed, b"there")
    assert sealer.seal(b"data", b"here") != sealed
