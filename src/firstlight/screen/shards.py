"""Shards: the unit of work. One task screens one shard and writes one result file under the shard's own name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from firstlight.errors import IntegrityError
from firstlight.values import writable

IDENT_DIGITS: Final = 32


class Kind(StrEnum):
    """How the members of a shard lie in it."""

    FOLDER = "folder"
    TAR = "tar"
    ZIP = "zip"
    PARQUET = "parquet"

    @property
    def words(self) -> str:
        """The kind in words, with its article."""
        return {"folder": "a folder", "tar": "a tar archive", "zip": "a zip archive", "parquet": "a Parquet file"}[self]


@dataclass(frozen=True, slots=True)
class File:
    """A file of a folder shard: its name below the shard's place, its size, and what changes when it changes."""

    name: str
    size: int
    mark: str


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as it was when the run was planned.

    `place` is a path or an `s3://` address; `mark` changes when its content does (time of change or ETag). A folder
    shard is a slice of a folder and names its `files`.
    """

    kind: Kind
    place: str
    size: int
    mark: str = ""
    files: tuple[File, ...] = ()

    @property
    def ident(self) -> str:
        """The name of its result: the same shard has the same name in every process, a changed one another name."""
        return hashlib.sha256(self.to_line()).hexdigest()[:IDENT_DIGITS]

    @property
    def shown(self) -> str:
        """The shard for people."""
        if not self.files:
            return writable(self.place)
        return writable(f"{self.place} ({self.files[0].name} and {len(self.files) - 1} more files)")

    @property
    def name(self) -> str:
        """What a report calls it: its file name, or the folder with its first file."""
        last = self.place.rstrip("/").rpartition("/")[2]
        return writable(f"{last}/{self.files[0].name}..." if self.files else last)

    def to_line(self) -> bytes:
        """The shard as one line of JSON."""
        value = {
            "kind": self.kind.value,
            "place": self.place,
            "size": self.size,
            "mark": self.mark,
            "files": [[one.name, one.size, one.mark] for one in self.files],
        }
        return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """The shard that a line holds.

        Raises:
            IntegrityError: it holds something else.
        """
        try:
            value = json.loads(line)
            files = tuple(File(name, size, mark) for name, size, mark in value["files"])
            return cls(Kind(value["kind"]), value["place"], int(value["size"]), value["mark"], files)
        except (ValueError, KeyError, TypeError) as e:
            raise IntegrityError("A line of the plan is damaged.", hint="Remove plan.jsonl.gz and run again.") from e
