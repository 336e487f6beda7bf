"""The command `firstlight`: its table of contents, and how it ends."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from firstlight import __version__, locks, logs
from firstlight.cli import output
from firstlight.errors import FirstlightError, InputError

BEGIN = "Begin"
FIND = "Find: hash, match, weigh"
WORK = "Work: take in, rank, decide, report"
GATE = "Gate: in front of a generator"
KEEP = "Keep: preserve, prove, account"
RUN = "Run: who may come in"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents: where the command, or the group of commands, lies."""

    name: str
    panel: str
    module: str
    attribute: str


CONTENTS = (
    Entry("demo", BEGIN, "demo.steps", "demo"),
    Entry("up", BEGIN, "serve", "up"),
    Entry("doctor", BEGIN, "doctor", "doctor"),
    Entry("config", BEGIN, "config", "app"),
    Entry("hash", FIND, "hash", "hash_"),
    Entry("match", FIND, "match", "match"),
    Entry("origin", FIND, "origin", "origin"),
    Entry("trust", FIND, "trust", "app"),
    Entry("bank", FIND, "banks", "app"),
    Entry("exchange", FIND, "exchange", "app"),
    Entry("screen", FIND, "screen", "app"),
    Entry("intake", WORK, "work", "intake_"),
    Entry("queue", WORK, "work", "queue"),
    Entry("case", WORK, "work", "case_app"),
    Entry("triage", WORK, "triage", "app"),
    Entry("cybertip", WORK, "cybertip", "app"),
    Entry("gate", GATE, "gate", "app"),
    Entry("evidence", KEEP, "keep", "evidence_app"),
    Entry("custody", KEEP, "custody", "app"),
    Entry("reconcile", KEEP, "keep", "reconcile"),
    Entry("backup", KEEP, "backup", "backup"),
    Entry("restore", KEEP, "backup", "restore"),
    Entry("db", KEEP, "backup", "db_app"),
    Entry("jobs", RUN, "jobs", "app"),
    Entry("users", RUN, "access", "users_app"),
    Entry("keys", RUN, "access", "keys_app"),
)

ISSUES = "If it happens again, report it with the lines above; they hold no content."


def run(args: list[str] | None = None) -> None:
    """Run the command and exit with the code of `docs/exit-codes.md`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # it was closed; the next file that is opened would be taken for it
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - for as long as this process lives
    sys.exit(outcome(sys.argv[1:] if args is None else args))


def outcome(args: list[str]) -> int:
    """Run the command and answer its exit code; no traceback reaches a user for anything that came in."""
    try:
        return _outcome(args)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - nobody reads on; keep the exit silent
        return output.UNREAD


def _outcome(args: list[str]) -> int:
    as_json = "--json" in args
    if args[:2] == ["origin", "trust"] and not Path("trust").exists():  # whom `origin` believes, and no file
        args = args[1:]
    locks.tell(output.warn)
    try:
        code = app_for(args)(args, prog_name="firstlight", standalone_mode=False)
    except FirstlightError as e:
        logs.get_logger("cli").warning("command.failed", error=e)
        output.complain(e, as_json=as_json)
        return e.exit_code
    except typer.TyperException as e:
        if not e.format_message():
            return output.BAD_INPUT  # the help was printed, because nothing was asked for
        output.complain(
            InputError(e.format_message(), hint="Add --help to see how the command is used."), as_json=as_json
        )
        return output.BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        code = output.STOPPED
    except SystemExit as e:
        if not isinstance(e.__context__, BrokenPipeError):
            raise
        code = output.UNREAD  # typer has seen to it that the exit is silent
    except Exception as e:  # noqa: BLE001 - the last wall before the user
        if os.environ.get("FIRSTLIGHT_DEBUG"):
            traceback.print_exc()
        where = traceback.extract_tb(e.__traceback__)[-1]
        logs.get_logger("cli").error("fault", error=e, exc_info=True)
        output.errors.print(
            f"firstlight: a fault of Firstlight itself ({type(e).__name__} in {where.name}, line {where.lineno}). "
            f"Nothing that was finished is lost. Set FIRSTLIGHT_DEBUG=1 to see where. {ISSUES}",
            markup=False,
        )
        return output.OUR_FAULT
    if code == output.STOPPED:  # by typer, as a rule
        output.errors.print("firstlight: stopped; what was finished is kept.")
    return code if isinstance(code, int) else output.DONE


def app_for(args: list[str]) -> typer.Typer:
    """The command line, with the module of the command that is called, or with all of them to print the contents.

    A command starts with what it needs: hashing a file loads no database.
    """
    app = typer.Typer(
        name="firstlight",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    called = {entry.name for entry in CONTENTS}.intersection(args[2:3] if args[:1] == ["--log"] else args[:1])
    if args[:1] == ["--version"]:
        called = {"hash"}  # the least that makes a command line
    for entry in CONTENTS:
        if called and entry.name not in called:
            continue
        found = getattr(importlib.import_module(f"firstlight.cli.{entry.module}"), entry.attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=entry.name, rich_help_panel=entry.panel)
        else:
            app.command(entry.name, rich_help_panel=entry.panel)(found)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        output.say(f"firstlight {__version__}")
        raise typer.Exit


def _root(
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="FIRSTLIGHT_LOG",
            help="Write what happens to the end of this file, as JSON lines without content.",
        ),
    ] = None,
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Find the real children through the smoke of machine-made imagery."""
    if log is not None:
        logs.configure(to=log, style=logs.Style.JSON)
