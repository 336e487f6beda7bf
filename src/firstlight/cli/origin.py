"""The command `origin`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from firstlight.casework.attesting import ledgers, read_attestation, with_answers
from firstlight.casework.examine import PRELOAD, examined_file
from firstlight.cli import output
from firstlight.cli.common import Files, HomeFolder, below, caged, name_of, opened, trust_lists
from firstlight.errors import FirstlightError
from firstlight.origin import LedgerKey, SignedAttestation, Verdict
from firstlight.origin.indicators.generator_attestation import NOT_BELIEVED


def origin(
    files: Files,
    attestation: Annotated[
        list[Path] | None,
        typer.Option(metavar="ANSWER", help="A generator's signed answer about FILE; repeatable.", show_default=False),
    ] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Say what is known about how each picture came to be, and who could have forged it.

    No sign is not a sign. Nothing here says that a child is real or not. Whoever signed content credentials is looked
    up in the home's trust lists, where there are any, and the key of a generator's ledger among the home's
    (`firstlight trust`).
    """
    failed = False
    trust = trust_lists(home)
    answers, keys = _answers(attestation or [], home)

    def look(path: Path) -> tuple[Path, Verdict | FirstlightError]:
        try:
            verdict = examined_file(cage, path, trust=trust)
            return path, with_answers(verdict, answers, keys, verdict.at) if answers else verdict
        except FirstlightError as e:
            return path, e

    with caged(PRELOAD) as cage:
        for path, verdict in cage.each(look, below(files)):
            failed = failed or isinstance(verdict, FirstlightError) or _is_doubtful(verdict)
            if as_json:
                output.answer_line({"file": name_of(path), **_origin_fields(verdict)})
            else:
                _say_origin(path, verdict)
    return output.BAD_INPUT if failed else output.DONE


def _answers(files: list[Path], home: Path | None) -> tuple[list[SignedAttestation], tuple[LedgerKey, ...]]:
    """The answers that were given, with the keys that the home believes."""
    if not files:
        return [], ()
    with opened(home) as house:
        return [read_attestation(file) for file in files], ledgers(house)


def _is_doubtful(verdict: Verdict) -> bool:
    """Whether the file could not be read, or an answer that was given about it is not believed."""
    return verdict.unreadable is not None or any(one.name == NOT_BELIEVED.name for one in verdict.indicators)


def _origin_fields(verdict: Verdict | FirstlightError) -> dict[str, Any]:
    if isinstance(verdict, FirstlightError):
        return {"error": verdict.diagnostics().as_dict()}
    return verdict.model_dump(mode="json")


def _say_origin(path: Path, verdict: Verdict | FirstlightError) -> None:
    output.say(output.one_line(name_of(path)))
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
