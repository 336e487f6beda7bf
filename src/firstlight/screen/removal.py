"""Removal lists that can be published: the hits hidden among many ordinary members, so that none is pointed at.

Whoever holds the data set removes all that is named. The padding is drawn by a keyed coin, the same in every list of a
run, and grows with the hits: a second list holds the first one, and what is new in it is hidden in new padding.
"""

from __future__ import annotations

import csv
import hashlib
import heapq
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar, Final, Literal

from firstlight.banks import Sealer
from firstlight.custody.files import Disk, write_whole
from firstlight.errors import FirstlightError, IntegrityError
from firstlight.screen.hits import unseal_hits
from firstlight.screen.plan import read_plan
from firstlight.screen.results import SCREENED, Result, results_in
from firstlight.screen.shard import SHARDS, tally_of
from firstlight.values import Document, Versioned

PAD_FLOOR: Final = 1000
"""Ordinary members in a list, however little was found: so that a list without any hit looks like all others."""
PAD_PER_HIT: Final = 99
"""Ordinary members for each hit: who picks one from the list picks an ordinary one in 99 of 100 cases."""

_COIN: Final = "padding.sealed"
_CONTEXT: Final = b"firstlight screen padding 1\x00"


class RemovalReport(Document):
    """A removal list was written. Whoever sees the list alone cannot tell hits from padding."""

    title_for_people: ClassVar[str] = "report on a removal list"

    kind: Literal["screen-removal"] = "screen-removal"
    version: Versioned = 1
    path: str
    members: int
    hits: int
    padding: int
    says: str


def write_removal(
    out: Path, to: Path, sealer: Sealer, *, floor: int = PAD_FLOOR, per_hit: int = PAD_PER_HIT
) -> RemovalReport:
    """Write the list as CSV (shard, member, offset, key) in the order of the data set; no padding where both are 0.

    Raises:
        StorageError: the disk refused, or the file is there already.
        IntegrityError: a result is damaged, or was sealed with another key.
    """
    secret = _secret(out, sealer)
    hits = {(ident, row) for ident, row in _hits(out, sealer)}
    wanted = floor + per_hit * len(hits) if floor or per_hit else 0
    padding = (
        {(ident, row) for _, ident, row in heapq.nsmallest(wanted, _coins(out, hits, secret))} if wanted else set()
    )
    write_whole(Disk(), to, _lines(out, hits | padding))
    thin = len(padding) < wanted
    says = "The data set is too small for all the padding." if thin else "Each hit stands among ordinary members."
    if not wanted:
        says = "The list is not padded: it points at every hit. Do not publish it."
    return RemovalReport(
        path=str(to), members=len(hits | padding), hits=len(hits), padding=len(padding), says=says,
    )  # fmt: skip


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


def _hits(out: Path, sealer: Sealer) -> Iterator[tuple[str, int]]:
    for result in _results(out):
        ident = tally_of(result).ident
        yield from ((ident, hit.row) for hit in unseal_hits(result.matches(), sealer, ident))


def _coins(out: Path, hits: set[tuple[str, int]], secret: bytes) -> Iterator[tuple[bytes, str, int]]:
    for result in _results(out):
        ident = tally_of(result).ident
        number = 0
        for group in range(int(result.head["groups"])):
            for status in result.rows(group)["status"]:
                if status == SCREENED and (ident, number) not in hits:
                    yield (
                        hashlib.blake2b(f"{ident}:{number}".encode(), key=secret, digest_size=16).digest(),
                        ident,
                        number,
                    )
                number += 1


def _lines(out: Path, chosen: set[tuple[str, int]]) -> Iterable[bytes]:
    yield _csv(["shard", "member", "offset", "key"])
    for result in _results(out):
        tally = tally_of(result)
        number = 0
        for rows, texts in result.groups():
            for row, text in zip(rows, texts, strict=True):
                if (tally.ident, number) in chosen:
                    yield _csv([tally.place, text.name, str(int(row["offset"])), text.key])
                number += 1


def _csv(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")
