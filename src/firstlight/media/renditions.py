"""Renditions: what a reviewer sees instead of the original.

A rendition is made anew from pixels in a caged worker: small, grey unless colour is asked for, and without a byte of
the original's metadata, so that nothing the sender wrote reaches a browser but brightness values.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from firstlight.errors import InputError, UnreadableError
from firstlight.media.cage import Cage
from firstlight.media.kinds import MediaType, sniff
from firstlight.media.limits import Limits
from firstlight.media.sources import Source
from firstlight.media.task import CagedFile

if TYPE_CHECKING:
    from PIL import Image

MIN_EDGE: Final = 16
"""Below this a rendition shows nothing."""

MAX_EDGE: Final = 2048
"""The longer edge of the largest rendition: full size is for the investigator, not for the reviewer's screen."""

MAX_BLUR: Final = 64
"""Blur radius in pixels of the rendition."""

PRELOAD: Final = ("firstlight.media.renditions",)
"""What a cage that makes renditions should load before its workers start."""

_TASK: Final = "firstlight.media.renditions:render"
_JPEG_QUALITY: Final = 80
_LONGEST_MARK: Final = 80


class Form(StrEnum):
    """The file format of a rendition: PNG keeps every grey value, JPEG is smaller."""

    PNG = "png"
    JPEG = "jpeg"


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture as it stands upright, in shares of its width and height: 0 is left and top, 1 right and
    bottom.

    Raises:
        InputError: it is empty or reaches beyond the picture.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise InputError("There is no such part of a picture.", hint="Edges are shares from 0 to 1.")

    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom


WHOLE: Final = Region(0, 0, 1, 1)
"""All of a picture."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A small picture made by the server: its bytes, its kind, its size, and the size of the original as shown.

    `frames` says how many frames or pages the original has: 0 where damage hides it. A rendition shows one of them.
    """

    data: bytes
    media_type: MediaType
    width: int
    height: int
    original_width: int
    original_height: int
    frames: int = 0


def rendition(
    cage: Cage,
    source: Source,
    *,
    edge: int = 320,
    colour: bool = False,
    blur: int = 0,
    frame: int = 0,
    region: Region | None = None,
    mark: str = "",
    form: Form | str = Form.PNG,
) -> Rendition:
    """A rendition of a picture, with a longer edge of at most `edge` pixels; never larger than the original.

    The picture stands upright (an EXIF rotation is applied: this is for people, not for hashing), transparency lies on
    white, and `frame` picks one of an animation's frames. `region` is the part that is shown; `mark` is written across
    the pixels, so that a photograph of a screen says whose it was.

    Raises:
        InputError: an option is out of range, or the source could not be opened.
        UnreadableError, LimitError: the picture cannot be decoded.
    """
    if not MIN_EDGE <= edge <= MAX_EDGE:
        raise InputError(f"A rendition of {edge} pixels is not made.", hint=f"Ask for {MIN_EDGE} to {MAX_EDGE}.")
    if not 0 <= blur <= MAX_BLUR or frame < 0:
        raise InputError("There is no such rendition.", hint=f"Blur is 0 to {MAX_BLUR}, frames count from 0.")
    if form not in list(Form):
        raise InputError(f"{form!r} is no form of a rendition.", hint="Use png or jpeg.")
    part = list((region or WHOLE).edges())
    require_mark(mark)
    answer = cage.run(
        _TASK, source, edge=edge, colour=colour, blur=blur, frame=frame, region=part, mark=mark, form=str(form)
    )
    return checked(answer, MediaType.PNG if form == Form.PNG else MediaType.JPEG, edge)


def require_mark(mark: str) -> None:
    """Return if the mark can be written across a picture.

    Raises:
        InputError: it is longer than a line, or holds what the decoder's own letters do not have.
    """
    if len(mark) > _LONGEST_MARK or not ((mark.isascii() and mark.isprintable()) or not mark):
        raise InputError("This mark cannot be written.", hint=f"Use up to {_LONGEST_MARK} plain ASCII characters.")


def checked(answer: dict[str, Any], kind: MediaType, edge: int) -> Rendition:
    """The worker is not trusted: what leaves for a browser has the agreed kind and size, or does not leave."""
    data, sizes, frames = answer.get("data"), answer.get("sizes"), answer.get("frames", 0)
    if not isinstance(data, bytes) or sniff(data) is not kind or not isinstance(sizes, list):
        raise UnreadableError("The decoder answered nonsense about it.", code="unreadable.worker-died")
    if len(sizes) != 4 or not all(isinstance(size, int) and size > 0 for size in sizes) or max(sizes[:2]) > edge:
        raise UnreadableError("The decoder answered nonsense about it.", code="unreadable.worker-died")
    width, height, original_width, original_height = sizes
    shown = frames if isinstance(frames, int) and frames > 0 else 0
    return Rendition(data, kind, width, height, original_width, original_height, shown)


def prepare() -> None:
    """Load what draws letters before the first foreign byte comes."""
    from PIL import ImageDraw, ImageFilter, ImageFont  # noqa: F401 - loaded for later

    ImageFont.load_default(12)


def render(
    file: CagedFile,
    limits: Limits,
    *,
    edge: int,
    colour: bool,
    blur: int,
    frame: int,
    region: list[float],
    mark: str,
    form: str,
) -> dict[str, Any]:
    """The task: decode, shrink, turn upright, cut out, flatten, blur, mark, and write anew without metadata."""
    from PIL import Image, ImageFilter  # the caller's side of this module needs no decoder

    from firstlight.media.pictures import check_pixels, decoding, frame_total, open_picture

    mode = "RGB" if colour else "L"
    left, top, right, bottom = region
    whole = int(edge / max(right - left, bottom - top))  # of the whole picture, so that the part fills the edge
    with open_picture(file, limits) as image, decoding(file.media_type):
        if frame:
            _seek(image, frame, limits)
            check_pixels(image, limits)
        full = image.size
        image.draft(mode, (whole, whole))
        image.load()  # before the metadata is asked for: reading EXIF would load a PNG and swallow its damage
        turn = _turn(image)
        width, height = full[::-1] if turn in _SWAPPING else full
        flat = shrunk(image, whole, mode)
        if turn is not None:
            flat = flat.transpose(Image.Transpose[turn])
        flat = flat.crop(_box(region, flat.size, edge))
        if blur:
            flat = flat.filter(ImageFilter.GaussianBlur(blur))
    with open_picture(file, limits) as counted:  # another reader: counting moves the one that counts
        frames = frame_total(counted) or 0
    return {"data": written(flat, mark, form), "sizes": [*flat.size, width, height], "frames": frames}


def shrunk(image: Image.Image, edge: int, mode: str) -> Image.Image:
    """The picture with a longer edge of at most `edge` pixels, eight bits deep, on white."""
    from PIL import Image

    small = _eight_bit(image)
    small.thumbnail((edge, edge), Image.Resampling.BOX, reducing_gap=2.0)
    return _flattened(small, mode)


def written(image: Image.Image, mark: str, form: str) -> bytes:
    """The picture as a file of this form, with the mark across it, and nothing else."""
    from PIL import Image

    out = io.BytesIO()
    seen = _marked(image, mark) if mark else image
    clean = Image.frombytes(seen.mode, seen.size, seen.tobytes())  # pixels only: whatever hung on it stays behind
    options: dict[str, Any] = {"quality": _JPEG_QUALITY} if form == Form.JPEG else {}
    clean.save(out, form.upper(), **options)
    return out.getvalue()


_MARK_STEP: Final = 120
"""Pixels from one line of the mark to the next: no part worth photographing is without it."""


def _marked(image: Image.Image, mark: str) -> Image.Image:
    """The mark in faint lines over all of the picture, light on dark and dark on light."""
    from PIL import Image, ImageDraw, ImageFont

    size = max(9, min(16, image.width // 24))
    font = ImageFont.load_default(size)
    light, dark = Image.new("L", image.size, 0), Image.new("L", image.size, 0)
    length = int(font.getlength(mark)) + 2 * size
    for line, y in enumerate(range(size // 2, image.height, _MARK_STEP)):
        for x in range(-(line % 2) * length // 2 + size // 2, image.width, length):
            ImageDraw.Draw(dark).text((x + 1, y + 1), mark, fill=110, font=font)
            ImageDraw.Draw(light).text((x, y), mark, fill=110, font=font)
    black, white = Image.new(image.mode, image.size, "black"), Image.new(image.mode, image.size, "white")
    return Image.composite(white, Image.composite(black, image, dark), light)


def _box(region: Sequence[float], size: tuple[int, int], edge: int) -> tuple[int, int, int, int]:
    """The region in pixels: at least one, at most `edge` each way."""
    width, height = size
    left, top = int(region[0] * width), int(region[1] * height)
    right, bottom = max(left + 1, round(region[2] * width)), max(top + 1, round(region[3] * height))
    return left, top, min(right, left + edge), min(bottom, top + edge)


_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_SWAPPING: Final = ("TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")


def _turn(image: Image.Image) -> str | None:
    """How the picture has to be turned to stand upright; damaged metadata turns nothing."""
    from firstlight.media.pictures import decoding

    try:
        with decoding(None):
            return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except UnreadableError:
        return None


def _seek(image: Image.Image, frame: int, limits: Limits) -> None:
    from firstlight.media.pictures import count_frames

    frames = count_frames(image, limits)
    if frame >= frames:
        raise InputError(f"There is no frame {frame}: the picture has {frames}.", hint="Frames count from 0.")
    image.seek(frame)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Deep grey made visible: 16 bits keep their upper byte, other ranges are stretched to black and white."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256) + 0).convert("L")
    if image.mode in ("I", "F"):
        low, high = image.getextrema()
        span = max(float(high) - float(low), 1e-9)  # type: ignore[arg-type] # one band: two numbers
        scale, offset = 255 / span, -255 * float(low) / span  # type: ignore[arg-type]
        return image.convert("F").point(lambda value: value * scale + offset).convert("L")
    return image


def _flattened(image: Image.Image, mode: str) -> Image.Image:
    """The picture on white, where it is transparent."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert(mode)
    return image.convert("RGB").convert(mode)
