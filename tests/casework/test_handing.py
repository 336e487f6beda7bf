"""Handing over what a screening found: known material found in data, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from firstlight.casework import handing
from firstlight.casework.home import Home
from firstlight.casework.upload import read_about
from firstlight.clock import FixedClock
from firstlight.cybertip import FindingKind
from firstlight.cybertip.model.annotations import FileAnnotation
from firstlight.cybertip.record import AiBasis
from firstlight.errors import InputError
from firstlight.screen.hits import Hit, HitMatch
from firstlight.values import BankPurpose

EXACT = HitMatch(channel="stored", bank="known", purpose=BankPurpose.KNOWN, entry="k", via="sha256", exact=True)
AI = HitMatch(channel="pdq", bank="made", purpose=BankPurpose.KNOWN_AI, entry="m", via="pdq", exact=False, distance=4)


def hit(number: int, *matches: HitMatch, **more: object) -> Hit:
    values: dict[str, object] = {
        "place": "/data/set/00001.tar", "member": f"d/{number}.jpg", "offset": 0, "size": 10, "row": number,
        "md5": "1" * 32,
        "sha1": "2" * 40, "sha256": f"{number % 2}" * 64, "url": f"https://example.org/{number}", "key": f"k{number}",
        "fetched": "2023-01-01", "matches": matches or (EXACT,),
    }  # fmt: skip
    return Hit.model_validate(values | more)


@pytest.fixture
def home(tmp_path: Path, clock: FixedClock) -> Home:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "settings.toml").write_text('[organisation]\ncontact_email = "safety@example.org"\n')
    return Home.open(tmp_path / "home", clock=clock)


def test_copies_are_one_file_with_every_place_and_one_basis(home: Home) -> None:
    with home:
        made = handing.hand_over(home, [hit(n) for n in range(5)], data_set="the set")
    assert (made.hits, made.files) == (5, 2)
    [odd] = [file for file in made.draft.files if file.digests.sha256 == "1" * 64]
    text = odd.description.model_dump_json()
    assert all(f"https://example.org/{n}" in text for n in (1, 3))
    assert "Known material found in data" in text
    assert "says nothing about how the file was made" in text


def test_nothing_found_in_data_is_called_machine_made_whatever_list_it_matched(home: Home) -> None:
    with home:
        made = handing.hand_over(home, [hit(1, EXACT, AI)], data_set="the set")
    [file] = made.draft.files
    assert not file.description.is_annotated(FileAnnotation.GENERATIVE_AI)
    assert not made.findings.of_kind(FindingKind.UNTRUE)
    assert handing.claim_of([hit(1)], "x").basis.carries_annotation is False


def test_a_row_of_a_table_is_told_by_its_url_and_digest_without_a_file(home: Home) -> None:
    listed = hit(1, sha256="", sha1="", md5="", size=0, recorded={"md5": "a" * 32})
    with home:
        made = handing.hand_over(home, [listed], data_set="the set")
    assert made.files == 0
    said = made.draft.report.model_dump_json()
    assert "https://example.org/1" in said
    assert "a" * 32 in said


def test_the_about_file_is_one_that_intake_reads(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_bytes(handing.about_file([hit(1), hit(2)], data_set="the set"))
    found = read_about(tmp_path / "about.json")
    assert sorted(found) == ["1.jpg", "2.jpg"]
    assert [claim.basis for claim in found["1.jpg"].origin] == [AiBasis.KNOWN_IN_TRAINING_DATA]
    assert "1.jpg" in json.loads((tmp_path / "about.json").read_bytes())


def test_the_about_file_names_every_place_and_tells_files_of_one_name_apart() -> None:
    same = [hit(n, member="x.jpg", place=f"/data/set/{n}.tar") for n in (1, 3)]
    other = hit(2, member="d/x.jpg", place="/data/set/2.tar")
    row = hit(4, sha256="", sha1="", md5="", size=0, recorded={"md5": "a" * 32})
    assert list(json.loads(handing.about_file([*same, row], data_set="s"))) == ["x.jpg"]
    found = json.loads(handing.about_file([*same, other], data_set="s"))
    assert list(found) == ["1.tar/x.jpg", "3.tar/x.jpg", "2.tar/d/x.jpg"]
    assert all(f"https://example.org/{n}" in found["1.tar/x.jpg"]["origin"][0]["says"] for n in (1, 3))
    assert "https://example.org/2" not in found["1.tar/x.jpg"]["origin"][0]["says"]


def test_it_is_dated_by_when_it_was_found(home: Home) -> None:
    with home:
        found_at = home.clock.now() - timedelta(hours=1)
        made = handing.hand_over(home, [hit(1)], data_set="the set", found_at=found_at)
    assert not made.findings.of_kind(FindingKind.INVALID)


def test_without_a_reporter_the_words_say_what_is_missing(tmp_path: Path, clock: FixedClock) -> None:
    with Home.open(tmp_path / "home", clock=clock) as home, pytest.raises(InputError, match="who reports"):
        handing.hand_over(home, [hit(1)], data_set="x")
