"""Who stands behind a case is told by name, role and record, wherever the package speaks of people."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from casework.making import case_of, png, put, report_it, take_in, upload
from firstlight.casework import parties, preserve
from firstlight.casework.home import Home
from firstlight.casework.upload import Upload
from firstlight.custody.inspection import inspect_package
from firstlight.media import Cage

RICH = upload(
    "007",
    ip="93.184.216.34",
    port=51515,
    uploaded_at="2026-02-27T18:04:05Z",
    url="https://photos.example/p/1",
    publicly_available=True,
    holder={
        "screen_name": "0123",
        "first_name": "Ada",
        "emails": [{"value": "u17@mail.example", "verified": True}],
        "phones": [{"value": "+1 555 0100"}],
        "devices": [{"kind": "IMEI", "number": "007"}],
        "profile_urls": ["https://photos.example/u17"],
    },
    recipients=[{"account": "u18", "age": 14}],
    victims=[{"account": "u19", "emails": [{"value": "c@mail.example"}]}],
    chats=[{"client": "messages", "text": "=now"}],
)


def _named(one: Upload) -> set[tuple[str, str, str]]:
    return {(each.kind, each.value, each.note) for each in parties.identifiers({"item-1.json": one})}


def test_every_identifier_of_an_upload_is_told_with_its_role() -> None:
    assert _named(RICH) == {
        ("url", "https://photos.example/p/1", ""),
        ("ip", "93.184.216.34", "reported user"),
        ("account", "007", "reported user"),
        ("handle", "0123", "reported user"),
        ("url", "https://photos.example/u17", "reported user"),
        ("email", "u17@mail.example", "reported user"),
        ("phone", "+1 555 0100", "reported user"),
        ("device", "IMEI 007", "reported user"),
        ("other", "Ada", "reported user, name as stated"),
        ("account", "u18", "sent to"),
        ("account", "u19", "victim"),
        ("email", "c@mail.example", "victim"),
    }
    assert _named(upload("")) == set()


def test_what_several_uploads_say_is_told_once_with_the_first_record() -> None:
    found = parties.identifiers({"item-1.json": RICH, "item-2.json": RICH})
    assert {one.record for one in found} == {"item-1.json"}
    assert len(found) == len(_named(RICH))


def test_many_places_are_cut_short_on_the_first_page_and_said_to_be() -> None:
    many = {f"item-{n}.json": upload("u", ip=f"93.184.216.{n}") for n in range(parties.MOST_PLACES + 3)}
    lines = parties.places(many)
    assert lines[0] == "Uploaded from 93.184.216.0 (port not recorded) at 2026-03-01T11:00:00.000000Z."
    assert lines[-1] == "And 3 more; see data/interchange/identifiers.csv."


def test_the_package_names_them_and_what_is_urgent(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1)})], {"a.png": RICH})
    case = case_of(home, "a.png")
    report_it(home, case, escalation="They meet on Friday.")
    folder = Path(preserve.export(home, case, tmp_path / "out").folder)
    page = (folder / "START-HERE.txt").read_text()
    assert page.index("A child may be in danger now") < page.index("They meet on Friday.") < page.index("People")
    assert "Reported user: account 007, handle 0123, email u17@mail.example, phone +1 555 0100" in page
    assert "Sent to: account u18, stated age 14." in page
    assert "Victim: account u19" in page
    assert "Uploaded from 93.184.216.34 port 51515 at 2026-02-27T18:04:05" in page
    rows = list(csv.DictReader(io.StringIO((folder / "data/interchange/identifiers.csv").read_text())))
    assert {(row["kind"], row["note"]) for row in rows} == {(kind, role) for kind, _, role in _named(RICH)}
    assert [row["value"] for row in rows if row["kind"] == "phone"] == ["'+1 555 0100"]
    assert [row["verified"] for row in rows if row["kind"] == "email"] == ["yes", ""]
    assert {row["record"] for row in rows} == {"item-1.json"}
    assert {one.value for one in inspect_package(folder).identifiers} == {value for _, value, _ in _named(RICH)}
