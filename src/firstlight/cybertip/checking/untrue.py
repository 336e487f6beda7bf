"""What a report claims beyond the record: each claim of viewing, copying, making and history needs a logged event."""

from __future__ import annotations

import re
from collections.abc import Iterator

from firstlight.cybertip.findings import Finding, FindingKind
from firstlight.cybertip.model.annotations import FileAnnotation
from firstlight.cybertip.model.files import FileDescription
from firstlight.cybertip.model.report import Draft, PlannedFile
from firstlight.cybertip.record import AiBasis, Record
from firstlight.cybertip.wire import Must, walk

_EXACT_COPY = re.compile(
    r"\b(exact(ly)?\s+(copy|copies|duplicate|match)|identical\s+(copy|file|to)|bit[- ]identical)\b", re.I
)
_DENIED = re.compile(r"\b(no|not|isn't|never|without|nor)\b[^.;\n]*$", re.I)
_MADE_BY_MACHINE = re.compile(
    r"\b(AI|machine|computer)[- ](generated|made)\b"
    r"|\b(generated|made|created)\s+(by|with)\s+(an?\s+)?(AI|machine|model)\b",
    re.I,
)
_DIGEST_NAMES = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256"}


def _untrue(rule: str, where: str, says: str, why: str, do: str) -> Finding:
    return Finding(kind=FindingKind.UNTRUE, rule=f"untrue.{rule}", where=where, says=says, why=why, do=do)


def untrue_findings(draft: Draft, record: Record) -> Iterator[Finding]:
    """Everything in a draft that claims more, or other, than the record holds."""
    for number, file in enumerate(draft.files, start=1):
        path = f"files[{number}]"
        yield from _viewing(file, path, record)
        yield from _digests(file, path)
        yield from _origin(file, path, record)
        yield from _copy(file, path, record)
        yield from _classification(file, path, record)
    known = record.prior_reports()
    for where, slot, value in walk(draft.report, "report"):
        if Must.BE_FINISHED_REPORT in slot.rules and value not in known:
            yield _untrue(
                "prior-report",
                where,
                f"Report {value} is named as an earlier one, but the record knows no such finished report.",
                "An investigator would look for a report that may not exist, or belongs to somebody else.",
                "Leave it out, or record the report first.",
            )


def _viewing(file: PlannedFile, path: str, record: Record) -> Iterator[Finding]:
    viewings = record.viewings(file.digests.sha256)
    viewed = any(v.counts for v in viewings)
    exif = any(v.exif for v in viewings)
    says = file.description
    if says.file_viewed_by_esp and not viewed:
        yield _untrue(
            "viewed",
            f"{path}/fileViewedByEsp",
            "The report says that the file was viewed; no viewing of its entire contents is recorded.",
            "Whether the police need a warrant to open the file hangs on this; a false 'viewed' can lose the case.",
            "Say false, or have a person view the whole file.",
        )
    if says.file_viewed_by_esp is False and viewed:
        yield _untrue(
            "not-viewed",
            f"{path}/fileViewedByEsp",
            "The report says that the file was not viewed; the record holds a viewing of its entire contents.",
            "The record would contradict the report in court.",
            "Say true: it derives from the record.",
        )
    if says.exif_viewed_by_esp and not exif:
        yield _untrue(
            "exif-viewed",
            f"{path}/exifViewedByEsp",
            "The report says that the metadata was viewed; no such viewing is recorded.",
            "The same question of a warrant arises for the metadata.",
            "Say false, or have a person view it.",
        )


def _digests(file: PlannedFile, path: str) -> Iterator[Finding]:
    for number, digest in enumerate(file.description.original_file_hash, start=1):
        kind = _DIGEST_NAMES.get(re.sub(r"[^A-Z0-9]", "", digest.hash_type.upper()))
        if kind is not None and digest.value.lower() != getattr(file.digests, kind):
            yield _untrue(
                "digest",
                f"{path}/originalFileHash[{number}]",
                f"The {digest.hash_type} given is not that of the file.",
                "Nobody could find the file by it, and the report would speak of another one.",
                "Take the digests of the bytes that are sent.",
            )


def _texts(file: FileDescription) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(file.additional_info, start=1):
        yield f"additionalInfo[{number}]", text
    for number, details in enumerate(file.details, start=1):
        for pair in details.name_value_pair:
            yield f"details[{number}]/{pair.name}", f"{pair.name}: {pair.value}"


def _asserts(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the text says it at least once without denying it just before."""
    return any(not _DENIED.search(text[: found.start()]) for found in pattern.finditer(text))


def _origin(file: PlannedFile, path: str, record: Record) -> Iterator[Finding]:
    claims = record.origin_claims(file.digests.sha256)
    carried = any(c.basis.carries_annotation for c in claims)
    annotated = file.description.is_annotated(FileAnnotation.GENERATIVE_AI)
    if annotated and not carried:
        training = any(c.basis is AiBasis.KNOWN_IN_TRAINING_DATA for c in claims)
        yield _untrue(
            "ai-training-data" if training else "ai",
            f"{path}/fileAnnotations/generativeAi",
            "The file is a known file found in training data; that is not a machine-made file."
            if training
            else "The file is annotated as machine-made; the record holds no statement that says so of this file.",
            "A real child may be hidden behind the flag, and real machine-made cases drown in wrong ones.",
            "Drop the annotation and say in words what is known, or record the statement it rests on.",
        )
    own_words = {c.says for c in claims}
    for where, text in _texts(file.description):
        stripped = text
        for words in own_words:
            stripped = stripped.replace(words, "")
        if not annotated and not carried and _asserts(_MADE_BY_MACHINE, stripped):
            yield _untrue(
                "ai-in-words",
                f"{path}/{where}",
                "The text calls the file machine-made; the record holds no statement that says so of this file.",
                "A real child may be hidden behind the words.",
                "Say what was seen and by whom, not what it is taken for.",
            )


def _copy(file: PlannedFile, path: str, record: Record) -> Iterator[Finding]:
    if any(m.exact for m in record.matches(file.digests.sha256)):
        return
    for where, text in _texts(file.description):
        if _asserts(_EXACT_COPY, text):
            yield _untrue(
                "exact-copy",
                f"{path}/{where}",
                "The text speaks of an exact copy; no match of the file's own digest is recorded.",
                "A perceptual match is a near-duplicate at any distance; whether a warrant is needed hangs on it.",
                "Call it a near-duplicate, with its distance.",
            )


def _classification(file: PlannedFile, path: str, record: Record) -> Iterator[Finding]:
    given = file.description.industry_classification
    if given is None or any(v.counts for v in record.viewings(file.digests.sha256)):
        return
    if any(m.exact and m.classification == given for m in record.matches(file.digests.sha256)):
        return
    yield _untrue(
        "classification",
        f"{path}/industryClassification",
        f"The file is classified {given}; nobody viewed it, and no exact match in a list carries that class.",
        "A class is what a person saw, here or at the list's owner.",
        "Drop it, or have a person view the file.",
    )
