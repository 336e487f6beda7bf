"""Looking: no pixel crosses the wire before somebody asks, no more than was asked for, and each look is on record."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from firstlight.casework import cases, exposure, facts
from firstlight.casework.exposure import Limits
from firstlight.cybertip import Rendition, Viewing
from web.console.conftest import Browsing
from web.console.house import House, files
from web.console.test_pages import inspect

CHROME = (
    "text/html",
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/problem+json",
    "image/svg+xml",
)


def _watched(page: Any) -> list[Any]:
    """Every answer that the page gets and that is no page, style, script or document."""
    found: list[Any] = []
    page.on("response", lambda r: None if r.headers.get("content-type", "").startswith(CHROME) else found.append(r))
    return found


def _viewings(house: House, name: str) -> tuple[Viewing, ...]:
    with house.home.look() as work:
        rows = {item.name: item.item for item in cases.show(house.home, house.case(name)).items}
        return facts.viewings_of(work, cases.item(work, rows[name]).sha256)


def _until(true: Callable[[], bool], page: Any) -> None:
    for _ in range(100):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen")


def _hold(page: Any, milliseconds: int = 1200) -> None:
    page.locator("[data-hold]").focus()
    page.keyboard.down(" ")
    page.wait_for_selector("[data-pane] img")
    page.wait_for_timeout(milliseconds)
    page.keyboard.up(" ")
    page.wait_for_selector("[data-pane] img", state="detached")


def test_nothing_of_a_picture_is_sent_before_it_is_asked_for(browsing: Browsing, house: House) -> None:
    page = browsing("rev-2")
    answers = _watched(page)
    case = house.case("ordinary-5.jpg")
    for path in ("/", "/next", "/queue", f"/cases/{case}", f"/cases/{case}/bundle", f"/cases/{case}/decide"):
        page.goto(path, wait_until="networkidle")
        assert page.locator("img, video, audio, picture, canvas").count() == 0
    page.goto(f"/cases/{case}")
    page.mouse.move(*_middle(page))  # a pointer that passes over shows nothing
    page.keyboard.press("Tab")
    page.wait_for_timeout(300)
    assert answers == []
    assert _viewings(house, "ordinary-5.jpg") == ()


def _middle(page: Any) -> tuple[float, float]:
    box = page.locator("[data-hold]").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_is_sent_is_small_grey_and_logged_with_its_seconds(browsing: Browsing, house: House) -> None:
    page = browsing("rev-2")
    answers = _watched(page)
    page.goto(f"/cases/{house.case('ordinary-5.jpg')}")
    _hold(page)
    (answer,) = answers
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    with Image.open(io.BytesIO(answer.body())) as sent:
        assert (sent.mode, max(sent.size)) == ("L", 320)
    assert len(answer.body()) != len(files()["ordinary-5.jpg"])
    _until(lambda: len(_viewings(house, "ordinary-5.jpg")) == 1, page)
    (seen,) = _viewings(house, "ordinary-5.jpg")
    assert (seen.rendition, seen.whole, seen.by) == (Rendition.GREY, True, "reviewer")
    assert 1.0 <= seen.seconds < 20
    assert page.request.get(answer.url).status == 404  # it is fetched once


def test_more_is_shown_in_steps_and_in_parts(browsing: Browsing, house: House) -> None:
    page = browsing("rev-2")
    answers = _watched(page)
    page.goto(f"/cases/{house.case('ordinary-6.jpg')}")
    page.keyboard.press("+")
    page.keyboard.press("g")
    _hold(page, 200)
    page.keyboard.press("5")
    page.keyboard.down(" ")  # wherever the focus is now
    page.wait_for_selector("[data-pane] img")
    page.keyboard.up(" ")
    page.wait_for_selector("[data-pane] img", state="detached")
    sizes = []
    for answer in answers:
        with Image.open(io.BytesIO(answer.body())) as sent:
            sizes.append((sent.mode, max(sent.size)))
    assert [mode for mode, _ in sizes] == ["RGB", "RGB"]
    assert sizes[0][1] == 640
    _until(lambda: len(_viewings(house, "ordinary-6.jpg")) == 2, page)
    assert [one.whole for one in _viewings(house, "ordinary-6.jpg")] == [False, False]  # a glance, and a part


def test_what_moves_is_a_storyboard(browsing: Browsing, house: House) -> None:
    page = browsing("rev-2")
    answers = _watched(page)
    page.goto(f"/cases/{house.case('moving.gif')}")
    _hold(page)
    assert [one.headers["x-firstlight-rendition"] for one in answers] == ["frames"]
    _until(lambda: len(_viewings(house, "moving.gif")) == 1, page)
    assert not _viewings(house, "moving.gif")[0].whole


def test_the_pointer_holds_too_and_a_page_that_is_left_hides(browsing: Browsing, house: House) -> None:
    page = browsing("rev-2")
    page.goto(f"/cases/{house.case('ordinary-7.jpg')}")
    page.mouse.move(*_middle(page))
    page.mouse.down()
    page.wait_for_selector("[data-pane] img")
    page.mouse.up()
    page.wait_for_selector("[data-pane] img", state="detached")
    page.mouse.down()
    page.wait_for_selector("[data-pane] img")
    page.goto("/queue")
    _until(lambda: len(_viewings(house, "ordinary-7.jpg")) == 2, page)


def test_hands_that_cannot_hold_press(browsing: Browsing, house: House) -> None:
    page = browsing("rev-2")
    page.goto("/settings")
    page.select_option("#hold", "press")
    page.goto(f"/cases/{house.case('ordinary-13.jpg')}")
    before = len(_viewings(house, "ordinary-13.jpg"))
    page.locator("[data-hold]").click()
    page.wait_for_selector("[data-pane] img")
    page.locator("[data-hold]").click()
    page.wait_for_selector("[data-pane] img", state="detached")
    _until(lambda: len(_viewings(house, "ordinary-13.jpg")) == before + 1, page)


def test_a_break_that_is_due_locks_the_pane(browsing: Browsing, house: House) -> None:
    page = browsing("rev-tired")
    page.goto(f"/cases/{house.case('ordinary-8.jpg')}")
    _hold(page, 300)
    _until(lambda: len(_viewings(house, "ordinary-8.jpg")) == 1, page)
    exposure.limit_myself(house.home, "rev-tired", Limits(minutes_before_break=1, break_minutes=60))
    house.clock.by += timedelta(minutes=2)
    page.reload()
    _hold(page, 300)
    _until(lambda: len(_viewings(house, "ordinary-8.jpg")) == 2, page)
    page.reload()
    assert page.locator("[data-hold]").count() == 0
    assert "A break is due" in page.inner_text("[data-look]")
    inspect(page, "case-break")
    page.goto("/break")
    inspect(page, "break-due")
    again = page.request.post(
        f"/items/{house.items('ordinary-8.jpg')[0]}/reveal",
        data={"edge": 320},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert (again.status, again.json()["code"]) == (403, "refused.exposure")


def test_a_severe_picture_asks_who_is_there(browsing: Browsing, house: House) -> None:
    page = browsing("rev-2")
    answers = _watched(page)
    page.goto(f"/cases/{house.case('severe.jpg')}")
    page.locator("[data-hold]").focus()
    page.keyboard.down(" ")
    _until(lambda: "passkey" in page.inner_text("[data-says]"), page)
    page.keyboard.up(" ")
    assert page.locator("[data-pane] img").count() == 0
    assert answers == []


@pytest.mark.parametrize("note", ["tired", "not well"])
def test_how_one_is_never_leaves_the_browser(browsing: Browsing, house: House, note: str) -> None:
    page = browsing("rev-2")
    page.goto("/settings", wait_until="networkidle")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.get_by_role("button", name=note, exact=True).click()
    _until(lambda: note in page.inner_text("[data-moods]"), page)
    page.wait_for_timeout(300)
    assert sent == []
    page.reload()
    assert note in page.inner_text("[data-moods]")
    with house.home.look() as work:
        for seq in range(len(work.log)):
            event = work.log.entry(seq).event
            assert event is None or "mood" not in event.model_dump_json()
