"""A whole small case, in memory: facts, files, record, draft, and a simulator to file it to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cybertip.small_case import BYTES, HAPPENED, MATCH, UPLOAD, VIEWING, digests
from firstlight.clock import FixedClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    CaseFacts,
    Client,
    Draft,
    MemoryRecord,
    Service,
    Simulator,
    SimulatorDestination,
    draft_report,
)
from firstlight.cybertip.drafting.facts import (
    Account,
    CaseFile,
    Channel,
    Conduct,
    Contact,
    ReportingParty,
    Where,
)
from firstlight.cybertip.simulator.transport import SimulatorTransport


@pytest.fixture
def case() -> CaseFacts:
    """The facts of a small case with one reported file and one file of context."""
    return CaseFacts(
        reporter=ReportingParty(first_name="Ada", last_name="Reed", email="safety@example.com"),
        conduct=Conduct.MATERIAL,
        occurred_at=HAPPENED,
        channels=(Channel(where=Where.WEB, urls=("https://example.com/p/17",), note="a public page"),),
        suspect=Account(
            identifier="007",
            service="Example",
            screen_name="0123",
            emails=(Contact(value="someone@example.net", verified=True),),
        ),
        files=(
            CaseFile(
                key="harbour",
                digests=digests(BYTES["harbour"]),
                media_type="image/png",
                file_name="harbour.png",
                uploaded_at=HAPPENED,
                public=True,
                upload=UPLOAD,
                viewings=(VIEWING,),
                matches=(MATCH,),
            ),
            CaseFile(
                key="log",
                digests=digests(BYTES["log"]),
                media_type="text/plain",
                supplemental=True,
                file_name="log.txt",
            ),
        ),
        narrative="The upload filter found it on a public page.",
    )


@pytest.fixture
def record() -> MemoryRecord:
    """What is recorded about the small case."""
    sha256 = digests(BYTES["harbour"]).sha256
    return MemoryRecord(viewings={sha256: (VIEWING,)}, matches={sha256: (MATCH,)})


@pytest.fixture
def draft(case: CaseFacts) -> Draft:
    """The draft of the small case."""
    return draft_report(case)


@pytest.fixture
def service(clock: FixedClock) -> Service:
    """A simulated service without a socket."""
    return Service({DEMO_CREDENTIALS.username: DEMO_CREDENTIALS.password}, clock)


@pytest.fixture
def client_of() -> Iterator[Callable[[Service], Client]]:
    """Makes clients that talk to a service in this process."""
    clients: list[Client] = []

    def make(service: Service) -> Client:
        destination = SimulatorDestination("http://127.0.0.1/ispws")
        client = Client(destination, DEMO_CREDENTIALS, transport=SimulatorTransport(service))
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(service: Service, client_of: Callable[[Service], Client]) -> Client:
    """A client that talks to the service in this process."""
    return client_of(service)


@pytest.fixture
def simulator(clock: FixedClock) -> Iterator[Simulator]:
    """A simulator on loopback."""
    with Simulator.of(clock) as running:
        yield running
