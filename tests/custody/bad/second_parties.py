"""Cheats on what second parties say of the checkpoint: a time stamp, a witness's signature."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

from custody.bad.cheat import Cheats
from custody.forger import CUSTODY, Forger
from firstlight.custody.cosignature import WitnessSigner
from firstlight.custody.note import note_parts

AT_CHECKPOINT, AT_STAMP, AT_KEY = CUSTODY + "checkpoint", CUSTODY + "checkpoint.tsr", CUSTODY + "witness.vkey"
NO_STAMP, OTHER_STAMP = "this is no time stamp", "this time stamp is of something else than the checkpoint"
NAME = "witness.example/w1"
NOT_WITNESSED = f"the witness {NAME} did not sign this checkpoint"
WITNESS = WitnessSigner(NAME, bytes(range(1, 33)))
STRANGER = WitnessSigner(NAME, bytes(range(2, 34)))
SEEN = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)

cheat = Cheats()


def der(tag: int, *parts: bytes) -> bytes:
    """One element; longer ones state their length in the long form."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(digits)]) + digits + content


def answer(data: bytes, time: bytes = b"20260301120003Z") -> bytes:
    """What an authority answers, as far as the verifier looks into it; nothing in it is signed."""
    oid = der(0x06, b"\x2a\x03")
    imprint = der(0x30, der(0x30, oid), der(0x04, hashlib.sha256(data).digest()))
    policy = der(0x06, b"\x2a" * 300)  # long, and before what is looked at
    info = der(0x30, der(0x02, b"\x01"), policy, imprint, der(0x02, b"\x07"), der(0x18, time), der(0x04, b"x"))
    signed = der(0x30, der(0x02, b"\x03"), der(0x31), der(0x30, oid, der(0xA0, der(0x04, info))))
    return der(0x30, der(0x30, der(0x02, b"\x00")), der(0x30, oid, der(0xA0, signed)))


def stamp(f: Forger, data: bytes) -> None:
    f.write(AT_STAMP, data)
    f.cover_up()


def witness(f: Forger, line: str, key: str = WITNESS.key.vkey) -> None:
    """Put a line under the checkpoint, there and in the proof, and the witness's key beside it."""
    for name in (AT_CHECKPOINT, CUSTODY + "export.tlog-proof"):
        f.write(name, f.read(name) + line.encode())
    f.write(AT_KEY, key.encode() + b"\n")
    f.cover_up()


def true_line(f: Forger, signer: WitnessSigner = WITNESS) -> str:
    return signer.line(note_parts(f.read(AT_CHECKPOINT))[0].encode(), SEEN)


@cheat(AT_STAMP, OTHER_STAMP)
def stamp_of_another_checkpoint(f: Forger) -> None:
    stamp(f, answer(b"another checkpoint"))


@cheat(AT_STAMP, NO_STAMP)
def stamp_that_is_empty(f: Forger) -> None:
    stamp(f, b"")


@cheat(AT_STAMP, NO_STAMP)
def stamp_that_is_words(f: Forger) -> None:
    stamp(f, b"granted, yesterday")


@cheat(AT_STAMP, NO_STAMP)
def stamp_that_refuses(f: Forger) -> None:
    stamp(f, der(0x30, der(0x30, der(0x02, b"\x02"))))


@cheat(AT_STAMP, NO_STAMP)
def stamp_whose_time_is_no_text(f: Forger) -> None:
    stamp(f, answer(f.read(AT_CHECKPOINT), b"\xff\xfe"))


@cheat(AT_STAMP, OTHER_STAMP)
def stamp_that_is_cut_in_its_imprint(f: Forger) -> None:
    whole = answer(f.read(AT_CHECKPOINT))
    at = whole.index(hashlib.sha256(f.read(AT_CHECKPOINT)).digest())
    stamp(f, whole[:at] + bytes(32) + whole[at + 32 :])


@cheat(AT_CHECKPOINT, NOT_WITNESSED)
def witness_named_that_did_not_sign(f: Forger) -> None:
    witness(f, "")


@cheat(AT_CHECKPOINT, NOT_WITNESSED)
def witness_signature_of_a_namesake(f: Forger) -> None:
    witness(f, true_line(f, STRANGER))


@cheat(AT_CHECKPOINT, NOT_WITNESSED)
def witness_signature_of_another_checkpoint(f: Forger) -> None:
    witness(f, WITNESS.line(b"example.org/custody\n9\n", SEEN))


def _changed(f: Forger, at: int) -> str:
    dash, name, encoded = true_line(f).strip().split(" ")
    raw = bytearray(base64.b64decode(encoded))
    raw[at] ^= 1
    return f"{dash} {name} {base64.b64encode(raw).decode()}\n"


@cheat(AT_CHECKPOINT, NOT_WITNESSED)
def witness_time_changed(f: Forger) -> None:
    witness(f, _changed(f, 11))


@cheat(AT_CHECKPOINT, NOT_WITNESSED)
def witness_signature_changed(f: Forger) -> None:
    witness(f, _changed(f, 40))


@cheat(AT_CHECKPOINT, "the base64 in this file is damaged")
def witness_signature_that_is_no_base64(f: Forger) -> None:
    witness(f, f"\u2014 {NAME} ???\n")


@cheat(AT_KEY, "this is no Ed25519 witness key")
def witness_that_is_the_log_itself(f: Forger) -> None:
    witness(f, true_line(f), f.log_signer.verifier.vkey)


@cheat(AT_KEY, "the id of this key does not belong to it")
def witness_key_with_another_id(f: Forger) -> None:
    witness(f, true_line(f), WITNESS.key.vkey.replace(f"+{WITNESS.key.key_id.hex()}+", "+00000000+"))


@cheat(AT_KEY, "this file is not UTF-8 text")
def witness_key_that_is_no_text(f: Forger) -> None:
    witness(f, true_line(f))
    f.write(AT_KEY, b"\xff\xfe")
    f.cover_up()
