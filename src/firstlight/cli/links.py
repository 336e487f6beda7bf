"""Commands on what a case is linked with: `case links`, `case unlink`, `case relink`, `case join`, `case part`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from firstlight.casework import linking
from firstlight.casework.linking import CaseLinks, LinkEdge
from firstlight.cli import output
from firstlight.cli.common import By, CaseNumber, HomeFolder, Why, opened

EdgeNumber = Annotated[
    int, typer.Argument(metavar="EDGE", min=1, help="As `case links` numbers it.", show_default=False)
]


def links(number: CaseNumber, as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Show which accounts, items and cases share an exact strong identifier with a case, and the reason of each edge.

    Strong are email addresses, telephone numbers with their country code, devices and means of payment, as the service
    stated them at intake. One that more than 20 accounts bear is named as an alarm and not followed, unless a person
    lets it join. A network address that others came from too is shown, and joins nobody.
    """
    with opened(home) as house:
        found = linking.links_of(house, number)
    if as_json:
        output.answer(found)
    else:
        say_links(found)


CHANGES: dict[str, tuple[Callable[..., LinkEdge], str]] = {
    "unlink": (
        linking.unlink,
        "Let an edge of a case join nothing from now on; it stays to be seen, with your name and reason.",
    ),
    "relink": (linking.relink, "Take an unlink back: the edge joins again."),
    "join": (
        linking.join,
        "Let the identifier of a held edge join the accounts that bear it now: you say that it is one person's.",
    ),
    "part": (linking.part, "Take a join back: the identifier of the edge is held again."),
}
"""What a person may change about an edge, by the command's name: what does it, and what the command says of itself."""


def _changing(change: Callable[..., LinkEdge]) -> Callable[..., None]:
    def command(
        number: CaseNumber,
        edge: EdgeNumber,
        by: By,
        why: Why,
        as_json: output.Json = False,
        home: HomeFolder = None,
    ) -> None:
        with opened(home) as house:
            changed = change(house, number, edge, why=why, by=by)
        _say_changed(changed, as_json)

    return command


def add_to(app: typer.Typer) -> None:
    """Put these commands among those of cases."""
    app.command("links")(links)
    for name, (change, says) in CHANGES.items():
        app.command(name, help=says)(_changing(change))


def say_links(found: CaseLinks) -> None:
    """What a case is linked with, for people: what to beware of first."""
    for alarm in found.alarms:
        output.say(f"LOOK FIRST: {output.one_line(alarm)}")
    linked = [one for one in found.accounts if not one.roles]
    here = len(found.accounts) - len(linked)
    output.say(
        f"Case {found.case} speaks of {output.count(here, 'account')}; {len(linked)} more "
        f"{'is' if len(linked) == 1 else 'are'} linked with {'it' if here == 1 else 'them'}."
    )
    if linked:
        output.table(
            ["group", "account", "here"],
            [(one.group, one.account, ", ".join(one.roles) or "linked only") for one in found.accounts],
        )
    if found.edges:
        output.say("\nEdges: which account bears which identifier.")
        output.table(
            ["edge", "account", "identifier", "followed", "why"],
            [
                (
                    one.edge,
                    one.account,
                    f"{one.identifier_kind} {one.identifier}",
                    "yes" if one.joins else "no",
                    one.says,
                )
                for one in found.edges
            ],
        )
    if found.elsewhere:
        output.say("\nElsewhere: where else these accounts are spoken of.")
        output.table(
            ["case", "account", "as", "items", "first item"],
            [
                (one.case or "not examined yet", one.account, one.role, one.items, one.first_item)
                for one in found.elsewhere
            ],
        )
    if found.more:
        output.say("\nThere is more than is named here: only so many accounts, edges and places are followed at once.")
    if found.alarms:
        output.say(
            f"\nA held identifier that is one person's: firstlight case join {found.case} EDGE --by NAME --why TEXT"
        )
    if any(one.joins for one in found.edges):
        output.say(f"\nAn edge that is wrong: firstlight case unlink {found.case} EDGE --by NAME --why TEXT")


def _say_changed(edge: LinkEdge, as_json: bool) -> None:
    if as_json:
        output.answer(edge.model_dump(mode="json"))
        return
    what = f"{edge.account} and the {edge.identifier_kind} {edge.identifier}"
    output.say(f"Edge {edge.edge}, {output.one_line(what)}: {'it joins' if edge.joins else 'it joins nothing'}.")
    output.say(f"  {output.one_line(edge.says)}")
