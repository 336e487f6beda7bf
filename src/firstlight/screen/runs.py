"""A run: make the plan or take the one that is there, pass over what is finished, have the rest screened."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Literal

from firstlight.clock import SystemClock, to_text
from firstlight.custody.files import Disk, storage_error, write_whole
from firstlight.errors import FirstlightError, InputError, IntegrityError, NotFoundError, StateError
from firstlight.logs import get_logger
from firstlight.media.sources import shown
from firstlight.screen.again import Again
from firstlight.screen.launch import Done, Launcher, part_of
from firstlight.screen.objects import S3
from firstlight.screen.places import Places
from firstlight.screen.plan import PLAN, plan_shards, read_plan, write_plan
from firstlight.screen.results import finished, make_folder
from firstlight.screen.shard import Settings, Tally
from firstlight.screen.shards import Shard
from firstlight.values import Document, ErrorNote, Value, Versioned, writable

RUN: Final = "run.json"
LOG: Final = "log.jsonl"
"""One line a shard: when it ended, how long it took, what was counted."""

HOPELESS: Final = frozenset({"storage.enospc", "storage.edquot", "storage.erofs", "storage.eacces", "missing-extra"})
"""Errors that every other shard would meet too: the run stops, and says what to do."""
OURS: Final = 3
MOST_UPSETS: Final = 5
"""So many shards in a row that the disk or the store refuses: it is down, and waiting costs money."""

_log = get_logger("screen")


@dataclass(slots=True)
class Progress:
    """Where a run stands: shards and bytes, and the time left at the rate so far."""

    shards: int
    total_bytes: int
    done: int = 0
    done_bytes: int = 0
    members: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return max(time.monotonic() - self.began, 1e-6)

    @property
    def rate(self) -> float:
        """Members a second."""
        return self.members / self.seconds

    @property
    def seconds_left(self) -> float | None:
        """By the bytes that are left; none while nothing is done."""
        if not self.done_bytes:
            return None
        return self.seconds * max(0, self.total_bytes - self.done_bytes) / self.done_bytes


class Trouble(Value):
    """A shard that has to be tried again."""

    place: str
    exit_code: int
    error: ErrorNote


class RunReport(Document):
    """What one call of a run did. `left` are shards that have no result yet: run it again."""

    title_for_people: ClassVar[str] = "report on a screening run"

    kind: Literal["screen-run"] = "screen-run"
    version: Versioned = 1
    shards: int
    already: int
    screened: int
    rematched: int = 0
    left: int
    members: int
    seconds: float
    trouble: tuple[Trouble, ...] = ()


class RunFile(Document):
    """What a run was asked for."""

    title_for_people: ClassVar[str] = "file of a screening run"

    kind: Literal["screen-run-file"] = "screen-run-file"
    version: Versioned = 1
    sources: tuple[str, ...]
    mode: str
    data_set: str = ""
    banks: tuple[str, ...] = ()
    origin: bool = False


Watch = Callable[[Progress, Done], None]


def prepare(
    settings: Settings, sources: Sequence[str], *, data_set: str = "", banks: Sequence[str] = (), keep: bool
) -> None:
    """Write the plan of these sources. With `keep`, one that is there stays, as a job array needs it.

    Raises:
        StateError: a plan is there, and its sources are others.
        InputError: the folder of the results lies in a source.
        NotFoundError, InputError, StorageError, UpstreamError: as `plan_shards` and `write_plan`.
    """
    for source in sources:
        if not source.startswith(S3) and settings.out.resolve().is_relative_to(Path(source).resolve()):
            raise InputError(
                f"{shown(settings.out)} lies in the data set {shown(source)}, and would be screened with it.",
                hint="Name a folder elsewhere with --out.",
            )
    make_folder(settings.out)
    make_folder(settings.results)
    given = RunFile(
        sources=tuple(map(writable, sources)),
        mode=settings.mode.value,
        data_set=data_set,
        banks=tuple(banks),
        origin=settings.origin,
    )
    known = _known_run(settings.out, given)
    if not (keep and (settings.out / PLAN).exists()):
        write_plan(settings.out, plan_shards(sources, Places(settings.s3)), replace=not keep)
    if known != given:
        write_whole(Disk(), settings.out / RUN, [given.to_json()], replace=True)


def run(
    settings: Settings, launcher: Launcher, *, part: tuple[int, int] | None = None, watch: Watch | None = None
) -> RunReport:
    """Screen what the plan names and is not finished; with `part` (index, count) only that part of it.

    Results whose lists have changed since are compared again from their hashes.

    Raises:
        NotFoundError: there is no plan.
        InputError, StateError, IntegrityError: the lists cannot be used; nothing was screened.
    """
    rematched, to_read = _refreshed(settings, part)
    ready = finished(settings.results) - set(to_read)
    shards = size = already = 0
    for shard in _planned(settings.out, part):
        shards += 1
        already += shard.ident in ready
        size += 0 if shard.ident in ready else shard.size
    progress = Progress(shards - already, size)
    trouble = []
    todo = (shard for shard in _planned(settings.out, part) if shard.ident not in ready)
    upset = 0
    for done in launcher(settings, todo):
        progress.done += done.tally is not None
        progress.done_bytes += done.shard.size
        progress.members += done.tally.members if done.tally is not None else 0
        if done.error is not None:
            trouble.append(_trouble(done.shard, done.error))
        _write_log(settings.out, done)
        if watch is not None:
            watch(progress, done)
        upset = upset + 1 if done.error is not None and done.error.exit_code == OURS else 0
        if done.error is not None and (done.error.diagnostics().code in HOPELESS or upset >= MOST_UPSETS):
            break
    return RunReport(
        shards=shards, already=already, screened=progress.done, rematched=rematched,
        left=shards - already - progress.done, members=progress.members, seconds=round(progress.seconds, 3),
        trouble=tuple(trouble),
    )  # fmt: skip


def _refreshed(settings: Settings, part: tuple[int, int] | None) -> tuple[int, list[str]]:
    """How many finished results had to be compared again, as lists have changed, and which have to be read again."""
    if settings.open_lists is None:
        return 0, []
    with settings.open_lists() as lists:
        again = Again(settings.results, lists)
        return sum(again.refresh_all(one.ident for one in _planned(settings.out, part))), again.to_read


def _planned(out: Path, part: tuple[int, int] | None) -> Iterator[Shard]:
    shards = read_plan(out)
    return shards if part is None else part_of(shards, *part)


def _known_run(out: Path, given: RunFile) -> RunFile | None:
    """The run that is in the folder. One folder holds one data set, hashed in one way: two would mix their reports."""
    if not (out / RUN).exists():
        return None
    known = read_run(out)
    if (known.sources, known.mode, known.origin) != (given.sources, given.mode, given.origin):
        how = f"hashed as {known.mode}, {'with' if known.origin else 'without'} signs of origin"
        raise StateError(
            f"{out} holds another screening: of {', '.join(known.sources)[:300]}, {how}.",
            hint="Name another folder with --out.",
        )
    return known


def read_run(out: Path) -> RunFile:
    """What the run in this folder was asked for.

    Raises:
        NotFoundError: there is no run.
        IntegrityError: its file is damaged.
    """
    if not (out / RUN).is_file():
        raise NotFoundError(f"{shown(out)} holds no screening.", hint="Name the folder that was given with --out.")
    try:
        return RunFile.from_json(Disk().read(out / RUN))
    except InputError as e:
        raise IntegrityError(f"{out / RUN} is damaged.", hint="Name another folder with --out.") from e


def _write_log(out: Path, done: Done) -> None:
    line = {
        "shard": done.shard.ident,
        "place": done.shard.shown,
        "ended": to_text(SystemClock().now()),
        **(_of_tally(done.tally) if done.tally is not None else {}),
        **({"error": done.error.diagnostics().as_dict()} if done.error is not None else {}),
    }
    path = out / LOG
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=True) + "\n")
    except OSError as e:
        _log.warning("screen.log-not-written", error=storage_error(path, "write", e))


def _of_tally(tally: Tally) -> dict[str, object]:
    return {
        "members": tally.members,
        "screened": tally.screened,
        "unreadable": sum(tally.unreadable.values()),
        "skipped": sum(tally.skipped.values()),
        "seconds": tally.seconds,
        "findings": [one.code for one in tally.findings],
        **({"failed": tally.failed.code} if tally.failed is not None else {}),
    }


def _trouble(shard: Shard, error: FirstlightError) -> Trouble:
    return Trouble(place=shard.shown, exit_code=error.exit_code, error=_note(error))


def use_banks(out: Path, banks: Sequence[str]) -> None:
    """Note that the results of a run were compared with these banks."""
    write_whole(Disk(), out / RUN, [read_run(out).model_copy(update={"banks": tuple(banks)}).to_json()], replace=True)


def _note(error: FirstlightError) -> ErrorNote:
    found = error.diagnostics()
    return ErrorNote(code=found.code, message=found.message, hint=found.hint)
