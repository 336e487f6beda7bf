"""Writing lists: only entries whose hashes this house made itself, from files it held.

Lists that others gave us are secrets; no act of this program writes them out. What this house computed of its own files
is its own to give: as a table, or as a VICS hash set. Both are read by `bank import`, here and elsewhere.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Annotated, Final, Literal

from pydantic import Field

from firstlight.banks.entry import Entry
from firstlight.banks.library import Library
from firstlight.errors import InputError, RefusedError, StorageError
from firstlight.index.disk import FILE_MODE
from firstlight.values import Document, Versioned

FORMATS: Final = ("csv", "vics-json")
COLUMNS: Final = ("key", "md5", "sha1", "sha256", "pdq", "quality", "category", "note")
_CONTEXT: Final = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media"
_HIGHEST_CATEGORY: Final = 5


class ExportPlan(Document):
    """What an export of a bank writes and what it leaves out. `code` is of this bank as it is now and of no other."""

    title_for_people = "plan of an export"

    kind: Literal["export-plan"] = "export-plan"
    version: Versioned = 1
    bank: str
    revision: Annotated[int, Field(ge=0)]
    format: str
    entries: Annotated[int, Field(ge=0, description="made by this house, and standing: they are written")]
    left_out: Annotated[int, Field(ge=0, description="others: of a list, withdrawn, or denied")]
    code: str


def plan(library: Library, name: str, format: str) -> ExportPlan:  # noqa: A002 - the word of the library
    """What would be written.

    Raises:
        InputError: this format is not written.
        NotFoundError: there is no such bank.
        RefusedError: no entry of the bank was made by this house.
    """
    if format not in FORMATS:
        raise InputError(f"{format!r} is not written.", hint=f"Choose one of {', '.join(FORMATS)}.")
    revision = library.bank(name).revision
    written = left_out = 0
    for entry in library.entries(name):
        written, left_out = (written + 1, left_out) if _goes(entry) else (written, left_out + 1)
    if not written:
        raise RefusedError(
            f"No entry of bank {name!r} was made by this house from files of its own, so nothing of it may be written.",
            hint="Lists that others gave you are secrets. Ask their owner for another copy.",
        )
    code = hashlib.sha256(json.dumps([name, revision, format, written, left_out]).encode()).hexdigest()[:8]
    return ExportPlan(bank=name, revision=revision, format=format, entries=written, left_out=left_out, code=code)


def check(path: Path, format: str, category: int | None) -> None:  # noqa: A002 - the word of the library
    """Refuse, before anything is done, what could not be written.

    Raises:
        InputError: the format needs a category, or takes none.
        StorageError: the file is there already, or its folder is not.
    """
    if format == "vics-json" and (category is None or not 0 <= category <= _HIGHEST_CATEGORY):
        raise InputError(
            "VICS needs one category for all of them.",
            hint="Say which of your country's scale, 0 to 5, with --category. The program does not choose it.",
        )
    if format != "vics-json" and category is not None:
        raise InputError("Only VICS has one category for all.", hint="Leave it out.")
    if path.exists() or not path.parent.is_dir():
        raise StorageError(f"{path.name!r} is there already, or its folder is not.", hint="Name a new file.")


def write(library: Library, name: str, path: Path, format: str, category: int | None) -> None:  # noqa: A002
    """Write the list into a new file that only this user can read.

    Raises:
        StorageError: it could not be written whole; what was written is removed.
    """
    writer: Callable[[IO[str], Iterator[Entry]], None]
    if format == "csv":
        writer = _write_csv
    else:

        def writer(out: IO[str], entries: Iterator[Entry]) -> None:
            _write_vics(out, entries, category or 0)

    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            with os.fdopen(fd, "w", encoding="utf-8", newline="") as out:
                writer(out, (entry for entry in library.entries(name) if _goes(entry)))
                out.flush()
                os.fsync(out.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as e:
        raise StorageError(f"Could not write {path.name!r}: {e.strerror}.", hint="Check free space.") from e


def _goes(entry: Entry) -> bool:
    return entry.own and entry.standing.matches


def _write_csv(out: IO[str], entries: Iterator[Entry]) -> None:
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for one in entries:
        table.writerow(
            [one.key, one.md5, one.sha1, one.sha256, one.pdq, one.quality, ";".join(_categories(one)), _note(one)]
        )


def _write_vics(out: IO[str], entries: Iterator[Entry], category: int) -> None:
    out.write(json.dumps({"@odata.context": _CONTEXT})[:-1] + ', "value": [')
    for number, one in enumerate(entries, 1):
        others = [("SHA256", one.sha256), ("PDQ", one.pdq)]
        media = {
            "MediaID": number,
            "Category": category,
            "MD5": (one.md5 or "").upper(),
            "SHA1": (one.sha1 or "").upper(),
            "Tags": ",".join(_categories(one)) or None,
            "Comments": _note(one) or None,
            "AlternativeHashes": [{"HashName": n, "HashValue": value.upper()} for n, value in others if value],
        }
        out.write((",\n" if number > 1 else "\n") + json.dumps(media, ensure_ascii=False))
    out.write("\n]}\n")


def _categories(one: Entry) -> tuple[str, ...]:
    return (*one.categories, *one.house_categories)


def _note(one: Entry) -> str:
    return " ".join(filter(None, (one.note, one.house_note)))
