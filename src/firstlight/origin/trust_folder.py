"""The operator's trust lists on disk: a folder with the lists and one TOML file that names each with date and digest.

Lists are put there by a person who has fetched them; nothing here fetches. A list that no longer has the digest it was
put there with is refused, so that nobody is trusted by a file that was changed behind the operator's back.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from firstlight.errors import InputError, IntegrityError, NotFoundError, StorageError
from firstlight.origin.trust import ListFile, TrustLists

INDEX: Final = "lists.toml"

LISTS: Final = {
    "official": ".pem",
    "time_stamps": ".pem",
    "interim": ".pem",
    "products": ".json",
    "denied_serials": ".txt",
}
"""The lists by name, and how their files end. A file's name holds the start of its digest, so that a new list never
takes the old one's place before the index names it."""

OLD_AFTER_DAYS: Final = 180
"""Days after which a list is called old: the C2PA's list announces its next issue within a year. The interim list is
frozen and never old."""


@dataclass(frozen=True, slots=True)
class Installed:
    """One list in the folder: whether it still is what was put there, whether it has grown old, and when each of its
    certificates runs out."""

    name: str
    date: str
    sha256: str
    entries: int
    whole: bool
    old: bool
    expiries: tuple[datetime, ...] = ()


def install(folder: Path, name: str, source: Path, *, date_of_list: str) -> ListFile:
    """Put a list into the folder, after checking that it is one; answers what was put there.

    Raises:
        InputError: the name or the date is wrong, or the file is no such list.
        NotFoundError: the file cannot be read.
        StorageError: the folder cannot be written.
    """
    if name not in LISTS:
        raise InputError(f"{name!r} is no trust list.", hint=f"Use one of: {', '.join(LISTS)}.")
    _checked_date(date_of_list)
    (file,) = TrustLists.load(**_only(name, source), dates={name: date_of_list}).files
    index = _index(folder)
    before = _path(folder, name, index[name]["sha256"]) if name in index else None
    index[name] = {"date": date_of_list, "sha256": file.sha256}
    after = _path(folder, name, file.sha256)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The list first: an index that names a list which is not there yet would be called damaged.
        _write(after, source.read_bytes())
        _write(folder / INDEX, _toml(index).encode())
        if before is not None and before != after:
            before.unlink(missing_ok=True)
    except OSError as e:
        raise StorageError(
            f"The folder of trust lists cannot be written: {e.strerror}.", hint="Check its permissions and the disk."
        ) from e
    return file


def load_folder(folder: Path) -> TrustLists:
    """The lists in the folder; none when there is no folder.

    Raises:
        IntegrityError: a list is not the one that was put there.
        InputError: the index is damaged.
    """
    index = _index(folder)
    if not index:
        return TrustLists()
    lists = TrustLists.load(
        **{name: _path(folder, name, entry["sha256"]) for name, entry in index.items()},
        dates={name: entry["date"] for name, entry in index.items()},
    )
    for file in lists.files:
        if file.sha256 != index[file.name]["sha256"]:
            raise IntegrityError(
                f"The trust list {file.name} is not the one that was put there.",
                hint="Fetch it anew from its publisher and install it again.",
            )
    return lists


def inspect(folder: Path, today: date) -> list[Installed]:
    """What lies in the folder, list by list. Never raises for a list that is damaged: it is then not whole."""
    out = []
    for name, entry in _index(folder).items():
        expiries: tuple[datetime, ...] = ()
        try:
            lists = TrustLists.load(**_only(name, _path(folder, name, entry["sha256"])))
            (file,) = lists.files
            whole, entries = file.sha256 == entry["sha256"], file.entries
            expiries = _expiries(getattr(lists, name)) if LISTS[name] == ".pem" else ()
        except InputError:
            whole, entries = False, 0
        age = (today - _checked_date(entry["date"])).days
        old = name not in ("interim", "denied_serials") and age > OLD_AFTER_DAYS
        out.append(Installed(name, entry["date"], entry["sha256"], entries, whole, old, expiries))
    return out


def _expiries(pem: str) -> tuple[datetime, ...]:
    return tuple(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(pem.encode()))


def _path(folder: Path, name: str, sha256: str) -> Path:
    return folder / f"{name.replace('_', '-')}-{sha256[:16]}{LISTS[name]}"


def _only(name: str, path: Path) -> dict[str, Any]:
    return {name: path}


def _checked_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise InputError(f"{text!r} is no date.", hint="Write the date of the list like 2026-08-14.") from e


_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def _index(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / INDEX
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as e:
        raise NotFoundError(f"{INDEX} cannot be read: {e.strerror}.", hint="Check its permissions.") from e
    except ValueError as e:
        raise _damaged() from e
    for name, entry in found.items():
        if name not in LISTS or not isinstance(entry, dict) or set(entry) != {"date", "sha256"}:
            raise _damaged()
        if not _DIGEST.fullmatch(str(entry["sha256"])):
            raise _damaged()
        _checked_date(str(entry["date"]))
    return {name: found[name] for name in LISTS if name in found}


def _damaged() -> InputError:
    return InputError(f"{INDEX} is damaged.", hint="Remove it and install the lists again.")


def _toml(index: dict[str, dict[str, str]]) -> str:
    ordered = ((name, index[name]) for name in LISTS if name in index)
    parts = [f'[{name}]\ndate = "{entry["date"]}"\nsha256 = "{entry["sha256"]}"\n' for name, entry in ordered]
    return "\n".join(parts)


def _write(path: Path, content: bytes) -> None:
    """Write whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(0o600)
    draft.replace(path)
    if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(content).digest():
        raise StorageError(f"{path.name} was not written as it should be.", hint="Check the disk.")
