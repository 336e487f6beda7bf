"""Credentials lie sealed; production needs two people for exactly what is kept; destinations are never mixed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from casework.making import AT_ONCE, NOW, case_of, png, put, report_it, take_in, upload
from firstlight.casework import destinations, facts, filing, overview
from firstlight.casework.destinations import Approver, Outside, Settings, Way
from firstlight.casework.home import Home
from firstlight.clock import FixedClock
from firstlight.custody import EventType
from firstlight.cybertip import DEMO_CREDENTIALS, Approval, Client, FilingState, Production, Registration, Simulator
from firstlight.errors import FirstlightError, InputError, IntegrityError, NotFoundError, RefusedError, StateError
from firstlight.media import Cage
from firstlight.store import tables

HOST = "https://service.invalid/ispws"
REAL = Settings(url=HOST, username="esp-17", organisation="Example Photos", registration_id="17")
SECRET = "correct horse battery"


class _Rerouted(httpx.BaseTransport):
    """Whatever host is addressed, the simulator on loopback answers."""

    def __init__(self, simulator: Simulator) -> None:
        self._port = simulator.port
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def test_credentials_lie_sealed_and_never_in_the_log(home: Home) -> None:
    shown = destinations.keep(home, Outside.TEST_HOST, Settings(url=HOST, username="esp-17"), SECRET, actor="ada")
    assert SECRET not in shown.to_json().decode()
    for path in home.folder.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    with home.look() as work:
        (entry,) = work.log.entries(types=[EventType.CONFIG_CHANGE])
    assert entry.event is not None
    assert entry.event.actor == "ada"
    assert SECRET not in entry.event.to_json().decode()
    with destinations.client(home, Outside.TEST_HOST) as client:
        assert client.destination.url == HOST


def test_production_needs_two_people_for_exactly_what_is_kept(home: Home) -> None:
    with pytest.raises(NotFoundError, match="no credentials"):
        destinations.approve(home, Approver(name="Ada"), reason="go-live")
    destinations.keep(home, Outside.PRODUCTION, REAL, SECRET, actor="ada")
    with pytest.raises(RefusedError, match="0 approved"):
        destinations.client(home, Outside.PRODUCTION)
    destinations.approve(home, Approver(name="Ada"), reason="go-live")
    with pytest.raises(RefusedError, match="already"):
        destinations.approve(home, Approver(name=" ADA "), reason="me again")
    with pytest.raises(RefusedError, match="1 approved"):
        destinations.client(home, Outside.PRODUCTION)
    assert destinations.approve(home, Approver(name="Bo"), reason="go-live").approved_by == ("Ada", "Bo")
    with destinations.client(home, Outside.PRODUCTION) as client:
        assert isinstance(client.destination, Production)
        assert {one.person for one in client.destination.approvals} == {"Ada", "Bo"}
    destinations.keep(home, Outside.PRODUCTION, REAL, "another password", actor="ada")
    destinations.client(home, Outside.PRODUCTION).close()  # a new password is no new destination
    changed = REAL.model_copy(update={"url": "https://other.invalid/ispws"})
    assert destinations.keep(home, Outside.PRODUCTION, changed, SECRET, actor="ada").approved_by == ()
    with pytest.raises(RefusedError, match="two different people"):
        destinations.client(home, Outside.PRODUCTION)


@pytest.mark.parametrize(
    ("host", "change", "password"),
    [
        (Outside.TEST_HOST, {"url": "http://service.invalid"}, SECRET),
        (Outside.TEST_HOST, {"url": "https://report.cybertip.org/ispws"}, SECRET),
        (Outside.TEST_HOST, {"username": "a:b"}, SECRET),
        (Outside.TEST_HOST, {}, " "),
        (Outside.PRODUCTION, {"url": "https://127.0.0.1/ispws"}, SECRET),
        (Outside.PRODUCTION, {"registration_id": " "}, SECRET),
        (Outside.PRODUCTION, {"organisation": ""}, SECRET),
    ],
)
def test_what_cannot_be_a_destination_is_not_kept(
    home: Home, host: Outside, change: dict[str, str], password: str
) -> None:
    with pytest.raises(FirstlightError):
        destinations.keep(home, host, REAL.model_copy(update=change), password, actor="ada")
    assert not destinations.is_kept(home, host)


def test_nobody_approves_without_a_name_and_a_reason(home: Home) -> None:
    destinations.keep(home, Outside.PRODUCTION, REAL, SECRET, actor="ada")
    for person, reason in ((" ", "w"), ("Ada", " ")):
        with pytest.raises(InputError):
            destinations.approve(home, Approver(name=person), reason=reason)


def test_credentials_open_in_their_own_place_only(home: Home) -> None:
    destinations.keep(home, Outside.TEST_HOST, REAL, SECRET, actor="ada")
    folder = home.folder / destinations.FOLDER
    (folder / "production").write_bytes((folder / "test-host").read_bytes())
    with pytest.raises(IntegrityError, match="does not open"):
        destinations.show(home, Outside.PRODUCTION)
    (folder / "test-host").write_bytes(b"x")
    with pytest.raises(IntegrityError, match="does not open"):
        destinations.client(home, Outside.TEST_HOST)


def test_reports_of_one_destination_are_not_named_to_another(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    def decided(name: str, seed: int) -> int:
        take_in(home, cage, [put(tmp_path / name, {f"{name}.png": png(seed)})], default=upload("u1"))
        case = case_of(home, f"{name}.png")
        report_it(home, case)
        return case

    (rehearsed,) = filing.file_case(home, decided("first", 1), client, retries=AT_ONCE)
    assert rehearsed.receipt is not None
    at = NOW - timedelta(days=1)
    real = Production(HOST, Registration("E", "17"), (Approval("Ada", at, "w"), Approval("Bo", at, "w")))
    with (
        Simulator.of(FixedClock(NOW, timedelta(milliseconds=1))) as service,
        Client(real, DEMO_CREDENTIALS, transport=_Rerouted(service)) as other,
    ):
        for name, seed in (("second", 2), ("third", 3)):
            (filed,) = filing.file_case(home, decided(name, seed), other, retries=AT_ONCE)
            assert filed.state is FilingState.FINISHED
        second, third = service.reports()
    assert "priorCTReports" not in second.xml
    assert f"<priorCTReports>{second.report_id}</priorCTReports>" in third.xml
    assert third.xml.count("<priorCTReports>") == 1
    assert len(facts.SqlRecord(home, "production").prior_reports()) == 2
    assert sum(month.reports for month in overview.report_statistics(home, "production").months) == 2
    assert sum(month.reports for month in overview.report_statistics(home).months) == 3


def test_a_filing_is_not_gone_on_with_elsewhere(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1)})], default=upload("u1"))
    case = case_of(home, "a.png")
    report_it(home, case)
    destinations.keep(home, Outside.TEST_HOST, Settings(url="https://127.0.0.1:9/ispws", username="x"), "y", actor="a")
    with destinations.client(home, Outside.TEST_HOST) as nowhere, pytest.raises(FirstlightError) as caught:
        filing.file_case(home, case, nowhere, retries=AT_ONCE)
    assert caught.value.diagnostics().code.startswith("upstream")
    with pytest.raises(StateError, match="another destination"):
        filing.file_case(home, case, client, retries=AT_ONCE)
    assert simulator.reports() == ()
    with destinations.client(home, Outside.TEST_HOST) as nowhere:
        filing.give_up(home, case, nowhere, why="It was the test host.", actor="ada")
    filing.file_case(home, case, client, retries=AT_ONCE)
    assert len(simulator.reports()) == 1


def _signed_in(name: str, way: Way = Way.PASSKEY) -> Approver:
    return Approver(name=name, way=way, session="s-17", assertion={"signature": "AAAA"})


def test_where_people_sign_in_a_typed_name_approves_nothing(home: Home) -> None:
    destinations.keep(home, Outside.PRODUCTION, REAL, SECRET, actor="ada")
    destinations.approve(home, Approver(name="Ada"), reason="typed before anybody could sign in")
    with home.work() as work:
        user = tables.User(name="bo", roles="admin", created_at=work.clock.now())
        work.session.add(user)
        work.session.flush()
        passkey = {"credential": b"c", "public_key": b"p", "uses": 0, "name": "key", "created_at": work.clock.now()}
        work.session.add(tables.Passkey(user_id=user.id, **passkey))
    assert destinations.show(home, Outside.PRODUCTION).approved_by == ()
    with pytest.raises(RefusedError, match="typed name") as caught:
        destinations.approve(home, Approver(name="Bo"), reason="go-live")
    assert "console" in caught.value.diagnostics().hint
    destinations.approve(home, _signed_in("ada"), reason="go-live")
    with pytest.raises(RefusedError, match="already"):
        destinations.approve(home, _signed_in("Ada", Way.OIDC), reason="go-live")
    with pytest.raises(RefusedError, match="1 approved"):
        destinations.client(home, Outside.PRODUCTION)
    assert destinations.approve(home, _signed_in("bo"), reason="go-live").approved_by == ("ada", "bo")
    destinations.client(home, Outside.PRODUCTION).close()


def test_an_approval_keeps_who_signed_in_how_and_what_they_signed(home: Home) -> None:
    destinations.keep(home, Outside.PRODUCTION, REAL, SECRET, actor="ada")
    destinations.approve(home, _signed_in("ada"), reason="go-live")
    with home.look() as work:
        (entry,) = work.log.entries(types=[EventType.APPROVE], subjects=[destinations.to_approve(home)])
    assert entry.event is not None
    assert (entry.event.actor, entry.event.session) == ("ada", "s-17")
    assert entry.event.payload["way"] == "passkey"
    assert entry.event.payload["assertion"] == {"signature": "AAAA"}
