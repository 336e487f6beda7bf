"""Links of a case: other accounts, items and cases that share an exact strong identifier with it, each with its reason.

Only what the service stated at intake links, and only where it is the same to the character: an account, an email
address, a telephone number with its country code, a device, a means of payment. A network address is shown and joins
nobody. Nothing is merged, ranked or reported because of a link; a person looks at it. Every step is a look into an
index, and the walk ends at stated numbers, so that it costs what the neighbourhood costs and not what the house holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from sqlalchemy import Select, func, or_, select

from firstlight.casework import cases
from firstlight.casework.bearings import Role
from firstlight.casework.home import Home, Work, named
from firstlight.custody import EventType
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.logs import get_logger
from firstlight.store.tables import Bearing, Item, Mention
from firstlight.triage import Identifier, IdentifierKind, Links
from firstlight.triage.links import MAX_SHARED, Edge
from firstlight.values import Document, Instant, Value, Versioned

_log = get_logger("casework")

MOST_ACCOUNTS = 200
"""Accounts of a case from which links are followed."""

MOST_EDGES = 500
"""Edges that are looked at for one case."""

MOST_PLACES = 200
"""Places elsewhere that are named."""

MOST_ADDRESSES = 50
"""Network addresses of the case's accounts that are looked up, the newest; and others named who came from one."""

MOST_CONFIRMED = 200
"""Accounts that a person may let one identifier join."""

LONGEST_WHY = 2000  # characters


class LinkedAccount(Value):
    """An account of the case, or one that is linked to it; those of one `group` hang together.

    `roles` says what it has to do with the case itself; it is empty for one that is only linked to it.
    """

    account: str
    group: int
    roles: tuple[Role, ...]


class LinkEdge(Value):
    """That an account bears an identifier, and of which item that was stated first. `joins` says whether it links the
    account to whoever else bears it; an `unlinked` one joins nothing, because a person said so."""

    edge: int
    account: str
    identifier_kind: IdentifierKind
    identifier: str
    item: int
    role: Role
    at: Instant
    joins: bool
    unlinked: bool = False
    held: Annotated[bool, Field(description="it looks shared, and joins when a person says so")] = False
    says: str


class Elsewhere(Value):
    """That an account of one of the groups is spoken of in another case, or in items that are in none yet."""

    case: int | None
    account: str
    role: Role
    items: int
    first_item: int


class CaseLinks(Document):
    """What a case is linked with. `alarms` are what a person should look at before believing it; `more` says that there
    is more than is named."""

    title_for_people: ClassVar[str] = "links of a case"

    kind: Literal["case-links"] = "case-links"
    version: Versioned = 1
    case: int
    accounts: tuple[LinkedAccount, ...]
    edges: tuple[LinkEdge, ...]
    elsewhere: tuple[Elsewhere, ...]
    alarms: tuple[str, ...]
    more: bool


def links_of(home: Home, case_number: int) -> CaseLinks:
    """What this case is linked with.

    Raises:
        NotFoundError: there is no such case.
    """
    with home.look() as work:
        cases.one(work, case_number)
        walk = _Walk(work)
        here = _walked(walk, case_number)
        groups = _groups(walk, here)
        numbers = {bearer: number for number, group in enumerate(groups, 1) for bearer in group}
        _show_addresses(walk, list(here))
        places = _elsewhere(walk, case_number, list(numbers))
        edges = sorted(walk.links, key=lambda edge: (numbers.get(edge.account, len(groups) + 1), edge.identifier.value))
        return CaseLinks(
            case=case_number,
            accounts=tuple(
                LinkedAccount(account=walk.name(bearer), group=number, roles=tuple(here.get(bearer, ())))
                for bearer, number in numbers.items()
            ),
            edges=tuple(_edge(walk, edge) for edge in edges),
            elsewhere=places[:MOST_PLACES],
            alarms=_alarms(walk),
            more=walk.more or len(places) > MOST_PLACES,
        )


def unlink(home: Home, case_number: int, edge: int, *, why: str, by: str) -> LinkEdge:
    """Let an edge of this case join nothing from now on, also when the same is stated again.

    Raises:
        NotFoundError: there is no such case, or it has no such edge.
        StateError: it is unlinked already.
        InputError: nobody is named, or no reason is given.
    """
    return _said(home, case_number, edge, EventType.UNLINK, why=why, by=by)


def relink(home: Home, case_number: int, edge: int, *, why: str, by: str) -> LinkEdge:
    """Take an unlink back.

    Raises:
        NotFoundError: there is no such case, or it has no such edge.
        StateError: it is not unlinked.
        InputError: nobody is named, or no reason is given.
    """
    return _said(home, case_number, edge, EventType.RELINK, why=why, by=by)


def join(home: Home, case_number: int, edge: int, *, why: str, by: str) -> LinkEdge:
    """Let the identifier of a held edge join the accounts that bear it now: a person says that it is one person's.

    Who is stated to bear it later is held again, until somebody looks.

    Raises:
        NotFoundError: there is no such case, or it has no such edge.
        StateError: it is not held, or more accounts bear the identifier than a person can have looked at.
        InputError: nobody is named, or no reason is given.
    """
    return _said(home, case_number, edge, EventType.JOIN, why=why, by=by)


def part(home: Home, case_number: int, edge: int, *, why: str, by: str) -> LinkEdge:
    """Take that word back: the identifier of this edge is held again.

    Raises:
        NotFoundError: there is no such case, or it has no such edge.
        StateError: nobody let it join.
        InputError: nobody is named, or no reason is given.
    """
    return _said(home, case_number, edge, EventType.PART, why=why, by=by)


def _said(home: Home, case_number: int, number: int, event: EventType, *, why: str, by: str) -> LinkEdge:
    """A person's word on an edge, or on its identifier: what it changes in the tables, and the event."""
    if not why.strip() or len(why) > LONGEST_WHY:
        raise InputError(
            "No reason is given, or it is too long.",
            hint=f"Say why in up to {LONGEST_WHY} characters; it stands in the custody log.",
        )
    with home.work() as work:
        row, edge = _edge_of(work, case_number, number)
        _require_fits(row, edge, number, event)
        mark = (None, None, None) if event in _TAKEN_BACK else (work.clock.now(), named(by), why)
        if event in (EventType.UNLINK, EventType.RELINK):
            rows = [row]
            row.unlinked_at, row.unlinked_by, row.unlinked_why = mark
        else:
            rows = _bearing_the_same(work, row, confirmed=event is EventType.PART)
            for one in rows:
                one.confirmed_at, one.confirmed_by, one.confirmed_why = mark
        return _recorded(work, case_number, row, event, why=why, by=by, edges=[one.id for one in rows])


_TAKEN_BACK = (EventType.RELINK, EventType.PART)


def _bearing_the_same(work: Work, row: Bearing, *, confirmed: bool) -> list[Bearing]:
    """This edge and every other one of its identifier that is not unlinked, and is confirmed or not."""
    theirs = Bearing.confirmed_at.is_not(None) if confirmed else Bearing.confirmed_at.is_(None)
    same = (Bearing.kind == row.kind, Bearing.value == row.value, Bearing.unlinked_at.is_(None), theirs)
    rows = work.session.scalars(select(Bearing).where(*same, Bearing.id != row.id).order_by(Bearing.id)).all()
    if not confirmed and len(rows) >= MOST_CONFIRMED:
        raise StateError(
            f"{len(rows) + 1} accounts bear this {row.kind}.",
            hint=f"Nobody can have looked at more than {MOST_CONFIRMED}. Leave it held; unlink what is wrong.",
        )
    return [row, *rows]


def _require_fits(row: Bearing, edge: Edge, number: int, event: EventType) -> None:
    """Return if the edge stands so that this can be said of it."""
    as_it_is = "It stands as it is."
    if event is EventType.UNLINK and row.unlinked_at is not None:
        raise StateError(f"Edge {number} is unlinked already.", hint=f"{row.unlinked_by} did: {row.unlinked_why}")
    if event is EventType.RELINK and row.unlinked_at is None:
        raise StateError(f"Edge {number} is not unlinked.", hint=as_it_is)
    if event is EventType.PART and row.confirmed_at is None:
        raise StateError(f"Nobody let edge {number} join.", hint=as_it_is)
    if event is EventType.JOIN:
        _require_held(row, edge, number)


def _require_held(row: Bearing, edge: Edge, number: int) -> None:
    if row.unlinked_at is not None:
        hint = f"{row.unlinked_by} unlinked it: {row.unlinked_why}"
    elif row.confirmed_at is not None:
        hint = f"{row.confirmed_by} let it join: {row.confirmed_why}"
    elif not edge.identifier.strong:
        hint = "A network address joins nobody: many may come from one."
    elif not edge.held:
        hint = "Nothing keeps it apart."
    else:
        return
    raise StateError(f"Edge {number} is not held.", hint=hint)


def _edge_of(work: Work, case_number: int, number: int) -> tuple[Bearing, Edge]:
    cases.one(work, case_number)
    walk = _Walk(work)
    here = _walked(walk, case_number)
    _show_addresses(walk, list(here))
    for edge in walk.links:
        if walk.rows[edge.number].id == number:
            return walk.rows[edge.number], edge
    raise NotFoundError(
        f"Case {case_number} has no edge {number}.", hint=f"firstlight case links {case_number} lists them."
    )


def _recorded(
    work: Work, case_number: int, row: Bearing, event: EventType, *, why: str, by: str, edges: Sequence[int]
) -> LinkEdge:
    """The change in the log, and the edge as it stands then."""
    work.session.flush()
    after = _Walk(work)
    after.follow(row.bearer)
    edge = next((one for one in after.links if after.rows[one.number] is row), None) or after.put(row)
    work.record(
        event,
        actor=by,
        case=case_number,
        subject=work.session.get_one(Item, row.item_id).sha256,
        item=row.item_id,
        edge=row.id,
        edges=list(edges),
        account=after.name(row.bearer),
        identifier={"kind": row.kind, "value": row.value},
        why=why,
    )
    _log.info("link.changed", case=case_number, edge=row.id, joins=edge.joins)
    return _edge(after, edge)


@dataclass
class _Walk:
    """The edges around some accounts, as far as they were followed; `rows` are those of the tables, by edge."""

    work: Work
    links: Links = field(default_factory=Links)
    rows: dict[int, Bearing] = field(default_factory=dict)
    more: bool = False
    _edges: dict[int, Edge] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _held: dict[Identifier, str] = field(default_factory=dict)

    def name(self, bearer: str) -> str:
        """The account as the service named it."""
        if bearer not in self._names:
            wanted = select(Mention.name).where(Mention.bearer == bearer).order_by(Mention.item_id).limit(1)
            self._names[bearer] = self.work.session.scalars(wanted).one()
        return self._names[bearer]

    def put(self, row: Bearing, held: str = "") -> Edge:
        """The edge of a row."""
        if row.id not in self._edges:
            edge = self.links.link(
                row.bearer, _identifier(row), record=f"item {row.item_id}", rule=row.role, at=row.at, held=held
            )
            if row.unlinked_at is not None:
                edge = self.links.unlink(edge.number, by=row.unlinked_by or "", why=row.unlinked_why or "")
            elif edge.held and row.confirmed_at is not None:
                edge = self.links.confirm(edge.number, by=row.confirmed_by or "")
            self._edges[row.id] = edge
            self.rows[edge.number] = row
        return self._edges[row.id]

    def follow(self, start: str) -> None:
        """Look at everything that hangs together with this account, as far as the limits allow."""
        waiting = [start]
        while waiting:
            bearer = waiting.pop(0)
            if bearer in self._seen:
                continue
            self._seen.add(bearer)
            strong = (Bearing.bearer == bearer, Bearing.kind != IdentifierKind.IP)
            for row in self._some(select(Bearing).where(*strong).order_by(Bearing.id)):
                if row.unlinked_at is not None:
                    self.put(row)
                else:
                    waiting += self._across(row)

    def _across(self, row: Bearing) -> list[str]:
        """The accounts to which this edge leads."""
        identifier = _identifier(row)
        if identifier not in self._held:
            self._held[identifier] = self._shared(row)
        held = self._held[identifier]
        own = self.put(row, held)
        if not own.joins:
            return []
        same = [Bearing.kind == row.kind, Bearing.value == row.value, Bearing.id != row.id]
        if held:  # a person let those join who bore it then, and nobody else
            same.append(Bearing.confirmed_at.is_not(None))
        others = self._some(select(Bearing).where(*same).order_by(Bearing.unlinked_at.is_not(None), Bearing.id))
        return [one.bearer for one in others if self.put(one, held).joins]

    def _shared(self, row: Bearing) -> str:
        """Why this identifier is not followed, or nothing."""
        same = (Bearing.kind == row.kind, Bearing.value == row.value, Bearing.unlinked_at.is_(None))
        found = self.work.session.scalars(select(Bearing.id).where(*same).limit(MAX_SHARED + 1)).all()
        if len(found) <= MAX_SHARED:
            return ""
        return f"more than {MAX_SHARED} accounts bear it; it looks shared, and is not followed"

    def _some(self, wanted: Select[Bearing]) -> Sequence[Bearing]:
        """The rows asked for, as many as may still be looked at."""
        left = MOST_EDGES - len(self.rows)
        rows = self.work.session.scalars(wanted.limit(max(left, 0) + 1)).all()
        self.more = self.more or len(rows) > left
        return rows[: max(left, 0)]


def _identifier(row: Bearing) -> Identifier:
    return Identifier(kind=IdentifierKind(row.kind), value=row.value)


def _walked(walk: _Walk, case_number: int) -> dict[str, list[Role]]:
    """Follow every account of a case; what each has to do with it, in the order of their first items."""
    wanted = (
        select(func.min(Mention.item_id), Mention.role, Mention.bearer)
        .join(Item, Item.id == Mention.item_id)
        .where(Item.case_id == case_number)
        .group_by(Mention.bearer, Mention.role)
    )
    order = list(Role)
    found = sorted(
        (first, order.index(Role(role)), bearer) for first, role, bearer in walk.work.session.execute(wanted)
    )
    here: dict[str, list[Role]] = {}
    for _, role, bearer in found:
        if bearer not in here and len(here) == MOST_ACCOUNTS:
            walk.more = True
            break
        here.setdefault(bearer, []).append(order[role])
    for bearer in here:
        walk.follow(bearer)
    return here


def _show_addresses(walk: _Walk, here: Sequence[str]) -> None:
    """The network addresses from which accounts of the case came and others too. They join nobody."""
    mine = (Bearing.kind == IdentifierKind.IP, Bearing.bearer.in_(here))
    newest = select(Bearing).where(*mine).order_by(Bearing.id.desc()).limit(MOST_ADDRESSES + 1)
    rows = walk.work.session.scalars(newest).all()
    walk.more = walk.more or len(rows) > MOST_ADDRESSES
    for row in rows[:MOST_ADDRESSES]:
        same = (Bearing.kind == row.kind, Bearing.value == row.value, Bearing.id != row.id)
        others = walk.work.session.scalars(
            select(Bearing).where(*same).order_by(Bearing.id.desc()).limit(MAX_SHARED)
        ).all()
        if others:
            for one in (row, *others):
                walk.put(one)


def _groups(walk: _Walk, here: dict[str, list[Role]]) -> list[list[str]]:
    """The accounts that hang together, those of the case first."""
    groups: list[list[str]] = []
    done: set[str] = set()
    for bearer in here:
        if bearer not in done:
            accounts = walk.links.component(bearer).accounts
            groups.append(sorted(accounts, key=lambda one: (one not in here, walk.name(one))))
            done.update(accounts)
    return groups


def _elsewhere(walk: _Walk, case_number: int, bearers: Sequence[str]) -> tuple[Elsewhere, ...]:
    """Where else these accounts are spoken of; one more than are named, if there are more."""
    wanted = (
        select(Item.case_id, Mention.bearer, Mention.role, func.count(), func.min(Item.id))
        .join(Item, Item.id == Mention.item_id)
        .where(Mention.bearer.in_(bearers), or_(Item.case_id.is_(None), Item.case_id != case_number))
        .group_by(Item.case_id, Mention.bearer, Mention.role)
        .order_by(func.min(Item.id), Mention.bearer, Mention.role)
        .limit(MOST_PLACES + 1)
    )
    return tuple(
        Elsewhere(case=case, account=walk.name(bearer), role=Role(role), items=count, first_item=first)
        for case, bearer, role, count, first in walk.work.session.execute(wanted)
    )


def _edge(walk: _Walk, edge: Edge) -> LinkEdge:
    row = walk.rows[edge.number]
    says = f"Stated first of item {row.item_id}, as {edge.identifier.kind} of the {row.role}."
    if edge.unlinked_by:
        says += f" Unlinked by {edge.unlinked_by}: {edge.unlinked_why}"
    elif edge.confirmed_by:
        says += f" {edge.confirmed_by} let it join although {edge.held}: {row.confirmed_why}"
    elif edge.held:
        says += f" Held: {edge.held}."
    elif not edge.identifier.strong:
        says += " Shown only: many may come from one address, and it joins nobody."
    return LinkEdge(
        edge=row.id,
        account=walk.name(row.bearer),
        identifier_kind=edge.identifier.kind,
        identifier=edge.identifier.value,
        item=row.item_id,
        role=Role(row.role),
        at=row.at,
        joins=edge.joins,
        unlinked=bool(edge.unlinked_by),
        held=bool(edge.held) and not (edge.confirmed_by or edge.unlinked_by),
        says=says,
    )


def _alarms(walk: _Walk) -> tuple[str, ...]:
    """The identifiers that would join too much, each once."""
    held = [edge for edge in walk.links if edge.held and not (edge.unlinked_by or edge.confirmed_by)]
    return tuple(dict.fromkeys(f"The {edge.identifier.kind} {edge.identifier.value}: {edge.held}." for edge in held))
