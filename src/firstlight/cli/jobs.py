"""Commands on what is done later: how the jobs stand, and the dead ones, which wait for a person."""

from __future__ import annotations

from typing import Annotated

import typer

from firstlight.casework import jobs
from firstlight.casework.jobs import JobsStanding
from firstlight.cli import output
from firstlight.cli.common import Actor, HomeFolder, opened
from firstlight.clock import to_text

app = typer.Typer(no_args_is_help=True, help="What is done later: how the jobs stand, and the dead ones.")

JobNumber = Annotated[int, typer.Argument(metavar="NUMBER", help="A dead job, as `jobs list` numbers it.")]


@app.command("list")
def list_(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Count the jobs that wait and are being done; list every dead one with what went wrong last."""
    with opened(home) as house:
        _say(jobs.standing(house), as_json=as_json)


@app.command()
def revive(number: JobNumber, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Let a dead job be tried anew; `firstlight up` does it."""
    with opened(home) as house:
        jobs.revive(house, number, actor=by)
        _say(jobs.standing(house), as_json=as_json)


@app.command()
def discard(number: JobNumber, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Give a dead job up for good."""
    with opened(home) as house:
        jobs.discard(house, number, actor=by)
        _say(jobs.standing(house), as_json=as_json)


def _say(found: JobsStanding, *, as_json: bool) -> None:
    if as_json:
        output.answer(found)
        return
    output.say(f"{found.waiting} waiting, {found.leased} being done, {len(found.dead)} dead.")
    if found.oldest_due is not None:
        output.say(f"One has been due since {to_text(found.oldest_due)}. `firstlight up` does them.")
    if found.dead:
        rows = [(one.id, one.kind, to_text(one.asked_at), one.tries, output.one_line(one.says)) for one in found.dead]
        output.table(["job", "kind", "asked for", "tries", "went wrong"], rows)
        output.say("Put right what went wrong, then: firstlight jobs revive NUMBER, or: firstlight jobs discard NUMBER")
