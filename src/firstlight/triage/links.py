"""Accounts and items joined by exact strong identifiers, each edge with its reason, and a way to undo it.

Only an identifier that belongs to one person or one device joins. A network address never does: a café, a campus and
a mobile network put thousands behind one. It is kept as an edge that can be seen, and that is not walked. An edge that
would tie too many accounts together is held until a named person lets it join: such a knot is more often a shared
device or a wrong import than one person.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from firstlight.errors import InputError, StateError
from firstlight.values import Instant, Value

MAX_SHARED = 20
"""Accounts that one identifier may join before it looks like a shared one."""

MAX_COMPONENT = 200
"""Accounts in one component before it looks like a knot, not a person."""


class IdentifierKind(StrEnum):
    """What can tie an account or item to another. `STRONG` tells which of them join."""

    EMAIL = "email"
    PHONE = "phone"
    DEVICE = "device"
    PAYMENT = "payment"
    ACCOUNT = "account"
    IP = "ip"


STRONG = frozenset(IdentifierKind) - {IdentifierKind.IP}
"""Kinds that join. An address is an edge, never a merge."""


class Identifier(Value):
    """An identifier in its one canonical form; build it with `Identifier.of`."""

    kind: IdentifierKind
    value: Annotated[str, Field(min_length=1, max_length=320)]

    @classmethod
    def of(cls, kind: IdentifierKind, text: str) -> Identifier:
        """The canonical form: what is equal here is the same identifier, and nothing else is.

        Raises:
            InputError: the text is no identifier of that kind.
        """
        return cls(kind=kind, value=_canonical(kind, text.strip()))

    @property
    def strong(self) -> bool:
        """Whether it joins."""
        return self.kind in STRONG


def _canonical(kind: IdentifierKind, text: str) -> str:
    if kind is IdentifierKind.EMAIL:
        # Dots and tags in the local part mean different things at different hosts, so they stay. Only A to Z are
        # written small: rules for other letters make one of two addresses that differ.
        if re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,255}", text):
            return re.sub("[A-Z]+", lambda found: found[0].lower(), text)
    elif kind is IdentifierKind.PHONE:
        digits = re.sub(r"[\s().-]", "", text)
        if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
            return digits
    elif kind is IdentifierKind.IP:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            pass
        else:
            mapped = getattr(address, "ipv4_mapped", None)
            return str(mapped or address)
    elif re.fullmatch(r"[\x21-\x7e]{1,200}", text):
        return text
    hints = {
        IdentifierKind.EMAIL: "name@host",
        IdentifierKind.PHONE: "E.164 with its country code, such as +12025550123",
        IdentifierKind.IP: "an IPv4 or IPv6 address without a port",
    }
    raise InputError(
        f"This is no identifier of the kind {kind}.", hint=f"Write {hints.get(kind, 'up to 200 printable characters')}."
    )


class Edge(Value):
    """One statement that an account bears an identifier: from which record, by which rule, when."""

    number: int
    account: str
    identifier: Identifier
    record: str
    rule: str
    at: Instant
    held: str = ""
    confirmed_by: str = ""
    unlinked_by: str = ""
    unlinked_why: str = ""

    @property
    def joins(self) -> bool:
        """Whether the edge is walked."""
        return self.identifier.strong and not self.unlinked_by and (not self.held or bool(self.confirmed_by))

    @property
    def says(self) -> str:
        """The edge in words."""
        text = f"{self.account} bears the same {self.identifier.kind}, by record {self.record} ({self.rule})"
        if self.unlinked_by:
            return f"{text}; unlinked by {self.unlinked_by}: {self.unlinked_why}"
        if self.held and not self.confirmed_by:
            return f"{text}; held: {self.held}"
        return text if self.joins else f"{text}; shown only, an address joins nothing"


@dataclass(frozen=True, slots=True)
class Component:
    """The accounts that are joined to one, and the edges that join them; `seen` are edges that were not walked."""

    accounts: tuple[str, ...]
    edges: tuple[Edge, ...]
    seen: tuple[Edge, ...]

    @property
    def alarm(self) -> str:
        """Why a person should look at the edges themselves, or nothing."""
        held = [edge for edge in self.seen if edge.held and not edge.confirmed_by and not edge.unlinked_by]
        return held[0].held if held else ""


class Links:
    """The edges of a house. Edges are never deleted: an unlink is a fact about the edge, with its name and reason."""

    def __init__(self, *, max_shared: int = MAX_SHARED, max_component: int = MAX_COMPONENT) -> None:
        self._max_shared = max_shared
        self._max_component = max_component
        self._edges: list[Edge] = []
        self._of_account: dict[str, list[int]] = {}
        self._of_identifier: dict[Identifier, list[int]] = {}

    def __iter__(self) -> Iterator[Edge]:
        return iter(self._edges)

    def link(
        self, account: str, identifier: Identifier, *, record: str, rule: str, at: Instant, held: str = ""
    ) -> Edge:
        """Record that this account bears this identifier. The answer says whether it joins, or is held and why.

        `held` is why it has to wait, from whoever knows of more edges than are here.
        """
        edge = Edge(number=len(self._edges), account=account, identifier=identifier, record=record, rule=rule, at=at)
        if identifier.strong:
            edge = edge.model_copy(update={"held": held or self._too_much(account, identifier)})
        self._edges.append(edge)
        self._of_account.setdefault(account, []).append(edge.number)
        self._of_identifier.setdefault(identifier, []).append(edge.number)
        return edge

    def confirm(self, number: int, *, by: str) -> Edge:
        """Let a held edge join, on a named person's word.

        Raises:
            StateError: there is no such edge, or it is not held.
        """
        edge = self._edge(number)
        if not edge.held or edge.unlinked_by:
            raise StateError(f"Edge {number} is not held.", hint="Only a held edge needs a person to let it join.")
        return self._put(edge.model_copy(update={"confirmed_by": _named(by)}))

    def unlink(self, number: int, *, by: str, why: str) -> Edge:
        """Undo an edge. What hung on it alone falls apart; what hangs together otherwise stays.

        Raises:
            StateError: there is no such edge, or it is undone already.
        """
        edge = self._edge(number)
        if edge.unlinked_by:
            raise StateError(f"Edge {number} is unlinked already.", hint=f"{edge.unlinked_by} did: {edge.unlinked_why}")
        return self._put(edge.model_copy(update={"unlinked_by": _named(by), "unlinked_why": _named(why)}))

    def component(self, account: str) -> Component:
        """Everything joined to this account, itself included, also when nothing is known of it."""
        accounts, edges, seen = {account}, dict[int, Edge](), dict[int, Edge]()
        todo = [account]
        while todo:
            for number in self._of_account.get(todo.pop(), ()):
                edge = self._edges[number]
                if not edge.joins:
                    seen[number] = edge
                    continue
                edges[number] = edge
                for other in self._of_identifier[edge.identifier]:
                    far = self._edges[other]
                    if far.joins and far.account not in accounts:
                        accounts.add(far.account)
                        todo.append(far.account)
                    elif not far.joins:
                        seen[other] = far
        return Component(
            tuple(sorted(accounts)), tuple(edges[n] for n in sorted(edges)), tuple(seen[n] for n in sorted(seen))
        )

    def _too_much(self, account: str, identifier: Identifier) -> str:
        """Why this edge has to wait for a person, or nothing."""
        bearers = {e.account for e in map(self._edge, self._of_identifier.get(identifier, ())) if e.joins} | {account}
        if len(bearers) > self._max_shared:
            return f"{len(bearers)} accounts would bear one {identifier.kind}; it looks shared"
        one = set(self.component(account).accounts)
        other = next(iter(bearers - {account}), None)
        size = len(one | set(self.component(other).accounts)) if other else len(one)
        if size > self._max_component:
            return f"{size} accounts would hang together; that looks like a knot, not a person"
        return ""

    def _edge(self, number: int) -> Edge:
        if not 0 <= number < len(self._edges):
            raise StateError(f"There is no edge {number}.", hint="Look up the edges of an account first.")
        return self._edges[number]

    def _put(self, edge: Edge) -> Edge:
        self._edges[edge.number] = edge
        return edge


def _named(text: str) -> str:
    if not text.strip():
        raise InputError("Name who does this, and why.", hint="An unlink or a confirmation stands in the record.")
    return text
