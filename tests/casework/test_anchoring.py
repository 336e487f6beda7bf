"""Second parties to the log: asked in turn, waited for, checked again, and missed by nobody when they are away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from casework.making import SETTINGS, jpeg, put, take_in
from custody.time_authority import Authority, Served, served
from firstlight.casework import anchoring, logbook, preserve
from firstlight.casework.home import Home
from firstlight.clock import FixedClock
from firstlight.custody import EventType, verify_package
from firstlight.custody.witness import Witness
from firstlight.custody.witness_server import WitnessServer
from firstlight.errors import InputError, IntegrityError, StateError, UpstreamError
from firstlight.media import Cage
from firstlight.store.tables import LogCheckpoint, LogStamp

pytest.importorskip("rfc3161_client", reason="the extra timestamps is not installed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl is not at hand")
    return Authority(tmp_path_factory.mktemp("tsa") / "tsa")


@pytest.fixture
def tsa(authority: Authority) -> Iterator[Served]:
    with served(authority) as state:
        yield state


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[WitnessServer]:
    """A witness for a log whose key is not known yet: the home's key is told to it by `home`."""
    with WitnessServer(Witness(tmp_path / "witness", "witness.example/w1", [])) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, authority: Authority, tsa: Served, witness: WitnessServer) -> Iterator[Home]:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    more = f'[timestamps]\nurl = "{tsa.url}"\ncertificates = "tsa.pem"\n'
    more += f'[witness]\nurl = "{witness.url}"\nkey = "{witness.witness.key.vkey}"\n'
    (folder / "settings.toml").write_text(SETTINGS + more)
    (folder / "tsa.pem").write_bytes(authority.chain)
    with Home.open(folder, clock=FixedClock(datetime.now(UTC), timedelta(milliseconds=1))) as home:
        witness.witness._logs = (home.keyring.log_signer().verifier,)
        yield home


def record(home: Home, count: int = 3) -> None:
    with home.work() as work:
        for _ in range(count):
            work.record(EventType.LOGIN, actor="u")


def test_both_are_asked_and_what_they_say_is_checked_again(home: Home) -> None:
    record(home)
    report = anchoring.anchor(home)
    assert (report.size, report.witness, report.stamps, report.waiting, report.errors) == (3, "signed", 1, 0, ())
    found = anchoring.look(home)
    assert (found.witnessed, found.findings) == (3, ())
    (one,) = found.dated
    assert one.checked_by == ("rfc3161-client", "openssl")
    assert abs(one.at - datetime.now(UTC)) < timedelta(minutes=5)
    record(home)
    assert anchoring.anchor(home).size > 3
    assert logbook.verify(home).ok
    with home.look() as work:
        told = [e.event.payload["how"] for e in work.log.entries(types=[EventType.CHECKPOINT_ANCHORED]) if e.event]
    assert told == ["witness", "rfc3161"] * 2


def test_what_is_away_is_waited_for_and_asked_again(home: Home, tsa: Served) -> None:
    record(home)
    tsa.status = 503
    report = anchoring.anchor(home)
    assert (report.witness, report.stamps, report.waiting, report.refused) == ("signed", 0, 1, False)
    assert "answers 503" in report.errors[0].message
    tsa.status, tsa.spoil = 200, b"no time stamp"
    report = anchoring.anchor(home)
    assert report.refused
    assert report.waiting == 2
    with home.look() as work:
        assert sorted(row.tries for row in work.session.scalars(select(LogStamp))) == [1, 1]
    tsa.spoil = None
    report = anchoring.anchor(home)
    assert (report.waiting, report.errors) == (0, ())
    assert anchoring.look(home).findings == ()
    assert logbook.verify(home).ok


def test_a_package_carries_both_and_is_made_without_them_when_they_are_away(
    home: Home, cage: Cage, tmp_path: Path, tsa: Served, witness: WitnessServer
) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    with_both = Path(preserve.export(home, 1, tmp_path / "out").folder)
    check = verify_package(with_both, home.keyring.log_signer().verifier.vkey)
    assert check.ok, check
    told = "\n".join(check.says)
    assert "The witness witness.example/w1 signed the same state" in told
    assert "A time stamp of this checkpoint states the time" in told
    tsa.status = 500
    witness.witness._logs = ()
    without = Path(preserve.export(home, 1, tmp_path / "out").folder)
    assert verify_package(without).ok
    assert not list(without.glob("data/custody/*.tsr"))
    assert not list(without.glob("data/custody/witness.vkey"))
    assert anchoring.look(home).waiting == 1


def test_a_package_that_was_made_without_a_time_gets_it_afterwards(
    home: Home, cage: Cage, tmp_path: Path, tsa: Served
) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    tsa.status = 500
    without = Path(preserve.export(home, 1, tmp_path / "out").folder)
    before = {path: path.read_bytes() for path in without.rglob("*") if path.is_file()}
    with pytest.raises(UpstreamError, match="no trusted time for this package yet"):
        anchoring.stamp_package(home, without, tmp_path / "stamped")
    tsa.status = 200
    record(home)  # the log has grown since: it is the package's own checkpoint that is dated
    dated = anchoring.stamp_package(home, without, tmp_path / "stamped")
    check = verify_package(dated, home.keyring.log_signer().verifier.vkey)
    assert check.ok, check
    assert "A time stamp of this checkpoint states the time" in "\n".join(check.says)
    assert {path: path.read_bytes() for path in without.rglob("*") if path.is_file()} == before
    with pytest.raises(StateError, match="time stamp already"):
        anchoring.stamp_package(home, dated, tmp_path / "again")
    with pytest.raises(StateError, match="there already"):
        anchoring.stamp_package(home, without, tmp_path / "stamped")
    (without / "START-HERE.txt").write_text("Nothing happened.")
    with pytest.raises(IntegrityError, match="does not verify"):
        anchoring.stamp_package(home, without, tmp_path / "spoiled")
    assert not (tmp_path / "spoiled").exists()


def test_a_log_that_was_rolled_back_is_told_by_the_witness(home: Home, tmp_path: Path, witness: WitnessServer) -> None:
    record(home)
    home.close()
    shutil.copytree(home.folder, tmp_path / "before")
    with Home.open(home.folder) as later:
        record(later, 5)
        assert anchoring.anchor(later).witness == "signed"
    with Home.open(tmp_path / "before") as rolled_back:
        report = anchoring.anchor(rolled_back)
        assert report.witness == "error"
        assert report.refused
        assert "the end was cut off" in report.errors[0].message


def test_false_words_in_the_tables_are_found(home: Home) -> None:
    record(home)
    anchoring.anchor(home)
    with home.work() as work:
        row = work.session.scalars(select(LogStamp)).one()
        good = row.response
        assert good is not None
        row.response = good[:-20] + bytes(20)
    assert [one.code for one in anchoring.look(home).findings] == ["timestamp"]
    with home.work() as work:
        work.session.execute(update(LogStamp).values(response=good))
        note = work.session.get_one(LogCheckpoint, 3)
        at = note.note.rindex(b" ") + 20
        note.note = note.note[:at] + (b"A" if note.note[at : at + 1] != b"A" else b"B") + note.note[at + 1 :]
    assert [one.code for one in anchoring.look(home).findings] == ["witness"]


def test_settings_that_cannot_be_used_are_told(tmp_path: Path, tsa: Served) -> None:
    for number, (more, says) in enumerate(
        (
            (f'[timestamps]\nurl = "{tsa.url}"\n', "not its certificates"),
            ('[witness]\nurl = "http://127.0.0.1:1"\n', "not its key"),
            ('[witness]\nurl = "http://127.0.0.1:1"\nkey = "x"\n', "no key of a witness"),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir(mode=0o700)
        (folder / "settings.toml").write_text(SETTINGS + more)
        with Home.open(folder) as home, pytest.raises(InputError, match=says):
            anchoring.anchor(home)


def test_a_home_without_second_parties_says_so(tmp_path: Path) -> None:
    with Home.open(tmp_path / "plain") as home:
        record(home)
        report = anchoring.anchor(home)
        assert (report.witness, report.stamps, report.waiting, report.errors) == ("none", 0, 0, ())
        assert anchoring.look(home) == anchoring.Anchors()
