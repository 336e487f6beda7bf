"""Second parties to the log's checkpoints: a witness signs them along, a time stamping authority dates them.

Both are optional, and the log works without them. What cannot be had now waits in the tables and is asked for again by
the next run; nothing waits for a network while the log is locked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from sqlalchemy import func, select

from firstlight.casework.home import SERVICE, Home
from firstlight.custody import EventType, LogFinding, NoteVerifier, SignedCheckpoint, inspect_package
from firstlight.custody.cosignature import Cosigner, WitnessKey
from firstlight.custody.files import Disk, storage_error
from firstlight.custody.packing import stamped_copy
from firstlight.custody.second_parties import ask_authority, ask_witness
from firstlight.custody.timestamp import Stamp, dated, timestamp_query
from firstlight.errors import FirstlightError, InputError, IntegrityError, MissingExtraError, UpstreamError
from firstlight.store.tables import LogStamp
from firstlight.values import Document, ErrorNote, Instant, Value, Versioned

Count = Annotated[int, Field(ge=0)]


class Dated(Value):
    """One checkpoint with its trusted time, and which verifiers have checked it here."""

    size: int
    at: Instant
    checked_by: tuple[str, ...]


class Anchors(Document):
    """What second parties say of this log, checked against the configured certificates and key.

    `witnessed` is the largest size that the witness has signed. `waiting` checkpoints have no time yet.
    """

    title_for_people: ClassVar[str] = "anchors of the log"

    kind: Literal["anchors"] = "anchors"
    version: Versioned = 1
    witness: str = ""
    witnessed: int | None = None
    witnessed_at: Instant | None = None
    authority: str = ""
    dated: tuple[Dated, ...] = ()
    waiting: Count = 0
    findings: tuple[LogFinding, ...] = ()


class AnchorReport(Document):
    """What came of asking the second parties: each of them done, not configured, or an error that tells what to do."""

    title_for_people: ClassVar[str] = "anchor report"

    kind: Literal["anchor-report"] = "anchor-report"
    version: Versioned = 1
    at: Instant
    size: int
    witness: Literal["signed", "none", "error"]
    stamps: Count
    waiting: Count
    errors: tuple[ErrorNote, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether a second party contradicts this log, which is worse than being away."""
        return any(one.code.startswith("integrity") for one in self.errors)


def anchor(home: Home, *, actor: str = SERVICE) -> AnchorReport:
    """Sign the log as it stands, have the witness sign along, and have dated what waits for its time.

    Raises:
        InputError: a setting cannot be used.
    """
    errors: list[ErrorNote] = []
    signed = home.checkpoint()
    witness: Literal["signed", "none", "error"] = "none"
    if home.settings.witness.url:
        try:
            signed = _witnessed(home, signed, actor)
            witness = "signed"
        except (UpstreamError, IntegrityError) as e:
            witness = "error"
            errors.append(_note(e))
    stamps = 0
    if home.settings.timestamps.url:
        _queue(home, signed)
        stamps = _work_off(home, actor, errors)
    return AnchorReport(
        at=home.clock.now(),
        size=signed.size,
        witness=witness,
        stamps=stamps,
        waiting=_waiting(home),
        errors=tuple(errors),
    )


def cosigner(home: Home, *, actor: str = SERVICE) -> Cosigner | None:
    """What an export asks for a second signature; a witness that is away costs the package that signature alone."""
    key = witness_key(home)
    if not home.settings.witness.url or key is None:
        return None

    def sign(signed: SignedCheckpoint) -> SignedCheckpoint:
        try:
            return _witnessed(home, signed, actor)
        except UpstreamError:
            return signed

    return Cosigner(key, sign)


def stamper(home: Home, *, actor: str = SERVICE) -> Callable[[bytes], Stamp | None] | None:
    """What an export asks for a trusted time; without an answer the checkpoint waits, and the package has none."""
    if not home.settings.timestamps.url:
        return None

    def stamp(note: bytes) -> Stamp | None:
        signed = SignedCheckpoint.open(note, *_keys(home))
        _queue(home, signed)
        errors: list[ErrorNote] = []
        _work_off(home, actor, errors, only=signed.size)
        with home.look() as work:
            row = work.session.get(LogStamp, signed.size)
            if row is None or row.response is None or row.note != note:
                return None
            return Stamp(row.response, row.certificates)

    return stamp


def stamp_package(home: Home, package: Path, into: Path) -> Path:
    """A copy of a package of this house below `into`, with the trusted time that was not to be had at its export.

    Raises:
        IntegrityError: the package does not verify, or its checkpoint is not of this log.
        InputError: the settings name no authority.
        StateError: it has a time stamp already, or there is something of its name in `into`.
        UpstreamError: the authority gives no time for it now.
        StorageError: the package cannot be read, or the folder cannot be made or written.
    """
    ask = stamper(home)
    if ask is None:
        raise InputError("The settings name no time stamping authority.", hint="Set timestamps.url in settings.toml.")
    inspect_package(package)
    disk = Disk()
    stamp = ask(disk.read(package / "data/custody/checkpoint"))
    if stamp is None:
        raise UpstreamError(
            "There is no trusted time for this package yet.",
            hint="`firstlight custody anchor` asks again and tells why; then run this once more.",
        )
    if not into.is_dir():
        disk.make_folder(into)
    return stamped_copy(package, into, stamp, disk)


def witness_key(home: Home) -> WitnessKey | None:
    """The configured key of the witness, if there is one.

    Raises:
        InputError: it is no key of a witness.
    """
    return WitnessKey.from_vkey(home.settings.witness.key) if home.settings.witness.key else None


def look(home: Home) -> Anchors:
    """What second parties have said so far, each signature and each time checked again."""
    found: list[LogFinding] = []
    stamps: list[Dated] = []
    with home.look() as work:
        notes = [SignedCheckpoint.open(note, *_keys(home)) for note in work.log.checkpoints()]
        rows = work.session.scalars(select(LogStamp).order_by(LogStamp.size)).all()
        roots = {row.size: work.log.root_at(row.size) for row in rows}
    key = witness_key(home)
    witnessed, seen = None, None
    for signed in notes if key else ():
        try:
            at = key.seen_at(signed.note) if key else None
        except IntegrityError as e:
            found.append(LogFinding(code="witness", says=f"At {signed.size} entries: {e.diagnostics().message}"))
            continue
        if at is not None:
            witnessed, seen = signed.size, at
    for row in rows:
        if row.response is None:
            continue
        try:
            _require_root(SignedCheckpoint.open(row.note, *_keys(home)), roots[row.size])
            time = dated(row.note, Stamp(row.response, row.certificates))
            stamps.append(Dated(size=row.size, at=time.at, checked_by=time.checked_by))
        except (IntegrityError, MissingExtraError) as e:
            says = f"The time stamp at {row.size} entries: {e.diagnostics().message}"
            found.append(LogFinding(code="timestamp", says=says))
    return Anchors(
        witness=key.name if key else "",
        witnessed=witnessed,
        witnessed_at=seen,
        authority=home.settings.timestamps.url,
        dated=tuple(stamps),
        waiting=sum(row.response is None for row in rows),
        findings=tuple(found),
    )


def _require_root(signed: SignedCheckpoint, root: bytes | None) -> None:
    if signed.checkpoint.root != root:
        raise IntegrityError("The log is not what it was when it was dated.")


def _witnessed(home: Home, signed: SignedCheckpoint, actor: str) -> SignedCheckpoint:
    key = witness_key(home)
    if key is None:
        raise InputError("The settings name a witness and not its key.", hint="Set witness.key in settings.toml.")
    if key.seen_at(signed.note) is not None:
        return signed
    known = max((one.size for one in _signed_along(home, key) if one.size <= signed.size), default=0)

    def prove(old: int) -> list[bytes]:
        with home.look() as work:
            return work.log.consistency(old, signed.size)

    both = ask_witness(home.settings.witness.url, key, signed, known, prove)
    with home.work() as work:
        work.log.keep_checkpoint(both)
        work.record(EventType.CHECKPOINT_ANCHORED, actor=actor, how="witness", size=both.size, by=key.name)
    return both


def _signed_along(home: Home, key: WitnessKey) -> list[SignedCheckpoint]:
    with home.look() as work:
        notes = [SignedCheckpoint.open(note, *_keys(home)) for note in work.log.checkpoints()]
    return [one for one in notes if key.seen_at(one.note) is not None]


def _queue(home: Home, signed: SignedCheckpoint) -> None:
    with home.work() as work:
        row = work.session.get(LogStamp, signed.size)
        if row is None:
            now = work.clock.now()
            work.session.add(
                LogStamp(size=signed.size, note=signed.note, queued_at=now, tries=0, error="", certificates=b"")
            )
        elif row.response is None:
            row.note = signed.note


def _work_off(home: Home, actor: str, errors: list[ErrorNote], only: int | None = None) -> int:
    """Ask for the time of what waits, the newest first: it proves the most. One that fails ends the run."""
    wanted = select(LogStamp).where(LogStamp.response.is_(None)).order_by(LogStamp.size.desc())
    with home.look() as work:
        rows = [row for row in work.session.scalars(wanted) if only in (None, row.size)]
    done = 0
    for row in rows:
        try:
            _date(home, row, actor)
            done += 1
        except (UpstreamError, IntegrityError) as e:
            errors.append(_note(e))
            with home.work() as work:
                kept = work.session.get_one(LogStamp, row.size)
                kept.tries, kept.error = kept.tries + 1, e.diagnostics().message
            break
    return done


def _date(home: Home, row: LogStamp, actor: str) -> None:
    certificates = _certificates(home)
    query = timestamp_query(row.note, secrets.randbits(63))
    stamp = Stamp(ask_authority(home.settings.timestamps.url, query), certificates)
    time = dated(row.note, stamp, query=query)
    with home.work() as work:
        kept = work.session.get_one(LogStamp, row.size)
        kept.response, kept.certificates, kept.stamped_at, kept.error = stamp.response, certificates, time.at, ""
        work.record(EventType.CHECKPOINT_ANCHORED, actor=actor, how="rfc3161", size=row.size, at=time.at.isoformat())


def _certificates(home: Home) -> bytes:
    name = home.settings.timestamps.certificates
    if not name:
        raise InputError(
            "The settings name a time stamping authority and not its certificates.",
            hint="Set timestamps.certificates to a PEM file that you got from the authority itself.",
        )
    path = home.folder / Path(name)
    try:
        return path.read_bytes()
    except OSError as e:
        raise storage_error(path, "read", e) from e


def _waiting(home: Home) -> int:
    with home.look() as work:
        return work.session.scalar(select(func.count()).where(LogStamp.response.is_(None))) or 0


def _keys(home: Home) -> tuple[NoteVerifier, ...]:
    return (home.keyring.log_signer().verifier, *home.keyring.retired_verifiers())


def _note(error: FirstlightError) -> ErrorNote:
    found = error.diagnostics()
    return ErrorNote(code=found.code, message=found.message, hint=found.hint)
