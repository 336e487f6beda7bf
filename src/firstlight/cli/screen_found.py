"""What to do with what a screening found: `screen hits`, `draft`, `removal`. Commands of the group in `screen`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight.cli import output
from firstlight.cli.common import HomeFolder, opened
from firstlight.clock import from_text
from firstlight.errors import InputError

if TYPE_CHECKING:
    from firstlight.casework.home import Home
    from firstlight.screen.hits import Hit, HitMatch

Out = Annotated[Path, typer.Argument(metavar="DIR", show_default=False, help="The folder that --out named.")]


def hits(
    out: Out,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write them encrypted into this file instead.")
    ] = None,
    agency: Annotated[
        list[str] | None, typer.Option("--for", metavar="AGE-KEY", help="With --to: who may open it; repeatable.")
    ] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Print what was found and where it came from: shard, member, URL, time. Never the pictures."""
    from firstlight.casework.banks_alone import SEALER
    from firstlight.screen.report import hits_in

    if (to is None) != (not agency):
        raise InputError("--to and --for go together.", hint="Name the file, and the age key of who may open it.")
    with opened(home) as there:
        sealer = there.keyring.sealer(SEALER)
        if to is not None:
            return _encrypt(out, to, agency or [], there)
        found = 0
        for hit in hits_in(out, sealer):
            found += 1
            if as_json:
                output.answer_line(hit.model_dump(mode="json"))
            else:
                output.say(f"{output.one_line(hit.place)} {output.one_line(hit.member)}")
                for name, value in (
                    ("url", hit.url),
                    ("key", hit.key),
                    ("fetched", hit.fetched),
                    ("sha256", hit.sha256),
                ):
                    if value:
                        output.say(f"  {name:8}{output.one_line(value)}")
                for match in hit.matches:
                    output.say(f"  found   {match.bank} ({match.purpose.value}): {_how(match)}")
                for sign in hit.signs:
                    output.say(f"  origin  {output.one_line(sign.says)}")
    return output.FINDING if found else output.DONE


def _how(match: HitMatch) -> str:
    by_bytes = {"recorded": "the bytes as downloaded"}.get(match.channel, "the bytes as stored")
    if match.exact:
        return f"{by_bytes} are listed"
    if match.via != "pdq":
        return f"{by_bytes} have the listed {match.via.upper()}, but are other bytes"
    where = "what is inside its borders" if match.channel == "unbordered" else "the whole picture"
    return f"near-duplicate, {match.distance} of 256 bits, by {where}"


def _encrypt(out: Path, to: Path, keys: list[str], there: Home) -> int:
    from firstlight.casework.banks_alone import SEALER
    from firstlight.custody.files import Disk, write_whole
    from firstlight.screen.evidence import encrypt_for
    from firstlight.screen.report import hits_in

    write_whole(Disk(), to, [encrypt_for(keys, hits_in(out, there.keyring.sealer(SEALER)))])
    output.say(f"{to}: for {output.count(len(keys), 'key')}.")
    return output.DONE


def draft(
    out: Out,
    about: Annotated[
        Path | None, typer.Option("--about", metavar="FILE", help="Also write an about file for `firstlight intake`.")
    ] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Draft the report that what was found could become: known material found in data, and nothing else.

    Nothing is filed and no picture is read. To file, whoever may takes the members in, with the about file.
    """
    from firstlight.casework import handing
    from firstlight.casework.banks_alone import SEALER
    from firstlight.custody.files import Disk, write_whole
    from firstlight.screen.report import hits_in

    with opened(home) as there:
        found = list(hits_in(out, there.keyring.sealer(SEALER)))
        if not found:
            output.say("Nothing was found, so there is nothing to report.")
            return output.DONE
        name, found_at = _told_of(out, found)
        made = handing.hand_over(there, found, data_set=name, found_at=found_at)
    if about is not None:
        write_whole(Disk(), about, [handing.about_file(found, data_set=name)])
    if as_json:
        output.answer(made)
        return output.DONE
    output.say(f"A report on {output.count(made.files, 'file')} at {output.count(made.hits, 'place')} of {name}.")
    for finding in made.findings.findings:
        output.say(f"  {finding.kind.value}: {output.one_line(finding.where)}: {output.one_line(finding.says)}")
    if about is not None:
        output.say(f"  To file it: firstlight intake FOLDER --about {about}, with the members in that folder.")
    return output.DONE


def _told_of(out: Path, found: list[Hit]) -> tuple[str, datetime]:
    """What the data set is called, and when the last of this was found; of downloads their folder tells both."""
    from firstlight.screen.report import named_sources, tallies
    from firstlight.screen.runs import RUN, read_run

    if not (out / RUN).exists():
        return f"downloads ({out.absolute().name})", max(from_text(hit.fetched) for hit in found)
    known = read_run(out)
    found_at = max(one.compared.at for one in tallies(out) if one.hits and one.compared is not None)
    return known.data_set or named_sources(known.sources), found_at


def removal(
    out: Out,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The list: CSV of shard, member, offset, key.")],
    padding: Annotated[bool, typer.Option(help="Hide the hits among ordinary members.")] = True,
    keep: Annotated[bool, typer.Option("--keep", help="Write what may stay instead.")] = False,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Write the list of what to remove from the data set, padded so that its publication points at nothing.

    With --keep, what was screened and is not on that list. Of tables of hashes, members are rows, counted from 0.
    """
    from firstlight.casework.banks_alone import SEALER
    from firstlight.screen.removal import PAD_FLOOR, PAD_PER_HIT, write_removal

    floor, per_hit = (PAD_FLOOR, PAD_PER_HIT) if padding else (0, 0)
    with opened(home) as there:
        made = write_removal(out, to, there.keyring.sealer(SEALER), floor=floor, per_hit=per_hit, keep=keep)
    if as_json:
        output.answer(made)
    else:
        output.say(f"{made.path}: {output.count(made.members, 'member')}{' to keep' if keep else ''}. {made.says}")
    return output.DONE
