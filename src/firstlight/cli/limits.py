"""Commands on exposure: `triage limits show`, `set`, `severe`."""

from __future__ import annotations

from typing import Annotated

import typer

from firstlight.casework import exposure
from firstlight.casework.exposure import Limits, ReviewerLimits
from firstlight.casework.severity import Severity
from firstlight.cli import output
from firstlight.cli.common import By, HomeFolder, opened
from firstlight.errors import InputError

app = typer.Typer(no_args_is_help=True, help="How much of what a reviewer may be shown: hard limits.")

ForWhom = Annotated[str, typer.Option("--for", metavar="REVIEWER", help="One reviewer; everybody unless named.")]
Number = Annotated[int | None, typer.Option(min=0, show_default=False)]


@app.command()
def show(
    reviewer: Annotated[str, typer.Argument(metavar="REVIEWER", show_default=False)],
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Print the limits in force for a reviewer, what they were shown in 24 hours, and what they may be shown next."""
    with opened(home) as house:
        limits = exposure.limits_of(house, reviewer)
        now = exposure.standing(house, reviewer)
    if as_json:
        output.answer({"limits": limits.in_force.model_dump(mode="json"), "standing": now.model_dump(mode="json")})
        return
    _say(limits)
    output.say(f"Seen in 24 hours: {output.count(now.files, 'file')}, {now.heavy} heavy, {now.severe} of them severe.")
    output.say(now.says)


@app.command("set")
def set_(
    by: By,
    reviewer: ForWhom = "",
    own: Annotated[bool, typer.Option("--own", help="The limits of --by themselves; told to nobody else.")] = False,
    none: Annotated[
        bool, typer.Option("--none", help="Take back what was set there; for everybody: no limit.")
    ] = False,
    files_a_day: Number = None,
    heavy_a_day: Number = None,
    severe_a_day: Number = None,
    severe_before_break: Number = None,
    minutes_before_break: Number = None,
    break_minutes: Annotated[int, typer.Option(min=1)] = 10,
    two_severe: Annotated[bool, typer.Option("--two-severe/--no-two-severe", help="Two severe in a row.")] = False,
    severest: Annotated[Severity, typer.Option(help="The hardest that is ever shown.")] = Severity.SEVERE,
    films: Annotated[bool, typer.Option("--films/--no-films", help="Whether films are shown.")] = True,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Set limits in the place of those that were set there: for everybody, for one reviewer, or one's own.

    The strictest of the three is in force, part by part: nobody can loosen what another one set. A number that is not
    given is no limit.
    """
    if own and reviewer:
        raise InputError("Own limits are those of --by.", hint="Leave --for out.")
    limits = Limits.of(
        files_a_day=files_a_day,
        heavy_a_day=heavy_a_day,
        severe_a_day=severe_a_day,
        severe_before_break=severe_before_break,
        minutes_before_break=minutes_before_break,
        break_minutes=break_minutes,
        no_two_severe=not two_severe,
        severest=severest,
        moving=films,
    )
    with opened(home) as house:
        if own:
            exposure.limit_myself(house, by, None if none else limits)
        elif reviewer:
            exposure.limit_reviewer(house, reviewer, None if none else limits, actor=by)
        else:
            exposure.limit_everybody(house, Limits() if none else limits, actor=by)
        told = exposure.limits_of(house, reviewer or by)
    if as_json:
        output.answer(told.in_force.model_dump(mode="json"))
    else:
        _say(told)


@app.command()
def severe(
    categories: Annotated[list[str], typer.Argument(metavar="CATEGORY...", show_default=False)],
    by: By,
    home: HomeFolder = None,
) -> None:
    """Say which categories of hash lists mean severe, in the place of those named before; for what comes in later."""
    with opened(home) as house:
        exposure.name_severe(house, categories, actor=by)
    output.say(f"{output.count(len(categories), 'category', 'categories')} of lists mean severe from now on.")


def _say(told: ReviewerLimits) -> None:
    now = told.in_force
    output.say(f"In force for {output.one_line(told.reviewer)}:")
    for name, limit in (
        ("files in 24 hours", now.files_a_day),
        ("heavy ones among them", now.heavy_a_day),
        ("severe ones among them", now.severe_a_day),
        ("severe files before a break", now.severe_before_break),
        ("minutes before a break", now.minutes_before_break),
        ("minutes of a break", now.break_minutes),
        ("hardest that is shown", now.severest.value),
        ("two severe in a row", "no" if now.no_two_severe else "yes"),
        ("films", "yes" if now.moving else "no"),
    ):
        output.say(f"  {name}: {'no limit' if limit is None else limit}")
