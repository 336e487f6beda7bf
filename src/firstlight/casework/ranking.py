"""The ranking as an operator sees and governs it: why an item stands where it stands, and by which table.

A home may hold a table of its own in the place of the shipped one. It lies in the database, so that a new table, the
event that says who put it there, and the new places of everything that waits are kept or lost together.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from firstlight.casework import cases
from firstlight.casework.examine import examined_file
from firstlight.casework.home import SERVICE, TABLE, Home, Work
from firstlight.casework.upload import Upload
from firstlight.custody import Event, EventType
from firstlight.errors import NotFoundError, StateError
from firstlight.logs import get_logger
from firstlight.media import Cage
from firstlight.origin import Verdict
from firstlight.store.tables import Case, Item, Setting
from firstlight.triage import Context, Priority, PriorityTable, RankedCase, TableDiff, diff, prioritise
from firstlight.triage.table import MAX_TABLE_BYTES, as_plain
from firstlight.values import Level

_log = get_logger("casework")

SHIPPED, CURRENT = "shipped", "current"
"""Words for the table that comes with Firstlight, and for the one in force in this home."""

BATCH = 200
"""Items read at a time and events appended at a time: verdicts are large, and a log entry costs a few hashes."""


def priority_of(home: Home, number: int) -> Priority:
    """Why this item stands where it stands.

    Raises:
        NotFoundError: there is no such item.
        StateError: it was not examined yet.
    """
    with home.look() as work:
        item = cases.item(work, number)
    if item.priority is None:
        raise StateError(f"Item {number} was not examined yet.", hint="`firstlight intake` goes on with what waits.")
    return Priority.from_json(item.priority)


def priority_of_file(home: Home | None, cage: Cage, path: Path, context: Context) -> Priority:
    """Where a file would stand that was not taken in: nothing of it is kept. Without a home it is looked up in no bank.

    Raises:
        InputError: the file cannot be opened.
    """
    verdict = examined_file(
        cage,
        path,
        clock=home.clock if home else None,
        trust=home.trust if home else None,
        library=home.library if home else None,
    )
    return prioritise(verdict, context, home.table if home else PriorityTable.load())


def read_table(home: Home | None, name: str) -> tuple[PriorityTable, bytes]:
    """A table and its text: `shipped` and `current` are words, and everything else is the path of a file.

    Raises:
        InputError: the file is no table, or asks for something that a table may not say.
        NotFoundError: the file cannot be read.
    """
    if name == CURRENT and home is not None:
        with home.look() as work:
            own = work.session.get(Setting, TABLE)
        if own is not None:
            return home.table, own.value.encode()
    if name in (CURRENT, SHIPPED):
        text = resources.files("firstlight.triage").joinpath("priority.toml").read_bytes()
        return PriorityTable.parse(text, "the shipped priority table"), text
    try:
        with Path(name).open("rb") as file:
            text = file.read(MAX_TABLE_BYTES + 1)
    except OSError as e:
        raise NotFoundError(
            f"The priority table {name} cannot be read: {e.strerror}.",
            hint=f"Give the path of a table, or one of the words {SHIPPED} and {CURRENT}.",
        ) from e
    return PriorityTable.parse(text, Path(name).name), text


def try_table(home: Home, old: PriorityTable, new: PriorityTable) -> TableDiff:
    """What differs between two tables, and which open cases would move. Nothing is changed."""
    with home.look() as work:
        return diff(old, new, _ranked(work.session))


def replace_table(home: Home, table: PriorityTable, text: bytes, *, actor: str = SERVICE) -> TableDiff:
    """Put this table, which `text` holds, in the place of the present one, and everything that waits in its new place.

    What was decided keeps the priority it was decided with. Bundles stay as they are; a new rule for them holds for
    what comes in from now on.

    Raises:
        InputError: nobody is named who does this.
    """
    with home.work() as work:
        told = diff(home.table, table, _ranked(work.session))
        work.record(
            EventType.CONFIG_CHANGE,
            actor=actor,
            what="priority-table",
            table=as_plain(table),
            before=home.table.sha256,
            moved=len(told.moves),
        )
        work.session.merge(Setting(name=TABLE, value=text.decode()))
        _place_again(work, table)
    home.use_table(table)
    _log.info("config.changed", kind="priority-table", count=len(told.moves), total=told.cases)
    return told


def _ranked(session: Session) -> Iterator[RankedCase]:
    """Everything that waits in open cases, as a table ranks it."""
    for item in _waiting(session):
        if item.case_id is None or item.verdict is None:
            continue
        yield RankedCase(
            key=item.case_id,
            verdict=Verdict.from_json(item.verdict),
            context=Upload.from_json(item.upload).context,
            confirmation=Priority.from_json(item.priority or "").lowered_by,
        )


def _waiting(session: Session) -> Iterator[Item]:
    last = 0
    while True:
        wanted = select(Item).where(Item.state == "held", Item.id > last).order_by(Item.id).limit(BATCH)
        rows = session.scalars(wanted).all()
        yield from rows
        if len(rows) < BATCH:
            return
        last = rows[-1].id


def _place_again(work: Work, table: PriorityTable) -> None:
    """Priorities, deadlines and places of all that waits, by this table."""
    events: list[Event] = []
    for item in _waiting(work.session):
        if item.verdict is None:
            item.deadline = table.deadline(Level.IMMEDIATE, item.received_at)
            continue
        before = Priority.from_json(item.priority or "")
        context = Upload.from_json(item.upload).context
        priority = prioritise(Verdict.from_json(item.verdict), context, table, before.lowered_by)
        item.priority = priority.to_json().decode()
        item.deadline = table.deadline(priority.level, item.received_at)
        payload = {"item": item.id, "priority": priority.model_dump(mode="json")}
        events.append(work.event(EventType.PRIORITISE, SERVICE, item.case_id, item.sha256, payload))
        if len(events) >= BATCH:
            work.log.append_many(events)
            events.clear()
    work.log.append_many(events)
    work.session.flush()
    for case in work.session.scalars(select(Case).where(Case.state == "open").order_by(Case.id)):
        cases.place_again(work, case)
