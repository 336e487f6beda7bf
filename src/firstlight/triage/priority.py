"""How soon a person looks at an item, and why.

The rules are asymmetric on purpose. Unknown counts as real. Whatever speaks for a real child raises, however weakly.
What an uploader could have made never lowers: not alone, not in any number, not as a tie-break. The one way down is
one step, on records no uploader can forge, signed for by a named person, and never out of the queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.verdict import Verdict, is_whole, unseen
from firstlight.triage.facts import Context, ContextFact
from firstlight.triage.table import OriginSignal, PriorityTable, Row
from firstlight.values import BankPurpose, Document, Instant, Level, Reason, Sha256Hex, Value, Versioned

HARD_CAMERA_STRENGTH = 1.0
"""log10 likelihood ratio, lower end: "moderate". Below it even a sign that is hard to forge says next to nothing."""

STRONG_PHOTO_STRENGTH = 2.0
"""log10 likelihood ratio, lower end, from which signs of an input photograph count as strong."""

HARD_FAMILIES = frozenset({Family.C2PA, Family.PIXELS, Family.AUTHORITY, Family.GENERATOR_LOG})
"""Families that can hold a record no uploader can write. Metadata, detectors and reporters never can."""

MADE_BY_MACHINE = frozenset({Claim.SYNTHETIC, Claim.KNOWN_SYNTHETIC})
"""Claims that a machine made it. By themselves they move nothing."""

RAISING_CLAIMS = frozenset({Claim.PHOTO_DERIVED, Claim.CAMERA, Claim.KNOWN_CHILD, Claim.CONFLICT})
"""Claims that speak for a real child and open a bundle again."""


class Confirmation(Value):
    """A named person says that these bytes show no real child, having looked at the records named in the verdict.

    It is bound to the bytes: a confirmation of another file lowers nothing.
    """

    by: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
    at: Instant
    sha256: Sha256Hex
    says: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


class Priority(Document):
    """Where an item stands, and why.

    `level` first; within a level the larger `order` comes sooner. `raising` names the claims for a real child that
    open a bundle again. `lowered_by` is set when, and only when, the one way down was taken. `cause` is the row that
    asks for the level, empty where it is lowered.
    """

    title_for_people: ClassVar[str] = "priority"

    kind: Literal["priority"] = "priority"
    version: Versioned = 1
    level: Level
    order: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    raising: tuple[Claim, ...] = ()
    lowered_by: Confirmation | None = None
    cause: str = ""
    table_version: str
    table_sha256: Sha256Hex
    reasons: Reason

    @property
    def asked_by(self) -> str:
        """The `cause`, also of a document from before there was one: its reasons tell it."""
        if self.cause or self.lowered_by:
            return self.cause
        asked = [
            (Level(str(row.facts["level"])).rank, -float(row.facts["expected_harm"] or 0), row.rule)
            for row in self.reasons.because
            if row.facts.get("level") and "expected_harm" in row.facts
        ]
        return min(asked, default=(0, 0.0, ""))[2]

    @property
    def sort_key(self) -> tuple[int, float]:
        """Sorts the sooner item first. Ties go to the item received earlier, never to anything in the file."""
        return (self.level.rank, -self.order)


def prioritise(
    verdict: Verdict, context: Context, table: PriorityTable, confirmation: Confirmation | None = None
) -> Priority:
    """The priority of one item. The same arguments always give the same document."""
    signals = origin_signals(verdict)
    level, order = score(table, context.facts, signals)
    rows = [_row_reason("base", table.base)]
    rows += [_row_reason(f"facts.{fact}", table.facts[fact]) for fact in context.facts]
    for signal in sorted(signals):
        row, lists = table.origin[signal], _lists(verdict, signal)
        if signal is OriginSignal.UNREADABLE and verdict.unreadable and is_whole(verdict.unreadable):
            # The table's words speak of a file that could not be opened.
            row = row.model_copy(update={"says": f"{unseen(verdict.unreadable)}: a person has to look."})
        rows.append(_row_reason(f"origin.{signal}", row, _saying(verdict, signal), lists))
    lowered = None
    if confirmation is not None:
        step, why = _lowering(verdict, context, table, confirmation)
        rows.append(why)
        if step:
            lowered = confirmation
            level = list(Level)[min(level.rank + step, Level.BULK.rank)]
    leads = _leads(verdict)
    if leads:
        rows.append(
            Reason(
                rule="leads",
                says="Seen and kept as leads; they move nothing, because an uploader could have put them there.",
                because=leads,
            )
        )
    return Priority(
        level=level,
        order=order,
        raising=raising_claims(signals),
        lowered_by=lowered,
        cause="" if lowered else cause(table, context.facts, signals),
        table_version=table.version,
        table_sha256=table.sha256,
        reasons=Reason(
            rule="priority",
            says=f"{level.value.capitalize()}: {table.levels[level].says}",
            facts={"level": level.value, "order": order},
            because=tuple(rows),
        ),
    )


def score(table: PriorityTable, facts: Iterable[ContextFact], signals: Iterable[OriginSignal]) -> tuple[Level, float]:
    """Level and order of a set of facts and signals: the soonest level, and the sum of expected harm.

    Each row counts once however many indicators speak for it, so that volume alone moves nothing. `conflict` counts
    instead of `camera` and `photo_derived_strong` instead of `photo_derived`: they are the same evidence. Rounded, so
    that the order does not depend on the order of adding.
    """
    rows = _rows(table, facts, signals).values()
    level = min((row.level for row in rows if row.level is not None), key=lambda level: level.rank)
    return level, round(sum(sorted(row.expected for row in rows)), 6)


def cause(table: PriorityTable, facts: Iterable[ContextFact], signals: Iterable[OriginSignal]) -> str:
    """The name of the row that asks for the level; of several, the one with the most expected harm."""
    rows = [(row.level.rank, -row.expected, name) for name, row in _rows(table, facts, signals).items() if row.level]
    return min(rows)[2]


def _rows(table: PriorityTable, facts: Iterable[ContextFact], signals: Iterable[OriginSignal]) -> dict[str, Row]:
    origin = set(signals)
    if OriginSignal.CONFLICT in origin:
        origin.discard(OriginSignal.CAMERA)
    if OriginSignal.PHOTO_DERIVED_STRONG in origin:
        origin.discard(OriginSignal.PHOTO_DERIVED)
    said = {f"facts.{fact}": table.facts[fact] for fact in facts}
    return {"base": table.base} | said | {f"origin.{signal}": table.origin[signal] for signal in origin}


def origin_signals(verdict: Verdict) -> frozenset[OriginSignal]:
    """What the verdict says that moves a priority. Adding evidence to a verdict can only add to this set.

    Both the claims that stand after weighing and the indicators themselves are read, so that weighing cannot lose a
    reason to look. A camera sign counts only where it is hard to forge: otherwise a hoaxer's stamp would raise.
    """
    out: set[OriginSignal] = set()
    claims = set(verdict.origin) | {i.claim for i in verdict.indicators}
    if Claim.KNOWN_CHILD in claims:
        out.add(OriginSignal.KNOWN_CHILD)
    if Claim.PHOTO_DERIVED in claims:
        out.add(OriginSignal.PHOTO_DERIVED)
    if Claim.CONFLICT in claims and _conflict_counts(verdict):
        out.add(OriginSignal.CONFLICT)
    if Claim.UNREADABLE in claims or verdict.unreadable is not None:
        out.add(OriginSignal.UNREADABLE)
    if any(is_hard_camera(i) for i in verdict.indicators):
        out.add(OriginSignal.CAMERA)
    if any(i.claim is Claim.PHOTO_DERIVED and i.strength.low >= STRONG_PHOTO_STRENGTH for i in verdict.indicators):
        out.add(OriginSignal.PHOTO_DERIVED_STRONG)
    for match in verdict.matches:
        if match.counts and match.purpose is BankPurpose.KNOWN:
            out.add(OriginSignal.KNOWN_CHILD)
        if match.counts and match.purpose is BankPurpose.NCII:
            out.add(OriginSignal.NCII)
    return frozenset(out)


def _conflict_counts(verdict: Verdict) -> bool:
    """Whether a conflict rests on something that an uploader could not have put there.

    A machine's mark beside a camera's, both of them plantable, is two plantable marks: neither moves anything, and so
    they move nothing together. Where it cannot be told what a conflict rests on, it counts.
    """
    if any(i.claim is Claim.CONFLICT for i in verdict.indicators):
        return True
    machine = [i for i in verdict.indicators if i.claim in MADE_BY_MACHINE]
    return (
        not machine
        or any(i.forgeable_by >= ForgeableBy.KEY_HOLDER for i in machine)
        or any(is_hard_camera(i) for i in verdict.indicators)
    )


def is_hard_camera(indicator: Indicator) -> bool:
    """Whether the sign speaks for a real camera and a customer of a signer could not have planted it."""
    return (
        indicator.claim is Claim.CAMERA
        and indicator.forgeable_by >= ForgeableBy.KEY_HOLDER
        and indicator.strength.low >= HARD_CAMERA_STRENGTH
    )


_CLAIM_OF = {
    OriginSignal.KNOWN_CHILD: Claim.KNOWN_CHILD,
    OriginSignal.PHOTO_DERIVED: Claim.PHOTO_DERIVED,
    OriginSignal.PHOTO_DERIVED_STRONG: Claim.PHOTO_DERIVED,
    OriginSignal.CAMERA: Claim.CAMERA,
    OriginSignal.CONFLICT: Claim.CONFLICT,
    OriginSignal.UNREADABLE: Claim.UNREADABLE,
}


RAISING_SIGNALS = frozenset(signal for signal, claim in _CLAIM_OF.items() if claim in RAISING_CLAIMS)


def raising_claims(signals: Iterable[OriginSignal]) -> tuple[Claim, ...]:
    """The claims among these signals that open a bundle again."""
    return tuple(sorted({_CLAIM_OF[s] for s in signals if s in _CLAIM_OF} & RAISING_CLAIMS))


def _lowering(
    verdict: Verdict, context: Context, table: PriorityTable, confirmation: Confirmation
) -> tuple[int, Reason]:
    """How many steps down (0 or 1), and why or why not."""
    because: list[Reason] = []
    if confirmation.sha256 != verdict.digests.sha256:
        because.append(Reason(rule="lowering.file", says="The confirmation is for another file."))
    contrary = _contrary(verdict)
    if contrary:
        because.append(Reason(rule="lowering.contrary", says=f"There is contrary evidence: {', '.join(contrary)}."))
    held = [fact for fact in context.facts if table.facts[fact].level is not None]
    if held:
        because.append(
            Reason(
                rule="lowering.facts",
                says=f"What the service states holds the level, whoever made the picture: {', '.join(held)}.",
            )
        )
    records = list(_hard_records(verdict, table))
    families = {record.family for record in records}
    if not any(_is_authority(record) for record in records) and len(families) < table.lowering.families_at_least:
        because.append(
            Reason(
                rule="lowering.records",
                says=(
                    "There is no record of the authority for exactly these bytes, and fewer than "
                    f"{table.lowering.families_at_least} independent kinds of evidence that no uploader can forge."
                ),
            )
        )
    if because:
        return 0, Reason(
            rule="lowering.refused",
            says=f"Not lowered, although {confirmation.by} confirmed it.",
            because=tuple(because),
        )
    return table.lowering.steps, Reason(
        rule="lowering",
        says=f"{table.lowering.says} Confirmed by {confirmation.by}: {confirmation.says}",
        facts={"steps": table.lowering.steps},
        because=tuple(Reason(rule=f"indicator.{r.name}", says=r.says) for r in records),
    )


def _contrary(verdict: Verdict) -> list[str]:
    """What speaks against lowering: also a forgeable camera sign, and also a match that an `allow` bank vetoes."""
    claims = {i.claim for i in verdict.indicators} | set(verdict.origin)
    out = {claim.value for claim in claims & (RAISING_CLAIMS | {Claim.EDITED, Claim.UNREADABLE})}
    out |= {signal.value for signal in origin_signals(verdict)}
    out |= {f"match in {m.bank}" for m in verdict.matches if m.purpose in (BankPurpose.KNOWN, BankPurpose.NCII)}
    return sorted(out)


def _hard_records(verdict: Verdict, table: PriorityTable) -> Iterator[Indicator]:
    rule = table.lowering
    for indicator in verdict.indicators:
        if (
            indicator.claim in MADE_BY_MACHINE
            and indicator.forgeable_by >= rule.forgeable_by_at_least
            and indicator.strength.low >= rule.strength_at_least
            and indicator.family in HARD_FAMILIES
        ):
            yield indicator


def _is_authority(record: Indicator) -> bool:
    """The authority assessed exactly these bytes; a near-duplicate of what it assessed is another picture."""
    return (
        record.family is Family.AUTHORITY
        and record.forgeable_by is ForgeableBy.AUTHORITY
        and record.binding is Binding.BYTES
    )


def _row_reason(name: str, row: Row, because: tuple[Reason, ...] = (), lists: tuple[str, ...] = ()) -> Reason:
    """What a row says, in words; its numbers are facts, which `explain` shows."""
    named = f"{row.says.removesuffix('.')} ({', '.join(lists)})." if lists else row.says
    return Reason(
        rule=name,
        says=named,
        facts={"level": row.level.value if row.level else None, "expected_harm": row.expected},
        because=because,
    )


_LIST_PURPOSE = {OriginSignal.KNOWN_CHILD: BankPurpose.KNOWN, OriginSignal.NCII: BankPurpose.NCII}


def _lists(verdict: Verdict, signal: OriginSignal) -> tuple[str, ...]:
    """The names of the lists whose matches are this signal."""
    purpose = _LIST_PURPOSE.get(signal)
    return tuple(sorted({match.bank for match in verdict.matches if match.counts and match.purpose is purpose}))


def _saying(verdict: Verdict, signal: OriginSignal) -> tuple[Reason, ...]:
    """The statements that a signal rests on."""
    claim = _CLAIM_OF.get(signal)
    out = [
        Reason(rule=f"indicator.{i.name}", says=i.says)
        for i in verdict.indicators
        if i.claim is claim and (signal is not OriginSignal.CAMERA or is_hard_camera(i))
    ]
    purpose = _LIST_PURPOSE.get(signal)
    for match in verdict.matches:
        if match.counts and match.purpose is purpose:
            how = "Exactly these bytes are" if match.exact else f"A near-duplicate ({match.distance} bits away) is"
            if match.seconds is not None:
                how = f"A near-duplicate ({match.distance} bits away) of its frame at {match.seconds:.1f} s is"
            out.append(Reason(rule="match", says=f"{how} in the bank {match.bank}."))
    if signal is OriginSignal.UNREADABLE and verdict.unreadable is not None:
        out.append(Reason(rule=verdict.unreadable.code, says=verdict.unreadable.message))
    return tuple(out)


def _leads(verdict: Verdict) -> tuple[Reason, ...]:
    """Signs that move nothing: told, so that nobody wonders whether they were overlooked."""
    moving = RAISING_CLAIMS - {Claim.CAMERA} | {Claim.UNREADABLE}
    leads = [
        Reason(rule=f"indicator.{i.name}", says=i.says)
        for i in verdict.indicators
        if i.claim not in moving and not is_hard_camera(i)
    ]
    if verdict.has(Claim.CONFLICT) and not _conflict_counts(verdict):
        says = "A machine's mark stands beside a camera's or a listed child's; an uploader could have put it there."
        leads.append(Reason(rule="lead.conflict", says=says))
    return tuple(leads)
