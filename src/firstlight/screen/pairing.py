"""Bringing pictures and their side files together: `x.jpg` with `x.json`, as WebDataset and img2dataset lay them."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from firstlight.media import MediaType, sniff
from firstlight.screen.member import NO_FACTS, Facts, Member, facts_of

GROUP_MEMBERS: Final = 16
"""Neighbours under one key that are held together; a picture has a handful of side files."""
GROUP_BYTES: Final = 64 * 2**20
MAX_SIDE_FILE: Final = 4 * 2**20

_TEXTS = frozenset({MediaType.TEXT, MediaType.EMPTY})
_SIDE_ENDINGS = frozenset({"json", "txt", "cls", "caption", "id", "url", "csv", "tsv", "jsonl", "xml", "md", "yaml"})


def key_of(name: str) -> str:
    """The WebDataset key of a member: its path up to the first dot of its last part; a leading dot is not counted."""
    folder, _, last = name.rpartition("/")
    stem = last[:1] + last[1:].split(".", 1)[0]
    return posixpath.join(folder, stem) if folder else stem


def paired(members: Iterator[Member], recorded: Mapping[str, Facts] | None = None) -> Iterator[Member]:
    """The members in their order, pictures with the facts that their side file or `recorded` (by key) states.

    A side file that does not stand beside its picture is not found; only a group's members are held in memory.
    """
    group: list[Member] = []
    held = 0
    for member in members:
        far = len(group) >= GROUP_MEMBERS or held + member.size > GROUP_BYTES
        if group and (far or key_of(member.name) != key_of(group[0].name)):
            yield from _with_facts(group, recorded or {})
            group, held = [], 0
        group.append(member)
        held += member.size
    if group:
        yield from _with_facts(group, recorded or {})


def _with_facts(group: list[Member], recorded: Mapping[str, Facts]) -> Iterator[Member]:
    key = key_of(group[0].name)
    facts = _side_facts(group, key) or recorded.get(posixpath.basename(key)) or NO_FACTS
    for member in group:
        if member.data is not None and not member.reason and _is_side_file(member):
            yield replace(member, reason="side-file")
        else:
            yield member if facts is NO_FACTS else replace(member, facts=facts)


def _side_facts(group: list[Member], key: str) -> Facts | None:
    for member in group:
        if member.name.lower().endswith(".json") and member.data is not None and member.size <= MAX_SIDE_FILE:
            record = read_record(member.data)
            if record is not None:
                return facts_of(record, posixpath.basename(key))
    return None


def read_record(data: bytes) -> dict[str, Any] | None:
    """The JSON object that a side file holds; none where it holds something else."""
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _is_side_file(member: Member) -> bool:
    ending = member.name.rpartition("/")[2].rpartition(".")[2].lower()
    return ending in _SIDE_ENDINGS and member.data is not None and sniff(member.data[:4096]) in _TEXTS
