"""What callers use: examine a file in the cage, weigh what was found, and put it all into a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from firstlight.banks.match import Match
from firstlight.errors import UnreadableError
from firstlight.media import Source
from firstlight.origin.attestation import LedgerKey, SignedAttestation
from firstlight.origin.indicator import Claim, Family, ForgeableBy, Indicator
from firstlight.origin.trouble import pixels_failed
from firstlight.origin.trust import TrustLists
from firstlight.origin.verdict import INCOMPLETE, NOT_HERE, WORDS_ALONE, Verdict, unseen
from firstlight.origin.weighing import weigh
from firstlight.values import Digests, ErrorNote, Pdq, Reason, canonical_json

TASK = "firstlight.origin.worker:examine"
_INDICATORS = TypeAdapter(tuple[Indicator, ...])
_NOT_IN_A_FILE = frozenset({Family.AUTHORITY, Family.GENERATOR_LOG, Family.REPORTER})


class RunsTasks(Protocol):
    """What examining needs of a cage: run a named task on a file and answer its JSON."""

    def run(self, task: str, source: Source, /, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """The task's answer."""
        ...


def examine(
    cage: RunsTasks, source: Source, *, trust: TrustLists | None = None, pixels: bool = True
) -> tuple[Indicator, ...]:
    """Everything that the file itself says about its origin, found in a caged worker and checked when it comes back.

    Without `pixels` nothing is decoded. A file that brings down or overruns its worker is tried once more without,
    and the answer says so.

    Raises:
        UnreadableError: the worker died, ran out of its limits, or answered something that is no list of indicators,
            and did so without pixels too.
    """
    params = {} if trust is None else {"trust": trust.model_dump(mode="json")}
    if not pixels:
        return _checked(cage.run(TASK, source, pixels=False, **params))
    try:
        return _checked(cage.run(TASK, source, **params))
    except UnreadableError as e:
        without_pixels = _checked(cage.run(TASK, source, pixels=False, **params))
        return (*without_pixels, pixels_failed(e.diagnostics().code))


def _checked(answer: dict[str, Any]) -> tuple[Indicator, ...]:
    """The worker is not trusted: it answers what can be read in a file, and nothing that only others can know."""
    try:
        signs = _INDICATORS.validate_python(answer.get("indicators"))
    except ValidationError as e:
        raise _nonsense() from e
    if any(sign.forgeable_by is ForgeableBy.AUTHORITY or sign.family in _NOT_IN_A_FILE for sign in signs):
        raise _nonsense()
    return signs


def _nonsense() -> UnreadableError:
    return UnreadableError(
        "The worker's answer about this file's origin makes no sense.",
        hint="A person has to look at the file; it may have taken over its worker.",
        code="unreadable.worker-answer",
    )


def from_matches(matches: Iterable[Match]) -> tuple[Indicator, ...]:
    """What matches in banks say about origin: only what the owner of each list has said."""
    from firstlight.origin.indicators import bank_matches

    return tuple(bank_matches.detect(matches))


def from_attestations(
    answers: Iterable[SignedAttestation],
    keys: Iterable[LedgerKey],
    *,
    digests: Digests,
    pdq: Pdq | None = None,
    at: datetime,
) -> tuple[Indicator, ...]:
    """What generators' signed answers say about the file with these digests; `keys` are those of the operator."""
    from firstlight.origin.indicators import generator_attestation

    return tuple(generator_attestation.detect(answers, keys, digests=digests, pdq=pdq, at=at))


def assess(
    *,
    at: datetime,
    digests: Digests,
    media_type: str,
    pdq: Pdq | None = None,
    width: int | None = None,
    height: int | None = None,
    matches: tuple[Match, ...] = (),
    indicators: tuple[Indicator, ...] = (),
    unreadable: ErrorNote | None = None,
) -> Verdict:
    """Everything known about one item, weighed, with the reasons in plain words.

    `indicators` is what `examine` answered; what the matches say is added here.
    """
    signs = _without_repeats((*from_matches(matches), *indicators))
    weighing = weigh(signs)
    stands = set(weighing.stands) | ({Claim.UNREADABLE} if unreadable else set())
    return Verdict(
        at=at,
        digests=digests,
        media_type=media_type,
        pdq=pdq,
        width=width,
        height=height,
        matches=matches,
        indicators=signs,
        origin=tuple(claim for claim in Claim if claim in stands),
        unreadable=unreadable,
        reasons=_reasons(matches, weighing.reasons, unreadable),
    )


def _without_repeats(signs: tuple[Indicator, ...]) -> tuple[Indicator, ...]:
    # As canonical JSON, so that a sign that was read back from the tables is the one that was found.
    return tuple({canonical_json(sign.model_dump(mode="json")): sign for sign in signs}.values())


def _reasons(matches: tuple[Match, ...], origin: Reason, unreadable: ErrorNote | None) -> Reason:
    branches = [_match_reason(match) for match in matches]
    if unreadable:
        says = f"{unseen(unreadable)}: {unreadable.message} A person has to look."
        branches.append(Reason(rule="unreadable", says=says, facts={"code": unreadable.code}))
    branches.append(origin)
    return Reason(rule="verdict", says=_summary(matches, unreadable), because=tuple(branches))


def _summary(matches: tuple[Match, ...], unreadable: ErrorNote | None) -> str:
    counting = [match for match in matches if match.counts]
    if counting:
        banks = ", ".join(dict.fromkeys(match.bank for match in counting))
        return f"It matches {banks}."
    if unreadable and unreadable.code == INCOMPLETE:
        return f"{unseen(unreadable)}, and what was seen matches no bank."
    if unreadable and unreadable.code == NOT_HERE:
        return f"{unseen(unreadable)}, and the hashes that were stated are in no bank."
    if unreadable and unreadable.code == WORDS_ALONE:
        return f"{unseen(unreadable)}."
    if unreadable:
        return f"{unseen(unreadable)} and matches no bank by its digests."
    return "It matches no bank, which says nothing: it may be new."


def _match_reason(match: Match) -> Reason:
    what = "Exactly these bytes are" if match.exact else "A near-duplicate is"
    if match.seconds is not None:
        what = f"A near-duplicate of its frame at {match.seconds:.1f} s is"
    distance = "" if match.exact else f", {match.distance} of 256 bits away"
    veto = f"; the allow bank {match.vetoed_by} vetoes it" if match.vetoed_by else ""
    return Reason(
        rule=f"match.{match.purpose}",
        says=f"{what} listed in {match.bank}{distance}{veto}.",
        facts={"bank": match.bank, "via": match.via, "distance": match.distance, "counts": match.counts},
    )
