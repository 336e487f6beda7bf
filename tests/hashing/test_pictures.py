"""The hash of one picture through the cage: formats, colour modes, caps, and what is no picture."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firstlight.errors import FirstlightError, InputError, LimitError, UnreadableError
from firstlight.hashing import PRELOAD, PictureHash, hash_picture
from firstlight.media import Cage, Limits
from firstlight.values import PdqMode
from hashing.drawing import Rgb, distance, drawn, reference, saved, scene


def _rgb(data: bytes) -> Rgb:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def _check_exact(made: PictureHash, data: bytes) -> None:
    expected, quality = reference(_rgb(data))
    assert made.pdq.mode is PdqMode.EXACT
    assert (made.pdq.to_bytes(), made.pdq.quality) == (expected, quality)
    assert made.orientations[0] == made.pdq.hex


def _error(cage: Cage, source: bytes | Path) -> FirstlightError:
    with pytest.raises(FirstlightError) as caught:
        hash_picture(cage, source)
    return caught.value


def png_claiming(width: int, height: int) -> bytes:
    """A small PNG whose header promises many pixels, all of one colour."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = zlib.compressobj(9)
    body = b"".join(rows.compress(bytes(1 + (width + 7) // 8)) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


# --- formats ---


@pytest.mark.parametrize(
    ("form", "options", "media_type"),
    [
        ("PNG", {}, "image/png"),
        ("GIF", {}, "image/gif"),
        ("WEBP", {"quality": 80}, "image/webp"),
        ("WEBP", {"lossless": True}, "image/webp"),
        ("TIFF", {}, "image/tiff"),
        ("TIFF", {"compression": "tiff_lzw"}, "image/tiff"),
        ("BMP", {}, "image/bmp"),
        ("AVIF", {}, "image/avif"),
        ("JPEG", {"quality": 80}, "image/jpeg"),
        ("JPEG", {"progressive": True}, "image/jpeg"),
    ],
)
def test_each_format_hashes_as_the_reference(
    cage: Cage, form: str, options: dict[str, object], media_type: str
) -> None:
    data = saved(scene(400, 300), form, **options)
    made = hash_picture(cage, data)
    _check_exact(made, data)
    assert (made.width, made.height, made.media_type, made.frames) == (400, 300, media_type, 1)


def test_heic(cage: Cage) -> None:
    import pillow_heif

    heif = pillow_heif.from_pillow(scene(400, 300))
    out = io.BytesIO()
    heif.save(out, quality=90)
    made = hash_picture(cage, out.getvalue())
    assert made.media_type == "image/heic"
    decoded = pillow_heif.read_heif(out.getvalue()).to_pillow().convert("RGB")
    assert (made.pdq.to_bytes(), made.pdq.quality) == reference(np.asarray(decoded))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_colour_modes_hash_as_what_they_look_like_in_rgb(cage: Cage, mode: str) -> None:
    image = scene(320, 200, 3).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = saved(image, "TIFF" if mode == "CMYK" else "PNG")
    _check_exact(hash_picture(cage, data), data)


def test_cmyk_jpeg_is_read_in_colour_at_any_size(cage: Cage) -> None:
    data = saved(scene(700, 600).convert("CMYK"), "JPEG")
    exact = hash_picture(cage, data, "exact")
    _check_exact(exact, data)
    assert distance(hash_picture(cage, data).pdq.to_bytes(), exact.pdq.to_bytes()) <= 2


def test_transparency_is_ignored(cage: Cage) -> None:
    image = scene(320, 200)
    seen = hash_picture(cage, saved(image, "PNG"))
    image.putalpha(0)
    assert hash_picture(cage, saved(image, "PNG")).pdq == seen.pdq


def test_sixteen_bit_grey_hashes_as_its_upper_byte(cage: Cage) -> None:
    grey = np.asarray(scene(300, 200).convert("L"))
    deep = Image.fromarray((grey.astype(np.uint16) << 8) | 0x3C)
    made = hash_picture(cage, saved(deep, "PNG"))
    assert made.pdq == hash_picture(cage, saved(Image.fromarray(grey), "PNG")).pdq


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_grey_without_a_fixed_range_is_stretched(cage: Cage, kind: type) -> None:
    grey = np.asarray(scene(300, 200).convert("L")).copy()
    grey[0, 0], grey[0, 1] = 0, 255
    wide = Image.fromarray((grey.astype(kind) * 1000 - 70_000).astype(kind))
    made = hash_picture(cage, saved(wide, "TIFF"))
    assert made.pdq == hash_picture(cage, saved(Image.fromarray(grey), "PNG")).pdq


def test_exif_rotation_is_not_applied(cage: Cage) -> None:
    image = scene(320, 200)
    plain = hash_picture(cage, saved(image, "JPEG"))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = hash_picture(cage, saved(image, "JPEG", exif=exif))
    assert turned.pdq == plain.pdq
    assert (turned.width, turned.height) == (320, 200)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_an_animation_is_hashed_by_its_first_frame(cage: Cage, form: str) -> None:
    frames = [scene(200, 160, seed) for seed in range(4)]
    data = saved(frames[0], form, save_all=True, append_images=frames[1:])
    made = hash_picture(cage, data)
    assert made.frames == 4
    _check_exact(made, data)


def test_public_pictures_of_all_modes(cage: Cage, public_pictures: Path) -> None:
    for path in sorted((public_pictures / "pdq" / "modes").iterdir()):
        if path.suffix != ".md":
            made = hash_picture(cage, path, "exact")
            expected = reference(_rgb(path.read_bytes()))
            assert (made.pdq.to_bytes(), made.pdq.quality) == expected, path


# --- modes ---


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_auto_is_scaled_for_large_pictures_only(cage: Cage, form: str) -> None:
    small, large = saved(scene(511, 800), form), saved(scene(512, 800), form)
    assert hash_picture(cage, small).pdq.mode is PdqMode.EXACT
    assert hash_picture(cage, large).pdq.mode is PdqMode.SCALED
    assert hash_picture(cage, large, "exact").pdq.mode is PdqMode.EXACT


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
@pytest.mark.parametrize("size", [(512, 640), (1024, 1024), (1131, 777)])
def test_what_is_not_reduced_is_exact_but_for_rounding(cage: Cage, size: tuple[int, int], mode: str) -> None:
    data = saved(scene(*size, seed=3).convert(mode), "PNG")
    found, exact = hash_picture(cage, data), hash_picture(cage, data, "exact")
    _check_exact(exact, data)
    assert found.pdq.mode is PdqMode.SCALED
    pairs = zip(found.orientations, exact.orientations, strict=True)
    assert max(distance(bytes.fromhex(a), bytes.fromhex(b)) for a, b in pairs) <= 2
    assert abs(found.pdq.quality - exact.pdq.quality) <= 1


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((513, 1026), {}),
        ((1024, 1024), {"subsampling": 0}),
        ((1300, 1100), {"progressive": True}),
        ((2056, 2100), {}),
    ],
)
def test_scaled_is_a_few_bits_from_exact(cage: Cage, size: tuple[int, int], options: dict[str, object]) -> None:
    data = saved(scene(*size, seed=2), "JPEG", quality=88, **options)
    scaled, exact = hash_picture(cage, data), hash_picture(cage, data, "exact")
    _check_exact(exact, data)
    assert scaled.pdq.mode is PdqMode.SCALED
    assert (scaled.width, scaled.height) == size
    assert distance(scaled.pdq.to_bytes(), exact.pdq.to_bytes()) <= 6


@pytest.mark.parametrize("kind", ["flat", "stripes"])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_what_hangs_on_rounding_is_never_scaled(cage: Cage, kind: str, form: str) -> None:
    data = saved(Image.fromarray(drawn(kind, 1200, 800, 3)), form, quality=90)
    _check_exact(hash_picture(cage, data), data)


def test_grey_jpeg_is_scaled_too(cage: Cage) -> None:
    data = saved(scene(1100, 1100).convert("L"), "JPEG")
    scaled, exact = hash_picture(cage, data), hash_picture(cage, data, "exact")
    assert scaled.pdq.mode is PdqMode.SCALED
    assert distance(scaled.pdq.to_bytes(), exact.pdq.to_bytes()) <= 6


def test_another_mode_is_refused(cage: Cage) -> None:
    with pytest.raises(InputError, match="no way to hash"):
        hash_picture(cage, b"", "fast")


# --- what is no picture, or a bad one ---


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "unreadable.empty", "empty"),
        (b"a carrot", "unreadable.not-a-picture", "plain text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unreadable.not-a-picture", "SVG"),
        (b"%PDF-1.4", "unreadable.not-a-picture", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "unreadable", "PNG"),
        (b"\xff\xd8\xff" + bytes(50), "unreadable", "JPEG"),
        (b"II*\0\x08\0\0\0", "unreadable", "TIFF"),
        (b"RIFF\x04\0\0\0WEBP", "unreadable", "WEBP"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unreadable", "HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "unreadable", "AVIF"),
    ],
)
def test_what_is_no_picture_is_said_in_words(cage: Cage, data: bytes, code: str, words: str) -> None:
    error = _error(cage, data)
    assert isinstance(error, UnreadableError)
    assert error.diagnostics().code.startswith(code)
    assert words in str(error)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("size", [(300, 200), (900, 700)])
def test_a_truncated_picture_is_not_hashed(cage: Cage, form: str, size: tuple[int, int]) -> None:
    data = saved(scene(*size), form)
    error = _error(cage, data[: len(data) // 2])
    assert isinstance(error, UnreadableError)
    assert error.diagnostics().code in ("unreadable.truncated", "unreadable.broken")
    if form in ("JPEG", "PNG", "BMP"):
        assert error.diagnostics().code == "unreadable.truncated"


def test_a_small_file_of_400_megapixels_is_refused_before_a_pixel_is_touched(cage: Cage) -> None:
    data = png_claiming(20_000, 20_000)
    assert len(data) < 60_000
    error = _error(cage, data)
    assert isinstance(error, LimitError)
    assert error.diagnostics().code == "limit.pixels"
    assert error.diagnostics().facts == {"width": 20_000, "height": 20_000}


def test_caps_at_their_edge() -> None:
    progressive = saved(scene(64, 48), "JPEG", progressive=True)
    scans = progressive.count(b"\xff\xda")
    animation = saved(scene(20, 20), "GIF", save_all=True, append_images=[scene(20, 20, n) for n in range(9)])
    with Cage(workers=1, limits=Limits(pixels=64 * 48, scans=scans, frames=5), preload=PRELOAD) as cage:
        assert hash_picture(cage, progressive).width == 64
        assert hash_picture(cage, animation).frames == 5
        assert _error(cage, saved(scene(64, 49), "JPEG")).diagnostics().code == "limit.pixels"
    with Cage(workers=1, limits=Limits(scans=scans - 1), preload=PRELOAD) as cage:
        assert _error(cage, progressive).diagnostics().code == "limit.scans"
        assert hash_picture(cage, saved(scene(64, 48), "JPEG")).width == 64


def test_a_picture_larger_than_the_workers_memory() -> None:
    limits = Limits(memory_bytes=32 * 2**20)
    with Cage(workers=1, limits=limits, preload=PRELOAD) as cage:
        assert _error(cage, saved(Image.new("RGB", (6000, 6000)), "PNG")).diagnostics().code == "limit.memory"
        assert hash_picture(cage, saved(scene(64, 48), "PNG")).width == 64


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (4, 900), (5, 5)])
def test_tiny_pictures(cage: Cage, size: tuple[int, int]) -> None:
    data = saved(scene(*size), "PNG")
    _check_exact(hash_picture(cage, data), data)
