"""A whole case by keyboard alone: from a one-time link and a passkey to a report that is acknowledged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from firstlight.casework import opinions, review, undo
from firstlight.casework.review import Finding
from firstlight.web.access import users
from firstlight.web.access.policy import Role
from web.console.conftest import Browsing
from web.console.house import House, authenticator
from web.console.test_pages import inspect

SEEN = """() => {
  const one = document.activeElement;
  const shown = one.matches(".parts input") ? one.closest("label") : one;
  const box = shown.getBoundingClientRect();
  const at = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height, 40) / 2);
  const style = getComputedStyle(shown);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && shown.contains(at);
}"""
"""Whether what has the focus is marked, in view, and under nothing else."""


def _tab_to(page: Any, words: str, most: int = 60) -> None:
    """Press Tab until what has the focus is called so; on the way it is always seen where the focus is."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement !== document.body"):  # after the last of them the browser has it
            assert page.evaluate(SEEN), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        name = page.evaluate(
            "(document.activeElement.labels?.[0]?.textContent || document.activeElement.textContent || '').trim()"
        )
        if name.startswith(words):
            return
    raise AssertionError(f"the keyboard does not reach {words!r}")


def _sign_in(page: Any, house: House) -> None:
    _, secret = users.add(house.home, "keyboard-1", [Role.REVIEWER])
    authenticator(page)
    page.goto(f"/enter/{secret}")
    _tab_to(page, "Go on")
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    _tab_to(page, "A name for it")
    page.keyboard.type("My key")
    _tab_to(page, "Add a passkey")
    page.keyboard.press("Enter")
    page.wait_for_selector("th:text-is('My key')")
    _tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in")
    _tab_to(page, "Sign in with a passkey")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:text-is('Hello, keyboard-1')")


def test_a_whole_case_is_worked_by_keyboard_alone(browsing: Browsing, house: House) -> None:
    page = browsing("", color_scheme="light")
    _sign_in(page, house)
    page.keyboard.press("q")
    page.wait_for_url("**/queue")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/*")
    assert page.inner_text("h1") == first.replace("\u00a0", " ")
    page.keyboard.press("n")
    page.wait_for_url("**/next")
    page.keyboard.press("o")
    page.wait_for_selector("h2:text-matches('^Case ')")
    case = int(page.inner_text("main h2").split()[1])
    assert case == house.case("urgent.jpg")  # a child may be in danger: it comes first
    inspect(page, "next-given")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("o")
    page.wait_for_url(f"**/cases/{case}")

    page.keyboard.down(" ")  # wherever the focus is
    page.wait_for_selector("[data-pane] img")
    page.wait_for_timeout(1300)
    page.keyboard.up(" ")
    page.wait_for_selector("[data-pane] img", state="detached")

    page.keyboard.press("m")
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    assert page.locator("[name=impression]:checked").get_attribute("value") == opinions.Impression.GENERATED
    _tab_to(page, "Say so", 3)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=You took it for: generated")

    page.keyboard.press("d")
    page.wait_for_url("**/decide")
    page.keyboard.press("r")
    page.keyboard.press("2")
    page.keyboard.press("w")
    page.keyboard.type("As the service states, and as seen. 1234 rxs")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    page.keyboard.type("Contact with a child goes on.")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press("Enter")  # which decides nothing
    page.wait_for_timeout(200)
    assert review.decisions(house.home, case) == ()
    page.keyboard.press(" ")
    page.wait_for_url("**/decided")
    assert page.locator("img").count() == 0

    page.keyboard.press("u")  # a slip: it is taken back, and decided again
    page.wait_for_url(f"**/cases/{case}")
    assert page.locator("img").count() == 0
    page.keyboard.press("d")
    page.wait_for_url("**/decide")
    for key in ("r", "2", "w"):
        page.keyboard.press(key)
    page.keyboard.type("As seen.")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press(" ")
    page.wait_for_url("**/decided")
    (made,) = review.decisions(house.home, case)
    assert (made.actor, made.seen, made.conclusion.finding) == ("keyboard-1", True, Finding.REPORT)
    assert (made.conclusion.why, made.conclusion.classification) == ("As seen.", "A2")

    _tab_to(page, "Its report")
    page.keyboard.press("Enter")
    page.wait_for_url("**/report")
    assert page.locator("[data-when-settled]").is_disabled()
    house.clock.by += undo.UNDO_LIFE + timedelta(seconds=1)
    page.reload()
    _tab_to(page, "Send 1 report")
    page.keyboard.press("Enter")  # which sends nothing
    page.wait_for_timeout(200)
    assert page.locator("text=Acknowledged").count() == 0
    page.keyboard.press(" ")
    page.wait_for_selector("dt:text-is('Acknowledged')")
    page.goto("/")
    assert "was acknowledged" in page.inner_text("main")


def test_single_keys_can_be_switched_off_and_never_work_while_somebody_types(browsing: Browsing, house: House) -> None:
    page = browsing("rev-2")
    case = house.case("ordinary-6.jpg")
    page.goto("/search")
    page.keyboard.type("nq?b")  # the field has the focus
    assert page.input_value("#words") == "nq?b"
    page.goto("/settings")
    page.select_option("#single-keys", "off")
    page.goto(f"/cases/{case}")
    for key in ("d", "n", "?", " "):
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert page.url.endswith(f"/cases/{case}")
    assert not page.locator("#keys").is_visible()
    assert page.locator("[data-pane] img").count() == 0


def test_the_keys_of_a_page_are_told(browsing: Browsing, house: House) -> None:
    page = browsing("rev-2")
    page.goto(f"/cases/{house.case('ordinary-6.jpg')}")
    page.keyboard.press("?")
    assert "hold to look" in page.inner_text("#keys")
    page.keyboard.press("d")  # nothing while the list is open
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()
    page.goto("/queue")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent").startswith("Case")
