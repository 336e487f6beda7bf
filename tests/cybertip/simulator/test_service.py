"""The simulated service keeps the rules of the real one, and has a knob where they are not known."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cybertip.strategies import NOW
from firstlight.clock import FixedClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    SCHEMA_2025_11,
    SCHEMA_2026,
    Client,
    Code,
    Draft,
    Fault,
    FaultKind,
    FileDescription,
    FileDetails,
    Knobs,
    Scenario,
    Service,
    Simulator,
    from_xml,
    to_xml,
)
from firstlight.cybertip.simulator.description import Description, own_xsd
from firstlight.cybertip.simulator.faults import Endpoint, FaultScript
from firstlight.cybertip.simulator.knobs import StatusPolicy, Unauthorised, When
from firstlight.cybertip.simulator.reports import ReportState
from firstlight.cybertip.simulator.service import Request
from firstlight.errors import InputError

AUTH = httpx.BasicAuth(DEMO_CREDENTIALS.username, DEMO_CREDENTIALS.password)
USERS = {DEMO_CREDENTIALS.username: DEMO_CREDENTIALS.password}
XML = {"Content-Type": "text/xml; charset=utf-8"}


def opened(client: Client, draft: Draft) -> int:
    """The number of a new report."""
    number = client.submit(draft.report).report_id
    assert number is not None
    return number


def uploaded(client: Client, number: int) -> str:
    """The number of a new file in it."""
    answer, _ = client.upload(number, io.BytesIO(b"x"), 1, file_name="x")
    assert answer.file_id is not None
    return answer.file_id


@pytest.mark.parametrize(
    ("before", "after", "alive"),
    [
        (timedelta(0), timedelta(hours=24) - timedelta(seconds=1), True),
        (timedelta(0), timedelta(hours=24), False),
        (timedelta(hours=23, minutes=30), timedelta(minutes=59, seconds=59), True),
        (timedelta(hours=23, minutes=30), timedelta(hours=1), False),
    ],
)
def test_expiry_is_the_later_of_the_two_limits(
    client: Client, draft: Draft, clock: FixedClock, before: timedelta, after: timedelta, alive: bool
) -> None:
    number = opened(client, draft)
    clock.advance(before)
    uploaded(client, number)
    clock.advance(after)
    assert client.finish(number).code == (Code.SUCCESS if alive else Code.NO_SUCH_REPORT)


def test_only_upload_and_fileinfo_count_as_changes(client: Client, draft: Draft, clock: FixedClock) -> None:
    number = opened(client, draft)
    clock.advance(timedelta(hours=23, minutes=59))
    client.status()
    assert client.fileinfo(FileDetails.of(number, "0" * 32, FileDescription())).code == Code.NO_SUCH_FILE
    clock.advance(timedelta(minutes=1))
    assert client.finish(number).code == Code.NO_SUCH_REPORT


def test_a_second_file_in_a_batched_report_is_refused_at_finish(
    client_of: Callable[[Service], Client], clock: FixedClock, draft: Draft
) -> None:
    client = client_of(Service(USERS, clock))
    batched = from_xml(
        to_xml(
            draft.report.model_copy(
                update={"person_or_user_reported": (), "additional_info": None, "internet_details": ()}
            )
        ).replace(b"<report>", b'<report><batchedReport reason="VIRAL_POTENTIAL_MEME"></batchedReport>')
    )
    number = client.submit(batched).report_id or 0
    for _ in range(2):
        details = FileDetails.of(
            number, uploaded(client, number), FileDescription.model_validate({"potential_meme": True})
        )
        assert client.fileinfo(details).succeeded
    answer = client.finish(number)
    assert (answer.status, answer.code) == (400, Code.VALIDATION_FAILED)
    assert client.retract(number).succeeded


@pytest.mark.parametrize(
    ("policy", "gone"), [(StatusPolicy.GUESSED, 404), (StatusPolicy.ALWAYS_200, 200), (StatusPolicy.ALWAYS_400, 400)]
)
def test_unknown_http_statuses_are_a_knob(
    client_of: Callable[[Service], Client], clock: FixedClock, policy: StatusPolicy, gone: int
) -> None:
    client = client_of(Service(USERS, clock, knobs=Knobs(status_policy=policy)))
    answer = client.finish(1)
    assert (answer.status, answer.code, answer.succeeded) == (gone, Code.NO_SUCH_REPORT, False)


def test_the_knobs_turn(client_of: Callable[[Service], Client], clock: FixedClock, draft: Draft) -> None:
    knobs = Knobs(
        second_fileinfo_overwrites=True,
        finish_errors_in_done_root=True,
        supplemental_rules_at=When.FINISH,
        reporter_email_required=False,
        first_report_id=7,
    )
    client = client_of(Service(USERS, clock, knobs=knobs))
    reporter = draft.report.reporter.model_copy(
        update={"reporting_person": draft.report.reporter.reporting_person.model_copy(update={"email": ()})}
    )
    number = client.submit(draft.report.model_copy(update={"reporter": reporter})).report_id
    assert number == 7
    file_id = uploaded(client, number)
    wrong = FileDescription.model_validate({"file_relevance": "Supplemental Reported", "industry_classification": "A1"})
    assert client.fileinfo(FileDetails.of(number, file_id, wrong)).succeeded
    assert client.finish(number).code == Code.VALIDATION_FAILED
    assert client.fileinfo(FileDetails.of(number, file_id, FileDescription())).succeeded
    assert client.finish(number).succeeded


def test_the_schema_in_force_is_a_knob(client_of: Callable[[Service], Client], clock: FixedClock, draft: Draft) -> None:
    summary = draft.report.incident_summary.model_copy(update={"report_annotations": ("informational",)})
    later = from_xml(to_xml(draft.report.model_copy(update={"incident_summary": summary}), SCHEMA_2026))
    new = client_of(Service(USERS, clock, knobs=Knobs(schema_in_force=SCHEMA_2026)))
    assert new.negotiate() == SCHEMA_2026
    assert new.submit(later).succeeded
    old = client_of(Service(USERS, clock))
    assert old.negotiate() == SCHEMA_2025_11
    old.schema = SCHEMA_2026
    answer = old.submit(later)
    assert answer.description.endswith(
        "cvc-complex-type.2.4.a: Invalid content was found starting with element 'informational'. One of '{sextortion, "
        "csamSolicitation, minorToMinorInteraction, spam, sadisticOnlineExploitation}' is expected."
    )


@pytest.mark.parametrize("style", list(Unauthorised))
def test_401_in_both_styles(client_of: Callable[[Service], Client], clock: FixedClock, style: Unauthorised) -> None:
    client = client_of(Service({"other": "user"}, clock, knobs=Knobs(unauthorised=style)))
    answer = client.status()
    assert (answer.status, answer.code) == (401, None if style is Unauthorised.EMPTY else 1000)
    assert answer.is_about_credentials


def test_a_user_cannot_touch_anothers_report(
    client_of: Callable[[Service], Client], clock: FixedClock, draft: Draft
) -> None:
    service = Service(USERS | {"other": "user"}, clock)
    number = opened(client_of(service), draft)
    reply = httpx.BasicAuth("other", "user")
    header = next(reply.auth_flow(httpx.Request("GET", "http://x"))).headers["Authorization"]
    form = {"authorization": header, "content-type": "application/x-www-form-urlencoded"}
    answer = service.handle(Request("POST", "/ispws/finish", form, iter((f"id={number}".encode(),))))
    assert answer is not None
    assert b"<responseCode>3300<" in answer.body


def test_the_challenge_and_the_request_id(simulator: Simulator) -> None:
    answer = httpx.get(f"{simulator.url}/status", trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="ESP Web Services"'
    assert answer.content == b""
    assert answer.headers["Request-ID"] == simulator.log()[-1].request_id


@pytest.mark.parametrize("form", [{"data": {"id": "1"}}, {"files": {"id": (None, "1")}}])
def test_finish_and_retract_take_both_encodings(simulator: Simulator, form: dict[str, object]) -> None:
    for path in ("finish", "retract"):
        answer = httpx.post(f"{simulator.url}/{path}", auth=AUTH, trust_env=False, **form)  # type: ignore[arg-type]
        assert "<responseCode>5001<" in answer.text


@pytest.mark.parametrize(
    ("path", "headers", "content", "code"),
    [
        ("submit", {"Content-Type": "application/json"}, b"{}", 4000),
        ("submit", XML, b"", 4110),
        ("submit", XML, b"<report>", 4110),
        ("submit", XML, b'<!DOCTYPE a [<!ENTITY b "c">]><report>&b;</report>', 4110),
        ("submit", XML, b"<report>" * 200 + b"</report>" * 200, 4110),
        ("submit", XML, b"<fileDetails/>", 4100),
        ("submit", XML, b"<report>\x01</report>", 4110),
        ("submit", XML, b"\xff\xfe\x00", 4110),
        ("upload", {"Content-Type": "text/plain"}, b"x", 4200),
        ("upload", {"Content-Type": "multipart/form-data; boundary=b"}, b"nonsense", 4200),
        ("upload", {"Content-Type": "multipart/form-data; boundary=b"}, b"--b\r\n", 4200),
        ("finish", {"Content-Type": "application/x-www-form-urlencoded"}, b"id=" + b"9" * 30, 4000),
        ("finish", {"Content-Type": "application/x-www-form-urlencoded"}, b"", 4000),
        ("finish", {"Content-Type": "application/x-www-form-urlencoded"}, b"x" * 70_000, 4000),
        ("nowhere", XML, b"", 1210),
        ("../status", XML, b"", 1210),
        ("../x/ispws/finish", XML, b"", 1210),
    ],
)
def test_bad_requests_get_a_code(
    simulator: Simulator, path: str, headers: dict[str, str], content: bytes, code: int
) -> None:
    answer = httpx.post(f"{simulator.url}/{path}", auth=AUTH, headers=headers, content=content, trust_env=False)
    assert f"<responseCode>{code}<" in answer.text


def test_chunked_bodies_are_taken_unless_the_knob_says_no(clock: FixedClock, draft: Draft) -> None:
    for knobs, code in ((Knobs(), 0), (Knobs(reject_chunked=True), 4000)):
        with Simulator.of(clock, knobs=knobs) as sim:
            body = (part for part in [to_xml(draft.report)[:100], to_xml(draft.report)[100:]])
            answer = httpx.post(f"{sim.url}/submit", auth=AUTH, headers=XML, content=body, trust_env=False)
            assert f"<responseCode>{code}<" in answer.text


def test_a_blind_repetition_is_seen(simulator: Simulator, draft: Draft) -> None:
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        numbers = [opened(client, draft) for _ in range(3)]
        client.finish(numbers[0])
        assert simulator.doubles() == ()
        client.finish(numbers[2])
    assert simulator.doubles() == ((numbers[0], numbers[2]),)
    page = httpx.get(f"http://127.0.0.1:{simulator.port}/", trust_env=False).text
    assert f"Filed more than once: {numbers[0]}, {numbers[2]}." in page


def test_the_page_shows_what_came_and_escapes_it(simulator: Simulator, draft: Draft) -> None:
    nasty = draft.report.model_copy(update={"additional_info": "<script>alert(1)</script>"})
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        number = client.submit(nasty).report_id or 0
        uploaded(client, number)
        client.finish(number)
    bad = "<report><b>&amp;</b></report>"
    httpx.post(f"{simulator.url}/submit", content=bad, auth=AUTH, headers=XML, trust_env=False)
    page = httpx.get(f"http://127.0.0.1:{simulator.port}/", trust_env=False)
    assert "Invalid content was found starting with element &#x27;b&#x27;." in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert f"{number}: finished" in page.text
    assert "<script>" not in page.text
    assert "&amp;lt;script&amp;gt;" in page.text
    assert "POST /ispws/finish" in page.text


def test_a_kept_simulator_goes_on_after_a_restart(tmp_path: Path, clock: FixedClock, draft: Draft) -> None:
    folder = tmp_path / "sim"
    with Simulator.of(clock, folder=folder) as first, Client(first.destination, DEMO_CREDENTIALS) as client:
        number = opened(client, draft)
        uploaded(client, number)
        before = first.reports()
    with Simulator.of(clock, folder=folder) as second, Client(second.destination, DEMO_CREDENTIALS) as client:
        assert second.reports() == before
        assert client.finish(number).succeeded
        assert client.submit(draft.report).report_id == number + 1
        assert [r.state for r in second.reports()] == [ReportState.FINISHED, ReportState.OPEN]


def test_a_damaged_folder_is_said_and_not_overwritten(tmp_path: Path, clock: FixedClock) -> None:
    (tmp_path / "simulator.json").write_bytes(b"{}x")
    with pytest.raises(InputError, match="state of the simulator"):
        Simulator.of(clock, folder=tmp_path)
    assert (tmp_path / "simulator.json").read_bytes() == b"{}x"


def test_it_listens_on_this_machine_only(service: Service) -> None:
    with pytest.raises(InputError, match="this machine only"):
        Simulator(service, host="0.0.0.0")


def test_the_served_schema_can_be_given_back_as_the_official_one(
    client_of: Callable[[Service], Client], clock: FixedClock, draft: Draft
) -> None:
    """Both are applied: what only the given schema forbids is refused too."""
    given = own_xsd().replace(b'name="platform" type="xs:string" minOccurs="0"', b'name="platform" type="xs:string"')
    client = client_of(Service(USERS, clock, official_xsd=given))
    assert client.xsd() == given
    answer = client.submit(draft.report)
    assert "One of '{platform}' is expected" in answer.description
    assert client_of(Service(USERS, clock, official_xsd=own_xsd())).submit(draft.report).succeeded


def test_a_schema_beyond_the_simulator_is_refused_loudly() -> None:
    beyond = own_xsd().replace(b"<xs:sequence>", b"<xs:sequence><xs:any/>", 1)
    with pytest.raises(InputError, match="construct that this reader does not know: any"):
        Description.read(beyond)


def test_the_served_schema_carries_none_of_our_rules() -> None:
    assert not [rule for rule in (b"max", b"rule", b"range", b"since") if b" f:" + rule + b'="' in own_xsd(SCHEMA_2026)]
    assert b"ageAssertionDiscrepancy" not in own_xsd()
    assert own_xsd(SCHEMA_2026).count(b"ageAssertionDiscrepancy") == 2


def test_faults_strike_at_their_turn() -> None:
    script = FaultScript(
        (Fault(kind=FaultKind.SLOW, nth=2, times=2), Fault(kind=FaultKind.CODE, endpoint=Endpoint.FINISH))
    )
    struck = [script.due(e) for e in (Endpoint.SUBMIT, Endpoint.SUBMIT, Endpoint.FINISH, Endpoint.FINISH)]
    assert [f.kind if f else None for f in struck] == [None, FaultKind.SLOW, FaultKind.SLOW, None]


def test_a_scenario_file_is_read_strictly() -> None:
    scenario = Scenario(faults=(Fault(kind=FaultKind.EXPIRE, nth=3),))
    assert Scenario.from_json(scenario.to_json()) == scenario
    with pytest.raises(InputError, match="fault scenario"):
        Scenario.from_json(b'{"faults": [{"kind": "explode"}]}')


def test_the_clock_of_the_strategies_is_that_of_the_tests(clock: FixedClock) -> None:
    assert clock.now() == NOW
