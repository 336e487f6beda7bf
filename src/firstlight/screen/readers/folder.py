"""Folders: a slice of the files below a folder, as the plan named them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from firstlight.errors import FirstlightError, InputError, NotFoundError
from firstlight.screen.member import Facts, Findings, Member, Names
from firstlight.screen.pairing import paired
from firstlight.screen.places import Places
from firstlight.screen.reader import MAX_MEMBER_BYTES, large_member, read_exactly, reading
from firstlight.screen.readers import recorded
from firstlight.screen.shards import File, Shard


def read(shard: Shard, places: Places, findings: Findings) -> Iterator[Member]:
    """See `reader`. Side files give their pictures' facts: `x.json` beside `x.jpg`, `00012.parquet` beside `00012/`."""
    facts: dict[str, Facts] = {}
    for folder in sorted({one.name.rpartition("/")[0] for one in shard.files}):
        facts |= recorded.beside(f"{shard.place.rstrip('/')}/{folder}", places, findings)
    yield from paired(_members(shard, places, findings), facts)


def _members(shard: Shard, places: Places, findings: Findings) -> Iterator[Member]:
    names = Names(findings)
    for number, one in enumerate(shard.files):
        if one.mark not in ("link-to-folder", "special"):
            names.take(one.name)
        yield _member(f"{shard.place.rstrip('/')}/{one.name}", number, one, places)


def _member(place: str, number: int, one: File, places: Places) -> Member:
    if one.mark in ("link-to-folder", "special"):
        return Member(one.name, number, 0, reason=one.mark)
    try:
        with closing(places.open(place, one.mark if place.startswith("s3://") else "")) as file, reading():
            if one.size > MAX_MEMBER_BYTES:
                return large_member(one.name, number, one.size, file)
            data = read_exactly(file, MAX_MEMBER_BYTES + 1)
    except NotFoundError:
        return Member(one.name, number, one.size, reason="dangling-link")
    except InputError as e:
        return Member(one.name, number, one.size, reason=_reason(e))
    if len(data) > MAX_MEMBER_BYTES:
        return Member(one.name, number, one.size, reason="too-large")
    return Member(one.name, number, len(data), data)


def _reason(error: FirstlightError) -> str:
    code = error.diagnostics().code
    return {"input.permission": "permission", "input.not-a-file": "special"}.get(code, "damaged")
