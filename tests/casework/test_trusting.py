"""Trust lists in the home: in use from the next examination on, recorded, and told about when something is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import case_of, jpeg, put, take_in
from firstlight.casework import cases, trusting
from firstlight.casework.home import TRUST, Home
from firstlight.custody import EventType
from firstlight.errors import InputError, IntegrityError
from firstlight.media import Cage
from firstlight.origin import NO_TRUST
from firstlight.store.tables import Setting
from origin.signing import Authority


@pytest.fixture
def authority() -> Authority:
    return Authority.new()


@pytest.fixture
def roots(tmp_path: Path, authority: Authority) -> Path:
    path = tmp_path / "roots.pem"
    path.write_text(authority.pem)
    return path


def _changes(home: Home) -> list[dict[str, object]]:
    with home.look() as work:
        entries = list(work.log.entries(types=[EventType.CONFIG_CHANGE]))
    return [dict(entry.event.payload) for entry in entries if entry.event]


def test_a_list_is_put_into_the_home_and_stands_in_the_custody_log(home: Home, roots: Path) -> None:
    assert home.trust == NO_TRUST
    file = trusting.add(home, "official", roots, date_of_list="2026-02-14", actor="op-1")
    assert home.trust.files == (file,)
    (event,) = _changes(home)
    assert event == {"what": "trust-list", "list": file.model_dump(mode="json"), "before": None}
    found = trusting.standing(home)
    (one,) = found.lists
    assert (one.name, one.date, one.sha256, one.entries) == ("official", "2026-02-14", file.sha256, 1)
    assert (one.whole, one.recorded, one.old, found.stands) == (True, True, False, True)


def test_a_newer_list_names_the_one_before_it(home: Home, roots: Path) -> None:
    first = trusting.add(home, "official", roots, date_of_list="2026-01-01")
    roots.write_text(Authority.new("Newer").pem)
    second = trusting.add(home, "official", roots, date_of_list="2026-02-14")
    assert [event["before"] for event in _changes(home)] == [None, first.sha256]
    assert [one.sha256 for one in trusting.standing(home).lists] == [second.sha256]


def test_signers_are_looked_up_in_the_lists_of_the_home(
    home: Home, cage: Cage, tmp_path: Path, roots: Path, authority: Authority
) -> None:
    signer = authority.signer("Camera Maker", "camera-maker")
    take_in(home, cage, [put(tmp_path / "one", {"before.jpg": signer.sign(jpeg(1))})])
    trusting.add(home, "official", roots, date_of_list="2026-02-14")
    take_in(home, cage, [put(tmp_path / "two", {"after.jpg": signer.sign(jpeg(2))})])
    said = {name: str(cases.show(home, case_of(home, name)).items[0].verdict) for name in ("before.jpg", "after.jpg")}
    assert "Camera Maker" not in said["before.jpg"]
    assert "Camera Maker" in said["after.jpg"]


def test_what_is_no_list_changes_nothing(home: Home, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    with pytest.raises(InputError, match="holds no certificates"):
        trusting.add(home, "official", wrong, date_of_list="2026-02-14")
    assert (_changes(home), trusting.standing(home).lists, home.trust) == ([], (), NO_TRUST)


def test_a_change_needs_somebody_who_makes_it(home: Home, roots: Path) -> None:
    with pytest.raises(InputError, match="Nobody is named"):
        trusting.add(home, "official", roots, date_of_list="2026-02-14", actor=" ")
    assert trusting.standing(home).lists == ()


def test_a_changed_list_is_told_and_believed_no_more(home: Home, roots: Path) -> None:
    trusting.add(home, "official", roots, date_of_list="2026-02-14")
    (path,) = (home.folder / TRUST).glob("official-*.pem")
    path.write_text(Authority.new("Intruder").pem)
    (one,) = trusting.standing(home).lists
    assert (one.whole, one.stands) == (False, False)
    home.forget_trust()
    with pytest.raises(IntegrityError, match="not the one that was put there"):
        _ = home.trust


def test_a_list_that_no_event_holds_is_told(home: Home, roots: Path) -> None:
    trusting.add(home, "official", roots, date_of_list="2026-02-14")
    with home.work() as work:
        work.session.delete(work.session.get_one(Setting, "trust.official"))
    (one,) = trusting.standing(home).lists
    assert (one.whole, one.recorded, one.stands) == (True, False, False)


def test_a_list_that_the_folder_has_lost_is_told(home: Home, roots: Path) -> None:
    trusting.add(home, "official", roots, date_of_list="2026-02-14")
    for path in (home.folder / TRUST).iterdir():
        path.unlink()
    (one,) = trusting.standing(home).lists
    assert (one.name, one.whole, one.recorded) == ("official", False, True)


def test_an_old_list_and_certificates_that_ran_out_are_told(home: Home, roots: Path, authority: Authority) -> None:
    ends = authority.certificate.not_valid_after_utc
    trusting.add(home, "official", roots, date_of_list="2025-02-14")
    (one,) = trusting.standing(home).lists
    assert (one.old, one.stands, one.expired, one.first_expiry) == (True, False, 0, ends)
    home.clock.advance(ends - home.clock.now() + timedelta(seconds=1))  # type: ignore[attr-defined]
    (later,) = trusting.standing(home).lists
    assert later.expired == 1
