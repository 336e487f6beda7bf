"""A list that somebody puts somewhere: a file over https, or files in a folder. Any format that `bank import` reads.

Such a list is whole each time: what it does not hold any more is taken back. It is fetched only when it has changed.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firstlight.banks.exchange import Access, Field, Opinion, Page
from firstlight.banks.exchanges.transport import Host
from firstlight.banks.importer import Found, ListFile
from firstlight.banks.importers import importer_for
from firstlight.errors import InputError, NotFoundError, StorageError

_FORMAT = Field("format", "string", "the list's format (see `bank formats`); found out if none", default="")
_COLUMNS = Field("columns", "object", "for tables: our fields by the list's columns, md5=Hash", default={})
_WHOLE = Field("whole", "boolean", "whether what the list does not hold any more is taken back", default=True)


class _List:
    """What both have in common: nobody there wants an opinion, and the time of the last change is the checkpoint."""

    shares_credentials = False
    takes_opinions = False

    def up_to(self, checkpoint: Mapping[str, Any]) -> datetime | None:
        """When the list was last looked at."""
        seconds = int(checkpoint.get("fetched", 0))
        return datetime.fromtimestamp(seconds, UTC) if seconds else None

    def send(self, access: Access, opinions: Sequence[Opinion]) -> Iterator[str]:  # noqa: ARG002 - as all exchanges
        """Nobody is told."""
        raise InputError("This exchange takes no opinions.", hint="Tell the list's owner in another way.")


class HttpsList(_List):
    """One file behind an address."""

    name = "https"
    says = "a list file behind an https address"
    config = (
        Field("url", "string", "the address of the file", required=True), _FORMAT, _COLUMNS, _WHOLE,
    )  # fmt: skip
    credentials = (
        Field("user", "string", "a user name, if one is asked for", default=""),
        Field("password", "string", "its password", default=""),
        Field("bearer", "string", "a token, if one is asked for instead", default=""),
    )

    def pages(self, access: Access, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """The whole list, if it is another one than before."""
        known, now = dict(checkpoint or {}), int(access.now.timestamp())
        shown = access.credentials
        user = (shown["user"], shown["password"]) if shown.get("user") else None
        headers = {"Authorization": f"Bearer {shown['bearer']}"} if shown.get("bearer") else {}
        url = access.config["url"]
        # a list is a secret: it is held in memory and not written to a disk
        with Host(url, user=user, headers=headers) as host, tempfile.NamedTemporaryFile(dir=_memory()) as held:
            marks = host.download(known, held)
            if marks is None or marks["sha256"] == known.get("sha256"):
                yield Page(iter(()), known | (marks or {}) | {"fetched": now}, done=True)
                return
            items = _read([Path(held.name)], access)
            yield Page(items, marks | {"fetched": now}, done=True, complete=bool(access.config["whole"]))


class FolderList(_List):
    """Files in a folder, such as one that another program fills; together they are the list."""

    name = "folder"
    says = "list files in a folder of this machine"
    config = (
        Field("path", "string", "the folder, or one file", required=True), _FORMAT, _COLUMNS, _WHOLE,
    )  # fmt: skip
    credentials = None

    def pages(self, access: Access, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """All files, if any of them is another one than before."""
        known, now, place = dict(checkpoint or {}), int(access.now.timestamp()), Path(access.config["path"])
        if not place.exists():
            raise NotFoundError(f"There is nothing at {place}.", hint="Check the path of the exchange.")
        try:
            files = sorted(one for one in place.iterdir() if one.is_file()) if place.is_dir() else [place]
            stats = [(one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in files]
        except OSError as e:
            raise StorageError(f"Could not read {place}: {e.strerror}.", hint="Check permissions.") from e
        if not files:
            raise NotFoundError(f"There is no file in {place}.", hint="A list that is gone takes nothing back.")
        mark = {"fetched": now, "files": hashlib.sha256(repr(stats).encode()).hexdigest()}
        if mark["files"] == known.get("files"):
            yield Page(iter(()), mark, done=True)
            return
        yield Page(_read(files, access), mark, done=True, complete=bool(access.config["whole"]))


def _read(files: Sequence[Path], access: Access) -> Iterator[Found]:
    for path in files:
        with ListFile(path) as source:
            yield from importer_for(source, access.config["format"] or None).read(source, access.config["columns"])


def _memory() -> str | None:
    memory = Path("/dev/shm")  # noqa: S108 - memory-backed; the file is this user's alone
    return str(memory) if memory.is_dir() else None
