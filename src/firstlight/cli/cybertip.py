"""Commands on reports: `cybertip draft`, `cybertip check`, `cybertip file`, `cybertip simulator`."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework import filing
from firstlight.casework.facts import SqlRecord
from firstlight.casework.home import DATABASE
from firstlight.cli import output
from firstlight.cli.common import Actor, HomeFolder, home_folder, opened
from firstlight.cli.work import CaseNumber
from firstlight.clock import SystemClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    Client,
    Draft,
    FilingState,
    Finding,
    Findings,
    Knobs,
    MemoryRecord,
    Simulator,
    SimulatorDestination,
    check,
)
from firstlight.cybertip import Filing as FilingDocument
from firstlight.errors import InputError, StorageError
from firstlight.media import opened as opened_file

app = typer.Typer(no_args_is_help=True, help="CyberTipline reports: draft, check, file, and a simulator to try it on.")

PORT = 8025
FIRST_REPORT = 5_000_000_000  # above 32 bits, as the real numbers may be one day
LARGEST_DRAFT = 64 * 1024 * 1024  # bytes; ten thousand files fit, and a wrong file is not read for minutes


@app.command()
def draft(
    number: CaseNumber,
    out: Annotated[Path | None, typer.Option(help="A folder to write the drafts into.", show_default=False)] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Draft the reports that the decisions on a case ask for, one for each account, and check them."""
    with opened(home) as house:
        drafted = filing.draft(house, number)
    if not drafted:
        raise InputError(
            f"Nothing in case {number} waits to be reported.", hint="Decide it first: firstlight case decide"
        )
    for each, one in enumerate(drafted, 1):
        if out is not None:
            _write(out / f"case-{number}-draft-{each}.json", one.draft.to_json())
    if as_json:
        output.answer([one.model_dump(mode="json") for one in drafted])
    else:
        for one in drafted:
            files = output.count(len(one.draft.files), "file")
            output.say(f"Case {number}, account {one.account or 'not known'}: {files}")
            for note in one.draft.notes:
                output.say(f"  note: {note}")
            say_findings(one.findings)
    return output.DONE if all(one.findings.may_be_filed for one in drafted) else output.FINDING


@app.command("check")
def check_(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="A draft as JSON.", show_default=False)],
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Check a report: is it valid, is it complete, and does the custody log carry all that it claims?

    Without a home there is no log, and every claim of a viewing is one that nobody recorded.
    """
    try:
        with opened_file(report) as file:
            data = file.read(LARGEST_DRAFT + 1)
    except OSError as e:
        raise InputError(f"{report} cannot be read: {e.strerror}.", hint="Name the JSON file of a draft.") from e
    if len(data) > LARGEST_DRAFT:
        raise InputError(f"{report} is too large for a draft.", hint="Name the JSON file of a draft.")
    document = Draft.from_json(data)
    if (home_folder(home) / DATABASE).exists():
        with opened(home) as house:
            findings = check(document, SqlRecord(house), at=house.clock.now())
    else:
        findings = check(document, MemoryRecord(), at=SystemClock().now())
    if as_json:
        output.answer(findings)
    else:
        say_findings(findings)
    return output.DONE if findings.may_be_filed else output.FINDING


@app.command("file")
def file_(
    number: CaseNumber,
    simulator: Annotated[
        str | None, typer.Option(metavar="URL", help="A running simulator. [default: one just for this]")
    ] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """File the reports of a case with the simulator, exactly once; run it again to go on after any failure.

    Filing with the clearing house's own hosts needs a registration and is not part of this version.
    """
    with contextlib.ExitStack() as stack:
        house = stack.enter_context(opened(home))
        if simulator is None:
            destination = stack.enter_context(fresh_simulator()).destination
        else:
            destination = SimulatorDestination(simulator)
        client = stack.enter_context(Client(destination, DEMO_CREDENTIALS))
        filed = filing.file_case(house, number, client, actor=by)
    if as_json:
        output.answer([one.model_dump(mode="json") for one in filed])
    else:
        for one in filed:
            say_filing(one)
    return output.DONE if all(one.state is FilingState.FINISHED for one in filed) else output.FINDING


@app.command()
def simulator(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = PORT,
) -> None:
    """Run a faithful stand-in of the reporting service on this machine, until it is stopped (Ctrl-C)."""
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    with fresh_simulator(port) as service:
        output.say(f"The simulator listens at {service.url}")
        output.say(
            f"  user {DEMO_CREDENTIALS.username}, password {DEMO_CREDENTIALS.password}; nothing leaves this machine"
        )
        stop.wait()
    output.say("The simulator has stopped; what it received is gone.")


def fresh_simulator(port: int = 0) -> Simulator:
    """A simulator with nothing in it. Its report numbers begin anywhere, so that no two starts have one in common."""
    knobs = Knobs(first_report_id=FIRST_REPORT + secrets.randbelow(FIRST_REPORT))
    return Simulator.of(SystemClock(), knobs=knobs, port=port)


def say_findings(findings: Findings) -> None:
    """The outcome of a check, in words."""
    verdict = "may be filed" if findings.may_be_filed else "MUST NOT be filed as it is"
    output.say(f"  {verdict}; completeness {findings.completeness} of 100, by the schema {findings.schema_name}")
    for one in findings.findings:
        _say_finding(one)


def say_filing(one: FilingDocument) -> None:
    """A filing, in words."""
    if one.receipt is not None:
        files = output.count(len(one.receipt.files), "file")
        output.say(
            f"Report {one.receipt.report_id} is filed with the {one.destination}: {files}; "
            f"to be preserved until {one.receipt.preserve_until:%Y-%m-%d}."
        )
    else:
        output.say(f"The filing is {one.state.value}: {one.last_words}")


def _say_finding(one: Finding) -> None:
    output.say(f"  {one.kind.value}: {one.where}: {one.says}")
    for text in (one.server, one.why, one.do):
        if text:
            output.say(f"      {text}")


def _write(path: Path, data: bytes) -> None:
    """A file that only its owner may read: a draft names accounts and addresses."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data)
    except OSError as e:
        raise StorageError(f"{path} cannot be written: {e.strerror}.", hint="Name another folder with --out.") from e
