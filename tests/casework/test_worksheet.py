"""What a package says for and against: every fact on its side, none dropped, and the system named."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.making import AT_ONCE, NOW, ai_xmp, jpeg, look_at, next_items, put, report_it, take_in, upload
from firstlight import __version__
from firstlight.banks import Match
from firstlight.banks.match import Via
from firstlight.casework import banking, cases, filing, intake, preserve, review, worksheet
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Decision, Finding
from firstlight.casework.upload import Upload
from firstlight.custody import FactKind
from firstlight.cybertip import Client
from firstlight.cybertip.drafting.facts import FileSign
from firstlight.cybertip.record import AiBasis, Generation
from firstlight.errors import IntegrityError, StateError
from firstlight.media import Cage
from firstlight.origin import Claim, Indicator
from firstlight.origin.indicator import Binding, Family, ForgeableBy, Source, Strength
from firstlight.triage import FACTS, Context, ContextFact
from firstlight.values import BankPurpose


def _match(purpose: BankPurpose, exact: bool, vetoed_by: str | None) -> Match:
    via, distance = (Via.SHA256, 0) if exact else (Via.PDQ, 12)
    return Match(bank="b", purpose=purpose, entry="e", via=via, exact=exact, distance=distance, vetoed_by=vetoed_by)


@given(st.lists(st.builds(_match, st.sampled_from(BankPurpose), st.booleans(), st.sampled_from([None, "allowed"]))))
def test_no_match_is_dropped_and_a_vetoed_one_says_so(matches: list[Match]) -> None:
    told = list(worksheet._matches(matches))
    assert len(told) == len(matches)
    for match, (kind, says) in zip(matches, told, strict=True):
        assert match.bank in says
        if match.vetoed_by:
            assert kind is FactKind.OTHER
            assert match.vetoed_by in says


def _sign(claim: Claim, family: Family, name: str = "x") -> Indicator:
    return Indicator(
        name=name,
        claim=claim,
        strength=Strength(low=0.1, high=0.5),
        forgeable_by=ForgeableBy.ANYONE,
        binding=Binding.CONTAINER,
        family=family,
        says="A sign.",
        source=Source(tool="t", version="1"),
    )


@given(st.lists(st.builds(_sign, st.sampled_from(Claim), st.sampled_from(Family))))
def test_no_sign_of_origin_is_dropped_and_each_says_who_could_forge_it(signs: list[Indicator]) -> None:
    told = list(worksheet._signs(signs))
    assert len(told) == len(signs)
    assert all("anyone who has the file" in says for _, says in told)


def test_a_sign_that_repeats_a_match_is_told_once() -> None:
    assert list(worksheet._signs([_sign(Claim.KNOWN_CHILD, Family.AUTHORITY, "bank.known")])) == []


def test_what_speaks_against_stands_beside_what_speaks_for() -> None:
    record = worksheet._signs([_sign(Claim.SYNTHETIC, Family.GENERATOR_LOG), _sign(Claim.CAMERA, Family.METADATA)])
    assert [kind for kind, _ in record] == [FactKind.GENERATION_RECORD, FactKind.CAMERA]
    private = worksheet._upload(upload(publicly_available=False))
    assert FactKind.KEPT_PRIVATE in {kind for kind, _ in private}


@given(st.sets(st.sampled_from(ContextFact)))
def test_every_stated_fact_is_told(facts: set[ContextFact]) -> None:
    told = [says for _, says in worksheet._upload(Upload(context=Context(facts=tuple(facts))))]
    assert len(told) == len(facts)
    assert all(any(FACTS[fact].says in says for says in told) for fact in facts)


@pytest.mark.parametrize(
    ("finding", "seen", "kind"),
    [
        (Finding.REPORT, True, FactKind.OBSERVATION),
        (Finding.REPORT, False, FactKind.OTHER),
        (Finding.NOT_REPORTABLE, True, FactKind.OBSERVATION_AGAINST),
        (Finding.NOT_REPORTABLE, False, FactKind.OBSERVATION_AGAINST),
    ],
)
def test_only_who_saw_it_observed_for_and_who_decided_against_always_counts(
    finding: Finding, seen: bool, kind: FactKind
) -> None:
    decision = Decision(
        case=1,
        item=1,
        sha256="0" * 64,
        at=NOW,
        actor="rev-1",
        seen=seen,
        conclusion=Conclusion(finding=finding, why="Because.", signs=(FileSign.DRAWN, FileSign.VIRAL)),
    )
    told = list(worksheet._decision(decision))
    assert [one for one, _ in told] == [kind, FactKind.DRAWING, FactKind.OTHER]
    assert "Because." in told[0][1]


def test_a_package_holds_the_facts_the_system_and_the_journal(
    home: Home, cage: Cage, client: Client, tmp_path: Path
) -> None:
    folder = put(tmp_path / "in", {"a.jpg": jpeg(1, xmp=ai_xmp()), "b.jpg": jpeg(1, quality=85)})
    banking.create_bank(home, "series", BankPurpose.KNOWN)
    banking.add_pictures(home, cage, "series", [folder / "a.jpg"])
    take_in(home, cage, [folder], default=upload("u1", publicly_available=False))
    look_at(home, 1)
    report_it(home, 1)
    filing.file_case(home, 1, client, retries=AT_ONCE)
    while cases.show(home, 1).state == "open":
        drawing = Conclusion.of(finding=Finding.NOT_REPORTABLE, why="A drawing.")
        review.decide(home, 1, drawing, actor="rev-2", items=next_items(home, 1))
    package = Path(preserve.export(home, 1, tmp_path / "out").folder)
    sheet = (package / "data/worksheet/elements.txt").read_text("utf-8")
    for words in ("holds exactly these bytes", "could have been put there by", "not publicly available", "u1"):
        assert words in sheet
    draft = (package / "data/certificate/draft-902.txt").read_text("utf-8")
    assert f"Software: firstlight {__version__}" in draft
    bank = home.library.bank("series")
    assert f"series (purpose known), revision {bank.revision}, {bank.entries} entries" in draft
    assert "came out as published" in draft
    assert home.table.sha256 in draft
    journal = json.loads((package / "data/records/filing-1-journal.json").read_bytes())
    assert [(one["step"], one["phase"]) for one in journal][-1] == ("finish", "done")


def test_the_item_that_sets_the_level_gives_the_reasons_of_the_first_page(
    home: Home, cage: Cage, tmp_path: Path
) -> None:
    folder = put(tmp_path / "in", {"a.jpg": jpeg(1), "b.jpg": jpeg(1, quality=85)})
    live = Upload(account="u2", context=Context(facts=(ContextFact.LIVE,)))
    take_in(home, cage, [folder], about={"b.jpg": live})
    package = Path(preserve.export(home, 1, tmp_path / "out").folder)
    page = (package / "START-HERE.txt").read_text("utf-8")
    assert "A child may be in danger now" in page
    (urgent,) = [item for item in cases.show(home, 1).items if item.name == "b.jpg"]
    for line in urgent.priority.lines():
        assert line.strip() in page


def test_bytes_that_came_in_again_and_are_not_placed_yet_hold_an_export_back(
    home: Home, cage: Cage, tmp_path: Path
) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    intake.receive(home, intake.arrivals([put(tmp_path / "again", {"a.jpg": jpeg(1)})], {}, upload("somebody-else")))
    with pytest.raises(StateError, match="examined"):
        preserve.export(home, 1, tmp_path / "out")


def test_a_machine_that_computes_wrong_digests_exports_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worksheet, "_TEST_MESSAGE", b"abd")
    with pytest.raises(IntegrityError, match="wrong digests"):
        worksheet.system(home)


@given(st.text("ab", max_size=2), st.text("ab", max_size=2), st.sampled_from(["", "0" * 64]))
def test_a_generators_record_speaks_on_both_sides(model: str, prompt: str, photograph: str) -> None:
    told = [kind for kind, _ in worksheet._generation(Generation(model=model, prompt=prompt, input_sha256=photograph))]
    assert told[0] is FactKind.GENERATION_RECORD
    assert (FactKind.PROMPT in told) is bool(prompt)
    assert (FactKind.INPUT_PHOTOGRAPH in told) is bool(photograph)
    assert (FactKind.TEXT_ONLY_GENERATION in told) is not bool(photograph)


def test_people_conversations_and_statements_of_origin_are_told_one_by_one() -> None:
    made = Upload.model_validate(
        {
            "account": "u1",
            "recipients": [{"account": "u2"}, {"screen_name": "x"}],
            "victims": [{"account": "u3"}],
            "chats": [{"text": "a"}, {"text": "b"}],
            "generation": {"model": "m"},
            "origin": [{"basis": basis, "says": "Made by a machine.", "source": "a log"} for basis in AiBasis],
        }
    )
    told = list(worksheet._upload(made))
    counted = Counter(kind for kind, _ in told)
    assert (counted[FactKind.SENT], counted[FactKind.CHAT], counted[FactKind.OTHER]) == (2, 2, 2)
    assert sum("Made by a machine. (source: a log)" in says for _, says in told) == len(AiBasis)
