"""The command `match`."""

from __future__ import annotations

from typing import Annotated

import typer

from firstlight.casework import banking
from firstlight.casework.banking import FileMatches
from firstlight.cli import output
from firstlight.cli.common import Files, HomeFolder, ModeOption, below, caged, opened
from firstlight.hashing import PRELOAD, Mode


def match(
    files: Files,
    bank: Annotated[
        list[str] | None, typer.Option("--bank", metavar="NAME", help="Only this bank; repeatable.")
    ] = None,
    as_json: output.Json = False,
    mode: ModeOption = Mode.AUTO,
    home: HomeFolder = None,
) -> int:
    """Look files up in the banks: the same bytes first, then near-duplicates.

    Ends with 1 when something matches. A file that cannot be read ends with 2, because nothing is known about it.
    """
    found = failed = False
    with caged(PRELOAD) as cage, opened(home) as house:
        for one in banking.match_files(house, cage, below(files), banks=bank, mode=mode):
            found, failed = found or one.found, failed or (one.error is not None and not one.found)
            if as_json:
                output.answer_line(one.model_dump(mode="json"))
            else:
                _say_matches(one)
    if found:
        return output.FINDING
    return output.BAD_INPUT if failed else output.DONE


def _say_matches(one: FileMatches) -> None:
    output.say(output.one_line(one.file))
    for found in one.matches:
        how = "the same bytes" if found.exact else f"near-duplicate, {found.distance} of 256 bits"
        veto = f"; vetoed by {found.vetoed_by}" if found.vetoed_by else ""
        output.say(f"  MATCH  {found.bank} ({found.purpose.value}): {how}{veto}")
    if one.error:
        output.say(f"  not looked up by pixels: {one.error.message} {one.error.hint}".rstrip())
    elif not one.matches:
        output.say("  no match, which says nothing about what it shows")
