"""Hashes of moving pictures: key frames with their times, compared as sets."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError, UnreadableError
from firstlight.hashing import FrameHash, FramesHash, FramesMatch, compare_frames, hash_frames, hash_picture
from firstlight.media import Cage, Limits
from firstlight.values import Pdq, PdqMode
from hashing.drawing import distance, saved, scene, video


def _film(*hashes: int, quality: int = 100) -> FramesHash:
    frames = tuple(
        FrameHash(index=i, seconds=i, pdq=Pdq(hex=f"{bits:064x}", quality=quality, mode=PdqMode.EXACT))
        for i, bits in enumerate(hashes)
    )
    return FramesHash(media_type="video/mp4", width=9, height=9, frames=frames, looked_at=len(frames), complete=True)


# --- animations ---


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_keeps_the_frames_that_differ(cage: Cage, form: str) -> None:
    cuts = [scene(120, 90, seed) for seed in (1, 1, 2, 2, 2, 3)]
    data = saved(cuts[0], form, save_all=True, append_images=cuts[1:], duration=250, lossless=True)
    made = hash_frames(cage, data)
    assert made.frames[0].pdq == hash_picture(cage, data, "exact").pdq
    assert len(made.frames) == 3
    assert [frame.seconds for frame in made.frames] == [0.0, 0.5, 1.25]
    assert made.complete


def test_a_still_picture_has_one_frame(cage: Cage) -> None:
    data = saved(scene(120, 90), "PNG")
    made = hash_frames(cage, data)
    assert [frame.pdq for frame in made.frames] == [hash_picture(cage, data).pdq]
    assert made.looked_at == 1


def test_a_damaged_animation_keeps_what_came_before(cage: Cage) -> None:
    cuts = [scene(120, 90, seed) for seed in range(6)]
    data = saved(cuts[0], "GIF", save_all=True, append_images=cuts[1:])
    made = hash_frames(cage, data[: len(data) * 2 // 3])
    assert 2 <= len(made.frames) < 6
    assert not made.complete
    assert hash_picture(cage, data[: len(data) * 2 // 3]).pdq == made.frames[0].pdq


def test_the_frame_cap_is_said() -> None:
    cuts = [scene(40, 40, seed) for seed in range(6)]
    data = saved(cuts[0], "GIF", save_all=True, append_images=cuts[1:])
    preload = ("firstlight.hashing.frame_tasks",)
    for cap, complete in ((6, True), (5, False)):
        with Cage(workers=1, limits=Limits(frames=cap), preload=preload) as cage:
            made = hash_frames(cage, data)
            assert (made.looked_at, made.complete) == (cap, complete)


@pytest.mark.parametrize("data", [b"", b"leek", b"\x89PNG\r\n\x1a\n"])
def test_what_does_not_move_and_is_no_picture(cage: Cage, data: bytes) -> None:
    with pytest.raises(UnreadableError):
        hash_frames(cage, data)


@pytest.mark.parametrize(
    "answer",
    [{}, {"frames": []}, {"frames": [[0, 0.0, "xyz", 100, "exact"]]}, {"frames": [1]}, {"frames": [[0, -1, "0" * 64]]}],
)
def test_nonsense_from_a_worker_is_no_hash(cage: Cage, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
    whole = {"media_type": "image/gif", "width": 1, "height": 1, "seconds": None, "looked_at": 1, "complete": True}
    monkeypatch.setattr(cage, "run", lambda *args, **params: whole | answer)
    with pytest.raises(UnreadableError, match="nonsense"):
        hash_frames(cage, b"")


# --- videos ---


@pytest.mark.parametrize("form", ["mp4", "mov", "matroska", "avi"])
def test_a_video_is_hashed_by_its_key_frames(cage: Cage, form: str) -> None:
    made = hash_frames(cage, video([1, 2, 3], form=form))
    assert (made.width, made.height, made.looked_at, made.complete) == (320, 240, 3, True)
    assert [round(frame.seconds) for frame in made.frames] == [0, 1, 2]
    assert made.seconds == pytest.approx(3, abs=0.3)
    for frame, seed in zip(made.frames, (1, 2, 3), strict=True):
        still = hash_picture(cage, saved(scene(320, 240, seed), "PNG"))
        assert distance(frame.pdq.to_bytes(), still.pdq.to_bytes()) <= 31


def test_an_excerpt_matches_the_whole(cage: Cage) -> None:
    whole, part = hash_frames(cage, video([1, 2, 3, 5])), hash_frames(cage, video([3, 2], size=(480, 360)))
    other = hash_frames(cage, video([7, 8]))
    match = compare_frames(part, whole)
    assert match.share_of_first == 1.0
    assert match.share_of_second == 0.5
    assert match.is_copy
    assert not compare_frames(other, whole).is_copy


def test_a_broken_video_keeps_what_came_before_or_is_refused(cage: Cage) -> None:
    data = video([1, 2, 3, 4], form="matroska")
    made = hash_frames(cage, data[: len(data) * 2 // 3])
    assert 1 <= len(made.frames) < 4
    with pytest.raises(UnreadableError):
        hash_frames(cage, data[:100])


def test_a_video_with_too_many_pixels_is_refused() -> None:
    data = video([1])
    limits = Limits(pixels=320 * 240 - 1)
    with Cage(workers=1, limits=limits) as cage, pytest.raises(UnreadableError, match="320 x 240"):
        hash_frames(cage, data)


def test_a_video_is_not_taken_for_a_picture(cage: Cage) -> None:
    head = struct.pack(">I", 20) + b"ftypisom" + bytes(8)
    with pytest.raises(UnreadableError) as caught:
        hash_picture(cage, head)
    assert caught.value.diagnostics().code == "unreadable.video"


def test_a_publicvideo(cage: Cage, public_pictures: Path) -> None:
    pytest.importorskip("av", reason="PyAV is the extra `video`")
    made = hash_frames(cage, public_pictures / "c2pa-python" / "video1.mp4")
    assert (made.width, made.height, made.seconds) == (720, 1280, 2.0)


# --- comparing ---


@given(st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=20))
def test_a_film_is_a_copy_of_itself(hashes: list[int]) -> None:
    film = _film(*hashes)
    assert compare_frames(film, film) == FramesMatch(share_of_first=1, share_of_second=1, closest=0)


def test_the_threshold_is_met_at_its_edge() -> None:
    a, b = _film(0), _film(2**31 - 1)
    assert compare_frames(a, b, threshold=31).is_copy
    assert not compare_frames(a, b, threshold=30).is_copy
    assert compare_frames(a, b, threshold=0).closest == 31
    for threshold in (-1, 257):
        with pytest.raises(InputError):
            compare_frames(a, b, threshold=threshold)


def test_frames_that_say_nothing_match_nothing() -> None:
    dull = _film(0, quality=49)
    assert compare_frames(dull, dull) == FramesMatch(share_of_first=0, share_of_second=0, closest=256)
    assert compare_frames(dull, dull, min_quality=49).is_copy
