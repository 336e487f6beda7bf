"""Banks as an operator uses them: every change is an event of the custody log.

The files of a bank are changed first and the event is written after it; a report names the bank's revision before and
after, so that a change whose event was cut off shows as a gap between two events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from firstlight.banks import AddReport, BankReport, ImportReport, Match, NewEntry
from firstlight.casework.home import SERVICE, Home, named
from firstlight.custody import EventType
from firstlight.hashing import FileHash, Mode, hash_files
from firstlight.media import Cage, opened
from firstlight.values import BankPurpose, Digests, Document, ErrorNote, Pdq, Versioned

R = TypeVar("R", AddReport, ImportReport)


class FileMatches(Document):
    """What the banks hold of one file. With an `error` and no match nothing is known: it is no miss."""

    title_for_people: ClassVar[str] = "matches of a file"

    kind: Literal["file-matches"] = "file-matches"
    version: Versioned = 1
    file: str
    sha256: str | None = None
    pdq: str | None = None
    pdq_quality: Annotated[int, Field(ge=0, le=100)] | None = None
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
    with home.work() as work:
        work.record(EventType.BANK_CREATED, actor=actor, report=report.model_dump(mode="json"))
    return report


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


def match_files(
    home: Home, cage: Cage, paths: Iterable[Path], *, banks: Sequence[str] | None = None, mode: Mode = Mode.AUTO
) -> Iterator[FileMatches]:
    """Look each file up in the banks named, or in all; in the order given, with constant memory.

    Raises:
        NotFoundError: there is no such bank.
    """
    for name in banks or ():
        home.library.bank(name)
    for made in hash_files(cage, paths, mode):
        yield _matches(home, made, banks)


def _matches(home: Home, made: FileHash, banks: Sequence[str] | None) -> FileMatches:
    matches: tuple[Match, ...] = ()
    if made.sha256 is not None and made.md5 is not None and made.sha1 is not None and made.size is not None:
        digests = Digests(md5=made.md5, sha1=made.sha1, sha256=made.sha256, size=made.size)
        pdq = None
        if made.pdq is not None and made.pdq_quality is not None and made.pdq_mode is not None:
            pdq = Pdq(hex=made.pdq, quality=made.pdq_quality, mode=made.pdq_mode)
        matches = home.library.match(digests, pdq, banks=banks)
    return FileMatches(
        file=made.file,
        sha256=made.sha256,
        pdq=made.pdq,
        pdq_quality=made.pdq_quality,
        matches=matches,
        error=made.error,
    )


def _entries(made: Iterable[FileHash], refused: list[FileHash]) -> Iterator[NewEntry]:
    for one in made:
        if one.sha256 is None:
            refused.append(one)
            continue
        yield NewEntry(md5=one.md5, sha1=one.sha1, sha256=one.sha256, pdq=one.pdq, quality=one.pdq_quality)


def _changed(home: Home, report: R, actor: str) -> R:
    if report.revision != report.revision_before:
        with home.work() as work:
            work.record(EventType.BANK_CHANGED, actor=actor, report=report.model_dump(mode="json"))
    return report
