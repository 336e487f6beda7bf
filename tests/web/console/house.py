"""A small service with drawn pictures in it, behind a real server on loopback, and browsers that are signed in."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image

from casework.making import SETTINGS
from firstlight.casework import banking, cases, examine, facts, intake, opinions, review
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.casework.upload import Chat, Party, Upload
from firstlight.cli.demo.drawing import draw
from firstlight.clock import SystemClock
from firstlight.media import Cage
from firstlight.store.tables import User
from firstlight.triage import Context
from firstlight.values import BankPurpose
from firstlight.web.access import sessions, users
from firstlight.web.access.policy import Role
from firstlight.web.app import create_app
from firstlight.web.listening import listening_at
from firstlight.web.service import Service

EVERY_ROLE = (Role.REVIEWER, Role.SENIOR, Role.CUSTODIAN, Role.ADMIN)


@dataclass
class MovedClock(SystemClock):
    """The machine's clock, moved on by as much as a test wants."""

    by: timedelta = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.by


@dataclass
class House:
    """The service as a test sees it: where it answers, what is in it, and how to get in."""

    home: Home
    service: Service
    clock: MovedClock
    originals: dict[int, bytes] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://localhost:{self.service.settings.port}"

    def case(self, name: str) -> int:
        """The case of the item with this file name."""
        return self.numbers[name]

    def items(self, name: str) -> list[int]:
        """The items of that case."""
        return [item.item for item in cases.show(self.home, self.case(name)).items]

    def cookie(self, name: str, *roles: Role) -> dict[str, Any]:
        """The cookie of somebody who has just signed in, made if they are new."""
        if name not in {one.name for one in users.everybody(self.home)}:
            users.add(self.home, name, roles or EVERY_ROLE)
        user = users.one(self.home, name)
        with self.home.work() as work:
            secret = sessions.begin(work, work.session.get_one(User, user.id), sessions.Way.PASSKEY)
        return {"name": self.service.cookie, "value": secret, "domain": "localhost", "path": "/"}


def _picture(seed: int, form: str = "JPEG", **more: Any) -> bytes:
    out = io.BytesIO()
    draw(seed).save(out, form, **more)
    return out.getvalue()


def _animation() -> bytes:
    frames = [draw(seed).resize((320, 240), Image.Resampling.BOX) for seed in (21, 22, 23)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=400)
    return out.getvalue()


def files() -> dict[str, bytes]:
    """What has come in: a listed picture with copies, an urgent one, one that moves, one that nobody can open."""
    listed = _picture(1, quality=95)
    return {
        "listed.jpg": listed,
        "listed-again.jpg": listed,
        "listed-small.png": _picture(1, "PNG"),
        "severe.jpg": _picture(2, quality=95),
        "urgent.jpg": _picture(3, quality=95),
        "moving.gif": _animation(),
        "broken.jpg": b"\xff\xd8\xff\xe0 nothing more",
        **{f"ordinary-{seed}.jpg": _picture(seed, quality=90) for seed in range(5, 17)},
        "linked-1.txt": b"One has come in.",
        "linked-2.txt": b"And another one has.",
    }


def furnish(home: Home, cage: Cage, folder: Path) -> dict[str, int]:
    """Take everything in and say in which case each file is."""
    folder.mkdir()
    for name, data in files().items():
        (folder / name).write_bytes(data)
    banking.create_bank(home, "series", BankPurpose.KNOWN, owner="a hotline", licence="by agreement")
    for bank, name, category in (("series", "listed.jpg", ""), ("hard", "severe.jpg", "A1")):
        if bank == "hard":
            banking.create_bank(home, "hard", BankPurpose.KNOWN, owner="a hotline")
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        table = folder.parent / f"{bank}.csv"
        table.write_text(f"sha256,category\n{digest},{category}\n")
        banking.import_list(home, bank, table)
    now = home.clock.now()
    about = {
        name: Upload(
            account=f"account-{place % 4 + 1}",
            uploaded_at=now - timedelta(minutes=5 + place),
            ip=ip_address("192.0.2.7"),
            port=40000 + place,
            url=f"https://photos.example/{name}",
            context=Context.stated(["contact_with_minor", "live"] if name == "urgent.jpg" else []),
            chats=(Chat(client="Example Chat", text="Hello.\nDo you like turnips?"),) if name == "urgent.jpg" else (),
        )
        for place, name in enumerate(files())
    }
    mail = Party.model_validate({"emails": [{"value": "carrot@veg.example"}]})
    for name in ("linked-1.txt", "linked-2.txt"):
        about[name] = Upload(account=f"account-{name}", uploaded_at=now, holder=mail)
    intake.receive(home, intake.arrivals([folder], about))
    examine.examine(home, cage)
    return {item.name: place.case for place in cases.queue(home).places for item in cases.show(home, place.case).items}


def settle_something(house: House) -> None:
    """A question of a colleague, a decision that waits to be filed, and one that settled a case."""
    opinions.ask(house.home, house.case("ordinary-10.jpg"), actor="rev-9", note="Is this a turnip?")
    for name, fields in (
        ("ordinary-11.jpg", {"finding": "report", "why": "As the service states.", "conduct": "abuse-material"}),
        ("ordinary-9.jpg", {"finding": "not-reportable", "why": "A drawing of a turnip."}),
    ):
        case = house.case(name)
        review.decide(house.home, case, Conclusion.of(**fields), actor="rev-9", items=house.items(name))


@contextmanager
def open_house(folder: Path, cage: Cage | None) -> Iterator[House]:
    """The whole of it, running; without a cage it is empty."""
    (folder / "home").mkdir(mode=0o700)
    (folder / "home" / "settings.toml").write_text(SETTINGS)
    clock = MovedClock()
    with (
        Home.open(folder / "home", clock=clock) as home,
        served(lambda port: Service(home=home, settings=ServiceSettings(port=port), cage=cage)) as service,
    ):
        house = House(home, service, clock)
        if cage is not None:
            house.numbers = furnish(home, cage, folder / "in")
            settle_something(house)
        yield house


@contextmanager
def served(made: Callable[[int], Service]) -> Iterator[Service]:
    """The service that is made for a port of the system's choice, listening there."""
    with listening_at("127.0.0.1", 0) as socket:
        service = made(socket.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(create_app(service), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield service
        finally:
            server.should_exit = True
            thread.join(10)


def look_until_recorded(page: Any, house: House) -> None:
    """Hold the severe picture of a page to see it, let go, and wait until that is on record."""
    page.keyboard.down(" ")
    page.wait_for_selector("[data-pane] img")
    page.keyboard.up(" ")
    page.wait_for_selector("[data-says]:has-text('Hidden')")
    (item,) = house.items("severe.jpg")
    for _ in range(100):
        with house.home.look() as work:
            if any(one.by == "reviewer" for one in facts.viewings_of(work, cases.item(work, item).sha256)):
                return
        page.wait_for_timeout(50)
    raise AssertionError("the look is not on record")


def authenticator(page: Any) -> None:
    """A passkey device that agrees to everything, as the browser's own developer protocol provides it."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    protocol.send("WebAuthn.addVirtualAuthenticator", {"options": options})
