"""Commands that look at files: `hash`, `match`, `origin`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from firstlight.casework import banking
from firstlight.casework.banking import FileMatches
from firstlight.casework.examine import PRELOAD, examined_file
from firstlight.cli import output
from firstlight.cli.common import Files, HomeFolder, below, caged, name_of, opened
from firstlight.errors import FirstlightError
from firstlight.hashing import FileHash, Mode, hash_files
from firstlight.origin import Verdict

ModeOption = Annotated[
    Mode, typer.Option(help="`exact` is the reference's hash bit for bit; `auto` may scale large JPEGs while decoding.")
]


def hash_(
    files: Files,
    as_json: output.Json = False,
    mode: ModeOption = Mode.AUTO,
    unordered: Annotated[bool, typer.Option("--unordered", help="Print results as they come.")] = False,
) -> int:
    """Print MD5, SHA-1, SHA-256 and PDQ of each file.

    Folders are read whole. With --json there is one object a file, each on a line of its own.
    """
    failed = False
    with caged(PRELOAD) as cage, output.progress("hashing", None) as advance:
        for made in hash_files(cage, below(files), mode, ordered=not unordered):
            advance()
            failed = failed or made.error is not None
            if as_json:
                output.answer_line(made.model_dump(mode="json"))
            else:
                _say_hash(made)
    return output.BAD_INPUT if failed else output.DONE


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


def origin(files: Files, as_json: output.Json = False) -> int:
    """Say what is known about how each picture came to be, and who could have forged it.

    No sign is not a sign. Nothing here says that a child is real or not.
    """
    failed = False

    def look(path: Path) -> tuple[Path, Verdict | FirstlightError]:
        try:
            return path, examined_file(cage, path)
        except FirstlightError as e:
            return path, e

    with caged(PRELOAD) as cage:
        for path, verdict in cage.each(look, below(files)):
            failed = failed or isinstance(verdict, FirstlightError) or verdict.unreadable is not None
            if as_json:
                output.answer_line({"file": name_of(path), **_origin_fields(verdict)})
            else:
                _say_origin(path, verdict)
    return output.BAD_INPUT if failed else output.DONE


def _origin_fields(verdict: Verdict | FirstlightError) -> dict[str, Any]:
    if isinstance(verdict, FirstlightError):
        return {"error": verdict.diagnostics().as_dict()}
    return verdict.model_dump(mode="json")


def _say_hash(made: FileHash) -> None:
    output.say(made.file)
    if made.sha256:
        output.say(f"  md5     {made.md5}\n  sha1    {made.sha1}\n  sha256  {made.sha256}")
    if made.pdq and made.pdq_mode:
        output.say(f"  pdq     {made.pdq}  quality {made.pdq_quality}, {made.pdq_mode.value}")
    if made.error:
        output.say(f"  no pdq: {made.error.message} {made.error.hint}".rstrip())


def _say_matches(one: FileMatches) -> None:
    output.say(one.file)
    for found in one.matches:
        how = "the same bytes" if found.exact else f"near-duplicate, {found.distance} of 256 bits"
        veto = f"; vetoed by {found.vetoed_by}" if found.vetoed_by else ""
        output.say(f"  MATCH  {found.bank} ({found.purpose.value}): {how}{veto}")
    if one.error:
        output.say(f"  not looked up by pixels: {one.error.message} {one.error.hint}".rstrip())
    elif not one.matches:
        output.say("  no match, which says nothing about what it shows")


def _say_origin(path: Path, verdict: Verdict | FirstlightError) -> None:
    output.say(name_of(path))
    if isinstance(verdict, FirstlightError):
        output.say(f"  {verdict.diagnostics()}")
        return
    for indicator in verdict.indicators:
        output.say(
            f"  {indicator.claim.value}: {indicator.says}\n"
            f"    {indicator.strength.words}; could be forged by {indicator.forgeable_by.words}"
        )
    if not verdict.indicators:
        output.say("  no sign of origin was seen, which is not a sign")
    if verdict.unreadable:
        output.say(f"  {verdict.unreadable.message} {verdict.unreadable.hint}".rstrip())
