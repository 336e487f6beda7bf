"""Marks in the pixels, previews, and pictures beside the picture."""

from __future__ import annotations

import gzip
import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from firstlight.origin import Claim, ForgeableBy, pixels, weigh
from firstlight.origin.container import MAX_BLOCK, Container
from firstlight.origin.evidence import SMALL_SIDE, open_evidence
from firstlight.origin.examination import examine_bytes
from firstlight.origin.indicators.dwt_watermark import MIN_SIDE, PAYLOADS, Payload, block_bits, decode
from firstlight.origin.likeness import likeness
from firstlight.origin.pixels import MAX_PIXELS, open_picture
from origin.making import (
    A1111,
    Tags,
    exif_segment,
    jpeg,
    picture,
    png,
    segment,
    signs,
    tiff,
    webp,
    xmp_packet,
    xmp_segment,
)


def scene(seed: int = 1, size: tuple[int, int] = (512, 384)) -> Image.Image:
    """A picture with soft edges and a little noise, as photographs have."""
    rng = np.random.default_rng(seed)
    soft = np.asarray(picture(seed, size).filter(ImageFilter.GaussianBlur(3)), dtype=np.int16)
    return Image.fromarray(np.clip(soft + rng.integers(-3, 4, soft.shape), 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# --- the open watermark ---


def marked(image: Image.Image, payload: Payload) -> Image.Image:
    """The picture with the payload, put in as the open programs do."""
    rgb = np.asarray(image, dtype=np.float64)
    luma = rgb @ [0.299, 0.587, 0.114]
    u, v = (rgb[:, :, 2] - luma) * 0.492 + 128, (rgb[:, :, 0] - luma) * 0.877 + 128
    rows, columns = u.shape[0] // 8, u.shape[1] // 8
    number = 0
    for row in range(rows):
        for column in range(columns):
            block = u[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]
            halved = (block[0::2, 0::2] + block[0::2, 1::2] + block[1::2, 0::2] + block[1::2, 1::2]) / 2
            y, x = divmod(int(np.abs(halved.ravel()[1:]).argmax()) + 1, 4)
            bit = payload.bits[number % len(payload.bits)]
            wanted = (halved[y, x] // 36 + 0.25 + 0.5 * bit) * 36
            block[2 * y : 2 * y + 2, 2 * x : 2 * x + 2] += (wanted - halved[y, x]) / 2
            number += 1
    blue, red = (u - 128) / 0.492 + luma, (v - 128) / 0.877 + luma
    green = (luma - 0.299 * red - 0.114 * blue) / 0.587
    return Image.fromarray(np.clip(np.rint(np.dstack([red, green, blue])), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_each_payload_is_read_back(payload: Payload) -> None:
    sign = signs(encoded(marked(scene(), payload)))["pixels.dwt_watermark"]
    assert sign.facts["payload"] == payload.name
    assert (sign.claim, sign.forgeable_by, sign.strength.low) == (Claim.SYNTHETIC, ForgeableBy.ANYONE, 0)


def test_the_payloads_have_the_lengths_of_the_programs() -> None:
    assert [len(payload.bits) for payload in PAYLOADS] == [136, 32, 48, 46]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_the_threshold_is_an_edge(payload: Payload) -> None:
    """One wrong bit too many is a miss, however clear the votes."""
    places = np.arange(len(payload.bits) * 40) % len(payload.bits)
    for wrong in (len(payload.bits) - payload.needed, len(payload.bits) - payload.needed + 1):
        bits = np.array(payload.bits, dtype=bool)
        bits[:wrong] = ~bits[:wrong]
        right, margin = decode(bits[places], payload)
        assert (right, margin) == (len(payload.bits) - wrong, 1.0)
        assert (right >= payload.needed) is (wrong == len(payload.bits) - payload.needed)


def test_a_decode_of_all_ones_or_zeros_is_an_artefact() -> None:
    for value in (True, False):
        assert decode(np.full(4000, value), PAYLOADS[2]) == (0, 0.0)
    assert signs(encoded(Image.new("RGB", (512, 512), (10, 200, 90)))) == {}


def test_unmarked_and_small_pictures_are_misses() -> None:
    for seed in range(1, 4):
        assert "pixels.dwt_watermark" not in signs(encoded(scene(seed)))
    small = scene(size=(MIN_SIDE - 1, 512))
    assert "pixels.dwt_watermark" not in signs(encoded(marked(small, PAYLOADS[2])))


def test_public_photographs_hold_no_watermark(public_pictures: Path) -> None:
    """Counted false hits: none on the public pictures."""
    seen = []
    for folder in ("pdq/labelme-subset", "pdq/bridge-mods", "pdq/modes"):
        for path in sorted((public_pictures / folder).iterdir()):
            if path.suffix in (".jpg", ".png", ".webp"):
                image = open_picture(path.read_bytes(), Container.PNG if path.suffix == ".png" else Container.JPEG)
                if image is not None and min(image.size) >= MIN_SIDE:
                    found = block_bits(image)
                    seen += [path.name for p in PAYLOADS if decode(found, p)[0] >= p.needed]
    assert seen == []


def test_large_pictures_are_not_decoded() -> None:
    side = 2048
    assert side * side == MAX_PIXELS
    assert open_picture(encoded(Image.new("L", (side, side))), Container.PNG) is not None
    assert open_picture(encoded(Image.new("L", (side, side + 1))), Container.PNG) is None
    assert open_picture(encoded(Image.new("1", (40_000, 10_000))), Container.PNG) is None


def test_without_pixels_nothing_is_decoded() -> None:
    data = encoded(marked(scene(), PAYLOADS[2]))
    assert examine_bytes(data, pixels=False) == ()


# --- text hidden in the lowest bits ---


def hidden(mark: bytes, body: bytes, size: tuple[int, int] = (160, 120), length: int | None = None) -> Image.Image:
    size_of_body = struct.pack(">I", 8 * len(body) if length is None else length)
    bits = np.unpackbits(np.frombuffer(mark + size_of_body + body, np.uint8))
    alpha = b"png" in mark
    rgba = np.dstack([np.asarray(picture(size=size)), np.full(size[::-1], 255, np.uint8)])
    planes = rgba[:, :, 3:] if alpha else rgba[:, :, :3]
    columns = planes.transpose(1, 0, 2).reshape(-1)
    columns[: len(bits)] = columns[: len(bits)] & 0xFE | bits[: len(columns)]
    planes[:] = columns.reshape(size[0], size[1], -1).transpose(1, 0, 2)
    return Image.fromarray(rgba if alpha else rgba[:, :, :3])


NOVELAI = json.dumps(
    {"Software": "NovelAI", "Description": "a cabbage", "Comment": json.dumps({"request_type": "Img2ImgRequest"})}
).encode()


@pytest.mark.parametrize(
    ("mark", "body"),
    [
        (b"stealth_pngcomp", gzip.compress(NOVELAI)),
        (b"stealth_pnginfo", NOVELAI),
        (b"stealth_rgbcomp", gzip.compress(NOVELAI)),
        (b"stealth_rgbinfo", NOVELAI),
    ],
)
def test_a_hidden_text_is_read_like_any_other(mark: bytes, body: bytes) -> None:
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True})):
        said = signs(encoded(hidden(mark, body), kind, **options))
        assert said["pixels.stealth_text"].facts["mark"] == mark.decode()
        assert said["metadata.generator_text"].facts["mark"] == "novelai"
        assert said["metadata.photo_input"].facts["traces"] == "image to image"
        assert "cabbage" not in "".join(sign.model_dump_json() for sign in said.values())


def test_a_hidden_settings_line_is_read() -> None:
    said = signs(encoded(hidden(b"stealth_pngcomp", gzip.compress(A1111.encode()))))
    assert said["metadata.generator_text"].facts["mark"] == "automatic1111"


@pytest.mark.parametrize("length", [0, 8, 2**31, 2**32 - 1])
def test_a_hidden_length_beyond_the_picture_is_an_empty_text(length: int) -> None:
    said = signs(encoded(hidden(b"stealth_pngcomp", b"x", length=length)))
    assert set(said) == {"pixels.stealth_text"}


def test_a_hidden_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(b"Steps: 1, Sampler: a, CFG scale: 1" + bytes(MAX_BLOCK))
    said = signs(encoded(hidden(b"stealth_pngcomp", bomb, size=(400, 300))))
    assert set(said) == {"pixels.stealth_text"}


def test_a_tiny_picture_hides_nothing() -> None:
    assert signs(encoded(Image.new("RGBA", (1, 1)))) == {}


# --- the preview ---

TAGS: Tags = {0x010F: "NIKON CORPORATION", 0x0110: "Z 9"}
CAMERA: Tags = {0x9003: "2026:01:01 10:00:00", 0x829A: b"\1\0\0\0\x64\0\0\0", 0x927C: b"Nikon\0\x02\x10" + bytes(80)}


def preview(image: Image.Image, shape: tuple[int, int] = (160, 120)) -> bytes:
    """The picture small, on black bars where its shape is another, as cameras do."""
    small = image.copy()
    small.thumbnail(shape)
    canvas = Image.new("RGB", shape)
    canvas.paste(small, ((shape[0] - small.width) // 2, (shape[1] - small.height) // 2))
    return encoded(canvas, "JPEG", quality=80)


def photograph(image: Image.Image, thumbnail: bytes, camera: Tags | None = None) -> bytes:
    data = encoded(image, "JPEG", quality=92)
    return data[:2] + exif_segment(tiff(TAGS, camera or {}, thumbnail=thumbnail)) + data[2:]


@pytest.mark.parametrize("size", [(512, 384), (600, 400), (384, 512), (640, 360)])
def test_a_preview_that_fits_does_so_after_the_bars_are_removed(size: tuple[int, int]) -> None:
    image = scene(2, size)
    said = signs(photograph(image, preview(image)))
    assert said["camera.preview_fits"].forgeable_by is ForgeableBy.ANYONE
    assert float(str(said["camera.preview_fits"].facts["correlation"])) > 0.98


def test_a_cropped_picture_no_longer_fits_its_preview() -> None:
    image = scene(2)
    sign = signs(photograph(image.crop((120, 60, 512, 354)), preview(image)))["camera.preview_differs"]
    assert sign.claim is Claim.EDITED
    assert "to be protected like it" in sign.says


def test_everything_in_agreement_is_not_trivially_forged() -> None:
    image = scene(2)
    found = examine_bytes(photograph(image, preview(image), CAMERA))
    consistent = next(sign for sign in found if sign.name == "camera.consistent")
    assert consistent.forgeable_by is ForgeableBy.CUSTOMER
    assert weigh(found).stands == ()


def test_a_stamp_on_such_a_photograph_is_a_conflict_that_raises() -> None:
    image = scene(2)
    data = photograph(image, preview(image), CAMERA)
    stamped = data[:2] + segment(0xFE, A1111.encode()) + data[2:]
    assert weigh(examine_bytes(stamped)).raises == (Claim.PHOTO_DERIVED, Claim.CONFLICT)


def test_flat_pictures_cannot_be_compared() -> None:
    flat = Image.new("RGB", (512, 384), (90, 90, 90))
    assert likeness(open_evidence(encoded(flat, "JPEG")), preview(flat)) is None
    assert likeness(open_evidence(b"\xff\xd8\xff"), b"\xff\xd8\xff") is None


@pytest.mark.parametrize("size", [(2000, 1), (1, 2000), (3, 3)])
def test_odd_shapes_are_compared_without_trouble(size: tuple[int, int]) -> None:
    stripe = Image.fromarray(np.random.default_rng(1).integers(0, 255, (*size[::-1], 3), dtype=np.uint8))
    assert "examination.failed" not in signs(photograph(stripe, preview(scene(1))))


def test_the_picture_is_decoded_small_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = pixels.small_grey

    def counted(data: bytes, container: Container, side: int) -> Image.Image | None:
        sizes.append(side)
        return real(data, container, side)

    monkeypatch.setattr(pixels, "small_grey", counted)
    evidence = open_evidence(encoded(scene(), "JPEG"))
    for _ in range(3):
        likeness(evidence, preview(scene()))
    assert sizes.count(SMALL_SIDE) == 1


def test_public_photographs_fit_their_previews(public_pictures: Path) -> None:
    for file in ("c2pa/nikon-20221019-building.jpeg", "pdq/exif-rotn/exif-rotn-6.jpg"):
        path = public_pictures / file
        if path.exists():
            assert "camera.consistent" in signs(path.read_bytes())


# --- beside the picture ---


def further_pictures(*, there: bool) -> bytes:
    """A JPEG with an index that names a second picture behind the first."""
    first, second = jpeg(), jpeg(2)
    body_size = 8 + 2 + 12 + 4 + 32
    total = len(first) + 4 + 4 + body_size
    offset = total - (2 + 4 + 4) if there else 12
    entries = bytes(16) + struct.pack(">IIIHH", 0, len(second), offset, 0, 0)
    index = b"MM\0*" + struct.pack(">IHHHIII", 8, 1, 0xB002, 7, 32, 26, 0) + entries
    return first[:2] + segment(0xE2, b"MPF\0" + index) + first[2:] + second


def test_a_second_picture_counts_when_it_is_there() -> None:
    assert signs(further_pictures(there=True))["camera.companions"].facts["holds"] == "further pictures"
    assert signs(further_pictures(there=False)) == {}


def test_a_gain_map_is_named() -> None:
    packet = xmp_packet("", 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"')
    assert signs(webp(xmp=packet))["camera.companions"].facts["holds"] == "a gain map"


def motion(offset: int) -> bytes:
    tail = struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + bytes(100)
    packet = xmp_packet(
        "", f'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MicroVideoOffset="{len(tail) + offset}"'
    )
    data = jpeg()
    return data[:2] + xmp_segment(packet) + data[2:] + tail


def test_a_video_behind_the_picture_counts_when_it_is_there() -> None:
    assert signs(motion(0))["camera.video_tail"].claim is Claim.CAMERA
    assert signs(motion(3)) == {}
    assert "camera.video_tail" in signs(jpeg() + b"MotionPhoto_Data" + struct.pack(">I", 24) + b"ftypmp42")


def test_a_plain_picture_says_nothing() -> None:
    assert signs(png()) == signs(jpeg()) == signs(webp()) == {}
