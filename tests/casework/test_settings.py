"""The settings file is made whole, read strictly, and its faults are told in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from firstlight.casework import settings
from firstlight.casework.settings import FILE, TEMPLATE, Settings
from firstlight.errors import InputError, StorageError


def test_the_template_is_made_once_and_says_nothing_yet(tmp_path: Path) -> None:
    assert settings.load(tmp_path) == Settings()
    assert (tmp_path / FILE).read_text() == TEMPLATE
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_every_line_of_the_template_is_a_setting(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ").partition("#")[0] for line in TEMPLATE.splitlines()[2:]]
    (tmp_path / FILE).write_text("\n".join(lines))
    assert settings.load(tmp_path).organisation.contact_email == "safety@example.org"


@pytest.mark.parametrize(
    "data",
    [
        b"[organisation",
        b"\xff\xfe\x00",
        b"[organisation]\nname = 3\n",
        b"[organisation]\nnom = 'x'\n",
        b"colour = 'red'\n",
        b"x = " + b"[" * 5000,
    ],
)
def test_what_is_no_setting_is_refused_and_the_file_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(InputError, match=FILE):
        settings.load(tmp_path)
    assert (tmp_path / FILE).read_bytes() == data


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(StorageError, match=FILE):
        settings.load(tmp_path)


def test_what_an_interrupted_start_left_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / f".{FILE}.new").write_bytes(b"[organ")
    assert settings.load(tmp_path) == Settings()


def test_a_section_that_stands_there_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / FILE
    settings.load(tmp_path)
    path.write_text(path.read_text() + "\n[service]\nport = 9100\n")
    with pytest.raises(InputError, match=r"has the section \[service\] twice, the second time in line \d+"):
        settings.load(tmp_path)
