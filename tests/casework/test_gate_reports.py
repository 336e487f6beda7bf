"""What a gate holds goes through a decision to a filed report, with the words and facts that are true of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from casework.making import AT_ONCE, jpeg, look_at, report_it
from firstlight.banks import NewEntry
from firstlight.casework import cases, filing
from firstlight.casework.gatehouse import Gatehouse, GateSettings, opened_gate
from firstlight.casework.gatekeeping import GENERATOR, GateFolder
from firstlight.casework.home import Home
from firstlight.casework.upload import Upload
from firstlight.cybertip import Client, FilingState, Simulator, file_details_from_xml, from_xml
from firstlight.cybertip.model.annotations import FileAnnotation
from firstlight.cybertip.model.files import FileDescription
from firstlight.cybertip.model.report import Report
from firstlight.cybertip.record import AiBasis
from firstlight.gate.checks import Prompt
from firstlight.gate.guard import Asker
from firstlight.gate.marking import Model
from firstlight.gate.pipeline import RefusedRequestError
from firstlight.gate.trial import try_rules
from firstlight.media import Cage
from firstlight.store.tables import Item
from firstlight.values import BankPurpose
from gate.vegetables import source

MODEL = Model("garden", "1", "ab" * 32)
ASKER = Asker(account="user-17", ip="93.184.216.34", port=4711)
LISTED, ALSO_LISTED = jpeg(1), jpeg(4)


@contextmanager
def armed_gate(home: Home, cage: Cage) -> Iterator[Gatehouse]:
    folder = GateFolder(home)
    folder.build(source(), "ada")
    folder.keep_trial(try_rules(folder.built(), [f"a lake, number {n}" for n in range(400)], [], at=home.clock.now()))
    folder.arm("ada")
    home.library.create_bank("known", BankPurpose.KNOWN)
    home.library.add("known", [NewEntry(key=sha256(one), sha256=sha256(one)) for one in (LISTED, ALSO_LISTED)])
    with opened_gate(home, cage, GateSettings(ledger=False)) as house:
        yield house


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def held(home: Home) -> list[Item]:
    with home.look() as work:
        found = list(work.session.query(Item).order_by(Item.id))
        work.session.expunge_all()
        return found


def filed(home: Home, client: Client, simulator: Simulator) -> list[tuple[Report, list[FileDescription]]]:
    """Decide on all that is held as a reviewer would, file it, and read what the service received."""
    for place in cases.queue(home).places:
        while cases.show(home, place.case).state == "open":
            look_at(home, cases.next_unit(home, place.case).shown)
            report_it(home, place.case)
        (drafted,) = filing.draft(home, place.case)
        assert drafted.findings.may_be_filed, drafted.findings
        (one,) = filing.file_case(home, place.case, client, retries=AT_ONCE)
        assert one.state is FilingState.FINISHED
    return [
        (
            from_xml(received.xml.encode()),
            [file_details_from_xml((file.details or "").encode()) for file in received.files.values()],
        )
        for received in simulator.reports()
    ]


def generator_facts(file: FileDescription) -> dict[str, str]:
    pairs = [pair for details in file.details for pair in details.name_value_pair]
    return {pair.name: pair.value for pair in pairs if pair.name.startswith("Generator ")}


def test_an_output_is_reported_as_made_here(home: Home, cage: Cage, client: Client, simulator: Simulator) -> None:
    words = "our staff viewed the picture, an exact copy"  # its user's words, and no claim of the report
    with armed_gate(home, cage) as house:
        admission = house.gate.let_in(
            Prompt(words, "fog", seed="42"), model=MODEL, asker=ASKER, inputs=[jpeg(3), jpeg(5)]
        )
        with pytest.raises(RefusedRequestError) as stopped:
            house.gate.let_out(LISTED, admission)
    ((report, (file,)),) = filed(home, client, simulator)
    assert file.is_annotated(FileAnnotation.GENERATIVE_AI)
    found = generator_facts(file)
    assert found.pop("Generator time")
    assert found == {
        "Generator model": f"garden 1 {'ab' * 32}",
        "Generator prompt": words,
        "Generator negative prompt": "fog",
        "Generator seed": "42",
        "Generator input SHA256": sha256(jpeg(3)),
        "Generator job": stopped.value.decision.id,
    }
    (says,) = [text for text in file.additional_info if "made this file" in text]
    assert sha256(jpeg(3)) in says
    assert sha256(jpeg(5)) in says
    (user,) = report.person_or_user_reported
    assert user.esp_identifier == "user-17"
    assert [event.ip_address for event in user.ip_capture_event] == ["93.184.216.34"]


def test_uploads_are_reported_as_input_and_never_as_machine_made(
    home: Home, cage: Cage, client: Client, simulator: Simulator
) -> None:
    with armed_gate(home, cage) as house, pytest.raises(RefusedRequestError):
        inputs = [jpeg(2), LISTED, ALSO_LISTED, LISTED, b"no picture"]
        house.gate.let_in(Prompt("a lake"), model=MODEL, asker=ASKER, inputs=inputs)
    assert [item.sha256 for item in held(home)] == [sha256(LISTED), sha256(ALSO_LISTED)], "what a check spoke of, once"
    reports = filed(home, client, simulator)
    assert len(reports) == 2
    for report, (file,) in reports:
        assert not file.is_annotated(FileAnnotation.GENERATIVE_AI)
        assert generator_facts(file) == {}
        assert any("uploaded this file as input" in text for text in file.additional_info)
        assert not any("made this file" in text for text in file.additional_info)
        (chat,) = [one.chat_im_incident for one in report.internet_details if one.chat_im_incident]
        assert (chat.chat_client, chat.content) == (GENERATOR, "a lake")


def test_an_input_that_is_answered_unchanged_was_not_made_here(home: Home, cage: Cage) -> None:
    with armed_gate(home, cage) as house:
        admission = house.gate.let_in(Prompt("a lake"), model=MODEL, asker=ASKER, inputs=[jpeg(7)])
        home.library.add("known", [NewEntry(key="late", sha256=sha256(jpeg(7)))])
        with pytest.raises(RefusedRequestError):
            house.gate.let_out(jpeg(7), admission)
    (item,) = held(home)
    upload = Upload.from_json(item.upload)
    assert [claim.basis for claim in upload.origin] == [AiBasis.UPLOADED_AS_INPUT]
    assert upload.generation is None


def test_attempts_in_words_are_reported_as_words(home: Home, cage: Cage, client: Client, simulator: Simulator) -> None:
    asked = "a carrot in the cellar, AI generated"
    with armed_gate(home, cage) as house:
        for _ in range(3):
            with pytest.raises(RefusedRequestError):
                house.gate.let_in(Prompt(asked), model=MODEL, asker=ASKER)
    (item,) = held(home)
    assert [claim.basis for claim in Upload.from_json(item.upload).origin] == [AiBasis.PROMPTED_FOR]
    ((report, files),) = filed(home, client, simulator)
    assert files == [], "the report carries the words"
    (chat,) = [one.chat_im_incident for one in report.internet_details if one.chat_im_incident]
    assert chat.content is not None
    assert chat.content.count(asked) == 3
    assert "nothing was made" in chat.content


def test_uploads_alone_are_no_attempts_in_words(home: Home, cage: Cage) -> None:
    with armed_gate(home, cage) as house:
        for _ in range(3):
            with pytest.raises(RefusedRequestError):
                house.gate.let_in(Prompt("a lake"), model=MODEL, asker=ASKER, inputs=[LISTED])
    bases = {claim.basis for item in held(home) for claim in Upload.from_json(item.upload).origin}
    assert bases == {AiBasis.UPLOADED_AS_INPUT}


def test_more_words_than_a_report_carries_are_sent_as_a_file(
    home: Home, cage: Cage, client: Client, simulator: Simulator
) -> None:
    asked = "a carrot in the cellar " + "и так далее " * 3000
    with armed_gate(home, cage) as house:
        for _ in range(3):
            with pytest.raises(RefusedRequestError):
                house.gate.let_in(Prompt(asked[:32_000]), model=MODEL, asker=ASKER)
    ((_, (file,)),) = filed(home, client, simulator)
    assert not file.is_annotated(FileAnnotation.GENERATIVE_AI)
    assert any("nothing was made" in text for text in file.additional_info)
