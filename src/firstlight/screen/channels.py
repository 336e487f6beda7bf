"""By which ways a picture could have been found, and what stood in the way of the others.

A report that says "nothing found" is worth as much as the ways by which something could have been found. Each picture
carries its own.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final

from firstlight.screen.member import Facts


class Channel(IntFlag):
    """A way in which a member could be compared with a list."""

    STORED = 1
    """The digests of the bytes as they are stored, and nothing says that they are not the original's."""
    RECORDED = 2
    """A digest that was taken at download, before any resize, and recorded beside the picture."""
    PDQ = 4
    """The perceptual hash of the whole picture."""
    UNBORDERED = 8
    """The perceptual hash of what is inside the borders that a downloader put around the picture."""


class Obstacle(IntFlag):
    """What stood in the way of a channel."""

    REENCODED = 1
    """The recorded digest is another than that of the stored bytes: those digests are in no list."""
    BORDERED = 2
    """Borders were put around it, which no perceptual hash survives."""
    CROPPED = 4
    """Its sides have another proportion than the original's, and there are no borders: a part is missing."""
    PLAIN = 8
    """Too little in it for a perceptual hash (PDQ quality below 50)."""
    UNREADABLE = 16
    """It could not be decoded."""
    NO_BYTES = 32
    """Its bytes could not be had."""
    SMALL = 64
    """It was made smaller than 256 pixels: perceptual hashes of such copies differ by more than the usual threshold."""


CHANNEL_WORDS: Final = {
    Channel.STORED: "digests of the stored bytes",
    Channel.RECORDED: "digests recorded at download",
    Channel.PDQ: "perceptual hash of the whole picture",
    Channel.UNBORDERED: "perceptual hash inside the borders",
}

OBSTACLE_WORDS: Final = {
    Obstacle.REENCODED: "re-encoded: the stored bytes are in no list",
    Obstacle.BORDERED: "borders were added",
    Obstacle.CROPPED: "cropped",
    Obstacle.PLAIN: "too little in it for a perceptual hash",
    Obstacle.UNREADABLE: "could not be decoded",
    Obstacle.NO_BYTES: "its bytes could not be had",
    Obstacle.SMALL: "made smaller than 256 pixels",
}

MIN_QUALITY: Final = 50
SMALL_SIDE: Final = 256


def obstacles_of_size(size: tuple[int, int], facts: Facts, bordered: bool) -> Obstacle:
    """What the recorded original size says about a stored picture of this size."""
    if not facts.width or not facts.height:
        return Obstacle(0)
    out = Obstacle(0)
    if bordered:
        out |= Obstacle.BORDERED
    elif not same_shape(size, (facts.width, facts.height)):
        out |= Obstacle.CROPPED
    if max(size) < SMALL_SIDE <= max(facts.width, facts.height):
        out |= Obstacle.SMALL
    return out


def same_shape(size: tuple[int, int], original: tuple[int, int]) -> bool:
    """Whether one is the other resized: each side is off by no more than rounding, upright or turned by EXIF."""
    width, height = size
    for full_width, full_height in (original, original[::-1]):
        by_width, by_height = width / full_width, height / full_height
        if abs(full_height * by_width - height) <= 1 or abs(full_width * by_height - width) <= 1:
            return True
    return False


def content_boxes(size: tuple[int, int], original: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Where the picture lies inside its borders (left, top, right, bottom), if a downloader has put some around it.

    img2dataset's `border` shrinks the longer side to the stored side, rounds the shorter one, and centres it; pictures
    that were smaller already may keep their size. None where the proportions leave no room for borders.
    """
    width, height = size
    if width != height or same_shape(size, original):
        return []
    scales = [width / max(original)]
    if max(original) < width:
        scales.insert(0, 1.0)
    boxes = []
    for scale in scales:
        inner = max(1, round(original[0] * scale)), max(1, round(original[1] * scale))
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        if inner[0] <= width and inner[1] <= height:
            boxes.append((left, top, left + inner[0], top + inner[1]))
    return boxes
