"""The evidence package: one folder for an investigator and for the defence, which anyone can verify offline.

This is the package that anyone may hold: records, statements and proofs, no media. How its steps make sure that the log
knows of it stands in `packing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from firstlight.clock import Clock
from firstlight.custody import verifier
from firstlight.custody.bag import BagWriter
from firstlight.custody.certificate import draft_certificate
from firstlight.custody.contents import PackageContents
from firstlight.custody.cosignature import Cosigner
from firstlight.custody.elements import ElementsTable, worksheet
from firstlight.custody.files import Disk, storage_error
from firstlight.custody.interchange.case_jsonld import case_jsonld
from firstlight.custody.interchange.vics import vics_1_3, vics_2_0
from firstlight.custody.leaf import LogEntry
from firstlight.custody.log import CustodyLog
from firstlight.custody.note import NoteVerifier
from firstlight.custody.packing import PackageReport, Plan, make_package, verifier_source
from firstlight.custody.pages import start_here
from firstlight.custody.tables import hashes_csv, identifiers_csv, timeline_csv
from firstlight.custody.timestamp import Stamp
from firstlight.custody.viewing import require_true_viewings
from firstlight.errors import NotFoundError
from firstlight.values import Document, Versioned, canonical_json


class PackageCheck(Document):
    """What the verifier says of a package. `where` and `differs` name the first thing that is not as it should be."""

    title_for_people: ClassVar[str] = "package check"

    kind: Literal["package-check"] = "package-check"
    version: Versioned = 1
    ok: bool
    says: tuple[str, ...] = ()
    where: str = ""
    differs: str = ""


def export_package(
    contents: PackageContents,
    into: Path,
    log: CustodyLog,
    clock: Clock,
    *,
    actor: str,
    commit: Callable[[], None] = lambda: None,
    stamp: Callable[[bytes], Stamp | None] | None = None,
    cosigner: Cosigner | None = None,
    elements: ElementsTable | None = None,
    disk: Disk | None = None,
) -> PackageReport:
    """Write the package `into / contents.name`, whole or not at all.

    The export becomes an entry of the log, and the log is signed. `commit` ends the caller's transaction: it is called
    once, after both and before the package gets its name. `stamp` may then get a trusted time for the checkpoint's
    note, and `cosigner` a
    second signature; without an answer the package is made without one. `elements` is the table behind the worksheet
    (the shipped one unless given). The same contents, log, clock and keys give the same bytes.

    Raises:
        RefusedError: the facts of a file claim other viewings than the log holds.
        StateError: there is a package of this name already, or it is being made right now.
        StorageError: the folder cannot be written; nothing is left there.
        IntegrityError: the log is not what it was.
    """
    require_true_viewings(log, contents.files)

    def fill(bag: BagWriter, shown: Sequence[LogEntry], made_at: str) -> None:
        _write_contents(bag, contents, shown, log, made_at, elements or ElementsTable.load())

    plan = Plan(contents.name, contents.case, contents.organisation, contents.all_subjects(), actor)
    return make_package(
        plan, into, log, clock, fill, commit=commit, stamp=stamp, cosigner=cosigner, disk=disk or Disk()
    )


def verify_package(folder: Path, trusted_key: str | None = None) -> PackageCheck:
    """Run the package verifier (the same file that lies in every package) over a folder.

    Raises:
        InputError: the key is no log key.
        NotFoundError: there is no such folder.
        StorageError: it cannot be read.
    """
    if trusted_key is not None:
        NoteVerifier.from_vkey(trusted_key)
    if not folder.is_dir():
        raise NotFoundError(f"{folder} is no package folder.", hint="Give the folder that holds bagit.txt.")
    try:
        return PackageCheck(ok=True, says=tuple(verifier.verify(folder, trusted_key)))
    except verifier.DiffersError as found:
        return PackageCheck(ok=False, where=found.where, differs=found.what)
    except OSError as e:
        raise storage_error(folder, "read", e) from e


def _write_contents(
    bag: BagWriter,
    contents: PackageContents,
    shown: Sequence[LogEntry],
    log: CustodyLog,
    made_at: str,
    elements: ElementsTable,
) -> None:
    page, text = start_here(contents, made_at, log.verifier.vkey)
    bag.add("START-HERE.html", page)
    bag.add("START-HERE.txt", text)
    bag.add("data/certificate/draft-902.txt", draft_certificate(contents, made_at, log.verifier.vkey))
    bag.add("data/worksheet/elements.txt", worksheet(contents, elements))
    for name, value in sorted(contents.records.items()):
        bag.add(f"data/records/{name}", canonical_json(value) + b"\n")
    for name, data in sorted(contents.report.items()):
        bag.add(f"data/report/{name}", data)
    facts = contents.model_dump(mode="json", include={"files", "identifiers", "timeline"})
    for name in ("files", "identifiers", "timeline"):
        bag.add(f"data/interchange/{name}.json", canonical_json(facts[name]) + b"\n")
    bag.add("data/interchange/hashes.csv", hashes_csv(contents))
    bag.add("data/interchange/identifiers.csv", identifiers_csv(contents))
    bag.add("data/interchange/timeline.csv", timeline_csv(contents))
    bag.add("data/interchange/vics-2.0.json", vics_2_0(contents))
    bag.add("data/interchange/vics-1.3.json", vics_1_3(contents))
    bag.add("data/interchange/case.jsonld", case_jsonld(contents, shown))


__all__ = ["PackageCheck", "PackageReport", "export_package", "verifier_source", "verify_package"]
