"""The command `hash`: one answer a file, whatever lies in it and however it is called."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from casework.making import jpeg, picture, put
from casework.test_examine import bomb
from cli.conftest import Run

FIELDS = {"file", "md5", "sha1", "sha256", "size", "media_type", "pdq", "pdq_quality", "pdq_mode", "width", "height"}


def _gif() -> bytes:
    out = io.BytesIO()
    frames = [picture(n, 64) for n in range(3)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def test_one_object_a_line_with_the_fields_that_are_documented(run: Run, tmp_path: Path) -> None:
    data = jpeg(1)
    folder = put(tmp_path / "in", {"b.jpg": data, "a.jpg": jpeg(2)})
    ran = run("hash", folder, "--json")
    assert ran.code == 0
    one, two = ran.lines
    assert set(one) == FIELDS
    assert [Path(line["file"]).name for line in ran.lines] == ["a.jpg", "b.jpg"]
    assert (two["md5"], two["sha1"], two["sha256"]) == tuple(
        hashlib.new(name, data).hexdigest() for name in ("md5", "sha1", "sha256")
    )
    assert len(two["pdq"]) == 64
    assert two["pdq"] == two["pdq"].lower()
    assert two["pdq_mode"] in ("exact", "scaled")
    assert run("hash", folder / "a.jpg", "--mode", "exact", "--json").lines[0]["pdq_mode"] == "exact"
    assert len(run("hash", folder, "--json", "--unordered").lines) == 2


def test_words_say_the_same(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.jpg": jpeg(1)})
    known = run("hash", tmp_path / "a.jpg", "--json").lines[0]
    words = run("hash", tmp_path / "a.jpg").out
    assert all(known[name] in words for name in ("md5", "sha1", "sha256", "pdq"))


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty", b"", "unreadable"),
        ("words.jpg", b"these are words", "unreadable"),
        ("cut.jpg", jpeg(1)[:1500], "unreadable.truncated"),
        ("bomb.png", bomb(), "limit.pixels"),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "unreadable"),
    ],
)
def test_what_is_no_readable_picture_has_its_digests_and_a_clear_word(
    run: Run, tmp_path: Path, name: str, data: bytes, code: str
) -> None:
    put(tmp_path, {name: data})
    ran = run("hash", tmp_path / name, "--json")
    (line,) = ran.lines
    assert ran.code == 2
    assert line["sha256"] == hashlib.sha256(data).hexdigest()
    assert line["error"]["code"].startswith(code)
    assert line["error"]["message"]
    assert "pdq" not in line
    assert line["error"]["message"] in run("hash", tmp_path / name).out


def test_an_animated_picture_is_hashed_by_its_first_frame(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"moving.gif": _gif()})
    (line,) = run("hash", tmp_path / "moving.gif", "--json").lines
    assert (line["media_type"], len(line["pdq"])) == ("image/gif", 64)
    with Image.open(tmp_path / "moving.gif") as moving:
        assert getattr(moving, "n_frames", 1) == 3


def test_one_bad_file_stops_no_other(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.jpg": jpeg(1)})
    ran = run("hash", tmp_path / "not there", tmp_path / "a.jpg", "--json")
    assert ran.code == 2
    assert ["error" in line for line in ran.lines] == [True, False]


@pytest.mark.parametrize(
    "name", [b"two\nlines.jpg", b"esc\x1b[2Jape.jpg", b"no utf-8 \xff.jpg", b"[red]m.jpg", b"-n.jpg"]
)
def test_a_name_cannot_fake_a_line_or_move_the_cursor(run: Run, tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(jpeg(1))
    words = run("hash", folder)
    assert words.code == 0
    assert len(words.out.splitlines()) == 5
    assert "\x1b" not in words.out
    (line,) = run("hash", folder, "--json").lines
    assert line["pdq"]
    missing = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    for more in ([], ["--json"]):
        gone = run("hash", missing, *more)
        assert gone.code == 2
        assert "\x1b" not in gone.out + gone.err
