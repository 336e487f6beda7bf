"""A report may claim what the record holds, and no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cybertip.small_case import BYTES, HAPPENED, MATCH, VIEWING, digests
from firstlight.clock import FixedClock
from firstlight.cybertip import (
    AiBasis,
    CaseFacts,
    Draft,
    FindingKind,
    ListMatch,
    MemoryRecord,
    OriginClaim,
    Rendition,
    Viewing,
    check,
    draft_report,
)
from firstlight.cybertip.drafting.facts import Account, CaseFile
from firstlight.cybertip.model.codes import IndustryClassification
from firstlight.cybertip.model.files import Details, FileHash, NameValuePair
from firstlight.cybertip.record import Generation

SHA = digests(BYTES["harbour"]).sha256
SAYS = OriginClaim(basis=AiBasis.GENERATED_HERE, says="Made by our generator in job 17 on 2026-02-27.", source="ledger")
TRAINING = OriginClaim(basis=AiBasis.KNOWN_IN_TRAINING_DATA, says="A listed file, found in training data.")


def with_first_file(draft: Draft, **changes: Any) -> Draft:
    """The draft with other things said of its first file."""
    first, *rest = draft.files
    described = first.model_copy(update={"description": first.description.model_copy(update=changes)})
    return draft.model_copy(update={"files": (described, *rest)})


def untrue(draft: Draft, record: MemoryRecord, clock: FixedClock) -> set[str]:
    """The rules that find something untrue."""
    return {f.rule for f in check(draft, record, at=clock.now()).of_kind(FindingKind.UNTRUE)}


def test_the_draft_of_a_recorded_case_is_true(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    assert untrue(draft, record, clock) == set()


@pytest.mark.parametrize(
    "viewing",
    [
        VIEWING.model_copy(update={"whole": False}),
        VIEWING.model_copy(update={"rendition": Rendition.BLURRED}),
        VIEWING.model_copy(update={"rendition": Rendition.FRAMES}),
    ],
)
def test_viewed_needs_a_viewing_of_the_whole(draft: Draft, clock: FixedClock, viewing: Viewing) -> None:
    record = MemoryRecord(viewings={SHA: (viewing,)}, matches={SHA: (MATCH,)})
    assert untrue(draft, record, clock) == {"untrue.viewed"}


def test_a_viewing_of_another_file_is_none(draft: Draft, clock: FixedClock) -> None:
    record = MemoryRecord(viewings={"0" * 64: (VIEWING,)}, matches={SHA: (MATCH,)})
    findings = check(draft, record, at=clock.now())
    assert [(f.rule, f.where) for f in findings.of_kind(FindingKind.UNTRUE)] == [
        ("untrue.viewed", "files[1]/fileViewedByEsp"),
        ("untrue.viewed-in-words", "files[1]/additionalInfo[1]"),
    ]
    assert not findings.may_be_filed


def test_a_recorded_viewing_must_not_be_denied(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    assert untrue(with_first_file(draft, file_viewed_by_esp=False), record, clock) == {"untrue.not-viewed"}


def test_metadata_viewed_needs_its_own_viewing(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    claims = with_first_file(draft, exif_viewed_by_esp=True)
    assert untrue(claims, record, clock) == {"untrue.exif-viewed"}
    seen = VIEWING.model_copy(update={"exif": True})
    assert untrue(claims, MemoryRecord(viewings={SHA: (seen,)}, matches={SHA: (MATCH,)}), clock) == set()


def test_ai_annotation_needs_a_statement_about_this_file(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    assert untrue(with_first_file(draft, file_annotations=("generativeAi",)), record, clock) == {"untrue.ai"}


@pytest.mark.parametrize("basis", [b for b in AiBasis if not b.carries_annotation])
def test_no_other_basis_carries_the_annotation(case: CaseFacts, clock: FixedClock, basis: AiBasis) -> None:
    claim = OriginClaim(basis=basis, says="As recorded.")
    record = MemoryRecord(viewings={SHA: (VIEWING,)}, matches={SHA: (MATCH,)}, origin_claims={SHA: (claim,)})
    files = (case.files[0].model_copy(update={"origin_claims": (claim,)}), case.files[1])
    draft = draft_report(case.model_copy(update={"files": files}))
    assert draft.files[0].description.file_annotations is None
    assert untrue(draft, record, clock) == set()
    found = untrue(with_first_file(draft, file_annotations=("generativeAi",)), record, clock)
    assert found == {"untrue.ai-training-data" if basis is AiBasis.KNOWN_IN_TRAINING_DATA else "untrue.ai"}


def test_a_generators_own_record_carries_the_annotation_with_its_words(case: CaseFacts, clock: FixedClock) -> None:
    record = MemoryRecord(viewings={SHA: (VIEWING,)}, matches={SHA: (MATCH,)}, origin_claims={SHA: (SAYS,)})
    files = (case.files[0].model_copy(update={"origin_claims": (SAYS,)}), case.files[1])
    draft = draft_report(case.model_copy(update={"files": files}))
    assert draft.files[0].description.file_annotations == ("generativeAi",)
    assert SAYS.says in draft.files[0].description.additional_info
    assert check(draft, record, at=clock.now()).findings == ()
    bare = with_first_file(draft, additional_info=())
    assert [f.rule for f in check(bare, record, at=clock.now()).findings] == ["thin.ai-basis"]


@pytest.mark.parametrize(
    "words", ["It is an exact copy of a listed file.", "identical to a listed file", "Exact match with the list"]
)
def test_a_perceptual_match_is_no_exact_copy(draft: Draft, record: MemoryRecord, clock: FixedClock, words: str) -> None:
    claims = with_first_file(draft, additional_info=(words,))
    assert untrue(claims, record, clock) == {"untrue.exact-copy"}
    exact = ListMatch(list_name="harbours", exact=True, hash_type="SHA256")
    assert untrue(claims, MemoryRecord(viewings={SHA: (VIEWING,)}, matches={SHA: (exact,)}), clock) == set()


def test_a_denied_copy_claims_nothing(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    claims = with_first_file(draft, additional_info=("This is not an exact copy.",))
    assert untrue(claims, record, clock) == set()


def test_words_in_name_value_pairs_count(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    pairs = Details(name_value_pair=(NameValuePair(name="List", value="exact copy"),))
    assert untrue(with_first_file(draft, details=(pairs,)), record, clock) == {"untrue.exact-copy"}


def test_machine_made_in_words_needs_a_statement_too(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    claims = with_first_file(draft, additional_info=("The picture is AI-generated.",))
    assert untrue(claims, record, clock) == {"untrue.ai-in-words"}


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("An exact copy of a listed file.", "untrue.exact-copy"),
        ("The pictures are AI-generated.", "untrue.ai-in-words"),
        ("Our reviewer looked at the file.", "untrue.viewed-in-words"),
        ("A moderator has watched the whole video.", "untrue.viewed-in-words"),
    ],
)
def test_the_words_of_the_report_itself_are_held_to_the_record(
    case: CaseFacts, clock: FixedClock, words: str, rule: str
) -> None:
    bare = tuple(f.model_copy(update={"viewings": (), "matches": ()}) for f in case.files)
    draft = draft_report(case.model_copy(update={"narrative": words, "files": bare}))
    assert untrue(draft, MemoryRecord(), clock) == {rule}
    exact = ListMatch(list_name="harbours", exact=True, hash_type="SHA256")
    seen = VIEWING.model_copy(update={"whole": False})
    record = MemoryRecord(viewings={SHA: (seen,)}, matches={SHA: (exact,)}, origin_claims={SHA: (SAYS,)})
    assert untrue(draft, record, clock) == set()


@pytest.mark.parametrize(
    "words",
    [
        "No person at the reporting company has viewed this file.",
        "Our reviewers have not looked at it.",
        "The user viewed the profile of a child.",
        "We do not know whether it is AI-generated.",
        "It is not AI-generated as far as its credentials say.",
    ],
)
def test_what_is_denied_or_said_of_others_is_no_claim(case: CaseFacts, clock: FixedClock, words: str) -> None:
    bare = tuple(f.model_copy(update={"viewings": (), "matches": ()}) for f in case.files)
    draft = draft_report(case.model_copy(update={"narrative": words, "files": bare}))
    assert untrue(draft, MemoryRecord(), clock) == set()


def test_a_digest_must_be_the_files_own(draft: Draft, record: MemoryRecord, clock: FixedClock) -> None:
    claims = with_first_file(draft, original_file_hash=(FileHash(value="0" * 32, hash_type="md5"),))
    assert untrue(claims, record, clock) == {"untrue.digest"}


def test_a_class_needs_a_viewing_or_an_exact_match_that_carries_it(draft: Draft, clock: FixedClock) -> None:
    classified = {"industry_classification": IndustryClassification.B2, "file_viewed_by_esp": False}
    claims = with_first_file(draft, additional_info=(), **classified)
    near = MATCH.model_copy(update={"classification": IndustryClassification.B2})
    assert untrue(claims, MemoryRecord(matches={SHA: (near,)}), clock) == {"untrue.classification"}
    exact = ListMatch(list_name="harbours", exact=True, hash_type="SHA256", classification=IndustryClassification.B2)
    assert untrue(claims, MemoryRecord(matches={SHA: (exact,)}), clock) == set()


def test_prior_reports_must_be_known(case: CaseFacts, clock: FixedClock) -> None:
    suspect = Account(identifier="007", prior_reports=(5_000_000_007,))
    file = CaseFile(key="harbour", digests=digests(BYTES["harbour"]))
    draft = draft_report(case.model_copy(update={"suspect": suspect, "files": (file,)}))
    assert untrue(draft, MemoryRecord(), clock) == {"untrue.prior-report"}
    assert untrue(draft, MemoryRecord(prior_reports=(5_000_000_007,)), clock) == set()


def test_viewing_is_said_as_the_record_says_whatever_the_time(draft: Draft, clock: FixedClock) -> None:
    """A viewing after drafting changes the truth, so the check at filing finds the draft out."""
    late = VIEWING.model_copy(update={"at": HAPPENED + timedelta(days=1)})
    unseen = with_first_file(draft, file_viewed_by_esp=False, additional_info=())
    assert untrue(unseen, MemoryRecord(matches={SHA: (MATCH,)}), clock) == set()
    assert untrue(unseen, MemoryRecord(viewings={SHA: (late,)}, matches={SHA: (MATCH,)}), clock) == {
        "untrue.not-viewed"
    }


def test_a_generators_job_needs_the_same_job_in_the_record(case: CaseFacts, clock: FixedClock) -> None:
    job = Generation(model="m-1", prompt="a harbour\x00", seed="0042")
    files = (case.files[0].model_copy(update={"generation": job}),)
    draft = draft_report(case.model_copy(update={"files": files}))

    def found(generations: dict[str, tuple[Generation, ...]]) -> set[str]:
        record = MemoryRecord(viewings={SHA: (VIEWING,)}, matches={SHA: (MATCH,)}, generations=generations)
        return untrue(draft, record, clock)

    assert found({SHA: (job,)}) == set()
    other = job.model_copy(update={"seed": "42"})
    assert found({}) == found({SHA: (other,)}) == found({"0" * 64: (job,)}) == {"untrue.generation"}
