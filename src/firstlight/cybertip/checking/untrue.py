"""What a report claims beyond the record: each claim of viewing, copying, making and history needs a logged event."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from firstlight.cybertip.drafting.words import GENERATOR, generator_pairs
from firstlight.cybertip.findings import Finding, FindingKind
from firstlight.cybertip.model.annotations import FileAnnotation
from firstlight.cybertip.model.files import Details, FileDescription
from firstlight.cybertip.model.report import Draft, PlannedFile, Report, clean
from firstlight.cybertip.record import AiBasis, Record
from firstlight.cybertip.wire import Must, walk

_EXACT_COPY = re.compile(
    r"\b(exact(ly)?\s+(copy|copies|duplicate|match)|identical\s+(copy|file|to)|bit[- ]identical)\b", re.I
)
_DENIED = re.compile(r"\b(no|not|\w+n't|never|nobody|without|nor)\b[^.;\n]*$", re.I)
_MADE_BY_MACHINE = re.compile(
    r"\b(AI|machine|computer)[- ](generated|made)\b"
    r"|\b(generated|made|created)\s+(by|with)\s+(an?\s+)?(AI|machine|model)\b",
    re.I,
)
_VIEWED = re.compile(
    r"\b(we|our|reviewers?|moderators?|analysts?|staff|a person at)\b[^.;\n]{0,60}"
    r"\b(viewed|saw|seen|watched|looked\s+at|reviewed)\b[^.;\n]{0,40}"
    r"\b(files?|images?|pictures?|photos?|videos?|material|contents?|it|them)\b",
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
        yield from _generation(file, path, record)
        for where, text in _texts(file.description):
            yield from _words(f"{path}/{where}", text, (file,), record)
        yield from _classification(file, path, record)
    for where, text in _report_texts(draft.report) if draft.files else ():
        yield from _words(where, text, draft.files, record)
    for where, slot, value in walk(draft.report, "report"):
        if Must.BE_FINISHED_REPORT in slot.rules and value not in record.prior_reports():
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
    """The texts in which the company speaks; a prompt is its user's, and is compared with the record by itself."""
    for number, text in enumerate(file.additional_info, start=1):
        yield f"additionalInfo[{number}]", text
    for number, details in enumerate(file.details, start=1):
        for pair in details.name_value_pair:
            if not pair.name.startswith(GENERATOR):
                yield f"details[{number}]/{pair.name}", f"{pair.name}: {pair.value}"


def _asserts(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the text says it at least once without denying it in the same sentence, before or within."""
    return any(not _DENIED.search(text[: found.end()]) for found in pattern.finditer(text))


def _origin(file: PlannedFile, path: str, record: Record) -> Iterator[Finding]:
    claims = record.origin_claims(file.digests.sha256)
    if any(c.basis.carries_annotation for c in claims):
        return
    if file.description.is_annotated(FileAnnotation.GENERATIVE_AI):
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


def _generation(file: PlannedFile, path: str, record: Record) -> Iterator[Finding]:
    """What is said of the job that made the file; a name of ours with another value than the record's is a claim."""
    jobs = [pairs for job in record.generations(file.digests.sha256) if (pairs := generator_pairs(job))]
    logged = {pair for pairs in jobs for pair in clean(Details(name_value_pair=pairs), path)[0].name_value_pair}
    for number, details in enumerate(file.description.details, start=1):
        for pair in details.name_value_pair:
            if pair.name.startswith(GENERATOR) and pair not in logged:
                yield _untrue(
                    "generation",
                    f"{path}/details[{number}]/{pair.name}",
                    f"The report states the {pair.name.lower()}; the record holds no such job for this file.",
                    "It says how, from what and by whom the file was made; an investigator would build on it.",
                    "Leave it out, or record what the generator logged.",
                )


def _words(where: str, text: str, files: Sequence[PlannedFile], record: Record) -> Iterator[Finding]:
    """What a text claims of some files; words of the report itself speak of all of them."""
    names = [f.digests.sha256 for f in files]
    claims = [c for name in names for c in record.origin_claims(name)]
    if _asserts(_EXACT_COPY, text) and not any(m.exact for name in names for m in record.matches(name)):
        yield _untrue(
            "exact-copy",
            where,
            "The text speaks of an exact copy; no match of the file's own digest is recorded.",
            "A perceptual match is a near-duplicate at any distance; whether a warrant is needed hangs on it.",
            "Call it a near-duplicate, with its distance.",
        )
    if _asserts(_VIEWED, text) and not any(record.viewings(name) for name in names):
        yield _untrue(
            "viewed-in-words",
            where,
            "The text says that somebody here viewed the material; no viewing is recorded.",
            "It would be read as a viewing, and whether the police need a warrant hangs on that.",
            "Say who reported or found it instead, or have a person view it.",
        )
    for claim in claims:
        text = text.replace(claim.says, "")
    if _asserts(_MADE_BY_MACHINE, text) and not any(c.basis.carries_annotation for c in claims):
        yield _untrue(
            "ai-in-words",
            where,
            "The text calls the material machine-made; the record holds no statement that says so of it.",
            "A real child may be hidden behind the words.",
            "Say what was seen and by whom, not what it is taken for.",
        )


def _report_texts(report: Report) -> Iterator[tuple[str, str]]:
    """The texts in which the company speaks for itself; what users wrote to each other is evidence, not a claim."""
    if report.additional_info:
        yield "report/additionalInfo", report.additional_info
    for number, user in enumerate(report.person_or_user_reported, start=1):
        if user.additional_info:
            yield f"report/personOrUserReported[{number}]/additionalInfo", user.additional_info


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
