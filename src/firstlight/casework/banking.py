"""Banks as an operator uses them: every change is an event of the custody log.

The files of a bank are changed first and the event is written after it; a report names the bank's revision before and
after, so that a change whose event was cut off shows as a gap between two events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from firstlight.banks import (
    AddReport,
    AnnotationReport,
    BankReport,
    ExportPlan,
    ImportReport,
    Match,
    NewEntry,
    Standing,
    StandingReport,
    exporting,
)
from firstlight.banks.importer import ListFile
from firstlight.banks.importers import importer_for
from firstlight.casework import films, lookup
from firstlight.casework.films import FilmMatch
from firstlight.casework.home import SERVICE, Home, named
from firstlight.custody import EventType
from firstlight.errors import InputError, StateError
from firstlight.hashing import FRAMES_PRELOAD, PRELOAD, FileHash, HashedFile, Mode, hash_file_whole, hash_files
from firstlight.media import Cage, opened
from firstlight.values import BankPurpose, Digests, Document, ErrorNote, Versioned

MATCH_PRELOAD = (*PRELOAD, *FRAMES_PRELOAD)
"""What the cage has to load to match files: `Cage(preload=MATCH_PRELOAD)`."""

R = TypeVar("R", AddReport, AnnotationReport, ImportReport, StandingReport)
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
    films: tuple[FilmMatch, ...] | None = Field(
        default=None, description="of a moving picture: listed films that share key frames with it"
    )
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
    categories: Sequence[str] = (),
    note: str = "",
    frames: bool = False,
) -> AddReport:
    """Add the hashes of these files to a bank. A file that is no readable picture is added by its digests alone.

    With `frames` an animation or a video is added with an entry for each telling key frame (see `films`), so that
    copies in other bytes are found too; the cage should have loaded `MATCH_PRELOAD`.

    Files that are empty or cannot be opened at all are put into `refused`. The pictures themselves are not kept.

    Raises:
        InputError: none of them could be taken.
    """
    named(actor)
    home.library.bank(name)
    left = [] if refused is None else refused
    made = hash_files(cage, paths, frames=frames)
    entries = _some(_entries(home, made, left, tuple(categories), note), left)
    return _changed(home, home.library.add(name, entries), actor)


def create_bank_of(
    home: Home,
    cage: Cage,
    name: str,
    purpose: BankPurpose,
    paths: Iterable[Path],
    *,
    actor: str = SERVICE,
    refused: list[FileHash] | None = None,
    frames: bool = False,
    **settings: Any,  # noqa: ANN401 - as the library's
) -> AddReport:
    """Make a bank of the hashes of these files; see `add_pictures`. It is made when the first of them is taken, so that
    a slip in a name leaves no empty bank."""
    named(actor)
    left = [] if refused is None else refused
    entries = _some(_entries(home, hash_files(cage, paths, frames=frames), left), left)
    create_bank(home, name, purpose, actor=actor, **settings)
    return _changed(home, home.library.add(name, entries), actor)


def add_hashes(home: Home, name: str, entries: Iterable[NewEntry], *, actor: str = SERVICE) -> AddReport:
    """Add hashes to a bank; those that cannot be hashes are named in the report."""
    named(actor)
    return _changed(home, home.library.add(name, entries), actor)


def annotate(
    home: Home,
    name: str,
    keys: Sequence[str],
    *,
    note: str | None = None,
    categories: Sequence[str] | None = None,
    actor: str = SERVICE,
) -> AnnotationReport:
    """Write this house's own note and categories to entries; what is none stays.

    Raises:
        InputError: nothing is to be written.
    """
    named(actor)
    if note is None and categories is None:
        raise InputError("Nothing is named that should change.", hint="Give a note or a category.")
    return _changed(home, home.library.annotate(name, keys, note=note, categories=categories), actor)


def plan_export(home: Home, name: str, format: str) -> ExportPlan:  # noqa: A002 - the word of the library
    """What an export of a bank would write: the first of its two steps."""
    return exporting.plan(home.library, name, format)


def export_own(
    home: Home,
    name: str,
    path: Path,
    format: str,  # noqa: A002 - the word of the library
    *,
    code: str,
    why: str,
    category: int | None = None,
    actor: str = SERVICE,
) -> ExportPlan:
    """Write the entries of a bank that this house made itself: the second step, with the `code` that the first gave.

    The event is written before the file, so that no list leaves without one. Entries of other people's lists never do.

    Raises:
        RefusedError: no entry of the bank was made by this house.
        StateError: the code is not that of the bank as it is now.
        StorageError: the file cannot be written, or is there already.
    """
    named(actor)
    if not why.strip():
        raise InputError("A reason is needed for this.", hint="Say in a few words why.")
    plan = exporting.plan(home.library, name, format)
    if code != plan.code:
        raise StateError(
            "The code does not belong to the bank as it is now.",
            hint="Run the export without --confirm to see it anew.",
        )
    exporting.check(path, format, category)
    with home.work() as work:
        work.record(EventType.EXPORT, actor=actor, why=why, plan=plan.model_dump(mode="json"))
    exporting.write(home.library, name, path, format, category)
    return plan


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

    Two events say so: one before the first record is taken, so that an import that is cut off is on record too, and one
    with the report of what it changed.

    Raises:
        InputError: there is no such file, it is a folder, a pipe or a device, or it is of no known format.
    """
    named(actor)
    with opened(path):
        pass
    begun = {"kind": "import-begun", "bank": name, "revision": home.library.bank(name).revision, "source": path.name}
    with ListFile(path) as source:
        begun["format"] = importer_for(source, format).name
    with home.work() as work:
        work.record(EventType.BANK_CHANGED, actor=actor, report=begun)
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

    Animations and videos are looked up by their key frames. `any_orientation` also finds what was turned or
    mirrored. The cage should have loaded `MATCH_PRELOAD`.

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
    listed: tuple[FilmMatch, ...] | None = None
    if record.sha256 is not None and record.md5 is not None and record.sha1 is not None and record.size is not None:
        digests = Digests(md5=record.md5, sha1=record.sha1, sha256=record.sha256, size=record.size)
        if moves:
            by_frame = lookup.frame_matches(home.library, frames, banks=banks, any_orientation=any_orientation)
            matches = lookup.moving(home.library.match(digests, None, banks=banks), by_frame)
            listed = films.film_matches(by_frame)
        else:
            matches = lookup.still_matches(home.library, digests, picture, banks=banks, any_orientation=any_orientation)
    return FileMatches(
        file=record.file,
        sha256=record.sha256,
        pdq=record.pdq,
        pdq_quality=record.pdq_quality,
        frames=len(frames) if moves else None,
        frames_complete=complete if moves else None,
        films=listed,
        matches=matches,
        error=record.error,
    )


def _entries(
    home: Home, made: Iterable[FileHash], refused: list[FileHash], categories: tuple[str, ...] = (), note: str = ""
) -> Iterator[NewEntry]:
    for one in made:
        if one.sha256 is None:
            refused.append(one)
        elif not one.size:
            empty = ErrorNote(code="input", message="The file is empty.", hint="Its hash would match every empty file.")
            refused.append(one.model_copy(update={"error": empty}))
        else:
            entry = NewEntry(
                md5=one.md5,
                sha1=one.sha1,
                sha256=one.sha256,
                pdq=one.pdq,
                quality=one.pdq_quality,
                categories=categories,
                note=note,
                own=True,
            )
            yield from films.entries(home.library, one, entry)


def _some(entries: Iterator[NewEntry], refused: Sequence[FileHash]) -> Iterator[NewEntry]:
    """The entries, of which there has to be one."""
    first = next(entries, None)
    if first is None:
        said = next((f"{one.file}: {one.error.message}" for one in refused if one.error), "There are no files.")
        raise InputError("None of these files could be taken, so nothing was changed.", hint=said)
    return chain([first], entries)


def _changed(home: Home, report: R, actor: str) -> R:
    if report.revision != report.revision_before:
        _recorded(home, report, EventType.BANK_CHANGED, actor)
    return report


def _recorded(home: Home, report: D, kind: EventType, actor: str) -> D:
    with home.work() as work:
        work.record(kind, actor=actor, report=report.model_dump(mode="json"))
    return report
