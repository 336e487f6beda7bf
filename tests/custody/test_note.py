from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.custody import merkle
from firstlight.custody.note import (
    MAX_NOTE_SIZE,
    Checkpoint,
    Ed25519Signer,
    NoteVerifier,
    SignedCheckpoint,
    TlogProof,
    open_note,
    sign_note,
)
from firstlight.errors import InputError, IntegrityError

SIGNER = Ed25519Signer("example.org/log", bytes(range(32)))
OTHER = Ed25519Signer("example.org/witness", bytes(range(1, 33)))


def test_a_signed_note_opens_under_its_key_only() -> None:
    note = sign_note("one\n\ntwo\n", SIGNER)
    assert open_note(note, SIGNER.verifier) == "one\n\ntwo\n"
    with pytest.raises(IntegrityError, match="No trusted key"):
        open_note(note, OTHER.verifier)


def test_more_signatures_do_not_disturb() -> None:
    note = sign_note("text\n", OTHER, SIGNER)
    assert open_note(note, SIGNER.verifier) == "text\n"
    assert open_note(note, SIGNER.verifier, OTHER.verifier) == "text\n"


@given(st.data())
def test_no_changed_byte_of_the_text_is_accepted(data: st.DataObject) -> None:
    text = "example.org/log\n12\nabc\n"
    note = bytearray(sign_note(text, SIGNER))
    place = data.draw(st.integers(0, len(text) - 1))
    note[place] ^= data.draw(st.integers(1, 127))
    with pytest.raises(IntegrityError):
        open_note(bytes(note), SIGNER.verifier)


def test_a_false_signature_of_a_trusted_key_refuses_the_whole_note() -> None:
    good = sign_note("text\n", SIGNER, OTHER).decode().split("\n")
    raw = bytearray(base64.b64decode(good[-2].split(" ")[2]))
    raw[10] ^= 1
    good[-2] = " ".join([*good[-2].split(" ")[:2], base64.b64encode(raw).decode()])
    with pytest.raises(IntegrityError, match="false"):
        open_note("\n".join(good).encode(), SIGNER.verifier, OTHER.verifier)


@pytest.mark.parametrize(
    ("note", "why"),
    [
        (b"", "no signatures"),
        (b"text\n", "no signatures"),
        (b"text\n\n", "0 signature lines"),
        (b"text\n\nnot a signature\n", "malformed|base64"),
        (b"text\n\n\xe2\x80\x94 name AAAA\n", "malformed"),
        (b"text\n\n\xe2\x80\x94 name !!!!\n", "base64"),
        (b"te\x01xt\n\n\xe2\x80\x94 name AAAAAAA=\n", "control"),
        (b"\xff\n\n\xe2\x80\x94 name AAAAAAA=\n", "UTF-8"),
        (b"text\n\n\xe2\x80\x94 name AAAAAAB=\n", "proper form"),
        (b"x" * (MAX_NOTE_SIZE + 1), "longer"),
        (b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 101, "101 signature"),
    ],
)
def test_malformed_notes_are_refused(note: bytes, why: str) -> None:
    with pytest.raises(IntegrityError, match=why):
        open_note(note, SIGNER.verifier)


@pytest.mark.parametrize("text", ["", "no newline", "bell\a\n", "tab\t\n"])
def test_what_cannot_be_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(InputError):
        sign_note(text, SIGNER)


def test_vkey_round_trip() -> None:
    key = SIGNER.verifier
    assert NoteVerifier.from_vkey(key.vkey) == key
    assert NoteVerifier.from_vkey(key.vkey + "\n") == key


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+!!!!",
        "name+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
        "name+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode(),
        "na me+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode(),
    ],
)
def test_false_vkeys_are_refused(vkey: str) -> None:
    with pytest.raises(InputError):
        NoteVerifier.from_vkey(vkey)


@pytest.mark.parametrize("name", ["", "with space", "plus+sign", "tab\t", "line\n"])
def test_key_names(name: str) -> None:
    with pytest.raises(InputError):
        Ed25519Signer(name, bytes(32))


def test_checkpoint_round_trip() -> None:
    one = Checkpoint("example.org/log", 5, bytes(range(32)))
    signed = SignedCheckpoint.open(sign_note(one.text(), SIGNER), SIGNER.verifier)
    assert signed.checkpoint == one
    extended = sign_note(one.text() + "an extension\n", SIGNER)
    assert SignedCheckpoint.open(extended, SIGNER.verifier).checkpoint == one


@pytest.mark.parametrize(
    "text",
    [
        "example.org/log\n5\n",
        "example.org/log\n05\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "example.org/log\n-5\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "example.org/log\n5\n" + base64.b64encode(bytes(31)).decode() + "\n",
        "\n5\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "another.example/log\n5\n" + base64.b64encode(bytes(32)).decode() + "\n",
    ],
)
def test_what_is_no_checkpoint_of_this_log_is_refused(text: str) -> None:
    with pytest.raises(IntegrityError):
        SignedCheckpoint.open(sign_note(text, SIGNER), SIGNER.verifier)


def test_proof_file_round_trip() -> None:
    leaf, sibling = b"leaf", merkle.leaf_hash(b"sibling")
    root = merkle.node_hash(merkle.leaf_hash(leaf), sibling)
    note = sign_note(Checkpoint("example.org/log", 2, root).text(), SIGNER)
    for extra in (None, b"", b"more"):
        proof = TlogProof(0, (sibling,), note, extra)
        assert TlogProof.from_bytes(proof.to_bytes()) == proof
        assert proof.check(leaf, SIGNER.verifier).size == 2
        with pytest.raises(IntegrityError):
            proof.check(b"another leaf", SIGNER.verifier)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"c2sp.org/tlog-proof@v2\nindex 0\n\nnote",
        b"c2sp.org/tlog-proof@v1\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex 00\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex x\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nnote",
        b"c2sp.org/tlog-proof@v1\nindex 0\n" + b"AAAA\n" * 65 + b"\nnote",
        b"c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\nnote",
        b"\xff\n\nnote",
        b"x" * (2 * MAX_NOTE_SIZE + 1),
    ],
)
def test_malformed_proof_files_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        TlogProof.from_bytes(data)
