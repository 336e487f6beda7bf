"""The steps that every package goes through, whatever is in it.

Their order matters. First everything but the proofs is written; then the log records the SHA-256 of the list of it and
signs its state; then the caller's transaction is committed; only then do proofs and lists join and the folder gets its
name. So no package exists whose export the log does not know.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from pydantic import JsonValue

from firstlight import clock as times
from firstlight.clock import Clock
from firstlight.custody import merkle, verifier
from firstlight.custody.bag import BagFile, BagWriter, as_label, as_list
from firstlight.custody.cosignature import Cosigner
from firstlight.custody.event import Event, EventType
from firstlight.custody.files import Disk, storage_error, unseen_folder
from firstlight.custody.leaf import LogEntry
from firstlight.custody.log import CustodyLog
from firstlight.custody.note import SignedCheckpoint
from firstlight.custody.timestamp import Stamp
from firstlight.errors import NotFoundError, StateError
from firstlight.values import Document, Sha256Hex, Versioned, canonical_json

_CUSTODY = "data/custody/"
_COPIED_BYTES = 1024 * 1024
_README = b"""Run:  python3 -I verify.py ..

verify.py needs nothing but Python 3.8 or later. Read it first: it is short. Whoever changed a package could have
changed this file too: to be sure, run one that you have from a release of Firstlight, or compare the two.

To be sure whose log this is, add  --key  and the line that the organisation publishes as its log key.
"""

Fill: TypeAlias = Callable[[BagWriter, Sequence[LogEntry], str], None]
"""Writes a package's contents: into which bag, the log entries that will be shown, the time as text."""


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What the log is told of an export, and whose entries are shown: those of the case and of these files."""

    name: str
    case: str
    organisation: str
    subjects: Sequence[str]
    actor: str
    more: Mapping[str, JsonValue] = field(default_factory=dict)


def make_package(
    plan: Plan,
    into: Path,
    log: CustodyLog,
    clock: Clock,
    fill: Fill,
    *,
    commit: Callable[[], None],
    stamp: Callable[[bytes], Stamp | None] | None,
    disk: Disk,
    cosigner: Cosigner | None = None,
) -> PackageReport:
    """Write the package `into / plan.name`, whole or not at all; see `export_package` for what is promised."""
    target = _free_place(into, plan.name)
    with unseen_folder(into / f".{plan.name}.partial") as temp:
        bag = BagWriter(temp, disk)
        at = clock.now()
        shown = list(log.entries(cases=(plan.case,), subjects=plan.subjects))
        fill(bag, shown, times.to_text(at))
        bag.add("verify/README.txt", _README)
        bag.add("verify/verify.py", verifier_source())
        listed = as_list(bag.digests())
        entry = log.append(_export_event(plan, at, listed, shown))
        checkpoint = log.checkpoint()
        commit()  # from here on nothing is locked, so that second parties may take their time
        checkpoint = cosigner.sign(checkpoint) if cosigner else checkpoint
        stamped = stamp(checkpoint.note) if stamp else None
        _write_proofs(bag, log, checkpoint, [*shown, entry], listed)
        if cosigner is not None and cosigner.key.seen_at(checkpoint.note) is not None:
            bag.add(_CUSTODY + "witness.vkey", cosigner.key.vkey.encode() + b"\n")
        _write_stamp(bag, stamped)
        tag_digest = bag.finish(_label(plan, at))
        disk.rename(temp, target)
        disk.sync_folder(into)
    return PackageReport(
        name=plan.name,
        folder=str(target),
        files=len(bag.digests()),
        entries=len(shown) + 1,
        export_entry=entry.seq,
        log_size=checkpoint.size,
        contents_sha256=hashlib.sha256(listed).hexdigest(),
        tagmanifest_sha256=tag_digest,
        log_key=log.verifier.vkey,
    )


_LISTS = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "manifest-sha512.txt", "tagmanifest-sha256.txt")


def stamped_copy(package: Path, into: Path, stamp: Stamp, disk: Disk) -> Path:
    """A copy of a verified package below `into`, with a trusted time for its checkpoint, whole or not at all.

    Raises:
        StateError: the package has a time stamp already, or there is something of its name.
        StorageError: the package cannot be read, or the folder cannot be written; nothing is left there.
    """
    if (package / (_CUSTODY + "checkpoint.tsr")).exists():
        raise StateError(f"{package} has a time stamp already.")
    target = _free_place(into, package.name)
    label = [line.partition(": ")[::2] for line in disk.read(package / "bag-info.txt").decode().splitlines()]
    with unseen_folder(into / f".{package.name}.partial") as temp:
        bag = BagWriter(temp, disk)
        for path in sorted(one for one in package.rglob("*") if one.is_file()):
            name = path.relative_to(package).as_posix()
            if name not in _LISTS:
                _copy(bag, name, path)
        _write_stamp(bag, stamp)
        bag.finish({name: value for name, value in label if name != "Payload-Oxum"})
        disk.rename(temp, target)
        disk.sync_folder(into)
    return target


def _copy(bag: BagWriter, name: str, path: Path) -> None:
    def fill(out: BagFile) -> None:
        with path.open("rb") as file:
            while block := file.read(_COPIED_BYTES):
                out.write(block)

    try:
        bag.add_with(name, fill)
    except OSError as e:
        raise storage_error(path, "read", e) from e


def verifier_source() -> bytes:
    """The verifier as it is copied into each package."""
    return Path(verifier.__file__).read_bytes()


def _free_place(into: Path, name: str) -> Path:
    if not into.is_dir():
        raise NotFoundError(f"{into} is no folder.", hint="Make it, or give another one.")
    target = into / name
    if target.exists() or target.is_symlink():
        raise StateError(f"{target} is there already.", hint="Give the package another name or another folder.")
    return target


def _label(plan: Plan, at: datetime) -> dict[str, str]:
    """What bag-info.txt says; the verifier works the same lines out from the log's entry of the export."""
    return {
        "Source-Organization": as_label(plan.organisation),
        "Bagging-Date": times.to_text(at)[:10],
        "External-Identifier": plan.name,
    }


def _export_event(plan: Plan, at: datetime, listed: bytes, shown: Sequence[LogEntry]) -> Event:
    """What the log keeps of an export: enough for the verifier to find everything else unchanged."""
    return Event(
        type=EventType.EXPORT,
        at=at,
        actor=plan.actor,
        case=plan.case,
        payload={
            "package": plan.name,
            "organization": as_label(plan.organisation),
            "contents_sha256": hashlib.sha256(listed).hexdigest(),
            "files": listed.count(b"\n"),
            "entries_sha256": hashlib.sha256(b"".join(_shown_line(one) for one in shown)).hexdigest(),
            **plan.more,
        },
    )


def _shown_line(entry: LogEntry) -> bytes:
    """What the log records of an entry that is shown: nobody can leave it out or close it afterwards."""
    return b"%d %s\n" % (entry.seq, b"closed" if entry.event is None else b"open")


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
