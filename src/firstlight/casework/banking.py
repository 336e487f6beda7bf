"""Banks as an operator uses them: every change is an event of the custody log.

The files of a bank are changed first and the event is written after it; a report names the bank's revision before and
after, so that a change whose event was cut off shows as a gap between two events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from firstlight.banks import AddReport, BankReport, ImportReport, Match, NewEntry, Standing, StandingReport
from firstlight.casework import lookup
from firstlight.casework.home import SERVICE, Home, named
from firstlight.custody import EventType
from firstlight.errors import InputError
from firstlight.hashing import FRAMES_PRELOAD, PRELOAD, FileHash, HashedFile, Mode, hash_file_whole, hash_files
from firstlight.media import Cage, opened
from firstlight.values import BankPurpose, Digests, Document, ErrorNote, Versioned

MATCH_PRELOAD = (*PRELOAD, *FRAMES_PRELOAD)
"""What the cage has to load to match files: `Cage(preload=MATCH_PRELOAD)`."""

R = TypeVar("R", AddReport, ImportReport, StandingReport)
D = TypeVar("D", bound=Document)


class FileMatches(Document):
    """What the banks hold of one file. With an `error` and no match nothing is known: it is no miss."""

    title_for_people: ClassVar[str] = "matches of a file"

    kind: Literal["file-matches"] = "file-matches"
    version: Versioned = 1
    file: str
    sha256: str | None = None
    pdq: str | None = None
    pdq_quality: Annotated[int, Field(ge=0, le=100)] | None = None
    frames: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="key frames of a moving picture that were looked up"
    )
    frames_complete: bool | None = Field(default=None, description="whether its end was reached")
    matches: tuple[Match, ...] = ()
    error: ErrorNote | None = None

    @property
    def found(self) -> bool:
        """Whether a match stands that no `allow` bank vetoes."""
        return any(match.counts for match in self.matches)

    @model_serializer(mode="wrap")
    def _known_fields(self, standard: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in standard(self).items() if value is not None}


def create_bank(
    home: Home,
    name: str,
    purpose: BankPurpose,
    *,
    actor: str = SERVICE,
    **settings: Any,  # noqa: ANN401 - as the library's
) -> BankReport:
    """Make an empty bank; see `banks.Library.create_bank` for the settings."""
    named(actor)
    report = home.library.create_bank(name, purpose, **settings)
    return _recorded(home, report, EventType.BANK_CREATED, actor)


def add_pictures(
    home: Home,
    cage: Cage,
    name: str,
    paths: Iterable[Path],
    *,
    actor: str = SERVICE,
    refused: list[FileHash] | None = None,
) -> AddReport:
    """Add the hashes of these files to a bank. A file that is no readable picture is added by its digests alone.

    Files that cannot be opened at all are put into `refused`. The pictures themselves are not kept.
    """
    named(actor)
    report = home.library.add(name, _entries(hash_files(cage, paths), [] if refused is None else refused))
    return _changed(home, report, actor)


def add_entries(home: Home, name: str, entries: Iterable[NewEntry], *, actor: str = SERVICE) -> AddReport:
    """Add entries that somebody made elsewhere to a bank; see `banks.Library.add`."""
    named(actor)
    return _changed(home, home.library.add(name, entries), actor)


def import_list(
    home: Home,
    name: str,
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 - the word of the library
    columns: Mapping[str, str] | None = None,
    actor: str = SERVICE,
) -> ImportReport:
    """Read a list into a bank; see `banks.Library.import_list`.

    Raises:
        InputError: there is no such file, or it is a folder, a pipe or a device.
    """
    named(actor)
    with opened(path):
        pass
    return _changed(home, home.library.import_list(name, path, format, columns), actor)


def enable_bank(home: Home, name: str, *, why: str = "", actor: str = SERVICE) -> BankReport:
    """Let a bank match again."""
    named(actor)
    return _recorded(home, home.library.enable(name, why), EventType.BANK_CHANGED, actor)


def disable_bank(home: Home, name: str, *, why: str, actor: str = SERVICE) -> BankReport:
    """Keep a bank, but let it match nothing from now on."""
    named(actor)
    return _recorded(home, home.library.disable(name, why), EventType.BANK_CHANGED, actor)


def change_bank(home: Home, name: str, *, why: str = "", actor: str = SERVICE, **changes: Any) -> BankReport:  # noqa: ANN401
    """Change how a bank matches or what is said about it; see `banks.Library.change_bank` for what can be changed.

    Raises:
        InputError: nothing is to be changed.
    """
    named(actor)
    wanted = {key: value for key, value in changes.items() if value is not None}
    if not wanted:
        raise InputError("Nothing is named that should change.", hint="Name a threshold, an owner, a note, ...")
    return _recorded(home, home.library.change_bank(name, reason=why, **wanted), EventType.BANK_CHANGED, actor)


def delete_bank(home: Home, name: str, *, why: str, actor: str = SERVICE) -> BankReport:
    """Remove a bank and all its entries. What it matched before stays on record."""
    named(actor)
    return _recorded(home, home.library.delete(name, why), EventType.BANK_DELETED, actor)


def set_standing(
    home: Home, name: str, keys: Sequence[str], standing: Standing, *, why: str, actor: str = SERVICE
) -> StandingReport:
    """Confirm, deny, withdraw or restore (to active) entries by their keys; see `banks.Standing`."""
    named(actor)
    library = home.library
    act = {
        Standing.CONFIRMED: library.confirm,
        Standing.DENIED: library.deny,
        Standing.WITHDRAWN: library.withdraw,
        Standing.ACTIVE: library.restore,
    }[standing]
    return _changed(home, act(name, keys, why), actor)


def match_files(
    home: Home,
    cage: Cage,
    paths: Iterable[Path],
    *,
    banks: Sequence[str] | None = None,
    mode: Mode = Mode.AUTO,
    any_orientation: bool = False,
) -> Iterator[FileMatches]:
    """Look each file up in the banks named, or in all; in the order given, with constant memory.

    Animations and videos are looked up by their key frames. `any_orientation` also finds still pictures that were
    turned or mirrored. The cage should have loaded `MATCH_PRELOAD`.

    Raises:
        NotFoundError: there is no such bank.
    """
    for name in banks or ():
        home.library.bank(name)
    for made in cage.each(lambda path: hash_file_whole(cage, path, mode, frames=True), paths):
        yield _matches(home, made, banks, any_orientation)


def _matches(home: Home, made: HashedFile, banks: Sequence[str] | None, any_orientation: bool) -> FileMatches:
    record, picture = made.record, made.picture
    moves = picture.frames > 1 if picture else record.frames is not None
    frames, complete = record.frames or (), record.frames_complete
    if picture and moves and not frames:
        frames, complete = lookup.first_frame(picture).frames, False
    matches: tuple[Match, ...] = ()
    if record.sha256 is not None and record.md5 is not None and record.sha1 is not None and record.size is not None:
        digests = Digests(md5=record.md5, sha1=record.sha1, sha256=record.sha256, size=record.size)
        if moves:
            matches = lookup.moving_matches(home.library, digests, frames, banks=banks)
        else:
            matches = lookup.still_matches(home.library, digests, picture, banks=banks, any_orientation=any_orientation)
    return FileMatches(
        file=record.file,
        sha256=record.sha256,
        pdq=record.pdq,
        pdq_quality=record.pdq_quality,
        frames=len(frames) if moves else None,
        frames_complete=complete if moves else None,
        matches=matches,
        error=record.error,
    )


def _entries(made: Iterable[FileHash], refused: list[FileHash]) -> Iterator[NewEntry]:
    for one in made:
        if one.sha256 is None:
            refused.append(one)
            continue
        yield NewEntry(md5=one.md5, sha1=one.sha1, sha256=one.sha256, pdq=one.pdq, quality=one.pdq_quality)


def _changed(home: Home, report: R, actor: str) -> R:
    if report.revision != report.revision_before:
        _recorded(home, report, EventType.BANK_CHANGED, actor)
    return report


def _recorded(home: Home, report: D, kind: EventType, actor: str) -> D:
    with home.work() as work:
        work.record(kind, actor=actor, report=report.model_dump(mode="json"))
    return report
