"""What a gate keeps in a home: rules in force, what it stopped, what it holds, and cases of repeated attempts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from casework.making import jpeg
from firstlight.banks import NewEntry
from firstlight.casework import cases, gatekeeping
from firstlight.casework.gatekeeping import GateBook, GateFolder
from firstlight.casework.home import Home, Work
from firstlight.casework.upload import Upload
from firstlight.clock import FixedClock
from firstlight.custody import EventType, Stored
from firstlight.cybertip.record import AiBasis
from firstlight.errors import IntegrityError, NotFoundError, RefusedError, StateError
from firstlight.gate.checks import BanksCheck, Prompt, RulesCheck
from firstlight.gate.guard import Asker, Guard
from firstlight.gate.rules import Outcome
from firstlight.gate.trial import try_rules
from firstlight.hashing import digest_file
from firstlight.media import Cage
from firstlight.origin import Verdict
from firstlight.store.tables import Item
from firstlight.triage import Priority
from firstlight.values import BankPurpose
from gate.vegetables import source

BENIGN = [f"a lake, number {number}" for number in range(400)]
ASKER = Asker(account="user-17", ip="192.0.2.7", port=4711, model="garden-1")
BAD = "a carrot in the cellar"


@pytest.fixture
def folder(home: Home) -> GateFolder:
    return GateFolder(home)


@pytest.fixture
def book(folder: GateFolder, cage: Cage) -> Iterator[GateBook]:
    book = GateBook(folder, cage)
    yield book
    book.close()


def armed(folder: GateFolder) -> RulesCheck:
    folder.build(source(), "ada")
    folder.keep_trial(try_rules(folder.built(), BENIGN, [], at=folder.home.clock.now()))
    folder.arm("ada")
    rules = folder.armed()
    assert rules is not None
    return RulesCheck(rules)


def test_rules_are_armed_on_the_word_of_their_own_trial_alone(folder: GateFolder) -> None:
    with pytest.raises(NotFoundError):
        folder.built()
    folder.build(source(), "ada")
    with pytest.raises(StateError, match="not tried"):
        folder.arm("ada")
    folder.keep_trial(try_rules(folder.built(), BENIGN[:5], [], at=folder.home.clock.now()))
    with pytest.raises(RefusedError):
        folder.arm("ada")
    assert folder.armed() is None
    first = armed(folder).rules.rules.sha256
    folder.build(source(), "ada")
    assert folder.trial() is None, "new rules need a new trial"
    kept = folder.armed()
    assert kept is not None
    assert kept.rules.sha256 == first, "those in force stay in force"
    folder.disarm("ada", "a test")
    assert folder.armed() is None
    with pytest.raises(StateError):
        folder.disarm("ada", "again")


def test_changes_of_the_rules_stand_in_the_log(folder: GateFolder) -> None:
    armed(folder)
    with folder.home.look() as work:
        events = [e.event for e in work.log.entries(types=[EventType.CONFIG_CHANGE]) if e.event]
    assert [event.payload["what"] for event in events] == ["gate rules built", "gate rules armed"]
    assert events[1].actor == "ada"


def test_no_word_of_the_rules_lies_on_the_disk(folder: GateFolder) -> None:
    armed(folder)
    for path in folder.home.folder.rglob("*"):
        if path.is_file():
            assert b"carrot" not in path.read_bytes(), path
    assert GateFolder(folder.home).key == folder.key


def test_sealed_words_open_at_their_own_place_alone(folder: GateFolder) -> None:
    sealed = folder.seal_words({"prompt": "leek"}, "gd-1")
    assert folder.open_words(sealed, "gd-1") == {"prompt": "leek"}
    with pytest.raises(IntegrityError):
        folder.open_words(sealed, "gd-2")


def test_what_is_allowed_or_stopped_by_a_fault_is_not_logged(folder: GateFolder, book: GateBook, cage: Cage) -> None:
    with Guard(cage, prompts=[armed(folder)], keep=book.keep) as guard:
        guard.check_prompt("a lake", asker=ASKER)
        guard.check_prompt("x" * 40_000, asker=ASKER)
        guard.check_output(b"no picture", asker=ASKER)
    with folder.home.look() as work:
        assert not list(work.log.entries(types=[EventType.GATE]))


def test_a_stopped_prompt_is_an_event_whose_words_are_sealed(folder: GateFolder, book: GateBook, cage: Cage) -> None:
    with Guard(cage, prompts=[armed(folder)], keep=book.keep) as guard:
        decision = guard.check_prompt(BAD, asker=ASKER)
    with folder.home.look() as work:
        (entry,) = work.log.entries(types=[EventType.GATE])
    assert entry.event is not None
    text = entry.event.to_json()
    for word in (b"carrot", b"user-17", b"192.0.2.7"):
        assert word not in text
    assert entry.event.subject == folder.account_digest("user-17")
    words = folder.open_words(str(entry.event.payload["sealed"]), decision.id)
    assert (words["prompt"], words["account"], words["ip"]) == (BAD, "user-17", "192.0.2.7")


def items(home: Home) -> list[Item]:
    with home.look() as work:
        found = list(work.session.query(Item).order_by(Item.id))
        work.session.expunge_all()
        return found


def test_repeated_attempts_become_one_case_of_text(folder: GateFolder, book: GateBook, cage: Cage) -> None:
    home = folder.home
    with Guard(cage, prompts=[armed(folder)], keep=book.keep, clock=home.clock) as guard:
        for _ in range(2):
            guard.check_prompt(BAD, asker=ASKER)
        guard.check_prompt(BAD, asker=Asker(account="somebody else"))
        assert items(home) == []
        third = guard.check_prompt("carot cellar", asker=ASKER)
    book.close()
    (item,) = items(home)
    upload = Upload.from_json(item.upload)
    assert (upload.account, str(upload.ip), upload.port) == ("user-17", "192.0.2.7", 4711)
    assert [claim.basis for claim in upload.origin] == [AiBasis.PROMPTED_FOR]
    with home.vault.open(Stored.from_json(item.stored)) as file:
        text = file.read().decode()
    assert text.count(BAD) == 2
    assert third.id in text
    assert item.case_id is not None, "it stands in the queue"
    for document in (Verdict.from_json(item.verdict or ""), Priority.from_json(item.priority or "")):
        told = "\n".join(document.reasons.lines())
        assert "It holds words and no picture" in told
        assert "what an account asked an image generator for" in told
        assert "could not be opened" not in told
    with home.look() as work:
        assert cases.one(work, item.case_id).state == "open"


def test_attempts_at_the_same_moment_are_counted_one_by_one(
    home: Home, folder: GateFolder, book: GateBook, cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, together, both = home.work, threading.Barrier(2), iter([True, True])

    @contextmanager
    def working() -> Iterator[Work]:
        with work() as at_work:
            yield at_work
        if next(both, False):
            together.wait(60)  # both are written before either one goes on

    with Guard(cage, prompts=[armed(folder)], keep=book.keep, clock=home.clock) as guard:
        guard.check_prompt(BAD, asker=ASKER)
        guard.check_prompt(BAD, asker=ASKER)
        monkeypatch.setattr(home, "work", working)
        with ThreadPoolExecutor(2) as pool:  # the third and the fourth
            list(pool.map(lambda _: guard.check_prompt(BAD, asker=ASKER), range(2)))
    book.close()
    assert len(items(home)) == 1


def test_two_that_begin_at_once_have_one_secret(folder: GateFolder) -> None:
    def slow() -> bytes:
        assert GateFolder(folder.home).kept("secret", lambda: b"first") == b"first"
        return b"second"

    assert folder.kept("secret", slow) == b"first"


def test_attempts_long_past_do_not_count(home: Home, folder: GateFolder, book: GateBook, cage: Cage) -> None:
    clock = home.clock
    assert isinstance(clock, FixedClock)
    with Guard(cage, prompts=[armed(folder)], keep=book.keep, clock=clock) as guard:
        guard.check_prompt(BAD, asker=ASKER)
        guard.check_prompt(BAD, asker=ASKER)
        clock.advance(gatekeeping.WINDOW + timedelta(minutes=1))
        guard.check_prompt(BAD, asker=ASKER)
    assert items(home) == []


def test_held_pictures_lie_in_the_vault_and_nowhere_in_clear(
    home: Home, folder: GateFolder, book: GateBook, cage: Cage, tmp_path: Path
) -> None:
    listed = tmp_path / "listed.jpg"
    listed.write_bytes(jpeg(1))
    home.library.create_bank("known", BankPurpose.KNOWN)
    home.library.add("known", [NewEntry(key="k", sha256=digest_file(listed).sha256)])
    with Guard(cage, pictures=[BanksCheck(home.library)], keep=book.keep, clock=home.clock) as guard:
        came_in = guard.check_inputs([jpeg(2), jpeg(1)], prompt=Prompt("a lake"), asker=ASKER).decision
        came_out = guard.check_output(jpeg(1), prompt=Prompt("a lake"), asker=ASKER).decision
    book.close()
    assert (came_in.outcome, came_out.outcome) == (Outcome.BLOCK, Outcome.BLOCK)
    held = items(home)
    uploads = [Upload.from_json(item.upload) for item in held]
    assert [upload.origin[0].basis for upload in uploads] == [AiBasis.UPLOADED_AS_INPUT, AiBasis.GENERATED_HERE]
    assert uploads[0].chats[0].text == "a lake"
    assert uploads[0].generation is None, "a picture that was uploaded was not made here"
    assert uploads[1].generation is not None
    assert (uploads[1].generation.model, uploads[1].generation.prompt) == ("garden-1", "a lake")
    assert all(item.case_id for item in held)
    for path in home.folder.rglob("*"):
        if path.is_file():
            assert jpeg(1)[100:200] not in path.read_bytes(), path
