"""Sending from a screen: to which destinations reports may go, and going on with those of a case."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from firstlight.casework import destinations, facts, filing, undo
from firstlight.casework.destinations import Outside
from firstlight.casework.home import Home
from firstlight.cybertip import DEMO_CREDENTIALS, Client, Filing, Knobs, Simulator
from firstlight.errors import InputError

_FIRST_REPORT = 1_000_000


def known_destinations(home: Home) -> tuple[str, ...]:
    """Where reports may be sent from here: the built-in simulator, and the hosts whose credentials are kept."""
    return (facts.SIMULATOR, *(host.value for host in Outside if destinations.is_kept(home, host)))


def send(home: Home, case_number: int, *, destination: str, actor: str) -> tuple[Filing, ...]:
    """File every report that the decisions on a case ask for, once none of them can be undone any more.

    Raises:
        StateError: a decision can still be undone, or nothing waits to be reported.
        InputError: there is no such destination.
        RefusedError: a report is invalid or untrue, or production lacks the approval of two people.
        UpstreamError: the service could not be reached; send it again.
    """
    undo.require_settled(home, case_number)
    with _client(home, destination) as client:
        return filing.file_case(home, case_number, client, actor=actor)


@contextmanager
def _client(home: Home, destination: str) -> Iterator[Client]:
    if destination == facts.SIMULATOR:
        knobs = Knobs(first_report_id=_FIRST_REPORT + secrets.randbelow(_FIRST_REPORT))
        with Simulator.of(home.clock, knobs=knobs) as service, Client(service.destination, DEMO_CREDENTIALS) as client:
            yield client
        return
    if destination not in known_destinations(home):
        raise InputError(f"Reports are not sent to {destination!r} from here.", hint="Choose one that is kept.")
    with destinations.client(home, Outside(destination)) as client:
        yield client
