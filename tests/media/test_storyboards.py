"""Storyboards: some frames of what moves, small and side by side; never the film, never its sound."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from firstlight.errors import InputError, UnreadableError
from firstlight.media import Cage, MediaType, storyboard

TONES = (0, 60, 120, 180, 240)


def _animation(tones: tuple[int, ...] = TONES) -> bytes:
    frames = [Image.fromarray(np.full((90, 120), tone, np.uint8)) for tone in tones]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=500)
    return out.getvalue()


def _film(tones: tuple[int, ...] = TONES) -> bytes:
    av = pytest.importorskip("av")
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as made:
        stream = made.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.gop_size = 5
        for tone in tones:
            for _ in range(5):
                frame = av.VideoFrame.from_ndarray(np.full((96, 128, 3), tone, np.uint8), format="rgb24")
                made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return out.getvalue()


def _tones(data: bytes, columns: int, tile: tuple[int, int], count: int) -> list[int]:
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "L"
        grey = np.asarray(image)
    width, height = tile[0] + 4, tile[1] + 18 + 4
    return [int(grey[n // columns * height + 5, n % columns * width + 5]) for n in range(count)]


@pytest.mark.parametrize(("made", "tile"), [(_animation, (80, 60)), (_film, (80, 60))])
def test_frames_stand_side_by_side_in_the_order_of_time(cage: Cage, made: object, tile: tuple[int, int]) -> None:
    sheet = storyboard(cage, made(), tile=80, frames=5)  # type: ignore[operator]
    assert sheet.media_type is MediaType.PNG
    assert (sheet.width, sheet.height) == (3 * 84, 2 * (60 + 22))
    assert np.allclose(_tones(sheet.data, 3, tile, 5), TONES, atol=6)


def test_long_animations_are_shown_by_frames_from_their_beginning_to_their_end(cage: Cage) -> None:
    tones = tuple(range(0, 250, 5))
    sheet = storyboard(cage, _animation(tones), tile=80, frames=3)
    assert np.allclose(_tones(sheet.data, 3, (80, 60), 3), [0, 120, 245], atol=6)


def test_a_still_picture_has_one_frame(cage: Cage) -> None:
    sheet = storyboard(cage, _animation((90,)), tile=80)
    assert (sheet.width, sheet.original_width, sheet.original_height) == (84, 120, 90)


def test_what_cannot_be_decoded_is_said(cage: Cage) -> None:
    with pytest.raises(UnreadableError):
        storyboard(cage, b"no picture at all")
    with pytest.raises(UnreadableError):
        storyboard(cage, _film()[:400])
    with pytest.raises(InputError, match="no such storyboard"):
        storyboard(cage, _animation(), frames=13)
