"""The command `match`."""

from __future__ import annotations

from typing import Annotated

import typer

from firstlight.banks import Match, Via
from firstlight.casework import banking
from firstlight.casework.banking import FileMatches
from firstlight.casework.films import film_of
from firstlight.cli import output
from firstlight.cli.common import Files, HomeFolder, ModeOption, below, caged, opened, time_code
from firstlight.hashing import Mode

TURNED = {
    "rotate90": "once turned by 90 degrees anticlockwise",
    "rotate180": "once turned upside down",
    "rotate270": "once turned by 90 degrees clockwise",
    "flip-top-bottom": "once flipped top to bottom",
    "flip-left-right": "once mirrored left to right",
    "transpose": "once mirrored along its main diagonal",
    "transverse": "once mirrored along its other diagonal",
}
"""What has to be done to the file to get at the listed picture, in words."""


def match(
    files: Files,
    bank: Annotated[
        list[str] | None, typer.Option("--bank", metavar="NAME", help="Only this bank; repeatable.")
    ] = None,
    as_json: output.Json = False,
    mode: ModeOption = Mode.AUTO,
    any_orientation: Annotated[
        bool,
        typer.Option("--any-orientation", help="Also find what was turned or mirrored."),
    ] = False,
    home: HomeFolder = None,
) -> int:
    """Look files up in the banks: the same bytes first, then near-duplicates, of animations and videos frame by frame.

    Ends with 1 when something matches, also if another file could not be looked up; with 2 when nothing matches but
    some file could not be looked up, because nothing is known about it. Each such file is named, and its JSON has an
    `error`.
    """
    found, failed, total = False, 0, 0
    with caged(banking.MATCH_PRELOAD) as cage, opened(home) as house:
        looked_up = banking.match_files(
            house, cage, below(files), banks=bank, mode=mode, any_orientation=any_orientation
        )
        for one in looked_up:
            found, total = found or one.found, total + 1
            failed += one.error is not None and not one.found
            if as_json:
                output.answer_line(one.model_dump(mode="json"))
            else:
                _say_matches(one)
    if failed and total > 1:
        output.warn(f"{failed} of {total} files could not be looked up, or not whole: nothing is known about them.")
    if found:
        return output.FINDING
    return output.BAD_INPUT if failed else output.DONE


def _say_matches(one: FileMatches) -> None:
    output.say(output.one_line(one.file))
    for film in one.films or ():
        how = "a copy or an excerpt of a listed film" if film.is_copy else "frames of a listed film"
        output.say(
            f"  MATCH  {film.bank} ({film.purpose.value}): {how}: it has {film.found} of {film.listed} key frames of"
            f" {film.film}; {film.matching} of its own {film.frames} match"
        )
    for found in one.matches:
        if found.counts and film_of(found):
            continue  # said with its film
        veto = f"; vetoed by {found.vetoed_by}" if found.vetoed_by else ""
        output.say(f"  MATCH  {found.bank} ({found.purpose.value}): {_how(found)}{veto}")
    if one.frames is not None:
        end = "" if one.frames_complete else "; its end was not reached"
        output.say(f"  looked up by {output.count(one.frames, 'key frame')}{end}")
    if one.error:
        output.say(f"  not looked up by pixels: {one.error.message} {one.error.hint}".rstrip())
    elif not one.matches:
        output.say("  no match, which says nothing about what it shows")


def _how(found: Match) -> str:
    if found.exact:
        return "the same bytes"
    if found.via is not Via.PDQ:
        return f"the same {found.via.value.upper()}, but other bytes than the listed ones"
    how = f"near-duplicate, {found.distance} of 256 bits"
    if found.orientation:
        how += f", {TURNED[found.orientation]}"
    if found.seconds is not None:
        how += f", in the frame at {time_code(found.seconds)}"
    return how
