"""Commands that keep and account: `evidence export`, `verify`, `stamp`, `inspect` and `import`, `reconcile`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework import anchoring, examine, importing, preserve
from firstlight.casework import reconcile as accounts
from firstlight.casework.importing import ImportReport
from firstlight.casework.preserve import MediaExport
from firstlight.casework.reconcile import Reconciliation
from firstlight.cli import output
from firstlight.cli.common import Actor, CaseNumber, HomeFolder, caged, opened
from firstlight.cli.floods import say_floods
from firstlight.clock import to_text
from firstlight.custody import PackageCheck, PackageReport, PackageSummary, inspect_package, verify_package

evidence_app = typer.Typer(no_args_is_help=True, help="Evidence packages: make one, verify one, look into one.")

PackageFolder = Annotated[Path, typer.Argument(metavar="PACKAGE", show_default=False)]
LogKey = Annotated[
    str | None, typer.Option(help="The log key that the organisation publishes, to be sure whose log it is.")
]


@evidence_app.command()
def export(
    number: CaseNumber,
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to put the package in.", show_default=False)],
    media_to: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Also the originals, encrypted to this age key of an agency; repeatable."),
    ] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Make the evidence package of a case: records, report, proofs and a verifier; no media.

    With --media-to the originals go into a second package that only the agency can open. That takes two people: the
    first call asks for it and ends with 1; once another person has approved, the same call makes both packages.
    """
    with opened(home) as house:
        if media_to:
            return _say_media_export(preserve.export_with_media(house, number, to, media_to, actor=by), as_json=as_json)
        report = preserve.export(house, number, to, actor=by)
    if as_json:
        output.answer(report)
    else:
        say_package(report)
    return output.DONE


def _say_media_export(done: MediaExport, *, as_json: bool) -> int:
    if as_json:
        output.answer(done)
    else:
        say_media(done)
    return output.DONE if done.media else output.FINDING


@evidence_app.command()
def verify(
    package: PackageFolder,
    key: LogKey = None,
    as_json: output.Json = False,
) -> int:
    """Verify an evidence package, with nothing but what lies in it. Ends with 1 when something differs."""
    found = verify_package(package, key)
    if as_json:
        output.answer(found)
    else:
        say_check(found)
    return output.DONE if found.ok else output.FINDING


@evidence_app.command()
def stamp(
    package: PackageFolder,
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to put the copy in.", show_default=False)],
    home: HomeFolder = None,
) -> None:
    """Copy a package and add the trusted time that could not be had when it was made; the package itself stays."""
    with opened(home) as house:
        output.say(f"The package with its time stamp is in {anchoring.stamp_package(house, package, to)}.")


@evidence_app.command()
def inspect(package: PackageFolder, key: LogKey = None, as_json: output.Json = False) -> None:
    """Verify an evidence package, then print what is in it. One that does not verify is not looked into."""
    found = inspect_package(package, key)
    if as_json:
        output.answer(found)
    else:
        say_inspection(found)


@evidence_app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="PATH", show_default=False)],
    key: LogKey = None,
    identity: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your age key, to open the originals of a package.", show_default=False),
    ] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Take in what others sent: an evidence package, a VICS file, a folder of CyberTips. Each case becomes a case.

    A package is verified first, and one that does not verify is not taken. What the sender states stays its statement.
    """
    with caged(examine.PRELOAD) as cage, opened(home, create=True) as house:
        with output.progress("taking in", None, quiet=as_json) as advance:
            report = importing.import_evidence(
                house, path, trusted_key=key, identity=identity, actor=by, advance=advance
            )
        with output.progress("examining", None, quiet=as_json) as advance:
            examine.examine(house, cage, advance=advance)
    if as_json:
        output.answer(report)
    else:
        say_import(report)
    return output.DONE


def reconcile(
    originals: Annotated[bool, typer.Option("--originals", help="Also open and hash every original.")] = False,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Prove that nothing was lost: what came in is held, decided or filed. Ends with 1 when it does not add up."""
    with opened(home) as house:
        account = accounts.reconcile(house, originals=originals)
    if as_json:
        output.answer(account)
    else:
        say_reconciliation(account)
    return output.DONE if account.adds_up else output.FINDING


def say_import(report: ImportReport) -> None:
    """What was received, in words."""
    files = output.count(report.received, "file")
    output.say(
        f"{output.count(report.cases, 'case')} of {output.one_line(', '.join(report.senders) or 'nobody named')}: "
        f"{files} told of, {report.known} known already, {output.count(report.originals, 'original')} opened."
    )
    for line in report.said:
        output.say(f"  {output.one_line(line)}")
    for line in report.passed:
        output.say(f"  not taken: {output.one_line(line)}")
    output.say("  Next: firstlight queue")


def say_package(report: PackageReport) -> None:
    """A package that was made, in words."""
    output.say(f"The package is in {report.folder}: {report.files} files, {report.entries} log entries, no media.")
    output.say(f"  Log key: {report.log_key}")
    output.say(f"  Verify it anywhere: python3 -I {report.folder}/verify/verify.py {report.folder}")


def say_media(done: MediaExport) -> None:
    """Where an export of originals stands, in words."""
    if done.records is None or done.media is None:
        output.say("Nothing is made yet. Another person has to approve exactly these files for exactly these keys:")
        output.say(f"  firstlight custody approve {done.act_sha256[:16]} --by NAME")
        output.say("Then run this command again, within ten minutes of it.")
        return
    say_package(done.records)
    output.say(
        f"The originals are in {done.media.folder}, encrypted; approved by {output.one_line(done.approved_by or '')}."
    )
    output.say(f"  Verify it anywhere: python3 -I {done.media.folder}/verify/verify.py {done.media.folder}")


def say_check(found: PackageCheck) -> None:
    """What the verifier said, in words."""
    if found.ok:
        for line in found.says:
            output.say(line)
    else:
        output.say(f"DIFFERS: {found.where}: {found.differs}")


def say_inspection(found: PackageSummary) -> None:
    """What is in a package, in words."""
    say = output.one_line
    output.say(f"{say(found.name)}: {say(found.case)} of {say(found.organisation)}, made {to_text(found.made_at)}")
    output.say(f"  Log key: {say(found.log_key)}")
    for line in found.check.says:
        output.say(f"  {say(line)}")
    output.table(
        ["sha-256", "bytes", "kind", "found by", "seen"],
        (
            (one.digests.sha256[:16], one.digests.size, one.media_type, "; ".join(one.found_by), len(one.viewed))
            for one in found.files
        ),
        output.count(len(found.files), "file"),
    )
    output.table(
        ["kind", "value", "port", "when"],
        ((one.kind, one.value, one.port or "", to_text(one.at) if one.at else "") for one in found.identifiers),
        output.count(len(found.identifiers), "identifier"),
    )
    output.table(
        ["when", "what", "who", "record"],
        ((to_text(one.at), one.what, one.who, one.record or "") for one in found.timeline),
        "timeline",
    )
    for what, names in (("records", found.records), ("statements", found.statements), ("media", found.media)):
        output.say(f"  {what}: {', '.join(map(say, names)) or 'none'}")
    output.say(f"  log entries: {', '.join(f'{number} {kind}' for kind, number in found.events.items())}")


def say_reconciliation(account: Reconciliation) -> None:
    """The account, in words."""
    wrong = "HASH LISTS ARE MISSING" if account.only_lists_missing else "IT DOES NOT ADD UP"
    output.say(
        f"In: {account.came_in} = held {account.held} + decided {account.decided} + filed {account.filed}"
        f"{'' if account.adds_up else f' - {wrong}'}"
    )
    output.say(f"  {account.log_entries} entries in the custody log")
    for count, what in (
        (account.unexamined, "items are not examined yet: `firstlight intake` goes on with them"),
        (account.overdue, "items are past their deadline"),
        (account.reports_unfinished, "reports are begun and not finished: run `firstlight cybertip file` again"),
        (account.leftovers, "originals in the vault belong to no item: an intake was cut off before it recorded them"),
    ):
        if count:
            output.say(f"  {count} {what}")
    say_floods(account.floods)
    for one in account.discrepancies:
        output.say(f"  {one.about}: {one.says} {one.hint}")
