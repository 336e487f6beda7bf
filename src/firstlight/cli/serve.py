"""The command `up`: the service, in one process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight.cli import output
from firstlight.cli.common import HomeFolder, caged, home_folder
from firstlight.web import garbage

if TYPE_CHECKING:
    from firstlight.web.server import Begun

Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The PostgreSQL database that several processes and machines share."),
]


def up(
    host: Annotated[str | None, typer.Option(help="Where to listen. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="[default: 8470; 0 lets the system choose]")] = None,
    public_url: Annotated[str | None, typer.Option(metavar="URL", help="How browsers reach the service.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Speak TLS with this certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key of the certificate.")] = None,
    behind_proxy: Annotated[
        bool | None, typer.Option("--behind-proxy", help="A proxy in front speaks TLS and passes the Host header on.")
    ] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Prometheus metrics, on loopback; 0 for none.")] = None,
    workers: Annotated[int | None, typer.Option(help="Threads that work on jobs; 0 leaves that to others.")] = None,
    hma_open_on_loopback: Annotated[
        bool | None,
        typer.Option("--hma-open-on-loopback", help="HMA's routes need no key as long as only this machine calls."),
    ] = None,
    database_url: Database = None,
    home: HomeFolder = None,
) -> None:
    """Start the service: the API, the review console, and the work in the background. Stop it with Ctrl+C.

    Without a home one is made. As long as nobody can sign in, a one-time link is printed.
    """
    since = time.monotonic()
    garbage.hold()
    given: dict[str, object] = {
        "service.host": host,
        "service.port": port,
        "service.public_url": public_url,
        "service.tls_cert": None if tls_cert is None else str(tls_cert),
        "service.tls_key": None if tls_key is None else str(tls_key),
        "service.behind_proxy": behind_proxy,
        "service.metrics_port": metrics_port,
        "service.workers": workers,
        "service.hma_open_on_loopback": hma_open_on_loopback,
        "database.url": database_url,
    }
    flags = {name: value for name, value in given.items() if value is not None}
    from firstlight.casework.examine import PRELOAD
    from firstlight.casework.showing import PRELOAD as SHOWING

    with caged((*PRELOAD, *SHOWING)) as cage:
        from firstlight.casework.home import Home
        from firstlight.casework.settings import Given
        from firstlight.web import server

        with Home.open(home_folder(home), given=Given(os.environ, flags)) as house:
            server.run(house, cage, begun=_say_begun, ready=_say_ready, since=since)
    output.say("Stopped; what was finished is kept.")


def _say_begun(begun: Begun) -> None:
    output.say(f"Firstlight answers at {begun.address}/")
    if begun.link:
        output.say("Nobody can sign in yet. This link lets one person in, once, within 12 hours:")
        output.say(f"  {begun.link}")


def _say_ready(seconds: float) -> None:
    output.say(f"Ready after {seconds:.1f} s. Stop with Ctrl+C.")
