"""What readers hand over: every member of a shard, with what the data set itself records about it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import Field

from firstlight.values import Digests, Value

MAX_RECORD_BYTES: Final = 64 * 1024
"""Of a side file's record that is kept for a hit: captions and EXIF fit; what is longer is cut and says so."""
MAX_EXAMPLES: Final = 20
"""Members that a finding names; all are counted."""
MAX_SHOWN: Final = 200

REASONS: Final[dict[str, str]] = {
    "folder": "a folder, which holds no bytes",
    "side-file": "a side file: text that belongs to a picture",
    "not-a-picture": "no picture",
    "video": "a video; its bytes are compared, its frames are not",
    "archive": "an archive inside, which is not looked into; a zip or a tar can be named as a source of its own",
    "special": "a device, a pipe or another thing without bytes",
    "empty-cell": "an empty cell of the table",
    "external": "a cell that names a file and holds no bytes",
    "link-to-folder": "a link to a folder, which is not followed",
    "no-hash": "a row without a hash of a known form",
    "cut-off": "its bytes are not all there: the shard breaks off",
    "encrypted": "encrypted",
    "damaged": "its bytes cannot be taken out of the shard",
    "dangling-link": "a link to something that is not there",
    "too-large": "too large to be decoded here; its bytes are compared",
    "permission": "may not be read",
}
"""Why a member was skipped or could not be read, by code. Codes of `UnreadableError` and `LimitError` join these."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What side files and columns record about a member. Nothing of it is read from the picture itself.

    `width` and `height` are those of the original before any resize; 0 is unknown. The digests are those that were
    taken at download. `record` is the whole record as JSON text.
    """

    key: str = ""
    url: str = ""
    width: int = 0
    height: int = 0
    md5: str = ""
    sha1: str = ""
    sha256: str = ""
    fetched: str = ""
    record: str = ""

    @property
    def digests(self) -> dict[str, str]:
        """The recorded digests by kind."""
        return {kind: value for kind in ("sha256", "sha1", "md5") if (value := getattr(self, kind))}


NO_FACTS: Final = Facts()


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a shard. `data` is none where its bytes could not be had or are too many to hold.

    `reason` is empty for what should be screened, and a code of `REASONS` where the reader already knows better.
    `offset` is where its bytes begin in the shard, or its row in a table.
    """

    name: str
    offset: int
    size: int
    data: bytes | None = None
    facts: Facts = NO_FACTS
    reason: str = ""
    digests: Digests | None = None

    @property
    def skipped(self) -> bool:
        """Whether there is nothing in it to screen, as opposed to something that could not be read."""
        return self.reason in _SKIPS


_SKIPS = frozenset(
    {"folder", "side-file", "not-a-picture", "video", "archive", "special", "empty-cell", "link-to-folder", "no-hash"}
)


class Finding(Value):
    """Something about a shard that a person should know, with how often and the first places."""

    code: str
    says: str
    count: int = 1
    examples: tuple[str, ...] = Field(default=(), description="the first of them")


@dataclass(slots=True)
class Findings:
    """Collects findings of one shard in constant memory."""

    _says: dict[str, str] = field(default_factory=dict)
    _count: Counter[str] = field(default_factory=Counter)
    _examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, code: str, says: str, example: str = "") -> None:
        """Note one; the words of the first of its code stand."""
        self._says.setdefault(code, says)
        self._count[code] += 1
        examples = self._examples.setdefault(code, [])
        if example and len(examples) < MAX_EXAMPLES:
            examples.append(shown_name(example))

    def all(self) -> tuple[Finding, ...]:
        """Everything that was noted, in the order of its first place."""
        return tuple(
            Finding(code=code, says=says, count=self._count[code], examples=tuple(self._examples[code]))
            for code, says in self._says.items()
        )


class Names:
    """Looks at the names of one shard's members, and notes those that other readers pass over."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._seen: set[int] = set()

    def take(self, name: str) -> None:
        """Look at one name; that of a folder ends with a slash."""
        last = name.rstrip("/").rpartition("/")[2]
        mark = hash(name)
        if mark in self._seen:
            self._findings.add("duplicate-name", "Members share a name; each was screened.", name)
        self._seen.add(mark)
        if last.startswith("."):
            self._findings.add("hidden", "Hidden members, which common readers pass over; they were screened.", name)
        elif "." not in last and not name.endswith("/"):
            says = "Members without an extension, which common readers pass over; they were screened."
            self._findings.add("no-extension", says, name)


def shown_name(name: str) -> str:
    """A member's name for a screen or a report: one line, printable, not too long."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in name)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN // 2]}...{text[-MAX_SHOWN // 2 :]}"


_WIDTHS: Final = ("original_width", "orig_width")
_HEIGHTS: Final = ("original_height", "orig_height")
_URLS: Final = ("url", "image_url", "source_url")
_TIMES: Final = ("crawl_time", "crawled_at", "fetched_at", "download_time", "timestamp", "warc_date", "date")
_KEYS: Final = ("key", "__key__", "uid", "sample_id", "id")
_LENGTHS: Final = {"md5": 32, "sha1": 40, "sha256": 64}
FACT_FIELDS: Final = frozenset((*_WIDTHS, *_HEIGHTS, *_URLS, *_TIMES, *_KEYS, *_LENGTHS))
"""Names of fields and columns that are looked at, in lower case."""


_DIGEST: Final = re.compile(
    r"(?:(?:image|img|file|content|raw)_?)?(md5|sha1|sha256)(?:sum|_?hash)?|hash_?(md5|sha1|sha256)"
)


def digest_kind(column: str) -> str:
    """The kind of digest (`md5`, `sha1`, `sha256`) that a column holds by its name; empty for any other column."""
    found = _DIGEST.fullmatch(column.lower())
    return (found[1] or found[2]) if found else ""


def facts_of(record: Mapping[str, Any], key: str = "") -> Facts:
    """The facts that a side file or a row states. What has another form than it should is passed over.

    Raises nothing.
    """
    low = {str(name).lower(): value for name, value in record.items()}
    return Facts(
        key=key or _text(low, _KEYS),
        url=_text(low, _URLS),
        width=_number(low, _WIDTHS),
        height=_number(low, _HEIGHTS),
        fetched=_text(low, _TIMES),
        record=_record(record),
        **{kind: _digest(low.get(kind), length) for kind, length in _LENGTHS.items()},
    )


def _text(record: Mapping[str, Any], names: tuple[str, ...]) -> str:
    found = next((record[name] for name in names if record.get(name) not in (None, "")), "")
    return str(found)[:8192]


def _number(record: Mapping[str, Any], names: tuple[str, ...]) -> int:
    for name in names:
        value = record.get(name)
        if isinstance(value, int | float) and 0 < value < 2**31:
            return int(value)
    return 0


def _digest(value: object, length: int) -> str:
    text = value.hex() if isinstance(value, bytes) else value.strip().lower() if isinstance(value, str) else ""
    return text if len(text) == length and set(text) <= set("0123456789abcdef") else ""


def _record(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, default=_plain)
    return text if len(text) <= MAX_RECORD_BYTES else json.dumps({"cut off": text[:MAX_RECORD_BYTES]})


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
