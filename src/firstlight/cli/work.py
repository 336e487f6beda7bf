"""Commands of casework: `intake`, `queue`, `case next`, `case pass`, `case show`, `case decide`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from firstlight.casework import attesting, cases, examine, filing, intake, review, routing, supplements
from firstlight.casework.intake import IntakeReport
from firstlight.casework.lowering import Seems
from firstlight.casework.review import Conclusion, Finding
from firstlight.casework.upload import About, Upload, read_about
from firstlight.cli import links, output
from firstlight.cli.common import Actor, CaseNumber, HomeFolder, Why, caged, opened
from firstlight.cli.floods import say_floods
from firstlight.cybertip.drafting.facts import Conduct, FileSign, Sign
from firstlight.cybertip.model.codes import IndustryClassification
from firstlight.errors import InputError
from firstlight.triage import Context
from firstlight.values import Reason

case_app = typer.Typer(no_args_is_help=True, help="Cases: get one, look into it, decide it.")

MOST_NAMED = 20
"""Names that are printed one by one; the rest is counted."""

links.add_to(case_app)


def intake_(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[PATH...]", show_default=False)] = None,
    about: Annotated[
        Path | None, typer.Option(help="A JSON object of file name to what the service knows: account, ip, port, ...")
    ] = None,
    account: Annotated[str, typer.Option(help="The account that uploaded them, where --about does not say it.")] = "",
    fact: Annotated[
        list[str] | None, typer.Option(metavar="FACT", help="A context fact of all of them, such as live; repeatable.")
    ] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Take files in: digest, keep the original, look for matches and signs of origin, bundle, rank.

    It may be stopped at any moment and run again: nothing is lost, and nothing is taken twice. Without a path it goes
    on with what was taken in and not examined yet. It exits with 1 when --about names something that no file is called.
    """
    try:
        default = Upload(account=account, context=Context.stated(fact or []))
    except ValidationError as e:
        raise InputError(f"The account cannot be taken: {e.errors(include_url=False)[0]['msg']}.") from e
    facts = read_about(about) if about else About({})
    with caged(examine.PRELOAD) as cage, opened(home, create=True) as house:
        with output.progress("taking in", None, quiet=as_json) as advance:
            report = intake.receive(house, intake.arrivals(paths or [], facts, default), actor=by, advance=advance)
        with house.look() as work:
            waiting = examine.pending(work.session)
        with output.progress("examining", waiting, quiet=as_json) as advance:
            examined = examine.examine(house, cage, advance=advance)
    if as_json:
        output.answer(report.model_dump(mode="json") | {"examined": examined, "about_unmatched": list(facts.unmatched)})
    else:
        _say_intake(report, examined)
        _say_unmatched(facts)
    if report.refused:
        return output.BAD_INPUT
    return output.FINDING if facts.unmatched else output.DONE


def queue(
    limit: Annotated[int, typer.Option(min=1, help="How many places to print.")] = 20,
    seed: Annotated[
        int, typer.Option(help="Another number shows other draws of the random audit; those of 0 count.")
    ] = 0,
    whole: Annotated[bool, typer.Option("--all", help="Print every place, however many there are.")] = False,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Print who waits, in which order, and why: the first places, which cost the same however many wait, or all."""
    with opened(home) as house:
        view = cases.queue(house, seed=seed, limit=None if whole else limit)
    if as_json:
        output.answer(view)
    else:
        say_queue(view, len(view.places) if whole else limit)


@case_app.command("next")
def next_(
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="The reviewer.", show_default=False)],
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Get your next case, or the one you have, and why it is this one; within the limits of what you may be shown."""
    with opened(home) as house:
        answer = routing.next_case(house, by)
    if as_json:
        output.answer(answer)
        return
    output.say(answer.says)
    if answer.case is not None:
        output.say(f"  Next: firstlight case show {answer.case}")


@case_app.command("pass")
def pass_(
    number: CaseNumber,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="The reviewer.", show_default=False)],
    home: HomeFolder = None,
) -> None:
    """Give a case to somebody else. No reason is asked for, and the log does not say who did."""
    with opened(home) as house:
        routing.pass_on(house, by, number)
    output.say(f"Case {number} goes to somebody else; you are not given it again.")


@case_app.command()
def show(number: CaseNumber, as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Show a case: its items, what is known of each, why it stands where it stands, what was decided and filed."""
    with opened(home) as house:
        view = cases.show(house, number)
        units = cases.units_left(house, number)
        decided = review.decisions(house, number)
        filed = filing.filings(house, number)
    if as_json:
        output.answer(
            view.model_dump(mode="json")
            | {
                "to_decide": [
                    {"shown": unit.shown, "same_bytes": list(unit.same_bytes), "alike": list(unit.alike)}
                    for unit in units
                ],
                "decisions": [one.model_dump(mode="json") for one in decided],
                "filings": [one.model_dump(mode="json") for one in filed],
            }
        )
        return
    output.say(f"Case {view.case}: {view.state}, {view.level.value}, {output.count(len(view.items), 'item')}")
    for item in view.items:
        output.say(
            f"\nItem {item.item} ({item.state}): {output.one_line(item.name)}, {item.media_type}, {item.size} bytes"
        )
        say_reasons(item.priority, 1)
        say_reasons(item.verdict, 1)
        for chat in item.chats:
            output.say(f"  Conversation{f' on {output.one_line(chat.client)}' if chat.client else ''}:")
            for line in chat.text.splitlines():
                output.say(f"    {output.one_line(line)}")
    for unit in units:
        output.say(f"\nTo decide: {unit.says}\n  firstlight case decide {number} --item {unit.shown} ...")
        if unit.alike:
            output.say(f"  alike, and to be named when they were looked at too: {', '.join(map(str, unit.alike))}")
    for decision in decided:
        output.say(
            f"\nItem {decision.item}: {decision.conclusion.finding.value}, by {decision.actor}, {decision.at:%F %T} UTC"
        )
        if decision.carried_from is not None:
            output.say(f"  Taken over from item {decision.carried_from}, which has the same bytes.")
        output.say(f"  {decision.conclusion.why}")
    for one in filed:
        number_of = f", report {one.receipt.report_id}" if one.receipt else ""
        output.say(f"\nFiling: {one.state.value}{number_of}, to the {one.destination or 'service'}")


@case_app.command()
def attach(
    number: CaseNumber,
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    item: Annotated[int, typer.Option(help="The item of the case that it belongs to.", show_default=False)],
    what: Annotated[str, typer.Option(help="What it is, such as: profile export.", show_default=False)],
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Keep a file as context of an item, to be sent with its report as a supplemental file: a transcript, a job log."""
    with opened(home) as house:
        if item not in {one.item for one in cases.show(house, number).items}:
            raise InputError(
                f"Item {item} is none of case {number}.", hint=f"firstlight case show {number} lists them."
            )
        kept = supplements.attach(house, item, file, what=what, actor=by)
    if as_json:
        output.answer(kept)
    else:
        output.say(f"{output.one_line(kept.name)} goes with item {item} as context: {output.one_line(kept.what)}.")


@case_app.command()
def attest(
    item: Annotated[int, typer.Argument(metavar="ITEM", min=1, show_default=False)],
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Weigh a generator's signed answer with what is known of an item: FILE is the JSON that its ledger gave.

    Its key has to be known: `firstlight trust ledger-add`. An answer that is not believed changes nothing.
    """
    signed = attesting.read_attestation(file)
    with opened(home) as house:
        priority = attesting.attest(house, item, signed, actor=by)
    if as_json:
        output.answer(priority)
    else:
        say_reasons(priority.reasons, 0)


@case_app.command()
def decide(
    number: CaseNumber,
    item: Annotated[
        list[int], typer.Option(help="What you looked at, as `case show` names it; repeatable.", show_default=False)
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.", show_default=False)],
    finding: Annotated[Finding, typer.Option(help="What you conclude.", show_default=False)],
    why: Why,
    conduct: Annotated[Conduct | None, typer.Option(help="What happened; a report needs it.")] = None,
    classification: Annotated[IndustryClassification | None, typer.Option(help="The industry's class.")] = None,
    sign: Annotated[list[FileSign] | None, typer.Option(help="What you saw in it; repeatable.")] = None,
    case_sign: Annotated[
        list[Sign] | None, typer.Option(help="What happened around it, such as sextortion; repeatable.")
    ] = None,
    escalation: Annotated[str, typer.Option(help="Why the report must be read at once.")] = "",
    seems: Annotated[Seems, typer.Option(help="What it looked like to you, before any hint.")] = Seems.CANNOT_TELL,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Decide what you looked at in a case: one decision, and a record for each item with the same bytes.

    What was not looked at is not said to have been looked at: the report derives that from the custody log.
    """
    conclusion = Conclusion.of(
        finding=finding,
        why=why,
        conduct=conduct,
        classification=classification,
        signs=tuple(sign or ()),
        case_signs=tuple(case_sign or ()),
        escalation=escalation,
        seems=seems,
    )
    with opened(home) as house:
        made = review.decide(house, number, conclusion, actor=by, items=item)
        view = cases.show(house, number)
    if as_json:
        output.answer([one.model_dump(mode="json") for one in made])
        return
    output.say(f"Case {number}: {output.count(len(made), 'item')} decided: {finding.value}.")
    left = sum(1 for one in view.items if one.state == "held")
    if left:
        output.say(
            f"  {output.count(left, 'item')} of this case still {'waits' if left == 1 else 'wait'} for a decision."
        )
    if finding is Finding.REPORT:
        output.say(f"  Next: firstlight cybertip draft {number}")


def say_queue(view: cases.QueueView, limit: int) -> None:
    """The queue as a table, after what a person is asked."""
    say_floods(view.floods)
    if view.unexamined:
        output.say(f"{view.unexamined} items are not examined yet; `firstlight intake` goes on with them.")
    if not view.places:
        output.say("Nobody waits.")
        return
    output.table(
        ["place", "case", "items", "lane", "level", "why here"],
        [(p.place, p.case, p.items, p.lane.value, p.level.value, p.says) for p in view.places[:limit]],
    )
    if view.waiting > limit:
        output.say(f"... and {view.waiting - limit} more cases; see them with --all.")


def say_reasons(reason: Reason, depth: int) -> None:
    """A tree of reasons, indented."""
    for line in reason.lines(depth):
        output.say(line)


def _say_intake(report: IntakeReport, examined: int) -> None:
    output.say(
        f"{output.count(report.offered, 'file')} offered: {report.received} taken in, {report.known} known already, "
        f"{len(report.refused)} refused. {examined} examined."
    )
    for one in report.refused:
        output.say(f"  refused: {output.one_line(one.path)}: {one.error.message} {one.error.hint}".rstrip())


def _say_unmatched(facts: About) -> None:
    """The names of an about file that no file had: what was said of them was said of nothing."""
    names = facts.unmatched
    if not names:
        return
    entries = output.count(len(names), "entry", "entries")
    output.say(f"{entries} of the about file {'matches' if len(names) == 1 else 'match'} no file:")
    for name in names[:MOST_NAMED]:
        output.say(f"  {output.one_line(name)}")
    if len(names) > MOST_NAMED:
        output.say(f"  ... and {len(names) - MOST_NAMED} more; see them with --json.")
