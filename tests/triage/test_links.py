"""Links: strong identifiers join, addresses do not, knots are held, and an unlink undoes exactly one edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError, StateError
from firstlight.triage import Identifier, IdentifierKind, Links
from firstlight.triage.links import Edge
from triage.cases import AT

PHONE = Identifier.of(IdentifierKind.PHONE, "+1 (202) 555-0123")
MAIL = Identifier.of(IdentifierKind.EMAIL, " Carrot@Example.ORG ")
ADDRESS = Identifier.of(IdentifierKind.IP, "::ffff:192.0.2.7")


def joined(links: Links, account: str, identifier: Identifier) -> Edge:
    return links.link(account, identifier, record=f"record-of-{account}", rule="same identifier", at=AT)


@pytest.mark.parametrize(
    ("identifier", "value"),
    [(PHONE, "+12025550123"), (MAIL, "carrot@example.org"), (ADDRESS, "192.0.2.7")],
)
def test_an_identifier_has_one_form(identifier: Identifier, value: str) -> None:
    assert identifier.value == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (IdentifierKind.PHONE, "0202 555 0123"),
        (IdentifierKind.PHONE, "+123"),
        (IdentifierKind.EMAIL, "carrot"),
        (IdentifierKind.EMAIL, "a b@c"),
        (IdentifierKind.IP, "192.0.2.7:443"),
        (IdentifierKind.DEVICE, ""),
        (IdentifierKind.DEVICE, "x" * 201),
        (IdentifierKind.DEVICE, "line\nbreak"),
    ],
)
def test_what_is_no_identifier_is_refused(kind: IdentifierKind, text: str) -> None:
    with pytest.raises(InputError, match=f"no identifier of the kind {kind}"):
        Identifier.of(kind, text)


def test_a_strong_identifier_joins_and_the_edge_says_why() -> None:
    links = Links()
    joined(links, "a", PHONE)
    joined(links, "b", PHONE)
    joined(links, "b", MAIL)
    joined(links, "c", MAIL)
    component = links.component("a")
    assert component.accounts == ("a", "b", "c")
    assert len(component.edges) == 4
    assert component.edges[0].says == "a bears the same phone, by record record-of-a (same identifier)"
    assert component.alarm == ""


def test_an_address_is_an_edge_and_never_a_merge() -> None:
    links = Links()
    for account in ("a", "b"):
        assert not joined(links, account, ADDRESS).joins
    component = links.component("a")
    assert component.accounts == ("a",)
    assert [edge.account for edge in component.seen] == ["a"]
    assert "an address joins nothing" in component.seen[0].says


def test_an_unlink_undoes_one_edge_and_keeps_it_on_record() -> None:
    links = Links()
    joined(links, "a", PHONE)
    wrong = joined(links, "b", PHONE)
    undone = links.unlink(wrong.number, by="R. Example", why="a typing error in the record")
    assert links.component("a").accounts == ("a",)
    assert "unlinked by R. Example: a typing error" in undone.says
    assert len(list(links)) == 2
    with pytest.raises(StateError, match="unlinked already"):
        links.unlink(wrong.number, by="R. Example", why="again")


def test_what_hangs_together_otherwise_stays_together() -> None:
    links = Links()
    first = joined(links, "a", PHONE)
    for account, identifier in (("b", PHONE), ("a", MAIL), ("b", MAIL)):
        joined(links, account, identifier)
    links.unlink(first.number, by="R. Example", why="wrong")
    assert links.component("a").accounts == ("a", "b")


def test_an_identifier_that_too_many_bear_is_held() -> None:
    links = Links(max_shared=3)
    for n in range(3):
        assert joined(links, f"a{n}", PHONE).joins
    held = joined(links, "a3", PHONE)
    assert not held.joins
    assert "4 accounts would bear one phone" in held.says
    assert links.component("a0").accounts == ("a0", "a1", "a2")
    assert "looks shared" in links.component("a0").alarm
    links.confirm(held.number, by="R. Example")
    assert len(links.component("a0").accounts) == 4
    assert links.component("a0").alarm == ""


def test_a_knot_is_held_before_it_closes() -> None:
    links = Links(max_component=4)
    for n in range(3):
        joined(links, f"a{n}", PHONE)
    joined(links, "b0", MAIL)
    joined(links, "b1", MAIL)
    held = joined(links, "a0", MAIL)
    assert "5 accounts would hang together" in held.held
    assert len(links.component("a0").accounts) == 3
    assert links.component("b0").alarm == held.held


def test_acts_on_edges_need_an_edge_and_a_name() -> None:
    links = Links()
    edge = joined(links, "a", PHONE)
    with pytest.raises(StateError, match="no edge 7"):
        links.unlink(7, by="R. Example", why="x")
    with pytest.raises(StateError, match="not held"):
        links.confirm(edge.number, by="R. Example")
    with pytest.raises(InputError, match="Name who"):
        links.unlink(edge.number, by=" ", why="x")


edges = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5)), max_size=25)


@given(edges, st.integers(1, 6), st.data())
def test_components_are_equivalence_classes_within_their_cap(
    them: list[tuple[int, int]], cap: int, data: st.DataObject
) -> None:
    links = Links(max_component=cap)
    for account, device in them:
        joined(links, f"a{account}", Identifier.of(IdentifierKind.DEVICE, f"d{device}"))
    for number in data.draw(st.sets(st.integers(0, max(len(them) - 1, 0)), max_size=len(them))) if them else ():
        links.unlink(number, by="R. Example", why="test")
    for account in range(8):
        accounts = links.component(f"a{account}").accounts
        assert len(accounts) <= cap
        assert all(links.component(other).accounts == accounts for other in accounts)
