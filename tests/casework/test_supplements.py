"""Context goes with the report it belongs to, and is kept, held and destroyed with its item."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import AT_ONCE, case_of, png, put, report_it, take_in, upload
from firstlight.casework import cases, filing, fixity, preserve, reconcile, retention, supplements
from firstlight.casework.home import Home
from firstlight.casework.review import Finding
from firstlight.clock import FixedClock
from firstlight.cybertip import Client, FilingState, FindingKind, Simulator
from firstlight.cybertip.simulator.reports import StoredReport
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.media import Cage

EXPORT = b'{"account": "u1", "bio": "a quay"}'


@pytest.fixture
def case(home: Home, cage: Cage, tmp_path: Path) -> int:
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1)})], {"a.png": upload("u1")})
    return case_of(home, "a.png")


def _item(home: Home, case: int) -> int:
    return cases.show(home, case).items[0].item


def _attach(home: Home, case: int, tmp_path: Path, data: bytes = EXPORT, what: str = "profile export") -> None:
    path = put(tmp_path / "context", {"profile.json": data}) / "profile.json"
    supplements.attach(home, _item(home, case), path, what=what, actor="rev-1")


def _details(report: StoredReport) -> list[str]:
    return [file.details or "" for file in report.files.values()]


def test_context_is_sent_as_supplemental_and_nobody_is_said_to_have_viewed_it(
    home: Home, case: int, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    _attach(home, case, tmp_path)
    report_it(home, case)
    (drafted,) = filing.draft(home, case)
    assert not drafted.findings.of_kind(FindingKind.INVALID)
    assert not drafted.findings.of_kind(FindingKind.UNTRUE)
    (filed,) = filing.file_case(home, case, client, retries=AT_ONCE)
    assert filed.state is FilingState.FINISHED
    (report,) = simulator.reports()
    shown, context = _details(report)
    assert "<fileRelevance>Reported</fileRelevance>" in shown
    assert "<fileRelevance>Supplemental Reported</fileRelevance>" in context
    assert "<originalFileName>profile.json</originalFileName>" in context
    assert "<additionalInfo>Context: profile export</additionalInfo>" in context
    assert "<fileViewedByEsp>false</fileViewedByEsp>" in context
    assert "person at the reporting company" not in context
    assert [file.md5 for file in report.files.values()] == [file.md5 for file in filed.receipt.files]  # type: ignore[union-attr]
    assert reconcile.reconcile(home).adds_up


def test_the_same_bytes_are_kept_once_and_the_first_words_stand(home: Home, case: int, tmp_path: Path) -> None:
    _attach(home, case, tmp_path)
    _attach(home, case, tmp_path, what="something else")
    with home.look() as work:
        (kept,) = supplements.of_item(work, _item(home, case))
        assert supplements.every(work) == (kept,)
    assert kept.what == "profile export"
    assert len(list(home.vault)) == 2
    assert reconcile.reconcile(home).adds_up


def test_context_with_the_bytes_of_an_item_confuses_neither(home: Home, case: int, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "more", {"b.png": png(9)})], {"b.png": upload("u2")})
    _attach(home, case, tmp_path, png(9), "the reference photograph")
    other = case_of(home, "b.png")
    for one in (case, other):
        report_it(home, one)
        (drafted,) = filing.draft(home, one)
        assert drafted.findings.may_be_filed
    assert reconcile.reconcile(home).adds_up


def test_a_filed_report_takes_nothing_more(home: Home, case: int, client: Client, tmp_path: Path) -> None:
    report_it(home, case)
    filing.file_case(home, case, client, retries=AT_ONCE)
    with pytest.raises(StateError, match="filed or begun"):
        _attach(home, case, tmp_path)
    assert len(list(home.vault)) == 1


@pytest.mark.parametrize(("what", "actor"), [("", "rev-1"), ("  ", "rev-1"), ("x" * 3000, "rev-1"), ("export", " ")])
def test_what_says_nothing_is_refused(home: Home, case: int, tmp_path: Path, what: str, actor: str) -> None:
    path = put(tmp_path / "context", {"p": b"x"}) / "p"
    with pytest.raises(InputError):
        supplements.attach(home, _item(home, case), path, what=what, actor=actor)
    assert len(list(home.vault)) == 1


def test_what_cannot_be_read_or_is_not_there_is_refused(home: Home, case: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        supplements.attach(home, _item(home, case), tmp_path / "nowhere", what="export", actor="rev-1")
    with pytest.raises(NotFoundError):
        supplements.attach(home, 99, tmp_path / "nowhere", what="export", actor="rev-1")


def test_context_is_checked_packed_and_destroyed_with_its_item(home: Home, case: int, tmp_path: Path) -> None:
    _attach(home, case, tmp_path)
    assert fixity.check(home, actor="op").checked == 2
    with home.look() as work:
        (kept,) = supplements.of_item(work, _item(home, case))
    preserve.export(home, case, tmp_path / "packages", actor="op")
    package = next((tmp_path / "packages").iterdir())
    record = next(package.rglob(f"item-{_item(home, case)}.json")).read_text()
    assert kept.stored.digests.sha256 in record
    report_it(home, case, finding=Finding.NOT_REPORTABLE, conduct=None)
    assert isinstance(home.clock, FixedClock)
    home.clock.advance(timedelta(days=4000))
    certificate = retention.destroy(home, _item(home, case), actor="op")
    assert certificate.context == (kept.stored.digests.sha256,)
    assert list(home.vault) == []
    assert reconcile.reconcile(home).adds_up
    with pytest.raises(StateError, match="destroyed"):
        _attach(home, case, tmp_path, b"more")


def test_a_damaged_context_file_is_found(home: Home, case: int, tmp_path: Path) -> None:
    _attach(home, case, tmp_path)
    with home.look() as work:
        (kept,) = supplements.of_item(work, _item(home, case))
    (path,) = [one for one in (home.folder / "vault").rglob("*") if one.is_file() and kept.stored.id in str(one)]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert len(fixity.check(home, actor="op").unfit) == 1


CHAT = "u1: how old are you?\nu2: twelve\n"


@pytest.fixture
def words(home: Home, cage: Cage, tmp_path: Path) -> int:
    """A case of words alone, as an about file gives it."""
    import json

    from firstlight.casework.upload import read_about

    folder = put(tmp_path / "words", {"chat.txt": CHAT.encode()})
    facts = {
        "account": "u1",
        "uploaded_at": "2026-03-01T11:00:00Z",
        "ip": "93.184.216.34",
        "transcript": True,
        "recipients": [{"account": "u2", "age": 12}],
        "chats": [{"client": "messages", "file": "chat.txt"}],
    }
    (tmp_path / "words" / "about.json").write_text(json.dumps({"chat.txt": facts}))
    about = read_about(tmp_path / "words" / "about.json", clock=home.clock)
    (tmp_path / "words" / "about.json").unlink()
    take_in(home, cage, [folder], about)
    return case_of(home, "chat.txt")


def test_a_case_of_words_alone_becomes_a_report_without_any_file(
    home: Home, words: int, client: Client, simulator: Simulator
) -> None:
    report_it(home, words, conduct="enticement")
    (drafted,) = filing.draft(home, words)
    assert drafted.draft.files == ()
    assert drafted.findings.may_be_filed
    assert "thin.evidence" not in {one.rule for one in drafted.findings.findings}
    (filed,) = filing.file_case(home, words, client, retries=AT_ONCE)
    assert filed.receipt is not None
    assert filed.receipt.files == ()
    (report,) = simulator.reports()
    assert report.files == {}
    assert "Online Enticement of Children for Sexual Acts" in report.xml
    found = re.search(r"<content>(.*?)</content>", report.xml, re.DOTALL)
    assert found is not None
    assert "twelve" in found.group(1)
    assert "<espIdentifier>u2</espIdentifier>" in report.xml
    assert cases.show(home, words).state == "filed"
    with pytest.raises(StateError, match="Nothing in case"):
        filing.file_case(home, words, client, retries=AT_ONCE)
    assert reconcile.reconcile(home).adds_up


def test_context_goes_with_words_alone_too(
    home: Home, words: int, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    _attach(home, words, tmp_path)
    report_it(home, words, conduct="enticement")
    filing.file_case(home, words, client, retries=AT_ONCE)
    (report,) = simulator.reports()
    assert len(report.files) == 1
    assert "Supplemental Reported" in _details(report)[0]


def test_a_transcript_whose_words_do_not_stand_in_the_report_is_sent_as_a_file(
    home: Home, cage: Cage, tmp_path: Path
) -> None:
    about = {"chat.txt": upload("u1", transcript=True, chats=[{"client": "messages", "text": "only a part"}])}
    take_in(home, cage, [put(tmp_path / "in", {"chat.txt": CHAT.encode()})], about)
    case = case_of(home, "chat.txt")
    report_it(home, case, conduct="enticement")
    (drafted,) = filing.draft(home, case)
    assert len(drafted.draft.files) == 1


def test_a_transcript_may_say_its_words_itself(home: Home, cage: Cage, tmp_path: Path) -> None:
    about = {"chat.txt": upload("u1", transcript=True, chats=[{"client": "messages", "text": CHAT}])}
    take_in(home, cage, [put(tmp_path / "in", {"chat.txt": CHAT.encode()})], about)
    case = case_of(home, "chat.txt")
    report_it(home, case, conduct="enticement")
    (drafted,) = filing.draft(home, case)
    assert drafted.draft.files == ()


def test_a_transcript_without_a_conversation_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the conversation"):
        upload("u1", transcript=True)
