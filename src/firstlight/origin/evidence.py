"""One file opened for examination: its bytes and what the bounded readers found, made once and shared by detectors.

An `Evidence` belongs to one file and is thrown away with it; no reader keeps anything between two files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from firstlight.origin import exif as tags
from firstlight.origin import xmp
from firstlight.origin.bounded import bounded_json
from firstlight.origin.container import Carries, Container, Walk
from firstlight.origin.containers import walk
from firstlight.origin.exif import Directory, Exif, read_exif, user_comment, wide_text
from firstlight.origin.hidden_text import fields_of, hidden_text
from firstlight.origin.xmp import Properties, read_xmp

if TYPE_CHECKING:
    from PIL import Image


SMALL_SIDE: Final = 96

MAX_EXIF: Final = 8
"""Blocks of EXIF that are read. Files have one, rarely two."""

MAX_TEXTS: Final = 1_000
MAX_TEXT_TOTAL: Final = 8 << 20
"""Texts looked at, and their characters together: tags may point at one another's bytes, so that a small block could
hold many large texts."""


@dataclass(frozen=True)
class Text:
    """A text that the file carries, with the name of the field and the place it stands in. Never shown to anyone."""

    field: str
    value: str
    where: str

    @property
    def sha256(self) -> str:
        """The digest of the text, by which the excerpt can be found again in the original."""
        return hashlib.sha256(self.value.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The object or list that the text writes, read once; None when it writes none.

        Programs that keep a graph in EXIF put its name in front.
        """
        return bounded_json(self.value.removeprefix("prompt:").removeprefix("workflow:"))


@dataclass(slots=True)
class Evidence:
    """What the readers found in one file."""

    data: bytes
    container: Container
    walk: Walk
    exif: list[tuple[str, Exif]] = field(default_factory=list)
    xmp: list[tuple[str, Properties]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    pixels: bool = True
    hidden_mark: str = ""
    _picture: list[Image.Image | None] = field(default_factory=list)
    _small: list[Image.Image | None] = field(default_factory=list)

    def picture(self) -> Image.Image | None:
        """The decoded picture, decoded at the first asking; None when it cannot be, or is too large."""
        if not self.pixels or not self.walk.pixels_at:
            return None
        if not self._picture:
            from firstlight.origin.pixels import open_picture

            self._picture.append(open_picture(self.data, self.container))
        return self._picture[0]

    def small_grey(self) -> Image.Image | None:
        """The picture in grey and about a hundred pixels wide, decoded once; None when it cannot be had."""
        if not self.pixels or not self.walk.pixels_at:
            return None
        if not self._small:
            from firstlight.origin.pixels import small_grey

            self._small.append(small_grey(self.data, self.container, SMALL_SIDE))
        return self._small[0]


def open_evidence(data: bytes, *, pixels: bool = True) -> Evidence:
    """Read everything that speaks of origin in these bytes, within the limits of the readers. Never raises.

    Without `pixels` no decoder sees them: only what stands beside the picture is read.
    """
    walked = walk(data)
    evidence = Evidence(data, walked.container, walked, pixels=pixels)
    if walked.exif is not None:
        evidence.exif.append(("the file's own tags", walked.exif))
    for block in walked.of(Carries.EXIF)[:MAX_EXIF]:
        found = read_exif(block.data)
        if found is not None:
            evidence.exif.append((block.where, found))
    evidence.xmp = [(block.where, read_xmp(block.data)) for block in walked.of(Carries.XMP)]
    sources = (_chunk_texts(walked), _exif_texts(evidence), _xmp_texts(evidence), _iim_texts(walked))
    evidence.texts = _limited(chain(*sources, _hidden_texts(evidence)), walked)
    return evidence


def _limited(texts: Iterable[Text], walked: Walk) -> list[Text]:
    out: list[Text] = []
    room = MAX_TEXT_TOTAL
    for text in texts:
        room -= len(text.value)
        if room < 0 or len(out) >= MAX_TEXTS:
            walked.stop("the texts are more than is read")
            break
        out.append(text)
    return out


_CAN_HIDE: Final = frozenset({Container.PNG, Container.WEBP})


def _hidden_texts(evidence: Evidence) -> list[Text]:
    picture = evidence.picture() if evidence.container in _CAN_HIDE else None
    found = hidden_text(picture) if picture else None
    if found is None:
        return []
    evidence.hidden_mark = found[0]
    return [Text(name, value, "lowest bits of the pixels") for name, value in fields_of(found[1])]


def _chunk_texts(walked: Walk) -> Iterator[Text]:
    for block in walked.of(Carries.TEXT):
        yield Text(block.key, block.data.decode("utf-8", "replace"), block.where)


_PLAIN: Final = {
    tags.DESCRIPTION: "ImageDescription",
    tags.MAKE: "Make",
    tags.MODEL: "Model",
    tags.SOFTWARE: "Software",
    tags.ARTIST: "Artist",
}
_WIDE: Final = {
    tags.XP_TITLE: "XPTitle",
    tags.XP_COMMENT: "XPComment",
    tags.XP_AUTHOR: "XPAuthor",
    tags.XP_KEYWORDS: "XPKeywords",
    tags.XP_SUBJECT: "XPSubject",
}


def _exif_texts(evidence: Evidence) -> Iterator[Text]:
    for where, exif in evidence.exif:
        for tag, name in _PLAIN.items():
            if text := exif.text(Directory.PICTURE, tag):
                yield Text(name, text, where)
        for tag, name in _WIDE.items():
            if (raw := exif.get(Directory.PICTURE, tag)) is not None:
                yield Text(name, wide_text(raw.raw), where)
        for directory in (Directory.CAMERA, Directory.PICTURE):
            if (raw := exif.get(directory, tags.USER_COMMENT)) is not None:
                yield Text("UserComment", user_comment(raw.raw, little=exif.little), where)


_XMP_TEXTS: Final = {
    (xmp.EXIF, "UserComment"): "UserComment",
    (xmp.DUBLIN_CORE, "description"): "Description",
    (xmp.DUBLIN_CORE, "title"): "Title",
    (xmp.XMP, "CreatorTool"): "CreatorTool",
    (xmp.PHOTOSHOP, "Credit"): "Credit",
    (xmp.TIFF, "Software"): "Software",
}


def _xmp_texts(evidence: Evidence) -> Iterator[Text]:
    for where, properties in evidence.xmp:
        for (namespace, name), label in _XMP_TEXTS.items():
            for value in properties.get(namespace, name):
                yield Text(label, value, f"XMP in {where}")


_IIM: Final = {(2, 5): "Title", (2, 65): "Software", (2, 110): "Credit", (2, 115): "Source", (2, 120): "Description"}
_MAX_DATASETS: Final = 1_000


def _iim_texts(walked: Walk) -> Iterator[Text]:
    """The texts of IPTC-IIM: a row of marker, record, number, length, value."""
    for block in walked.of(Carries.IIM):
        data, at = block.data, 0
        for _ in range(_MAX_DATASETS):
            if at + 5 > len(data) or data[at] != 0x1C:
                break
            size = int.from_bytes(data[at + 3 : at + 5])
            name = _IIM.get((data[at + 1], data[at + 2]))
            if name and size < 0x8000:
                yield Text(name, data[at + 5 : at + 5 + size].decode("utf-8", "replace"), f"IPTC in {block.where}")
            at += 5 + size
