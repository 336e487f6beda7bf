"""Opening pictures inside the cage. Pillow (with pillow-heif) is the decoder, and the only one that names a fault;
plain PNG files without any are read quicker by `media.png`. Nothing here runs outside a worker.

Only the format that the first bytes show is tried: a decoder that was not asked for never sees foreign bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError

from firstlight.errors import FirstlightError, LimitError, UnreadableError
from firstlight.media.kinds import MediaType
from firstlight.media.limits import Limits
from firstlight.media.task import CagedFile

_FORMATS = {
    MediaType.JPEG: "JPEG",
    MediaType.PNG: "PNG",
    MediaType.GIF: "GIF",
    MediaType.WEBP: "WEBP",
    MediaType.TIFF: "TIFF",
    MediaType.BMP: "BMP",
    MediaType.HEIC: "HEIF",
    MediaType.AVIF: "AVIF",
}

_START_OF_SCAN = b"\xff\xda"
_TRUNCATED_WORDS = (
    "truncated",
    "end of file",
    "unexpected end",
    "premature",
    "eof",
    "not enough image data",
    "incomplete",
)


def open_picture(file: CagedFile, limits: Limits) -> Image.Image:
    """The picture with its header read and its pixels untouched, so that every cap is checked before they are.

    Raises:
        UnreadableError: it is no picture (unreadable.empty, unreadable.not-a-picture) or a damaged one
            (unreadable.truncated, unreadable.broken).
        LimitError: more pixels, scans, metadata or bytes than `limits` allow.
    """
    kind = file.media_type
    if kind is MediaType.EMPTY:
        raise UnreadableError("The file is empty.", code="unreadable.empty")
    if kind.is_video:
        raise UnreadableError(
            f"This is {kind.words}, not a picture.", hint="Its key frames can be hashed.", code="unreadable.video"
        )
    if kind not in _FORMATS:
        raise UnreadableError(
            f"This is {kind.words}, not a picture that can be hashed.",
            code="unreadable.not-a-picture",
            media_type=str(kind),
        )
    data = file.read()
    if kind is MediaType.HEIC:
        _register_heif()
    _set_caps(limits)
    with decoding(kind):
        image = Image.open(io.BytesIO(data), formats=[_FORMATS[kind]])
    check_pixels(image, limits)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.info.get("progressive"):
        _check_scans(data, limits)
    return image


def check_pixels(image: Image.Image, limits: Limits) -> None:
    """Refuse a picture or frame whose size alone says that it costs too much.

    Raises:
        LimitError: it has more pixels than `limits.pixels`.
    """
    if image.width * image.height > limits.pixels:
        raise LimitError(
            f"The picture would unpack to {image.width} x {image.height} pixels; up to {limits.pixels} are decoded.",
            hint="Look at it with a tool made for very large pictures; the file is kept.",
            code="limit.pixels",
            width=image.width,
            height=image.height,
        )


def count_frames(image: Image.Image, limits: Limits) -> int:
    """How many frames an animation or pages a document has, counted up to `limits.frames`; 1 for a still picture.

    A file whose later frames are damaged counts as one, because nobody can tell where its frames end.
    """
    return max(1, min(frame_total(image) or 1, limits.frames))


def frame_total(image: Image.Image) -> int | None:
    """How many frames or pages the file holds, or None when damage hides it.

    The further pictures that telephones put into a JPEG (previews, gain and depth maps) are no frames.
    """
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return 1
    try:
        with decoding(None):
            return int(getattr(image, "n_frames", 1))
    except UnreadableError:
        return None


@contextmanager
def decoding(kind: MediaType | None) -> Iterator[None]:
    """Turn whatever Pillow and its libraries raise on foreign bytes into an `UnreadableError`, once and for all.

    A `MemoryError` passes: the worker answers it as limit.memory.
    """
    words = kind.words if kind else "a picture"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (FirstlightError, MemoryError):
        raise
    except UnidentifiedImageError as e:
        raise UnreadableError(f"It begins like {words}, but it is not one.", code="unreadable.broken") from e
    except Image.DecompressionBombError as e:
        raise LimitError("The picture would unpack to too many pixels.", code="limit.pixels") from e
    except Exception as e:
        said = str(e).lower()
        if isinstance(e, ValueError) and "max_text" in said:
            raise LimitError("The picture carries too much metadata.", code="limit.metadata") from e
        if isinstance(e, EOFError) or any(sign in said for sign in _TRUNCATED_WORDS):
            raise UnreadableError(
                f"It is {words} that breaks off before its end.",
                hint="Look for a whole copy; this file is kept as it is.",
                code="unreadable.truncated",
            ) from e
        raise UnreadableError(f"It is {words} that is damaged: {type(e).__name__}.", code="unreadable.broken") from e


def _set_caps(limits: Limits) -> None:
    Image.MAX_IMAGE_PIXELS = None  # our own check speaks: it comes first and has no warning stage
    PngImagePlugin.MAX_TEXT_CHUNK = limits.metadata_bytes
    PngImagePlugin.MAX_TEXT_MEMORY = limits.metadata_bytes


def _check_scans(data: bytes, limits: Limits) -> None:
    """Each scan is a pass over all pixels, so that a small file can cost minutes.

    The marker cannot occur inside a scan; one in an embedded preview is counted too, which the cap has room for.
    """
    scans = data.count(_START_OF_SCAN)
    if scans > limits.scans:
        raise LimitError(
            f"The progressive JPEG has {scans} scans; up to {limits.scans} are decoded.",
            hint="No camera or editor writes so many: a person has to look at this file.",
            code="limit.scans",
            scans=scans,
        )


def _register_heif() -> None:
    try:
        import pillow_heif  # a large library that most runs never need
    except ImportError as e:
        raise UnreadableError(
            "This is an HEIC picture; the decoder for it is not installed.",
            hint="Install it with: pip install 'firstlight[heic]'. The file is kept as it is until then.",
            code="unreadable.no-decoder",
        ) from e
    pillow_heif.register_heif_opener(thumbnails=False)
