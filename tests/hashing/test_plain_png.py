"""Plain PNG files read the quick way: the pixels are Pillow's bit for bit, and so is every refusal."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from firstlight.errors import FirstlightError
from firstlight.hashing import tasks
from firstlight.media import CagedFile, Limits
from firstlight.media import png as quick
from firstlight.media.pictures import decoding, open_picture

pytest.importorskip("isal")

LIMITS: Final = Limits()
RGB, RGBA = 2, 6
SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def filtered(pixels: npt.NDArray[np.uint8], kinds: list[int]) -> bytes:
    """Rows with a filter each, as the standard's section 9 writes them, byte by byte."""
    height, width, size = pixels.shape
    out = bytearray()
    before = [0] * (width * size)
    for row, kind in zip(pixels.reshape(height, -1).tolist(), kinds, strict=True):
        out.append(kind)
        for i, value in enumerate(row):
            left, corner = (row[i - size], before[i - size]) if i >= size else (0, 0)
            up = before[i]
            near = min((left, up, corner), key=lambda one: abs(left + up - corner - one))
            out.append((value - (0, left, up, (left + up) // 2, near)[min(kind, 4)]) % 256)
        before = row
    return bytes(out)


def png(
    width: int, height: int, rows: bytes, *, colour: int = RGB, depth: int = 8, interlaced: int = 0, pieces: int = 1,
    before: bytes = b"", between: bytes = b"", after: bytes = b"", level: int = 6, end: bool = True,
) -> bytes:  # fmt: skip
    """A file of these filtered rows, its IDAT cut into pieces."""
    packed = zlib.compress(rows, level)
    step = -(-len(packed) // pieces)
    cut = [packed[at : at + step] for at in range(0, len(packed), step)]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    data = between.join(chunk(b"IDAT", one) for one in cut)
    return SIGNATURE + chunk(b"IHDR", header) + before + data + after + (chunk(b"IEND", b"") if end else b"")


def told(data: bytes, *, quickly: bool) -> Any:
    """The pixels, or the code of the refusal; read by Pillow alone where `quickly` is false."""
    with pytest.MonkeyPatch.context() as patch:
        if not quickly:
            patch.setattr(tasks, "plain_pixels", lambda _: None)
        piece = CagedFile.of(data)
        try:
            with open_picture(piece, LIMITS) as image, decoding(piece.media_type):
                pixels = tasks.pixels_of(image)
                mode = image.mode
        except FirstlightError as e:
            return e.diagnostics().code, e.diagnostics().message
    kept = np.uint32(0x00FFFFFF if mode == "RGB" else 0xFFFFFFFF)
    return pixels.shape, (pixels & kept if pixels.dtype == np.uint32 else pixels).tobytes()


def is_quick(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        return quick.plain_pixels(image) is not None


def some(width: int, height: int, size: int, seed: int) -> npt.NDArray[np.uint8]:
    """Noise, and a soft ramp with noise, by turns: both make neighbours tie and wrap."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 256, (height, width, size))
    ramp = np.add.outer(np.arange(height), np.arange(width))[:, :, None] + random.integers(-2, 3, noise.shape)
    return np.asarray((noise if seed % 2 else ramp) % 256, np.uint8)


@st.composite
def pictures(draw: st.DrawFn) -> tuple[bytes, bool]:
    """A whole PNG, and whether it is one for the quick way."""
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    size = draw(st.sampled_from((3, 4)))
    kinds = draw(st.lists(st.integers(0, 4), min_size=height, max_size=height))
    pixels = some(width, height, size, draw(st.integers(0, 9)))
    text = chunk(b"tEXt", b"Title\0a lake") if draw(st.booleans()) else b""
    data = png(
        width, height, filtered(pixels, kinds), colour=RGB if size == 3 else RGBA, before=text,
        pieces=draw(st.integers(1, 5)), level=draw(st.integers(0, 9)), after=text if draw(st.booleans()) else b"",
    )  # fmt: skip
    return data, not data[-12 - len(text) : -12].endswith(text) or not text


@settings(max_examples=150, deadline=None)
@given(pictures())
def test_the_pixels_are_pillow_s(made: tuple[bytes, bool]) -> None:
    data, plain = made
    assert told(data, quickly=True) == told(data, quickly=False)
    assert is_quick(data) == plain


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("size", [3, 4])
def test_every_filter_on_every_row_over_several_bands(kind: int, size: int) -> None:
    width, height = 1500, 70
    pixels = np.tile(some(50, 70, size, 1), (1, 30, 1))
    data = png(width, height, filtered(pixels, [kind] * height), colour=RGB if size == 3 else RGBA)
    assert width * height * size > 2 * quick._BAND
    assert is_quick(data)
    assert told(data, quickly=True) == told(data, quickly=False)


def saved(mode: str, **more: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(some(70, 66, 3, 2)).convert(mode).save(out, "PNG", **more)
    return out.getvalue()


ROWS = filtered(some(9, 7, 3, 1), [0, 1, 2, 3, 4, 4, 4])
UNUSUAL = {
    "grey": saved("L"),
    "grey with alpha": saved("LA"),
    "palette": saved("P"),
    "one bit": saved("1"),
    "sixteen bits of grey": saved("I;16"),
    "moving": saved("RGB", save_all=True, append_images=[Image.new("RGB", (70, 66))]),
    "text behind the pixels": png(9, 7, ROWS, after=chunk(b"tEXt", b"Title\0a lake")),
    "something between the pixels": png(9, 7, ROWS, pieces=2, between=chunk(b"tEXt", b"Title\0a lake")),
    "no end": png(9, 7, ROWS, end=False),
    "no end, but more": png(9, 7, ROWS, end=False) + b"more than twelve bytes",
    "cut in the pixels": png(9, 7, ROWS)[:-40],
    "cut in the end": png(9, 7, ROWS)[:-3],
    "a row too few": png(9, 7, ROWS[:-28]),
    "half a row too few": png(9, 7, ROWS[:-9]),
    "a row too many": png(9, 7, ROWS + ROWS[-28:]),
    "a filter that there is not": png(9, 7, ROWS[:28] + b"\x05" + ROWS[29:]),
    "a filter that there is not, in the last row": png(9, 7, ROWS[:-28] + b"\xff" + ROWS[-27:]),
    "interlaced by its header": png(9, 7, ROWS, interlaced=1),
    "sixteen bits by its header": png(9, 7, ROWS, depth=16),
    "no pixels": SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 7, 8, 2, 0, 0, 0)) + chunk(b"IEND", b""),
    "no width": png(0, 7, ROWS),
    "empty pixels": png(9, 7, ROWS).replace(chunk(b"IDAT", zlib.compress(ROWS)), chunk(b"IDAT", b"")),
    "more behind the stream": png(9, 7, ROWS).replace(
        chunk(b"IDAT", zlib.compress(ROWS)), chunk(b"IDAT", zlib.compress(ROWS) + b"more")
    ),
    "a wrong sum": png(9, 7, ROWS).replace(
        chunk(b"IDAT", zlib.compress(ROWS)), chunk(b"IDAT", zlib.compress(ROWS)[:-1] + b"\0")
    ),
    "a stream that wants a dictionary": png(9, 7, ROWS).replace(zlib.compress(ROWS)[:2], b"\x78\xbb"),
    "a bomb": png(9, 7, bytes(1 << 22)),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_is_left_to_pillow(name: str) -> None:
    assert told(UNUSUAL[name], quickly=True) == told(UNUSUAL[name], quickly=False)
    with contextlib.suppress(OSError, SyntaxError):  # Pillow refuses to open some
        assert not is_quick(UNUSUAL[name])


PLAIN = png(9, 7, ROWS, pieces=2)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(PLAIN) - 1), st.integers(1, 255), st.booleans())
@example(len(SIGNATURE) + 8, 1, False)
def test_damage_is_told_as_pillow_tells_it(where: int, by: int, cut: bool) -> None:
    damaged = PLAIN[:where] if cut else PLAIN[:where] + bytes([PLAIN[where] ^ by]) + PLAIN[where + 1 :]
    assert told(damaged, quickly=True) == told(damaged, quickly=False)


def test_a_large_file_is_left_to_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_quick(PLAIN)
    monkeypatch.setattr(quick, "_LARGEST", 50)
    assert not is_quick(PLAIN)


def test_without_the_library_pillow_reads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(PLAIN, quickly=True)
    monkeypatch.setattr(quick, "HAS_ISAL", False)
    assert (is_quick(PLAIN), told(PLAIN, quickly=True)) == (False, found)


def test_a_picture_that_was_read_already_is_not_read_again() -> None:
    with Image.open(io.BytesIO(PLAIN)) as image:
        image.load()
        assert quick.plain_pixels(image) is None
