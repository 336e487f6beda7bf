"""`firstlight gate model`, `report`, `comfyui`: what a model is, and what a provider answers for."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework.gatekeeping import GateFolder
from firstlight.cli import output
from firstlight.cli.common import HomeFolder, name_of, opened, opened_if_there
from firstlight.clock import to_text
from firstlight.errors import InputError
from firstlight.gate.modelfile import ModelRecord, Screening, model_record, read_blocklist, with_screening
from firstlight.media import read_file
from firstlight.screen.publish import verify_report
from firstlight.screen.report import ScreenReport

LARGEST = 64 * 2**20  # bytes of a blocklist or a report


def model(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model or adapter (safetensors).")],
    blocklist: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Fingerprints of models that are not wanted.", show_default=False),
    ] = None,
    screening: Annotated[
        Path | None, typer.Option(metavar="REPORT", help="Check that the model rests on this report of a screening.")
    ] = None,
    screening_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Whose signature the report has to bear.", show_default=False),
    ] = None,
    lists_since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The lists of the screening may not be older.", show_default=False),
    ] = None,
    name_screening: Annotated[
        Path | None, typer.Option(metavar="REPORT", help="Write this report's digest into a copy, --out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The copy that names the screening.")] = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who says that the model rests on it, or who checks.")] = "",
    as_blocklist: Annotated[bool, typer.Option("--as-blocklist", help="Print its lines for a blocklist.")] = False,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Say what a model file is, by fingerprints that outlive re-saving, and what it rests on. Nothing is run.

    Ends with 1 when a blocklist names it, or it does not rest on the report that is given: another one, one that is not
    whole, not signed as it should be, or older than its lists may be. Where there is a home, what came of such a check
    stands in its custody log.
    """
    if name_screening is not None:
        if out is None:
            raise InputError("A copy is written, and no name is given for it.", hint="Add --out FILE.")
        report, digest = _report(name_screening)
        until = to_text(report.fresh_until)[:10] if report.fresh_until else ""
        with_screening(file, out, Screening(report_sha256=digest, lists_of=until, by=by))
        output.say(f"{output.one_line(name_of(out))} names the screening {digest[:16]}, lists up to {until or 'none'}.")
        return output.DONE
    given = {
        name: read_file(path, LARGEST)
        for name, path in (("blocklist", blocklist), ("screening", screening))
        if path is not None
    }
    listed = read_blocklist(given["blocklist"], str(blocklist)) if blocklist else ()
    with opened_if_there(home) as house:
        folder = GateFolder(house) if house is not None else None
        found = model_record(file, blocklist=listed, rules=folder.armed() if folder else None)
        wrong = _screening_trouble(found, screening, screening_key, _day(lists_since))
        if folder is not None and given:
            against = {name: hashlib.sha256(data).hexdigest() for name, data in given.items()}
            folder.log_model_check(found, against, wrong, by or "operator")
    if as_blocklist:
        output.say("\n".join(found.blocklist_lines()))
    elif as_json:
        output.answer({**found.model_dump(mode="json"), "screening_trouble": wrong})
    else:
        _say(found, wrong, checked=screening is not None, signed=screening_key is not None)
    return output.FINDING if found.blocked or wrong else output.DONE


def report(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Answer for the gate: Safety by Design by principles, marking, months; in Markdown, from the log alone."""
    from firstlight.casework.answering import answer_for

    with opened(home) as house:
        found = answer_for(GateFolder(house))
    if as_json:
        output.answer(found)
    else:
        output.say("\n".join(found.lines()))


def comfyui(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="ComfyUI's custom_nodes.")],
) -> None:
    """Write the node for ComfyUI, which asks a running gate about every picture that passes it."""
    from firstlight.gate.adapters.comfyui import node_source

    path = folder / "firstlight_gate.py"
    try:
        path.write_text(node_source(), encoding="utf-8")
    except OSError as e:
        raise InputError(f"{path} cannot be written: {e.strerror}.", hint="Name ComfyUI's custom_nodes.") from e
    output.say(f"{output.one_line(name_of(path))} is there; start `firstlight gate --opinions`, then ComfyUI.")
    output.say("  A node can be left out of a workflow: see the page of the gate for what it cannot cover.")


def _say(found: ModelRecord, wrong: str, *, checked: bool, signed: bool) -> None:
    kind = "adapter" if found.is_adapter else "model"
    output.say(f"{output.one_line(found.file)}: {kind}, {output.count(found.count, 'tensor')}, {found.size:,} bytes")
    for name in ("sha256", "auto_v2", "auto_v3", "blake3", "crc32", "tensors", "contents", "sketch", "product"):
        value = getattr(found, name)
        if value:
            output.say(f"  {name:9} {value}")
    if not found.blake3:
        output.say("  blake3    not taken: pip install 'firstlight[models]'")
    for name, value in found.says.items():
        output.say(f"  says {name}: {output.one_line(value)}")
    if found.traces:
        output.say(f"  training trace: {', '.join(found.traces)}; anyone can write or remove it")
    for hit in found.tag_hits:
        output.say(f"  rule {hit.rule} speaks to {output.count(hit.tags, 'tag')}")
    if found.screening is None:
        output.say("  names no screening of its training data")
    else:
        one = found.screening
        by = f", said by {output.one_line(one.by)}" if one.by else ""
        output.say(f"  rests on the screening {one.report_sha256[:16]}, lists up to {one.lists_of or 'none'}{by}")
        if checked and not wrong:
            output.say(
                "  that is the report that was given" + (", signed with the key that was given" if signed else "")
            )
            if not signed:
                output.say("  whose report it is was not checked: give the key that you expect with --screening-key")
    if wrong:
        output.say(f"  {wrong}")
    if found.blocked:
        output.say(f"  BLOCKLIST: it is named by its {', '.join(found.blocked)}")


def _screening_trouble(found: ModelRecord, path: Path | None, key: str | None, since: date | None) -> str:
    """What is wrong with the screening that a model rests on, in words; nothing when it is as it should be."""
    if path is None:
        if key or since:
            raise InputError("No report is given to be checked.", hint="Add --screening REPORT.")
        return ""
    report, digest = _report(path)
    if found.screening is None:
        return "SCREENING: the model names none"
    if found.screening.report_sha256 != digest:
        return "SCREENING: the model names another report"
    if not report.complete:
        return "SCREENING: the report is not of the whole data set"
    if since and (report.fresh_until is None or report.fresh_until.date() < since):
        until = report.fresh_until.date() if report.fresh_until else "no day"
        return f"SCREENING: its lists are of {until}, and have to be of {since} or later"
    if key is None:
        return ""
    checks = verify_report(path, key, results=False).checks
    broken = [check.says for check in checks if check.holds is False]
    return f"SCREENING: {broken[0]}" if broken else ""


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as e:
        raise InputError(f"{text!r} is no day.", hint="Write it like 2026-11-20.") from e


def _report(path: Path) -> tuple[ScreenReport, str]:
    data = read_file(path, LARGEST)
    return ScreenReport.from_json(data), hashlib.sha256(data).hexdigest()
