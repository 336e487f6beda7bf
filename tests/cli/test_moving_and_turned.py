"""The commands `match` and `hash`: turned pictures, and pictures that move."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from casework.making import picture
from cli.conftest import Run
from firstlight.cli.common import time_code
from firstlight.cli.match import TURNED
from firstlight.hashing import ORIENTATIONS
from hashing.drawing import video

SIDE = 768
"""A turned picture lies within the usual threshold of the hash derived for it when it is not small."""


def _saved(image: Image.Image, path: Path) -> Path:
    image.save(path)
    return path


def _animation(path: Path, *seeds: int) -> Path:
    frames = [picture(seed) for seed in seeds]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=1500)
    return path


@pytest.fixture
def listed(run: Run, tmp_path: Path) -> Path:
    """A bank of one drawn picture."""
    listed = _saved(picture(1, SIDE), tmp_path / "listed.png")
    assert run("bank", "create", "known", listed).code == 0
    return listed


def test_every_orientation_has_words() -> None:
    assert tuple(TURNED) == ORIENTATIONS[1:]


@pytest.mark.parametrize(
    ("turn", "words"),
    [(Image.Transpose.ROTATE_270, "by 90 degrees anticlockwise"), (Image.Transpose.FLIP_LEFT_RIGHT, "left to right")],
)
def test_a_turned_picture(run: Run, listed: Path, tmp_path: Path, turn: Image.Transpose, words: str) -> None:
    turned = _saved(Image.open(listed).transpose(turn), tmp_path / "turned.png")
    assert run("match", turned).code == 0
    ran = run("match", "--any-orientation", turned)
    assert (ran.code, words in ran.out) == (1, True)


def test_upright_pictures_match_with_any_orientation_as_without(run: Run, listed: Path) -> None:
    plain, turned = (run("match", "--json", *more, listed).document for more in ((), ("--any-orientation",)))
    assert plain == turned
    assert plain["matches"][0]["exact"]


def test_a_frame_of_an_animation_matches(run: Run, tmp_path: Path) -> None:
    run("bank", "create", "known", _saved(picture(3), tmp_path / "listed.png"))
    film = _animation(tmp_path / "film.gif", 1, 2, 3)
    ran = run("match", film)
    assert ran.code == 1
    assert "in the frame at 0:00:03.000" in ran.out
    assert "looked up by 3 key frames" in ran.out
    told = run("match", "--json", film).document
    assert (told["frames"], told["frames_complete"], told["matches"][0]["seconds"]) == (3, True, 3.0)


def test_a_turned_frame_matches_in_any_orientation(run: Run, listed: Path, tmp_path: Path) -> None:
    frames = [picture(2, SIDE), Image.open(listed).transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    film = tmp_path / "film.png"
    frames[0].save(film, save_all=True, append_images=frames[1:], duration=1500)
    assert run("match", film).code == 0
    ran = run("match", "--any-orientation", film)
    assert (ran.code, "left to right, in the frame at 0:00:01.500" in ran.out) == (1, True)


def test_frames_as_json(run: Run, tmp_path: Path) -> None:
    _animation(tmp_path / "film.gif", 1, 2)
    _saved(picture(1), tmp_path / "still.png")
    ran = run("hash", "--frames", "--json", tmp_path / "film.gif", tmp_path / "still.png")
    film, still = ran.lines
    assert [frame["seconds"] for frame in film["frames"]] == [0.0, 1.5]
    assert film["frames"][0]["pdq"]["hex"] == film["pdq"]
    assert [frame["pdq"]["hex"] for frame in still["frames"]] == [still["pdq"]]
    assert (film["frames_complete"], ran.code) == (True, 0)
    assert "frames" not in run("hash", "--json", tmp_path / "still.png").document
    assert "at 0:00:01.500" in run("hash", "--frames", tmp_path / "film.gif").out


def test_time_codes() -> None:
    assert [time_code(s) for s in (0, 59.9996, 3661.5)] == ["0:00:00.000", "0:01:00.000", "1:01:01.500"]


def test_a_listed_film_is_found_in_other_bytes_and_in_excerpts(run: Run, tmp_path: Path) -> None:
    film = _animation(tmp_path / "film.gif", 1, 2, 3, 4, 5)
    assert "holds 6 entries" in run("bank", "create", "films", "--frames", film).out
    copy, excerpt, other = (
        _animation(tmp_path / f"{name}.webp", *seeds)
        for name, seeds in (("copy", (5, 4, 3, 2, 1)), ("excerpt", (2, 3)), ("other", (1, 7, 8, 9)))
    )
    told = run("match", "--json", copy).document
    assert (told["films"][0]["found"], told["films"][0]["listed"], told["films"][0]["is_copy"]) == (5, 5, True)
    assert not any(match["exact"] for match in told["matches"])
    ran = run("match", excerpt)
    assert ran.code == 1
    assert "a copy or an excerpt of a listed film: it has 2 of 5 key frames" in ran.out
    assert ran.out.count("MATCH") == 1
    ran = run("match", other)
    assert "frames of a listed film: it has 1 of 5 key frames" in ran.out
    assert "1 of its own 4 match" in ran.out
    same = run("match", "--json", film).document
    assert same["matches"][0]["exact"]


def test_a_listed_video_is_found_when_it_was_encoded_anew(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="PyAV is the extra `video`")
    first, again, still = (
        tmp_path / "first.mp4",
        tmp_path / "again.mkv",
        _saved(picture(2, 256), tmp_path / "still.png"),
    )
    first.write_bytes(video([1, 2, 3]))
    again.write_bytes(video([1, 2, 3], form="matroska"))
    run("bank", "create", "films")
    assert "4 added" in run("bank", "add", "films", "--frames", first).out
    assert "1 added" in run("bank", "add", "films", "--frames", still).out  # nothing moves: one entry, as without
    told = run("match", "--json", again).document
    assert (told["films"][0]["found"], told["films"][0]["is_copy"]) == (3, True)
    assert sum(":frame-" in entry["key"] for entry in run("bank", "entries", "films", "--json").lines) == 3
