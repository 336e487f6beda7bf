"""Screening one shard: read, digest, decode in the cage, compare, and write one result file.

`Screener.screen_shard` is the unit that every launcher calls: the local pool, a job array, a cluster. The finished
result is the checkpoint; the same shard done twice writes the same name.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

import numpy as np
from pydantic import Field

from firstlight import __version__
from firstlight.errors import FirstlightError, InputError, NotFoundError
from firstlight.hashing import Mode
from firstlight.media import Cage
from firstlight.media.resident import let_go_of_compiler
from firstlight.screen.bundles import SCREEN_PRELOAD, Hashed, Look, hash_members
from firstlight.screen.channels import MIN_QUALITY, Channel, Obstacle, obstacles_of_size
from firstlight.screen.hits import Hit, matches_of, seal_hits
from firstlight.screen.lists import AT_ONCE, Compared, Lists, OpenLists, compare, known_of, state_of
from firstlight.screen.member import Finding, Findings
from firstlight.screen.objects import S3Settings
from firstlight.screen.places import Places
from firstlight.screen.readers import members_of
from firstlight.screen.results import SCREENED, SKIPPED, SUFFIX, UNREADABLE, Result, ResultWriter, Texts
from firstlight.screen.shards import Shard
from firstlight.screen.signs import SIGNS_PRELOAD, signs_of
from firstlight.screen.tables import Counted, count_table, is_hash_table
from firstlight.values import Document, ErrorNote, Versioned

if TYPE_CHECKING:
    from firstlight.origin import TrustLists

SHARDS: Final = "shards"
"""The folder of the results below the run's own."""
MAX_WAITING_BYTES: Final = 4 * 2**20
"""Side records of members that wait to be compared."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What every process of a run has to know. Picklable."""

    out: Path
    open_lists: OpenLists | None = None
    mode: Mode = Mode.AUTO
    s3: S3Settings = field(default_factory=S3Settings)
    origin: bool = False
    """Whether each picture is examined for signs of origin; `trust` is whom to believe about content credentials."""
    trust: TrustLists | None = None

    @property
    def results(self) -> Path:
        """The folder of the results."""
        return self.out / SHARDS

    @property
    def preload(self) -> tuple[str, ...]:
        """What the cage has to load."""
        return (*SCREEN_PRELOAD, *SIGNS_PRELOAD) if self.origin else SCREEN_PRELOAD


class Tally(Document):
    """The account of one shard: what came in is what was screened, unreadable or skipped, each with its reason."""

    title_for_people: ClassVar[str] = "tally of a shard"

    kind: Literal["screen-tally"] = "screen-tally"
    version: Versioned = 1
    ident: str
    place: str
    name: str
    members: Annotated[int, Field(ge=0)] = 0
    bytes: Annotated[int, Field(ge=0)] = 0
    screened: Annotated[int, Field(ge=0)] = 0
    unreadable: dict[str, int] = Field(default_factory=dict)
    skipped: dict[str, int] = Field(default_factory=dict)
    channels: dict[int, int] = Field(default_factory=dict, description="pictures by their mask of channels")
    obstacles: dict[int, int] = Field(default_factory=dict, description="pictures by their mask of obstacles")
    hits: Annotated[int, Field(ge=0)] = 0
    findings: tuple[Finding, ...] = ()
    shrunk: dict[int, int] = Field(default_factory=dict, description="pictures by the longer side that they were made")
    examined: Annotated[int, Field(ge=0)] = Field(default=0, description="pictures looked at for signs of origin")
    with_signs: Annotated[int, Field(ge=0)] = 0
    signs: dict[str, int] = Field(default_factory=dict, description="pictures by the signs of origin they carry")
    compared: Compared | None = None
    failed: ErrorNote | None = Field(default=None, description="why not one member of it could be had")
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    software: str = ""

    @property
    def adds_up(self) -> bool:
        """Whether every member stands in exactly one place."""
        return self.members == self.screened + sum(self.unreadable.values()) + sum(self.skipped.values())


class Screener:
    """Screens shards in this process, one at a time. A context manager; the cage starts before any list is opened."""

    def __init__(self, settings: Settings, cage: Cage | None = None) -> None:
        """With a `cage` of the caller's (that has loaded `SCREEN_PRELOAD`) none is started."""
        self._settings = settings
        self._places = Places(settings.s3)
        self._stack = ExitStack()
        self._cage = cage
        self._lists: Lists | None = None
        self._is_warm = False

    def __enter__(self) -> Self:
        if self._cage is None:
            self._cage = self._stack.enter_context(Cage(workers=1, preload=self._settings.preload))
        if self._settings.open_lists is not None:
            _ = self._cage.isolation  # the worker is there before this process holds a key
            self._lists = self._stack.enter_context(self._settings.open_lists())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def screen_shard(self, shard: Shard) -> Tally:
        """Screen a shard and write its result; one that is finished already is only read.

        Of a table of hashes only matches are kept, so that it is read again when lists have changed. A shard of which
        nothing can be had gets a result too, which says why, unless it has one from before.

        Raises:
            StorageError, UpstreamError, StateError: the machine, the store or the lists failed; nothing was written,
                and the shard can be tried again.
            InputError, NotFoundError: the same of a shard that was finished before; its result stays.
        """
        if self._cage is None:
            raise InputError("The screener is not open.", hint="Use it in a with statement.")
        path = self._settings.results / f"{shard.ident}{SUFFIX}"
        before = Result.open(path) if path.exists() else None
        compared = state_of(self._lists) if self._lists is not None else None
        if before is not None and (before.head["rows_kept"] or compared is None or not is_stale(before, compared)):
            return tally_of(before)
        with ResultWriter(self._settings.results, shard.ident) as writer:
            work = _Work(shard, writer, self._lists)
            began, cpu = time.monotonic(), _cpu_seconds()
            try:
                if is_hash_table(shard, self._places):
                    work.take_table(count_table(shard, self._places, self._lists))
                else:
                    members = members_of(shard, self._places, work.findings)
                    for hashed in hash_members(self._cage, members, self._settings.mode, self._look):
                        work.take(hashed)
                        self._warm(work)
                    work.compare_rest()
            except (InputError, NotFoundError) as e:
                if e.code == "state" or work.count or before is not None:
                    raise
                if self._lists is not None:
                    state_of(self._lists)  # where it is the lists that failed, this shard is tried again
                work.failed = _note(e)
            tally = work.tally(compared, time.monotonic() - began, _cpu_seconds() - cpu)
            head: dict[str, Any] = {
                "tally": tally.model_dump(mode="json"),
                "shard": shard.to_line().decode(),
                "reasons": work.reasons,
            }
            head["rows_kept"] = not work.is_table
            sealed = seal_hits(work.hits, self._lists.sealer, shard.ident) if self._lists is not None else b""
            writer.finish(head, sealed)
        return tally

    def _warm(self, work: _Work) -> None:
        """After the first members have been compared every kernel is loaded."""
        if not self._is_warm:
            work.compare_rest()
            let_go_of_compiler()
            self._is_warm = True

    @property
    def _look(self) -> Look | None:
        cage, trust = self._cage, self._settings.trust
        return (lambda data: signs_of(cage, data, trust)) if self._settings.origin and cage is not None else None


def tally_of(result: Result) -> Tally:
    """The account that a result keeps.

    Raises:
        InputError: it was written by another version.
    """
    return Tally.model_validate(result.head["tally"])


def is_stale(result: Result, lists: Compared) -> bool:
    """Whether it was compared with other lists than these, or with none."""
    compared = tally_of(result).compared
    return compared is None or not compared.is_as_of(lists)


class _Work:
    """What is counted and collected while a shard is read."""

    def __init__(self, shard: Shard, writer: ResultWriter, lists: Lists | None) -> None:
        self._shard = shard
        self._writer = writer
        self._lists = lists
        self.findings = Findings()
        self.hits: list[Hit] = []
        self.reasons: list[str] = [""]
        self.failed: ErrorNote | None = None
        self.is_table = False
        self.count = 0
        self._waiting: list[tuple[int, Hashed]] = []
        self._waiting_bytes = 0
        self._bytes = 0
        self._screened = 0
        self._unreadable: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._channels: Counter[int] = Counter()
        self._obstacles: Counter[int] = Counter()
        self._sides: Counter[int] = Counter()
        self._examined = self._with_signs = 0
        self._signs: Counter[str] = Counter()

    def take(self, bundle: Sequence[Hashed]) -> None:
        for one in bundle:
            self._write(one)
            self._waiting.append((self.count, one))
            self._waiting_bytes += len(one.member.facts.record)
            self.count += 1
        if len(self._waiting) >= AT_ONCE or self._waiting_bytes > MAX_WAITING_BYTES:
            self.compare_rest()

    def compare_rest(self) -> None:
        """Compare what waits for it: many at once cost half of what bundles do."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if self._lists is None or not waiting:
            return
        found = compare(self._lists, [known_of(one) for _, one in waiting])
        for (row, one), matched in zip(waiting, found, strict=True):
            if matched:
                self.hits.append(_hit(self._shard, one, row, matches_of(matched)))

    def take_table(self, counted: Counted) -> None:
        self.is_table = True
        self.count, self._bytes, self._screened = counted.rows, self._shard.size, counted.with_hash
        self._channels[int(Channel.RECORDED)] = counted.with_hash
        self._obstacles[int(Obstacle.NO_BYTES)] = counted.with_hash
        if counted.lost:
            self._unreadable["damaged"] = counted.lost
            self.findings.add("damaged-rows", "Parts of the table are damaged; their rows are lost.")
        if no_hash := counted.rows - counted.with_hash - counted.lost:
            self._skipped["no-hash"] = no_hash
        self.hits = counted.hits

    def _write(self, one: Hashed) -> None:
        member, facts = one.member, one.member.facts
        status = self._counted(one)
        channels, obstacles = channels_of(one)
        if status != SKIPPED:
            self._channels[int(channels)] += 1
            self._obstacles[int(obstacles)] += 1
        if one.is_screened and facts.width and max(one.width, one.height) < max(facts.width, facts.height):
            self._sides[max(one.width, one.height)] += 1
        row = self._writer.add(Texts(member.name, facts.key, facts.url, facts.fetched), one.signs or ())
        row["offset"], row["size"], row["status"], row["reason"] = member.offset, member.size, status, self._code(one)
        row["channels"], row["obstacles"] = int(channels), int(obstacles)
        row["width"], row["height"] = one.width, one.height
        row["original_width"], row["original_height"] = facts.width, facts.height
        if one.sha256:
            row["has_digests"] = True
            row["md5"], row["sha1"], row["sha256"] = _array(one.md5), _array(one.sha1), _array(one.sha256)
        for kind, value in facts.digests.items():
            row[f"recorded_{kind}"] = _array(bytes.fromhex(value))
        if one.pdq:
            row["has_pdq"], row["pdq"], row["pdq_quality"], row["pdq_exact"] = (
                True,
                _array(one.pdq),
                one.quality,
                one.exact,
            )
        if one.inner_pdq:
            row["has_inner"], row["inner_pdq"], row["inner_quality"] = True, _array(one.inner_pdq), one.inner_quality

    def _counted(self, one: Hashed) -> int:
        self._bytes += one.member.size
        if one.signs is not None:
            self._examined += 1
            self._with_signs += bool(one.signs)
            self._signs.update({sign.name for sign in one.signs})
        if one.is_screened:
            self._screened += 1
            return SCREENED
        if one.reason in _SKIPPED:
            self._skipped[one.reason] += 1
            return SKIPPED
        self._unreadable[one.reason] += 1
        return UNREADABLE

    def _code(self, one: Hashed) -> int:
        if one.reason not in self.reasons:
            self.reasons.append(one.reason)
        return self.reasons.index(one.reason)

    def tally(self, compared: Compared | None, seconds: float, cpu_seconds: float) -> Tally:
        return Tally(
            ident=self._shard.ident, place=self._shard.place, name=self._shard.name, members=self.count,
            bytes=self._bytes, screened=self._screened, unreadable=dict(self._unreadable), skipped=dict(self._skipped),
            channels=dict(self._channels), obstacles=dict(self._obstacles), hits=len(self.hits),
            shrunk=dict(self._sides.most_common(16)), findings=self.findings.all(), compared=compared,
            failed=self.failed, examined=self._examined, with_signs=self._with_signs, signs=dict(self._signs),
            seconds=round(seconds, 3), cpu_seconds=round(cpu_seconds, 3), software=f"firstlight {__version__}",
        )  # fmt: skip


_SKIPPED = frozenset(
    {"folder", "side-file", "not-a-picture", "video", "archive", "special", "empty-cell", "link-to-folder", "no-hash"}
)


def channels_of(one: Hashed) -> tuple[Channel, Obstacle]:
    """By which channels a member could have been found, and what stood in the way of the others."""
    channels, obstacles = Channel(0), Obstacle(0)
    recorded = one.member.facts.digests
    if recorded:
        channels |= Channel.RECORDED
    if one.sha256:
        stored = {"md5": one.md5.hex(), "sha1": one.sha1.hex(), "sha256": one.sha256.hex()}
        if any(stored[kind] != value for kind, value in recorded.items()):
            obstacles |= Obstacle.REENCODED
        else:
            channels |= Channel.STORED
    else:
        obstacles |= Obstacle.NO_BYTES
    if not one.is_screened:
        return channels, obstacles | Obstacle.UNREADABLE
    obstacles |= obstacles_of_size((one.width, one.height), one.member.facts, bool(one.inner_pdq))
    if one.quality < MIN_QUALITY:
        obstacles |= Obstacle.PLAIN
    elif not obstacles & (Obstacle.BORDERED | Obstacle.CROPPED):
        channels |= Channel.PDQ
    if one.inner_pdq and one.inner_quality >= MIN_QUALITY:
        channels |= Channel.UNBORDERED
    return channels, obstacles


def _hit(shard: Shard, one: Hashed, row: int, matches: tuple[Any, ...]) -> Hit:
    member, facts = one.member, one.member.facts
    return Hit(
        place=shard.place, member=member.name, offset=member.offset, size=member.size, row=row, key=facts.key,
        url=facts.url, fetched=facts.fetched, record=facts.record, md5=one.md5.hex(), sha1=one.sha1.hex(),
        sha256=one.sha256.hex(), recorded=facts.digests, width=one.width, height=one.height,
        pdq=one.pdq.hex(), matches=matches, signs=one.signs or (),
    )  # fmt: skip


def _array(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(data, np.uint8)


def _note(error: FirstlightError) -> ErrorNote:
    found = error.diagnostics()
    return ErrorNote(code=found.code, message=found.message, hint=found.hint)


def _cpu_seconds() -> float:
    """Processor time of this process; that of the caged worker is not in it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
