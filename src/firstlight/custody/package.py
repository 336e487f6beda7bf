"""The evidence package: one folder for an investigator and for the defence, which anyone can verify offline.

The order of the steps matters. First all records and statements are written; then the log records the SHA-256 of the
list of them and signs its state; then the caller's transaction is committed; only then do proofs and lists join them
and the folder gets its name. So no package exists whose export the log does not know.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

from firstlight import clock as times
from firstlight.clock import Clock
from firstlight.custody import merkle, verifier
from firstlight.custody.bag import BagWriter, as_label, as_list
from firstlight.custody.certificate import draft_certificate
from firstlight.custody.contents import PackageContents
from firstlight.custody.elements import ElementsTable, worksheet
from firstlight.custody.event import Event, EventType
from firstlight.custody.files import Disk, storage_error, unseen_folder
from firstlight.custody.interchange.case_jsonld import case_jsonld
from firstlight.custody.interchange.vics import vics_1_3, vics_2_0
from firstlight.custody.leaf import LogEntry
from firstlight.custody.log import CustodyLog
from firstlight.custody.note import NoteVerifier, SignedCheckpoint
from firstlight.custody.pages import start_here
from firstlight.custody.tables import to_csv
from firstlight.custody.timestamp import Stamp
from firstlight.custody.viewing import require_true_viewings
from firstlight.errors import NotFoundError, StateError
from firstlight.values import Document, Sha256Hex, Versioned, canonical_json

_CUSTODY = "data/custody/"
_README = (
    b"Run:  python3 -I verify.py ..\n\nverify.py needs nothing but Python 3.8 or later. Read it first: it is short.\n"
    b"To be sure whose log this is, add  --key  and the line that the organisation publishes as its log key.\n"
)


class PackageReport(Document):
    """What an export made."""

    title_for_people: ClassVar[str] = "package report"

    kind: Literal["package-report"] = "package-report"
    version: Versioned = 1
    name: str
    folder: str
    files: int
    entries: int
    export_entry: int
    log_size: int
    contents_sha256: Sha256Hex
    tagmanifest_sha256: Sha256Hex
    log_key: str


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
    elements: ElementsTable | None = None,
    disk: Disk | None = None,
) -> PackageReport:
    """Write the package `into / contents.name`, whole or not at all.

    The export becomes an entry of the log, and the log is signed. `commit` ends the caller's transaction: it is called
    once, after both and before the package gets its name. `stamp` may then get a trusted time for the checkpoint's
    note; without an answer the package is made without one. `elements` is the table behind the worksheet (the shipped
    one unless given). The same contents, log, clock and keys give the same bytes.

    Raises:
        RefusedError: the facts of a file claim other viewings than the log holds.
        StateError: there is a package of this name already, or it is being made right now.
        StorageError: the folder cannot be written; nothing is left there.
        IntegrityError: the log is not what it was.
    """
    disk = disk or Disk()
    target = _free_place(into, contents.name)
    require_true_viewings(log, contents.files)
    with unseen_folder(into / f".{contents.name}.partial") as temp:
        bag = BagWriter(temp, disk)
        at = clock.now()
        shown = list(log.entries(cases=(contents.case,), subjects=contents.all_subjects()))
        _write_contents(bag, contents, shown, log, times.to_text(at), elements or ElementsTable.load())
        listed = as_list(bag.digests())
        entry = log.append(_export_event(contents, at, actor, listed))
        checkpoint = log.checkpoint()
        commit()
        _write_proofs(bag, log, checkpoint, [*shown, entry], listed)
        _write_stamp(bag, stamp(checkpoint.note) if stamp else None)
        tag_digest = bag.finish(_label(contents, at))
        disk.rename(temp, target)
        disk.sync_folder(into)
    return PackageReport(
        name=contents.name,
        folder=str(target),
        files=len(bag.digests()),
        entries=len(shown) + 1,
        export_entry=entry.seq,
        log_size=checkpoint.size,
        contents_sha256=hashlib.sha256(listed).hexdigest(),
        tagmanifest_sha256=tag_digest,
        log_key=log.verifier.vkey,
    )


def _free_place(into: Path, name: str) -> Path:
    if not into.is_dir():
        raise NotFoundError(f"{into} is no folder.", hint="Make it, or give another one.")
    target = into / name
    if target.exists() or target.is_symlink():
        raise StateError(f"{target} is there already.", hint="Give the package another name or another folder.")
    return target


def _label(contents: PackageContents, at: datetime) -> dict[str, str]:
    """What bag-info.txt says; the verifier works the same lines out from the log's entry of the export."""
    return {
        "Source-Organization": as_label(contents.organisation),
        "Bagging-Date": times.to_text(at)[:10],
        "External-Identifier": contents.name,
    }


def _export_event(contents: PackageContents, at: datetime, actor: str, listed: bytes) -> Event:
    """What the log keeps of an export: enough for the verifier to find everything else unchanged."""
    return Event(
        type=EventType.EXPORT,
        at=at,
        actor=actor,
        case=contents.case,
        payload={
            "package": contents.name,
            "organization": as_label(contents.organisation),
            "contents_sha256": hashlib.sha256(listed).hexdigest(),
            "files": listed.count(b"\n"),
        },
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


def verifier_source() -> bytes:
    """The verifier as it is copied into each package."""
    return Path(verifier.__file__).read_bytes()


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
    bag.add("verify/README.txt", _README)
    bag.add("verify/verify.py", verifier_source())
    bag.add("data/certificate/draft-902.txt", draft_certificate(contents, made_at, log.verifier.vkey))
    bag.add("data/worksheet/elements.txt", worksheet(contents, elements))
    for name, value in sorted(contents.records.items()):
        bag.add(f"data/records/{name}", canonical_json(value) + b"\n")
    for name, data in sorted(contents.report.items()):
        bag.add(f"data/report/{name}", data)
    facts = contents.model_dump(mode="json", include={"files", "identifiers", "timeline"})
    for name in ("files", "identifiers", "timeline"):
        bag.add(f"data/interchange/{name}.json", canonical_json(facts[name]) + b"\n")
    bag.add("data/interchange/hashes.csv", _hashes(contents))
    bag.add("data/interchange/identifiers.csv", _identifiers(contents))
    bag.add("data/interchange/timeline.csv", _timeline(contents))
    bag.add("data/interchange/vics-2.0.json", vics_2_0(contents))
    bag.add("data/interchange/vics-1.3.json", vics_1_3(contents))
    bag.add("data/interchange/case.jsonld", case_jsonld(contents, shown))


def _hashes(contents: PackageContents) -> bytes:
    header = ("sha256", "sha1", "md5", "pdq", "size", "media_type", "original_name", "received_utc", "viewings")
    return to_csv(
        header,
        (
            (
                *(one.digests.sha256, one.digests.sha1, one.digests.md5, one.pdq, one.digests.size),
                *(one.media_type, one.original_name),
                times.to_text(one.received_at) if one.received_at else None,
                len(one.viewed),
            )
            for one in contents.files
        ),
    )


def _identifiers(contents: PackageContents) -> bytes:
    header = ("kind", "value", "verified", "port", "time_utc", "event", "note", "record")
    return to_csv(
        header,
        (
            (
                *(one.kind, one.value, {True: "yes", False: "no", None: ""}[one.verified], one.port),
                *(times.to_text(one.at) if one.at else None, one.event, one.note, one.record),
            )
            for one in contents.identifiers
        ),
    )


def _timeline(contents: PackageContents) -> bytes:
    rows = sorted(contents.timeline, key=lambda row: row.at)
    return to_csv(
        ("time_utc", "local", "who", "what", "record"),
        ((times.to_text(row.at), row.local, row.who, row.what, row.record) for row in rows),
    )


def _write_proofs(
    bag: BagWriter, log: CustodyLog, checkpoint: SignedCheckpoint, entries: Sequence[LogEntry], listed: bytes
) -> None:
    lines = [_line(log, checkpoint, entry) for entry in entries]
    bag.add(_CUSTODY + "contents-sha256.txt", listed)
    bag.add(_CUSTODY + "entries.jsonl", b"".join(lines))
    bag.add(_CUSTODY + "checkpoint", checkpoint.note)
    bag.add(_CUSTODY + "log.vkey", log.verifier.vkey.encode() + b"\n")
    bag.add(_CUSTODY + "export.tlog-proof", log.prove(entries[-1].seq, checkpoint).to_bytes())


def _write_stamp(bag: BagWriter, stamp: Stamp | None) -> None:
    if stamp is not None:
        bag.add(_CUSTODY + "checkpoint.tsr", stamp.response)
        bag.add(_CUSTODY + "tsa-chain.pem", stamp.chain_pem)


def _line(log: CustodyLog, checkpoint: SignedCheckpoint, entry: LogEntry) -> bytes:
    """One entry with its proof, and with what opens it; checked before it leaves the house."""
    proof = log.prove(entry.seq, checkpoint).hashes
    signed = checkpoint.checkpoint
    merkle.check_inclusion(entry.leaf_hash, entry.seq, signed.size, proof, signed.root)
    line: dict[str, object] = {"leaf": entry.leaf, "proof": [base64.b64encode(one).decode() for one in proof]}
    if entry.event is not None:
        line |= {"event": entry.event.to_json().decode(), "salt": entry.salt}
    return canonical_json(line) + b"\n"


__all__ = ["PackageCheck", "PackageReport", "export_package", "verifier_source", "verify_package"]
