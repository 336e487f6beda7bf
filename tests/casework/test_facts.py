"""A report says of people and of a file's making what the service stated at intake, and nothing put in later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from casework.making import AT_ONCE, NOW, case_of, png, put, report_it, take_in, told, upload
from firstlight.casework import facts, filing, overview, reconcile
from firstlight.casework.home import Home
from firstlight.cybertip import AiBasis, Client, FindingKind, OriginClaim, Simulator, check, draft_report
from firstlight.cybertip.drafting.facts import Conduct, Sign
from firstlight.cybertip.record import Generation
from firstlight.errors import IntegrityError
from firstlight.media import Cage
from firstlight.store.tables import Item

CLAIM = {"basis": "generated-here", "says": "Made by our generator in job 17.", "source": "jobs"}
HOLDER = {
    "screen_name": "harbour",
    "emails": [{"value": "u1@mail.example"}],
    "devices": [{"kind": "IMEI", "number": "007"}],
}
JOB = {"model": "m-1", "prompt": "a harbour", "seed": "0042", "input_sha256": "a" * 64}


def _taken(home: Home, cage: Cage, tmp_path: Path, **more: object) -> int:
    """A case with one file, decided to be reported."""
    folder = put(tmp_path / "in", {"a.png": png(1)})
    take_in(home, cage, [folder], default=upload("u1", **more))
    case = case_of(home, "a.png")
    report_it(home, case, case_signs=(Sign.SEXTORTION,))
    return case


def _restated(home: Home, **more: object) -> None:
    """Somebody changes what the tables say of the upload, behind the log's back."""
    with home.work() as work:
        item = work.session.scalars(select(Item)).one()
        item.upload = json.dumps(json.loads(item.upload) | more)


def test_everything_that_was_stated_stands_in_the_report(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    case = _taken(
        home,
        cage,
        tmp_path,
        holder=HOLDER,
        recipients=[{"account": "u2", "age": 14}],
        victims=[{"first_name": "Vera"}],
        chats=[{"client": "messages", "text": "the words of the chat"}],
        generation=JOB,
        origin=[CLAIM],
        context={"facts": ["generator_took_photograph"]},
    )
    filing.file_case(home, case, client, retries=AT_ONCE)
    (report,) = simulator.reports()
    for text in ("harbour", "u1@mail.example", "007", "u2", "Vera", "the words of the chat", "<sextortion>"):
        assert text in report.xml, text
    details = next(iter(report.files.values())).details or ""
    for text in ("<generativeAi>", CLAIM["says"], "0042", "a" * 64, "a picture of a person went in as input"):
        assert text in details, text
    (month,) = overview.report_statistics(home).months
    assert month.by_basis[0] == 1
    assert reconcile.reconcile(home).adds_up


@pytest.mark.parametrize("basis", [one for one in AiBasis if not one.carries_annotation])
def test_other_bases_stand_in_words_and_annotate_nothing(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path, basis: AiBasis
) -> None:
    case = _taken(home, cage, tmp_path, origin=[{"basis": basis.value, "says": "Words of the basis."}])
    filing.file_case(home, case, client, retries=AT_ONCE)
    details = next(iter(simulator.reports()[0].files.values())).details or ""
    assert "Words of the basis." in details
    assert "generativeAi" not in details


@pytest.mark.parametrize(
    "change",
    [
        {"origin": [CLAIM]},
        {"generation": JOB},
        {"holder": HOLDER},
        {"recipients": [{"account": "u3"}]},
        {"chats": [{"text": "other words"}]},
        {"account": "somebody else"},
        {"ip": "93.184.216.34"},
    ],
)
def test_what_was_not_logged_of_an_upload_is_not_reported_and_does_not_add_up(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path, change: dict[str, object]
) -> None:
    case = _taken(home, cage, tmp_path)
    _restated(home, **change)
    with pytest.raises(IntegrityError, match="not what was logged"):
        filing.file_case(home, case, client, retries=AT_ONCE)
    with pytest.raises(IntegrityError, match="not what was logged"):
        filing.draft(home, case)
    assert simulator.reports() == ()
    assert not reconcile.reconcile(home).adds_up


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"origin_claims": (OriginClaim.model_validate(CLAIM),)}, "untrue.ai"),
        ({"generation": Generation.model_validate(JOB)}, "untrue.generation"),
    ],
)
def test_a_draft_that_claims_what_the_log_does_not_hold_is_untrue(
    home: Home, cage: Cage, tmp_path: Path, change: dict[str, object], rule: str
) -> None:
    case = _taken(home, cage, tmp_path)
    known = told(home, case)["u1"]
    changed = known.model_copy(update={"files": (known.files[0].model_copy(update=change),)})
    found = check(draft_report(changed), facts.SqlRecord(home), at=NOW)
    assert rule in {one.rule for one in found.of_kind(FindingKind.UNTRUE)}
    assert check(draft_report(known), facts.SqlRecord(home), at=NOW).may_be_filed


def test_statements_are_read_from_the_log(home: Home, cage: Cage, tmp_path: Path) -> None:
    _taken(home, cage, tmp_path, origin=[CLAIM], generation=JOB)
    _restated(home, origin=[], generation=None)
    with home.look() as work:
        sha256 = work.session.scalars(select(Item.sha256)).one()
    record = facts.SqlRecord(home)
    assert record.origin_claims(sha256) == (OriginClaim.model_validate(CLAIM),)
    assert [job.seed for job in record.generations(sha256)] == ["0042"]
    assert (record.origin_claims("0" * 64), record.generations("0" * 64)) == ((), ())


def test_a_case_of_words_alone_is_reported_with_its_text_as_a_file(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    folder = put(tmp_path / "in", {"chat.txt": b"10:01 hello\n10:02 hello back\n"})
    said = {"recipients": [{"account": "u2", "age": 13}], "chats": [{"client": "messages", "text": "hello"}]}
    take_in(home, cage, [folder], default=upload("u1", **said))
    case = case_of(home, "chat.txt")
    report_it(home, case, conduct=Conduct.ENTICEMENT, case_signs=(Sign.SEXTORTION,))
    (filed,) = filing.file_case(home, case, client, retries=AT_ONCE)
    (report,) = simulator.reports()
    assert filed.receipt is not None
    assert "<chatImIncident>" in report.xml
    assert len(report.files) == 1
