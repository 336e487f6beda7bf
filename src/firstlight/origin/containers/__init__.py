"""One bounded walker per container, and the choice between them."""

from __future__ import annotations

from typing import Final

from firstlight.origin.container import Container, Walk, container_of
from firstlight.origin.containers import gif, isobmff, jpeg, png, tiff, webp

_WALKERS: Final = {
    Container.JPEG: jpeg.walk,
    Container.PNG: png.walk,
    Container.WEBP: webp.walk,
    Container.GIF: gif.walk,
    Container.TIFF: tiff.walk,
    Container.HEIC: isobmff.walk,
    Container.AVIF: isobmff.walk,
    Container.MP4: isobmff.walk,
}


def walk(data: bytes) -> Walk:
    """The blocks of metadata that these bytes carry; empty for containers that are not walked. Never raises."""
    found = Walk(container_of(data))
    if walker := _WALKERS.get(found.container):
        walker(memoryview(data), found)
    return found
