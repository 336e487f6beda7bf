"""The command `firstlight`: its table of contents, and how it ends."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from firstlight import __version__
from firstlight.cli import banks, cybertip, doctor, find, keep, output, work
from firstlight.cli.demo import steps as demo
from firstlight.errors import FirstlightError, InputError

app = typer.Typer(
    name="firstlight",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Find the real children through the smoke of machine-made imagery.",
)
ISSUES = "If it happens again, report it with the lines above; they hold no content."


def run(args: list[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 a finding, 2 bad usage or input, 3 our fault."""
    sys.exit(outcome(sys.argv[1:] if args is None else args))


def outcome(args: list[str]) -> int:
    """Run the command and answer its exit code; no traceback reaches a user for anything that came in."""
    as_json = "--json" in args
    try:
        code = app(args, prog_name="firstlight", standalone_mode=False)
    except FirstlightError as e:
        output.complain(e, as_json=as_json)
        return e.exit_code
    except typer.TyperException as e:
        output.complain(
            InputError(e.format_message(), hint="Add --help to see how the command is used."), as_json=as_json
        )
        return output.BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        output.errors.print("firstlight: stopped; what was finished is kept.")
        return 130
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - nobody reads on; keep the exit silent
        return output.DONE
    except Exception as e:  # noqa: BLE001 - the last wall before the user
        if os.environ.get("FIRSTLIGHT_DEBUG"):
            traceback.print_exc()
        where = traceback.extract_tb(e.__traceback__)[-1]
        output.errors.print(
            f"firstlight: a fault of Firstlight itself ({type(e).__name__} in {where.name}, line {where.lineno}). "
            f"Nothing that was finished is lost. Set FIRSTLIGHT_DEBUG=1 to see where. {ISSUES}",
            markup=False,
        )
        return output.OUR_FAULT
    return code if isinstance(code, int) else output.DONE


def _version(wanted: bool) -> None:
    if wanted:
        output.say(f"firstlight {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version_wanted: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Find the real children through the smoke of machine-made imagery."""


FIND = "Find: hash, match, weigh"
WORK = "Work: take in, rank, decide, report"
KEEP = "Keep: preserve, prove, account"
BEGIN = "Begin"

app.command("demo", rich_help_panel=BEGIN)(demo.demo)
app.command("doctor", rich_help_panel=BEGIN)(doctor.doctor)
app.command("hash", rich_help_panel=FIND)(find.hash_)
app.command("match", rich_help_panel=FIND)(find.match)
app.command("origin", rich_help_panel=FIND)(find.origin)
app.add_typer(banks.app, name="bank", rich_help_panel=FIND)
app.command("intake", rich_help_panel=WORK)(work.intake_)
app.command("queue", rich_help_panel=WORK)(work.queue)
app.add_typer(work.case_app, name="case", rich_help_panel=WORK)
app.add_typer(cybertip.app, name="cybertip", rich_help_panel=WORK)
app.add_typer(keep.evidence_app, name="evidence", rich_help_panel=KEEP)
app.command("reconcile", rich_help_panel=KEEP)(keep.reconcile)
