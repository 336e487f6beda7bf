"""The command `hash`."""

from __future__ import annotations

from typing import Annotated

import typer

from firstlight.cli import output
from firstlight.cli.common import Files, ModeOption, below, caged
from firstlight.hashing import PRELOAD, FileHash, Mode, hash_files


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


def _say_hash(made: FileHash) -> None:
    output.say(output.one_line(made.file))
    if made.sha256:
        output.say(f"  md5     {made.md5}\n  sha1    {made.sha1}\n  sha256  {made.sha256}")
    if made.pdq and made.pdq_mode:
        output.say(f"  pdq     {made.pdq}  quality {made.pdq_quality}, {made.pdq_mode.value}")
    if made.error:
        output.say(f"  no pdq: {made.error.message} {made.error.hint}".rstrip())
