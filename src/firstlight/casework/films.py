"""Films in banks: an animation or a video is listed as one entry of its bytes and one of each telling key frame.

The key of a frame's entry names the film's: `FILM:frame-3-of-20`. So two films are compared as sets of frames, from the
matches of single frames, wherever the entries came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from pydantic import Field

from firstlight.banks import Library, Match, NewEntry
from firstlight.hashing import FileHash, FrameHash, FramesMatch
from firstlight.hashing.frames import MATCH_QUALITY
from firstlight.values import BankPurpose, Value

_KEY: Final = re.compile(r"(.+):frame-(\d+)-of-(\d+)")


class FilmMatch(Value):
    """How much of a listed film is in a file, and of the file in the film, in telling key frames.

    `is_copy`: at least four fifths of either are in the other, so that one is a copy or an excerpt of the other.
    """

    bank: str
    purpose: BankPurpose
    film: str = Field(description="the key of the film's entry")
    found: Annotated[int, Field(ge=1, description="frames of the listed film that the file has")]
    listed: Annotated[int, Field(ge=1, description="frames of the listed film")]
    matching: Annotated[int, Field(ge=1, description="frames of the file that the listed film has")]
    frames: Annotated[int, Field(ge=1, description="frames of the file")]
    closest: Annotated[int, Field(ge=0, le=256, description="bits")]
    is_copy: bool


def entries(library: Library, made: FileHash, entry: NewEntry) -> Iterator[NewEntry]:
    """The entries of a file of which `entry` is made of its bytes and its picture: that one alone if nothing moves."""
    frames = made.frames or ()
    telling = [frame for frame in frames if frame.pdq.quality >= MATCH_QUALITY]
    still = made.pdq is not None and len(frames) == 1
    if made.sha256 is None or not telling or still:
        yield entry
        return
    film = library.key_of("sha256", made.sha256)
    yield entry._replace(key=film, pdq=None, quality=None)
    for number, frame in enumerate(telling, 1):
        yield NewEntry(
            key=f"{film}:frame-{number}-of-{len(telling)}",
            pdq=frame.pdq.hex,
            quality=frame.pdq.quality,
            categories=entry.categories,
            note=entry.note,
            original={"seconds": f"{frame.seconds:.3f}"},
            own=entry.own,
        )


def film_of(match: Match) -> str | None:
    """The film whose frame was matched; none if the entry is no frame of one."""
    found = _KEY.fullmatch(match.entry)
    return found.group(1) if found else None


def film_matches(frames: Iterable[tuple[FrameHash, tuple[Match, ...]]]) -> tuple[FilmMatch, ...]:
    """The listed films that the frames of a file match, most alike first; what an `allow` bank vetoes is left out."""
    telling = [(frame, matches) for frame, matches in frames if frame.pdq.quality >= MATCH_QUALITY]
    found: dict[tuple[str, str], list[tuple[int, int, Match]]] = {}
    listed: dict[tuple[str, str], int] = {}
    for place, (_, matches) in enumerate(telling):
        for match in matches:
            key = _KEY.fullmatch(match.entry)
            if key and match.counts and 0 < int(key.group(2)) <= int(key.group(3)):
                film = match.bank, key.group(1)
                found.setdefault(film, []).append((place, int(key.group(2)), match))
                listed[film] = int(key.group(3))
    out = [_compared(film, seen, listed[film], len(telling)) for film, seen in found.items()]
    return tuple(sorted(out, key=lambda one: (-max(one.found / one.listed, one.matching / one.frames), one.film)))


def _compared(film: tuple[str, str], seen: list[tuple[int, int, Match]], listed: int, frames: int) -> FilmMatch:
    numbers, places = {number for _, number, _ in seen}, {place for place, _, _ in seen}
    closest = min(match.distance for _, _, match in seen)
    shares = FramesMatch(
        share_of_first=min(1, len(numbers) / listed), share_of_second=len(places) / frames, closest=closest
    )
    return FilmMatch(
        bank=film[0], purpose=seen[0][2].purpose, film=film[1], found=len(numbers), listed=listed,
        matching=len(places), frames=frames, closest=closest, is_copy=shares.is_copy,
    )  # fmt: skip
