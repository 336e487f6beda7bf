"""Renditions: small, grey, and nothing of the original but its pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from firstlight.errors import FirstlightError, InputError, UnreadableError
from firstlight.media import Cage, MediaType, Region, Rendition, rendition
from firstlight.media.renditions import MAX_EDGE, MIN_EDGE


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _quarters() -> Image.Image:
    """Black, dark, bright and white quarters: top left, top right, bottom left, bottom right."""
    tones = np.array([[0, 80], [170, 255]], np.uint8)
    return Image.fromarray(np.kron(tones, np.ones((100, 150), np.uint8))).convert("RGB")


def _corners(made: Rendition) -> list[int]:
    with Image.open(io.BytesIO(made.data)) as image:
        grey = np.asarray(image.convert("L")).astype(int)
    return [int(grey[y, x]) for y in (3, -4) for x in (3, -4)]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_rendition_is_small_grey_and_a_png(cage: Cage, form: str) -> None:
    made = rendition(cage, _saved(_quarters(), form), edge=64)
    assert (made.media_type, made.width, made.height) == (MediaType.PNG, 64, 43)
    assert (made.original_width, made.original_height) == (300, 200)
    with Image.open(io.BytesIO(made.data)) as image:
        assert image.mode == "L"
        assert image.size == (64, 43)
    assert np.allclose(_corners(made), [0, 80, 170, 255], atol=4)


def test_nothing_that_the_sender_wrote_is_in_it(cage: Cage) -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("comment", "canary-1")
    exif = Image.Exif()
    exif[0x010E] = "canary-2"
    icc = b"canary-3" + bytes(200)
    png = _saved(_quarters(), "PNG", pnginfo=words, exif=exif, icc_profile=icc)
    jpeg = _saved(_quarters(), "JPEG", comment=b"canary-1", exif=exif, icc_profile=icc)
    for source in (png, jpeg):
        assert b"canary" in source
        for form in ("png", "jpeg"):
            data = rendition(cage, source, form=form, colour=True).data
            assert b"canary" not in data
            with Image.open(io.BytesIO(data)) as image:
                assert not set(image.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_it_is_never_enlarged(cage: Cage) -> None:
    made = rendition(cage, _saved(_quarters().resize((30, 20)), "PNG"), edge=MAX_EDGE)
    assert (made.width, made.height) == (30, 20)


@pytest.mark.parametrize("turn", range(1, 9))
def test_it_stands_upright(cage: Cage, turn: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = _quarters().transpose(turns[turn]) if turn in turns else _quarters()
    exif = Image.Exif()
    exif[0x0112] = turn
    made = rendition(cage, _saved(stored, "JPEG", exif=exif), edge=100)
    assert (made.original_width, made.original_height) == (300, 200)
    assert np.allclose(_corners(made), [0, 80, 170, 255], atol=4)


def test_damaged_metadata_does_not_hide_the_picture(cage: Cage) -> None:
    jpeg = _saved(_quarters(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert rendition(cage, jpeg).original_width == 300


def test_a_damaged_picture_has_no_rendition_that_looks_whole(cage: Cage) -> None:
    data = bytearray(_saved(Image.effect_noise((90, 90), 60), "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(UnreadableError):
        rendition(cage, bytes(data))


def test_colour_and_blur_on_demand(cage: Cage) -> None:
    red = _saved(Image.new("RGB", (50, 50), (250, 10, 10)), "PNG")
    with Image.open(io.BytesIO(rendition(cage, red, colour=True).data)) as image:
        assert image.convert("RGB").getpixel((9, 9)) == (250, 10, 10)
    sharp, soft = (rendition(cage, _saved(_quarters(), "PNG"), blur=blur) for blur in (0, 20))
    with Image.open(io.BytesIO(sharp.data)) as a, Image.open(io.BytesIO(soft.data)) as b:
        steps = [np.abs(np.diff(np.asarray(image).astype(int), axis=1)).max() for image in (a, b)]
    assert steps[0] > 10 * steps[1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_is_shown_as_it_looks(cage: Cage, mode: str) -> None:
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        image = Image.fromarray(np.asarray(_quarters().convert("L")).astype(kind) * 257)
        assert image.mode == mode
    else:
        image = _quarters().convert(mode)
    made = rendition(cage, _saved(image, "TIFF" if mode in ("CMYK", "I", "F") else "PNG"), edge=300)
    tolerance = {"1": 256, "P": 30}.get(mode, 3)  # dithered; the nearest of few colours
    assert np.allclose(_corners(made), [0, 80, 170, 255], atol=tolerance)
    assert _corners(made)[0] <= 3
    assert _corners(made)[3] >= 252


def test_transparency_lies_on_white(cage: Cage) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert _corners(rendition(cage, _saved(image, "PNG"))) == [255] * 4


def test_a_frame_of_an_animation(cage: Cage) -> None:
    frames = [Image.new("L", (40, 40), tone) for tone in (0, 100, 200)]
    data = _saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert [_corners(rendition(cage, data, frame=n))[0] for n in range(3)] == [0, 100, 200]
    with pytest.raises(InputError, match="has 3"):
        rendition(cage, data, frame=3)


@pytest.mark.parametrize("options", [{"edge": MIN_EDGE - 1}, {"edge": MAX_EDGE + 1}, {"blur": -1}, {"form": "svg"}])
def test_options_out_of_range(cage: Cage, options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        rendition(cage, b"", **options)


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"%PDF-1.4", b"leek", _saved(_quarters(), "PNG")[:300]])
def test_what_is_no_picture_has_none(cage: Cage, data: bytes) -> None:
    with pytest.raises(FirstlightError) as caught:
        rendition(cage, data)
    assert isinstance(caught.value, UnreadableError)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": b"<svg/>", "sizes": [1, 1, 1, 1]},
        {"data": b"\x89PNG\r\n\x1a\n", "sizes": [9999, 1, 1, 1]},
        {"data": b"\x89PNG\r\n\x1a\n", "sizes": ["1", 1, 1, 1]},
        {"data": "text", "sizes": [1, 1, 1, 1]},
    ],
)
def test_a_worker_that_was_taken_over_cannot_hand_out_something_else(
    cage: Cage, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    monkeypatch.setattr(cage, "run", lambda *args, **params: answer)
    with pytest.raises(UnreadableError, match="nonsense"):
        rendition(cage, b"")


def test_a_part_is_shown_and_nothing_else_of_the_picture(cage: Cage) -> None:
    part = rendition(cage, _saved(_quarters(), "PNG"), edge=64, region=Region(0.5, 0, 1, 0.5))
    assert max(part.width, part.height) <= 64
    assert np.allclose(_corners(part), [80, 80, 80, 80], atol=4)
    assert (part.original_width, part.original_height) == (300, 200)


def test_a_part_is_that_of_the_picture_as_it_stands_upright(cage: Cage) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = _saved(_quarters().transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    part = rendition(cage, source, edge=64, region=Region(0.5, 0.5, 1, 1))
    assert np.allclose(_corners(part), [255] * 4, atol=6)


@pytest.mark.parametrize(
    "edges", [(0, 0, 0, 1), (0.5, 0, 0.4, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.01), (0, float("nan"), 1, 1)]
)
def test_there_is_no_part_beyond_the_picture(edges: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="no such part"):
        Region(*edges)


@pytest.mark.parametrize("colour", [False, True])
def test_the_mark_is_in_the_pixels_everywhere(cage: Cage, colour: bool) -> None:
    source = _saved(_quarters().resize((900, 600)), "PNG")
    plain, marked = (rendition(cage, source, edge=600, colour=colour, mark=mark) for mark in ("", "rev-1 12:00 UTC"))
    with Image.open(io.BytesIO(plain.data)) as one, Image.open(io.BytesIO(marked.data)) as other:
        assert one.size == other.size
        assert one.mode == other.mode == ("RGB" if colour else "L")
        changed = np.asarray(one.convert("L")) != np.asarray(other.convert("L"))
    thirds = [third for row in np.array_split(changed, 3, axis=0) for third in np.array_split(row, 3, axis=1)]
    assert all(third.any() for third in thirds)
    assert changed.mean() < 0.2


@pytest.mark.parametrize("mark", ["x" * 81, "\n", "\u200bname", "é"])
def test_a_mark_that_cannot_be_written_is_refused(cage: Cage, mark: str) -> None:
    with pytest.raises(InputError, match="mark"):
        rendition(cage, _saved(_quarters(), "PNG"), mark=mark)
