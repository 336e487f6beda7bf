"""The simulated reporting service: the command that runs it, and the one that other commands file with."""

from __future__ import annotations

import contextlib
import secrets
import signal
import ssl
import threading
from pathlib import Path
from typing import Annotated

import typer

from firstlight.cli import output
from firstlight.clock import SystemClock
from firstlight.cybertip import DEMO_CREDENTIALS, Scenario, Simulator, SimulatorDestination
from firstlight.errors import InputError
from firstlight.media import read_file

PORT = 8025
FIRST_REPORT = 5_000_000_000  # above 32 bits, as the real numbers may be one day
LARGEST_FILE = 16 * 1024 * 1024  # bytes of a schema or scenario; both are a hundred times smaller
_HINT = "Name a schema or a scenario."

SimulatorUrl = Annotated[
    str | None, typer.Option("--simulator", metavar="URL", help="A running simulator. [default: one just for this]")
]


def simulator(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = PORT,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep what it receives here, to be stopped and started.", show_default=False),
    ] = None,
    official_xsd: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The service's own schema; a report must pass both.", show_default=False),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A script of faults and settings (JSON).", show_default=False),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Speak TLS with this certificate (PEM).", show_default=False)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key of the certificate (PEM).", show_default=False)
    ] = None,
) -> None:
    """Run a faithful stand-in of the reporting service on this machine, until it is stopped (Ctrl-C)."""
    script = Scenario.from_json(read_file(scenario, LARGEST_FILE, hint=_HINT)) if scenario else Scenario()
    schema = read_file(official_xsd, LARGEST_FILE, hint=_HINT) if official_xsd else None
    tls = _tls(tls_cert, tls_key)
    service = fresh_simulator(port, folder=folder, official_xsd=schema, script=script, tls=tls)
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    with service:
        output.say(f"The simulator listens at {service.url}")
        output.say(
            f"  user {DEMO_CREDENTIALS.username}, password {DEMO_CREDENTIALS.password}; nothing leaves this machine"
        )
        output.say(f"  what it received: {service.url.removesuffix('ispws')}")
        stop.wait()
    kept = f"what it received is kept in {folder}" if folder else "what it received is gone"
    output.say(f"The simulator has stopped; {kept}.")


def fresh_simulator(
    port: int = 0,
    *,
    folder: Path | None = None,
    official_xsd: bytes | None = None,
    script: Scenario | None = None,
    tls: ssl.SSLContext | None = None,
) -> Simulator:
    """A simulator with nothing in it but what its folder holds.

    Its report numbers begin anywhere, so that no two starts have one in common, unless the script says where.
    """
    script = script or Scenario()
    knobs = script.knobs
    if "first_report_id" not in knobs.model_fields_set:
        knobs = knobs.model_copy(update={"first_report_id": FIRST_REPORT + secrets.randbelow(FIRST_REPORT)})
    return Simulator.of(
        SystemClock(),
        knobs=knobs,
        port=port,
        folder=folder,
        official_xsd=official_xsd,
        faults=script.faults,
        tls=tls,
    )


def _tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise InputError("TLS needs a certificate and its key.", hint="Give --tls-cert and --tls-key.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except OSError as e:  # which an SSLError is
        raise InputError(f"The certificate cannot be used: {e.strerror or e}.", hint="Give both as PEM files.") from e
    return context


def chosen_simulator(stack: contextlib.ExitStack, url: str | None) -> SimulatorDestination:
    """The simulator at this address, or one that lives as long as the stack."""
    return SimulatorDestination(url) if url is not None else stack.enter_context(fresh_simulator()).destination
