"""The shareable report: what was checked, by which ways, what could not be, how much was found. Counts, no content.

Everything in it is added up from the results; nothing in it points at a member. It names shards and lists by name.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import Field

from firstlight.banks import Sealer
from firstlight.custody.files import Disk, storage_error
from firstlight.screen.channels import CHANNEL_WORDS, OBSTACLE_WORDS, Channel, Obstacle
from firstlight.screen.hits import FINDING_WORDS, FOUND, Hit, unseal_hits
from firstlight.screen.lists import Compared
from firstlight.screen.member import REASONS, Finding
from firstlight.screen.plan import read_plan
from firstlight.screen.results import SUFFIX, Result, results_in
from firstlight.screen.selftest import SelfTest
from firstlight.screen.shard import SHARDS, Tally, tally_of
from firstlight.screen.signs import OriginCounts, counts_of
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned, writable

Count = Annotated[int, Field(ge=0)]
Where: TypeAlias = tuple[str, str, int]
"""A member, as `Hit.where` names it."""
MAX_NAMED: Final = 50
"""Shards that the report names where something is wrong with them; all are counted."""


class Counted(Value):
    """Something with how often, and in words."""

    code: str
    says: str
    count: Count


class Coverage(Value):
    """The account: `members` = screened + unreadable + skipped, and of the first two how many could be compared."""

    members: Count
    bytes: Count
    screened: Count
    unreadable: tuple[Counted, ...] = ()
    skipped: tuple[Counted, ...] = ()
    comparable: Count = Field(description="screened and unreadable members that at least one channel could have found")
    by_pixels: Count = Field(description="those among them that a perceptual hash could have found")
    channels: tuple[Counted, ...] = ()
    obstacles: tuple[Counted, ...] = ()

    @property
    def candidates(self) -> int:
        """Members that should have been compared: everything that was not skipped."""
        return self.screened + sum(one.count for one in self.unreadable)

    @property
    def adds_up(self) -> bool:
        """Whether every member stands in exactly one place."""
        return self.members == self.candidates + sum(one.count for one in self.skipped)


class Found(Value):
    """How much known material was found, in numbers alone."""

    members: Count = 0
    distinct: Count = Field(default=0, description="different files among them")
    exact: Count = Field(default=0, description="members whose stored or downloaded bytes are listed")
    by_bank: dict[str, int] = Field(default_factory=dict)
    by_channel: dict[str, int] = Field(default_factory=dict)


class Since(Value):
    """How the hits differ from those of the report that this one replaces."""

    gone: Count = Field(description="members that were hits, and are none any more")
    new: Count = Field(description="members that are hits, and were none")


class Missing(Value):
    """A shard that the report cannot speak of, and why."""

    shard: str
    why: str


class ScreenReport(Document):
    """What a screening of a data set found, and what that is worth.

    `fresh_until` is the time up to which the lists are taken into account; entries that were added later were not
    looked for. `results` names the exact result files that were added up.
    """

    title_for_people: ClassVar[str] = "report of a screening"

    kind: Literal["screen-report"] = "screen-report"
    version: Versioned = 1
    data_set: str
    made: Instant
    software: str
    finding: str = FINDING_WORDS
    headline: str
    complete: bool
    shards: Count
    shards_done: Count
    shards_failed: Count
    missing: tuple[Missing, ...] = ()
    coverage: Coverage
    found: Found | None = Field(default=None, description="none where no list was looked at")
    since: Since | None = Field(default=None, description="none where there is no report before, or none that is whole")
    fresh_until: Instant | None = None
    lists: tuple[Compared, ...] = Field(default=(), description="the states of the lists, oldest first")
    recall: SelfTest | None = None
    origin: OriginCounts | None = Field(default=None, description="none where nobody looked for signs of origin")
    findings: tuple[Finding, ...] = ()
    cpu_seconds: float = 0.0
    results: Sha256Hex
    previous: Sha256Hex | None = Field(default=None, description="the report that this one replaces")


def tallies(out: Path) -> Iterator[Tally]:
    """The accounts of all finished shards of the plan."""
    for result in _results(out):
        yield tally_of(result)


def _results(out: Path) -> Iterator[Result]:
    return results_in(out / SHARDS, (shard.ident for shard in read_plan(out)))


def hits_in(out: Path, sealer: Sealer) -> Iterator[Hit]:
    """Every hit of a run, shard by shard; or, where `out` is the folder of a download screener, every one it kept.

    Raises:
        NotFoundError: it is neither.
        IntegrityError: a result is damaged or was sealed with another key.
    """
    kept = sorted(out.glob(f"*{FOUND}"))
    for path in kept:
        yield from unseal_hits(Disk().read(path), sealer, path.stem)
    for result in _results(out) if not kept else ():
        yield from unseal_hits(result.matches(), sealer, tally_of(result).ident)


def make_report(
    out: Path, *, data_set: str, made: Instant, software: str, sealer: Sealer | None, recall: SelfTest | None = None,
    previous: str | None = None, current: Compared | None = None, before: Set[Where] | None = None,
) -> ScreenReport:  # fmt: skip
    """The report of the run in `out`, as its results stand now. Without a `sealer` nothing is said of what was found.

    `current` are the lists as they are now: what was compared with lists that have not changed since is as fresh.
    `before` are the members that the report `previous` counted as hits.

    Raises:
        NotFoundError: there is no run.
        IntegrityError, StorageError: a result cannot be read.
    """
    sums = _Sums(current)
    for shard in read_plan(out):
        tally = next((tally_of(result) for result in results_in(out / SHARDS, [shard.ident])), None)
        sums.take(shard.name, tally)
    hits = hits_in(out, sealer) if sealer is not None and sums.compared else None
    found, since = _found(hits, before) if hits is not None else (None, None)
    coverage = sums.coverage()
    lists = tuple(sorted(sums.compared.values(), key=lambda one: one.at))
    complete = sums.done == sums.shards and not sums.failed
    return ScreenReport(
        data_set=data_set, made=made, software=software, complete=complete, shards=sums.shards,
        headline=_headline(coverage, found, complete),
        shards_done=sums.done, shards_failed=sums.failed, missing=tuple(sums.missing[:MAX_NAMED]), coverage=coverage,
        found=found, since=since, fresh_until=lists[0].at if lists and not sums.uncompared else None, lists=lists,
        recall=recall, origin=sums.origin(), findings=sums.findings(),
        cpu_seconds=round(sums.cpu, 1), results=results_digest(out), previous=previous,
    )  # fmt: skip


def results_digest(out: Path) -> str:
    """One SHA-256 over the names and contents of all results of the plan, in the order of their names."""
    whole = hashlib.sha256()
    for ident in sorted(shard.ident for shard in read_plan(out)):
        path = out / SHARDS / f"{ident}{SUFFIX}"
        if not path.exists():
            continue
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as e:
            raise storage_error(path, "read", e) from e
        whole.update(f"{ident} {digest}\n".encode())
    return whole.hexdigest()


class _Sums:
    """Tallies added up."""

    def __init__(self, current: Compared | None) -> None:
        self._current = current
        self.shards = self.done = self.failed = self.uncompared = 0
        self.cpu = 0.0
        self.missing: list[Missing] = []
        self.compared: dict[str, Compared] = {}
        self._with_banks: dict[tuple[str, ...], list[str]] = {}
        self._members = self._bytes = self._screened = 0
        self._unreadable: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._channels: Counter[int] = Counter()
        self._obstacles: Counter[int] = Counter()
        self._findings: dict[str, Finding] = {}
        self._examined = self._with_signs = 0
        self._signs: Counter[str] = Counter()

    def take(self, name: str, tally: Tally | None) -> None:
        self.shards += 1
        if tally is None:
            self.missing.append(Missing(shard=name, why="It was not screened yet."))
            return
        self.done += 1
        if tally.failed is not None:
            self.failed += 1
            self.missing.append(Missing(shard=name, why=f"Not one member could be had: {_short(tally, name)}"))
        self._members += tally.members
        self._bytes += tally.bytes
        self._screened += tally.screened
        self._unreadable.update(tally.unreadable)
        self._skipped.update(tally.skipped)
        self._channels.update(tally.channels)
        self._obstacles.update(tally.obstacles)
        self._examined += tally.examined
        self._with_signs += tally.with_signs
        self._signs.update(tally.signs)
        self.cpu += tally.cpu_seconds
        self._lists(tally, name)
        for one in tally.findings:
            self._finding(one, name)

    def _lists(self, tally: Tally, name: str) -> None:
        if tally.compared is None:
            self.uncompared += 1
            return
        found = tally.compared
        self._with_banks.setdefault(tuple(sorted(bank.name for bank in found.banks)), []).append(name)
        if self._current is not None and found.is_as_of(self._current):
            found = self._current
        key = "".join(bank.model_dump_json() for bank in found.banks)
        known = self.compared.get(key)
        if known is None or found.at < known.at:
            self.compared[key] = found

    def _finding(self, one: Finding, shard: str) -> None:
        known = self._findings.get(one.code)
        names = (*(known.examples if known else ()), shard)[:MAX_NAMED]
        count = one.count + (known.count if known else 0)
        says = _GENERAL.get(one.code, one.says)
        self._findings[one.code] = Finding(code=one.code, says=says, count=count, examples=names)

    def origin(self) -> OriginCounts | None:
        return counts_of(self._examined, self._with_signs, self._signs) if self._examined else None

    def findings(self) -> tuple[Finding, ...]:
        all_banks = {name for banks in self._with_banks for name in banks}
        fewer = [name for banks, names in self._with_banks.items() for name in names if len(banks) < len(all_banks)]
        if fewer:
            found = Finding(code="fewer-lists", says=_FEWER, count=len(fewer), examples=tuple(fewer[:MAX_NAMED]))
            return (*self._findings.values(), found)
        return tuple(self._findings.values())

    def coverage(self) -> Coverage:
        pixels = int(Channel.PDQ | Channel.UNBORDERED)
        return Coverage(
            members=self._members, bytes=self._bytes, screened=self._screened,
            unreadable=_counted(self._unreadable), skipped=_counted(self._skipped),
            comparable=sum(n for mask, n in self._channels.items() if mask),
            by_pixels=sum(n for mask, n in self._channels.items() if mask & pixels),
            channels=tuple(_of_flag(one, CHANNEL_WORDS[one], self._channels) for one in Channel),
            obstacles=tuple(_of_flag(one, OBSTACLE_WORDS[one], self._obstacles) for one in Obstacle),
        )  # fmt: skip


_FEWER: Final = "Shards were compared with fewer of the lists than others; `firstlight screen again` mends that."
_GENERAL: Final = {
    "cut-off": "Shards break off; what came before the break was screened.",
    "damaged-header": "Bytes that belong to no member: damage, or members whose header is destroyed.",
    "rubbish": "Bytes at the end of a shard belong to no member.",
    "damaged-rows": "Parts of tables are damaged; their rows are lost, and counted as unreadable.",
    "misnamed": "Shards are of another kind than their names say, and were screened as what they are.",
    "large-rows": "Parts of tables are too large for a worker's memory in the form they have; their rows are lost.",
    "unread-column": "Columns hold bytes in a form in which pictures are not looked for; they were not screened.",
    "side-file-unread": "Side files or columns could not be used, so that recorded sizes and digests are missing.",
}
"""Findings in words that fit many shards; those of one shard name its places."""


def _short(tally: Tally, name: str) -> str:
    words = f"{tally.failed.message} {tally.failed.hint}".strip() if tally.failed is not None else ""
    return words.replace(writable(tally.place), name)


def _counted(counts: Counter[str]) -> tuple[Counted, ...]:
    return tuple(
        Counted(code=code, says=reason_words(code), count=count) for code, count in counts.most_common() if count
    )


def reason_words(code: str) -> str:
    """A reason in words; those of the decoder are told by their kind."""
    return REASONS.get(code) or _DECODER.get(code) or "could not be decoded"


_DECODER: Final = {
    "unreadable.broken": "damaged",
    "unreadable.truncated": "breaks off before its end",
    "unreadable.empty": "empty",
    "unreadable.no-decoder": "of a kind that no installed decoder reads",
    "unreadable.not-a-picture": "no picture",
    "unreadable.worker-died": "the decoder did not survive it",
    "limit.pixels": "would unpack to too many pixels",
    "limit.time": "takes too long to decode",
    "limit.memory": "takes too much memory to decode",
    "limit.bytes": "too large",
    "limit.scans": "a progressive JPEG with too many scans",
    "limit.metadata": "carries too much metadata",
}


def _of_flag(flag: Channel | Obstacle, says: str, masks: Counter[int]) -> Counted:
    count = sum(n for mask, n in masks.items() if mask & int(flag))
    return Counted(code=(flag.name or "").lower(), says=says, count=count)


def _found(hits: Iterable[Hit], before: Set[Where] | None) -> tuple[Found, Since | None]:
    members = exact = known = 0
    banks: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    seen: set[str] = set()
    for hit in hits:
        members += 1
        seen.add(hit.identity)
        known += before is not None and hit.where in before
        exact += any(one.exact for one in hit.matches)
        banks.update({one.bank for one in hit.matches})
        channels.update({one.channel for one in hit.matches})
    since = Since(gone=len(before) - known, new=members - known) if before is not None else None
    found = Found(members=members, distinct=len(seen), exact=exact, by_bank=dict(banks), by_channel=dict(channels))
    return found, since


def percent(part: int, whole: int) -> str:
    """A share in words; never rounded up to all or down to nothing."""
    if not whole or part == whole:
        return "100 %" if whole else "none"
    if not part:
        return "0 %"
    share = min(99.99, max(0.01, 100 * part / whole))
    return f"{share:.2f} %" if share < 0.1 or share > 99.9 else f"{share:.1f} %"


def _headline(coverage: Coverage, found: Found | None, complete: bool) -> str:
    candidates = coverage.candidates
    unreadable = sum(one.count for one in coverage.unreadable)
    read = (
        f"{percent(coverage.comparable, candidates)} of {candidates:,} pictures could be compared, "
        f"{percent(coverage.by_pixels, candidates)} by what they show; "
        f"{f'{percent(unreadable, candidates)} could not' if unreadable else 'all could'} be read."
    )
    parts = [read if candidates else "Nothing in it is a picture."]
    if not complete:
        parts.append("The screening is not complete.")
    if found is None:
        parts.append("No list was looked at.")
    elif found.members:
        members = "member" if found.members == 1 else "members"
        parts.append(f"{FINDING_WORDS.capitalize()}: {found.members:,} {members}, {found.distinct:,} different.")
    else:
        parts.append("Nothing in it matched the lists.")
    return " ".join(parts)


def named_sources(sources: Sequence[str]) -> str:
    """What a report calls the data set where nobody named it: the last part of each source, never a whole path."""
    return ", ".join(source.rstrip("/").rpartition("/")[2] or source for source in sources)[:200]
