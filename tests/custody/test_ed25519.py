"""The verifier's own Ed25519 against known vectors, crooked signatures and another implementation."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.ed25519_vectors import P, Vector, points, vectors
from firstlight.custody import verifier


@pytest.mark.parametrize(("data", "expected"), points())
def test_points(data: bytes, expected: tuple[int, int] | None) -> None:
    found = verifier.point_from(data)
    if expected is None:
        assert found is None
    else:
        assert found == (*expected, 1, expected[0] * expected[1] % P)


@pytest.mark.parametrize("vector", vectors())
def test_signatures(vector: Vector) -> None:
    key, message, signature, good = vector
    assert verifier.ed25519_accepts(key, message, signature) is good


@settings(max_examples=30)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.integers(0, 511))
def test_it_agrees_with_openssl(seed: bytes, message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = private.public_key().public_bytes_raw()
    signature = bytearray(private.sign(message))
    assert verifier.ed25519_accepts(key, message, bytes(signature))
    signature[bit // 8] ^= 1 << bit % 8
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(bytes(signature), message)
        expected = True
    except InvalidSignature:
        expected = False
    assert verifier.ed25519_accepts(key, message, bytes(signature)) is expected
