"""Signatures and points for the verifier's own Ed25519: right ones, and wrong ones that a hasty check lets through."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firstlight.custody import verifier

P, L = verifier.P, verifier.L
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960

Vector = tuple[bytes, bytes, bytes, bool]


def encode(point: tuple[int, int, int, int]) -> bytes:
    x, y = point[0] * pow(point[2], -1, P) % P, point[1] * pow(point[2], -1, P) % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def points() -> list[tuple[bytes, tuple[int, int] | None]]:
    """32 bytes, and the x and y that they name (None: no point)."""
    base = encode((BASE_X, BASE_Y, 1, 0))
    other_sign = base[:31] + bytes([base[31] | 0x80])
    return [
        (base, (BASE_X, BASE_Y)),
        (other_sign, (P - BASE_X, BASE_Y)),
        ((1).to_bytes(32, "little"), (0, 1)),
        ((1 | 1 << 255).to_bytes(32, "little"), None),  # x is 0 and claims to be odd
        ((P - 1).to_bytes(32, "little"), (0, P - 1)),
        ((P - 1 | 1 << 255).to_bytes(32, "little"), None),
        (P.to_bytes(32, "little"), None),  # y not below the prime: another spelling of y = 0
        ((P + 1).to_bytes(32, "little"), None),  # another spelling of y = 1
        ((2).to_bytes(32, "little"), None),  # no x for this y
        ((0).to_bytes(32, "little"), (verifier.ROOT_OF_MINUS_ONE, 0)),
    ]


def _sign_crookedly(seed: int, message: bytes, with_torsion: bool) -> tuple[bytes, bytes]:
    """What the holder of a key can make so that only one of the two coordinates agrees."""
    a, k = 12345 + seed, 67890 + seed
    key = encode(verifier.times(a, verifier.BASE))
    point = verifier.times(k, verifier.BASE)
    if with_torsion:
        point = verifier.add(point, (0, P - 1, 1, 0))
    r = encode(point)
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    return key, r + (-(k + h * a) % L).to_bytes(32, "little")


def vectors() -> list[Vector]:
    """Key, message, signature, and whether it is good."""
    out: list[Vector] = [
        (
            bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
            b"",
            bytes.fromhex(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
            True,  # RFC 8032, section 7.1, test 1
        )
    ]
    for seed in range(4):
        private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        key, message = private.public_key().public_bytes_raw(), b"message %d" % seed
        good = private.sign(message)
        s = int.from_bytes(good[32:], "little")
        out += [
            (key, message, good, True),
            (key, message + b".", good, False),
            (key, message, good[:-1], False),
            (key, message, good + b"\0", False),
            (key + b"\0", message, good, False),
            (key[:-1], message, good, False),
            (key, message, good[:32] + (s + L).to_bytes(32, "little"), False),
            (key, message, good[:32] + L.to_bytes(32, "little"), False),
            (key, message, bytes(32) + good[32:], False),
            (key, message, (2).to_bytes(32, "little") + good[32:], False),
            ((2).to_bytes(32, "little"), message, good, False),
        ]
        for with_torsion in (False, True):
            crooked, signature = _sign_crookedly(seed, message, with_torsion)
            out.append((crooked, message, signature, False))
    identity = (1).to_bytes(32, "little")
    out.append((identity, b"m", identity + bytes(32), True))  # a key of order one signs all; nobody publishes it
    out.append((identity, b"m", identity + L.to_bytes(32, "little"), False))
    return out
