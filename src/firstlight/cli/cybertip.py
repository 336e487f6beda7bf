"""Commands on reports: `cybertip draft`, `check`, `file`; the others stand in `filings` and `simulator`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework import facts, filing, place
from firstlight.casework.facts import SqlRecord
from firstlight.casework.overview import POLICY_MISSING
from firstlight.cli import destinations, filings, output
from firstlight.cli.common import Actor, CaseNumber, HomeFolder, home_folder, opened
from firstlight.cli.destinations import Destination, chosen, client_of
from firstlight.cli.simulator import SimulatorUrl
from firstlight.cli.simulator import simulator as simulator_
from firstlight.clock import SystemClock
from firstlight.cybertip import (
    SCHEMA_2025_11,
    FilingState,
    Finding,
    Findings,
    MemoryRecord,
    Schema,
    SimulatorDestination,
    schema_in_force,
)
from firstlight.cybertip import Filing as FilingDocument
from firstlight.cybertip.checking.structure import MAX_JSON_BYTES, check_json
from firstlight.cybertip.schema import KNOWN, MAX_XSD_BYTES
from firstlight.errors import InputError
from firstlight.media import opened as opened_file
from firstlight.media import read_file

app = typer.Typer(no_args_is_help=True, help="CyberTipline reports: draft, check, file, and a simulator to try it on.")

Batched = Annotated[
    bool,
    typer.Option(
        "--batched",
        help="One report for all accounts of which nothing is known but that they passed on one viral file.",
    ),
]


@app.command()
def draft(
    number: CaseNumber,
    to: Destination = None,
    batched: Batched = False,
    out: Annotated[Path | None, typer.Option(help="A folder to write the drafts into.", show_default=False)] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Draft the reports that the decisions on a case ask for, one for each account, and check them."""
    with opened(home) as house:
        drafted = filing.draft(house, number, destination=chosen(house, to).value, batched=batched)
    if not drafted:
        raise InputError(
            f"Nothing in case {number} waits to be reported.", hint="Decide it first: firstlight case decide"
        )
    for each, one in enumerate(drafted, 1):
        if out is not None:
            filings.write_private(out / f"case-{number}-draft-{each}.json", one.draft.to_json())
    if as_json:
        output.answer([one.model_dump(mode="json") for one in drafted])
    else:
        for one in drafted:
            files = output.count(len(one.draft.files), "file")
            accounts = facts.accounts_of(one.account)
            who = f"account {output.one_line(one.account) or 'not known'}" if len(accounts) == 1 else "batched report"
            more = f", {len(accounts)} accounts" if len(accounts) > 1 else ""
            output.say(f"Case {number}, {who}: {files}{more}")
            for note in (*one.draft.notes, *([POLICY_MISSING] if one.lacks_policy else [])):
                output.say(f"  note: {note}")
            say_findings(one.findings)
    fit = all(one.findings.may_be_filed and not one.lacks_policy for one in drafted)
    return output.DONE if fit else output.FINDING


@app.command("check")
def check_(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="A draft as JSON.", show_default=False)],
    schema: Annotated[
        str, typer.Option(metavar="NAME", help="The schema in force: 2025-11, 2026, or an XSD file from /xsd.")
    ] = SCHEMA_2025_11.name,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Check a report: is it valid, is it complete, and does the custody log carry all that it claims?

    A file that has not even the form of a draft is answered with all its faults of form at once.

    Without a home there is no log, and every claim of a viewing is one that nobody recorded.
    """
    try:
        with opened_file(report) as file:
            data = file.read(MAX_JSON_BYTES + 1)
    except OSError as e:
        raise InputError(f"{report} cannot be read: {e.strerror}.", hint="Name the JSON file of a draft.") from e
    by = _schema(schema)
    if place.is_begun(home_folder(home)):
        with opened(home) as house:
            findings = check_json(data, SqlRecord(house), at=house.clock.now(), schema=by)
    else:
        findings = check_json(data, MemoryRecord(), at=SystemClock().now(), schema=by)
    if as_json:
        output.answer(findings)
    else:
        say_findings(findings)
    return output.DONE if findings.may_be_filed else output.FINDING


@app.command("file")
def file_(
    number: CaseNumber,
    to: Destination = None,
    simulator: SimulatorUrl = None,
    batched: Batched = False,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """File the reports of a case, exactly once; run it again to go on after any failure.

    They go to a simulator on this machine. The service's own hosts are named with --to: they need credentials
    (`cybertip destination set`), and production the approval of two people (`cybertip destination approve`).
    """
    with contextlib.ExitStack() as stack:
        house = stack.enter_context(opened(home))
        client = client_of(stack, house, to, simulator)
        if simulator is not None or not isinstance(client.destination, SimulatorDestination):
            client.negotiate()  # write by the schema that the service serves today
        filed = filing.file_case(house, number, client, actor=by, batched=batched)
    if as_json:
        output.answer([one.model_dump(mode="json") for one in filed])
    else:
        for one in filed:
            say_filing(one)
    return output.DONE if all(one.state is FilingState.FINISHED for one in filed) else output.FINDING


app.command()(filings.waiting)
app.command()(filings.abandon)
app.command()(filings.stats)
app.command()(filings.dossier)
app.command()(simulator_)
app.add_typer(destinations.app, name="destination")


def _schema(name: str) -> Schema:
    """The schema of this name, or of the XSD in a file of this name."""
    for known in KNOWN:
        if known.name == name:
            return known
    if not Path(name).is_file():
        raise InputError(
            f"There is no schema and no file {name!r}.",
            hint=f"Say {', '.join(one.name for one in KNOWN)}, or name the file that the service serves at /xsd.",
        )
    return schema_in_force(read_file(Path(name), MAX_XSD_BYTES))


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
