"""The command `hash`."""

from __future__ import annotations

from typing import Annotated

import typer

from firstlight.cli import output
from firstlight.cli.common import Files, ModeOption, below, caged, time_code
from firstlight.hashing import FRAMES_PRELOAD, PRELOAD, FileHash, Mode, hash_files


def hash_(
    files: Files,
    as_json: output.Json = False,
    mode: ModeOption = Mode.AUTO,
    frames: Annotated[
        bool, typer.Option("--frames", help="Also PDQ of the key frames of animations and videos, with their times.")
    ] = False,
    unordered: Annotated[bool, typer.Option("--unordered", help="Print results as they come.")] = False,
) -> int:
    """Print MD5, SHA-1, SHA-256 and PDQ of each file.

    Folders are read whole. With --json there is one object a file, each on a line of its own.
    """
    failed = False
    preload = (*PRELOAD, *FRAMES_PRELOAD) if frames else PRELOAD
    with caged(preload) as cage, output.progress("hashing", None) as advance:
        for made in hash_files(cage, below(files), mode, ordered=not unordered, frames=frames):
            advance()
            failed = failed or made.error is not None
            if as_json:
                output.answer_line(made.model_dump(mode="json"))
            else:
                _say_hash(made)
    return output.BAD_INPUT if failed else output.DONE


def _say_hash(made: FileHash) -> None:
    output.say(output.one_line(made.file))
    if made.sha256:
        output.say(f"  md5     {made.md5}\n  sha1    {made.sha1}\n  sha256  {made.sha256}")
    if made.pdq and made.pdq_mode:
        output.say(f"  pdq     {made.pdq}  quality {made.pdq_quality}, {made.pdq_mode.value}")
    for frame in made.frames or ():
        output.say(f"  frame   {frame.pdq.hex}  quality {frame.pdq.quality}, at {time_code(frame.seconds)}")
    if made.frames_complete is False:
        output.say("  its end was not reached: it is damaged, or there are more frames than are looked at")
    if made.error:
        output.say(f"  {'not all hashed' if made.pdq else 'no pdq'}: {made.error.message} {made.error.hint}".rstrip())
