"""Commands on trust: `trust add`, `trust list`, `trust verify`; `trust ledgers`, `ledger-add`, `ledger-withdraw`.

A group of their own beside `origin FILE...`. `origin trust` is the same, where no file is called `trust`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework import attesting, trusting
from firstlight.casework.trusting import ListStanding, TrustStanding
from firstlight.cli import output
from firstlight.cli.common import Actor, HomeFolder, opened

app = typer.Typer(
    no_args_is_help=True,
    help="Whom `origin` believes: trust lists of content credentials, and keys of generators' ledgers.",
)


class ListName(StrEnum):
    """The lists there can be, as they are named in a command."""

    OFFICIAL = "official"
    TIME_STAMPS = "time-stamps"
    INTERIM = "interim"
    PRODUCTS = "products"
    DENIED_SERIALS = "denied-serials"


@app.command()
def add(
    name: Annotated[ListName, typer.Argument(metavar="LIST", show_default=False)],
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    date: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="The list's own date.", show_default=False)],
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Put a list into the home, in the place of an earlier one of that name.

    LIST is official, time-stamps or interim (PEM files), products (the C2PA's JSON of conforming products), or
    denied-serials (one certificate serial number in hexadecimal digits a line). Nothing is fetched: get the file from
    its publisher first. The change stands in the custody log.
    """
    with opened(home, create=True) as house:
        put = trusting.add(house, name.value.replace("-", "_"), file, date_of_list=date, actor=by)
    if as_json:
        output.answer(put.model_dump(mode="json"))
    else:
        entries = output.count(put.entries, "entry", "entries")
        output.say(f"The {name.value} list of {put.date} is in use: {entries}, sha256 {put.sha256}.")


@app.command("list")
def list_(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Print the lists in use, each with its date and digest."""
    with opened(home) as house:
        found = trusting.standing(house)
    if as_json:
        output.answer(found)
    elif not found.lists:
        output.say("There is no trust list: every signer is a stranger. Put one there with `firstlight trust add`.")
    else:
        output.table(
            ["list", "date", "entries", "expired", "sha256"],
            [(_name(one), one.date, one.entries, one.expired, one.sha256[:16]) for one in found.lists],
        )


@app.command()
def verify(as_json: output.Json = False, home: HomeFolder = None) -> int:
    """Check the lists: each file against its digest and the custody log, its date, the expiry of its certificates.

    Exits with 1 when something has to be done.
    """
    with opened(home) as house:
        found = trusting.standing(house)
    if as_json:
        output.answer(found)
    else:
        _say_standing(found)
    return output.DONE if found.stands else output.FINDING


def _say_standing(found: TrustStanding) -> None:
    if not found.lists:
        output.say("There is no trust list: every signer is a stranger.")
    for one in found.lists:
        output.say(f"{_name(one)} ({one.date or 'no date'}): {'in order' if one.stands else 'SEE TO IT'}")
        for line in _words(one):
            output.say(f"  {line}")


def _words(one: ListStanding) -> list[str]:
    said = []
    if not one.whole:
        said.append("The file is gone, or not the one that was put there; signers are not looked up until it is.")
        said.append("Fetch it anew from its publisher and add it again.")
    if not one.recorded:
        said.append("The custody log does not hold how it came there. Add it again.")
    if one.old:
        said.append("It is old: see whether its publisher has issued a newer one.")
    if one.expired:
        said.append(f"{one.expired} of its {one.entries} certificates have run out.")
    if one.first_expiry and not one.expired:
        said.append(f"Its first certificate runs out on {one.first_expiry:%F}.")
    return said


def _name(one: ListStanding) -> str:
    return one.name.replace("_", "-")


@app.command()
def ledgers(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """List the generators' ledgers whose signed answers are believed, and the keys that were withdrawn."""
    with opened(home) as house:
        known = attesting.ledgers(house)
    if as_json:
        output.answer([key.model_dump(mode="json") | {"key_id": key.key_id} for key in known])
        return
    if not known:
        output.say("No ledger's key is known: no generator's answer is believed.")
    for key in known:
        output.say(f"{key.ledger}: key {key.key_id}{', withdrawn' if key.withdrawn else ''}")


@app.command("ledger-add")
def ledger_add(
    name: Annotated[str, typer.Argument(metavar="LEDGER", show_default=False)],
    key: Annotated[str, typer.Argument(metavar="PUBLIC_KEY", show_default=False)],
    by: Actor = "operator",
    home: HomeFolder = None,
) -> None:
    """Believe what a generator's ledger signs: its name, and its raw Ed25519 public key as 64 hexadecimal digits.

    Get the key from the generator by a way that nobody else can write to. The change stands in the custody log.
    """
    with opened(home, create=True) as house:
        made = attesting.add_ledger(house, name, key, actor=by)
    output.say(f"What {made.ledger} signs with the key {made.key_id} is believed from now on.")


@app.command("ledger-withdraw")
def ledger_withdraw(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", show_default=False)],
    by: Actor = "operator",
    home: HomeFolder = None,
) -> None:
    """Believe nothing more that this key has signed, whenever it did; it cannot be taken back."""
    with opened(home) as house:
        gone = attesting.withdraw_ledger(house, key_id, actor=by)
    output.say(f"Nothing that the key {gone.key_id} of {gone.ledger} signed is believed any more.")
