"""Jobs: work that is asked for in one transaction and done later, by any worker of any process that shares the tables.

Ask inside the transaction that needs it, so that the job is there exactly if the change is:

    with home.work() as work:
        ...
        jobs.enqueue(work, "send-webhook", {"event": 7}, key="event-7")

Work it off in as many threads or processes as wanted; each has a worker of its own:

    worker = jobs.Worker(home, {"send-webhook": send}, name="machine-1/0")
    worker.run(stop)          # until the threading.Event is set; or worker.run_once(), which answers what it did

A handler gets the home and the job. A job is done at least once: a worker that dies, or is cut off for longer than the
lease, has its job taken over. A handler that changes only the tables calls `job.finish(work)` inside its own
transaction, and its change is then kept exactly once. What reaches a host needs a key
or a journal of its own there, as filing has.

A job that fails waits longer each time, and is dead after the last try; one that kills its worker is dead after as many
tries. Dead jobs keep nobody waiting: they are listed (`standing`) until somebody revives or discards them.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.orm import Session

from firstlight.casework.home import Home, Work, named
from firstlight.clock import to_text
from firstlight.custody import EventType
from firstlight.errors import FirstlightError, InputError, NotFoundError, StateError
from firstlight.logs import get_logger
from firstlight.store.tables import Job as Row
from firstlight.store.tables import YesNo
from firstlight.values import Document, Value, Versioned

_log = get_logger("casework")

LEASE = timedelta(minutes=5)
"""How long a worker may be silent before another takes its job over. Clocks of machines have to agree far better."""

TRIES = 8
"""With the waits below that is a bit more than an hour of failing, which outlasts most restarts of other hosts."""

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=1)
IDLE = 1.0  # seconds between looks for work when there was none

Handler = Callable[[Home, "Job"], None]


@dataclass(frozen=True, slots=True)
class Job:
    """A job in the hands of a worker. `tries` counts this one."""

    id: int
    kind: str
    key: str
    payload: Mapping[str, Any]
    tries: int
    lease: str
    lost: threading.Event
    """Set once the lease could not be kept: another worker may have the job by now. Long handlers look at it."""

    def finish(self, work: Work) -> None:
        """End the job in the transaction of what it did, so that both are kept or lost together.

        Raises:
            StateError: another worker has taken it over; let the transaction fail.
        """
        if not _end(work.session, self, work.clock.now()):
            raise StateError("Another worker has taken this job over.", hint="Nothing of this step is kept.")


class Standing(Value):
    """One job as it stands. `says` is what went wrong last; it holds no content."""

    id: int
    kind: str
    state: Literal["waiting", "leased", "dead"]
    urgent: bool
    asked_at: datetime
    due: datetime
    tries: int
    worker: str | None
    says: str


class JobsStanding(Document):
    """How the jobs stand, and which are dead."""

    title_for_people: ClassVar[str] = "jobs"

    kind: Literal["jobs-standing"] = "jobs-standing"
    version: Versioned = 1
    waiting: int
    leased: int
    dead: tuple[Standing, ...]
    oldest_due: datetime | None
    """When the waiting job that has been due for longest became due."""


def enqueue(
    work: Work,
    kind: str,
    payload: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    due: datetime | None = None,
    urgent: bool = False,
) -> int:
    """Ask for a job inside this transaction; the answer is its number.

    With a `key` there is one job of that kind and key at a time: asked for again while it waits, it is the same one;
    while it is being done, it is done once more afterwards; when it is dead, it is tried anew. Urgent ones go first.
    """
    text = json.dumps(payload or {}, sort_keys=True, allow_nan=False)
    now = work.clock.now()
    if key is not None:
        row = work.session.scalar(select(Row).where(Row.kind == kind, Row.key == key).with_for_update())
        if row is not None:
            row.payload, row.urgent = text, row.urgent or urgent
            if row.state == "leased":
                row.again = True
            else:
                row.state, row.tries, row.due = "waiting", 0, min(row.due, due or now)
            work.session.flush()
            return row.id
    row = Row(
        kind=kind,
        key=key if key is not None else f"-{secrets.token_hex(8)}",
        payload=text,
        state="waiting",
        urgent=urgent,
        asked_at=now,
        due=due or now,
        tries=0,
        again=False,
        lease=None,
        worker=None,
        said="",
    )
    work.session.add(row)
    work.session.flush()
    return row.id


class Worker:
    """Works jobs off, one at a time, of those kinds that it has handlers for."""

    def __init__(
        self,
        home: Home,
        handlers: Mapping[str, Handler],
        *,
        name: str,
        lease: timedelta = LEASE,
        tries: int = TRIES,
        heartbeat: float | None = None,
    ) -> None:
        """`heartbeat` is the time in seconds between two renewals of the lease; a third of it, unless given."""
        self._home = home
        self._handlers = dict(handlers)
        self._name = name
        self._lease = lease
        self._tries = tries
        self._heartbeat = lease.total_seconds() / 3 if heartbeat is None else heartbeat

    def run(self, stop: threading.Event, *, idle: float = IDLE) -> None:
        """Work until told to stop; a job that is being done is brought to its end. Trouble with the database passes."""
        while not stop.is_set():
            try:
                worked = self.run_once() is not None
            except FirstlightError as e:
                _log.warning("jobs.trouble", error=e)
                worked = False
            if not worked:
                stop.wait(idle)

    def run_once(self) -> Standing | None:
        """Do the next job that is due; the answer is how it stands after that, or None when nothing is due.

        A job that was done stands as `waiting` with nothing said; its row is gone unless it was asked for again.

        Raises:
            StorageError: the database refused. The lease runs out, and the job is taken over.
        """
        found = self._claim()
        if found is None or isinstance(found, Standing):
            return found
        _log.info("jobs.begun", task=found.kind, job=found.id, attempt=found.tries)
        with self._kept(found):
            try:
                self._handlers[found.kind](self._home, found)
            except Exception as e:  # noqa: BLE001 - a handler's fault must not end the worker
                return self._failed(found, e)
        with self._home.database.write_aside() as session:
            _end(session, found, self._home.clock.now())
        _log.info("jobs.done", task=found.kind, job=found.id)
        return self._standing(found, "waiting", "")

    def _claim(self) -> Job | Standing | None:
        """Lease the next job; one that has used up its tries with workers that died is put aside instead."""
        now = self._home.clock.now()
        with self._home.database.write_aside() as session:
            turn = (  # a leased job is due when its lease is over
                select(Row.id)
                .where(Row.state != "dead", Row.due <= now, Row.kind.in_(self._handlers))
                .order_by(Row.urgent.desc(), Row.due, Row.id)
                .limit(1)
                .with_for_update(skip_locked=True)
                .scalar_subquery()
            )
            lease = secrets.token_hex(16)
            taken = (
                update(Row)
                .where(Row.id == turn)
                .values(state="leased", lease=lease, worker=self._name, tries=Row.tries + 1, due=now + self._lease)
                .returning(Row)
            )
            row = session.scalar(taken, execution_options={"synchronize_session": False})
            if row is None:
                return None
            if row.tries > self._tries:
                row.state, row.lease, row.due = "dead", None, now
                row.said = row.said or "Its worker ended without a word each time."
                session.flush()
                _log.error("jobs.dead", task=row.kind, job=row.id)
                return _as_it_stands(row)
            return Job(row.id, row.kind, row.key, json.loads(row.payload), row.tries, lease, threading.Event())

    @contextlib.contextmanager
    def _kept(self, job: Job) -> Iterator[None]:
        """Renew the lease while the job is done."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(self._heartbeat):
                try:
                    kept = self._renew(job)
                except FirstlightError:
                    continue  # the next beat may get through before the lease is over
                if not kept:
                    job.lost.set()
                    return

        thread = threading.Thread(target=beat, name=f"lease of job {job.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _renew(self, job: Job) -> bool:
        until = self._home.clock.now() + self._lease
        mine = update(Row).where(Row.id == job.id, Row.lease == job.lease).values(due=until).returning(Row.id)
        with self._home.database.write_aside() as session:
            return session.scalar(mine) is not None

    def _failed(self, job: Job, error: Exception) -> Standing:
        """Let the job wait for its next try, or put it aside when there is none or it would not help."""
        if isinstance(error, FirstlightError):
            says = str(error.diagnostics())
        else:
            says = f"A fault of Firstlight itself ({type(error).__name__})."
        hopeless = isinstance(error, InputError) and not isinstance(error, StateError)
        state: Literal["waiting", "dead"] = "dead" if hopeless or job.tries >= self._tries else "waiting"
        now = self._home.clock.now()
        due = now if state == "dead" else now + wait_after(job.tries)
        values = {"state": state, "lease": None, "worker": None, "due": due, "said": says, "again": False}
        with self._home.database.write_aside() as session:
            session.execute(update(Row).where(Row.id == job.id, Row.lease == job.lease).values(**values))
        report = _log.error if state == "dead" else _log.warning
        report(f"jobs.{'dead' if state == 'dead' else 'failed'}", task=job.kind, job=job.id, attempt=job.tries)
        return self._standing(job, state, says)

    def _standing(self, job: Job, state: Literal["waiting", "dead"], says: str) -> Standing:
        now = self._home.clock.now()
        return Standing(
            id=job.id, kind=job.kind, state=state, urgent=False, asked_at=now, due=now, tries=job.tries, worker=None,
            says=says,
        )  # fmt: skip


def wait_after(tries: int) -> timedelta:
    """How long a job waits after so many tries: twice as long each time, up to an hour."""
    return min(timedelta(seconds=FIRST_WAIT.total_seconds() * 2.0 ** (tries - 1)), LONGEST_WAIT)


def standing(home: Home) -> JobsStanding:
    """How the jobs stand; every dead one with what went wrong."""
    with home.look() as work:
        counts = dict(work.session.execute(select(Row.state, func.count()).group_by(Row.state)).all())
        dead = work.session.scalars(select(Row).where(Row.state == "dead").order_by(Row.id)).all()
        oldest = work.session.scalar(select(func.min(Row.due)).where(Row.state == "waiting"))
        return JobsStanding(
            waiting=counts.get("waiting", 0),
            leased=counts.get("leased", 0),
            dead=tuple(_as_it_stands(row) for row in dead),
            oldest_due=oldest if oldest is not None and oldest <= home.clock.now() else None,
        )


def revive(home: Home, number: int, *, actor: str) -> None:
    """Let a dead job be tried anew.

    Raises:
        NotFoundError: there is no dead job of this number.
    """
    named(actor)
    with home.work() as work:
        row = _dead(work, number)
        _tell(work, row, "job revived", actor)
        row.state, row.tries, row.due = "waiting", 0, work.clock.now()
        _log.info("jobs.revived", job=number)


def discard(home: Home, number: int, *, actor: str) -> None:
    """Give a dead job up for good.

    Raises:
        NotFoundError: there is no dead job of this number.
    """
    named(actor)
    with home.work() as work:
        row = _dead(work, number)
        _tell(work, row, "job discarded", actor)
        work.session.delete(row)
        _log.info("jobs.discarded", job=number)


def _tell(work: Work, row: Row, what: str, actor: str) -> None:
    """Who decided over a dead job, and over which: the row itself does not stay."""
    one = _as_it_stands(row)
    work.record(
        EventType.CONFIG_CHANGE,
        actor=actor,
        what=what,
        job=one.id,
        job_kind=one.kind,
        asked_at=to_text(one.asked_at),
        tries=one.tries,
        says=one.says,
    )


def _dead(work: Work, number: int) -> Row:
    row = work.session.get(Row, number)
    if row is None or row.state != "dead":
        raise NotFoundError(f"There is no dead job {number}.", hint="Look at the list of jobs again.")
    return row


def _end(session: Session, job: Job, now: datetime) -> bool:
    """Remove the job, or let it wait once more; False when it is another worker's, or ended already."""
    mine = (Row.id == job.id, Row.lease == job.lease)
    again = update(Row).where(*mine, Row.again == literal(True, YesNo()))
    values = {"due": now, "state": "waiting", "lease": None, "worker": None, "tries": 0, "again": False, "said": ""}
    if session.scalar(again.values(**values).returning(Row.id)) is not None:
        return True
    return session.scalar(delete(Row).where(*mine).returning(Row.id)) is not None


def _as_it_stands(row: Row) -> Standing:
    return Standing.model_validate(
        {
            "id": row.id, "kind": row.kind, "state": row.state, "urgent": row.urgent, "asked_at": row.asked_at,
            "due": row.due, "tries": row.tries, "worker": row.worker, "says": row.said,
        }
    )  # fmt: skip
