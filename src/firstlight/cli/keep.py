"""Commands that keep and account: `evidence export`, `evidence verify`, `reconcile`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework import preserve
from firstlight.casework import reconcile as accounts
from firstlight.casework.reconcile import Reconciliation
from firstlight.cli import output
from firstlight.cli.common import Actor, HomeFolder, opened
from firstlight.cli.floods import say_floods
from firstlight.cli.work import CaseNumber
from firstlight.custody import PackageCheck, PackageReport, verify_package

evidence_app = typer.Typer(no_args_is_help=True, help="Evidence packages: make one, verify one.")


@evidence_app.command()
def export(
    number: CaseNumber,
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to put the package in.", show_default=False)],
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Make the evidence package of a case: records, report, proofs and a verifier; no media."""
    with opened(home) as house:
        report = preserve.export(house, number, to, actor=by)
    if as_json:
        output.answer(report)
    else:
        say_package(report)


@evidence_app.command()
def verify(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE", show_default=False)],
    key: Annotated[
        str | None, typer.Option(help="The log key that the organisation publishes, to be sure whose log it is.")
    ] = None,
    as_json: output.Json = False,
) -> int:
    """Verify an evidence package, with nothing but what lies in it. Ends with 1 when something differs."""
    found = verify_package(package, key)
    if as_json:
        output.answer(found)
    else:
        say_check(found)
    return output.DONE if found.ok else output.FINDING


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


def say_package(report: PackageReport) -> None:
    """A package that was made, in words."""
    output.say(f"The package is in {report.folder}: {report.files} files, {report.entries} log entries, no media.")
    output.say(f"  Log key: {report.log_key}")
    output.say(f"  Verify it anywhere: python3 -I {report.folder}/verify/verify.py {report.folder}")


def say_check(found: PackageCheck) -> None:
    """What the verifier said, in words."""
    if found.ok:
        for line in found.says:
            output.say(line)
    else:
        output.say(f"DIFFERS: {found.where}: {found.differs}")


def say_reconciliation(account: Reconciliation) -> None:
    """The account, in words."""
    output.say(
        f"In: {account.came_in} = held {account.held} + decided {account.decided} + filed {account.filed}"
        f"{'' if account.adds_up else ' - IT DOES NOT ADD UP'}"
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
