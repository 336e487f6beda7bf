"""How much one piece of foreign media may cost. Every cap is a named constant with its reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass

MAX_PIXELS = 210_000_000
"""The largest sensors in telephones deliver 200 megapixels; a 50 kB file can unpack to far more."""

MAX_FRAMES = 1_000
"""Frames of an animation that are counted or looked at: more than half a minute at 30 a second."""

MAX_SCANS = 100
"""Scans of a progressive JPEG: encoders write about ten; each further one costs a pass over all pixels."""

MAX_METADATA_BYTES = 16 * 2**20
"""Text, EXIF, XMP, ICC and content credentials in one picture: real ones stay well under a megabyte."""

MAX_FILE_BYTES = 2**30
"""A picture file: 200 megapixels without any compression are 600 MB."""

MAX_MEMORY_BYTES = 3 * 2**30
"""Address space beyond the idle worker's: the largest picture as decoded (840 MB), as RGB, and the file itself."""

MAX_CPU_SECONDS = 60
"""The largest PNG inflates in about five seconds; slow machines and heavy codecs take ten times as long."""

MAX_WALL_SECONDS = 120.0
"""As CPU, doubled: on a loaded machine an honest picture waits for its turn."""

MAX_REPLY_BYTES = 64 * 2**20
"""What one task may hand back: a few renditions, never a whole decoded picture."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one task in the cage may use. Beyond it the task is stopped and answers a `LimitError`."""

    pixels: int = MAX_PIXELS
    frames: int = MAX_FRAMES
    scans: int = MAX_SCANS
    metadata_bytes: int = MAX_METADATA_BYTES
    file_bytes: int = MAX_FILE_BYTES
    memory_bytes: int = MAX_MEMORY_BYTES
    cpu_seconds: int = MAX_CPU_SECONDS
    wall_seconds: float = MAX_WALL_SECONDS
    reply_bytes: int = MAX_REPLY_BYTES

    def as_dict(self) -> dict[str, int | float]:
        """The limits as plain JSON values."""
        return asdict(self)


DEFAULT_LIMITS = Limits()
