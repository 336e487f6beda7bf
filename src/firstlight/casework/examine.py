"""Examination: what the machine can say about an item, and the place that follows from it.

Hash and look for signs of origin in a caged worker; match against the banks; weigh; bundle by pixels; rank. Everything
that was found is written in one transaction with the place in the queue. A picture that cannot be opened gets a
verdict that says so and goes to a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from firstlight import origin
from firstlight.banks import Library, Match
from firstlight.casework import cases, exposure, floods, lookup, review, severity, words
from firstlight.casework.home import SERVICE, Home, Work
from firstlight.casework.received import document as received
from firstlight.casework.received.document import Stated
from firstlight.casework.upload import Upload
from firstlight.clock import Clock, SystemClock
from firstlight.custody import Event, EventType, Stored
from firstlight.errors import FirstlightError, IntegrityError, NotFoundError, StateError, UnreadableError
from firstlight.hashing import FRAMES_PRELOAD, FramesHash, PictureHash, digest_stream
from firstlight.hashing import PRELOAD as HASHING
from firstlight.logs import get_logger
from firstlight.media import SNIFF_BYTES, Cage, Source, opened, sniff
from firstlight.origin import Indicator, TrustLists, Verdict, assess
from firstlight.store.tables import Case, Item
from firstlight.triage import Bundler, Placement, Priority, prioritise
from firstlight.values import Digests, ErrorNote

_log = get_logger("casework")

PRELOAD = (*HASHING, *FRAMES_PRELOAD, "firstlight.origin.worker")
"""What the cage has to load: `Cage(preload=PRELOAD)`."""

BATCH = 32
"""Items a transaction: a durable commit costs several milliseconds, and a crash examines at most this many again."""

LARGEST_IN_MEMORY = 256 * 1024 * 1024
"""Bytes. What is larger is no still picture; it goes to a person with its digests alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the caged workers found in one original."""

    picture: PictureHash | None = None
    indicators: tuple[Indicator, ...] = ()
    unreadable: ErrorNote | None = None
    frames: FramesHash | None = None
    stated: Stated | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """An item and what was found in it."""

    item: Item
    found: Found


def examine(home: Home, cage: Cage, *, advance: Callable[[], None] = lambda: None) -> int:
    """Examine every item that was received and not examined yet, oldest first; says how many.

    It may be stopped at any moment; the next call goes on. Each item is examined once.
    """
    done = 0
    batch: list[Seen] = []
    for seen in cage.each(lambda item: look_into(home, cage, item), _pending(home)):
        batch.append(seen)
        if len(batch) >= BATCH:
            done += _keep(home, batch)
            batch.clear()
        advance()
    done += _keep(home, batch)
    _log.info("examination.done", count=done)
    return done


def pending(session: Session) -> int:
    """How many items wait for their examination."""
    return session.scalar(select(func.count()).where(Item.verdict.is_(None))) or 0


def look_into(home: Home, cage: Cage, item: Item) -> Seen:
    """What caged workers find in the original; whatever is wrong with it becomes a note, and never an error.

    That holds for an original that is gone or was changed as well: its digests are still known and looked up, and a
    person is told. Only a disk that refuses stops the work.
    """
    if item.size > LARGEST_IN_MEMORY:
        note = ErrorNote(code="limit.file", message="The file is too large to be decoded here.")
        return Seen(item, Found(unreadable=note))
    try:
        with home.vault.open(Stored.from_json(item.stored)) as file:
            original = file.read()
    except (IntegrityError, NotFoundError, StateError) as e:
        return Seen(item, Found(unreadable=_note(e)))
    if received.is_received(item):
        return Seen(item, Found(unreadable=received.NOTE, stated=received.stated_in(original)))
    found = _caged(cage, original, home.trust)
    return Seen(item, replace(found, unreadable=words.as_words(item, found.unreadable)))


def examined_file(
    cage: Cage,
    path: Path,
    *,
    clock: Clock | None = None,
    trust: TrustLists | None = None,
    library: Library | None = None,
) -> Verdict:
    """What can be said about a file without keeping anything; without `library` it is looked up in no bank.

    Raises:
        InputError: the file cannot be opened.
    """
    with opened(path) as file:
        media_type = sniff(file.read(SNIFF_BYTES))
        file.seek(0)
        digests = digest_stream(file)
        found = _caged(cage, file, trust)
    matches = _matches(library, digests, found) if library else ()
    return _verdict((clock or SystemClock()).now(), digests, media_type.value, found, matches)


def _caged(cage: Cage, original: Source, trust: TrustLists | None) -> Found:
    """The picture's hash and its signs of origin, why one of them could not be had, and the frames of what moves."""
    signs: tuple[Indicator, ...] = ()
    unreadable: ErrorNote | None = None
    try:
        signs = origin.examine(cage, original, trust=trust)
    except UnreadableError as e:
        unreadable = _note(e)
    picture, frames, fault = lookup.hash_pixels(cage, original)
    # That the picture itself cannot be opened is the more telling fault.
    return Found(picture, signs, fault or unreadable, frames)


def assessed(home: Home, seen: Seen) -> Verdict:
    """The verdict on what was seen, with the banks as they are now."""
    digests, stated = Stored.from_json(seen.item.stored).digests, seen.found.stated
    if stated is not None:
        matches = home.library.match(stated.digests, stated.pdq)
    else:
        matches = _matches(home.library, digests, seen.found)
    return _verdict(home.clock.now(), digests, seen.item.media_type, seen.found, matches)


def _matches(library: Library, digests: Digests, found: Found) -> tuple[Match, ...]:
    if found.frames is not None:  # a moving picture has no one PDQ: its first frame says little of the others
        return lookup.moving_matches(library, digests, found.frames.frames)
    return lookup.still_matches(library, digests, found.picture)


def _verdict(at: datetime, digests: Digests, media_type: str, found: Found, matches: tuple[Match, ...]) -> Verdict:
    size = found.picture or found.frames
    return assess(
        at=at,
        digests=digests,
        media_type=media_type,
        pdq=found.picture.pdq if found.picture and not found.frames else None,
        width=size.width if size else None,
        height=size.height if size else None,
        matches=matches,
        indicators=found.indicators,
        unreadable=found.unreadable,
    )


def _pending(home: Home) -> Iterator[Item]:
    last = 0
    while True:
        wanted = select(Item).where(Item.verdict.is_(None), Item.id > last).order_by(Item.id).limit(BATCH)
        with home.look() as work:
            rows = work.session.scalars(wanted).all()
        if not rows:
            return
        yield from rows
        last = rows[-1].id


def _keep(home: Home, batch: Iterable[Seen]) -> int:
    """Verdicts, bundles, places and events of a batch, in one transaction."""
    kept = 0
    bundles, _ = home.bundles, home.library  # opened before the write lock is taken: opening may have to wait
    with home.work() as work:
        bundler = Bundler(bundles, _ExactBundles(work.session), home.table.bundling)
        for seen in batch:
            item = work.session.get_one(Item, seen.item.id)
            if item.verdict is None:  # otherwise another process was faster
                _keep_one(home, work, bundler, item, assessed(home, seen))
                kept += 1
        bundles.flush()  # what the rows rest on is durable before they are
    return kept


def _keep_one(home: Home, work: Work, bundler: Bundler, item: Item, verdict: Verdict) -> None:
    priority = prioritise(verdict, Upload.from_json(item.upload).context, home.table)
    placement = received.together(work, item) or bundler.place(item.id, item.sha256, verdict.pdq)
    case = cases.of_bundle(work, placement.bundle, item.received_at)
    item.case_id = case.id
    item.bundle = placement.bundle
    item.pdq = verdict.pdq.hex if verdict.pdq else None
    item.pdq_quality = verdict.pdq.quality if verdict.pdq else None
    item.verdict = verdict.to_json().decode()
    item.priority = priority.to_json().decode()
    item.severity = severity.expected(verdict, exposure.severe_categories(work)).burden
    item.owner = cases.QUEUE
    item.deadline = home.table.deadline(priority.level, item.received_at)
    work.session.flush()
    work.log.append_many(list(_events(work, case, item, verdict, priority, placement)))
    review.carry_over(work, case, item)
    work.session.flush()
    cases.place_with(work, case, item)
    floods.note(home, work, verdict.matches)


def _events(
    work: Work, case: Case, item: Item, verdict: Verdict, priority: Priority, placement: Placement
) -> Iterator[Event]:
    def event(kind: EventType, **payload: object) -> Event:
        return work.event(kind, SERVICE, case.id, item.sha256, {"item": item.id, **payload})

    plain = verdict.model_dump(mode="json")
    yield event(EventType.HASH, pdq=plain["pdq"], unreadable=plain["unreadable"])
    for match in plain["matches"]:
        yield event(EventType.MATCH, match=match)
    yield event(EventType.ORIGIN, indicators=plain["indicators"], stands=plain["origin"])
    yield event(EventType.BUNDLE, bundle=placement.bundle, says=placement.says)
    yield event(EventType.PRIORITISE, priority=priority.model_dump(mode="json"))


def _note(error: FirstlightError) -> ErrorNote:
    found = error.diagnostics()
    return ErrorNote(code=found.code, message=found.message, hint=found.hint)


class _ExactBundles(MutableMapping[str, int]):
    """SHA-256 to bundle: a view of the items' own rows, which are written by whoever places them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getitem__(self, sha256: str) -> int:
        wanted = select(Item.bundle).where(Item.sha256 == sha256, Item.bundle.is_not(None)).order_by(Item.id).limit(1)
        bundle = self._session.scalar(wanted)
        if bundle is None:
            raise KeyError(sha256)
        return bundle

    def __setitem__(self, sha256: str, bundle: int) -> None:
        """Nothing: the bundle stands in the item's row as soon as the item is placed."""

    def __delitem__(self, sha256: str) -> None:
        raise KeyError(sha256)

    def __iter__(self) -> Iterator[str]:
        return iter(self._session.scalars(select(Item.sha256).where(Item.bundle.is_not(None)).distinct()))

    def __len__(self) -> int:
        return sum(1 for _ in self)
