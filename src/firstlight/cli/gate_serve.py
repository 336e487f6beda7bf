"""`firstlight gate --upstream URL`: the gate, served until it is stopped."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from firstlight import logs
from firstlight.casework import gatehouse
from firstlight.casework.gatehouse import Gatehouse, GateSettings, opened_gate
from firstlight.casework.home import Home
from firstlight.cli import output
from firstlight.cli.common import caged, home_folder
from firstlight.errors import InputError
from firstlight.gate.marking import Marker, Model, SigningKey, WatermarkProgram
from firstlight.gate.moderation import Moderation
from firstlight.gate.rules import Outcome
from firstlight.web import garbage
from firstlight.web.listening import address_at, listening_at

STAND_IN = "stand-in"
PORT = 8030
STOP_WITHIN = 10
"""Seconds for requests under way when the gate is stopped: a client that sends nothing must not keep it."""
KEY_VARIABLE = "FIRSTLIGHT_GATE_UPSTREAM_KEY"
MODERATION_KEY_VARIABLE = "FIRSTLIGHT_GATE_MODERATION_KEY"

Upstream = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The generator: an OpenAI-compatible address, or `stand-in`.", show_default=False),
]
Host = Annotated[str, typer.Option(help="Where to listen. Put TLS in front before it is more than this machine.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")]
Name = Annotated[str, typer.Option(metavar="NAME", help="The generator's name, in marks and in the ledger's answers.")]
Chain = Annotated[Path | None, typer.Option(metavar="FILE", help="Sign what leaves: the chain (PEM).")]
Key = Annotated[Path | None, typer.Option(metavar="FILE", help="Sign what leaves: the key (PEM).")]
TimeAuthority = Annotated[str | None, typer.Option(metavar="URL", help="An RFC 3161 time authority for the marks.")]
Watermark = Annotated[
    str | None, typer.Option(metavar="PROGRAM", help="A program that marks pixels: picture in, marked picture out.")
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME=SHA256", help="The digest of a model by its name in requests; repeatable."),
]
Banks = Annotated[list[str] | None, typer.Option("--bank", metavar="NAME", help="Only these banks; repeatable.")]
ModerationUrl = Annotated[str | None, typer.Option("--moderation", metavar="URL", help="A moderation service.")]
ModeratePictures = Annotated[bool, typer.Option("--moderate-pictures", help="Send it pictures as well.")]
Scorers = Annotated[
    list[str] | None,
    typer.Option("--scorer", metavar="CARD:SCORE[,CARD:SCORE]", help="ONNX models that put a picture under review."),
]
FailOpen = Annotated[
    list[str] | None,
    typer.Option("--on-failure", metavar="CHECK=allow|review", help="What a failed check means, if not to block."),
]
ImageHosts = Annotated[
    list[str] | None, typer.Option("--image-host", metavar="HOST", help="A host where the generator puts pictures.")
]
PublicUrl = Annotated[str, typer.Option(metavar="URL", help="The gate's own address, as clients see it.")]
ClientIp = Annotated[
    str, typer.Option(metavar="HEADER", help="The header in which your front end names the user's address.")
]
Unarmed = Annotated[bool, typer.Option("--unarmed", help="Stand without rules or banks. For trying it.")]
NoLedger = Annotated[bool, typer.Option("--no-ledger", help="Remember nothing of what leaves.")]


def serve(
    upstream: Upstream,
    *,
    host: str,
    port: int,
    home: Path | None,
    settings: GateSettings,
    models: dict[str, Model],
    image_hosts: tuple[str, ...] = (),
    public_url: str = "",
    client_ip_header: str = "",
) -> None:
    """Serve the gate until it is stopped."""
    import uvicorn

    from firstlight.gate.http import gate_app
    from firstlight.gate.http.proxy import ImageProxy

    if not logs.file():
        logs.configure(level="warning")  # whoever started it sees why it closes
    with caged(gatehouse.PRELOAD) as cage, Home.open(home_folder(home)) as house, contextlib.ExitStack() as stack:
        built = stack.enter_context(opened_gate(house, cage, settings))
        proxy = None
        if upstream:
            address = stack.enter_context(_standin()) if upstream == STAND_IN else upstream
            key = os.environ.get(KEY_VARIABLE, "")
            proxy = ImageProxy(
                built.gate,
                address,
                key=key,
                image_hosts=image_hosts,
                models=models,
                public_url=public_url,
                client_ip_header=client_ip_header,
            )
        listening = stack.enter_context(listening_at(host, port))
        garbage.settle()
        _say_start(built, address_at(host, listening), upstream)
        logging.getLogger("uvicorn").addHandler(logging.NullHandler())
        logging.getLogger("uvicorn").propagate = False  # what fails is told by the gate's own log
        config = uvicorn.Config(
            gate_app(built.application(proxy)),
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=STOP_WITHIN,
        )
        for each in (signal.SIGINT, signal.SIGTERM):  # uvicorn stops for them, and raises them once more afterwards
            signal.signal(each, lambda *_: None)
        uvicorn.Server(config).run([listening])
    output.say("The gate has stopped.")


def _say_start(built: Gatehouse, url: str, upstream: str | None) -> None:
    guard, settings = built.gate.guard, built.settings
    output.say(f"The gate listens at {url}/v1" + (f", in front of {upstream}" if upstream else ", for opinions alone"))
    state = "armed" if guard.is_armed and guard.rules_sha256 else "NOT ARMED: what is sent is let through"
    output.say(f"  {state}; checks: {', '.join(guard.checks) or 'none'}")
    marks = "content credentials" if settings.marker else "nothing: give --sign-chain and --sign-key"
    output.say(f"  marks {marks}; {'remembers what leaves' if built.ledger is not None else 'remembers nothing'}")
    sys.stdout.flush()


@contextlib.contextmanager
def served(app: Any, host: str = "127.0.0.1") -> Iterator[str]:  # noqa: ANN401 - any ASGI application
    """The address of an application that is served on loopback, in a thread, meanwhile."""
    import uvicorn

    with listening_at(host, 0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            thread.join(0.02)
        try:
            yield address_at(host, listening)
        finally:
            server.should_exit = True
            thread.join(10)


@contextlib.contextmanager
def _standin() -> Iterator[str]:
    from firstlight.gate.http import standin_app

    with served(standin_app()) as url:
        yield url


def marker(
    name: str, chain: Path | None, key: Path | None, time_authority: str | None, watermark: str | None
) -> Marker | None:
    """What marks pictures, from the options.

    Raises:
        InputError: only one of chain and key is given, or they are of no use; something is to go into marks, and none
            are made; there is no such program.
    """
    if (chain is None) != (key is None):
        raise InputError("A chain and its key belong together.", hint="Give both --sign-chain and --sign-key.")
    if chain is None or key is None:
        if time_authority or watermark:
            hint = "Give --sign-chain and --sign-key as well; `firstlight gate keys` makes some for development."
            raise InputError("Nothing is marked without a key.", hint=hint)
        return None
    if watermark and shutil.which(watermark) is None:
        raise InputError(f"{watermark} is no program that can be run.", hint="Give the path of one.")
    from firstlight import __version__

    program = WatermarkProgram((watermark,)) if watermark else None
    signing = SigningKey.load(chain, key)
    return Marker(signing, generator=name, version=__version__, time_authority=time_authority, watermark=program)


def moderation(url: str | None) -> Moderation | None:
    """The moderation service, from the options; its key comes from the environment."""
    return Moderation(url, key=os.environ.get(MODERATION_KEY_VARIABLE, "")) if url else None


def models(given: list[str] | None) -> dict[str, Model]:
    """The models by name.

    Raises:
        InputError: one is not NAME=SHA256.
    """
    out = {}
    for text in given or ():
        name, _, digest = text.partition("=")
        if not name or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise InputError(f"{text!r} is no model.", hint="Give NAME=SHA256; `firstlight gate model FILE` tells it.")
        out[name] = Model(name, sha256=digest)
    return out


def scorers(given: list[str] | None) -> dict[str, tuple[tuple[Path, float], ...]]:
    """The sets of scorers.

    Raises:
        InputError: one is not CARD:SCORE.
    """
    out = {}
    for number, text in enumerate(given or (), 1):
        cards = []
        for part in text.split(","):
            card, _, score = part.rpartition(":")
            try:
                cards.append((Path(card), float(score)))
            except ValueError as e:
                raise InputError(f"{part!r} is no scorer.", hint="Give CARD:SCORE, such as model.toml:0.8.") from e
        out[f"scorer-{number}"] = tuple(cards)
    return out


def on_failure(given: list[str] | None) -> dict[str, Outcome]:
    """What the failure of a check means.

    Raises:
        InputError: one is not CHECK=OUTCOME.
    """
    out = {}
    for text in given or ():
        name, _, outcome = text.partition("=")
        try:
            out[name] = Outcome(outcome)
        except ValueError as e:
            raise InputError(f"{text!r} is not understood.", hint="Give CHECK=allow or CHECK=review.") from e
    return out
