"""Commands on how long originals are kept: `custody retention`, `extend`, `hold`, `approve`, `destroy`, `fixity`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated

import typer

from firstlight import clock
from firstlight.casework import acts, fixity, holds, protection
from firstlight.casework import leftovers as leaving
from firstlight.casework import retention as keeping
from firstlight.casework.fixity import FixityReport
from firstlight.casework.retention import DestructionCertificate, EarlyDestruction, ItemRetention, RetentionView
from firstlight.cli import output
from firstlight.cli.common import Actor, CaseNumber, HomeFolder, opened
from firstlight.clock import to_text
from firstlight.custody import Hold

hold_app = typer.Typer(no_args_is_help=True, help="Legal holds on cases: one person puts one on, two lift it.")

ItemNumber = Annotated[int, typer.Argument(metavar="ITEM", min=1, show_default=False)]
Reason = Annotated[str, typer.Option(help="Why, in words that a stranger understands later.", show_default=False)]


def retention(
    case: Annotated[int | None, typer.Option(min=1, help="Only this case.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many items to print.")] = 50,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Print which originals may be destroyed now, which have to be kept, and why. Nothing is destroyed."""
    with opened(home) as house:
        view = keeping.overview(house, case)
    if as_json:
        output.answer(view)
    else:
        say_retention(view, limit)


def extend(
    item: ItemNumber,
    until: Annotated[str, typer.Option(metavar="TIME", help="A day, or a time with its zone.", show_default=False)],
    purpose: Annotated[str, typer.Option(help="What for, in a few words.", show_default=False)],
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Keep an original longer. No clock can be shortened."""
    with opened(home) as house:
        longer = keeping.extend(house, item, as_time(until), actor=by, purpose=purpose)
    if as_json:
        output.answer(longer)
    else:
        output.say(f"Item {item} is kept until {to_text(longer.ends)}.")


def destroy(
    item: ItemNumber,
    early: Annotated[
        str, typer.Option(metavar="REASON", help="Before the end that the house has set; takes a second person.")
    ] = "",
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Destroy an original whose time is over, for good, and print the certificate. What has to be kept is refused.

    With --early the first call asks for it and ends with 1; once another person has approved, the same call does it.
    What a statute, a hold or an open case asks for is kept whoever agrees.
    """
    with opened(home) as house:
        if early:
            asked = keeping.destroy_early(house, item, actor=by, reason=early)
            return _say_early(asked, item, as_json=as_json)
        done = keeping.destroy(house, item, actor=by)
    if as_json:
        output.answer(done)
    else:
        say_certificate(done)
    return output.DONE


def _say_early(asked: EarlyDestruction, item: int, *, as_json: bool) -> int:
    if as_json:
        output.answer(asked)
    elif asked.certificate is not None:
        say_certificate(asked.certificate)
    else:
        output.say(f"The original of item {item} is kept. Another person has to approve that you destroy it early:")
        output.say(f"  firstlight custody approve {asked.act_sha256[:16]} --by NAME")
        output.say("Then run this command again, within ten minutes of it.")
    return output.DONE if asked.certificate else output.FINDING


def approve(
    act: Annotated[str, typer.Argument(metavar="ACT", help="The act's digest, or how it begins.", show_default=False)],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who approves; not who asked.", show_default=False)],
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Approve what another person asked for. They can do it within ten minutes."""
    with opened(home) as house:
        found = acts.approve(house, act, actor=by)
    if as_json:
        output.answer(found)
        return
    details = "; ".join(f"{name}: {value}" for name, value in found.details.items())
    output.say(f"Approved: {found.act.value} for {output.one_line(found.requester)} ({output.one_line(details)}).")


@hold_app.command("on")
def hold_on(
    number: CaseNumber,
    authority: Annotated[str, typer.Option(help="Who asks for it, and by which paper.", show_default=False)],
    reason: Reason,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it ends by itself.", show_default=False)
    ] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Put a hold on a case: nothing of it is destroyed while it lasts."""
    end = None if until is None else as_time(until)
    with opened(home) as house:
        hold = holds.put_on(house, number, authority=authority, reason=reason, until=end, actor=by)
    if as_json:
        output.answer(hold)
    else:
        say_hold(hold)


@hold_app.command("off")
def hold_off(
    hold: Annotated[int, typer.Argument(metavar="HOLD", min=1, help="The hold's number.", show_default=False)],
    reason: Reason,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Lift a hold. The first call asks for it; once another person has approved, the same call lifts it.

    Ends with 1 while the approval is missing.
    """
    with opened(home) as house:
        done = holds.lift(house, hold, reason=reason, actor=by)
    if as_json:
        output.answer(done)
    elif done.approved_by is None:
        output.say(f"Hold {hold} lasts. Another person has to approve that you lift it, within ten minutes of it:")
        output.say(f"  firstlight custody approve {done.act_sha256[:16]} --by NAME")
        output.say("Then run this command again.")
    else:
        output.say(f"Hold {hold} is lifted; approved by {output.one_line(done.approved_by)}.")
    return output.FINDING if done.approved_by is None else output.DONE


@hold_app.command("list")
def hold_list(number: CaseNumber, as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Print every hold that was ever put on a case."""
    with opened(home) as house:
        found = holds.of_case(house, number)
    if as_json:
        output.answer([hold.model_dump(mode="json") for hold in found])
        return
    output.say(output.count(len(found), "hold"))
    for hold in found:
        say_hold(hold)


def check_fixity(
    sample: Annotated[
        int | None, typer.Option(min=1, help="Check only so many, drawn at random.", show_default=False)
    ] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Read, open and hash originals again and log what was found. Ends with 1 if one is not what was stored."""
    with opened(home) as house, output.progress("checking", None, quiet=as_json) as advance:
        report = fixity.check(house, sample=sample, actor=by, advance=advance)
    if as_json:
        output.answer(report)
    else:
        say_fixity(report)
    return output.FINDING if report.unfit else output.DONE


def protect(
    case: Annotated[int | None, typer.Option(min=1, help="Only this case.", show_default=False)] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Lengthen the object store's locks to the ends of the clocks, and set or lift its holds. Run it daily."""
    with opened(home) as house, output.progress("protecting", None, quiet=as_json) as advance:
        report = protection.protect(house, case, actor=by, advance=advance)
    if as_json:
        output.answer(report)
    elif report.enforced:
        output.say(
            f"{output.count(report.originals, 'original')} looked at; locks or holds of {report.changed} changed."
        )
    else:
        output.say("The place where originals lie enforces no locks; there is nothing to do.")


def leftovers(
    adopt: Annotated[bool, typer.Option("--adopt", help="Make items of those whose bytes are in no item.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take away copies of what an item holds.")] = False,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Print the originals in the vault that belong to no item, which a killed intake leaves; adopt or remove them.

    Nothing is removed unless an item has the same bytes, or nobody can open it.
    """
    with opened(home) as house:
        report = leaving.leftovers(house, adopt=adopt, remove=remove, actor=by)
    if as_json:
        output.answer(report)
        return
    output.say(f"{output.count(len(report.leftovers), 'original')} without an item.")
    for one in report.leftovers:
        what = f"{one.sha256[:16]}, {one.size} bytes" if one.sha256 else "closed"
        output.say(f"  {one.object} ({what}): {leaving.SAYS[one.became]}")


def as_time(text: str) -> datetime:
    """A day (its first moment in UTC), or a time with its zone.

    Raises:
        InputError: it is neither.
    """
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return clock.from_text(text)


def say_retention(view: RetentionView, limit: int) -> None:
    """What may be destroyed and what not, in words."""
    gone = [one for one in view.items if one.destroyed is not None]
    free = [one for one in view.items if one.disposal is not None and one.disposal.allowed]
    kept = len(view.items) - len(gone) - len(free)
    output.say(
        f"{output.count(len(free), 'original')} may be destroyed, {kept} have to be kept, {len(gone)} are destroyed."
    )
    shown = [*free, *(one for one in view.items if one not in free)][:limit]
    output.table(["item", "case", "state", "kept until", "why"], map(_row, shown))
    if len(view.items) > limit:
        output.say(f"  and {len(view.items) - limit} more: see --limit")


def _row(one: ItemRetention) -> tuple[object, ...]:
    if one.disposal is None:
        why = f"destroyed {to_text(one.destroyed) if one.destroyed else ''}"
    elif one.disposal.allowed:
        why = "MAY BE DESTROYED"
    else:
        why = " ".join(reason.says for reason in one.disposal.reasons.because)
    ends = "for ever, as it stands" if one.ends is None else to_text(one.ends)
    return one.item, one.case or "", one.state, ends, why


def say_certificate(done: DestructionCertificate) -> None:
    """A destruction, in words."""
    output.say(f"The original of item {done.item} is destroyed.")
    output.say(f"  SHA-256: {done.sha256}, {done.size} bytes, received {to_text(done.received_at)}")
    output.say(f"  By {output.one_line(done.by)}; its key {done.key.key_id} was destroyed {to_text(done.key.at)}.")
    output.say(f"  {done.disposal.reasons.says}")
    output.say(f"  {done.key.remains}")
    for sha256 in done.context:
        output.say(f"  With it went the context file with the SHA-256 {sha256}.")
    if done.sealed_until is not None:
        output.say(f"  The object store keeps the sealed file until {to_text(done.sealed_until)}; nobody can open it.")


def say_hold(hold: Hold) -> None:
    """A hold, in words."""
    until = f" until {to_text(hold.until)}" if hold.until else ""
    lifted = f"; lifted {to_text(hold.released)}" if hold.released else ""
    output.say(f"  {hold.id} of {output.one_line(hold.authority)}, since {to_text(hold.since)}{until}{lifted}")


def say_fixity(report: FixityReport) -> None:
    """A check of originals, in words."""
    output.say(f"{report.checked} of {output.count(report.originals, 'original')} checked; {len(report.unfit)} unfit.")
    for one in report.unfit:
        output.say(f"  item {one.item}: {one.error.message} {one.error.hint}")
