"""Links of a case: exact identifiers join, look-alikes do not, a knot is named, an unlink stays and is an event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from casework.making import upload
from firstlight.casework import bearings, linking
from firstlight.casework.bearings import Role
from firstlight.casework.home import Home
from firstlight.casework.intake import Arrival, receive
from firstlight.casework.upload import Upload
from firstlight.custody import EventType
from firstlight.errors import FirstlightError, InputError, NotFoundError, StateError
from firstlight.store import database
from firstlight.store.tables import Bearing, Case, Item, Mention
from firstlight.triage.links import MAX_SHARED
from firstlight.values import Level

MAIL = "carrot@veg.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where files come from."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def party(
    *emails: str,
    phones: tuple[str, ...] = (),
    devices: tuple[tuple[str, str], ...] = (),
    payments: tuple[tuple[str, str], ...] = (),
) -> dict[str, Any]:
    return {
        "payments": [{"kind": kind, "number": number} for kind, number in payments],
        "emails": [{"value": one} for one in emails],
        "phones": [{"value": one} for one in phones],
        "devices": [{"kind": kind, "number": number} for kind, number in devices],
    }


def come_in(home: Home, folder: Path, *uploads: Upload) -> None:
    """Take each in, in a case of its own with its own number."""
    with home.look() as work:
        first = len(work.session.scalars(select(Item.id)).all()) + 1
    for number, one in enumerate(uploads, first):
        path = folder / f"{number}.txt"
        path.write_text(f"words {number}")
        receive(home, [Arrival(f"test:{number}", path, one)])
        with home.work() as work:
            item = work.session.get_one(Item, number)
            row = Case(
                bundle=number, state="open", level_rank=Level.STANDARD.rank, place_order=0.0, owner="queue", says=""
            )
            row.id, row.opened_at, row.deadline = number, item.received_at, item.deadline
            work.session.add(row)
            work.session.flush()
            item.case_id = number


def linked(home: Home, case: int) -> set[str]:
    """The accounts that are only linked with a case."""
    return {one.account for one in linking.links_of(home, case).accounts if not one.roles}


def edge_of(home: Home, case: int, account: str) -> linking.LinkEdge:
    return next(one for one in linking.links_of(home, case).edges if one.account == account)


def test_accounts_are_linked_across_others_and_every_edge_says_why(home: Home, folder: Path) -> None:
    come_in(
        home,
        folder,
        upload("u1", holder=party("Carrot@Veg.Example")),
        upload("u2", holder=party(MAIL, phones=("+1 (202) 555-0123",))),
        upload("u3", holder=party(phones=("+12025550123",), devices=(("IMEI", "007"),))),
        upload("u4", holder=party(devices=(("imei", "007"),)), recipients=[{"account": "u9"}]),
        upload("u5", holder=party("other@veg.example")),
    )
    found = linking.links_of(home, 1)
    assert [(one.account, one.group, one.roles) for one in found.accounts] == [
        ("u1", 1, (Role.UPLOADER,)), ("u2", 1, ()), ("u3", 1, ()), ("u4", 1, ()),
    ]  # fmt: skip
    assert [(one.case, one.account, one.role) for one in found.elsewhere] == [
        (2, "u2", Role.UPLOADER), (3, "u3", Role.UPLOADER), (4, "u4", Role.UPLOADER),
    ]  # fmt: skip
    assert {(one.account, one.identifier, one.item) for one in found.edges} == {
        ("u1", MAIL, 1), ("u2", MAIL, 2), ("u2", "+12025550123", 2), ("u3", "+12025550123", 3),
        ("u3", "imei:007", 3), ("u4", "imei:007", 4),
    }  # fmt: skip
    assert edge_of(home, 1, "u1").says == "Stated first of item 1, as email of the uploader."
    assert (found.alarms, found.more) == ((), False)
    assert linked(home, 5) == set()


def test_who_is_a_victim_here_is_found_elsewhere_and_is_not_made_one_with_the_uploader(
    home: Home, folder: Path
) -> None:
    come_in(
        home,
        folder,
        upload("u1", victims=[{"account": "kid", **party(MAIL)}]),
        upload("kid"),
        upload("u2", recipients=[party(MAIL)]),
    )
    found = linking.links_of(home, 1)
    assert [(one.account, one.group) for one in found.accounts] == [
        ("u1", 1), ("kid", 2), ("(recipient 1 of item 3)", 2),
    ]  # fmt: skip
    assert [(one.case, one.account, one.role) for one in found.elsewhere] == [
        (2, "kid", Role.UPLOADER), (3, "(recipient 1 of item 3)", Role.RECIPIENT),
    ]  # fmt: skip


ALIKE = (
    party("a.b@veg.example"),
    party("ab@veg.example"),
    party("ab+x@veg.example"),
    party("ab@veg.example.org"),
    party("stra\u00dfe@veg.example"),
    party("strasse@veg.example"),
    party("c\u0430rrot@veg.example"),  # a Cyrillic letter
    party(MAIL),
    party(phones=("+12025550123",)),
    party(phones=("+12025550124",)),
    party(phones=("2025550123",)),  # of two countries, for all that is known
    party(phones=("2025550123",)),
    party(devices=(("IMEI", "007"),)),
    party(devices=(("MAC", "007"),)),
    party(devices=(("IMEI", "7"),)),
    party(devices=(("ID", "aB"),)),
    party(devices=(("ID", "ab"),)),
    party(payments=(("wallet", "ab"),)),
    party(payments=(("wallet", "AB"),)),
    party(payments=(("ID", "ab"),)),
)


def test_what_looks_alike_and_differs_links_nothing(home: Home, folder: Path) -> None:
    names = ("u1", "U1", *(f"v{n}" for n in range(2, len(ALIKE))))
    come_in(home, folder, *(upload(name, holder=one) for name, one in zip(names, ALIKE, strict=True)))
    for number in range(1, len(ALIKE) + 1):
        found = linking.links_of(home, number)
        assert [one.account for one in found.accounts] == [names[number - 1]]
        assert found.elsewhere == ()


def test_one_means_of_payment_links(home: Home, folder: Path) -> None:
    paid = [
        upload(name, holder=party(payments=((kind, "0xA1"),))) for name, kind in (("u1", "Wallet"), ("u2", "wallet"))
    ]
    come_in(home, folder, *paid)
    assert linked(home, 1) == {"u2"}
    assert edge_of(home, 1, "u2").identifier == "wallet:0xA1"


def test_an_address_on_the_network_is_seen_and_links_nothing(home: Home, folder: Path) -> None:
    first = upload("u1", ip="192.0.2.7", holder=party(MAIL))
    come_in(
        home,
        folder,
        first,
        upload("u2", ip="::ffff:192.0.2.7"),
        upload("u3", ip="192.0.2.8"),
        upload("u4", holder=party(MAIL)),
    )
    found = linking.links_of(home, 1)
    assert linked(home, 1) == {"u4"}
    assert {(one.account, one.identifier, one.joins) for one in found.edges} == {
        ("u1", MAIL, True), ("u4", MAIL, True), ("u1", "192.0.2.7", False), ("u2", "192.0.2.7", False),
    }  # fmt: skip
    shown = next(one for one in found.edges if one.account == "u2")
    assert shown.says.startswith("Stated first of item 2, as ip of the uploader. Shown only")
    assert {one.account for one in found.elsewhere} == {"u4"}
    assert linking.links_of(home, 3).edges == ()  # nobody else came from there
    with pytest.raises(StateError, match="not held"):
        linking.join(home, 1, shown.edge, why="One house.", by="ada")


def test_a_held_identifier_joins_when_a_person_says_so_and_whoever_comes_later_is_held(
    home: Home, folder: Path
) -> None:
    many = [upload(f"u{n}", holder=party(MAIL)) for n in range(MAX_SHARED + 2)]
    come_in(home, folder, *many)
    edge = edge_of(home, 1, "u0")
    assert (edge.joins, linked(home, 1)) == (False, set())
    told = linking.join(home, 1, edge.edge, why="One person with many accounts.", by="ada")
    assert told.joins
    assert "ada let it join although more than 20 accounts bear it" in told.says
    assert told.says.endswith("One person with many accounts.")
    assert len(linked(home, 1)) == len(linked(home, 9)) == MAX_SHARED + 1
    assert linking.links_of(home, 1).alarms == ()
    with pytest.raises(StateError, match="not held"):
        linking.join(home, 1, edge.edge, why="Again.", by="ada")

    come_in(home, folder, upload("late", holder=party(MAIL)))
    assert "late" not in linked(home, 1)
    assert linked(home, MAX_SHARED + 3) == set()
    assert linking.links_of(home, MAX_SHARED + 3).alarms
    linking.unlink(home, 1, edge_of(home, 1, "u5").edge, why="Another one.", by="ada")
    assert len(linked(home, 1)) == MAX_SHARED

    assert not linking.part(home, 1, edge.edge, why="A shop's address.", by="bert").joins
    assert linked(home, 1) == set()
    with pytest.raises(StateError, match="Nobody let edge"):
        linking.part(home, 1, edge.edge, why="Again.", by="bert")
    with home.look() as work:
        events = [e.event for e in work.log.entries(types=[EventType.JOIN, EventType.PART]) if e.event]
    assert [(e.type, e.actor, len(e.payload["edges"])) for e in events] == [  # type: ignore[arg-type]
        (EventType.JOIN, "ada", MAX_SHARED + 2),
        (EventType.PART, "bert", MAX_SHARED + 1),
    ]
    assert events[0].payload["identifier"] == {"kind": "email", "value": MAIL}


def test_nobody_lets_more_join_than_can_be_looked_at(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "MOST_CONFIRMED", MAX_SHARED + 1)
    come_in(home, folder, *(upload(f"u{n}", holder=party(MAIL)) for n in range(MAX_SHARED + 2)))
    with pytest.raises(StateError, match="22 accounts bear this email"):
        linking.join(home, 1, edge_of(home, 1, "u0").edge, why="All mine.", by="ada")
    assert linked(home, 1) == set()


def test_an_unlink_stays_is_seen_and_is_in_the_log_and_can_be_taken_back(home: Home, folder: Path) -> None:
    come_in(home, folder, upload("u1", holder=party(MAIL)), upload("u2", holder=party(MAIL)))
    number = edge_of(home, 1, "u2").edge
    told = linking.unlink(home, 1, number, why="A family's address.", by="ada")
    assert (told.joins, told.says) == (
        False,
        "Stated first of item 2, as email of the uploader. Unlinked by ada: A family's address.",
    )
    assert linked(home, 1) == linked(home, 2) == set()
    assert edge_of(home, 1, "u2") == told  # seen from both ends
    assert edge_of(home, 2, "u2") == told
    come_in(home, folder, upload("u2", holder=party(MAIL)))
    assert linked(home, 1) == linked(home, 3) == set()
    with pytest.raises(StateError, match="unlinked already"):
        linking.unlink(home, 1, number, why="Again.", by="ada")

    assert linking.relink(home, 1, number, why="One person after all.", by="bert").joins
    assert linked(home, 1) == {"u2"}
    with pytest.raises(StateError, match="not unlinked"):
        linking.relink(home, 1, number, why="Again.", by="bert")
    with home.look() as work:
        events = [e.event for e in work.log.entries(types=[EventType.UNLINK, EventType.RELINK]) if e.event]
        sha256 = work.session.get_one(Item, 2).sha256
    assert [(e.type, e.actor, e.case, e.subject, e.payload["why"]) for e in events] == [
        (EventType.UNLINK, "ada", "case-1", sha256, "A family's address."),
        (EventType.RELINK, "bert", "case-1", sha256, "One person after all."),
    ]
    assert events[0].payload["identifier"] == {"kind": "email", "value": MAIL}
    assert (events[0].payload["account"], events[0].payload["edge"], events[0].payload["item"]) == ("u2", number, 2)


def test_what_hangs_together_otherwise_stays_together(home: Home, folder: Path) -> None:
    both = party(MAIL, phones=("+12025550123",))
    come_in(home, folder, upload("u1", holder=both), upload("u2", holder=both))
    linking.unlink(home, 1, edge_of(home, 1, "u2").edge, why="No.", by="ada")
    assert linked(home, 1) == {"u2"}


WRONG: tuple[tuple[int, int, str, str, type[FirstlightError]], ...] = (
    (9, 1, "No.", "ada", NotFoundError),
    (1, 9, "No.", "ada", NotFoundError),
    (1, 3, "No.", "ada", NotFoundError),  # an edge, and none of this case
    (1, 1, " ", "ada", InputError),
    (1, 1, "x" * 2001, "ada", InputError),
    (1, 1, "No.", " ", InputError),
)


def test_an_unlink_that_cannot_be_recorded_changes_nothing(home: Home, folder: Path) -> None:
    more = upload("u3", holder=party("other@veg.example"))
    come_in(home, folder, upload("u1", holder=party(MAIL)), upload("u2", holder=party(MAIL)), more)
    for case, edge, why, by, error in WRONG:
        with pytest.raises(error):
            linking.unlink(home, case, edge, why=why, by=by)
    assert linked(home, 1) == {"u2"}
    with home.look() as work:
        assert not list(work.log.entries(types=[EventType.UNLINK]))


def test_an_identifier_that_joins_too_many_is_named_and_not_followed(home: Home, folder: Path) -> None:
    many = [upload(f"u{n}", holder=party("noreply@veg.example")) for n in range(MAX_SHARED)]
    come_in(home, folder, *many)
    assert len(linked(home, 1)) == MAX_SHARED - 1
    come_in(home, folder, upload("last", holder=party("noreply@veg.example", MAIL)), upload("x", holder=party(MAIL)))
    found = linking.links_of(home, MAX_SHARED + 1)
    (alarm,) = found.alarms
    assert alarm.startswith(f"The email noreply@veg.example: more than {MAX_SHARED} accounts bear it")
    assert linked(home, MAX_SHARED + 1) == {"x"}  # what else it bears is followed all the same
    assert linked(home, 1) == set()
    held = next(one for one in found.edges if one.identifier.startswith("noreply"))
    assert not held.joins
    assert "Held: more than" in held.says

    linking.unlink(home, MAX_SHARED + 1, held.edge, why="The service's own address.", by="ada")
    assert linking.links_of(home, MAX_SHARED + 1).alarms == ()
    assert len(linked(home, 1)) == MAX_SHARED - 1


def test_a_walk_ends_at_its_limits_and_says_so(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [upload(f"u{n}", holder=party(f"a{n}@veg.example", f"a{n + 1}@veg.example")) for n in range(6)]
    come_in(home, folder, *chain)
    assert len(linked(home, 1)) == 5
    assert not linking.links_of(home, 1).more
    monkeypatch.setattr(linking, "MOST_EDGES", 6)
    found = linking.links_of(home, 1)
    assert found.more
    assert len(found.edges) <= 6
    monkeypatch.setattr(linking, "MOST_EDGES", 500)
    monkeypatch.setattr(linking, "MOST_PLACES", 2)
    found = linking.links_of(home, 1)
    assert (len(found.elsewhere), found.more) == (2, True)


def test_a_case_that_is_not_there_has_no_links(home: Home) -> None:
    with pytest.raises(NotFoundError):
        linking.links_of(home, 1)


def test_what_came_in_before_there_were_links_is_linked_alike(home: Home, folder: Path) -> None:
    odd = party(
        "no address", "A@B.example", phones=("12", "+12025550123"), devices=(("MAC address", " 0:1 "), ("", "1"))
    )
    come_in(
        home,
        folder,
        upload("u1", holder=odd),
        upload("u1", holder=odd, recipients=[odd, {"account": "u2", **odd}, {"age": 12}], victims=[odd]),
        upload("", victims=[{"account": "\u00e4 b"}]),
    )
    before = _rows(home)
    assert len(before[0]) == 6
    assert len(before[1]) == 12
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    with home.database.write() as session:
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0011")
        command.upgrade(config, "0012")
    assert _rows(home) == before
    assert bearings.key_of("u1") in {row[1] for row in before[0]}


def _rows(home: Home) -> tuple[list[Any], list[Any]]:
    with home.look() as work:
        mentions = work.session.execute(select(Mention.item_id, Mention.bearer, Mention.role, Mention.name))
        wanted = select(Bearing.bearer, Bearing.kind, Bearing.value, Bearing.item_id, Bearing.role, Bearing.at)
        return sorted(mentions.all()), sorted(work.session.execute(wanted).all())
