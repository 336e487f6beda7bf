"""Hashing members in bundles: digests here, decoding in the cage, one answer a member whatever happens."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from firstlight.errors import FirstlightError
from firstlight.hashing import PRELOAD, Mode
from firstlight.media import SNIFF_BYTES, Cage, MediaType, sniff
from firstlight.screen.channels import content_boxes
from firstlight.screen.member import Member
from firstlight.screen.signs import Sign

BUNDLE_PICTURES: Final = 32
BUNDLE_BYTES: Final = 4 * 2**20
LARGE_BYTES: Final = 8 * 2**20
"""A bundle of one picture that is larger is hashed before the next one is read: several of them would fill a worker."""
SCREEN_PRELOAD: Final = (*PRELOAD, "firstlight.hashing.bundle_tasks", "firstlight.hashing.replay_tasks")
"""What the cage has to load to screen."""

Look = Callable[[bytes], tuple[Sign, ...]]

_TASK: Final = "firstlight.hashing.bundle_tasks:hash_bundle"
_PICTURE_ENDINGS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif",
    ".jxl", ".jp2", ".psd", ".ico",
)  # fmt: skip
_NOT_DECODED = frozenset({MediaType.JXL, MediaType.JP2, MediaType.PSD, MediaType.ICO, MediaType.SVG})


@dataclass(frozen=True, slots=True)
class Hashed:
    """A member with its hashes and without its bytes. `reason` is empty where it was screened as a picture."""

    member: Member
    reason: str = ""
    md5: bytes = b""
    sha1: bytes = b""
    sha256: bytes = b""
    width: int = 0
    height: int = 0
    pdq: bytes = b""
    quality: int = 0
    exact: bool = False
    inner_pdq: bytes = b""
    inner_quality: int = 0
    signs: tuple[Sign, ...] | None = None
    """Its signs of origin; none where nobody asked, or it is no picture."""

    @property
    def is_screened(self) -> bool:
        """Whether it is a picture that was decoded."""
        return not self.reason


def bundled(members: Iterable[Member]) -> Iterator[list[Member]]:
    """The members in their order, in bundles of a few megabytes."""
    bundle: list[Member] = []
    held = 0
    for member in members:
        if bundle and (len(bundle) >= BUNDLE_PICTURES or held + member.size > BUNDLE_BYTES):
            yield bundle
            bundle, held = [], 0
        bundle.append(member)
        held += member.size
    if bundle:
        yield bundle


def hash_members(cage: Cage, members: Iterable[Member], mode: Mode, look: Look | None = None) -> Iterator[list[Hashed]]:
    """Each member with its hashes, in order, a bundle at a time. Never raises for what is wrong with a member.

    Reading goes on while a bundle is decoded; a few bundles are held in memory, of large pictures one.
    """

    def one(bundle: list[Member]) -> list[Hashed]:
        return hash_bundle(cage, bundle, mode, look)

    for is_large, some in itertools.groupby(bundled(members), _is_large):
        how: Callable[..., Iterator[list[Hashed]]] = map if is_large else cage.each
        yield from how(one, some)


def _is_large(bundle: list[Member]) -> bool:
    return sum(len(member.data or b"") for member in bundle) > LARGE_BYTES


def hash_bundle(cage: Cage, bundle: list[Member], mode: Mode, look: Look | None = None) -> list[Hashed]:
    """One bundle. With `look`, each picture's signs of origin as well, whether it can be decoded or not."""
    fates = [_fate(member) for member in bundle]
    wanted = [member for member, reason in zip(bundle, fates, strict=True) if not reason]
    answers = iter(_decoded(cage, wanted, mode))
    made = []
    for member, reason in zip(bundle, fates, strict=True):
        one = _hashed(member, reason, {} if reason else next(answers))
        if look is not None and not reason and member.data is not None:
            one = replace(one, signs=look(member.data))
        made.append(one)
    return made


def _fate(member: Member) -> str:
    """Why this member is not decoded, by its content; its name counts only where the content says nothing."""
    if member.reason or member.data is None:
        return member.reason or "damaged"
    kind = sniff(member.data[:SNIFF_BYTES])
    if kind.is_picture:
        return ""
    if kind.is_video:
        return "video"
    if kind in _NOT_DECODED:
        return "unreadable.no-decoder"
    if member.name.lower().endswith(_PICTURE_ENDINGS):
        return "unreadable.empty" if kind is MediaType.EMPTY else "unreadable.broken"
    if kind.is_archive or member.data[257:262] == b"ustar":
        return "archive"
    return "not-a-picture"


def _decoded(cage: Cage, members: list[Member], mode: Mode) -> list[dict[str, Any]]:
    if not members:
        return []
    try:
        return _asked(cage, members, mode)
    except FirstlightError as e:
        if e.code in ("state", "storage"):
            raise  # the cage was closed, or the machine refused: nothing is known about the pictures
        if len(members) == 1:
            return [{"error": e.diagnostics().code}]
    return [answer for member in members for answer in _decoded(cage, [member], mode)]


def _asked(cage: Cage, members: list[Member], mode: Mode) -> list[dict[str, Any]]:
    pieces = [member.data or b"" for member in members]
    answer = cage.run(_TASK, pieces, sizes=[*map(len, pieces)], boxes=[_boxes(one) for one in members], mode=mode.value)
    pictures = answer.get("pictures")
    if not isinstance(pictures, list) or len(pictures) != len(members):
        return [{"error": "unreadable.worker-died"}] * len(members)
    return pictures


def _boxes(member: Member) -> list[list[int]]:
    """Where the picture may lie inside borders, if its header and the recorded size of the original leave room."""
    facts = member.facts
    if not facts.width or not facts.height or member.data is None:
        return []
    size = _claimed_size(member.data)
    return [list(box) for box in content_boxes(size, (facts.width, facts.height))] if size else []


def _claimed_size(data: bytes) -> tuple[int, int] | None:
    """The size that a JPEG, PNG or WebP states in its head, without decoding; none where it is not found at once."""
    if data.startswith(b"\x89PNG") and len(data) > 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(b"RIFF") and data[12:16] == b"VP8 " and len(data) > 30:
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    if not data.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _hashed(member: Member, reason: str, answer: dict[str, Any]) -> Hashed:
    digests, bare = _digests(member), replace(member, data=None)
    if reason:
        return Hashed(bare, reason, *digests)
    if "error" in answer:
        return Hashed(bare, _reason(answer["error"]), *digests)
    try:
        return Hashed(
            bare, "", *digests,
            width=int(answer["width"]), height=int(answer["height"]),
            pdq=_hash(answer["pdq"]), quality=_quality(answer["quality"]), exact=answer["mode"] == "exact",
            inner_pdq=_hash(answer["inner_pdq"]) if "inner_pdq" in answer else b"",
            inner_quality=_quality(answer.get("inner_quality", 0)),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):  # the worker is not trusted: an answer that does not fit is none
        return Hashed(bare, "unreadable.worker-died", *digests)


def _digests(member: Member) -> tuple[bytes, bytes, bytes]:
    if member.digests is not None:
        known = member.digests
        return bytes.fromhex(known.md5), bytes.fromhex(known.sha1), bytes.fromhex(known.sha256)
    if member.data is None:
        return b"", b"", b""
    data = member.data
    return (
        hashlib.md5(data, usedforsecurity=False).digest(),
        hashlib.sha1(data, usedforsecurity=False).digest(),
        hashlib.sha256(data).digest(),
    )


def _reason(code: object) -> str:
    text = str(code)
    known = text.startswith(("unreadable", "limit")) and len(text) < 64 and text.isascii() and text.isprintable()
    return text if known else "unreadable.broken"


def _hash(text: str) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != 32:
        raise ValueError("not 32 bytes")
    return data


def _quality(value: Any) -> int:  # noqa: ANN401 - foreign
    number = int(value)
    if not 0 <= number <= 100:
        raise ValueError("not 0 to 100")
    return number
