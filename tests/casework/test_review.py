"""What a person saw and concluded is recorded as it was, and nothing more is ever said of it."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest
from sqlalchemy import func, select

from casework.making import case_of, jpeg, look_at, next_items, png, put, report_it, take_in, upload
from firstlight.casework import banking, cases, filing, reconcile, review
from firstlight.casework.home import Home, Work
from firstlight.casework.review import Conclusion, Finding
from firstlight.custody import Event
from firstlight.cybertip import Rendition
from firstlight.cybertip.drafting.facts import Conduct
from firstlight.cybertip.model.codes import IndustryClassification
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.media import Cage
from firstlight.store.tables import Decision, LogLeaf
from firstlight.values import BankPurpose

NOT_REPORTABLE = Conclusion(finding=Finding.NOT_REPORTABLE, why="A picture of a turnip.")


@pytest.fixture
def case(home: Home, cage: Cage, tmp_path: Path) -> int:
    """A case of one picture twice, and a near-duplicate of it; one more case waits."""
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(1), "near.png": png(1), "other.jpg": jpeg(2)}
    take_in(home, cage, [put(tmp_path / "in", files)], default=upload("u1"))
    return case_of(home, "a.jpg")


def _item(home: Home, case: int, name: str) -> int:
    return next(item.item for item in cases.show(home, case).items if item.name == name)


def _said(home: Home, case: int) -> dict[str, tuple[bool | None, str]]:
    """What the draft says of each file: viewed or not, and in words."""
    (drafted,) = filing.draft(home, case)
    assert not [one for one in drafted.findings.findings if one.kind.value == "untrue"]
    return {
        file.description.original_file_name or "": (
            file.description.file_viewed_by_esp,
            " ".join(file.description.additional_info),
        )
        for file in drafted.draft.files
    }


def test_viewed_is_said_of_exactly_the_bytes_that_were_viewed(home: Home, case: int) -> None:
    look_at(home, _item(home, case, "a.jpg"))
    made = report_it(home, case)
    assert {decision.sha256: decision.seen for decision in made}
    said = _said(home, case)
    assert {name: viewed for name, (viewed, _) in said.items()} == {"a.jpg": True, "b.jpg": True, "near.png": False}
    assert "No person" in said["near.png"][1]
    assert sum(decision.seen for decision in made) == 2


@pytest.mark.parametrize(
    ("rendition", "entire", "counts"),
    [
        (Rendition.ORIGINAL, True, True),
        (Rendition.GREY, True, True),
        (Rendition.REDUCED, True, True),
        (Rendition.BLURRED, True, False),
        (Rendition.FRAMES, True, False),
        (Rendition.ORIGINAL, False, False),
    ],
)
def test_only_an_entire_and_clear_viewing_counts(
    home: Home, case: int, rendition: Rendition, entire: bool, counts: bool
) -> None:
    look_at(home, _item(home, case, "a.jpg"), rendition, entire)
    made = report_it(home, case)
    viewed, words = _said(home, case)["a.jpg"]
    assert viewed is counts
    assert ("viewed the entire contents" in words) is counts
    assert any(decision.seen for decision in made) is counts


def test_without_a_viewing_nothing_is_said_to_be_viewed(home: Home, case: int) -> None:
    made = report_it(home, case)
    assert not any(decision.seen for decision in made)
    assert not any(viewed for viewed, _ in _said(home, case).values())


def test_a_class_without_a_viewing_is_untrue_and_said_so(home: Home, case: int) -> None:
    report_it(home, case, classification=IndustryClassification.A1)
    (drafted,) = filing.draft(home, case)
    assert not drafted.findings.may_be_filed
    assert {one.rule for one in drafted.findings.findings if one.kind.value == "untrue"} == {"untrue.classification"}


def test_one_decision_writes_a_record_for_each_member(home: Home, case: int) -> None:
    made = review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=next_items(home, case))
    assert len(made) == 3
    assert review.decisions(home, case) == made
    assert cases.show(home, case).state == "decided"
    with pytest.raises(StateError, match="Nothing in case"):
        review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=[made[0].item])
    assert reconcile.reconcile(home).adds_up


def test_items_may_be_decided_apart(home: Home, case: int) -> None:
    near = _item(home, case, "near.png")
    (one,) = review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=[near])
    assert one.item == near
    assert cases.show(home, case).state == "open"
    with pytest.raises(StateError, match="does not wait"):
        review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=[near])
    assert len(review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=next_items(home, case))) == 2


def test_a_decision_reaches_what_has_the_same_bytes_and_nothing_else(home: Home, case: int) -> None:
    shown = cases.next_unit(home, case).shown
    made = review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=[shown])
    assert {one.sha256 for one in made} == {made[0].sha256}
    assert cases.show(home, case).state == "open"
    with pytest.raises(InputError, match="No item is named"):
        review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=[])


def test_what_speaks_for_a_child_is_decided_by_itself(home: Home, cage: Cage, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", {"a.png": png(1), "listed.png": png(1, Comment="the listed bytes")})
    banking.create_bank(home, "series", BankPurpose.KNOWN)
    digest = hashlib.sha256((folder / "listed.png").read_bytes()).hexdigest()
    (tmp_path / "list.csv").write_text(f"sha256\n{digest}\n")
    assert banking.import_list(home, "series", tmp_path / "list.csv").added == 1
    take_in(home, cage, [folder])
    case = case_of(home, "a.png")
    assert case_of(home, "listed.png") == case
    listed = _item(home, case, "listed.png")
    assert cases.next_unit(home, case).shown == listed
    (first,) = review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=next_items(home, case))
    assert first.item == listed
    assert cases.show(home, case).state == "open"


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4, 6])
def test_a_decision_and_its_event_are_kept_together_or_not_at_all(
    home: Home, case: int, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """Three items: the first three events say that they are decided, the others set their clocks."""

    def counts() -> tuple[int, int]:
        with home.look() as work:
            rows = work.session.scalar(select(func.count()).select_from(Decision)) or 0
            return rows, work.session.scalar(select(func.count()).select_from(LogLeaf)) or 0

    before = counts()
    real, calls = Work.event, [0]

    def event(self: Work, *args: object, **more: object) -> Event:
        calls[0] += 1
        if calls[0] == fails_at:
            raise ZeroDivisionError
        return real(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Work, "event", event)
    with pytest.raises(ZeroDivisionError):
        review.decide(home, case, NOT_REPORTABLE, actor="rev-1", items=next_items(home, case))
    assert counts() == before
    assert cases.show(home, case).state == "open"


@pytest.mark.parametrize("actor", ["", "  ", "x" * 201])
def test_a_decision_has_a_name_under_it(home: Home, case: int, actor: str) -> None:
    with pytest.raises(InputError, match="Nobody is named"):
        review.decide(home, case, NOT_REPORTABLE, actor=actor, items=next_items(home, case))


def test_a_viewing_has_a_person_and_a_time(home: Home, case: int) -> None:
    for seconds in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="lasts"):
            review.record_viewing(home, 1, actor="r", rendition=Rendition.GREY, seconds=seconds, entire=True)
    with pytest.raises(InputError, match="Nobody"):
        review.record_viewing(home, 1, actor=" ", rendition=Rendition.GREY, seconds=1, entire=True)
    with pytest.raises(NotFoundError):
        review.record_viewing(home, 999, actor="r", rendition=Rendition.GREY, seconds=1, entire=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"why": ""},
        {"why": "  "},
        {"why": "x" * 4001},
        {"why": "w", "escalation": "x" * 3001},
        {"why": "w", "finding": "perhaps"},
        {},
    ],
)
def test_a_conclusion_that_is_not_filled_in_is_refused_in_words(fields: dict[str, object]) -> None:
    with pytest.raises(InputError, match="cannot be recorded"):
        Conclusion.of(**{"finding": Finding.NOT_REPORTABLE, **fields})


def test_a_report_needs_to_say_what_happened(home: Home, case: int) -> None:
    with pytest.raises(InputError, match="what happened"):
        review.decide(home, case, Conclusion(finding=Finding.REPORT, why="w"), actor="r", items=[1])
    assert review.decide(
        home, case, Conclusion(finding=Finding.REPORT, why="w", conduct=Conduct.MATERIAL), actor="r", items=[1]
    )


def test_a_case_that_is_not_there_is_said_to_be_not_there(home: Home) -> None:
    for act in (cases.show, cases.next_unit, filing.draft, filing.filings):
        if act is filing.filings:
            assert filing.filings(home, 7) == ()
        else:
            with pytest.raises(NotFoundError, match="no case 7"):
                act(home, 7)


def test_deciding_twice_says_what_was_decided(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1)})])
    case = case_of(home, "a.png")
    (item,) = next_items(home, case)
    report_it(home, case)
    with pytest.raises(StateError, match="Nothing in case") as caught:
        report_it(home, case, items=(item,))
    assert caught.value.diagnostics().hint.startswith(f"Item {item} is decided: report, by rev-1, 2026-03-01")


def test_deciding_one_of_several_twice_says_what_was_decided(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1), "b.png": png(1, Comment="copy")})])
    case = case_of(home, "a.png")
    first, second = sorted(item.item for item in cases.show(home, case).items)
    report_it(home, case, items=(first,))
    with pytest.raises(StateError, match=f"Item {first} does not wait") as caught:
        report_it(home, case, items=(first, second))
    assert f"Item {first} is decided: report" in caught.value.diagnostics().hint
    with pytest.raises(StateError, match="Item 99 does not wait") as caught:
        report_it(home, case, items=(99,))
    assert "case show" in caught.value.diagnostics().hint
