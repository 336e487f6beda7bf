"""What waits to be filed is seen until it is filed, the most urgent first; what was filed is counted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import AT_ONCE, NOW, case_of, png, put, report_it, take_in, upload
from firstlight.casework import cases, filing, overview, reconcile
from firstlight.casework.home import Home
from firstlight.custody import EventType
from firstlight.cybertip import DEMO_CREDENTIALS, CaseFacts, Client, Fault, FaultKind, FilingState, Simulator
from firstlight.cybertip.simulator.faults import Endpoint
from firstlight.errors import InputError, StateError, StorageError, UpstreamError
from firstlight.media import Cage

LOUD = "A child may be in danger now."


@pytest.fixture
def case(home: Home, cage: Cage, tmp_path: Path) -> int:
    """A case of two accounts, decided to be reported; the second is escalated."""
    about = {"a.png": upload("u1"), "b.png": upload("u2")}
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1), "b.png": png(1, Comment="copy")})], about)
    case = case_of(home, "a.png")
    first, second = (item.item for item in cases.show(home, case).items)
    report_it(home, case, items=(first,))
    report_it(home, case, items=(second,), escalation=LOUD)
    return case


def _stuck(home: Home, case: int, endpoint: Endpoint, *faults: Fault) -> None:
    """File with a simulator that never lets this step through."""
    script = (Fault(kind=FaultKind.CODE, endpoint=endpoint, times=99), *faults)
    with (
        Simulator.of(home.clock, faults=script) as service,
        Client(service.destination, DEMO_CREDENTIALS) as client,
        pytest.raises(UpstreamError),
    ):
        filing.file_case(home, case, client, retries=AT_ONCE)


def test_a_home_without_decisions_has_nothing_that_waits(home: Home) -> None:
    assert overview.waiting(home).reports == ()
    assert overview.report_statistics(home).months == ()


def test_what_is_decided_waits_before_anybody_begins_to_file_it(home: Home, case: int) -> None:
    found = overview.waiting(home)
    assert [(one.account, one.escalated, one.filing) for one in found.reports] == [
        ("u2", True, None),
        ("u1", False, None),
    ]
    assert [one.account for one in found.loud] == ["u2"]
    assert "danger" in found.loud[0].troubles[0]


def test_a_filing_waits_until_it_is_finished(home: Home, case: int, client: Client) -> None:
    _stuck(home, case, Endpoint.UPLOAD)
    found = overview.waiting(home)
    assert [(one.account, one.state, one.filing) for one in found.reports] == [
        ("u2", FilingState.OPEN, 1),
        ("u1", FilingState.OPEN, 2),
    ]
    assert all(one.expires_at is not None and one.expires_at > NOW + timedelta(hours=23) for one in found.reports)
    assert found.loud[0].last_words
    filing.file_case(home, case, client, retries=AT_ONCE)
    assert overview.waiting(home).reports == ()


def test_what_was_given_up_waits_again_and_says_why(
    home: Home, case: int, client: Client, simulator: Simulator
) -> None:
    _stuck(home, case, Endpoint.UPLOAD)
    with Simulator.of(home.clock) as service, Client(service.destination, DEMO_CREDENTIALS) as other:
        (ended,) = filing.give_up(home, case, other, why="The wrong account.", actor="rev-2", only=1)
    assert ended.state is FilingState.ABANDONED
    found = overview.waiting(home)
    assert [(one.account, one.filing, one.given_up) for one in found.reports] == [
        ("u2", None, "The wrong account."),
        ("u1", 2, ""),
    ]
    with home.look() as work:
        (entry,) = work.log.entries(types=[EventType.REPORT_FAILED])
    assert entry.event is not None
    assert entry.event.actor == "rev-2"
    filing.file_case(home, case, client, retries=AT_ONCE)
    assert len(simulator.reports()) == 2
    assert overview.waiting(home).reports == ()
    assert reconcile.reconcile(home).adds_up


def test_what_is_finished_or_may_be_is_not_given_up(home: Home, case: int, client: Client) -> None:
    with pytest.raises(StateError, match="No filing"):
        filing.give_up(home, case, client, why="w", actor="rev-1")
    for why, actor in ((" ", "rev-1"), ("w", " ")):
        with pytest.raises(InputError, match="reason"):
            filing.give_up(home, case, client, why=why, actor=actor)
    _stuck(home, case, Endpoint.FINISH, Fault(kind=FaultKind.DROP_ANSWER, endpoint=Endpoint.FINISH, times=99))
    assert {one.state for one in overview.waiting(home).reports} == {FilingState.UNRESOLVED}
    with pytest.raises(StateError, match="unresolved"):
        filing.give_up(home, case, client, why="w", actor="rev-1")
    with pytest.raises(StateError, match="under the number 9"):
        filing.give_up(home, case, client, why="w", actor="rev-1", only=9)


def test_finished_reports_are_counted_by_month(home: Home, case: int, client: Client) -> None:
    filing.file_case(home, case, client, retries=AT_ONCE)
    (month,) = overview.report_statistics(home).months
    assert (month.month, month.reports) == ("2026-03", 2)


def test_a_dossier_an_account_before_and_after_filing(home: Home, case: int, client: Client, tmp_path: Path) -> None:
    first, second = overview.dossiers(home, case, tmp_path / "one", actor="rev-1")
    filing.file_case(home, case, client, retries=AT_ONCE)
    again, _ = overview.dossiers(home, case, tmp_path / "two")
    facts = CaseFacts.from_json((Path(first.folder) / "facts.json").read_bytes())
    assert facts.suspect is not None
    assert facts.suspect.identifier == "u1"
    assert len(facts.files) == 1
    assert LOUD in (Path(second.folder) / "dossier.html").read_text()
    assert (Path(again.folder) / "facts.json").exists()
    with pytest.raises(InputError, match="already there"):
        overview.dossiers(home, case, tmp_path / "one")
    with home.look() as work:
        events = [entry.event for entry in work.log.entries(types=[EventType.EXPORT]) if entry.event]
    assert [event.payload["account"] for event in events] == ["u1", "u2", "u1", "u2"]
    assert events[0].payload["files"] == [facts.files[0].digests.sha256]


def test_a_dossier_that_cannot_be_written_is_not_logged(home: Home, case: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        overview.dossiers(home, case, tmp_path / "file")
    with home.look() as work:
        assert list(work.log.entries(types=[EventType.EXPORT])) == []


def test_nothing_decided_makes_no_dossier(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1)})])
    with pytest.raises(StateError, match="decided"):
        overview.dossiers(home, case_of(home, "a.png"), tmp_path / "out")
