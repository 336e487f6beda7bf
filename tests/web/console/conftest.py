"""What the tests of the console share: one cage, one browser, one house with pictures drawn by code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firstlight.casework.examine import PRELOAD
from firstlight.casework.showing import PRELOAD as SHOWING
from firstlight.media import Cage
from web.console.house import House, open_house

CHROMIUM = Path("/usr/bin/chromium")
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-domain-reliability",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-component-extensions-with-background-pages",
    "--no-proxy-server",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
SHOTS = Path(os.environ.get("FIRSTLIGHT_SHOTS", Path(__file__).resolve().parents[3] / "build" / "console"))

Browsing = Callable[..., Any]


@pytest.fixture(scope="session")
def cage() -> Iterator[Cage]:
    """Caged workers that show as well."""
    with Cage(workers=1, preload=(*PRELOAD, *SHOWING)) as cage:
        yield cage


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, cage: Cage) -> Iterator[House]:
    """One house for all tests of a process; each test works on a case of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("firstlight.banks.library.MEMORY", tmp_path_factory.getbasetemp())
        with open_house(tmp_path_factory.mktemp("house"), cage) as house:
            yield house


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """Debian's browser, driven from outside."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"the browser is not at hand: apt install chromium ({CHROMIUM})")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGS))
        yield browser
        browser.close()


@pytest.fixture
def browsing(chromium: Any, house: House) -> Iterator[Browsing]:
    """`browsing("rev-1", Role.REVIEWER)` is a page of a browser in which this user is signed in."""
    contexts: list[Any] = []
    faults: list[str] = []

    def page(name: str = "rev-1", *roles: Any, **options: Any) -> Any:
        context = chromium.new_context(**{"base_url": house.address, **options})
        contexts.append(context)
        context.set_default_timeout(20_000)
        if name:
            context.add_cookies([house.cookie(name, *roles)])
        made = context.new_page()
        made.on("pageerror", lambda error: faults.append(str(error)))
        made.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        return made

    yield page
    for context in contexts:
        context.close()
    assert not faults
