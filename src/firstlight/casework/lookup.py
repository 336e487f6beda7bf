"""Looking something up in the banks: by its bytes, by its pixels, and by the frames of what moves.

A moving picture is looked up by every key frame. What a frame matches is said with the frame's time and speaks of that
frame alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from firstlight.banks import Library, Match
from firstlight.errors import FirstlightError, MissingExtraError, UnreadableError
from firstlight.hashing import ORIENTATIONS, FrameHash, FramesHash, PictureHash, hash_frames, hash_picture
from firstlight.media import Cage, Source
from firstlight.origin import INCOMPLETE
from firstlight.values import Digests, ErrorNote, Pdq, PdqMode


def hash_pixels(cage: Cage, source: Source) -> tuple[PictureHash | None, FramesHash | None, ErrorNote | None]:
    """The hash of a picture; the key frames of an animation (beside the hash of its first one) or a video (alone); and
    what is wrong, if the pixels could not be had or not all of them. Of an animation the first frame is known at least.

    Raises:
        StateError, StorageError, ...: the fault does not lie in the source.
    """
    picture: PictureHash | None = None
    try:
        picture = hash_picture(cage, source)
        if picture.frames == 1:
            return picture, None, None
    except UnreadableError as e:
        if e.diagnostics().code != "unreadable.video":
            return None, None, _note(e)
    try:
        frames = hash_frames(cage, source)
    except (UnreadableError, MissingExtraError) as e:
        return picture, first_frame(picture) if picture else None, _note(e)
    if frames.complete:
        return picture, frames, None
    says = f"{frames.looked_at} of its frames were looked at; its end was not reached."
    return picture, frames, ErrorNote(code=INCOMPLETE, message=says)


def first_frame(picture: PictureHash) -> FramesHash:
    """What is known of a moving picture of which only the first frame could be had."""
    return FramesHash(
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        frames=(FrameHash(index=0, seconds=0, pdq=picture.pdq, orientations=picture.orientations),),
        looked_at=1,
        complete=False,
    )


def still_matches(
    library: Library,
    digests: Digests,
    picture: PictureHash | None,
    *,
    banks: Sequence[str] | None = None,
    any_orientation: bool = False,
) -> tuple[Match, ...]:
    """What the banks hold of these bytes and this picture; with `any_orientation`, turned and mirrored ones too."""
    turned = turned_hashes(picture.pdq, picture.orientations) if picture is not None and any_orientation else None
    return library.match(digests, picture.pdq if picture else None, banks=banks, any_orientation=turned)


def moving_matches(
    library: Library,
    digests: Digests,
    frames: Iterable[FrameHash],
    *,
    banks: Sequence[str] | None = None,
    any_orientation: bool = False,
) -> tuple[Match, ...]:
    """What the banks hold of these bytes and of each of these frames. Every entry appears once: by its digest, else by
    the nearest frame that no `allow` bank vetoes, else by the nearest."""
    return moving(
        library.match(digests, None, banks=banks),
        frame_matches(library, frames, banks=banks, any_orientation=any_orientation),
    )


def frame_matches(
    library: Library,
    frames: Iterable[FrameHash],
    *,
    banks: Sequence[str] | None = None,
    any_orientation: bool = False,
) -> list[tuple[FrameHash, tuple[Match, ...]]]:
    """What the banks hold of each of these frames, with the frame's time."""
    out = []
    for frame in frames:
        turned = turned_hashes(frame.pdq, frame.orientations) if any_orientation else None
        found = library.match(None, frame.pdq, banks=banks, any_orientation=turned)
        out.append((frame, tuple(match.model_copy(update={"seconds": frame.seconds}) for match in found)))
    return out


def moving(by_bytes: Sequence[Match], by_frame: Iterable[tuple[FrameHash, tuple[Match, ...]]]) -> tuple[Match, ...]:
    """Every entry once; see `moving_matches`."""
    best: dict[tuple[str, str], Match] = {}
    for _, matches in by_frame:
        for match in matches:
            known = best.get((match.bank, match.entry))
            if known is None or _strength(match) < _strength(known):
                best[match.bank, match.entry] = match
    for match in by_bytes:
        best.pop((match.bank, match.entry), None)
    return (*by_bytes, *sorted(best.values(), key=lambda m: (m.distance, m.bank, m.entry)))


def turned_hashes(upright: Pdq, orientations: Sequence[str]) -> dict[str, Pdq]:
    """The hashes of a picture's or frame's seven other orientations, by name, as far as they are known."""
    pairs = zip(ORIENTATIONS[1:], orientations[1:], strict=False)
    return {name: upright.model_copy(update={"hex": digits}) for name, digits in pairs}


def _note(error: FirstlightError) -> ErrorNote:
    found = error.diagnostics()
    return ErrorNote(code=found.code, message=found.message, hint=found.hint)


def _strength(match: Match) -> tuple[bool, int]:
    return not match.counts, match.distance


def hash_matches(
    library: Library, kind: str, value: str, *, quality: int = 100, banks: Sequence[str] | None = None
) -> tuple[Match, ...]:
    """What the banks hold of one hash alone: `md5`, `sha1`, `sha256` or `pdq`, in lower-case hex.

    A digest alone says less than the bytes: another digest of the entry cannot be compared, so none is called exact but
    by SHA-256.
    """
    if kind == "pdq":
        return library.match(None, Pdq(hex=value, quality=quality, mode=PdqMode.EXACT), banks=banks)
    nothing = {"md5": "0" * 32, "sha1": "0" * 40, "sha256": "0" * 64, "size": 0}
    found = library.match(Digests.model_validate({**nothing, kind: value}), None, banks=banks)
    return tuple(match.model_copy(update={"exact": kind == "sha256"}) for match in found)
