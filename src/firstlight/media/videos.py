"""Opening videos inside the cage, by PyAV. Nothing here runs outside a worker."""

from __future__ import annotations

import importlib
from typing import Any

from firstlight.errors import LimitError, MissingExtraError, UnreadableError
from firstlight.media.kinds import MediaType
from firstlight.media.limits import Limits
from firstlight.media.pictures import decoding
from firstlight.media.task import CagedFile

_CONTAINERS = {
    MediaType.MP4: "mp4",
    MediaType.QUICKTIME: "mov",
    MediaType.MATROSKA: "matroska",
    MediaType.AVI: "avi",
    MediaType.MPEG: "mpeg",
}


def open_video(file: CagedFile, limits: Limits) -> tuple[Any, Any]:
    """The container and its first stream of moving pictures, sizes checked and no frame decoded.

    Raises:
        MissingExtraError: PyAV is not installed.
        UnreadableError: it holds no moving picture.
        LimitError: its frames have too many pixels.
    """
    try:
        av = importlib.import_module("av")
    except ImportError as e:
        raise MissingExtraError(
            f"This is {file.media_type.words}; PyAV, which opens it, is not installed.",
            hint="Install it with: pip install 'firstlight[video]'",
        ) from e
    with decoding(file.media_type):
        container = _opened(av, file)
        if not container.streams.video:
            raise UnreadableError("It holds no moving picture.", code="unreadable.no-frame")
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        width, height = int(stream.codec_context.width), int(stream.codec_context.height)
    if width * height > limits.pixels:
        raise LimitError(f"Its frames have {width} x {height} pixels.", code="limit.pixels", width=width, height=height)
    if width < 1 or height < 1:
        raise UnreadableError("It holds no moving picture.", code="unreadable.no-frame")
    return container, stream


def _opened(av: Any, file: CagedFile) -> Any:  # noqa: ANN401 - PyAV is optional
    form = _CONTAINERS[file.media_type]
    try:
        return av.open(file.open(), format=form, metadata_errors="ignore")
    except TypeError:  # later versions have no such option, and are tolerant
        return av.open(file.open(), format=form)


def length(container: Any) -> float | None:  # noqa: ANN401 - PyAV is optional
    """The seconds that the file claims to last, if it does."""
    return float(container.duration) / 1e6 if container.duration and container.duration > 0 else None
