"""Damaged and hostile files: each is answered with a hash or a refusal, and costs no other file anything."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from firstlight.errors import LimitError, UnreadableError
from firstlight.hashing import PRELOAD, PictureHash, hash_picture
from firstlight.media import Cage, Limits
from hashing.drawing import saved, scene


def _heic() -> bytes:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(scene(64, 48)).save(out, quality=60)
    return out.getvalue()


def _samples() -> dict[str, bytes]:
    frames = [scene(40, 30, seed) for seed in range(3)]
    animated = {"save_all": True, "append_images": frames[1:]}
    return {
        "jpeg": saved(scene(60, 44), "JPEG"),
        "progressive": saved(scene(60, 44), "JPEG", progressive=True),
        "scaled": saved(scene(520, 512), "JPEG", quality=30),
        "cmyk": saved(scene(60, 44).convert("CMYK"), "JPEG"),
        "png": saved(scene(60, 44), "PNG"),
        "palette": saved(scene(60, 44).convert("P"), "PNG"),
        "apng": saved(frames[0], "PNG", **animated),
        "gif": saved(frames[0], "GIF", **animated),
        "webp": saved(frames[0], "WEBP", **animated),
        "tiff": saved(scene(60, 44), "TIFF", compression="tiff_lzw"),
        "tiff-pages": saved(frames[0], "TIFF", **animated),
        "tiff-jpeg": saved(scene(60, 44), "TIFF", compression="jpeg"),
        "bmp": saved(scene(60, 44), "BMP"),
        "avif": saved(scene(60, 44), "AVIF"),
        "heic": _heic(),
    }


SAMPLES = _samples()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample with some bytes changed, taken out, doubled, or cut off."""
    data = bytearray(SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1))
        act = draw(st.sampled_from(["flip", "set", "cut", "drop", "double", "splice"]))
        if act == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif act == "set":
            data[at] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        elif act == "cut":
            data = data[: max(1, at)]
        elif act == "drop":
            del data[at : at + draw(st.integers(1, 30))]
            data = data or bytearray(b"x")
        elif act == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        else:
            data[at:at] = draw(st.binary(min_size=1, max_size=8))
    return bytes(data)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged())
def test_a_damaged_picture_is_hashed_or_refused(cage: Cage, data: bytes) -> None:
    try:
        made = hash_picture(cage, data)
    except UnreadableError as e:
        notes = e.diagnostics()
        assert notes.code.startswith(("unreadable.", "limit."))
        assert notes.message.isprintable()
    else:
        assert isinstance(made, PictureHash)


def test_the_samples_themselves_are_hashed(cage: Cage) -> None:
    """Or the test above would prove nothing; and its files have broken nothing in the workers."""
    for name, data in SAMPLES.items():
        assert hash_picture(cage, data).width > 0, name


# --- bombs ---


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _with_chunk(chunk: bytes) -> bytes:
    png = SAMPLES["png"]
    return png[:33] + chunk + png[33:]


def _text_bomb() -> bytes:
    return _with_chunk(_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(40 * 2**20), 9)))


def _many_texts() -> bytes:
    one = _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20), 9))
    return _with_chunk(one * 100)


def _many_scans() -> bytes:
    data = SAMPLES["progressive"]
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 500 + data[-2:]


def _wide_gif() -> bytes:
    data = bytearray(SAMPLES["gif"])
    data[6:10] = struct.pack("<HH", 65535, 65535)
    return bytes(data)


def _wide_bmp() -> bytes:
    data = bytearray(SAMPLES["bmp"])
    data[18:26] = struct.pack("<ii", 2**30, 2**30)
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_text_bomb, "limit.metadata"),
        (_many_texts, "limit.metadata"),
        (_many_scans, "limit.scans"),
        (_wide_gif, "limit.pixels"),
        (_wide_bmp, "limit.pixels"),
    ],
)
def test_bombs_are_refused_by_name(cage: Cage, make: Callable[[], bytes], code: str) -> None:
    with pytest.raises(LimitError) as caught:
        hash_picture(cage, make())
    assert caught.value.diagnostics().code == code


def test_pages_that_point_at_themselves_come_to_an_end(cage: Cage) -> None:
    data = bytearray(SAMPLES["tiff"])
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    assert hash_picture(cage, bytes(data)).frames >= 1


def test_very_many_frames_are_counted_up_to_the_cap() -> None:
    out = io.BytesIO()
    frames = [Image.new("L", (8, 8), n % 251) for n in range(250)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    with Cage(workers=1, limits=Limits(frames=200), preload=PRELOAD) as cage:
        assert hash_picture(cage, out.getvalue()).frames == 200
