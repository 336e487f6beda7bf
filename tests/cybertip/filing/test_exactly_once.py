"""Whatever breaks wherever: at the end there is exactly one finished report, and it is whole.

Each run plays a random script of faults, refused connections, and kills of the process before and after each journal
entry and each answer; the filing is begun again until it ends.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from cybertip.small_case import open_bytes
from firstlight.clock import FixedClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    Client,
    Draft,
    Fault,
    FaultKind,
    FilingState,
    JournalEntry,
    MemoryJournal,
    MemoryRecord,
    RetryPolicy,
    Service,
    SimulatorDestination,
    file_report,
    filing_of,
)
from firstlight.cybertip.simulator.faults import Endpoint
from firstlight.cybertip.simulator.reports import ReportState
from firstlight.cybertip.simulator.transport import SimulatorTransport
from firstlight.errors import RefusedError, StateError, UpstreamError

RUNS, BATCHES = 600, 12
RESTARTS = 80
CALM_AFTER = 25
"""Restarts after which nothing new breaks: the script of faults is finite, and so is bad luck."""


CODES_OF_ITS_OWN = {
    Endpoint.SUBMIT: [4100],
    Endpoint.UPLOAD: [4100, 4200, 5001],
    Endpoint.FILEINFO: [4100, 5001, 5002, 5101],
    Endpoint.FINISH: [4100, 5001, 5101],
}
"""What else an act may be answered, rightly or wrongly; retract, asked when finish is in doubt, tells the truth."""


class Killed(BaseException):
    """The process ended here."""


class FragileJournal(MemoryJournal):
    """Keeps entries, and is killed now and then just before or just after it has kept one."""

    def __init__(self, chance: random.Random, rate: float) -> None:
        super().__init__()
        self._chance, self.rate = chance, rate

    def append(self, entry: JournalEntry) -> None:
        if self._chance.random() < self.rate:
            raise Killed
        super().append(entry)
        if self._chance.random() < self.rate:
            raise Killed


class FragileTransport(SimulatorTransport):
    """Now and then no connection comes about, or the process is killed with the answer in its hands."""

    def __init__(self, service: Service, chance: random.Random, rate: float) -> None:
        super().__init__(service)
        self._chance, self.rate = chance, rate

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._chance.random() < self.rate:
            raise httpx.ConnectError("refused", request=request)
        response = super().handle_request(request)
        if self._chance.random() < self.rate:
            raise Killed
        return response


def some_faults(chance: random.Random) -> tuple[Fault, ...]:
    """A script of up to eight faults."""
    acts = [Endpoint.SUBMIT, Endpoint.UPLOAD, Endpoint.FILEINFO, Endpoint.FINISH, Endpoint.RETRACT]
    out = []
    for _ in range(chance.randint(0, 8)):
        act, kind = chance.choice(acts), chance.choice(list(FaultKind))
        # 429 says that nothing was done; a service that says it and lies is beyond any client.
        statuses = [200, 408, 500, 502, 503, *([] if kind is FaultKind.STATUS_AFTER else [429])]
        codes = [1000, 1100, 1110, 1111, 1300, *CODES_OF_ITS_OWN.get(act, [])]
        out.append(
            Fault(
                kind=kind,
                endpoint=act,
                nth=chance.randint(1, 4),
                times=chance.choice([1, 1, 1, 2, 6]),
                status=chance.choice(statuses),
                code=chance.choice(codes),
            )
        )
    return tuple(out)


def run(seed: int, draft: Draft, record: MemoryRecord, clock: FixedClock) -> Service:
    """One filing under one script, begun again until it ends; answers with the service as it was left."""
    chance = random.Random(seed)
    service = Service({DEMO_CREDENTIALS.username: DEMO_CREDENTIALS.password}, clock, faults=some_faults(chance))
    rate = chance.choice([0.0, 0.0, 0.02, 0.1])
    journal, transport = FragileJournal(chance, rate), FragileTransport(service, chance, rate)
    with Client(SimulatorDestination("http://127.0.0.1/ispws"), DEMO_CREDENTIALS, transport=transport) as client:
        for restart in range(RESTARTS):
            if restart == CALM_AFTER:
                journal.rate = transport.rate = 0.0
            try:
                filing = file_report(
                    client,
                    draft,
                    open_bytes,
                    record=record,
                    journal=journal,
                    clock=clock,
                    retries=RetryPolicy(tries=3, reports=3),
                    sleep=lambda s: clock.advance(timedelta(seconds=s)),
                )
            except Killed:
                pass
            except UpstreamError:
                clock.advance(timedelta(minutes=chance.choice([1, 30, 61, 25 * 60])))
            except RefusedError:  # the script said 4100: nothing may be filed, and a person files anew
                assert filing_of(journal).state is not FilingState.FINISHED
                assert not [r for r in service.reports() if r.state is ReportState.FINISHED]
                journal = FragileJournal(chance, journal.rate)
            except StateError:  # killed between the note of the refusal and its message
                assert filing_of(journal).state is FilingState.ABANDONED
                journal = FragileJournal(chance, journal.rate)
            else:
                assert filing.state is FilingState.FINISHED
                assert filing == filing_of(journal)
                assert filing.receipt is not None
                (finished,) = [r for r in service.reports() if r.state is ReportState.FINISHED]
                assert filing.receipt.report_id == finished.report_id
                assert {f.file_id for f in filing.receipt.files} == set(finished.files)
                return service
    pytest.fail(f"seed {seed}: not finished after {RESTARTS} restarts: {filing_of(journal).last_words}")


HARD = (100950, 101126)
"""Scripts that have caught a filing: killed between a retraction that did not come through and the next try of it."""


@pytest.mark.parametrize("batch", range(BATCHES))
def test_exactly_one_whole_report_is_finished(
    batch: int, draft: Draft, record: MemoryRecord, clock: FixedClock
) -> None:
    each = RUNS // BATCHES
    for seed in (*range(batch * each, (batch + 1) * each), *HARD[batch::BATCHES]):
        service = run(seed, draft, record, clock)
        finished = [r for r in service.reports() if r.state is ReportState.FINISHED]
        assert len(finished) == 1, f"seed {seed}"
        assert service.doubles() == ()
        (report,) = finished
        sent = sorted((f.sha256, f.details is not None) for f in report.files.values())
        assert sent == sorted((f.digests.sha256, True) for f in draft.files), f"seed {seed}"


def test_the_script_breaks_every_endpoint_in_every_way(
    draft: Draft, record: MemoryRecord, clock: FixedClock, client_of: Callable[[Service], Client]
) -> None:
    """The random runs are worth something only if their faults strike; here each kind strikes each act once."""
    for endpoint in (Endpoint.SUBMIT, Endpoint.UPLOAD, Endpoint.FILEINFO, Endpoint.FINISH):
        for kind in FaultKind:
            fault = Fault(kind=kind, endpoint=endpoint)
            service = Service({DEMO_CREDENTIALS.username: DEMO_CREDENTIALS.password}, clock, faults=(fault,))
            client, journal = client_of(service), MemoryJournal()
            for _ in range(3):
                try:
                    file_report(
                        client, draft, open_bytes, record=record, journal=journal, clock=clock, sleep=lambda _: None
                    )
                except UpstreamError:
                    continue
                break
            assert any(line.fault == kind for line in service.log()), (endpoint, kind)
            assert sum(r.state is ReportState.FINISHED for r in service.reports()) == 1, (endpoint, kind)
            assert filing_of(journal).state is FilingState.FINISHED


class CutJournal(MemoryJournal):
    """The process is killed once, after so many entries."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._left = after

    def append(self, entry: JournalEntry) -> None:
        super().append(entry)
        self._left -= 1
        if self._left == 0:
            raise Killed


@pytest.mark.parametrize("endpoint", [Endpoint.UPLOAD, Endpoint.FILEINFO])
@pytest.mark.parametrize("then", [FaultKind.CODE, FaultKind.DROP_ANSWER])
def test_a_report_that_was_to_be_retracted_is_never_added_to(
    endpoint: Endpoint, then: FaultKind, draft: Draft, record: MemoryRecord, clock: FixedClock
) -> None:
    """An answer is lost, retracting fails as well, and the process is killed: at whichever entry, the rest is whole."""
    faults = (Fault(kind=FaultKind.DROP_ANSWER, endpoint=endpoint, nth=2), Fault(kind=then, endpoint=Endpoint.RETRACT))
    for after in range(1, 24):
        service = Service({DEMO_CREDENTIALS.username: DEMO_CREDENTIALS.password}, clock, faults=faults)
        journal, transport = CutJournal(after), SimulatorTransport(service)
        with Client(SimulatorDestination("http://127.0.0.1/ispws"), DEMO_CREDENTIALS, transport=transport) as client:
            for _ in range(6):
                try:
                    file_report(
                        client, draft, open_bytes, record=record, journal=journal, clock=clock, sleep=lambda _: None
                    )
                    break
                except (Killed, UpstreamError):
                    continue
        (report,) = [r for r in service.reports() if r.state is ReportState.FINISHED]
        sent = sorted((f.sha256, f.details is not None) for f in report.files.values())
        assert sent == sorted((f.digests.sha256, True) for f in draft.files), f"killed after {after} entries"
