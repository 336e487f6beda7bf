"""Every fact of a case has its place in the draft; nothing is cut, guessed or claimed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cybertip.small_case import BYTES, HAPPENED, UPLOAD, VIEWING, digests
from firstlight.clock import FixedClock
from firstlight.cybertip import AiBasis, CaseFacts, ListMatch, MemoryRecord, OriginClaim, check, draft_report, to_xml
from firstlight.cybertip.drafting.batch import BatchFacts, draft_batch
from firstlight.cybertip.drafting.facts import (
    Account,
    CaseFile,
    Channel,
    Conduct,
    Contact,
    Device,
    FileSign,
    NetworkEvent,
    ReportingParty,
    Sign,
    Where,
)
from firstlight.cybertip.model.codes import IncidentType
from firstlight.cybertip.model.people import IntendedRecipient, PersonOrUserReported, Victim
from firstlight.cybertip.record import Generation
from firstlight.errors import InputError


def text(case: CaseFacts) -> str:
    """The whole draft as XML text: the report and what is said of its files."""
    draft = draft_report(case)
    words = [t for f in draft.files for t in f.description.additional_info]
    pairs = [p.value for f in draft.files for d in f.description.details for p in d.name_value_pair]
    return to_xml(draft.report).decode() + "\n".join([*words, *pairs])


@pytest.mark.parametrize("conduct", list(Conduct))
def test_each_conduct_has_an_incident_type(case: CaseFacts, conduct: Conduct) -> None:
    draft = draft_report(case.model_copy(update={"conduct": conduct}))
    assert list(IncidentType)[list(Conduct).index(conduct)] is draft.report.incident_summary.incident_type


@pytest.mark.parametrize("where", list(Where))
def test_each_fact_of_a_channel_stands_somewhere(case: CaseFacts, where: Where) -> None:
    channel = Channel(
        where=where,
        name="Harbour Chat",
        room="quay",
        urls=("https://example.com/quay",),
        email_addresses=("someone@example.net",),
        phone_number="555 17",
        text="hello there",
        note="seen at noon",
    )
    written = text(case.model_copy(update={"channels": (channel,)}))
    for fact in (
        "Harbour Chat",
        "quay",
        "https://example.com/quay",
        "someone@example.net",
        "555 17",
        "hello there",
        "seen at noon",
    ):
        assert fact in written, fact


def test_an_address_of_the_incident_that_is_nobodys_goes_into_words(
    case: CaseFacts, clock: FixedClock, record: MemoryRecord
) -> None:
    mail = Channel(where=Where.EMAIL, email_addresses=("someone@example.net", "nobody@example.org"))
    draft = draft_report(case.model_copy(update={"channels": (mail,)}))
    incident = draft.report.internet_details[0].email_incident
    assert incident is not None
    assert [e.address for e in incident.email_address] == ["someone@example.net"]
    assert incident.additional_info == "email addresses: nobody@example.org"
    assert check(draft, record, at=clock.now()).may_be_filed


def test_an_account_is_drafted_whole(case: CaseFacts, clock: FixedClock) -> None:
    account = Account(
        identifier="007",
        service="Example",
        screen_name="0123",
        display_names=("One", "Two"),
        profile_urls=("https://example.com/u/7",),
        bio="sails",
        first_name="Ann",
        last_name="Lee",
        age=40,
        emails=(Contact(value="ann@example.net", verified=True, verified_at=HAPPENED),),
        phones=(Contact(value="555 18"),),
        events=(NetworkEvent(ip="2001:4860:4860::8888", at=HAPPENED, port=4),),
        devices=(Device(kind="IMEI", number="0049"),),
        prior_reports=(5_000_000_007,),
        compromised=False,
        disabled_at=HAPPENED,
        disabled_for_good=True,
        note="seen before",
    )
    full = case.model_copy(update={"suspect": account, "recipients": (account,), "victims": (account,)})
    draft = draft_report(full)
    report = draft.report
    blocks: list[PersonOrUserReported | IntendedRecipient | Victim] = [*report.person_or_user_reported]
    for block in [*blocks, *report.intended_recipient, *report.victim]:
        assert (block.esp_identifier, block.screen_name, block.prior_ct_reports) == ("007", "0123", (5_000_000_007,))
        assert block.device_id[0].id_value == "0049"
        assert block.account_permanently_disabled is not None
        assert "seen before" in (block.additional_info or "")
    assert [e.port for e in report.person_or_user_reported[0].ip_capture_event] == [4, UPLOAD.port]
    record = MemoryRecord(viewings={digests(BYTES["harbour"]).sha256: (VIEWING,)}, prior_reports=(5_000_000_007,))
    assert check(draft, record, at=clock.now()).may_be_filed


def test_each_file_has_its_own_event_and_the_suspect_has_all(case: CaseFacts) -> None:
    other = NetworkEvent(ip="93.184.216.35", at=HAPPENED + timedelta(minutes=1), port=2)
    files = (case.files[0], case.files[1].model_copy(update={"upload": other, "supplemental": False}))
    draft = draft_report(case.model_copy(update={"files": files}))
    events = [f.description.ip_capture_event for f in draft.files]
    assert [e.ip_address for e in events if e] == ["93.184.216.34", "93.184.216.35"]
    (suspect,) = draft.report.person_or_user_reported
    assert [e.ip_address for e in suspect.ip_capture_event] == ["93.184.216.34", "93.184.216.35"]


def test_text_that_is_too_long_moves_whole(case: CaseFacts, clock: FixedClock, record: MemoryRecord) -> None:
    long = "7" * 300
    suspect = Account(identifier=long, screen_name="x")
    draft = draft_report(case.model_copy(update={"suspect": suspect, "escalation": "now " * 1000}))
    (user,) = draft.report.person_or_user_reported
    assert user.esp_identifier is None
    assert f"account identifier: {long}" in (draft.report.additional_info or "")
    assert len(draft.report.incident_summary.escalate_to_high_priority or "") == 3000
    assert ("now " * 1000).strip() in (draft.report.additional_info or "")
    assert len(draft.notes) == 2
    assert check(draft, record, at=clock.now()).may_be_filed


def test_control_characters_are_removed_and_reported(case: CaseFacts, clock: FixedClock, record: MemoryRecord) -> None:
    draft = draft_report(case.model_copy(update={"narrative": "one\x00two\x0b", "platform": "\ufffe"}))
    assert draft.report.additional_info == "onetwo"
    assert draft.notes == (
        "Removed from report/incidentSummary/platform: U+FFFE, which XML cannot carry.",
        "Removed from report/additionalInfo: U+0000, U+000B, which XML cannot carry.",
    )
    assert check(draft, record, at=clock.now()).may_be_filed


def test_a_generators_job_stands_by_name(case: CaseFacts) -> None:
    job = Generation(
        model="m-1",
        prompt="a harbour",
        negative_prompt="fog",
        seed="0042",
        input_sha256="a" * 64,
        job="17",
        at=HAPPENED,
    )
    files = (case.files[0].model_copy(update={"generation": job}),)
    (file,) = draft_report(case.model_copy(update={"files": files})).files
    pairs = {p.name: p.value for d in file.description.details for p in d.name_value_pair}
    assert pairs["Generator prompt"] == "a harbour"
    assert pairs["Generator seed"] == "0042"
    assert pairs["Generator input SHA256"] == "a" * 64
    assert pairs["Generator time"] == "2026-02-27 18:04:05 UTC"
    assert file.description.file_annotations is None


def test_words_say_near_duplicate_or_exact_copy(case: CaseFacts) -> None:
    exact = ListMatch(list_name="quays", exact=True, hash_type="SHA256")
    files = (case.files[0].model_copy(update={"matches": (*case.files[0].matches, exact)}),)
    (file,) = draft_report(case.model_copy(update={"files": files})).files
    assert file.description.additional_info == (
        "A person at the reporting company viewed the entire contents of this file (rendition: grey).",
        (
            "Found in list harbours: near-duplicate of a listed file by PDQ, 12 of 256 bits differ. "
            "Another file, not the listed one."
        ),
        "Found in list quays: exact copy of a listed file (same SHA256).",
    )


def test_a_case_of_text_alone(case: CaseFacts, clock: FixedClock) -> None:
    talk = Channel(where=Where.CHAT, name="Harbour Chat", text="10:01 how old are you\n10:02 twelve")
    child = Account(identifier="child-8", service="Example")
    alone = case.model_copy(
        update={
            "conduct": Conduct.ENTICEMENT,
            "signs": (Sign.SEXTORTION, Sign.SOLICITATION),
            "files": (),
            "channels": (talk,),
            "victims": (child,),
            "suspect": Account(identifier="007", emails=(Contact(value="a@example.net"),), events=(UPLOAD,)),
        }
    )
    findings = check(draft_report(alone), MemoryRecord(), at=clock.now())
    assert findings.findings == ()
    assert findings.urgency[0] == "an adult may be in contact with a child"


BATCH = BatchFacts(
    reporter=ReportingParty(email="a@example.com"),
    occurred_at=HAPPENED,
    users=("007", "008"),
    file=CaseFile(key="harbour", digests=digests(BYTES["harbour"]), file_name="x.png", signs=(FileSign.VIRAL,)),
)


def test_a_batched_report_is_valid_and_says_what_it_left_out(clock: FixedClock) -> None:
    made = OriginClaim(basis=AiBasis.OUTPUT_SEEN, says="As its credentials say.")
    file = BATCH.file.model_copy(update={"signs": (FileSign.VIRAL, FileSign.INFANT), "origin_claims": (made,)})
    draft = draft_batch(BATCH.model_copy(update={"file": file}))
    assert [u.esp_identifier for u in draft.report.person_or_user_reported] == ["007", "008"]
    assert draft.notes == (
        "Left out, a batched report cannot carry it: annotation infant.",
        "Left out, a batched report cannot carry it: annotation generativeAi and its basis.",
    )
    findings = check(draft, MemoryRecord(), at=clock.now())
    assert findings.may_be_filed
    assert findings.completeness == 100


def test_what_is_not_viral_is_no_batch() -> None:
    with pytest.raises(InputError, match="neither viral"):
        draft_batch(BATCH.model_copy(update={"file": BATCH.file.model_copy(update={"signs": ()})}))


def test_the_facts_are_a_document(case: CaseFacts) -> None:
    assert CaseFacts.from_json(case.to_json()) == case
    assert BatchFacts.from_json(BATCH.to_json()) == BATCH
