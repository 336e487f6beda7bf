"""Commands on data sets: `screen SOURCE...`, `screen report`, `again`, `hits`, `removal`, `verify`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from firstlight.cli import output, screen_found
from firstlight.cli.common import Actor, HomeFolder, ModeOption, caged, home_folder, opened, opened_if_there
from firstlight.cli.screen_found import Out
from firstlight.clock import SystemClock, to_text
from firstlight.errors import InputError
from firstlight.hashing import Mode

if TYPE_CHECKING:
    from firstlight.origin import TrustLists
    from firstlight.screen.launch import Done, Launcher
    from firstlight.screen.report import ScreenReport
    from firstlight.screen.runs import Progress, RunReport
    from firstlight.screen.selftest import SelfTest
    from firstlight.screen.shard import Settings

REPLAYED: Final = 48
"""Drawn pictures that the self-test replays: enough to bound a recall within about a tenth."""


class _Sources(TyperGroup):
    """A group whose first word may be a source: then it is the command `run`."""

    default: Final = "run"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own context
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [self.default, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    no_args_is_help=True,
    cls=_Sources,
    help="Screen data sets: `firstlight screen SOURCE... --bank NAME --out DIR` (all options: `firstlight screen run "
    "--help`). Known material in data, what was checked, and what could not be.",
)


@app.command()
def run(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The folder of the results and the report.")
    ] = None,
    bank: Annotated[
        list[str] | None, typer.Option("--bank", metavar="NAME", help="A bank to compare with; repeatable.")
    ] = None,
    hash_only: Annotated[
        bool, typer.Option("--hash-only", help="Only hash; compare later with `firstlight screen again`.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. [default: the processors]")] = None,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="I/N", help="Only part I (from 0) of N, for job arrays.")
    ] = None,
    on: Annotated[
        str, typer.Option("--on", metavar="LAUNCHER", help="`local` processes, or a `ray` cluster.")
    ] = "local",
    origin: Annotated[
        bool,
        typer.Option("--origin", help="Also look for signs of origin in each picture; slow."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only estimate time and money from a sample.")] = False,
    price: Annotated[float, typer.Option(min=0, help="With --dry-run: what a core costs for an hour.")] = 0.04,
    name: Annotated[str, typer.Option("--name", help="What the report calls the data set.")] = "",
    s3_endpoint: Annotated[
        str, typer.Option(envvar="FIRSTLIGHT_S3_ENDPOINT", show_envvar=True, help="The S3 store of s3:// sources.")
    ] = "",
    s3_region: Annotated[str, typer.Option(help="Its region.")] = "",
    mode: ModeOption = Mode.AUTO,
    as_json: output.Json = False,
    home: HomeFolder = None,
    by: Actor = "service",
) -> int:
    """Screen folders, WebDataset tars, zips and Parquet files, here or at s3:// addresses.

    A run that was stopped goes on where it was with the same command. Ends with 1 when something is found, with 2 when
    a shard could not be read at all, and with 3 when shards are left to be tried again.
    """
    from firstlight.screen import runs as running
    from firstlight.screen.objects import S3Settings
    from firstlight.screen.shard import Settings

    if not dry_run:
        _require(out, bool(bank), hash_only)
    banks = tuple(dict.fromkeys(bank or ()))
    sources = list(dict.fromkeys(one if one.startswith("s3://") else str(Path(one).absolute()) for one in sources))
    out = (out or Path()).absolute()
    settings = Settings(out, None, mode, S3Settings(s3_endpoint, s3_region), origin, _trust(origin, home))
    if dry_run:
        return _estimate(settings, sources, workers, price, as_json)
    part = _part(shard) if shard else None
    if banks or part is None:
        settings = _with_lists(settings, home, banks)
    running.prepare(settings, sources, data_set=name, banks=banks, keep=part is not None)
    with _watched(as_json) as watch:
        done = running.run(settings, _launcher(on, workers), part=part, watch=watch)
    report = _publish(out, home, by) if part is None and not done.left else None
    return _answer_run(done, report, as_json)


def _require(out: Path | None, has_banks: bool, hash_only: bool) -> None:
    if out is None:
        raise InputError("There is no folder to write to.", hint="Name one with --out DIR; it is made if need be.")
    if has_banks == hash_only:
        raise InputError("Name the banks to compare with, or --hash-only.", hint="firstlight bank list shows them.")


def _trust(wanted: bool, home: Path | None) -> TrustLists | None:
    """The home's lists of whom to believe about content credentials; none where there is no home."""
    if not wanted:
        return None
    with opened_if_there(home) as there:
        return there.trust if there is not None else None


def _with_lists(settings: Settings, home: Path | None, banks: tuple[str, ...]) -> Settings:
    """The settings with the home's banks; fails now, and not in every worker, where they cannot be used.

    Without banks the home still signs the report: a locked one is told now, and not after the last shard.
    """
    from dataclasses import replace

    from firstlight.casework.screening import lists_of
    from firstlight.screen.lists import state_of

    if not banks:
        with opened_if_there(home):
            return settings
    lists = lists_of(home_folder(home).absolute(), banks)
    with lists() as there:
        state_of(there)
    return replace(settings, open_lists=lists)


def _launcher(on: str, workers: int | None) -> Launcher:
    from firstlight.screen.launch import LocalPool

    if on == "local":
        return LocalPool(workers)
    if on == "ray":
        from firstlight.screen.cluster import RayCluster

        return RayCluster()
    raise InputError(f"There is no launcher {on!r}.", hint="Use local or ray.")


def _part(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not int(found[1]) < int(found[2]):
        raise InputError(f"{text!r} is no part of a job.", hint="Parts are counted from 0: --shard 0/8 to --shard 7/8.")
    return int(found[1]), int(found[2])


def _estimate(settings: Settings, sources: list[str], workers: int | None, price: float, as_json: bool) -> int:
    from firstlight.screen.estimate import estimate

    count = workers or len(os.sched_getaffinity(0))
    found = estimate(settings, sources, workers=count, price=price)
    if as_json:
        output.answer(found)
        return output.DONE
    output.say(
        f"{output.count(found.shards, 'shard')}, {found.bytes / 1e9:.2f} GB, about {found.members:,} members "
        f"(from a sample of {found.sampled})"
    )
    low, high = (_duration(hours * 3600) for hours in (found.low_core_hours, found.high_core_hours))
    output.say(f"about {_duration(found.core_hours * 3600)} of one core ({low} to {high} by the sample's shards)")
    output.say(f"with {output.count(found.workers, 'worker')}: {_duration(found.hours * 3600)}")
    output.say(f"at {found.price:g} for a core and hour: {found.cost:.2f}")
    for line in found.trouble:
        output.say(f"in the sample: {line}")
    return output.DONE


class _watched:  # noqa: N801 - used as a function
    """A line of progress on a terminal: rate and time left; nothing elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self._stack = ExitStack()
        self._quiet = quiet or not output.errors.is_terminal

    def __enter__(self) -> Any:  # noqa: ANN401 - a watcher
        self._status = None if self._quiet else self._stack.enter_context(output.errors.status("screening"))
        return self._watch

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _watch(self, progress: Progress, _done: Done) -> None:
        if self._status is None:
            return
        left = progress.seconds_left
        self._status.update(
            f"{progress.done} of {progress.shards} shards, {progress.rate:,.0f} members/s, "
            f"{_duration(left) if left is not None else 'unknown time'} left"
        )


def _duration(seconds: float) -> str:
    """A length of time in the unit that fits."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} seconds"


def _answer_run(done: RunReport, report: ScreenReport | None, as_json: bool) -> int:
    if as_json:
        output.answer(
            {"run": done.model_dump(mode="json"), "report": report.model_dump(mode="json") if report else None}
        )
    else:
        _say_run(done)
        if report is not None:
            _say_report(report)
    if done.left:
        codes = {one.exit_code for one in done.trouble}
        return output.BAD_INPUT if codes == {output.BAD_INPUT} else output.OUR_FAULT if codes else output.DONE
    return _code_of(report) if report is not None else output.DONE


def _code_of(report: ScreenReport) -> int:
    if report.found is not None and report.found.members:
        return output.FINDING
    return output.BAD_INPUT if report.shards_failed else output.DONE


def _say_run(done: RunReport) -> None:
    again = f", {done.already} finished before" if done.already else ""
    rematched = f", {done.rematched} compared with newer lists" if done.rematched else ""
    output.say(f"{done.screened} of {output.count(done.shards, 'shard')} screened{again}{rematched}.")
    if done.members:
        output.say(
            f"  {done.members:,} members in {_duration(done.seconds)}: {done.members / done.seconds:,.0f} a second"
        )
    for one in done.trouble[:20]:
        output.say(f"  left: {output.one_line(one.error.message)} {output.one_line(one.error.hint)}".rstrip())
    if done.left:
        output.say(f"  {output.count(done.left, 'shard')} left. Run the same command again to go on.")


def _say_report(report: ScreenReport) -> None:
    output.say(report.headline)
    cover = report.coverage
    skipped, unreadable = sum(one.count for one in cover.skipped), sum(one.count for one in cover.unreadable)
    output.say(
        f"  {cover.members:,} members = {cover.screened:,} screened + {unreadable:,} unreadable + {skipped:,} skipped"
    )
    for title, rows in (("unreadable", cover.unreadable), ("skipped", cover.skipped)):
        for row in rows:
            output.say(f"  {title}: {row.count:,} {row.says}")
    for row in cover.obstacles:
        if row.count and row.code not in ("unreadable", "no_bytes"):
            output.say(f"  in the way: {row.count:,} {row.says}")
    if report.since is not None and (report.since.gone or report.since.new):
        gone, new = report.since.gone, report.since.new
        output.say(f"  since the report before: {gone:,} no {'hits' if gone > 1 else 'hit'} any more, {new:,} new")
    for one in report.recall.expected if report.recall is not None else ():
        where = "inside the borders" if one.channel == "unbordered" else "whole picture"
        size = f"{one.resize} {one.side}" if one.side else "full size"
        output.say(
            f"  to expect by pixels ({size}, {where}): {100 * one.recall:.0f} % "
            f"({100 * one.low:.0f} to {100 * one.high:.0f} %, {one.pictures} drawn pictures)"
        )
    if report.origin is not None:
        output.say(
            f"  signs of origin: in {report.origin.with_signs:,} of {report.origin.examined:,} pictures examined"
        )
        for sign in report.origin.signs:
            output.say(f"    {sign.count:,} x {sign.title} ({sign.name}), speaks of: {sign.claim}")
    for finding in report.findings:
        output.say(f"  {finding.count} x {finding.says} ({', '.join(finding.examples[:3])})")
    for missing in report.missing:
        output.say(f"  not in this report: {output.one_line(missing.shard)}: {output.one_line(missing.why)}")
    if report.fresh_until is not None:
        output.say(f"  fresh up to {to_text(report.fresh_until)}: later entries of the lists were not looked for")


@app.command()
def report(out: Out, as_json: output.Json = False, home: HomeFolder = None, by: Actor = "service") -> int:
    """Make the report anew from the results: JSON, page and card, signed and logged where there is a home."""
    made = _publish(out, home, by)
    if as_json:
        output.answer(made)
    else:
        _say_report(made)
        output.say(f"  {out / 'report.html'}")
    return _code_of(made)


def _publish(out: Path, given: Path | None, by: str) -> ScreenReport:
    from firstlight.casework import screening
    from firstlight.screen.report import named_sources
    from firstlight.screen.runs import read_run

    known = read_run(out)
    recall = _self_test(out)
    with _home_of(known.banks, given) as there:
        name = known.data_set or named_sources(known.sources)
        return screening.publish(
            there, out, data_set=name, clock=SystemClock(), recall=recall, banks=known.banks, actor=by
        )


def _home_of(banks: tuple[str, ...], given: Path | None) -> Any:  # noqa: ANN401 - a context manager of a home or none
    return opened(given) if banks else opened_if_there(given)


def _self_test(out: Path) -> SelfTest | None:
    """The data set's own resizing, replayed on drawn pictures."""
    from firstlight.screen.bundles import SCREEN_PRELOAD
    from firstlight.screen.report import tallies
    from firstlight.screen.selftest import STANDARD_THRESHOLD, resizes_of, self_test

    seen = list(tallies(out))
    if not any(one.screened for one in seen):
        return None
    threshold = next(
        (bank.threshold for one in seen if one.compared for bank in one.compared.banks), STANDARD_THRESHOLD
    )
    with caged(SCREEN_PRELOAD) as cage:
        return self_test(
            cage, _drawn(), resizes_of(seen), material=f"{REPLAYED} pictures drawn by code", threshold=threshold
        )


def _drawn() -> Iterator[bytes]:
    from firstlight.cli.demo.drawing import draw
    from firstlight.cli.demo.edits import as_jpeg

    for seed in range(REPLAYED):
        yield as_jpeg(draw(seed), quality=95)


@app.command()
def again(
    out: Out,
    bank: Annotated[
        list[str] | None, typer.Option("--bank", metavar="NAME", help="Compare with this bank; repeatable.")
    ] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
    by: Actor = "service",
) -> int:
    """Compare the kept hashes with the lists as they are now, and make a new report. No picture is read.

    Without --bank, the banks of the run. What a list has withdrawn is no hit any more.
    """
    from firstlight.casework.screening import lists_of
    from firstlight.screen.again import Again
    from firstlight.screen.plan import read_plan
    from firstlight.screen.runs import read_run, use_banks
    from firstlight.screen.shard import SHARDS

    known = read_run(out)
    banks = tuple(dict.fromkeys(bank or known.banks))
    with lists_of(home_folder(home).absolute(), banks)() as lists:
        refreshed = Again(out / SHARDS, lists)
        shards = list(refreshed.refresh_all(shard.ident for shard in read_plan(out)))
    use_banks(out, banks)
    made = _publish(out, home, by)
    if as_json:
        told = {"compared": sum(shards), "shards": len(shards), "to_read": len(refreshed.to_read)}
        output.answer({**told, "report": made.model_dump(mode="json")})
    else:
        output.say(f"{sum(shards)} of {output.count(len(shards), 'shard')} compared again.")
        if refreshed.to_read:
            output.say(
                f"  {output.count(len(refreshed.to_read), 'table')} of hashes must be read again for that: run "
                "`firstlight screen` with the sources and these banks."
            )
        _say_report(made)
    return _code_of(made)


for _command in (screen_found.hits, screen_found.draft, screen_found.removal):
    app.command()(_command)


@app.command()
def verify(
    place: Annotated[Path, typer.Argument(metavar="REPORT", show_default=False)],
    key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The key to believe: `firstlight custody checkpoint --json` there, log_key."),
    ] = None,
    as_json: output.Json = False,
) -> int:
    """Check a report: its account, its signature, its entry in the custody log, and its results where they are there.

    REPORT is the folder of a run, or a report.json with its companions beside it. Needs no home.
    """
    from firstlight.screen.publish import verify_report

    found = verify_report(place, key)
    if as_json:
        output.answer(found)
    else:
        output.say(found.headline)
        for check in found.checks:
            mark = {True: "holds  ", False: "FAILS  ", None: "       "}[check.holds]
            output.say(f"  {mark}{check.says}")
        output.say("VERIFIED." if found.holds else "NOT VERIFIED.")
    return output.DONE if found.holds else output.FINDING
