"""From bytes and matches to a verdict with its reasons."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firstlight.banks.match import Match, Via
from firstlight.errors import UnreadableError
from firstlight.media import Source
from firstlight.origin import (
    Binding,
    Claim,
    Family,
    ForgeableBy,
    Indicator,
    TrustLists,
    Verdict,
    assess,
    examine,
    from_matches,
    weigh,
)
from firstlight.origin.examination import examine_bytes
from firstlight.origin.worker import examine as task
from firstlight.values import BankPurpose, Digests, ErrorNote
from origin.making import A1111, exif_segment, jpeg, jpeg_with, png_with, text, tiff

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class DirectCage:
    """Runs the task in this process, through JSON as a worker would."""

    def run(self, task_name: str, source: Source, /, **params: Any) -> dict[str, Any]:
        assert task_name == "firstlight.origin.worker:examine"
        assert isinstance(source, Path | bytes)
        return task(source.read_bytes() if isinstance(source, Path) else source, None, **params)


class FailingCage(DirectCage):
    """Loses its worker on a file's pixels, or on every look at the file."""

    def __init__(self, *, always: bool = False) -> None:
        self._always = always
        self.tasks = 0

    def run(self, task_name: str, source: Source, /, **params: Any) -> dict[str, Any]:
        self.tasks += 1
        if self._always or params.get("pixels", True):
            raise UnreadableError("The worker died.", code="unreadable.worker-died")
        return super().run(task_name, source, **params)


class AnsweringCage:
    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def run(self, _task: str, _source: Source, /, **_params: Any) -> dict[str, Any]:
        return self.answer


@pytest.mark.parametrize(
    "lie",
    [
        {"forgeable_by": ForgeableBy.AUTHORITY},
        {"family": Family.AUTHORITY},
        {"family": Family.GENERATOR_LOG},
        {"family": Family.REPORTER},
    ],
)
def test_a_worker_cannot_speak_for_those_who_keep_records_elsewhere(lie: dict[str, Any]) -> None:
    honest = examine_bytes(png_with(text("parameters", A1111)))[0]
    answer = {"indicators": [honest.model_copy(update=lie).model_dump(mode="json")]}
    with pytest.raises(UnreadableError) as caught:
        examine(AnsweringCage(answer), b"")
    assert caught.value.diagnostics().code == "unreadable.worker-answer"


def digests(data: bytes) -> Digests:
    return Digests(
        md5=hashlib.md5(data).hexdigest(),
        sha1=hashlib.sha1(data).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )


def verdict(
    data: bytes = b"", matches: tuple[Match, ...] = (), signs: tuple[Indicator, ...] = (), note: ErrorNote | None = None
) -> Verdict:
    return assess(
        at=NOW, digests=digests(data), media_type="image/jpeg", matches=matches, indicators=signs, unreadable=note
    )


def match(purpose: BankPurpose, *, exact: bool = True, **changes: Any) -> Match:
    via = Via.SHA256 if exact else Via.PDQ
    base: dict[str, Any] = {
        "bank": "garden", "purpose": purpose, "entry": "e1", "via": via, "exact": exact,
        "distance": 0 if exact else 12, "threshold": 31,
    }  # fmt: skip
    return Match(**{**base, **changes})


def test_a_picture_without_signs_stays_unknown() -> None:
    data = jpeg()
    found = verdict(data, signs=examine(DirectCage(), data))
    assert (found.origin, found.indicators) == ((), ())
    assert found.reasons.lines() == [
        "It matches no bank, which says nothing: it may be new.",
        "  No sign of origin was seen, which says nothing.",
    ]


def test_a_forged_stamp_makes_no_claim_stand(tmp_path: Path) -> None:
    path = tmp_path / "stamped.png"
    path.write_bytes(png_with(text("parameters", A1111)))
    found = verdict(path.read_bytes(), signs=examine(DirectCage(), path, trust=TrustLists()))
    assert [sign.name for sign in found.indicators] == ["metadata.generator_text"]
    assert found.origin == ()
    assert "change nothing" in "\n".join(found.reasons.lines())


def test_a_verdict_survives_being_stored() -> None:
    data = png_with(text("parameters", A1111))
    found = verdict(data, (match(BankPurpose.KNOWN),), examine(DirectCage(), data))
    assert Verdict.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("purpose", "exact", "name", "claim"),
    [
        (BankPurpose.KNOWN, True, "bank.known", Claim.KNOWN_CHILD),
        (BankPurpose.KNOWN, False, "bank.near_known", Claim.KNOWN_CHILD),
        (BankPurpose.KNOWN_AI, True, "bank.known_ai", Claim.KNOWN_SYNTHETIC),
        (BankPurpose.KNOWN_AI, False, "bank.near_known_ai", Claim.KNOWN_SYNTHETIC),
    ],
)
def test_a_match_says_what_the_list_says(purpose: BankPurpose, exact: bool, name: str, claim: Claim) -> None:
    (sign,) = from_matches([match(purpose, exact=exact)])
    assert (sign.name, sign.claim, sign.forgeable_by) == (name, claim, ForgeableBy.AUTHORITY)
    assert sign.binding is (Binding.BYTES if exact else Binding.PIXELS)
    assert "listed by garden" in sign.says
    assert claim in verdict(matches=(match(purpose, exact=exact),)).origin


@pytest.mark.parametrize(
    "silent",
    [
        match(BankPurpose.NCII),
        match(BankPurpose.ALLOW),
        match(BankPurpose.KNOWN, exact=False, vetoed_by="logos"),
    ],
)
def test_some_matches_say_nothing_of_origin(silent: Match) -> None:
    assert from_matches([silent]) == ()
    assert verdict(matches=(silent,)).origin == ()


def test_no_key_of_an_entry_stands_in_an_indicator() -> None:
    (sign,) = from_matches([match(BankPurpose.KNOWN, entry="upstream-key-77")])
    assert "77" not in sign.model_dump_json()


def test_only_an_exact_record_of_machine_made_material_lets_a_person_lower() -> None:
    exact, near = (from_matches([match(BankPurpose.KNOWN_AI, exact=exact)]) for exact in (True, False))
    assert weigh(exact).may_lower
    assert not weigh(near).may_lower


def test_an_entry_older_than_generators_speaks_for_a_camera() -> None:
    old = match(BankPurpose.KNOWN, exact=False, first_seen=datetime(2014, 5, 1, tzinfo=UTC))
    new = match(BankPurpose.KNOWN, exact=False, first_seen=datetime(2021, 1, 1, tzinfo=UTC))
    assert [s.name for s in from_matches([old])] == ["bank.near_known", "bank.older_than_generators"]
    assert [s.name for s in from_matches([new])] == ["bank.near_known"]
    stamped = (*from_matches([old]), *examine(DirectCage(), png_with(text("parameters", A1111))))
    assert Claim.CONFLICT in weigh(stamped).raises


def test_the_closest_match_of_a_bank_speaks_for_it() -> None:
    near = [match(BankPurpose.KNOWN, exact=False, distance=d) for d in (20, 8)]
    (sign,) = from_matches(near)
    assert sign.facts["distance"] == 8


def test_an_unreadable_picture_goes_to_a_person() -> None:
    note = ErrorNote(code="unreadable.truncated", message="The file ends early.")
    found = verdict(note=note)
    assert found.origin == (Claim.UNREADABLE,)
    assert "A person has to look." in "\n".join(found.reasons.lines())


@pytest.mark.parametrize("answer", [{}, {"indicators": 3}, {"indicators": [{"name": "x"}]}, {"indicators": [None]}])
def test_a_worker_that_answers_nonsense_is_not_believed(answer: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError) as caught:
        examine(AnsweringCage(answer), b"")
    assert caught.value.diagnostics().code == "unreadable.worker-answer"


def test_a_file_that_brings_down_its_worker_is_examined_without_its_pixels() -> None:
    found = examine(FailingCage(), png_with(text("parameters", A1111)))
    assert [sign.name for sign in found] == ["metadata.generator_text", "examination.failed"]
    assert found[1].facts["error"] == "unreadable.worker-died"
    assert weigh(found).stands == (Claim.UNREADABLE,)


def test_one_that_does_so_again_is_an_error() -> None:
    cage = FailingCage(always=True)
    with pytest.raises(UnreadableError, match="The worker died"):
        examine(cage, jpeg())
    assert cage.tasks == 2


def test_without_pixels_there_is_one_look() -> None:
    cage = FailingCage()
    assert examine(cage, jpeg(), pixels=False) == ()
    assert cage.tasks == 1


def test_a_detector_that_fails_costs_its_own_answer_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_evidence: object, _preview: bytes) -> float:
        raise ValueError("a secret text of the file")

    monkeypatch.setattr("firstlight.origin.indicators.embedded_thumbnail.likeness", broken)
    tags = tiff({0x010F: "Canon", 0x0110: "EOS"}, thumbnail=b"\xff\xd8")
    found = examine_bytes(jpeg_with(exif_segment(tags)))
    assert [sign.name for sign in found] == ["camera.tags", "examination.failed"]
    assert "secret" not in found[1].model_dump_json()
