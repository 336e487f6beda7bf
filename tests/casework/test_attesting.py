"""What generators say about items: believed when signed by a known key, and weighed with everything else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from casework.making import AT_ONCE, NOW, jpeg, look_at, put, report_it, take_in, told, upload
from firstlight.casework import (
    attesting,
    cases,
    filing,
    lowering,
    ranking,
    reconcile,
    retention,
    review,
    undo,
)
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Finding
from firstlight.custody import EventType, RetentionClock
from firstlight.cybertip import DEMO_CREDENTIALS, Client, Fault, FaultKind, Simulator
from firstlight.cybertip.simulator.faults import Endpoint
from firstlight.cybertip.simulator.reports import ReportState
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError, UpstreamError
from firstlight.media import Cage
from firstlight.origin import Answer, Attestation, Claim, Inputs, SignedAttestation, ledger_key, sign_attestation
from firstlight.store import tables
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
    fields = {"sha256": sha256, "answer": Answer.EXACT, "inputs": inputs, "answered_at": NOW, **more}
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


def _held(home: Home) -> tuple[str, int | None]:
    with home.look() as work:
        item = cases.item(work, 1)
        return item.state, item.filing_id


def _decide_against(home: Home, why: str = "A picture of a turnip.") -> None:
    no = Conclusion(finding=Finding.NOT_REPORTABLE, why=why)
    review.decide(home, 1, no, actor="rev-1", items=[1])


def _retention(home: Home) -> tuple[RetentionClock, ...]:
    with home.look() as work:
        return retention.clocks(work, cases.item(work, 1))


def test_what_was_decided_comes_back_to_a_person_when_a_picture_went_in(house: Home) -> None:
    look_at(house, 1)
    _decide_against(house)
    assert (cases.show(house, 1).state, len(_retention(house))) == ("decided", 1)
    house.clock.advance(timedelta(days=3))  # type: ignore[attr-defined]
    attesting.attest(house, 1, answer(house, Inputs.PICTURE), actor="anna")
    case = cases.show(house, 1)
    now = NOW + timedelta(days=3)
    assert (case.state, case.level, case.items[0].state, _retention(house)) == ("open", Level.HIGH, "held", ())
    assert case.opened_at >= now
    assert case.deadline >= house.table.deadline(Level.HIGH, now)  # its time runs from the answer
    assert "that a picture went in" in " ".join(case.items[0].verdict.lines())
    assert cases.REPORTED_ALREADY not in case.says
    with house.look() as work:
        (kept,) = work.session.scalars(select(tables.Decision)).all()
        (event,) = [e.event for e in work.log.entries(types=[EventType.DECISION_WITHDRAWN]) if e.event]
    assert (kept.actor, kept.finding, kept.withdrawn_at is not None) == ("rev-1", "not-reportable", True)
    assert (event.actor, event.payload["item"]) == ("anna", 1)
    assert "asks for a sooner look" in str(event.payload["why"])
    assert reconcile.reconcile(house).adds_up
    _decide_against(house)
    attesting.attest(
        house, 1, answer(house, Inputs.PICTURE), actor="anna"
    )  # said before the last decision: nothing new
    assert (cases.show(house, 1).state, len(_retention(house))) == ("decided", 1)
    assert reconcile.reconcile(house).adds_up


def test_what_says_nothing_new_of_a_child_lets_a_decision_stand(house: Home) -> None:
    _decide_against(house)
    attesting.attest(house, 1, answer(house), actor="anna")
    assert (cases.show(house, 1).state, _held(house)) == ("decided", ("decided", None))
    assert reconcile.reconcile(house).adds_up


def test_what_was_reported_comes_back_and_can_be_reported_once_more(
    house: Home, client: Client, simulator: Simulator
) -> None:
    look_at(house, 1)
    report_it(house, 1)
    house.clock.advance(timedelta(minutes=5))  # type: ignore[attr-defined]
    filing.file_case(house, 1, client, retries=AT_ONCE)
    (first,) = _retention(house)
    house.clock.advance(timedelta(days=3))  # type: ignore[attr-defined]
    attesting.attest(house, 1, answer(house, Inputs.PICTURE), actor="anna")
    case = cases.show(house, 1)
    assert (case.state, case.says.endswith(cases.REPORTED_ALREADY), _retention(house)) == ("open", True, (first,))
    assert told(house, 1) == {}
    assert reconcile.reconcile(house).adds_up
    report_it(house, 1)
    assert cases.show(house, 1).state == "decided"
    assert reconcile.reconcile(house).adds_up
    undo.undo(house, 1, actor="rev-1")
    assert cases.show(house, 1).says.endswith(cases.REPORTED_ALREADY)
    report_it(house, 1)
    house.clock.advance(timedelta(minutes=5))  # type: ignore[attr-defined]
    filing.file_case(house, 1, client, retries=AT_ONCE)
    (second,) = _retention(house)
    assert second.ends >= first.ends + timedelta(days=3)
    assert (cases.show(house, 1).state, _held(house)) == ("filed", ("filed", 2))
    assert len([one for one in simulator.reports() if one.state is ReportState.FINISHED]) == 2
    with pytest.raises(StateError, match="Nothing in case"):
        filing.file_case(house, 1, client, retries=AT_ONCE)
    assert reconcile.reconcile(house).adds_up


def test_that_nothing_more_is_to_be_reported_is_not_taken_over_by_the_next_copy(
    house: Home, cage: Cage, client: Client, tmp_path: Path
) -> None:
    look_at(house, 1)
    report_it(house, 1)
    house.clock.advance(timedelta(minutes=5))  # type: ignore[attr-defined]
    filing.file_case(house, 1, client, retries=AT_ONCE)
    attesting.attest(house, 1, answer(house, Inputs.PICTURE), actor="anna")
    house.clock.advance(timedelta(minutes=5))  # type: ignore[attr-defined]
    _decide_against(house, "The report says all of it.")
    assert (cases.show(house, 1).state, _held(house)) == ("filed", ("decided", 1))
    assert (len(_retention(house)), reconcile.reconcile(house).discrepancies) == (1, ())
    take_in(house, cage, [put(tmp_path / "again", {"b.jpg": jpeg(1)})], default=upload("u2"))
    assert (cases.show(house, 1).state, [one.state for one in cases.show(house, 1).items]) == (
        "open",
        ["decided", "held"],
    )
    assert reconcile.reconcile(house).adds_up


def test_while_a_report_is_on_its_way_nothing_is_brought_back(house: Home) -> None:
    report_it(house, 1)
    house.clock.advance(timedelta(minutes=5))  # type: ignore[attr-defined]
    faults = (Fault(kind=FaultKind.STATUS, endpoint=Endpoint.SUBMIT, nth=1, times=50),)
    with (
        Simulator.of(house.clock, faults=faults) as down,
        Client(down.destination, DEMO_CREDENTIALS) as client,
        pytest.raises(UpstreamError),
    ):
        filing.file_case(house, 1, client, retries=AT_ONCE)
    before = ranking.priority_of(house, 1)
    with pytest.raises(StateError, match="on its way"):
        attesting.attest(house, 1, answer(house, Inputs.PICTURE), actor="anna")
    assert (ranking.priority_of(house, 1), _held(house)) == (before, ("decided", 1))
    assert reconcile.reconcile(house).adds_up


def test_what_nobody_could_look_at_any_more_keeps_its_decision(house: Home) -> None:
    _decide_against(house)
    with house.work() as work:
        work.session.add(tables.Destruction(item_id=1, at=NOW, actor="lead", disposal="{}"))
    raised = attesting.attest(house, 1, answer(house, Inputs.PICTURE), actor="anna")
    assert (raised.level, cases.show(house, 1).state) == (Level.HIGH, "decided")


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
        signed = answer(house, sha256="0" * 64)
    elif wrong == "future":
        signed = answer(house, answered_at=NOW + timedelta(days=9))
    elif wrong == "signature":
        signed = signed.model_copy(update={"payload": answer(house).payload})
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
