"""Commands on what was filed and what waits: `cybertip waiting`, `abandon`, `stats`, `dossier`."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework import filing, overview
from firstlight.casework.overview import WaitingReport, WaitingReports
from firstlight.cli import output
from firstlight.cli.common import Actor, CaseNumber, HomeFolder, Why, opened
from firstlight.cli.destinations import Destination, To, client_of
from firstlight.cli.simulator import SimulatorUrl
from firstlight.cybertip import FilingState
from firstlight.errors import StorageError


def waiting(as_json: output.Json = False, home: HomeFolder = None) -> int:
    """List the reports that wait to be filed, most urgent first. Ends with 1 as long as an escalated one waits."""
    with opened(home) as house:
        found = overview.waiting(house)
    if as_json:
        output.answer(found)
    else:
        say_waiting(found)
    return output.FINDING if found.loud else output.DONE


def abandon(
    number: CaseNumber,
    why: Why,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who gives it up.", show_default=False)],
    only: Annotated[
        int | None, typer.Option("--filing", metavar="NUMBER", min=1, help="Only this filing, as `waiting` numbers it.")
    ] = None,
    to: Destination = None,
    simulator: SimulatorUrl = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Give up the filings of a case that were begun: open reports are retracted, and what they held waits again.

    A report that is finished stays, and one that may be finished is resolved by filing again.
    """
    with contextlib.ExitStack() as stack:
        house = stack.enter_context(opened(home))
        client = client_of(stack, house, to, simulator)
        ended = filing.give_up(house, number, client, why=why, actor=by, only=only)
    if as_json:
        output.answer([one.model_dump(mode="json") for one in ended])
    else:
        for one in ended:
            output.say(f"The filing is {one.state.value}: {one.last_words}")
        output.say(f"  What it held waits again: firstlight cybertip draft {number}")
    return output.DONE if all(one.state is FilingState.ABANDONED for one in ended) else output.FINDING


def stats(
    csv: Annotated[bool, typer.Option("--csv", help="Print the table as CSV.")] = False,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw it into this file.", show_default=False)
    ] = None,
    to: Annotated[
        To | None, typer.Option("--to", help="Only reports that were filed there; otherwise those of all.")
    ] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Count the finished reports by month, the AI-related ones by what they rest on."""
    with opened(home) as house:
        found = overview.report_statistics(house, to.value if to else None)
    if svg is not None:
        write_private(svg, found.to_svg().encode())
    if as_json:
        output.answer(found)
    elif csv:
        output.say(found.to_csv().rstrip("\n"))
    else:
        output.say(found.to_table() if found.months else "No report is finished yet.")


def dossier(
    number: CaseNumber,
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to put it in.", show_default=False)],
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Write what a case reports as a readable page and as JSON, for a hotline without an interface; no media.

    It is no filing: what it says still waits to be filed.
    """
    with opened(home) as house:
        made = overview.dossiers(house, number, to, actor=by)
    if as_json:
        output.answer([one.model_dump(mode="json") for one in made])
    else:
        for one in made:
            output.say(f"The dossier is in {one.folder}: {', '.join(one.files)}. It names accounts and addresses.")


def say_waiting(found: WaitingReports) -> None:
    """The queue of reports, in words; what is escalated is said first and loudly."""
    if not found.reports:
        output.say("No report waits.")
    if found.loud:
        output.say(f"ESCALATED: {output.count(len(found.loud), 'report')} must be filed now.")
    for one in found.reports:
        _say(one)


def _say(one: WaitingReport) -> None:
    account = output.one_line(one.account) or "not known"
    stands = f"filing {one.filing} is {one.state.value}" if one.filing is not None else "decided, not begun"
    output.say(f"{'! ' if one.escalated else '  '}Case {one.case}, account {account}: {stands}")
    if one.expires_at is not None:
        output.say(f"      the open report expires at {one.expires_at:%Y-%m-%d %H:%M} UTC")
    for text in one.troubles:
        output.say(f"      {text}")
    for what, text in (("last heard", one.last_words), ("an earlier filing was given up", one.given_up)):
        if text:
            output.say(f"      {what}: {output.one_line(text)}")
    output.say(f"      next: firstlight cybertip file {one.case}")


def write_private(path: Path, data: bytes) -> None:
    """A file that only its owner may read, whoever could read the one that was there before.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                os.fchmod(file.fileno(), 0o600)
            file.write(data)
    except OSError as e:
        raise StorageError(f"{path} cannot be written: {e.strerror}.", hint="Name another place.") from e
