"""Looking something up in the banks: by its bytes, by its pixels, and by the frames of what moves.

A moving picture is looked up by every key frame. What a frame matches is said with the frame's time and speaks of that
frame alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from firstlight.banks import Library, Match
from firstlight.hashing import ORIENTATIONS, FrameHash, PictureHash
from firstlight.values import Digests, Pdq


def still_matches(
    library: Library,
    digests: Digests,
    picture: PictureHash | None,
    *,
    banks: Sequence[str] | None = None,
    any_orientation: bool = False,
) -> tuple[Match, ...]:
    """What the banks hold of these bytes and this picture; with `any_orientation`, turned and mirrored ones too."""
    turned = turned_hashes(picture) if picture is not None and any_orientation else None
    return library.match(digests, picture.pdq if picture else None, banks=banks, any_orientation=turned)


def moving_matches(
    library: Library, digests: Digests, frames: Iterable[FrameHash], *, banks: Sequence[str] | None = None
) -> tuple[Match, ...]:
    """What the banks hold of these bytes and of each of these frames. Every entry appears once: by its digest, else by
    the nearest frame that no `allow` bank vetoes, else by the nearest."""
    by_bytes = library.match(digests, None, banks=banks)
    best: dict[tuple[str, str], Match] = {}
    for frame in frames:
        for match in library.match(None, frame.pdq, banks=banks):
            known = best.get((match.bank, match.entry))
            if known is None or _strength(match) < _strength(known):
                best[match.bank, match.entry] = match.model_copy(update={"seconds": frame.seconds})
    for match in by_bytes:
        best.pop((match.bank, match.entry), None)
    return (*by_bytes, *sorted(best.values(), key=lambda m: (m.distance, m.bank, m.entry)))


def turned_hashes(picture: PictureHash) -> dict[str, Pdq]:
    """The hashes of the picture's seven other orientations, by name."""
    pairs = zip(ORIENTATIONS[1:], picture.orientations[1:], strict=True)
    return {name: picture.pdq.model_copy(update={"hex": digits}) for name, digits in pairs}


def _strength(match: Match) -> tuple[bool, int]:
    return not match.counts, match.distance
