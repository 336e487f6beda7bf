"""Facts that img2dataset writes beside a shard: `00012.parquet` for `00012.tar`, with a row for each download."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from firstlight.errors import FirstlightError, MissingExtraError
from firstlight.screen.member import FACT_FIELDS, Facts, Findings, facts_of
from firstlight.screen.places import Places

MAX_ROWS: Final = 200_000
"""Rows of a side file that are held in memory; img2dataset writes ten thousand in each."""


def beside(place: str, places: Places, findings: Findings) -> dict[str, Facts]:
    """The facts of the side file of this shard, by key; nothing where there is none.

    One that cannot be read is a finding: without the original sizes, pictures with borders cannot be recognised.
    """
    stem = place
    for ending in (".tar.gz", ".tgz", ".tar"):
        stem = stem.removesuffix(ending)
    side = f"{stem.rstrip('/')}.parquet"
    try:
        if side == place or not places.exists(side):
            return {}
        return _facts(side, places, findings)
    except FirstlightError as e:
        if e.exit_code == 3 or isinstance(e, MissingExtraError):
            raise  # it can be read once that is mended
        words = f"The side file could not be used, so recorded sizes and digests are missing: {e.diagnostics()}"
        findings.add("side-file-unread", words, side)
        return {}


def _facts(side: str, places: Places, findings: Findings) -> dict[str, Facts]:
    from firstlight.screen.readers.parquet import open_parquet, parquet_errors

    out: dict[str, Facts] = {}
    with closing(places.open(side)) as source, parquet_errors(side):
        file = open_parquet(side, source)
        names = [name for name in file.schema_arrow.names if name.lower() in FACT_FIELDS]
        if "key" not in {name.lower() for name in names}:
            findings.add("side-file-unread", "The side file has no column 'key'; it was not used.", side)
            return {}
        for batch in file.iter_batches(batch_size=1024, columns=names):
            for row in batch.to_pylist():
                facts = facts_of(row)
                out[facts.key] = facts
            if len(out) >= MAX_ROWS:
                findings.add("side-file-unread", f"Only the first {MAX_ROWS} rows of the side file were used.", side)
                break
    return out
