"""Where reports go: the option `--to`, and the commands `cybertip destination set`, `approve`, `show`."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight.casework import destinations
from firstlight.casework.destinations import Approver, Outside, Settings, Shown
from firstlight.cli import output
from firstlight.cli.common import By, HomeFolder, Why, opened
from firstlight.cli.simulator import chosen_simulator
from firstlight.cybertip import DEMO_CREDENTIALS, Client
from firstlight.errors import InputError
from firstlight.media import read_file

if TYPE_CHECKING:
    from firstlight.casework.home import Home

app = typer.Typer(no_args_is_help=True, help="The service's hosts: keep credentials, approve production, show.")

LONGEST_PASSWORD = 1024  # bytes; longer than any that is issued


class To(StrEnum):
    """Where a command's reports go."""

    SIMULATOR = "simulator"
    TEST_HOST = Outside.TEST_HOST.value
    PRODUCTION = Outside.PRODUCTION.value


Destination = Annotated[
    To | None,
    typer.Option(
        "--to",
        help="Where the report goes. [default: simulator; to be named where the home has credentials of production]",
        show_default=False,
    ),
]
Host = Annotated[Outside, typer.Argument(metavar="HOST", show_default=False, help="`test-host` or `production`.")]


def chosen(home: Home, to: To | None) -> To:
    """The destination named, or the simulator where nothing else can be meant.

    Raises:
        InputError: none is named, and this home reports to production: a case that was only rehearsed would count as
            reported.
    """
    if to is None and destinations.is_kept(home, Outside.PRODUCTION):
        raise InputError(
            "This home has credentials of production, and no destination is named.",
            hint="Say --to production, or --to simulator for a rehearsal: what is filed there counts as filed.",
        )
    return to or To.SIMULATOR


def client_of(stack: contextlib.ExitStack, home: Home, named: To | None, simulator: str | None) -> Client:
    """A client of the destination; it lives as long as the stack. Nothing is sent by making it.

    Raises:
        InputError: a simulator's address is given for another destination, or none is named and production is kept.
        RefusedError: production, without the approval of two people.
    """
    to = To.SIMULATOR if named is None and simulator is not None else chosen(home, named)
    if to is To.SIMULATOR:
        return stack.enter_context(Client(chosen_simulator(stack, simulator), DEMO_CREDENTIALS))
    if simulator is not None:
        raise InputError("An address of a simulator is given for another destination.", hint="Leave one of them out.")
    return stack.enter_context(destinations.client(home, Outside(to.value)))


@app.command("set")
def set_(
    host: Host,
    url: Annotated[str, typer.Option(help="Its address, such as https://host/ispws.", show_default=False)],
    user: Annotated[str, typer.Option(help="The user name that was issued.", show_default=False)],
    password_file: Annotated[
        Path, typer.Option(metavar="FILE", help="A file with the password alone; remove it afterwards.")
    ],
    by: By,
    organisation: Annotated[str, typer.Option(help="Production: who is registered.")] = "",
    registration: Annotated[str, typer.Option(help="Production: the number of the registration.")] = "",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Keep the credentials of a host, sealed with the home's keys. Approvals of other settings count no more."""
    password = _password(password_file)
    settings = Settings(url=url, username=user, organisation=organisation, registration_id=registration)
    with opened(home) as house:
        _say(destinations.keep(house, host, settings, password, actor=by), as_json=as_json)


@app.command()
def approve(
    why: Why,
    by: By,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Answer for filing real reports with production as it is kept now. It takes two different people."""
    with opened(home) as house:
        _say(destinations.approve(house, Approver(name=by), reason=why), as_json=as_json)


@app.command()
def show(host: Host, as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Show what is kept of a host, without the password, and who approved it."""
    with opened(home) as house:
        _say(destinations.show(house, host), as_json=as_json)


def _say(found: Shown, *, as_json: bool) -> None:
    if as_json:
        output.answer(found)
        return
    known = found.settings
    output.say(f"{found.host.value}: {output.one_line(known.url)}, user {output.one_line(known.username)}")
    if found.host is Outside.PRODUCTION:
        who = ", ".join(output.one_line(name) for name in found.approved_by) or "nobody"
        output.say(f"  registered: {output.one_line(known.organisation)}, {output.one_line(known.registration_id)}")
        output.say(f"  approved by {who}; it takes two people")


def _password(path: Path) -> str:
    try:
        return read_file(path, LONGEST_PASSWORD, hint="Give a file with the password alone.").decode().rstrip("\r\n")
    except UnicodeDecodeError as e:
        raise InputError(f"{path} is no text.", hint="Give a file with the password alone.") from e
