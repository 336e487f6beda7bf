"""Matching kept hashes again: lists grow and shrink, pictures do not change. No picture is read.

A result is compared with the lists as they are now and gets new matches in the place of the old, so that what a list
has withdrawn is no hit any more. Where each hit came from is what the result keeps: its place, key, URL and time.
Tables of hashes are not kept a second time: a run reads them again, and until then their results stay as they were, but
for what is in the lists no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from firstlight.screen.hits import Hit, matches_of, seal_hits, unseal_hits
from firstlight.screen.lists import AT_ONCE, Compared, Known, Lists, compare, state_of
from firstlight.screen.results import Result, Texts, results_in
from firstlight.screen.shard import is_stale, tally_of
from firstlight.screen.shards import Shard
from firstlight.values import Pdq, PdqMode


class Again:
    """Compares results with the lists as they are now."""

    def __init__(self, folder: Path, lists: Lists) -> None:
        """Raises as `state_of`."""
        self._folder = folder
        self._lists = lists
        self._now = state_of(lists)
        self.to_read: list[str] = []
        """Results of tables whose rows have to be read again, by name."""

    @property
    def now(self) -> Compared:
        """The lists that results are compared with."""
        return self._now

    def refresh_all(self, names: Iterable[str]) -> Iterator[bool]:
        """Compare each named result whose lists are not those of now; for each that is there, whether it was."""
        for result in results_in(self._folder, names):
            stale = is_stale(result, self._now)
            if stale and result.head["rows_kept"]:
                self.match(result)
            elif stale:  # of a table of hashes only its matches are kept
                self.to_read.append(tally_of(result).ident)
                self._drop_withdrawn(result)
            yield stale and result.head["rows_kept"]

    def _drop_withdrawn(self, result: Result) -> None:
        tally = tally_of(result)
        before = list(unseal_hits(result.matches(), self._lists.sealer, tally.ident))
        found = compare(self._lists, [Known({}, hit.recorded, None, None) for hit in before])
        hits = [
            hit.model_copy(update={"matches": matches_of(matched)})
            for hit, matched in zip(before, found, strict=True)
            if matched
        ]
        if hits != before:
            head = {**result.head, "tally": tally.model_copy(update={"hits": len(hits)}).model_dump(mode="json")}
            result.replaced(head, seal_hits(hits, self._lists.sealer, tally.ident))

    def match(self, result: Result) -> Result:
        """The result with the matches of now.

        Raises:
            IntegrityError: the result is damaged.
            StorageError: the disk refused; the result stays as it was.
        """
        tally = tally_of(result)
        before = self._records_before(result, tally.ident)
        shard = Shard.from_line(result.head["shard"].encode())
        hits: list[Hit] = []
        number = 0
        for group, (rows, texts) in enumerate(result.groups()):
            signs = result.signs(group)
            for at in range(0, len(rows), AT_ONCE):
                part = rows[at : at + AT_ONCE]
                found = compare(self._lists, [known_of_row(row) for row in part])
                for place, matched in enumerate(found):
                    if matched:
                        row = number + at + place
                        made = hit_of_row(shard, part[place], texts[at + place], row, matches_of(matched))
                        kept = {"record": before.get(row, ""), "signs": signs.get(at + place, ())}
                        hits.append(made.model_copy(update=kept))
            number += len(rows)
        updated = tally.model_copy(update={"compared": self._now, "hits": len(hits)})
        head = {**result.head, "tally": updated.model_dump(mode="json")}
        return result.replaced(head, seal_hits(hits, self._lists.sealer, tally.ident))

    def _records_before(self, result: Result, ident: str) -> dict[int, str]:
        """The side records of what was a hit already: the one thing that is not kept for every row."""
        return {hit.row: hit.record for hit in unseal_hits(result.matches(), self._lists.sealer, ident)}


def known_of_row(row: Any) -> Known:  # noqa: ANN401 - a row of a structured array
    """The hashes that a result keeps of a member."""
    stored = {kind: row[kind].tobytes().hex() for kind in ("sha256", "sha1", "md5")} if row["has_digests"] else {}
    recorded = {}
    for kind in ("sha256", "sha1", "md5"):
        value = row[f"recorded_{kind}"].tobytes()
        if any(value) and value.hex() != stored.get(kind):
            recorded[kind] = value.hex()
    mode = PdqMode.EXACT if row["pdq_exact"] else PdqMode.SCALED
    pdq = _pdq(row["pdq"], row["pdq_quality"], mode) if row["has_pdq"] else None
    inner = _pdq(row["inner_pdq"], row["inner_quality"], PdqMode.EXACT) if row["has_inner"] else None
    return Known(stored, recorded, pdq, inner)


def _pdq(data: Any, quality: Any, mode: PdqMode) -> Pdq:  # noqa: ANN401 - parts of a row
    return Pdq(hex=data.tobytes().hex(), quality=int(quality), mode=mode)


def hit_of_row(shard: Shard, row: Any, texts: Texts, number: int, matches: tuple[Any, ...]) -> Hit:  # noqa: ANN401
    """A hit from what a result keeps of a member."""
    known = known_of_row(row)
    return Hit(
        place=shard.place, member=texts.name, offset=int(row["offset"]), size=int(row["size"]), row=number,
        key=texts.key, url=texts.url, fetched=texts.fetched, md5=known.stored.get("md5", ""),
        sha1=known.stored.get("sha1", ""), sha256=known.stored.get("sha256", ""), recorded=known.recorded,
        width=int(row["width"]), height=int(row["height"]), pdq=known.pdq.hex if known.pdq else "", matches=matches,
    )  # fmt: skip
