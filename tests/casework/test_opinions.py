"""First judgements, second opinions, the case book, the live check, search and figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from casework.making import ai_xmp, case_of, jpeg, next_items, put, report_it, take_in, upload
from firstlight.casework import casebook, drafting, figures, opinions, routing, search
from firstlight.casework.home import Home
from firstlight.casework.opinions import Impression
from firstlight.casework.review import Conclusion, Finding
from firstlight.cybertip import FindingKind
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.media import Cage


@pytest.fixture
def case(home: Home, cage: Cage, tmp_path: Path) -> int:
    files = {"a.jpg": jpeg(1, xmp=ai_xmp()), "other.jpg": jpeg(2)}
    take_in(home, cage, [put(tmp_path / "in", files)], default=upload("u1"))
    return case_of(home, "a.jpg")


def test_signs_of_origin_are_told_after_the_first_own_judgement(home: Home, case: int) -> None:
    before = casebook.open_case(home, case, reader="rev-1")
    assert all(not item.origin for item in before.items)
    assert "machine" not in before.model_dump_json().lower()
    made = opinions.judge(home, case, Impression.PHOTOGRAPH, actor="rev-1")
    assert opinions.judge(home, case, Impression.GENERATED, actor="rev-1") == made
    after = casebook.open_case(home, case, reader="rev-1")
    assert after.judgement == made
    assert any(sign.claim == "synthetic" for item in after.items for sign in item.origin)
    assert not any(item.origin for item in casebook.open_case(home, case, reader="rev-2").items)


def test_a_second_opinion_goes_to_somebody_else_and_comes_back(home: Home, case: int) -> None:
    asked = opinions.ask(home, case, actor="rev-1", leaning=Finding.NOT_REPORTABLE, note="Is this a turnip?")
    assert opinions.waiting(home).questions == (asked,)
    given = routing.next_case(home, "rev-1")
    assert given.case != case
    (hidden,) = casebook.open_case(home, case, reader="rev-2").questions
    assert (hidden.asked_by, hidden.leaning, hidden.note) == ("rev-1", None, "")
    opinions.judge(home, case, Impression.CANNOT_TELL, actor="rev-2")
    (told,) = casebook.open_case(home, case, reader="rev-2").questions
    assert told.note == "Is this a turnip?"
    report_it(home, case)
    assert opinions.waiting(home).questions == ()
    (answered,) = opinions.asked_by(home, "rev-1").questions
    assert (answered.answer, answered.answered_by) == (Finding.REPORT, "rev-1")
    with pytest.raises(StateError, match="waits"):
        opinions.ask(home, case, actor="rev-1")


def test_a_note_has_its_length_and_a_case_its_number(home: Home, case: int) -> None:
    with pytest.raises(InputError, match="too long"):
        opinions.ask(home, case, actor="rev-1", note="x" * 2001)
    for act in (
        lambda: opinions.ask(home, 99, actor="a"),
        lambda: opinions.judge(home, 99, Impression.DRAWN, actor="a"),
    ):
        with pytest.raises(NotFoundError):
            act()


def test_the_live_check_says_what_a_report_would_lack_and_keeps_nothing(home: Home, case: int) -> None:
    fields = {"finding": Finding.REPORT, "why": "Seen.", "conduct": "abuse-material"}
    items = next_items(home, case)
    plain = drafting.preview(home, case, Conclusion.of(**fields), actor="rev-1", items=items)
    assert [one.account for one in plain] == ["u1"]
    assert plain[0].findings.of_kind(FindingKind.THIN)
    assert plain[0].findings.may_be_filed
    claimed = Conclusion.of(**fields, classification="A1")
    (untrue,) = drafting.preview(home, case, claimed, actor="rev-1", items=items)
    assert not untrue.findings.may_be_filed  # nobody has looked at it
    assert (
        drafting.preview(home, case, Conclusion(finding=Finding.NOT_REPORTABLE, why="No."), actor="a", items=items)
        == ()
    )
    assert casebook.open_case(home, case, reader="rev-1").waiting == tuple(items)


def test_what_was_decided_draws_the_same_report_as_the_live_check(home: Home, case: int) -> None:
    from firstlight.casework import filing

    items = next_items(home, case)
    conclusion = Conclusion.of(finding="report", why="A reason in words.", conduct="abuse-material")
    (before,) = drafting.preview(home, case, conclusion, actor="rev-1", items=items)
    report_it(home, case, items)
    (after,) = filing.draft(home, case)
    assert before.draft.report == after.draft.report
    assert before.draft.files == after.draft.files


@pytest.mark.parametrize("words", ["{case}", "case {case}", "a.jpg", "u1", "{sha256}", "{md5}", " Case-{case} "])
def test_an_item_is_found_by_what_is_known_of_it(home: Home, case: int, words: str) -> None:
    with home.look() as work:
        from firstlight.casework import cases

        row = cases.members(work, cases.one(work, case))[0]
    found = search.search(home, words.format(case=case, sha256=row.sha256.upper(), md5=row.md5))
    assert row.id in [hit.item for hit in found.hits]


@pytest.mark.parametrize("words", ["u", "%", "a_jpg", "case 99", "report 7", "0" * 64, "jpg"])
def test_nothing_else_is_found(home: Home, case: int, words: str) -> None:
    assert search.search(home, words).hits == ()


def test_nothing_is_not_looked_for(home: Home) -> None:
    for words in ("", "  ", "x" * 301):
        with pytest.raises(InputError):
            search.search(home, words)


def test_figures_count_cases_and_nobody(home: Home, case: int) -> None:
    assert figures.figures(home).views.decided == 0
    report_it(home, case)
    found = figures.figures(home)
    assert (found.views.decided, found.views.shown, found.views.avoided, found.views.share) == (1, 0, 1, 1.0)
    (waits,) = found.waits
    assert waits.decided == 1
    assert "rev-1" not in found.model_dump_json()
