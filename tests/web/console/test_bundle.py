"""A case of very many items: a form names them in one field, and a page tells the facts of some."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.making import case_of, jpeg, put, take_in, upload
from firstlight.casework import casebook, review
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion
from firstlight.errors import InputError
from firstlight.media import Cage
from firstlight.web.access.policy import Role
from firstlight.web.console.numbers import MOST, numbers_in, spans
from web.conftest import SignedInAs


@given(st.lists(st.integers(1, 2**31 - 1) | st.integers(1, 40), unique=True))
def test_numbers_come_back_as_they_went(numbers: list[int]) -> None:
    carried = spans(numbers)
    assert numbers_in([carried] if carried else []) == numbers
    assert numbers_in([str(one) for one in numbers]) == numbers


def test_neighbours_are_one_word() -> None:
    assert spans([*range(1, 20_001), 30_000]) == "1-20000,30000"


@pytest.mark.parametrize("text", ["", "0", "-1", "3-1", "1-2-3", "x", "1.5", "2147483648", f"1-{MOST + 2}", "\u0663"])
def test_what_names_no_items_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="names no items"):
        numbers_in([text])


def test_a_large_bundle_is_told_page_by_page_and_decided_at_once(
    home: Home, cage: Cage, tmp_path: Path, signed_in: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(casebook, "PAGE", 2)
    files = {f"{place}.jpg": jpeg(1) for place in range(5)}
    take_in(home, cage, [put(tmp_path / "in", files)], default=upload("u1"))
    case = case_of(home, "0.jpg")
    told: list[int] = []
    book = casebook.open_case(home, case, reader="ada")
    for start in (1, 3, 5):
        book = casebook.open_case(home, case, reader="ada", start=start)
        assert (book.total, len(book.waiting), book.start) == (5, 5, start)
        assert set(book.page) <= {item.item for item in book.items}
        assert book.item(book.groups[0].shown).item in [item.item for item in book.items]
        assert len(book.items) <= 3
        told += book.page
    assert sorted(told) == sorted(book.waiting)

    browser = signed_in(Role.REVIEWER)
    page = browser.get(f"/cases/{case}/bundle?start=3").text
    assert "Items 3 to 4 of 5" in page
    assert "All 5 items of group 1" in page
    assert 'href="/cases/1/bundle?start=1"' in page
    assert 'href="/cases/1/bundle?start=5"' in page
    form = browser.post(f"/cases/{case}/bundle", data={"items": spans(book.waiting)}).text
    assert "5 records" in form
    report = {"finding": "report", "why": "As seen.", "conduct": "abuse-material", "items": spans(book.waiting)}
    assert browser.post(f"/cases/{case}/decide", data=report).status_code == 303
    assert len(review.decisions(home, case)) == 5
    after = casebook.open_case(home, case, reader="ada", start=5)
    assert (after.decided, after.reports, after.waiting, len(after.settled)) == (5, True, (), 5)
    assert "5 records in this case" in browser.get(f"/cases/{case}/decided").text


def test_only_the_newest_decisions_are_told(
    home: Home, cage: Cage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(casebook, "MOST_DECISIONS", 1)
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1), "b.jpg": jpeg(1)})], default=upload("u1"))
    case = case_of(home, "a.jpg")
    items = casebook.open_case(home, case, reader="ada").waiting
    review.decide(home, case, Conclusion.of(finding="not-reportable", why="A turnip."), actor="ada", items=items)
    book = casebook.open_case(home, case, reader="ada")
    assert ([one.item for one in book.decisions], book.decided, book.reports) == ([max(items)], 2, False)
