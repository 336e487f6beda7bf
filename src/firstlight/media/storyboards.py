"""Storyboards: a few small frames of what moves, side by side, with their times; without sound, and never played.

Made anew from pixels in a caged worker, as renditions are. A storyboard shows some frames; it never shows everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from firstlight.errors import InputError, UnreadableError
from firstlight.media.cage import Cage
from firstlight.media.kinds import MediaType
from firstlight.media.limits import Limits
from firstlight.media.renditions import Form, Rendition, checked, require_mark, shrunk, written
from firstlight.media.renditions import prepare as prepare
from firstlight.media.sources import Source
from firstlight.media.task import CagedFile

if TYPE_CHECKING:
    from PIL import Image

COLUMNS: Final = 3
MOST_FRAMES: Final = 12
"""Frames of a storyboard: what fits on a screen beside the facts."""

SHORTEST_TILE, LONGEST_TILE = 48, 512
STORYBOARD_PRELOAD: Final = ("firstlight.media.storyboards",)
"""What a cage that makes storyboards should load before its workers start."""

_TASK: Final = "firstlight.media.storyboards:draw"
_GAP: Final = 4
_CAPTION: Final = 18
_GIVEN_FRAME_SECONDS: Final = 0.1


def storyboard(
    cage: Cage, source: Source, *, tile: int = 160, frames: int = 9, colour: bool = False, mark: str = ""
) -> Rendition:
    """Up to `frames` frames spread over an animation, a document's pages or a video, each at most `tile` pixels long.

    `original_width` and `original_height` of the answer are those of a frame.

    Raises:
        InputError: an option is out of range, or the source could not be opened.
        MissingExtraError: it is a video, and PyAV is not installed.
        UnreadableError, LimitError: no frame can be decoded.
    """
    if not (SHORTEST_TILE <= tile <= LONGEST_TILE and 1 <= frames <= MOST_FRAMES):
        raise InputError("There is no such storyboard.", hint=f"It has 1 to {MOST_FRAMES} frames of up to 512 pixels.")
    require_mark(mark)
    answer = cage.run(_TASK, source, tile=tile, frames=frames, colour=colour, mark=mark)
    return checked(answer, MediaType.PNG, max(COLUMNS * (tile + _GAP), MOST_FRAMES * (tile + _CAPTION + _GAP)))


def draw(file: CagedFile, limits: Limits, *, tile: int, frames: int, colour: bool, mark: str) -> dict[str, Any]:
    """The task: decode frames, shrink each, put them side by side with their times."""
    mode = "RGB" if colour else "L"
    made: list[tuple[float, Image.Image]] = []
    size = (0, 0)
    chosen = _of_video if file.media_type.is_video else _of_animation
    try:
        for seconds, image in chosen(file, limits, frames):
            size = size if made else image.size
            made.append((seconds, shrunk(image, tile, mode)))
    except UnreadableError:
        if not made:
            raise
    if not made:
        raise UnreadableError("It holds no frame that can be decoded.", code="unreadable.no-frame")
    sheet = _sheet(made, mode)
    return {"data": written(sheet, mark, Form.PNG), "sizes": [*sheet.size, *size]}


def _sheet(made: list[tuple[float, Image.Image]], mode: str) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    columns = min(COLUMNS, len(made))
    width = max(image.width for _, image in made) + _GAP
    height = max(image.height for _, image in made) + _CAPTION + _GAP
    sheet = Image.new(mode, (columns * width, -(-len(made) // columns) * height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for place, (seconds, image) in enumerate(made):
        x, y = place % columns * width, place // columns * height
        sheet.paste(image, (x, y))
        minutes, rest = divmod(min(seconds, 359_999.0), 60)
        pen.text((x + 2, y + image.height + 2), f"{int(minutes)}:{rest:04.1f}", fill="black", font=font)
    return sheet


def _of_animation(file: CagedFile, limits: Limits, frames: int) -> Iterator[tuple[float, Image.Image]]:
    from firstlight.media.pictures import check_pixels, count_frames, decoding, open_picture

    with open_picture(file, limits) as counted:
        total = count_frames(counted, limits)
    wanted = {round(place * (total - 1) / max(1, frames - 1)) for place in range(frames)}
    seconds = 0.0
    with open_picture(file, limits) as image:
        for index in range(max(wanted) + 1):
            copy: Image.Image | None = None
            with decoding(file.media_type):
                image.seek(index)
                check_pixels(image, limits)
                if index in wanted:
                    image.load()
                    copy = image.copy()
                told = image.info.get("duration")
            if copy is not None:
                yield seconds, copy
            seconds += told / 1000 if isinstance(told, int | float) and 0 <= told < 86_400_000 else _GIVEN_FRAME_SECONDS


def _of_video(file: CagedFile, limits: Limits, frames: int) -> Iterator[tuple[float, Image.Image]]:
    """Frames that stand by themselves, near evenly spread times; the first ones where the length is not told."""
    from firstlight.media.pictures import decoding
    from firstlight.media.videos import length, open_video

    container, stream = open_video(file, limits)
    told = length(container)
    last = -1.0
    for place in range(frames):
        with decoding(file.media_type):
            if told:
                container.seek(int(told * (place + 0.5) / frames * 1_000_000))
            frame = next(container.decode(stream), None)
            if frame is None:
                return
            seconds = max(0.0, float(frame.time or 0.0))
            if seconds <= last:
                continue
            image = frame.to_image()
        last = seconds
        yield seconds, image
