"""Text hidden in the lowest bit of the alpha or colour values, column by column ("stealth" metadata)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from firstlight.origin.bounded import bounded_json
from firstlight.origin.container import MAX_BLOCK, inflate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

_MARKS: Final = {
    b"stealth_pnginfo": False,
    b"stealth_pngcomp": True,
    b"stealth_rgbinfo": False,
    b"stealth_rgbcomp": True,
}
"""What the bits begin with, and whether the text after it is deflated."""

_MARK: Final = 15
_LENGTH: Final = 4
_GZIP: Final = 16 + zlib.MAX_WBITS


def hidden_text(picture: Image.Image) -> tuple[str, str] | None:
    """The mark and the text, or None when there is no mark. A text that is damaged or too long is empty."""
    import numpy as np

    transparent = "A" in picture.getbands() or "transparency" in picture.info
    pixels = np.asarray(picture.convert("RGBA" if transparent else "RGB"))
    for planes in ([pixels[:, :, 3:4]] if pixels.shape[2] == 4 else []) + [pixels[:, :, :3]]:
        head = _lowest_bits(planes, _MARK + _LENGTH)
        mark = head[:_MARK]
        if mark not in _MARKS:
            continue
        size = int.from_bytes(head[_MARK:]) // 8
        start = _MARK + _LENGTH
        if not 0 < size <= min(MAX_BLOCK, planes.size // 8 - start):
            return mark.decode(), ""
        raw: bytes | None = _lowest_bits(planes, start + size)[start:]
        if _MARKS[mark] and raw is not None:
            raw = inflate(raw, wbits=_GZIP)
        return mark.decode(), (raw or b"").decode("utf-8", "replace")
    return None


def _lowest_bits(planes: npt.NDArray[np.uint8], size: int) -> bytes:
    """The first `size` bytes of the lowest bits, column by column; fewer when the picture is smaller."""
    import numpy as np

    height, _, depth = planes.shape
    columns = -(-size * 8 // (height * depth))
    bits: npt.NDArray[Any] = planes[:, :columns].transpose(1, 0, 2).reshape(-1) & 1
    return np.packbits(bits[: size * 8]).tobytes()


def fields_of(text: str) -> Iterator[tuple[str, str]]:
    """The named fields of a hidden text: an object's texts by their keys, or the whole as settings."""
    found = bounded_json(text)
    if isinstance(found, dict):
        yield from ((str(key), value) for key, value in found.items() if isinstance(value, str))
    elif text:
        yield "parameters", text
