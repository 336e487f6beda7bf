"""Readers: one file each. Each answers every member of a shard once, in order, and names what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, TypeAlias

from firstlight.screen.member import Findings, Member
from firstlight.screen.places import Places
from firstlight.screen.reader import MisnamedError
from firstlight.screen.readers import folder, parquet, tar, zipped
from firstlight.screen.shards import File, Kind, Shard

Reader: TypeAlias = Callable[[Shard, Places, Findings], Iterator[Member]]

_READERS: Final[dict[Kind, Reader]] = {
    Kind.FOLDER: folder.read,
    Kind.TAR: tar.read,
    Kind.ZIP: zipped.read,
    Kind.PARQUET: parquet.read,
}


def members_of(shard: Shard, places: Places, findings: Findings) -> Iterator[Member]:
    """Every member of a shard, once. One of another kind than its name says is read as what it is.

    Raises:
        InputError: it is nothing that can be screened, or nothing in it can be read.
        StorageError, UpstreamError: the disk or the store failed.
        MissingExtraError: a library for this kind is not installed.
    """
    try:
        yield from _READERS[shard.kind](shard, places, findings)
    except MisnamedError as e:
        if e.kind is None:
            raise
        findings.add("misnamed", f"{e.diagnostics().message} It was screened as that.")
        if e.kind is Kind.FOLDER:  # a picture or a video: the one file of a folder
            folder, _, name = shard.place.rpartition("/")
            shard = replace(shard, place=folder, files=(File(name, shard.size, shard.mark),))
        yield from _READERS[e.kind](replace(shard, kind=e.kind), places, findings)
