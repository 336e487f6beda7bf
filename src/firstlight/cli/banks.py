"""Commands on hash lists: `bank create`, `bank import`, `bank list`, `bank show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstlight.banks import AddReport, Bank
from firstlight.casework import banking
from firstlight.casework.examine import PRELOAD
from firstlight.cli import output
from firstlight.cli.common import Actor, HomeFolder, below, caged, opened
from firstlight.errors import InputError
from firstlight.hashing import FileHash
from firstlight.values import BankPurpose

app = typer.Typer(no_args_is_help=True, help="Hash lists: make, fill, look at.")

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]


@app.command()
def create(
    name: Name,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE...]", show_default=False)] = None,
    purpose: Annotated[
        BankPurpose, typer.Option(help="What it is for. An `allow` bank vetoes near-duplicates in all others.")
    ] = BankPurpose.KNOWN,
    owner: Annotated[str, typer.Option(help="Whose list it is.")] = "",
    licence: Annotated[str, typer.Option(help="Under which terms you hold it.")] = "",
    threshold: Annotated[int, typer.Option(min=0, max=64, help="Bits that a near-duplicate may differ.")] = 31,
    min_quality: Annotated[int, typer.Option(min=0, max=100, help="PDQ quality below which nothing matches.")] = 50,
    note: str = "",
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Make a bank, of the hashes of these files if any are named. The files themselves are not kept."""
    refused: list[FileHash] = []
    with caged(PRELOAD) as cage, opened(home, create=True) as house:
        banking.create_bank(
            house,
            name,
            purpose,
            actor=by,
            owner=owner,
            licence=licence,
            threshold=threshold,
            min_quality=min_quality,
            note=note,
        )
        if files:
            banking.add_pictures(house, cage, name, below(files), actor=by, refused=refused)
        bank = house.library.bank(name)
    if as_json:
        output.answer(bank.model_dump(mode="json") | {"refused": [one.model_dump(mode="json") for one in refused]})
    else:
        output.say(f"Bank {bank.name} ({bank.purpose.value}) holds {output.count(bank.entries, 'entry', 'entries')}.")
        for one in refused:
            output.say(f"  not taken: {output.one_line(one.file)}: {one.error.message if one.error else ''}")
    return output.BAD_INPUT if refused else output.DONE


@app.command("import")
def import_(
    name: Name,
    path: Annotated[Path, typer.Argument(metavar="LIST", show_default=False)],
    format_: Annotated[str | None, typer.Option("--format", help="The list's format; found out unless given.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=COLUMN", help="Which column holds md5, sha1, sha256, pdq, ...")
    ] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Read a hash list into a bank. What cannot be read is counted and named by its line; the rest is taken."""
    columns = dict(_column(one) for one in column or ())
    with opened(home) as house:
        report = banking.import_list(house, name, path, format=format_, columns=columns or None, actor=by)
    if as_json:
        output.answer(report)
    else:
        _say_report(report)
    return output.FINDING if report.skipped or report.flawed else output.DONE


@app.command("list")
def list_(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """List the banks."""
    with opened(home) as house:
        banks = house.library.banks()
    if as_json:
        output.answer([bank.model_dump(mode="json") for bank in banks])
        return
    if not banks:
        output.say("There are no banks yet. Make one: firstlight bank create NAME FILE...")
        return
    output.table(
        ["bank", "purpose", "entries", "threshold", "matches", "owner"],
        [(b.name, b.purpose.value, b.entries, b.threshold, "yes" if b.enabled else "disabled", b.owner) for b in banks],
    )


@app.command()
def show(name: Name, as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Show what a bank is for and how it matches. Hash values are never shown."""
    with opened(home) as house:
        bank = house.library.bank(name)
    if as_json:
        output.answer(bank)
    else:
        _say_bank(bank)


def _column(text: str) -> tuple[str, str]:
    field, equals, column = text.partition("=")
    if not (field and equals and column):
        raise InputError(f"{text!r} names no column.", hint="Write it like --column md5=MD5_HASH.")
    return field, column


def _say_report(report: AddReport) -> None:
    output.say(
        f"{report.came} records came: {report.added} added, {report.updated} updated, "
        f"{report.unchanged} known already, {report.repeated} repeated, {report.withdrawn} withdrawn, "
        f"{report.skipped} skipped."
    )
    for why, count in report.skipped_why.items():
        output.say(f"  {count} x {why}")
    for skip in report.first_skips:
        output.say(f"  line {skip.line}: {skip.why} {skip.shown}".rstrip())


def _say_bank(bank: Bank) -> None:
    state = "matches" if bank.enabled else f"disabled: {bank.reason}"
    output.say(f"{bank.name}: {bank.purpose.value}, {output.count(bank.entries, 'entry', 'entries')}, {state}")
    output.say(f"  near-duplicates up to {bank.threshold} of 256 bits, from PDQ quality {bank.min_quality}")
    for label, text in (("owner", bank.owner), ("licence", bank.licence), ("note", bank.note)):
        if text:
            output.say(f"  {label}: {text}")
    output.say(f"  made {bank.created:%Y-%m-%d %H:%M} UTC, revision {bank.revision}")
