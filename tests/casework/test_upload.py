"""An about file says what the service knows, or is refused with the place that is wrong."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firstlight.casework import plain
from firstlight.casework.upload import (
    LARGEST_TEXT_FILE,
    LARGEST_UPLOAD,
    LONGEST_TEXT,
    Party,
    Payment,
    Upload,
    accounts,
    merged,
    read_about,
)
from firstlight.cybertip import AiBasis
from firstlight.errors import FirstlightError, InputError, NotFoundError


def test_facts_of_uploads_are_read(tmp_path: Path) -> None:
    path = tmp_path / "about.json"
    path.write_text('{"a.jpg": {"account": "u1", "ip": "2001:db8::1", "port": 1, "context": {"facts": ["live"]}}}')
    found = read_about(path)["a.jpg"]
    assert (found.account, str(found.ip), found.port) == ("u1", "2001:db8::1", 1)
    assert [fact.value for fact in found.context.facts] == ["live"]
    assert Upload.from_json(found.to_json()) == found


FULL: dict[str, object] = {
    "account": "u1",
    "url": "https://photos.example/p/1",
    "holder": {
        "screen_name": "harbour",
        "display_names": ["H."],
        "profile_urls": ["https://photos.example/u1"],
        "emails": [{"value": "u1@mail.example", "verified": True, "verified_at": "2026-01-01T00:00:00Z"}],
        "phones": [{"value": "+15550100"}],
        "devices": [{"kind": "IMEI", "number": "007"}],
    },
    "recipients": [{"account": "u2", "age": 14}],
    "victims": [{"first_name": "V."}],
    "chats": [{"client": "messages", "text": "hello"}],
    "generation": {"model": "m-1", "prompt": "a harbour", "seed": "0042", "input_sha256": "a" * 64},
    "origin": [{"basis": "generated-here", "says": "Made by our generator in job 17.", "source": "jobs"}],
}


def _read(tmp_path: Path, upload: dict[str, object]) -> Upload:
    (tmp_path / "about.json").write_text(json.dumps({"a.jpg": upload}))
    return read_about(tmp_path / "about.json")["a.jpg"]


def test_people_conversations_and_the_making_of_a_file_are_read(tmp_path: Path) -> None:
    found = _read(tmp_path, FULL)
    assert found.holder.devices[0].number == "007"
    assert found.recipients[0].age == 14
    assert found.generation is not None
    assert found.generation.seed == "0042"
    assert found.origin[0].basis is AiBasis.GENERATED_HERE
    assert Upload.from_json(found.to_json()) == found


def test_the_text_of_a_chat_file_is_carried_with_its_digest(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_bytes("héllo".encode())
    (chat,) = _read(tmp_path, {"chats": [{"client": "messages", "file": "chat.txt"}]}).chats
    assert (chat.text, chat.sha256) == ("héllo", hashlib.sha256("héllo".encode()).hexdigest())
    assert "chat.txt" in chat.as_channel().note


@pytest.mark.parametrize("name", ["../a", "/etc/hostname", "none", "binary", "large", "folder"])
def test_a_chat_file_that_cannot_be_taken_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b"x" * (LARGEST_TEXT_FILE + 1))
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError):
        _read(tmp_path, {"chats": [{"file": name}]})


def test_a_chat_file_of_the_greatest_length_passes(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_bytes(b"x" * LARGEST_TEXT_FILE)
    assert len(_read(tmp_path, {"chats": [{"file": "chat.txt"}]}).chats[0].text) == LARGEST_TEXT_FILE


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"holder": {"account": "u1"}}, "not in `holder`"),
        ({"account": ""}, "two people would become one"),
        ({"origin": [{"basis": "generated-here", "says": " "}]}, "needs its words"),
        ({"origin": [{"basis": "made-up", "says": "w"}]}, "basis"),
        ({"origin": [{"basis": "sender-flag-only", "says": "An exact copy of a known file."}]}, "exact copy"),
        ({"origin": [{"basis": "sender-flag-only", "says": "Our staff viewed the file."}]}, "viewing"),
        ({"chats": [{"text": "x" * LARGEST_UPLOAD}]}, "bytes"),
        ({"holder": {"emails": [{"value": "no address"}]}}, "a.jpg"),
        ({"url": "no address"}, "a.jpg"),
        ({"recipients": [{"age": 151}]}, "age"),
    ],
)
def test_what_no_report_could_carry_is_refused_before_it_is_taken_in(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        _read(tmp_path, FULL | change)
    assert says in caught.value.diagnostics().message


def test_what_was_said_of_one_account_becomes_one(tmp_path: Path) -> None:
    first = Party(screen_name="a", display_names=("A",), note="One.")
    second = Party(screen_name="b", display_names=("A", "B"), bio="x", note="One.")
    found = merged("u1", (first, second))
    assert (found.identifier, found.screen_name, found.display_names, found.bio) == ("u1", "a", ("A", "B"), "x")
    assert found.note == "One.\nAlso given as screen name: b"


def test_means_of_payment_stand_in_the_note_of_a_report() -> None:
    paid = Payment(kind="wallet", number="0xA1"), Payment(kind="token", number="7")
    found = merged("u1", (Party(payments=paid[:1], note="One."), Party(payments=paid)))
    assert found.note == "One.\nMeans of payment, wallet: 0xA1\nMeans of payment, token: 7"
    assert Party(payments=paid[:1]).as_account("u1").note == "Means of payment, wallet: 0xA1"


def test_users_without_an_account_stay_apart() -> None:
    parties = (Party(first_name="A"), Party(first_name="B"), Party(first_name="A"), Party(account="u2"))
    assert [one.identifier or one.first_name for one in accounts((*parties, Party(account="u2", age=12)))] == [
        "u2",
        "A",
        "B",
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        ("[]", "object"),
        ('{"a": {"acount": "u1"}}', "a > acount"),
        ('{"a": {"port": 0}}', "a > port"),
        ('{"a": {"port": 65536}}', "a > port"),
        ('{"a": {"uploaded_at": "2026-01-01T00:00:00"}}', "a > uploaded_at"),
        ('{"a": {"ip": "256.1.1.1"}}', "a > ip"),
        (json.dumps({"a": {"account": "x" * (LONGEST_TEXT + 1)}}), "a > account"),
        ('{"a": {"name": "\\ud800"}}', ""),
    ],
)
def test_what_is_no_upload_fact_is_refused_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "about.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"about\.json") as caught:
        read_about(path)
    assert place in caught.value.diagnostics().message


def test_the_longest_text_passes(tmp_path: Path) -> None:
    path = tmp_path / "about.json"
    path.write_text(json.dumps({"a": {"account": "x" * LONGEST_TEXT}}))
    assert len(read_about(path)["a"].account) == LONGEST_TEXT


def test_a_fact_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "about.json"
    path.write_text('{"a": {"context": {"facts": ["harmless"]}}}')
    with pytest.raises(FirstlightError):
        read_about(path)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "not there"):
        with pytest.raises((InputError, NotFoundError)):
            read_about(tmp_path / name)
    with pytest.raises(InputError):
        read_about(Path("/dev/zero"))


def test_the_example_of_the_document_is_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "about-file.md"
    (tmp_path / "about.json").write_text(page.read_text().partition("```json\n")[2].partition("```")[0])
    (tmp_path / "chat.txt").write_text("hello")
    (upload,) = read_about(tmp_path / "about.json").values()
    assert upload.chats[0].text == "hello"
    assert upload.model_fields_set >= {"holder", "recipients", "chats", "generation", "origin"}


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x85", "\u2028", "\r", "\t"])
@pytest.mark.parametrize(
    "facts",
    [
        {"account": "u{}1"},
        {"account": "u1", "url": "https://a.example/{}"},
        {"account": "u1", "holder": {"screen_name": "{}[2J"}},
        {"account": "u1", "holder": {"emails": [{"value": "a{}@b.example"}]}},
        {"account": "u1", "holder": {"devices": [{"kind": "IMEI", "number": "{}"}]}},
        {"recipients": [{"account": "u{}2"}]},
        {"victims": [{"display_names": ["x", "{}"]}]},
        {"chats": [{"client": "{}", "text": "hello"}]},
        {"generation": {"model": "m{}"}},
    ],
)
def test_an_identifier_holds_no_control_character(facts: dict[str, Any], character: str, tmp_path: Path) -> None:
    text = json.dumps({"a.jpg": facts}).replace("{}", json.dumps(character)[1:-1])
    (tmp_path / "about.json").write_text(text)
    with pytest.raises(InputError, match=f"holds the control character U\\+{ord(character):04X}"):
        read_about(tmp_path / "about.json")
    with pytest.raises(ValidationError):  # the API's way in
        Upload.model_validate(json.loads(text)["a.jpg"])


def test_what_people_wrote_is_kept_with_control_characters_written_out() -> None:
    facts = Upload.model_validate(
        {
            "account": "u1",
            "name": "a\x1b[2J\n.jpg",
            "holder": {"note": "one\ntwo\x00"},
            "chats": [{"text": "a\tb\r\n\x1b]0;x\x07"}],
            "generation": {"prompt": "a quay\x00"},
        }
    )
    assert facts.name == "a\\x1b[2J\\n.jpg"
    assert facts.holder.note == "one\ntwo\\x00"
    assert facts.chats[0].text == "a\tb\r\n\\x1b]0;x\\x07"
    assert facts.generation
    assert facts.generation.prompt == "a quay\\x00"
    assert Upload.from_json(facts.to_json()) == facts


@given(st.text(max_size=30))
def test_any_text_is_shown_and_stays_so(text: str) -> None:
    shown = plain.shown(text)
    assert plain.first_control(shown, field="note") is None
    assert plain.shown(shown) == shown


def test_what_lies_in_the_tables_already_is_read_as_it_stands() -> None:
    assert Upload.from_json(Upload(account="u1").to_json().replace(b"u1", b"u\\u001b1")).account == "u\x1b1"
    with pytest.raises(InputError, match="This is no upload"):
        Upload.from_json(b'{"account": 7}')
