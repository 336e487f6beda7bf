"""What a package's elements worksheet and its draft certificate are filled with: facts on both sides, and the system.

Nothing is chosen here. Each match, sign, statement and decision of each item becomes a fact, whether it speaks for or
against anything; a kind that the table of elements does not know is listed there all the same.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from firstlight import __version__
from firstlight.banks import Match
from firstlight.casework.home import Home
from firstlight.casework.received.document import BY_STATEMENT, is_received
from firstlight.casework.review import Decision, Finding
from firstlight.casework.upload import OF_AGE, Upload
from firstlight.custody import CaseFact, FactKind, SystemFacts
from firstlight.cybertip.drafting.facts import FileSign
from firstlight.cybertip.record import AiBasis, Generation
from firstlight.errors import IntegrityError
from firstlight.hashing import digest_stream
from firstlight.origin import Claim, Family, Indicator, Verdict
from firstlight.store.tables import Item
from firstlight.triage import FACTS, ContextFact
from firstlight.values import BankPurpose

_BY_CLAIM = {
    Claim.SYNTHETIC: FactKind.ORIGIN_SYNTHETIC,
    Claim.KNOWN_SYNTHETIC: FactKind.KNOWN_SYNTHETIC,
    Claim.PHOTO_DERIVED: FactKind.INPUT_PHOTOGRAPH,
    Claim.EDITED: FactKind.EDIT_OF_PHOTOGRAPH,
    Claim.CAMERA: FactKind.CAMERA,
}
_BY_CONTEXT = {
    ContextFact.SENT_TO_MINOR: FactKind.RECIPIENT_MINOR,
    ContextFact.OFFERED_OR_SOLD: FactKind.OFFERED,
    ContextFact.GENERATOR_TOOK_PHOTOGRAPH: FactKind.INPUT_PHOTOGRAPH,
    ContextFact.PROMPT_NAMES_PERSON: FactKind.LIKENESS_NAMED,
    ContextFact.THREAT: FactKind.CHAT,
    ContextFact.MEETING_PLANNED: FactKind.CHAT,
}
_BY_BASIS = {
    AiBasis.GENERATED_HERE: FactKind.GENERATION_RECORD,
    AiBasis.OUTPUT_SEEN: FactKind.ORIGIN_SYNTHETIC,
    AiBasis.KNOWN_IN_TRAINING_DATA: FactKind.OTHER,
    AiBasis.UPLOADED_AS_INPUT: FactKind.INPUT_PHOTOGRAPH,
    AiBasis.PROMPTED_FOR: FactKind.PROMPT,
    AiBasis.SENDER_FLAG: FactKind.ORIGIN_SYNTHETIC,
}
_BANK_SIGN = "bank."  # how the names of those signs begin that repeat a match

_TEST_MESSAGE = b"abc"
_TEST_DIGESTS = (  # of the message above, as RFC 1321 and FIPS 180-4 give them
    "900150983cd24fb0d6963f7d28e17f72",
    "a9993e364706816aba3e25717850c26c9cd0d89d",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
)


def facts(items: Sequence[Item], uploads: Sequence[Upload], decisions: Sequence[Decision]) -> tuple[CaseFact, ...]:
    """Every fact of the case, item by item, each with its bytes and the record that holds it."""
    made: list[CaseFact] = []
    for item, upload in zip(items, uploads, strict=True):
        verdict = Verdict.from_json(item.verdict or "")
        stated = f"{BY_STATEMENT}, " if is_received(item) else ""
        machine = [
            *((kind, stated + says) for kind, says in _matches(verdict.matches)),
            *_signs(verdict.indicators),
            *_upload(upload),
        ]
        people = [fact for one in decisions if one.item == item.id for fact in _decision(one)]
        for record, found in ((f"item-{item.id}.json", machine), ("decisions.json", people)):
            made += [
                CaseFact(kind=kind, says=f"Item {item.id}: {says}", record=record, file=item.sha256)
                for kind, says in found
            ]
    return tuple(made)


def _matches(matches: Iterable[Match]) -> Iterator[tuple[FactKind, str]]:
    """Each match; one that an `allow` bank vetoes may speak against, so it is told as well."""
    for match in matches:
        how = "holds exactly these bytes" if match.exact else f"holds an entry {match.distance} of 256 bits away"
        says = f"the bank {match.bank} ({match.purpose.value}) {how}."
        if match.vetoed_by is not None:
            yield FactKind.OTHER, f"{says} The allow bank {match.vetoed_by} holds the item too, so it does not count."
        elif match.purpose is BankPurpose.KNOWN_AI:
            yield FactKind.KNOWN_SYNTHETIC, says
        elif match.purpose is BankPurpose.KNOWN:
            yield FactKind.KNOWN_EXACT if match.exact else FactKind.KNOWN_NEAR, says
        else:
            yield FactKind.OTHER, says


def _signs(indicators: Iterable[Indicator]) -> Iterator[tuple[FactKind, str]]:
    """Each sign of origin with its weight and its forger: anybody's sign is set down and not mistaken for proof."""
    for sign in indicators:
        if sign.name.startswith(_BANK_SIGN):
            continue
        kind = _BY_CLAIM.get(sign.claim, FactKind.OTHER)
        if kind is FactKind.ORIGIN_SYNTHETIC and sign.family is Family.GENERATOR_LOG:
            kind = FactKind.GENERATION_RECORD
        limits = f"Weight: {sign.strength.words}; it could have been put there by {sign.forgeable_by.words}."
        yield kind, f"{sign.says} {limits}"


def _upload(upload: Upload) -> Iterator[tuple[FactKind, str]]:
    """What the service states about how it came in."""
    if upload.account:
        yield FactKind.ACCOUNT, f"the service says that the account {upload.account} uploaded it."
    if upload.uploaded_at is not None or upload.ip is not None:
        yield FactKind.UPLOAD, "the service recorded when or from where it was uploaded; see the identifiers table."
    if upload.publicly_available is True:
        yield FactKind.UPLOAD, "the service says that it was publicly available."
    if upload.publicly_available is False:
        yield FactKind.KEPT_PRIVATE, "the service says that it was not publicly available."
    for number, _ in enumerate(upload.chats, 1):
        yield FactKind.CHAT, f"the service holds conversation {number} that goes with it; its words are in the record."
    for party in upload.recipients:
        whom = party.account or "somebody it has no account of"
        yield FactKind.SENT, f"the service says that it was sent to {whom}."
        if party.age is not None:
            kind = FactKind.RECIPIENT_MINOR if party.age < OF_AGE else FactKind.OTHER
            yield kind, f"the service says that {whom} is {party.age} years old."
    for party in upload.victims:
        yield FactKind.OTHER, f"the service names somebody who was wronged: {party.account or 'see the record'}."
    if upload.generation is not None:
        yield from _generation(upload.generation)
    for claim in upload.origin:
        source = f" (source: {claim.source})" if claim.source else ""
        yield _BY_BASIS[claim.basis], f"stated with the upload, basis {claim.basis.value}: {claim.says}{source}"
    for fact in upload.context.facts:
        yield _BY_CONTEXT.get(fact, FactKind.OTHER), f"stated with the upload: {FACTS[fact].says}"


def _generation(job: Generation) -> Iterator[tuple[FactKind, str]]:
    """What a generator logged, with what speaks against: a job that names no photograph is set down as such."""
    yield FactKind.GENERATION_RECORD, f"a generator logged the job that made it (model {job.model or 'not named'})."
    if job.prompt:
        yield FactKind.PROMPT, "the generator logged the prompt; its words are in the record."
    if job.input_sha256:
        yield FactKind.INPUT_PHOTOGRAPH, f"the generator logged an input with the SHA-256 {job.input_sha256}."
    else:
        says = "the generator's record names no input photograph, which does not show that there was none."
        yield FactKind.TEXT_ONLY_GENERATION, says


def _decision(decision: Decision) -> Iterator[tuple[FactKind, str]]:
    """What a person concluded. Only somebody who saw all of it observed something that speaks for an element; that a
    person decided against reporting is told as speaking against in any case."""
    what = decision.conclusion
    seen = "after seeing all of it" if decision.seen else "and no viewing of all of it is logged"
    says = f"{decision.actor} decided {what.finding.value}, {seen}: {what.why}"
    if what.finding is Finding.NOT_REPORTABLE:
        yield FactKind.OBSERVATION_AGAINST, says
    else:
        yield FactKind.OBSERVATION if decision.seen else FactKind.OTHER, says
    for sign in what.signs:
        kind = FactKind.DRAWING if sign is FileSign.DRAWN else FactKind.OTHER
        yield kind, f"{decision.actor} marked it: {sign.value}."


def system(home: Home) -> SystemFacts:
    """What made the records, as it stands at the export. Models are none: no learned model is in use.

    Raises:
        IntegrityError: the digests of a known message come out wrong; nothing this machine says can be relied on then.
    """
    return SystemFacts(
        software="firstlight",
        version=__version__,
        config_sha256=home.table.sha256,
        lists=tuple(
            f"{bank.name} (purpose {bank.purpose.value}), revision {bank.revision}, {bank.entries} entries"
            for bank in home.library.banks()
        ),
        self_tests=(_digests_are_right(),),
    )


def _digests_are_right() -> str:
    made = digest_stream(io.BytesIO(_TEST_MESSAGE))
    if (made.md5, made.sha1, made.sha256) != _TEST_DIGESTS:
        raise IntegrityError(
            "This machine computes wrong digests.",
            hint="Do not use it; nothing was exported.",
            code="integrity.self-test",
        )
    return "MD5, SHA-1 and SHA-256 of the message of the standards' own examples came out as published."
