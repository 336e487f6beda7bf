"""Every page and state: nothing for axe to find, in light and dark, and nothing that scrolls sideways at 400 %.

A screenshot of each is left for people to look at.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from firstlight.web.access.policy import Role
from web.console.conftest import SHOTS, Browsing
from web.console.house import House, open_house

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "today": "/",
    "next": "/next",
    "queue": "/queue",
    "case": "/cases/{listed.jpg}",
    "case-urgent": "/cases/{urgent.jpg}",
    "case-moving": "/cases/{moving.gif}",
    "case-unreadable": "/cases/{broken.jpg}",
    "case-asked": "/cases/{ordinary-10.jpg}",
    "case-decided": "/cases/{ordinary-9.jpg}",
    "bundle": "/cases/{listed.jpg}/bundle",
    "decide": "/cases/{listed.jpg}/decide",
    "decided": "/cases/{ordinary-9.jpg}/decided",
    "report": "/cases/{ordinary-11.jpg}/report",
    "report-none": "/cases/{ordinary-9.jpg}/report",
    "reports": "/reports",
    "search": "/search",
    "banks": "/banks",
    "bank": "/banks/series",
    "custody": "/custody",
    "custody-case": "/custody?case={listed.jpg}",
    "figures": "/figures",
    "approvals": "/approvals",
    "jobs": "/jobs",
    "users": "/users",
    "settings": "/settings",
    "account": "/account",
    "help": "/help",
    "break": "/break",
    "not-found": "/cases/99999",
}

SIDEWAYS = """() => [...document.querySelectorAll("html, body, body *:not(.skip, textarea, input, svg *, thead *)")]
  .filter((one) => getComputedStyle(one).display !== "inline" && one.clientWidth > 1)
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => `${one.tagName} ${one.className} ${one.scrollWidth} > ${one.clientWidth}`)"""
"""What is wider than its place: it would scroll both ways, or be cut off."""

BORDERLESS = """() => [...document.querySelectorAll("main .card, main .choice, main .tag, main button, main input")]
  .filter((one) => one.checkVisibility() && one.type !== "radio" && one.type !== "checkbox")
  .filter((one) => getComputedStyle(one).borderTopWidth === "0px").map((one) => one.outerHTML.slice(0, 80))"""
"""What cannot be told from the page where the system chooses the colours."""


def _search(page: Any, words: str) -> None:
    page.fill("#words", words)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _decide(page: Any) -> object:
    page.check("[name=finding][value=report]")
    page.fill("#why", "As the service states.")
    page.click("text=Decide s")
    return page.wait_for_selector("[data-undo] [data-left]")


IN_STATES: dict[
    str, tuple[str, Callable[[Any], object]]
] = {  # what has to be done on a page before it stands in this state
    "keys": ("/cases/{listed.jpg}", lambda page: page.keyboard.press("?")),
    "search-found": ("/search", lambda page: _search(page, "account-1")),
    "search-nothing": ("/search", lambda page: _search(page, "nobody")),
    "proof": ("/custody", lambda page: (page.fill("#seq", "1"), page.click("text=Prove it"))),
    "proof-none": ("/custody", lambda page: (page.fill("#seq", "99999"), page.click("text=Prove it"))),
    "bank-entry-none": ("/banks/series", lambda page: (page.fill("#key", "none"), page.click("text=Show it"))),
    "bank-delete-refused": (
        "/banks/series",
        lambda page: (
            page.fill("#delete-name", "another"),
            page.fill("#delete-why", "a slip"),
            page.click("text=Delete this bank"),
        ),
    ),
    "verified": ("/custody", lambda page: page.click("text=Walk the whole log")),
    "user-refused": (
        "/users",
        lambda page: (page.fill("#name", "Not A Name"), page.click("form button:text-is('Add')")),
    ),
    "decide-report": (
        "/cases/{listed.jpg}/decide",
        lambda page: (
            page.check("[name=finding][value=report]"),
            page.fill("#why", "Listed."),
            page.check("[name=classification][value=A1]"),
            page.wait_for_selector("[data-check] .note.stop"),
        ),
    ),
    "decide-refused": (
        "/cases/{listed.jpg}/decide",
        lambda page: (page.check("[name=finding][value=report]"), page.fill("#why", " "), page.click("text=Decide s")),
    ),
    "hold-refused": (
        "/cases/{listed.jpg}",
        lambda page: (
            page.click("text=Put a hold on this case"),
            page.fill("#authority", " "),
            page.fill("#hold-reason", "Asked for by a court."),
            page.click("text=Put it on"),
            page.wait_for_selector("[aria-invalid]"),
        ),
    ),
    "settings-refused": (
        "/settings",
        lambda page: (
            page.fill("#own-files_a_day", "40"),
            page.evaluate("document.querySelector('#own-break_minutes').min = ''"),
            page.fill("#own-break_minutes", "0"),
            page.locator("form[action='/settings/limits'] button").click(),
            page.wait_for_selector("[aria-invalid]"),
        ),
    ),
    "roles-refused": (
        "/users",
        lambda page: (
            page.click("summary:has-text('Change ada')"),
            page.evaluate("for (const one of document.querySelectorAll('details[open] :checked')) one.checked = false"),
            page.click("form[action='/users/ada/roles'] button"),
            page.wait_for_selector(".wrong"),
        ),
    ),
    "user-added": (
        "/users",
        lambda page: (
            page.fill("#name", f"new-{time.time_ns()}"),
            page.check("form[action='/users'] [value=auditor]"),
            page.click("form button:text-is('Add')"),
            page.wait_for_selector("text=shown once"),
        ),
    ),
    "opinion-asking": ("/cases/{listed.jpg}", lambda page: page.click("summary:has-text('Ask a colleague')")),
    "queue-forecast": ("/queue", lambda page: page.click("text=With other people and speeds")),
    "judged": (
        "/cases/{ordinary-14.jpg}",
        lambda page: (
            page.check("[name=impression][value=drawn]"),
            page.click("button:text-is('Say so')"),
            page.wait_for_selector("text=You took it for"),
        ),
    ),
    "unlinked": (
        "/cases/{linked-1.txt}",
        lambda page: (
            page.click("text=By which identifiers"),
            page.locator("summary:has-text('It links nothing')").first.click(),
            page.locator("input[name=why]").first.fill("A family's address."),
            page.locator("button:has-text('Unlink it')").first.click(),
            page.wait_for_load_state(),
            page.click("text=By which identifiers"),
            page.locator("summary:has-text('It does link')").first.click(),
        ),
    ),
    "undoing": ("/cases/{ordinary-15.jpg}/decide", lambda page: _decide(page)),
    "report-unsettled": (
        "/cases/{ordinary-16.jpg}/decide",
        lambda page: (_decide(page), page.click("text=Its report"), page.wait_for_selector("form[data-undo]")),
    ),
    "undone": (
        "/cases/{ordinary-14.jpg}/decide",
        lambda page: (_decide(page), page.click("text=Undo u"), page.wait_for_selector("h2:has-text('Look at item')")),
    ),
    "looking": (
        "/cases/{ordinary-12.jpg}",
        lambda page: (
            page.locator("[data-hold]").focus(),
            page.keyboard.down(" "),
            page.wait_for_selector("[data-pane] img"),
        ),
    ),
}


def _address(house: House, path: str) -> str:
    return re.sub(r"\{(.*?)\}", lambda found: str(house.case(found[1])), path)


def _violations(page: Any, **options: Any) -> list[str]:
    found = Axe().run(
        page, options={"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"], **options}
    )
    return [
        f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes'][:4]]}"
        for one in found.response["violations"]
    ]


def inspect(page: Any, name: str) -> None:
    """Nothing for axe to find, nothing that scrolls sideways; a screenshot stays. The page is narrow and dark then."""
    assert "fault of Firstlight" not in page.inner_text("main")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
    assert not _violations(page)
    page.emulate_media(color_scheme="dark")
    only = {"type": "rule", "values": ["color-contrast"]}
    assert not _violations(page, runOnly=only)
    for width in (900, 360, 320):  # 320 is 1280 at 400 %
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate(SIDEWAYS) == [], f"{width} px scrolls sideways"
        if width == 360:
            page.screenshot(path=SHOTS / f"{name}-360-dark.png", full_page=True)


@pytest.fixture(scope="module")
def ada(chromium: Any, house: House) -> Iterator[Any]:
    """One page of somebody who may do everything, for all of these tests."""
    context = chromium.new_context(base_url=house.address, reduced_motion="reduce")
    context.add_cookies([house.cookie("ada")])
    yield context.new_page()
    context.close()


@pytest.fixture
def page(ada: Any) -> Any:
    """That page, wide and light again."""
    ada.set_viewport_size({"width": 1280, "height": 800})
    ada.emulate_media(color_scheme="light")
    return ada


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_accessible(page: Any, house: House, name: str) -> None:
    page.goto(_address(house, PAGES[name]))
    assert page.locator("h1").count() == 1
    inspect(page, name)


@pytest.mark.parametrize("name", IN_STATES)
def test_every_state_is_accessible(page: Any, house: House, name: str) -> None:
    path, act = IN_STATES[name]
    page.goto(_address(house, path))
    act(page)
    page.wait_for_load_state()
    inspect(page, name)


def test_the_pages_of_whoever_is_not_signed_in_are_accessible(browsing: Browsing) -> None:
    page = browsing("", color_scheme="light")
    page.goto("/sign-in")
    inspect(page, "sign-in")
    page.goto("/enter/something")
    inspect(page, "enter")


def test_a_house_in_which_nothing_has_happened_is_accessible(chromium: Any, tmp_path: Path) -> None:
    with open_house(tmp_path, None) as empty:
        context = chromium.new_context(base_url=empty.address, reduced_motion="reduce")
        context.add_cookies([empty.cookie("ada")])
        page = context.new_page()
        for name in ("today", "queue", "reports", "banks", "custody", "figures", "jobs"):
            page.set_viewport_size({"width": 1280, "height": 800})
            page.emulate_media(color_scheme="light")
            page.goto(PAGES[name])
            inspect(page, f"{name}-empty")
        page.goto("/next")
        page.click("text=Give me the next case")
        page.wait_for_selector("h2:text-is('Nobody waits')")
        inspect(page, "next-nobody")
        context.close()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR, Role.CUSTODIAN, Role.KEY_OFFICER])
def test_roles_without_pictures_have_a_first_page_and_no_pane(browsing: Browsing, house: House, role: Role) -> None:
    page = browsing(f"only-{role.value}", role)
    page.goto("/")
    inspect(page, f"today-{role.value}")
    answer = page.goto(_address(house, "/cases/{listed.jpg}"))
    assert answer.status in (200, 403)
    assert page.locator("[data-hold]").count() == 0


def test_with_forced_colours_and_at_rest_everything_is_there(page: Any, house: House) -> None:
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    for name in ("queue", "case", "decide", "report", "settings"):
        page.goto(_address(house, PAGES[name]))
        page.screenshot(path=SHOTS / f"{name}-forced-colours.png", full_page=True)
        assert page.evaluate(SIDEWAYS) == []
        assert page.evaluate(BORDERLESS) == [], name
    page.goto("/break")
    assert page.evaluate("document.getAnimations().length") == 0
    page.emulate_media(forced_colors="none")


def test_on_paper_there_is_the_record_and_no_furniture(browsing: Browsing, house: House) -> None:
    page = browsing("ada")
    page.goto(_address(house, "/cases/{listed.jpg}"))
    page.emulate_media(media="print")
    assert not page.locator("header.top").is_visible()
    assert not page.locator("[data-look]").is_visible()
    assert page.get_by_role("heading", name="Why it stands here").is_visible()
    (SHOTS / "case.pdf").write_bytes(page.pdf(format="A4"))
