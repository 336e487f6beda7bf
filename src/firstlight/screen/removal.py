"""Removal lists that can be published: the hits hidden among many ordinary members, so that none is pointed at.

Whoever holds the data set removes all that is named. The padding is drawn by a keyed coin, the same in every list of a
run, and grows with the hits: a second list holds the first one, and what is new in it is hidden in new padding.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterator, KeysView, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np

from firstlight.banks import Sealer
from firstlight.custody.files import Disk, write_whole
from firstlight.errors import FirstlightError, IntegrityError
from firstlight.screen.hits import unseal_hits
from firstlight.screen.objects import S3
from firstlight.screen.plan import read_plan
from firstlight.screen.report import reason_words
from firstlight.screen.results import SCREENED, Result, results_in
from firstlight.screen.runs import read_run
from firstlight.screen.shard import SHARDS, tally_of
from firstlight.values import Document, Versioned

PAD_FLOOR: Final = 1000
"""Ordinary members in a list, however little was found: so that a list without any hit looks like all others."""
PAD_PER_HIT: Final = 99
"""Ordinary members for each hit: who picks one from the list picks an ordinary one in 99 of 100 cases."""

_COIN: Final = "padding.sealed"
_CONTEXT: Final = b"firstlight screen padding 1\x00"
_COINS: Final = np.dtype([("coin", "<u8"), ("shard", "<u4"), ("row", "<i8")])
_AT_ONCE: Final = 1 << 20


class RemovalReport(Document):
    """A removal list was written, or with `keeps` its complement. Whoever sees it cannot tell hits from padding."""

    title_for_people: ClassVar[str] = "report on a removal list"

    kind: Literal["screen-removal"] = "screen-removal"
    version: Versioned = 1
    path: str
    keeps: bool = False
    members: int
    hits: int
    padding: int
    says: str


def write_removal(
    out: Path, to: Path, sealer: Sealer, *, floor: int = PAD_FLOOR, per_hit: int = PAD_PER_HIT, keep: bool = False
) -> RemovalReport:
    """Write the list as CSV (shard, member, offset, key) in the order of the data set; no padding where both are 0.

    Shards are named from their source on, without the folders of this machine above it.

    With `keep` it names what may stay instead: every member that was screened and is not to be removed. Of a table of
    hashes, member and offset are the row, counted from 0.

    Raises:
        StorageError: the disk refused, or the file is there already.
        IntegrityError: a result is damaged, or was sealed with another key.
    """
    secret = _secret(out, sealer)
    hits = _hits(out, sealer)
    wanted = Counter(reason for rows in hits.values() for reason in rows.values())
    count = wanted.total()
    wanted = Counter({reason: per_hit * number for reason, number in wanted.items()}) + Counter({"": floor})
    padding = _padding(out, hits, secret, wanted) if wanted else {}
    padded, written = Counter(reason for rows in padding.values() for reason in rows.values()), 0
    chosen = {ident: {**hits.get(ident, {}), **padding.get(ident, {})}.keys() for ident in {*hits, *padding}}

    def lines() -> Iterator[bytes]:
        nonlocal written
        for line in _lines(out, chosen, keep=keep):
            written += 1
            yield line

    write_whole(Disk(), to, lines())
    return RemovalReport(
        path=str(to), keeps=keep, members=written - 1, hits=count, padding=padded.total(),
        says=_words(wanted, wanted - padded),
    )  # fmt: skip


def _words(wanted: Counter[str], lacking: Counter[str]) -> str:
    if not wanted:
        return "The list is not padded: it points at every hit. Do not publish it."
    if lacking[""]:
        return "The data set is too small for all the padding."
    if lacking:
        kinds = "; ".join(reason_words(reason) for reason in sorted(lacking))
        return f"Some hits can be told: too few other members are like them ({kinds}). Do not publish it."
    return "Each hit stands among ordinary members."


def _secret(out: Path, sealer: Sealer) -> bytes:
    """The key of the coin; made once for each run, and kept sealed."""
    path = out / _COIN
    if not path.exists():
        write_whole(Disk(), path, [sealer.seal(os.urandom(32), _CONTEXT)])
    try:
        return sealer.unseal(Disk().read(path), _CONTEXT)
    except FirstlightError as e:
        raise IntegrityError(
            f"{path} does not open with the key of this home.",
            hint="Use the home that screened; do not remove the file.",
        ) from e


def _results(out: Path) -> Iterator[Result]:
    return results_in(out / SHARDS, (shard.ident for shard in read_plan(out)))


def _hits(out: Path, sealer: Sealer) -> dict[str, dict[int, str]]:
    """The rows of the hits, by shard, each with the reason why it is no picture that was screened, if it is none."""
    found: dict[str, dict[int, str]] = {}
    for result in _results(out):
        ident = tally_of(result).ident
        rows = dict.fromkeys((hit.row for hit in unseal_hits(result.matches(), sealer, ident)), "")
        if rows:
            found[ident] = rows
            reasons, first = result.head["reasons"], 0
            for group in range(int(result.head["groups"])):
                codes = result.rows(group)["reason"]
                rows |= {row: reasons[codes[row - first]] for row in rows if first <= row < first + len(codes)}
                first += len(codes)
    return found


def _padding(
    out: Path, hits: dict[str, dict[int, str]], secret: bytes, wanted: Counter[str]
) -> dict[str, dict[int, str]]:
    """The members whose coins are the lowest, by shard: so many of each kind as there are `wanted`.

    A hit that is a video, or a picture that cannot be read, is hidden among such: whoever has the data set would find
    it at once among pictures that can.
    """
    kinds = list(wanted)
    idents: list[str] = []
    best = [np.zeros(0, _COINS) for _ in kinds]
    for result in _results(out):
        idents.append(tally_of(result).ident)
        taken = hits.get(idents[-1], {})
        for first, coins, kind in _tossed(result, secret, kinds):
            kind[[row - first for row in taken if first <= row < first + len(kind)]] = -1
            for number, reason in enumerate(kinds):
                rows = np.flatnonzero(kind == number)
                if len(best[number]) == wanted[reason]:
                    rows = rows[coins[rows] < best[number]["coin"].max()]
                more = np.zeros(len(rows), _COINS)
                more["coin"], more["shard"], more["row"] = coins[rows], len(idents) - 1, first + rows
                together = np.sort(np.concatenate([best[number], more]), order=("coin", "shard", "row"))
                best[number] = together[: wanted[reason]]
    padding: dict[str, dict[int, str]] = {}
    for number, reason in enumerate(kinds):
        for _, shard, row in best[number].tolist():
            padding.setdefault(idents[shard], {})[row] = reason
    return padding


def _tossed(result: Result, secret: bytes, kinds: list[str]) -> Iterator[tuple[int, Any, Any]]:
    """The coin of each member of a shard, some at a time: the first one's number, the coins, and their kinds.

    A coin is of the member's bytes: it stays when the data set grows and its shards are cut otherwise, and copies are
    drawn together, as all copies of a hit are hits.
    """
    place = tally_of(result).place
    if not result.head["rows_kept"]:
        seed = hashlib.blake2b(place.encode("utf-8", "surrogatepass"), key=secret, digest_size=16).digest()
        source = np.random.Philox(key=int.from_bytes(seed, "big"))
        members = tally_of(result).members
        for first in range(0, members, _AT_ONCE):
            count = min(_AT_ONCE, members - first)
            yield first, source.random_raw(count), np.full(count, kinds.index("") if "" in kinds else -1)
        return
    numbers = np.array([kinds.index(reason) if reason in kinds else -1 for reason in result.head["reasons"]])
    first = 0
    for group in range(int(result.head["groups"])):
        rows = result.rows(group)
        coins = b"".join(_coin(one.tobytes(), secret) for one in rows["sha256"])
        yield first, np.frombuffer(coins, "<u8"), numbers[rows["reason"]]
        first += len(rows)


def _coin(digest: bytes, secret: bytes) -> bytes:
    return hashlib.blake2b(digest, key=secret, digest_size=8).digest()


def _lines(out: Path, chosen: Mapping[str, KeysView[int]], *, keep: bool) -> Iterator[bytes]:
    yield _csv(["shard", "member", "offset", "key"])
    sources = read_run(out).sources
    for result in _results(out):
        tally = tally_of(result)
        place = _public(tally.place, sources)
        named = chosen.get(tally.ident, {}.keys())
        if not result.head["rows_kept"]:
            rows = (row for row in range(tally.members) if row not in named) if keep else sorted(named)
            yield from (_csv([place, str(row), str(row), ""]) for row in rows)
            continue
        number = 0
        for group, texts in result.groups():
            for row, text in zip(group, texts, strict=True):
                if row["status"] == SCREENED and number not in named if keep else number in named:
                    yield _csv([place, text.name, str(int(row["offset"])), text.key])
                number += 1


def _public(place: str, sources: Sequence[str]) -> str:
    """A shard as others may read of it: beginning with the name of its source, and not with the folders above it.

    Whole where that would leave open which source is meant, and where it is an address.
    """
    source = max((one for one in sources if _is_in(place, one)), key=len, default="")
    last = source.rpartition("/")[2]
    if not last or place.startswith(S3) or [one.rpartition("/")[2] for one in sources].count(last) > 1:
        return place
    return place[len(source) - len(last) :]


def _is_in(place: str, source: str) -> bool:
    return place == source or place.startswith(f"{source}/")


def _csv(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")
