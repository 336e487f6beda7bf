"""Commands that keep a home safe: `backup`, `restore`, `db copy`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework import moving
from firstlight.casework.backup import backup as make_backup
from firstlight.casework.backup import restore as make_home
from firstlight.cli import output
from firstlight.cli.common import HomeFolder, home_folder, opened

db_app = typer.Typer(no_args_is_help=True, help="The database of a home.")


@db_app.callback()
def _group() -> None:
    """The database of a home."""


def backup(
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the backup.", show_default=False)],
    keys_to: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the keys go: to another disk, kept apart.", show_default=False)
    ],
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Back a home up, encrypted, while others work on it. Originals that are there from before are not copied again."""
    with opened(home) as house, output.progress("copying originals", None, quiet=as_json) as advance:
        made = make_backup(house, to, keys_to, advance=advance)
    if as_json:
        output.answer(made)
        return
    one = made.snapshot
    output.say(f"Snapshot {one.name}: {one.log_size} log entries, {output.count(one.originals, 'original')}.")
    output.say(f"  {made.copied} copied now; {made.removed} removed that were destroyed since.")
    output.say(f"  The keys are in {keys_to}. Whoever has both folders can read everything: keep them apart.")
    if one.in_bucket:
        output.say("  The originals lie in an object store and are not part of this backup.")


def restore(
    source: Annotated[Path, typer.Option("--from", metavar="DIR", help="The folder of the backup.")],
    keys: Annotated[Path, typer.Option(metavar="DIR", help="The folder that --keys-to has filled.")],
    snapshot: Annotated[str | None, typer.Option(help="Its name. [default: the newest]", show_default=False)] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Make a home from a backup, in a folder that is new, and verify its custody log."""
    folder = home_folder(home)
    with output.progress("bringing originals back", None, quiet=as_json) as advance:
        made = make_home(folder, source, keys, snapshot=snapshot, advance=advance)
    if as_json:
        output.answer(made)
    else:
        one = made.snapshot
        output.say(f"The home in {folder} stands as on {one.made_at:%Y-%m-%d %H:%M} UTC.")
        output.say(f"  The custody log was verified: {one.log_size} entries, root {one.log_root}.")
        output.say(f"  {output.count(made.originals, 'original')} brought back.")
        if made.banks:
            output.say("  No backup holds hash lists: NOTHING IS MATCHED with these until they are imported anew:")
            output.say(f"    {', '.join(made.banks)}")
        for text in made.missing:
            output.say(f"  {text}")
        named = "" if home is None else f" --home {folder}"
        output.say(f"  Next: firstlight reconcile --originals{named}")
    return output.FINDING if made.missing else output.DONE


@db_app.command("copy")
def copy_(
    to: Annotated[str, typer.Option(metavar="URL", help="A PostgreSQL database, or `sqlite` for the home's own file.")],
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Copy all tables to another, empty database, verify the custody log there, and use it from then on."""
    with opened(home) as house:
        made = moving.copy_database(house, to)
    if as_json:
        output.answer(made)
        return
    output.say(f"{sum(made.rows.values())} rows of {len(made.rows)} tables copied to {made.target}.")
    output.say(f"  The custody log was verified there: {made.log_size} entries, root {made.log_root}.")
    if to == moving.HERE:
        output.say("  The home uses its own file again: take the `url` out of its settings.")
    else:
        output.say("  The home uses it from now on: put its URL below [database] in settings.toml.")
        output.say("  The old file stays as it was; remove it when you are sure.")
