"""Intake: bytes come in, are hashed before anything else touches them, and lie in the vault before anything is decided.

First an item is received: digests, vault, row and custody event. Then it is examined (`examine`). Both steps may be
cut off at any moment and run again: what was received is found again by its source and its SHA-256, and what was not
examined yet is examined next time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from firstlight.casework import bearings, plain
from firstlight.casework.home import SERVICE, Home, Work, new_item_key
from firstlight.casework.upload import About, Upload
from firstlight.custody import EventType, Stored
from firstlight.errors import FirstlightError, InputError, StorageError
from firstlight.hashing import digest_stream
from firstlight.logs import get_logger
from firstlight.media import SNIFF_BYTES, opened, sniff
from firstlight.media.sources import descriptor, shown
from firstlight.store.tables import Destruction, Item
from firstlight.values import Digests, Document, ErrorNote, Level, Value, Versioned

_log = get_logger("casework")

AGAIN = "#again-after-"
"""Joins a source and the number of the item whose original was destroyed before the same bytes came in again."""

BATCH = 32  # items a transaction: a durable commit costs several milliseconds, and a crash redoes at most this many


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that comes in: where from (one name for ever), where it lies now, and what the service knows of it."""

    source: str
    path: Path
    upload: Upload


class Refused(Value):
    """A path that could not be taken in, and what to do about it."""

    path: str
    error: ErrorNote


class IntakeReport(Document):
    """What became of everything that was offered: `offered` equals `received` + `known` + the refused ones."""

    title_for_people: ClassVar[str] = "intake report"

    kind: Literal["intake-report"] = "intake-report"
    version: Versioned = 1
    offered: int
    received: int
    known: int
    refused: tuple[Refused, ...]


def arrivals(
    paths: Iterable[Path], about: Mapping[str, Upload], default: Upload | None = None
) -> Iterator[Arrival | Refused]:
    """Every file below these paths, in the order of their names. Links are named and not followed.

    A file's facts are looked up in `about` by its path below the folder given, then by its name; `default` are those
    of files it does not name. An `About` knows afterwards which of its names no file had.
    """
    facts = about if isinstance(about, About) else About(about)
    for path in paths:
        yield from _below(path, facts, default or Upload())


def source_of(path: Path) -> str:
    """The one name under which a file on this machine comes in, for ever: its address, without links and detours."""
    return path.resolve().as_uri()


@contextmanager
def in_memory(data: bytes) -> Iterator[Path]:
    """A name for bytes in memory, for as long as they are read: an original never lies plain on a disk.

    Raises:
        StorageError: there is no memory for them.
    """
    with descriptor(data) as fd:
        yield Path(f"/proc/{os.getpid()}/fd/{fd}")


def receive(
    home: Home,
    offered: Iterable[Arrival | Refused],
    *,
    actor: str = SERVICE,
    advance: Callable[[], None] = lambda: None,
) -> IntakeReport:
    """Take everything in: when this returns, each original lies in the vault and stands in the custody log.

    What cannot be read is named in the report, and the rest is taken all the same.

    Raises:
        StorageError: the home's disk refuses; what was received before is kept, and the same call goes on from there.
    """
    with home.taking_in():
        return _receive(home, offered, actor, advance)


def _receive(home: Home, offered: Iterable[Arrival | Refused], actor: str, advance: Callable[[], None]) -> IntakeReport:
    count = received = 0
    refused: list[Refused] = []
    waiting: list[_Received] = []
    try:
        for arrival in offered:
            count += 1
            advance()
            if isinstance(arrival, Refused):
                refused.append(arrival)
                continue
            try:
                one = _store(home, arrival)
            except InputError as e:
                refused.append(_refused(arrival.path, e))
                continue
            if one is not None:
                waiting.append(one)
            if len(waiting) >= BATCH:
                full, waiting = waiting, []
                received += _keep(home, full, actor)
    finally:  # whatever ends it, Ctrl+C or a vault that refuses: what lies there already shall stand in the tables
        received += _keep(home, waiting, actor)
    _log.info("intake.done", count=received, total=count)
    return IntakeReport(offered=count, received=received, known=count - received - len(refused), refused=tuple(refused))


def adopt(home: Home, stored: Stored, media_type: str, *, actor: str) -> None:
    """Make an item of an original that lies in the vault and belongs to none, as if it had just come in."""
    arrival = Arrival(f"vault:{stored.id}", Path(stored.id), Upload())
    _keep(home, [_Received(arrival, stored, media_type)], actor)


@dataclass(frozen=True, slots=True)
class _Received:
    arrival: Arrival
    stored: Stored
    media_type: str


def _store(home: Home, arrival: Arrival) -> _Received | None:
    """Digest the file, then keep it in the vault; None when it came in before."""
    if _lies_in(home.folder, arrival.path):
        raise InputError("It lies in the home itself.", hint="Name a folder that the home does not lie in.")
    with opened(arrival.path) as file:
        digests, media_type = _digested(file)
        with home.look() as work:
            source = _name(work.session, arrival.source, digests)
        if source is None:
            return None
        arrival = replace(arrival, source=source)
        key = home.keyring.ensure_case_key(new_item_key())
        try:
            stored = home.vault.put(file, key)
        except StorageError as e:
            if e.diagnostics().code != "storage.source":
                raise
            raise _unread(e) from e
    if stored.digests != digests:
        _take_back(home, stored)
        raise InputError(
            f"{shown(arrival.path)} was changed while it was read.", hint="Take it in again when nobody writes to it."
        )
    return _Received(arrival, stored, media_type)


def _digested(file: BinaryIO) -> tuple[Digests, str]:
    """Digests and kind of a file, which then stands at its start again."""
    try:
        head = file.read(SNIFF_BYTES)
        file.seek(0)
        digests = digest_stream(file)
        file.seek(0)
    except (OSError, StorageError) as e:  # of the disk that the file lies on, which is not ours
        raise _unread(e) from e
    return digests, sniff(head).value


def _unread(error: OSError | StorageError) -> InputError:
    why = error.diagnostics().message if isinstance(error, StorageError) else f"Reading stopped: {error.strerror}."
    return InputError(why, hint="Check the disk it lies on, then take it in again.", code="input.file")


def _lies_in(folder: Path, path: Path) -> bool:
    """A home is never taken into itself: its keys would lie in its vault."""
    return path.resolve().is_relative_to(folder.resolve())


def _take_back(home: Home, stored: Stored) -> None:
    """Remove an original that this process has just stored and that no row and no event names."""
    key = home.keyring.case_key(stored.case)
    home.keyring.destroy_case_key(stored.case, home.clock.now())
    home.vault.shred(key)


def _keep(home: Home, received: Iterable[_Received], actor: str) -> int:
    """Rows and events of what lies in the vault; those that another process has taken in meanwhile are left out."""
    kept = 0
    twice: list[Stored] = []
    with home.work() as work:
        for one in received:
            if _is_known(work.session, one.arrival.source, one.stored.digests):
                twice.append(one.stored)
                continue
            _row(home, work, one)
            upload = one.arrival.upload
            work.record(
                EventType.INGEST,
                actor=actor,
                subject=one.stored.digests.sha256,
                source=one.arrival.source,
                digests=one.stored.digests.model_dump(mode="json"),
                media_type=one.media_type,
                upload=upload.model_dump(mode="json"),
                stored=one.stored.model_dump(mode="json"),
            )
            kept += 1
    for stored in twice:
        _take_back(home, stored)
    return kept


def _row(home: Home, work: Work, one: _Received) -> None:
    now = home.clock.now()
    digests = one.stored.digests
    item = Item(
        state="held",
        owner="examination",
        deadline=home.table.deadline(Level.IMMEDIATE, now),  # until it is examined nobody knows better
        received_at=now,
        source=one.arrival.source,
        upload=one.arrival.upload.to_json().decode(),
        sha256=digests.sha256,
        md5=digests.md5,
        sha1=digests.sha1,
        size=digests.size,
        media_type=one.media_type,
        stored=one.stored.to_json().decode(),
    )
    work.session.add(item)
    work.session.flush()
    bearings.remember(work.session, item, one.arrival.upload)


def _is_known(session: Session, source: str, digests: Digests) -> bool:
    wanted = select(Item.id).where(Item.source == source, Item.sha256 == digests.sha256)
    return session.scalar(wanted) is not None


def _name(session: Session, source: str, digests: Digests) -> str | None:
    """The name under which these bytes come in from there; None when they are there already.

    A destruction is of the copy. The same bytes that come in again from the same place are a new item with a key and a
    clock of its own; its name says after whose destruction it came.
    """
    name = source
    while True:
        number = session.scalar(select(Item.id).where(Item.source == name, Item.sha256 == digests.sha256))
        if number is None:
            return name
        if session.get(Destruction, number) is None:
            return None
        name = f"{source}{AGAIN}{number}"


def _below(top: Path, about: About, default: Upload) -> Iterator[Arrival | Refused]:
    waiting = [(top, "")]  # a path, and its name below the folder given
    while waiting:
        path, name = waiting.pop()
        try:
            children = _children(path)
        except InputError as e:
            yield _refused(path, e)
            continue
        if children is None:
            yield _arrival(path, name or path.name, about, default)
        else:
            waiting += [(child, f"{name}/{child.name}" if name else child.name) for child in reversed(children)]


def _children(path: Path) -> list[Path] | None:
    """What lies in a folder, by name; None for a file."""
    try:
        if path.is_symlink():
            raise InputError(f"{shown(path)} is a link, and links are not followed.", hint="Name the file itself.")
        return sorted(path.iterdir()) if path.is_dir() else None
    except OSError as e:
        raise InputError(
            f"{shown(path)} cannot be read: {e.strerror}.", hint="Check its permissions.", code="input.file"
        ) from e


def _arrival(path: Path, name: str, about: About, default: Upload) -> Arrival:
    facts = about.find(name, path.name) or default
    if not facts.name:
        facts = facts.model_copy(
            update={"name": plain.shown(os.fsencode(path.name).decode("utf-8", "replace"), lines=False)}
        )
    return Arrival(source_of(path), path, facts)


def _refused(path: Path, error: FirstlightError) -> Refused:
    found = error.diagnostics()
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return Refused(path=text, error=ErrorNote(code=found.code, message=found.message, hint=found.hint))
