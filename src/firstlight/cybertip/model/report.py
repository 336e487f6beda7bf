"""The whole report, its wire form, and the removal of characters that XML cannot carry."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field

from firstlight.cybertip.model.codes import BatchReason
from firstlight.cybertip.model.files import FileDescription, FileDetails
from firstlight.cybertip.model.incident import IncidentSummary, InternetDetails, LawEnforcement, Reporter
from firstlight.cybertip.model.people import IntendedRecipient, PersonOrUserReported, Victim
from firstlight.cybertip.schema import SCHEMA_2025_11, Schema
from firstlight.cybertip.text import illegal_characters, without_illegal
from firstlight.cybertip.wire import Block, Role, Wire, read, walk, write
from firstlight.values import Digests, Document, Value, Versioned


class BatchedReport(Block):
    """Many users in one report, and why."""

    reason: Annotated[BatchReason, Wire(role=Role.ATTRIBUTE)] = BatchReason.VIRAL_POTENTIAL_MEME


class Report(Block):
    """A CyberTipline report without its files."""

    batched_report: BatchedReport | None = None
    incident_summary: IncidentSummary
    internet_details: tuple[InternetDetails, ...] = ()
    law_enforcement: LawEnforcement | None = None
    reporter: Reporter
    person_or_user_reported: tuple[PersonOrUserReported, ...] = ()
    intended_recipient: tuple[IntendedRecipient, ...] = ()
    victim: tuple[Victim, ...] = ()
    additional_info: str | None = None


class PlannedFile(Value):
    """A file that is to be sent with a report: which bytes, and what is said about them.

    `key` names the file within the draft; the filing asks its sources for the bytes by this key.
    """

    key: Annotated[str, Field(min_length=1)]
    digests: Digests
    media_type: str = "application/octet-stream"
    description: FileDescription = FileDescription()


class Draft(Document):
    """A report as it would be filed: the report, its files, and what drafting had to leave out."""

    title_for_people: ClassVar[str] = "report draft"

    kind: Literal["cybertip-draft"] = "cybertip-draft"
    version: Versioned = 1
    report: Report
    files: tuple[PlannedFile, ...] = ()
    notes: tuple[str, ...] = ()


class Removal(Value):
    """Characters that were taken out because XML cannot carry them."""

    where: str
    characters: tuple[str, ...]


def to_xml(block: Report | FileDetails, schema: Schema = SCHEMA_2025_11) -> bytes:
    """The report or the file's details as the service reads them, in UTF-8.

    Raises:
        InputError: characters that XML cannot carry (`clean` first), or an element the schema in force does not know.
    """
    return write("report" if isinstance(block, Report) else "fileDetails", block, schema)


def from_xml(data: bytes) -> Report:
    """The report that an XML document holds; identifiers stay text, and nothing is dropped or guessed.

    Raises:
        InputError: the document is no report of this schema; the message names the first place.
    """
    return read("report", Report, data)


def file_details_from_xml(data: bytes) -> FileDetails:
    """The file details that an XML document holds.

    Raises:
        InputError: the document is no `fileDetails` of this schema; the message names the first place.
    """
    return read("fileDetails", FileDetails, data)


_B = TypeVar("_B", bound=Block)


def illegal_in(block: Block, path: str) -> tuple[Removal, ...]:
    """Where a block holds characters that XML cannot carry."""
    return tuple(
        Removal(where=where, characters=found)
        for where, _, value in walk(block, path)
        if isinstance(value, str) and (found := illegal_characters(value))
    )


def _without(value: Any) -> Any:  # noqa: ANN401 - any part of a block
    if isinstance(value, Block):
        changes = {name: _without(part) for name, part in value}
        return value.model_copy(update=changes)
    if isinstance(value, tuple):
        return tuple(_without(part) for part in value)
    if type(value) is str:
        return without_illegal(value)
    return value


def clean(block: _B, path: str) -> tuple[_B, tuple[Removal, ...]]:
    """The block without characters that XML cannot carry, and where which ones stood."""
    removed = illegal_in(block, path)
    return (_without(block) if removed else block), removed
