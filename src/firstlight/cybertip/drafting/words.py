"""What a report says in words about a file: each sentence is a rendering of a recorded event, and claims no more."""

from __future__ import annotations

from firstlight.cybertip.drafting.facts import CaseFile
from firstlight.cybertip.model.codes import DetailsType
from firstlight.cybertip.model.files import Details, NameValuePair
from firstlight.cybertip.model.values import text_of_time
from firstlight.cybertip.record import Generation, ListMatch


def match_words(match: ListMatch) -> str:
    """How the file was found in a list; 'exact copy' for a cryptographic digest alone."""
    if match.exact:
        return f"Found in list {match.list_name}: exact copy of a listed file (same {match.hash_type})."
    return (
        f"Found in list {match.list_name}: near-duplicate of a listed file by {match.hash_type}, "
        f"{match.distance} of 256 bits differ. Another file, not the listed one."
    )


def viewing_words(file: CaseFile) -> str:
    """Who saw what of the file."""
    if not file.viewings:
        return "No person at the reporting company has viewed this file."
    whole = [v for v in file.viewings if v.counts]
    renditions = ", ".join(sorted({v.rendition.value for v in whole or file.viewings}))
    if whole:
        return f"A person at the reporting company viewed the entire contents of this file (rendition: {renditions})."
    return f"A person at the reporting company viewed this file in part or unrecognisably only ({renditions})."


def file_words(file: CaseFile) -> tuple[str, ...]:
    """The sentences that go with a file, in the order: seen, found, made, noted."""
    out = [] if file.supplemental else [viewing_words(file)]
    out += [match_words(m) for m in file.matches]
    out += [c.says for c in file.origin_claims]
    if file.note:
        out.append(file.note)
    return tuple(out)


def _pairs(values: dict[str, object]) -> tuple[NameValuePair, ...]:
    return tuple(NameValuePair(name=n, value=str(v)) for n, v in values.items() if v not in ("", None))


GENERATOR = "Generator "
"""What every name begins with that speaks of the job which made the file."""


def generator_pairs(job: Generation) -> tuple[NameValuePair, ...]:
    """What a generator logged of a job, by name; what it did not log is left out."""
    return _pairs(_generator(job))


def _generator(job: Generation) -> dict[str, object]:
    return {
        "Generator model": job.model,
        "Generator prompt": job.prompt,
        "Generator negative prompt": job.negative_prompt,
        "Generator seed": job.seed,
        "Generator input SHA256": job.input_sha256,
        "Generator job": job.job,
        "Generator time": text_of_time(job.at) if job.at else "",
    }


def file_details(file: CaseFile) -> tuple[Details, ...]:
    """The facts about a file that have no element of their own, by name."""
    facts: dict[str, object] = {
        "Media type": file.media_type,
        "Size in bytes": file.digests.size,
        "Width": file.width,
        "Height": file.height,
    }
    if file.generation:
        facts |= _generator(file.generation)
    out = [Details(name_value_pair=_pairs(facts))]
    hashes: dict[str, object] = {"PDQ": file.pdq}
    if found := _pairs(hashes):
        out.append(Details(name_value_pair=found, type=DetailsType.HASH))
    return tuple(out)
