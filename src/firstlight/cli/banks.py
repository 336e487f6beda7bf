"""Commands on hash lists: make, fill and change banks, and say of single entries whether they are right."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from firstlight.banks import (
    AddReport,
    Bank,
    BankReport,
    Entry,
    ImportReport,
    NewEntry,
    Standing,
    StandingReport,
    exporting,
)
from firstlight.banks.importers import FORMATS
from firstlight.casework import banking
from firstlight.casework.examine import PRELOAD
from firstlight.cli import output
from firstlight.cli.common import Actor, HomeFolder, Why, below, caged, name_of, opened
from firstlight.errors import InputError
from firstlight.hashing import FileHash
from firstlight.values import BankPurpose

app = typer.Typer(no_args_is_help=True, help="Hash lists: make, fill, look at.")

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
Keys = Annotated[list[str], typer.Argument(metavar="KEY...", show_default=False)]
Frames = Annotated[
    bool,
    typer.Option("--frames", help="Of animations and videos also the key frames, so that copies in other bytes match."),
]
WhyIfAny = Annotated[str, typer.Option("--why", help="Your reason, if there is more to say.", show_default=False)]


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
    frames: Frames = False,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Make a bank, of the hashes of these files if any are named. The files themselves are not kept.

    A file that is not there stops it before anything is made. Ends with 2 when some file could not be taken.
    """
    settings: dict[str, Any] = {
        "owner": owner, "licence": licence, "threshold": threshold, "min_quality": min_quality, "note": note,
    }  # fmt: skip
    refused: list[FileHash] = []
    _all_there(files or ())
    with caged(banking.MATCH_PRELOAD if frames else PRELOAD) as cage, opened(home, create=True) as house:
        if files:
            banking.create_bank_of(
                house, cage, name, purpose, below(files), actor=by, refused=refused, frames=frames, **settings
            )  # fmt: skip
        else:
            banking.create_bank(house, name, purpose, actor=by, **settings)
        bank = house.library.bank(name)
    if as_json:
        output.answer(bank.model_dump(mode="json") | {"refused": [one.model_dump(mode="json") for one in refused]})
    else:
        output.say(f"Bank {bank.name} ({bank.purpose.value}) holds {output.count(bank.entries, 'entry', 'entries')}.")
        _say_refused(refused)
    return output.BAD_INPUT if refused else output.DONE


@app.command()
def add(
    name: Name,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE...]", show_default=False)] = None,
    hashes: Annotated[
        list[str] | None,
        typer.Option("--hash", metavar="KIND=HEX", help="A hash: md5, sha1, sha256 or pdq; repeatable."),
    ] = None,
    category: Annotated[list[str] | None, typer.Option(help="A category for each of them; repeatable.")] = None,
    note: Annotated[str, typer.Option(help="A note for each of them.")] = "",
    frames: Frames = False,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Add to a bank the hashes of these files, or single hashes. They match at once; the files are not kept.

    Ends with 2 when some file or hash could not be taken.
    """
    refused: list[FileHash] = []
    reports: list[AddReport] = []
    typed = [_typed_hash(one, tuple(category or ()), note) for one in hashes or ()]
    _all_there(files or ())
    if not files and not typed:
        raise InputError("Nothing is named that should be added.", hint="Name files, or hashes with --hash KIND=HEX.")
    with caged(banking.MATCH_PRELOAD if frames else PRELOAD) as cage, opened(home) as house:
        if typed:
            reports.append(banking.add_hashes(house, name, typed, actor=by))
        if files:
            found = below(files)
            reports.append(
                banking.add_pictures(
                    house,
                    cage,
                    name,
                    found,
                    actor=by,
                    refused=refused,
                    categories=category or (),
                    note=note,
                    frames=frames,
                )
            )
    if as_json:
        told = {"reports": [one.model_dump(mode="json") for one in reports]}
        output.answer(told | {"refused": [one.model_dump(mode="json") for one in refused]})
    else:
        for report in reports:
            _say_report(report)
        _say_refused(refused)
    return output.BAD_INPUT if refused or any(one.skipped or one.flawed for one in reports) else output.DONE


@app.command()
def export(
    name: Name,
    path: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    why: Why,
    format_: Annotated[str, typer.Option("--format", help=f"One of {', '.join(exporting.FORMATS)}.")] = "csv",
    category: Annotated[
        int | None, typer.Option(min=0, max=5, help="For VICS: the category of all, on your country's scale.")
    ] = None,
    confirm_: Annotated[str, typer.Option("--confirm", metavar="CODE", help="The code that the first step gave.")] = "",
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Write the entries that this house made of files of its own into a list. Lists of others never leave.

    It takes two steps: the first says what would be written, the second, with the code it gave, writes it.
    """
    with opened(home) as house:
        if confirm_:
            plan = banking.export_own(
                house, name, path, format_, code=confirm_, why=why, category=category, actor=by
            )  # fmt: skip
        else:
            plan = banking.plan_export(house, name, format_)
            exporting.check(path, format_, category)
    if as_json:
        output.answer(plan.model_dump(mode="json") | {"written": bool(confirm_)})
        return
    act = "written" if confirm_ else "would be written"
    output.say(f"{output.count(plan.entries, 'entry', 'entries')} of {name}, made by this house: {act} to {path.name}.")
    if plan.left_out:
        output.say(f"  {plan.left_out} left out: of other people's lists, or not standing any more.")
    if not confirm_:
        output.say(f"  Nothing is written yet. Do the same again with --confirm {plan.code}")


@app.command("import")
def import_(
    name: Name,
    path: Annotated[Path, typer.Argument(metavar="LIST", show_default=False)],
    format_: Annotated[
        str | None, typer.Option("--format", help="The list's format (see `bank formats`); found out unless given.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=COLUMN", help="Which column holds md5, sha1, sha256, pdq, ...")
    ] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Read a hash list into a bank. What cannot be read is counted and named by its line; the rest is taken.

    Ends with 1 when something could not be taken, or when the list broke off before its end.
    """
    columns = dict(_column(one) for one in column or ())
    with opened(home) as house:
        report = banking.import_list(house, name, path, format=format_, columns=columns or None, actor=by)
    if as_json:
        output.answer(report)
    else:
        _say_report(report)
    return output.FINDING if report.skipped or report.flawed or report.stopped else output.DONE


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


@app.command()
def formats(as_json: output.Json = False) -> None:
    """List the formats of hash lists that `bank import` reads."""
    if as_json:
        output.answer([{"format": one.name, "reads": one.says} for one in FORMATS.values()])
    else:
        output.table(["format", "what it reads"], [(one.name, one.says) for one in FORMATS.values()])


@app.command()
def enable(
    name: Name, why: WhyIfAny = "", by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None
) -> None:
    """Let a bank match again."""
    with opened(home) as house:
        report = banking.enable_bank(house, name, why=why, actor=by)
    _answer_act(report, as_json)


@app.command()
def disable(
    name: Name, why: Why, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None
) -> None:
    """Keep a bank, but let it match nothing from now on."""
    with opened(home) as house:
        report = banking.disable_bank(house, name, why=why, actor=by)
    _answer_act(report, as_json)


@app.command()
def delete(name: Name, why: Why, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Remove a bank and all its entries from this home. What it matched before stays on record."""
    with opened(home) as house:
        report = banking.delete_bank(house, name, why=why, actor=by)
    _answer_act(report, as_json)


@app.command()
def change(
    name: Name,
    threshold: Annotated[int | None, typer.Option(min=0, max=64, help="Bits that a near-duplicate may differ.")] = None,
    min_quality: Annotated[
        int | None, typer.Option(min=0, max=100, help="PDQ quality below which nothing matches.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Whose list it is.")] = None,
    licence: Annotated[str | None, typer.Option(help="Under which terms you hold it.")] = None,
    note: str | None = None,
    why: WhyIfAny = "",
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Change how a bank matches, or what is said about it; what is not named stays."""
    with opened(home) as house:
        report = banking.change_bank(
            house,
            name,
            why=why,
            actor=by,
            threshold=threshold,
            min_quality=min_quality,
            owner=owner,
            licence=licence,
            note=note,
        )
    _answer_act(report, as_json)


@app.command()
def entries(
    name: Name,
    standing: Annotated[Standing | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many to print; 0 prints all.")] = 100,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Print the entries of a bank with their keys, one a line. Hashes are masked; with --json too."""
    with opened(home) as house:
        chosen = (one for one in house.library.entries(name) if standing in (None, one.standing))
        for one in islice(chosen, min(limit, sys.maxsize) or None):
            if as_json:
                output.answer_line(_masked(one))
            else:
                _say_entry(one)
        if not as_json and limit and next(chosen, None) is not None:
            output.say("... and more; print all of them with --limit 0.")


@app.command()
def annotate(
    name: Name,
    keys: Keys,
    note: Annotated[str | None, typer.Option(help="Your note on them, in place of the one before.")] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Your category of them; repeatable, in place of those before.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take your note and categories away.")] = False,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Write your own note and categories to entries. They stand beside those of the list, which never changes them."""
    with opened(home) as house:
        report = banking.annotate(
            house, name, keys, note="" if clear else note, categories=[] if clear else category, actor=by
        )
    if as_json:
        output.answer(report)
    else:
        output.say(f"{output.count(len(report.keys), 'entry', 'entries')} of {name} changed.")
        _say_keys(name, report.unchanged, report.unknown)
    return output.BAD_INPUT if report.unknown else output.DONE


@app.command()
def confirm(
    name: Name, keys: Keys, why: Why, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None
) -> int:
    """Say that entries are right: this house looked at what they matched. They go on matching."""
    return _stand(name, keys, Standing.CONFIRMED, why, by, as_json, home)


@app.command()
def deny(
    name: Name, keys: Keys, why: Why, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None
) -> int:
    """Say that entries are wrong: they stop matching, and no list brings them back."""
    return _stand(name, keys, Standing.DENIED, why, by, as_json, home)


@app.command()
def withdraw(
    name: Name, keys: Keys, why: Why, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None
) -> int:
    """Take entries out of matching, as their list's owner would. A list that brings them again restores them."""
    return _stand(name, keys, Standing.WITHDRAWN, why, by, as_json, home)


@app.command()
def restore(
    name: Name, keys: Keys, why: Why, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None
) -> int:
    """Put entries back to active that were confirmed, denied or withdrawn."""
    return _stand(name, keys, Standing.ACTIVE, why, by, as_json, home)


def _stand(name: str, keys: list[str], standing: Standing, why: str, by: str, as_json: bool, home: Path | None) -> int:
    with opened(home) as house:
        report = banking.set_standing(house, name, keys, standing, why=why, actor=by)
    if as_json:
        output.answer(report)
    else:
        _say_standing(report)
    return output.BAD_INPUT if report.unknown else output.DONE


def _answer_act(report: BankReport, as_json: bool) -> None:
    if as_json:
        output.answer(report)
    elif report.act == "deleted":
        output.say(f"Bank {report.bank.name} is deleted, and its entries with it.")
    else:
        _say_bank(report.bank)


def _say_standing(report: StandingReport) -> None:
    if report.keys:
        output.say(f"{output.count(len(report.keys), 'entry', 'entries')} of {report.bank}: {report.standing.value}.")
    _say_keys(report.bank, report.unchanged, report.unknown)


def _say_keys(bank: str, unchanged: Iterable[str], unknown: Iterable[str]) -> None:
    for key in unchanged:
        output.say(f"  {key} stood so already")
    for key in unknown:
        output.say(f"  {key} is no entry of {bank}; `firstlight bank entries {bank}` lists them")


def _say_refused(refused: Iterable[FileHash]) -> None:
    for one in refused:
        output.say(f"  not taken: {output.one_line(one.file)}: {one.error.message if one.error else ''}")


def _all_there(files: Iterable[Path]) -> None:
    """Refuse before anything is changed when a file is named that is not there."""
    for path in files:
        if not path.exists():
            raise InputError(f"There is no file {name_of(path)}.", hint="Nothing was changed. Check the name.")


def _typed_hash(text: str, categories: tuple[str, ...], note: str) -> NewEntry:
    kind, _, value = text.partition("=")
    if kind not in ("md5", "sha1", "sha256", "pdq") or not value:
        raise InputError("This is no hash of a known kind.", hint="Write --hash md5=0123..., or sha1, sha256, pdq.")
    given = {kind: value}
    return NewEntry(
        md5=given.get("md5"), sha1=given.get("sha1"), sha256=given.get("sha256"), pdq=given.get("pdq"),
        categories=categories, note=note,
    )  # fmt: skip


def _masked(one: Entry) -> dict[str, Any]:
    """An entry as people may see it: without its original form, which holds hashes as the list wrote them."""
    hashes = {"md5", "sha1", "sha256", "pdq", "original"}
    return one.model_dump(mode="json", exclude=hashes) | {"masked": one.masked()}


def _say_entry(one: Entry) -> None:
    hashes = ", ".join(f"{kind} {shown}" for kind, shown in one.masked().items())
    reason = f" ({one.reason})" if one.reason else ""
    output.say(output.one_line(f"{one.key}  {one.standing.value}{reason}  {hashes}"))
    matched = f"{one.last_matched:%Y-%m-%d}" if one.last_matched else "never"
    times = f"first seen {one.first_seen:%Y-%m-%d}, last seen {one.last_seen:%Y-%m-%d}, last matched {matched}"
    output.say(f"  {times}")
    for label, text in (
        ("categories", ", ".join(one.categories)),
        ("note", one.note),
        ("house categories", ", ".join(one.house_categories)),
        ("house note", one.house_note),
    ):
        if text:
            output.say(output.one_line(f"  {label}: {text}"))


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
    if isinstance(report, ImportReport) and report.stopped:
        output.say(f"THE LIST BROKE OFF: {report.stopped.message} {report.stopped.hint}".rstrip())
        output.say("  What came before is taken. Get the list again whole, and import it again.")


def _say_bank(bank: Bank) -> None:
    state = "matches" if bank.enabled else f"disabled: {bank.reason}"
    output.say(f"{bank.name}: {bank.purpose.value}, {output.count(bank.entries, 'entry', 'entries')}, {state}")
    output.say(f"  near-duplicates up to {bank.threshold} of 256 bits, from PDQ quality {bank.min_quality}")
    for label, text in (("owner", bank.owner), ("licence", bank.licence), ("note", bank.note)):
        if text:
            output.say(f"  {label}: {text}")
    output.say(f"  made {bank.created:%Y-%m-%d %H:%M} UTC, revision {bank.revision}")
