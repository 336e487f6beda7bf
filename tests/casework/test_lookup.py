"""Looking up what moves: by every frame, said of that frame alone, and never lowering anything."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from casework.making import case_of, picture, png, put, take_in
from firstlight.casework import banking, cases, lookup
from firstlight.casework.examine import examined_file
from firstlight.casework.home import Home
from firstlight.errors import LimitError, MissingExtraError
from firstlight.hashing import FrameHash
from firstlight.media import Cage
from firstlight.origin import Claim, Verdict, from_matches
from firstlight.store.tables import Item
from firstlight.values import BankPurpose, Digests, Pdq, PdqMode

NOBODY = Digests(md5="1" * 32, sha1="1" * 40, sha256="1" * 64, size=1)


def _animation(*seeds: int) -> bytes:
    frames = [picture(seed) for seed in seeds]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=1000)
    return out.getvalue()


def _video(*seeds: int) -> bytes:
    """A video with a cut every second; each cut begins a group of pictures."""
    av = pytest.importorskip("av", reason="PyAV is the extra `video`")
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 256, 192, "yuv420p"
        stream.codec_context.gop_size = 10
        stream.bit_rate = 4_000_000
        for number in range(10 * len(seeds)):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture(seeds[number // 10])), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def _list(home: Home, cage: Cage, folder: Path, seed: int, purpose: BankPurpose, name: str = "garden") -> None:
    banking.create_bank(home, name, purpose)
    banking.add_pictures(home, cage, name, [put(folder / name, {"a.png": png(seed)}) / "a.png"])


def _verdict(home: Home, name: str) -> Verdict:
    case = case_of(home, name)
    with home.look() as work:
        item = next(item for item in cases.members(work, cases.one(work, case)) if name in item.upload)
        return Verdict.from_json(work.session.get_one(Item, item.id).verdict or "")


def test_an_animation_is_matched_by_a_later_frame(home: Home, cage: Cage, tmp_path: Path) -> None:
    _list(home, cage, tmp_path, 3, BankPurpose.KNOWN)
    take_in(home, cage, [put(tmp_path / "in", {"film.gif": _animation(1, 2, 3)})])
    verdict = _verdict(home, "film.gif")
    assert [(match.bank, match.seconds) for match in verdict.matches] == [("garden", 2.0)]
    assert (verdict.pdq, verdict.unreadable) == (None, None)
    assert "its frame at 2.0 s" in "\n".join(verdict.reasons.lines())
    assert "its frame at 2.0 s" in "\n".join(cases.show(home, case_of(home, "film.gif")).items[0].priority.lines())


def test_a_film_is_in_no_bundle_of_its_first_frame(home: Home, cage: Cage, tmp_path: Path) -> None:
    files = {"still.png": png(1), "film.gif": _animation(1, 2)}
    take_in(home, cage, [put(tmp_path / "in", files)])
    assert case_of(home, "still.png") != case_of(home, "film.gif")


def test_one_frame_says_nothing_of_origin(home: Home, cage: Cage, tmp_path: Path) -> None:
    _list(home, cage, tmp_path, 1, BankPurpose.KNOWN_AI)
    take_in(home, cage, [put(tmp_path / "in", {"film.gif": _animation(1, 2)})])
    verdict = _verdict(home, "film.gif")
    assert len(verdict.matches) == 1
    assert from_matches(verdict.matches) == ()
    assert Claim.KNOWN_SYNTHETIC not in {one.claim for one in verdict.indicators}


def test_a_film_that_breaks_off_is_said_to(home: Home, cage: Cage, tmp_path: Path) -> None:
    data = _animation(1, 2, 3, 4)
    take_in(home, cage, [put(tmp_path / "in", {"film.gif": data[: len(data) * 2 // 3]})])
    verdict = _verdict(home, "film.gif")
    assert verdict.unreadable is not None
    assert verdict.unreadable.code == "unreadable.incomplete"
    assert "not seen whole" in verdict.reasons.says


def test_a_video_is_examined(home: Home, cage: Cage, tmp_path: Path) -> None:
    _list(home, cage, tmp_path, 2, BankPurpose.KNOWN)
    folder = put(tmp_path / "in", {"film.mp4": _video(1, 2)})
    take_in(home, cage, [folder])
    verdict = _verdict(home, "film.mp4")
    assert [round(match.seconds or 0) for match in verdict.matches] == [1]
    assert verdict.unreadable is None
    assert (verdict.width, verdict.height, verdict.pdq) == (256, 192, None)
    (found,) = banking.match_files(home, cage, [folder / "film.mp4"])
    assert (found.found, found.frames, found.error) == (True, 2, None)
    assert examined_file(cage, folder / "film.mp4").unreadable is None


def test_a_video_that_nothing_can_open_goes_to_a_person(home: Home, cage: Cage, tmp_path: Path) -> None:
    """Without PyAV as well as with it: this one has no frame."""
    take_in(home, cage, [put(tmp_path / "in", {"film.mp4": b"\0\0\0\x14ftypisom" + bytes(8)})])
    assert _verdict(home, "film.mp4").unreadable is not None


@pytest.mark.parametrize("data", [_animation(1, 2), b"\0\0\0\x14ftypisom" + bytes(8)])
def test_what_is_missing_to_open_it_is_said(cage: Cage, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    def missing(_cage: Cage, _source: object) -> None:
        raise MissingExtraError("PyAV is not installed.", hint="Install it.")

    monkeypatch.setattr(lookup, "hash_frames", missing)
    picture, frames, fault = lookup.hash_pixels(cage, data)
    if data.startswith(b"GIF"):
        assert picture is not None
        assert frames is not None
        assert ([frame.pdq for frame in frames.frames], frames.complete) == ([picture.pdq], False)
    else:
        assert (picture, frames) == (None, None)
    assert fault is not None
    assert (fault.code, fault.hint) == ("missing-extra", "Install it.")


def test_of_an_animation_that_costs_too_much_the_first_frame_is_looked_up(
    home: Home, cage: Cage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def costly(_cage: Cage, _source: object) -> None:
        raise LimitError("It takes too long.", code="limit.time")

    monkeypatch.setattr("firstlight.hashing.files.hash_frames", costly)
    _list(home, cage, tmp_path, 1, BankPurpose.KNOWN)
    film = put(tmp_path / "in", {"film.gif": _animation(1, 2)}) / "film.gif"
    (found,) = banking.match_files(home, cage, [film])
    assert (found.frames, found.frames_complete, found.matches[0].seconds) == (1, False, 0)
    assert found.error is not None
    assert found.error.code == "limit.time"


def _frame(seconds: float, bits: int) -> FrameHash:
    return FrameHash(index=0, seconds=seconds, pdq=Pdq(hex=f"{bits:064x}", quality=100, mode=PdqMode.EXACT))


def test_the_nearest_frame_without_a_veto_speaks(home: Home, cage: Cage, tmp_path: Path) -> None:
    _list(home, cage, tmp_path, 1, BankPurpose.KNOWN)
    listed = int(next(home.library.entries("garden")).pdq or "0", 16)
    frames = [_frame(0, listed ^ 0xFF), _frame(1, listed ^ 0xF), _frame(2, listed ^ 0x3F), _frame(3, ~listed % 2**256)]
    (match,) = lookup.moving_matches(home.library, NOBODY, frames)
    assert (match.seconds, match.distance) == (1, 4)
    assert lookup.moving_matches(home.library, NOBODY, frames[3:]) == ()
    assert lookup.moving_matches(home.library, NOBODY, []) == ()


def test_the_same_bytes_come_first_and_once(home: Home, cage: Cage, tmp_path: Path) -> None:
    film = put(tmp_path / "in", {"film.gif": _animation(1, 2)}) / "film.gif"
    banking.create_bank(home, "known", BankPurpose.KNOWN)
    banking.add_pictures(home, cage, "known", [film])
    (found,) = banking.match_files(home, cage, [film])
    assert [(match.exact, match.seconds) for match in found.matches] == [(True, None)]
