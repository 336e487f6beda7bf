"""An about file says what the service knows, or is refused with the place that is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from firstlight.casework.upload import LONGEST_TEXT, Upload, read_about
from firstlight.errors import FirstlightError, InputError, NotFoundError


def test_facts_of_uploads_are_read(tmp_path: Path) -> None:
    path = tmp_path / "about.json"
    path.write_text('{"a.jpg": {"account": "u1", "ip": "2001:db8::1", "port": 1, "context": {"facts": ["live"]}}}')
    found = read_about(path)["a.jpg"]
    assert (found.account, str(found.ip), found.port) == ("u1", "2001:db8::1", 1)
    assert [fact.value for fact in found.context.facts] == ["live"]
    assert Upload.from_json(found.to_json()) == found


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
