"""What a filing does when it must not go on, and what it leaves behind."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import httpx
import pytest

from cybertip.small_case import BYTES, open_bytes
from firstlight.clock import FixedClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    Approval,
    CaseFacts,
    Client,
    Credentials,
    Draft,
    DrawnPolicy,
    Fault,
    FaultKind,
    Filing,
    FilingState,
    JournalEntry,
    MemoryJournal,
    MemoryRecord,
    PlannedFile,
    Production,
    Registration,
    RetryPolicy,
    Service,
    SimulatorDestination,
    TestHost,
    abandon,
    draft_report,
    file_report,
    filing_of,
    waiting,
)
from firstlight.cybertip.drafting.facts import FileSign
from firstlight.cybertip.filing.journal import Phase, Step
from firstlight.cybertip.simulator.faults import Endpoint
from firstlight.cybertip.simulator.reports import ReportState
from firstlight.cybertip.simulator.transport import SimulatorTransport
from firstlight.errors import IntegrityError, RefusedError, StateError, StorageError, UpstreamError

Filer = Callable[..., Filing]


@pytest.fixture
def journal() -> MemoryJournal:
    """An empty journal."""
    return MemoryJournal()


@pytest.fixture
def file_it(client: Client, draft: Draft, record: MemoryRecord, clock: FixedClock, journal: MemoryJournal) -> Filer:
    """Files the small case, or what differs from it."""

    def go(
        draft: Draft = draft,
        open_file: Callable[[PlannedFile], BinaryIO] = open_bytes,
        client: Client = client,
        record: MemoryRecord = record,
        drawn_policy: DrawnPolicy | None = None,
    ) -> Filing:
        return file_report(
            client,
            draft,
            open_file,
            record=record,
            journal=journal,
            clock=clock,
            retries=RetryPolicy(tries=2, reports=2),
            sleep=lambda _: None,
            drawn_policy=drawn_policy,
        )

    return go


def states(service: Service) -> list[ReportState]:
    """The states of all reports, in the order they were opened."""
    return [r.state for r in service.reports()]


def test_nothing_is_sent_when_the_check_finds_something_untrue(file_it: Filer, service: Service) -> None:
    with pytest.raises(RefusedError, match="no viewing of its entire contents") as e:
        file_it(record=MemoryRecord())
    assert e.value.diagnostics().code == "refused.untrue"
    assert service.log() == ()


def test_nothing_is_sent_when_the_check_finds_something_invalid(
    file_it: Filer, draft: Draft, service: Service, clock: FixedClock
) -> None:
    summary = draft.report.incident_summary.model_copy(update={"incident_date_time": clock.now() + timedelta(days=1)})
    late = draft.model_copy(update={"report": draft.report.model_copy(update={"incident_summary": summary})})
    with pytest.raises(RefusedError, match="must be in the past"):
        file_it(draft=late)
    assert service.log() == ()


def test_production_is_never_asked_when_the_check_finds_something(file_it: Filer, journal: MemoryJournal) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    approvals = (Approval("Ada Reed", at, "go-live"), Approval("Bo Lind", at, "go-live"))
    production = Production("https://service.invalid/ispws", Registration("Example", "ESP-17"), approvals)
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(500)

    with Client(production, DEMO_CREDENTIALS, transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(RefusedError, match="no viewing"):
            file_it(client=client, record=MemoryRecord())
        assert (asked, journal.entries()) == ([], ())
        with pytest.raises(UpstreamError):
            file_it(client=client)
        assert asked[0] == "https://service.invalid/ispws/submit"


def test_changed_bytes_are_never_filed(file_it: Filer, service: Service, journal: MemoryJournal) -> None:
    def changed(file: PlannedFile) -> BinaryIO:
        return io.BytesIO(b"X" + BYTES[file.key][1:])

    with pytest.raises(IntegrityError, match="not those of the draft"):
        file_it(open_file=changed)
    assert states(service) == [ReportState.RETRACTED]
    assert filing_of(journal).state is FilingState.NEW
    assert file_it().state is FilingState.FINISHED


@pytest.mark.parametrize("data", [b"", BYTES["harbour"] + b"!"])
def test_bytes_of_another_size_are_never_filed(file_it: Filer, service: Service, data: bytes) -> None:
    with pytest.raises(IntegrityError):
        file_it(open_file=lambda _: io.BytesIO(data))
    assert ReportState.FINISHED not in states(service)


def test_a_file_that_cannot_be_opened_is_a_storage_error(file_it: Filer, service: Service) -> None:
    def gone(file: PlannedFile) -> BinaryIO:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(StorageError, match="cannot be opened"):
        file_it(open_file=gone)
    assert states(service) == [ReportState.RETRACTED]


def test_a_journal_belongs_to_one_draft(file_it: Filer, draft: Draft, case: CaseFacts) -> None:
    file_it()
    other = draft_report(case.model_copy(update={"narrative": "Something else."}))
    with pytest.raises(StateError, match="another draft"):
        file_it(draft=other)


def test_a_journal_belongs_to_one_destination(file_it: Filer) -> None:
    file_it()
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    with (
        Client(TestHost("https://service.invalid/ispws"), DEMO_CREDENTIALS, transport=transport) as client,
        pytest.raises(StateError, match="another destination"),
    ):
        file_it(client=client)


def test_nothing_is_retracted_at_a_destination_that_is_not_its_own(
    file_it: Filer, service: Service, journal: MemoryJournal, clock: FixedClock
) -> None:
    """Report numbers of another host are other reports."""
    service.script(Fault(kind=FaultKind.CODE, code=1110, endpoint=Endpoint.UPLOAD, times=2))
    with pytest.raises(UpstreamError):
        file_it()
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(500)

    destination = TestHost("https://service.invalid/ispws")
    with Client(destination, DEMO_CREDENTIALS, transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(StateError, match="another destination"):
            file_it(client=client, record=MemoryRecord())
        with pytest.raises(StateError, match="another destination"):
            abandon(client, journal, clock=clock, reason="no")
    assert asked == []


def test_a_draft_that_is_not_fit_any_more_leaves_nothing_open(file_it: Filer, service: Service) -> None:
    service.script(Fault(kind=FaultKind.CODE, code=1110, endpoint=Endpoint.UPLOAD, times=2))
    with pytest.raises(UpstreamError):
        file_it()
    with pytest.raises(RefusedError, match="viewing"):
        file_it(record=MemoryRecord())
    assert states(service) == [ReportState.RETRACTED]
    assert file_it().state is FilingState.FINISHED


def test_a_filing_goes_on_at_the_next_simulator(
    file_it: Filer, service: Service, clock: FixedClock, journal: MemoryJournal
) -> None:
    """Another simulator knows nothing of the report, even where finish was begun: it is opened anew there."""
    service.script(Fault(kind=FaultKind.DROP_REQUEST, endpoint=Endpoint.FINISH, times=2))
    with pytest.raises(UpstreamError):
        file_it()
    assert filing_of(journal).state is FilingState.UNRESOLVED
    second = Service({DEMO_CREDENTIALS.username: DEMO_CREDENTIALS.password}, clock)
    elsewhere = SimulatorDestination("http://127.0.0.2/ispws")
    with Client(elsewhere, DEMO_CREDENTIALS, transport=SimulatorTransport(second)) as client:
        filing = file_it(client=client)
    assert filing.state is FilingState.FINISHED
    assert states(second) == [ReportState.FINISHED]


def test_a_refusal_of_the_service_closes_the_filing(file_it: Filer, service: Service, journal: MemoryJournal) -> None:
    service.script(Fault(kind=FaultKind.CODE, code=4100, endpoint=Endpoint.UPLOAD))
    with pytest.raises(RefusedError, match="code 4100, HTTP 400: Scripted failure"):
        file_it()
    assert states(service) == [ReportState.RETRACTED]
    assert filing_of(journal).state is FilingState.ABANDONED
    with pytest.raises(StateError, match="was abandoned"):
        file_it()


def test_wrong_credentials_stop_the_filing_and_leave_it_to_go_on(
    file_it: Filer, service: Service, journal: MemoryJournal
) -> None:
    destination = SimulatorDestination("http://127.0.0.1/ispws")
    with (
        Client(destination, Credentials("simulator", "old"), transport=SimulatorTransport(service)) as client,
        pytest.raises(UpstreamError, match="does not accept the credentials") as e,
    ):
        file_it(client=client)
    assert e.value.diagnostics().code == "upstream.credentials"
    assert len(service.log()) == 1
    assert file_it().state is FilingState.FINISHED


def test_an_expired_report_is_opened_anew(file_it: Filer, service: Service, clock: FixedClock) -> None:
    service.script(Fault(kind=FaultKind.CODE, code=1110, endpoint=Endpoint.UPLOAD, nth=2, times=2))
    with pytest.raises(UpstreamError, match="after 2 tries"):
        file_it()
    clock.advance(timedelta(hours=25))
    filing = file_it()
    assert states(service) == [ReportState.EXPIRED, ReportState.FINISHED]
    assert [a.fate for a in filing.attempts] == ["gone: the service does not know it any more", "finished"]


def test_within_the_window_it_goes_on_with_what_is_there(file_it: Filer, service: Service, clock: FixedClock) -> None:
    service.script(Fault(kind=FaultKind.CODE, code=1110, endpoint=Endpoint.UPLOAD, nth=2, times=2))
    with pytest.raises(UpstreamError):
        file_it()
    clock.advance(timedelta(hours=23))
    assert len(file_it().attempts) == 1
    assert states(service) == [ReportState.FINISHED]


def test_a_lost_answer_to_finish_is_resolved_by_asking_again(file_it: Filer, service: Service) -> None:
    service.script(Fault(kind=FaultKind.DROP_ANSWER, endpoint=Endpoint.FINISH))
    filing = file_it()
    assert filing.receipt is not None
    assert filing.receipt.file_list == "unknown"
    assert states(service) == [ReportState.FINISHED]


def test_an_unresolved_finish_allows_nothing_else(
    file_it: Filer, service: Service, client: Client, clock: FixedClock, journal: MemoryJournal
) -> None:
    service.script(Fault(kind=FaultKind.DROP_REQUEST, endpoint=Endpoint.FINISH, times=2))
    with pytest.raises(UpstreamError, match="is not known"):
        file_it()
    assert filing_of(journal).state is FilingState.UNRESOLVED
    with pytest.raises(StateError, match="unresolved"):
        abandon(client, journal, clock=clock, reason="changed my mind")
    assert file_it().state is FilingState.FINISHED
    assert states(service) == [ReportState.FINISHED]


def test_a_corrupted_upload_never_stays_in_a_report(file_it: Filer, service: Service) -> None:
    service.script(Fault(kind=FaultKind.WRONG_MD5, endpoint=Endpoint.UPLOAD))
    filing = file_it()
    assert states(service) == [ReportState.RETRACTED, ReportState.FINISHED]
    assert filing.receipt is not None
    assert len(filing.receipt.files) == 2


def test_a_file_list_that_differs_is_said_in_the_receipt(
    service: Service, client: Client, draft: Draft, record: MemoryRecord, clock: FixedClock
) -> None:
    """Somebody else puts a file into our open report: it is finished all the same, and the receipt warns."""

    class Meddled(MemoryJournal):
        def append(self, entry: JournalEntry) -> None:
            super().append(entry)
            if entry.step is Step.FINISH and entry.phase is Phase.BEGUN:
                client.upload(entry.report_id or 0, io.BytesIO(b"x"), 1, file_name="x")

    filing = file_report(client, draft, open_bytes, record=record, journal=Meddled(), clock=clock)
    assert filing.receipt is not None
    assert filing.receipt.file_list == "differs"
    assert filing.troubles == (
        "The service holds other files in the report than were sent; tell it, with the Request-ID.",
    )


def test_an_abandoned_filing_is_retracted(
    file_it: Filer, service: Service, client: Client, clock: FixedClock, journal: MemoryJournal
) -> None:
    service.script(Fault(kind=FaultKind.CODE, code=1110, endpoint=Endpoint.UPLOAD, times=2))
    with pytest.raises(UpstreamError):
        file_it()
    filing = abandon(client, journal, clock=clock, reason="the reviewer decided otherwise")
    assert filing.state is FilingState.ABANDONED
    assert filing.last_words == "the reviewer decided otherwise"
    assert states(service) == [ReportState.RETRACTED]


def test_an_escalation_stays_loud_until_it_is_finished(
    file_it: Filer, service: Service, case: CaseFacts, journal: MemoryJournal
) -> None:
    urgent = draft_report(case.model_copy(update={"escalation": "He is on his way to her."}))
    service.script(Fault(kind=FaultKind.STATUS, endpoint=Endpoint.SUBMIT, times=3))
    with pytest.raises(UpstreamError):
        file_it(draft=urgent)
    assert filing_of(journal).loud
    assert filing_of(journal).troubles[0].startswith("An escalated report is not filed yet")
    done = file_it(draft=urgent)
    assert (done.loud, done.troubles) == (False, ())


def test_what_waits_is_listed_by_urgency(clock: FixedClock) -> None:
    soon, later = clock.now() + timedelta(hours=1), clock.now() + timedelta(hours=9)
    filings = [
        Filing(state=FilingState.FINISHED, last_words="finished"),
        Filing(state=FilingState.OPEN, expires_at=later, last_words="later"),
        Filing(state=FilingState.NEW, last_words="new"),
        Filing(state=FilingState.OPEN, expires_at=soon, last_words="soon"),
        Filing(state=FilingState.UNRESOLVED, expires_at=later, last_words="unresolved"),
        Filing(state=FilingState.NEW, escalated=True, last_words="escalated"),
        Filing(state=FilingState.ABANDONED, escalated=True, last_words="refused"),
        Filing(state=FilingState.ABANDONED, last_words="given up"),
    ]
    assert [f.last_words for f in waiting(filings)] == ["escalated", "refused", "unresolved", "soon", "later", "new"]


def test_a_known_offender_is_reported_again_and_linked(
    file_it: Filer, client: Client, case: CaseFacts, record: MemoryRecord, clock: FixedClock, service: Service
) -> None:
    first = file_it().receipt
    assert first is not None
    assert case.suspect is not None
    suspect = case.suspect.model_copy(update={"prior_reports": (first.report_id,)})
    again = draft_report(case.model_copy(update={"suspect": suspect}))
    names = [f.digests.sha256 for f in again.files]
    grown = MemoryRecord(
        viewings={n: record.viewings(n) for n in names},
        matches={n: record.matches(n) for n in names},
        prior_reports=(first.report_id,),
    )
    second = file_report(client, again, open_bytes, record=grown, journal=MemoryJournal(), clock=clock)
    assert second.state is FilingState.FINISHED
    assert f"<priorCTReports>{first.report_id}</priorCTReports>" in service.reports()[1].xml


def test_drawings_alone_need_a_written_policy(file_it: Filer, service: Service, case: CaseFacts) -> None:
    drawn = case.files[0].model_copy(update={"signs": (FileSign.DRAWN,)})
    draft = draft_report(case.model_copy(update={"files": (drawn, case.files[1])}))
    with pytest.raises(RefusedError, match="written policy"):
        file_it(draft=draft)
    assert service.log() == ()
    policy = DrawnPolicy("policy 4.2", "the board", datetime(2026, 1, 1, tzinfo=UTC))
    assert file_it(draft=draft, drawn_policy=policy).state is FilingState.FINISHED


def test_a_drawing_beside_another_file_needs_none(file_it: Filer, case: CaseFacts) -> None:
    drawn = case.files[0].model_copy(
        update={"signs": (FileSign.DRAWN,), "key": "log", "digests": case.files[1].digests}
    )
    plain = drawn.model_copy(update={"key": "harbour", "digests": case.files[0].digests, "signs": ()})
    files = tuple(f.model_copy(update={"viewings": (), "matches": ()}) for f in (drawn, plain))
    draft = draft_report(case.model_copy(update={"files": files}))
    assert file_it(draft=draft, record=MemoryRecord()).state is FilingState.FINISHED


def test_a_report_without_files_is_filed(file_it: Filer, service: Service, case: CaseFacts) -> None:
    filing = file_it(draft=draft_report(case.model_copy(update={"files": ()})))
    assert filing.receipt is not None
    assert (filing.receipt.files, filing.receipt.file_list) == ((), "verified")


def test_each_step_is_in_the_journal_before_and_after(file_it: Filer, journal: MemoryJournal, service: Service) -> None:
    filing = file_it()
    steps = [(e.step, e.phase) for e in journal.entries()]
    acts = [Step.SUBMIT, Step.UPLOAD, Step.FILEINFO, Step.UPLOAD, Step.FILEINFO, Step.FINISH]
    assert steps == [(Step.PLAN, Phase.DONE), *((a, p) for a in acts for p in (Phase.BEGUN, Phase.DONE))]
    ids = [e.request_id for e in journal.entries() if e.phase is Phase.DONE and e.step is not Step.PLAN]
    assert ids == [line.request_id for line in service.log()]
    assert Filing.from_json(filing.to_json()) == filing
    assert filing.receipt is not None
    assert filing.receipt.preserve_until - filing.receipt.finished_at == timedelta(days=366)
