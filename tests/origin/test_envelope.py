"""Signed answers as any DSSE and in-toto tool sees them: a verifier written here from the two specifications alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import FirstlightError
from firstlight.origin import (
    Answer,
    Attestation,
    Inputs,
    SignedAttestation,
    from_attestations,
    ledger_key,
    sign_attestation,
)
from firstlight.origin.attestation import verified
from firstlight.origin.envelope import IN_TOTO, Envelope, pre_authentication
from firstlight.values import Digests, Pdq, PdqMode

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = "2026-03-01T12:00:00.000000Z"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = ledger_key("garden.example", KEY)
DIGESTS = Digests(md5="0" * 32, sha1="1" * 40, sha256="2" * 64, size=3)
PDQ = Pdq(hex="3" * 64, quality=90, mode=PdqMode.EXACT)
EXACT = Attestation(
    ledger="garden.example",
    sha256=DIGESTS.sha256,
    answer=Answer.EXACT,
    inputs=Inputs.PICTURE,
    made_at=NOW,
    answered_at=NOW,
)
NEAR = Attestation(
    ledger="garden.example", pdq=PDQ.hex, answer=Answer.NEAR, distance=3, inputs=Inputs.TEXT_ONLY, answered_at=NOW
)
NONE = Attestation(
    ledger="garden.example", sha256=DIGESTS.sha256, pdq=PDQ.hex, answer=Answer.NONE, answered_at=NOW
)  # fmt: skip


def bare_verifier(envelope: bytes, public_key: bytes) -> dict[str, Any]:
    """DSSE 1.0.0 and in-toto Statement v1, step by step as they are written, and nothing of ours."""
    read = json.loads(envelope)
    body = base64.b64decode(read["payload"])
    kind = read["payloadType"].encode("utf-8")
    lengths = [str(len(part)).encode("ascii") for part in (kind, body)]
    pae = b" ".join([b"DSSEv1", lengths[0], kind, lengths[1], body])
    (signature,) = read["signatures"]
    Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(signature["sig"]), pae)
    assert kind == b"application/vnd.in-toto+json"
    statement: dict[str, Any] = json.loads(body)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert all(one["digest"] for one in statement["subject"])
    assert ":" in statement["predicateType"]
    return statement


def test_the_specification_s_own_example_of_what_is_signed() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pre_authentication("http://example.com/HelloWorld", b"hello world") == expected


@pytest.mark.parametrize(
    ("attestation", "subject", "predicate"),
    [
        (EXACT, [{"sha256": "2" * 64}], {"match": "exact", "inputs": "picture", "madeAt": AT}),
        (NEAR, [{"pdq": "3" * 64}], {"match": "near", "distance": 3, "inputs": "text-only"}),
        (NONE, [{"sha256": "2" * 64}, {"pdq": "3" * 64}], {"match": "none", "inputs": "unknown"}),
    ],
)  # fmt: skip
def test_a_bare_verifier_accepts_an_answer(
    attestation: Attestation, subject: list[dict[str, str]], predicate: dict[str, Any]
) -> None:
    found = bare_verifier(sign_attestation(attestation, KEY).to_json(), bytes.fromhex(PUBLIC.public_key))
    assert found == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": one} for one in subject],
        "predicateType": "https://firstlight.invalid/generation-attestation/v1",
        "predicate": {"ledger": "garden.example", "answeredAt": AT, **predicate},
    }


def test_an_answer_of_another_s_tool_is_taken() -> None:
    """Fields in another order, white space, URL-safe base64 without our canonical form: the bytes are what counts."""
    body = json.dumps(json.loads(EXACT.statement()), indent=1, sort_keys=False).encode()
    signed = KEY.sign(pre_authentication("application/vnd.in-toto+json", body))
    envelope = {
        "signatures": [{"sig": base64.urlsafe_b64encode(signed).decode(), "keyid": PUBLIC.key_id}],
        "payloadType": "application/vnd.in-toto+json",
        "payload": base64.urlsafe_b64encode(body).decode(),
    }
    read = SignedAttestation.from_json(json.dumps(envelope))
    assert verified(read, [PUBLIC], digests=DIGESTS, pdq=PDQ, at=NOW) == EXACT


Change = Callable[[dict[str, Any]], object]


def _statement(**changes: Any) -> Change:
    """The statement changed, and the signature left."""

    def change(envelope: dict[str, Any]) -> None:
        statement = json.loads(base64.b64decode(envelope["payload"]))
        envelope["payload"] = base64.b64encode(json.dumps({**statement, **changes}).encode()).decode()

    return change


MUTATIONS: dict[str, Change] = {
    "another subject": _statement(subject=[{"digest": {"sha256": "4" * 64}}]),
    "another predicate": _statement(predicate={"ledger": "garden.example", "match": "exact", "inputs": "text-only"}),
    "another order of fields": _statement(),
    "payload of no base64": lambda e: e.update(payload="%%%"),
    "payload gone": lambda e: e.pop("payload"),
    "payload empty": lambda e: e.update(payload=""),
    "another type": lambda e: e.update(payloadType="application/json"),
    "type in capitals": lambda e: e.update(payloadType="application/vnd.in-toto+JSON"),
    "type gone": lambda e: e.pop("payloadType"),
    "another key id": lambda e: e["signatures"][0].update(keyid="0" * 16),
    "no key id": lambda e: e["signatures"][0].pop("keyid"),
    "a signature of nothing": lambda e: e["signatures"][0].update(sig=""),
    "a signature of zeros": lambda e: e["signatures"][0].update(sig=base64.b64encode(bytes(64)).decode()),
    "a signature of no base64": lambda e: e["signatures"][0].update(sig="!" * 88),
    "a signature too long": lambda e: e["signatures"][0].update(sig=e["signatures"][0]["sig"] * 2),
    "no signatures": lambda e: e.update(signatures=[]),
    "the signature twice": lambda e: e["signatures"].append(e["signatures"][0]),
    "a stranger's signature beside it": lambda e: e["signatures"].append({"keyid": "0" * 16, "sig": "AAAA"}),
    "a stranger's signature before it": lambda e: e["signatures"].insert(0, {"keyid": "0" * 16, "sig": "AAAA"}),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_an_answer_that_was_changed_is_refused(name: str) -> None:
    envelope = json.loads(sign_attestation(EXACT, KEY).to_json())
    MUTATIONS[name](envelope)
    with pytest.raises(FirstlightError):
        verified(SignedAttestation.from_json(json.dumps(envelope)), [PUBLIC], digests=DIGESTS, pdq=PDQ, at=NOW)


SIGNED = sign_attestation(EXACT, KEY).to_json()


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_one_changed_byte_is_refused_or_says_the_same(where: int, by: int) -> None:
    """The alphabets of base64 differ in two characters; whatever else is changed is refused by both verifiers."""
    changed = bytearray(SIGNED)
    changed[where] ^= by
    try:
        found = verified(SignedAttestation.from_json(bytes(changed)), [PUBLIC], digests=DIGESTS, pdq=PDQ, at=NOW)
    except FirstlightError:
        return
    assert found == EXACT


def rightly_signed(kind: str, body: bytes) -> SignedAttestation:
    sealed = Envelope.sealed(body, KEY)
    signature = base64.b64encode(KEY.sign(pre_authentication(kind, body))).decode()
    (one,) = sealed.signatures
    return SignedAttestation.model_validate(
        {**sealed.model_dump(), "payloadType": kind, "signatures": [{**one.model_dump(), "sig": signature}]}
    )


def test_what_the_right_key_signed_as_something_else_is_no_answer() -> None:
    whole = json.loads(EXACT.statement())
    changed: list[dict[str, Any]] = [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"predicateType": "https://slsa.dev/provenance/v1"},
        {"subject": []},
        {"subject": [{"digest": {}}]},
        {"subject": [{"digest": {"md5": "0" * 32}}]},
        {"subject": [{"digest": {"sha256": "2" * 64, "pdq": "3" * 64}}]},
        {"subject": [{"digest": {"sha256": "2" * 64}}] * 2},
        {"subject": [{"digest": {"pdq": "3" * 64}}]},
        {"predicate": {**whole["predicate"], "account": "somebody"}},
        {"predicate": {**whole["predicate"], "match": "near"}},
        {"predicate": {}},
    ]
    bodies = [
        (EXACT.statement(), "application/json"),
        (b"a checkpoint\n7\n", IN_TOTO),
        *((json.dumps({**whole, **changes}).encode(), IN_TOTO) for changes in changed),
    ]
    for body, kind in bodies:
        (sign,) = from_attestations([rightly_signed(kind, body)], [PUBLIC], digests=DIGESTS, pdq=PDQ, at=NOW)
        assert (sign.name, sign.facts["code"]) == ("attestation.not_believed", "integrity.attestation.kind")


def test_the_bare_verifier_is_one() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    with pytest.raises(InvalidSignature):
        bare_verifier(SIGNED, other)
