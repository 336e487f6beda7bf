"""What generators say about items: believed when signed by a known key, and weighed with everything else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from casework.making import NOW, jpeg, put, take_in
from firstlight.casework import attesting, cases, lowering, ranking, reconcile
from firstlight.casework.home import Home
from firstlight.custody import EventType
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError
from firstlight.media import Cage
from firstlight.origin import Answer, Attestation, Claim, Inputs, SignedAttestation, ledger_key, sign_attestation
from firstlight.store.tables import Item
from firstlight.values import Level

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = ledger_key("paint.example", KEY)


@pytest.fixture
def house(home: Home, cage: Cage, tmp_path: Path) -> Home:
    """One picture, and a generator whose key is known."""
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    attesting.add_ledger(home, "paint.example", PUBLIC.public_key, actor="lead")
    return home


def answer(
    home: Home, inputs: Inputs = Inputs.TEXT_ONLY, key: Ed25519PrivateKey = KEY, **more: object
) -> SignedAttestation:
    with home.look() as work:
        sha256 = cases.item(work, 1).sha256
    fields = {"asked_sha256": sha256, "answer": Answer.EXACT, "inputs": inputs, "answered_at": NOW, **more}
    return sign_attestation(Attestation.model_validate({"ledger": "paint.example", **fields}), key)


def test_that_a_picture_went_in_raises(house: Home) -> None:
    assert ranking.priority_of(house, 1).level is Level.STANDARD
    priority = attesting.attest(house, 1, answer(house, Inputs.PICTURE), actor="anna")
    assert (priority.level, priority.raising) == (Level.HIGH, (Claim.PHOTO_DERIVED,))
    case = cases.show(house, 1)
    assert (case.level, case.deadline) == (Level.HIGH, house.table.deadline(Level.HIGH, case.items[0].received_at))
    assert "made exactly these bytes, and that a picture went in" in " ".join(case.items[0].verdict.lines())
    with house.look() as work:
        events = [e.event for e in work.log.entries(types=[EventType.ORIGIN]) if e.event]
    assert (events[-1].actor, events[-1].payload["attestation"] is not None) == ("anna", True)
    assert reconcile.reconcile(house).adds_up


def test_from_text_alone_moves_nothing_by_itself_and_is_no_record_of_two(house: Home) -> None:
    before = ranking.priority_of(house, 1)
    after = attesting.attest(house, 1, answer(house))
    assert (after.level, after.order) == (before.level, before.order)
    with pytest.raises(Exception, match="fewer than 2 independent kinds"):
        lowering.lower(house, 1, actor="anna", says="The ledger says so.")
    again = attesting.attest(house, 1, answer(house))
    assert again.reasons == after.reasons


def test_what_a_lowering_rests_on_is_weighed_again(house: Home) -> None:
    attesting.attest(house, 1, answer(house))
    raised = attesting.attest(house, 1, answer(house, Inputs.PICTURE))
    assert raised.level is Level.HIGH


@pytest.mark.parametrize("wrong", ["key", "file", "future", "signature", "withdrawn"])
def test_an_answer_that_is_not_believed_changes_nothing(house: Home, wrong: str) -> None:
    signed = answer(house, Inputs.PICTURE)
    if wrong == "key":
        signed = answer(house, Inputs.PICTURE, Ed25519PrivateKey.from_private_bytes(b"\1" * 32))
    elif wrong == "file":
        signed = answer(house, asked_sha256="0" * 64)
    elif wrong == "future":
        signed = answer(house, answered_at=NOW + timedelta(days=9))
    elif wrong == "signature":
        signed = signed.model_copy(update={"signature": "AA=="})
    else:
        attesting.withdraw_ledger(house, PUBLIC.key_id, actor="lead")
    with house.look() as work:
        before = work.session.get_one(Item, 1).verdict, len(work.log)
    with pytest.raises(IntegrityError, match="not believed"):
        attesting.attest(house, 1, signed)
    with house.look() as work:
        assert (work.session.get_one(Item, 1).verdict, len(work.log)) == before


def test_no_says_nothing(house: Home) -> None:
    with pytest.raises(InputError, match="says nothing"):
        attesting.attest(house, 1, answer(house, Inputs.UNKNOWN, answer=Answer.NONE))


def test_keys_are_added_once_and_withdrawn_for_good(house: Home) -> None:
    with pytest.raises(StateError, match="known already"):
        attesting.add_ledger(house, "paint.example", PUBLIC.public_key.upper())
    for name, key in (("Paint", PUBLIC.public_key), ("paint.example", "abc")):
        with pytest.raises(InputError):
            attesting.add_ledger(house, name, key)
    with pytest.raises(NotFoundError):
        attesting.withdraw_ledger(house, "0" * 16)
    attesting.withdraw_ledger(house, PUBLIC.key_id, actor="lead")
    assert [key.withdrawn for key in attesting.ledgers(house)] == [True]
    with pytest.raises(StateError, match="never believed again"):
        try:
            attesting.add_ledger(house, "paint.example", PUBLIC.public_key)
        except StateError as e:
            raise StateError(str(e.diagnostics())) from e


def test_an_answer_in_a_file_is_read(house: Home, tmp_path: Path) -> None:
    signed = answer(house)
    (tmp_path / "answer.json").write_bytes(signed.to_json())
    assert attesting.read_attestation(tmp_path / "answer.json") == signed
    (tmp_path / "large.json").write_bytes(b" " * (attesting.LARGEST + 1))
    with pytest.raises(InputError, match="too large"):
        attesting.read_attestation(tmp_path / "large.json")
