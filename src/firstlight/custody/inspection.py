"""A look into a package for the receiving side: what is in it, after it was verified and never before."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ValidationError

from firstlight.custody.contents import FileFacts, Identifier, TimelineRow
from firstlight.custody.event import Event
from firstlight.custody.leaf import Leaf
from firstlight.custody.package import PackageCheck, verify_package
from firstlight.errors import IntegrityError
from firstlight.values import Document, Instant, Value, Versioned


class ShownEntry(Value):
    """One entry of the log as the package shows it; without an event where that was destroyed."""

    leaf: Leaf
    event: Event | None = None


class PackageSummary(Document):
    """What a verified package holds."""

    title_for_people: ClassVar[str] = "package summary"

    kind: Literal["package-summary"] = "package-summary"
    version: Versioned = 1
    name: str
    organisation: str
    case: str
    made_at: Instant
    log_key: str
    check: PackageCheck
    files: tuple[FileFacts, ...]
    identifiers: tuple[Identifier, ...]
    timeline: tuple[TimelineRow, ...]
    records: tuple[str, ...]
    statements: tuple[str, ...]
    media: tuple[str, ...]
    events: dict[str, int]


def inspect_package(folder: Path, trusted_key: str | None = None) -> PackageSummary:
    """What is in the package, if it verifies.

    Raises:
        IntegrityError: it does not verify, so nothing in it can be believed; or it comes from another version.
        InputError: the key is no log key.
        NotFoundError: there is no such folder.
        StorageError: it cannot be read.
    """
    check = verify_package(folder, trusted_key)
    if not check.ok:
        raise IntegrityError(
            f"The package does not verify: {check.where}: {check.differs}.",
            hint="Ask the sender for it again, and keep what you got.",
            code="integrity.package",
        )
    try:
        shown = [_entry(line) for line in (folder / "data/custody/entries.jsonl").read_bytes().splitlines()]
        export = shown[-1].event
        if export is None:  # the verifier has seen it
            raise IntegrityError("The package does not show its export.", code="integrity.package")
        return PackageSummary(
            name=str(export.payload.get("package")),
            organisation=str(export.payload.get("organization")),
            case=export.case or "",
            made_at=export.at,
            log_key=(folder / "data/custody/log.vkey").read_text("utf-8").strip(),
            check=check,
            files=tuple(FileFacts.model_validate(one) for one in _list(folder, "files")),
            identifiers=tuple(Identifier.model_validate(one) for one in _list(folder, "identifiers")),
            timeline=tuple(TimelineRow.model_validate(one) for one in _list(folder, "timeline")),
            records=_names(folder, "records"),
            statements=_names(folder, "report"),
            media=_names(folder, "media"),
            events=dict(sorted(Counter(str(one.leaf.type) for one in shown).items())),
        )
    except (ValidationError, ValueError) as e:
        raise IntegrityError(
            "The package verifies but is not of a form that this version of Firstlight knows.",
            hint="Read it with its own START-HERE.txt, or with a newer version.",
            code="integrity.package-form",
        ) from e


def _entry(line: bytes) -> ShownEntry:
    fields = json.loads(line)
    event = fields.get("event")
    leaf = Leaf.model_validate_json(fields["leaf"])
    return ShownEntry(leaf=leaf, event=None if event is None else Event.model_validate_json(event))


def _list(folder: Path, name: str) -> list[object]:
    path = folder / "data" / "interchange" / f"{name}.json"
    found = json.loads(path.read_bytes()) if path.is_file() else []
    return found if isinstance(found, list) else [found]


def _names(folder: Path, part: str) -> tuple[str, ...]:
    inside = folder / "data" / part
    return tuple(sorted(path.name for path in inside.iterdir())) if inside.is_dir() else ()
