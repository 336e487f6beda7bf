"""Backups of a home while it is at work, and homes made again from them.

A backup folder holds `snapshots/`, each the tables, trust lists and destinations of one moment, sealed with a
key of the home; and `objects/`, the sealed originals as they lie in the vault, copied once. The keys go to a folder of
their own, with the settings that say how they are opened: whoever has both folders can read everything, and without the
keys nobody can.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

from sqlalchemy import select

from firstlight.casework import place, supplements, vaulting
from firstlight.casework import settings as settings_file
from firstlight.casework.home import Home, Work
from firstlight.casework.moving import checked
from firstlight.custody import Keyring, LogCheck, Stored
from firstlight.custody.files import Disk, require_private, storage_error, unseen_folder, write_whole
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError, StorageError
from firstlight.store import Database
from firstlight.store.copying import copy_tables
from firstlight.store.tables import Destruction, Item
from firstlight.values import Document, Instant, Sha256Hex, Versioned

PURPOSE = "backup"
SNAPSHOTS, OBJECTS = "snapshots", "objects"
BUILDING = ".backup"
"""The folder in the home where the tables are written before they are sealed."""
_INFO, _SEALED = ".json", ".sealed"
_KEYS = "keys"
_WITH_IT = ("trust", "destinations", "retention.toml")
_BLOCK = 1024 * 1024


class Snapshot(Document):
    """What a snapshot holds. It tells nothing of what is in the tables but how large the log is, and its root."""

    title_for_people: ClassVar[str] = "snapshot"

    kind: Literal["snapshot"] = "snapshot"
    version: Versioned = 1
    name: str
    made_at: Instant
    sha256: Sha256Hex
    log_size: int
    log_root: Sha256Hex
    originals: int
    in_bucket: bool


class BackedUp(Document):
    """A backup that was made."""

    title_for_people: ClassVar[str] = "backup"

    kind: Literal["backup"] = "backup"
    version: Versioned = 1
    snapshot: Snapshot
    copied: int
    removed: int


class Restored(Document):
    """A home that was made again; its log was verified and has the root that the snapshot states."""

    title_for_people: ClassVar[str] = "restored home"

    kind: Literal["restored"] = "restored"
    version: Versioned = 1
    snapshot: Snapshot
    originals: int
    missing: tuple[str, ...]
    banks: tuple[str, ...] = ()
    """Banks that were made in it; their lists are to be imported anew."""


def backup(home: Home, to: Path, keys_to: Path, *, advance: Callable[[], None] = lambda: None) -> BackedUp:
    """Back the home up while others work on it: one state of the tables, then every original that this state names.

    What lies in the folder from before is not copied again. Originals that were destroyed since are removed from it,
    and so are their keys from the folder of keys. Hash lists are left out, since their licence may not allow a copy;
    so are originals in an object store, which keeps them itself.

    Raises:
        StateError: another backup of this home is being made.
        InputError: the two folders are one, or lie in each other or in the home.
        IntegrityError: the custody log is damaged: what cannot be restored is not called a backup.
        StorageError: a folder cannot be written.
    """
    to, keys_to = _apart(home.folder, to, keys_to)
    disk = Disk()
    for folder in (to, to / SNAPSHOTS, to / OBJECTS, keys_to, keys_to / _KEYS):
        _private(folder)
    in_bucket = home.settings.vault.storage != "folder"
    with unseen_folder(home.folder / BUILDING) as work:
        _remove_cut_off(disk, to / SNAPSHOTS)
        size, root, originals = _tables(home, work / place.DATABASE)
        # The keys come second: whatever the tables name has its key by then.
        gone_keys = _mirror_keys(disk, home.folder, keys_to)
        copied = 0
        for stored in () if in_bucket else originals:
            copied += _copy_object(disk, home, stored, to / OBJECTS)
            advance()
        name = f"{home.clock.now():%Y%m%dT%H%M%S.%fZ}"
        sha256 = _seal(disk, home, work, to / SNAPSHOTS / (name + _SEALED), name)
    made = Snapshot(
        name=name,
        made_at=home.clock.now(),
        sha256=sha256,
        log_size=size,
        log_root=root,
        originals=len(originals),
        in_bucket=in_bucket,
    )
    write_whole(disk, to / SNAPSHOTS / (name + _INFO), [made.to_json()])
    removed = gone_keys if in_bucket else _remove_destroyed(disk, {one.id for one in originals}, to / OBJECTS)
    return BackedUp(snapshot=made, copied=copied, removed=removed)


def restore(
    folder: Path, source: Path, keys: Path, *, snapshot: str | None = None, advance: Callable[[], None] = lambda: None
) -> Restored:
    """Make a home in a new folder from a backup and its keys; the newest snapshot, unless one is named.

    The home's tables lie in its own file, wherever they lay before (`firstlight db copy` moves them). It is there only
    if the custody log, verified entry by entry, has the size and root that the snapshot states.

    Raises:
        StateError: the folder is not empty.
        NotFoundError: there is no such backup, snapshot or keyring.
        IntegrityError: the snapshot is damaged, the keys are others, or the log is not that of the snapshot.
        StorageError: the folder cannot be written.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / place.RESTORING).exists():
        raise StateError(f"{folder} is not empty.", hint="Restore into a new folder with --home; nothing was changed.")
    info = _chosen(source, snapshot)
    if not (keys / _KEYS).is_dir():
        raise NotFoundError(f"There are no keys in {keys}.", hint="Name the folder that --keys-to has filled.")
    _private(folder)
    try:
        with unseen_folder(folder / place.RESTORING) as building:
            made = _built(building, source, keys, info, advance)
            for one in folder.iterdir():  # what a restore has left that was killed while it did the same
                if one != building:
                    shutil.rmtree(one) if one.is_dir() else one.unlink()
            for one in building.iterdir():
                one.rename(folder / one.name)
    except BaseException:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise
    return made


def _built(folder: Path, source: Path, keys: Path, info: Snapshot, advance: Callable[[], None]) -> Restored:
    """The home, whole and verified, in a folder from which it has to be moved."""
    _copy_tree(keys / _KEYS, folder / _KEYS)
    _with_settings(keys / settings_file.FILE, folder)
    settings = settings_file.load(folder)
    keyring = Keyring.open(folder / _KEYS, provider=vaulting.provider(folder / _KEYS, settings.keys))
    _unseal(keyring, source / SNAPSHOTS / (info.name + _SEALED), info, folder)
    copied = _objects_back(folder, source / OBJECTS, info, advance)
    with Home.open(folder) as home:
        with home.look() as work:
            found = checked(home, work.session)
            missing = () if info.in_bucket else tuple(_missing(work, folder / "vault" / OBJECTS))
        banks = home.made_banks()
        home.begin_banks()
    _require_same_log(found, info)
    return Restored(snapshot=info, originals=copied, missing=missing, banks=banks)


def _require_same_log(found: LogCheck, info: Snapshot) -> None:
    if (found.size, found.root) != (info.log_size, info.log_root):
        raise IntegrityError("The restored custody log is not that of the snapshot.", hint="Try another snapshot.")


def _remove_cut_off(disk: Disk, snapshots: Path) -> None:
    """Remove what backups have left there that were killed: sealed tables that no snapshot names, and halves."""
    for path in snapshots.iterdir():
        if path.suffix != _INFO and not path.with_suffix(_INFO).exists():
            disk.unlink(path)


def _apart(home: Path, to: Path, keys_to: Path) -> tuple[Path, Path]:
    """The two folders, absolute.

    Raises:
        InputError: they and the home do not lie apart.
    """
    folders = [one.expanduser().resolve() for one in (to, keys_to, home)]
    for one in folders:
        for other in folders:
            if one is not other and one.is_relative_to(other):
                raise InputError(
                    f"{one} and {other} do not lie apart.",
                    hint="Name one folder for the backup and another for the keys, none of them within another.",
                )
    return folders[0], folders[1]


def _private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise storage_error(folder, "create", e) from e
    require_private(folder)


def _named(work: Work) -> Iterator[tuple[int, Stored]]:
    """Every sealed original and context file that is to be there, with its item."""
    gone = frozenset(work.session.scalars(select(Destruction.item_id)))
    rows = work.session.execute(select(Item.id, Item.stored).order_by(Item.id))
    yield from ((number, Stored.from_json(text)) for number, text in rows if number not in gone)
    yield from ((one.item, one.stored) for one in supplements.every(work) if one.item not in gone)


def _missing(work: Work, objects: Path) -> Iterator[str]:
    """What the tables name and the backup did not hold, in words."""
    for number, stored in _named(work):
        if not (objects / stored.key_id / stored.id).exists():
            yield f"The backup did not hold a file of item {number}: {stored.digests.sha256[:8]}..."


def _tables(home: Home, path: Path) -> tuple[int, Sha256Hex, tuple[Stored, ...]]:
    """One state of the tables as a file, whatever they lie in; the log's size and root in it, and its originals."""
    database = Database.at(path)
    try:
        with home.database.read() as source, database.write() as target:
            copy_tables(source, target)
        with database.read() as session:
            found = checked(home, session)
            originals = tuple(stored for _, stored in _named(Work(session, home.log(session), home.clock)))
    finally:
        database.close()
    return found.size, found.root, originals


def _seal(disk: Disk, home: Home, work: Path, to: Path, name: str) -> Sha256Hex:
    """The tables' file and what goes with it as one sealed file; the answer is its SHA-256."""
    bundle = work / "snapshot.tar"
    with tarfile.open(bundle, "w") as tar:
        tar.add(work / place.DATABASE, arcname=place.DATABASE)
        for part in _WITH_IT:
            if (home.folder / part).exists():
                tar.add(home.folder / part, arcname=part)
    digest = hashlib.sha256()

    def hashed(blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            digest.update(block)
            yield block

    with bundle.open("rb") as file:
        sealing = home.keyring.sealer(PURPOSE).sealing(_blocks(file), _context(name))
        write_whole(disk, to, hashed(sealing))
    return digest.hexdigest()


def _unseal(keyring: Keyring, path: Path, info: Snapshot, folder: Path) -> None:
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != info.sha256:
                raise IntegrityError(f"The snapshot {info.name} is damaged.", hint="Restore another one: --snapshot.")
    except OSError as e:
        raise storage_error(path, "read", e) from e
    with (
        path.open("rb") as file,
        io.BufferedReader(keyring.sealer(PURPOSE).opening(file, _context(info.name)), _BLOCK) as reader,
        tarfile.open(fileobj=reader, mode="r:") as tar,
    ):
        tar.extractall(folder, filter="data")
    for one in folder.rglob("*"):
        if not one.is_relative_to(folder / _KEYS):
            one.chmod(0o700 if one.is_dir() else 0o600)


def _context(name: str) -> bytes:
    return b"snapshot " + name.encode()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _copy_object(disk: Disk, home: Home, stored: Stored, objects: Path) -> int:
    """Copy a sealed original that is not there yet; 1 if it was copied. One that is being destroyed is left out."""
    there = objects / stored.key_id / stored.id
    if there.exists() and there.stat().st_size == stored.sealed_size:
        return 0
    source = home.folder / "vault" / OBJECTS / stored.key_id / stored.id
    digest = hashlib.sha256()

    def hashed(file: BinaryIO) -> Iterator[bytes]:
        for block in _blocks(file):
            digest.update(block)
            yield block

    _private(there.parent)
    try:
        with source.open("rb") as file:
            write_whole(disk, there, hashed(file), replace=True)
    except FileNotFoundError:
        return 0  # destroyed since the tables were read, or missing: fixity checks and reconcile tell which
    except OSError as e:
        raise storage_error(source, "read", e) from e
    if digest.hexdigest() != stored.sealed_sha256:
        disk.unlink(there)
        raise IntegrityError(
            f"The sealed original {stored.id} is not what was stored.",
            hint="`firstlight custody fixity` names the item; restore it from an earlier backup.",
        )
    return 1


def _remove_destroyed(disk: Disk, named: set[str], objects: Path) -> int:
    """Remove what the newest snapshot does not name any more: it was destroyed, and a backup must not outlive that."""
    removed = 0
    for path in sorted(objects.glob("*/*")):
        if path.name not in named:
            disk.unlink(path)
            removed += 1
    return removed


def _mirror_keys(disk: Disk, home: Path, to: Path) -> int:
    """Copy the keys and the settings; a key that was destroyed at home is destroyed there too, and they are counted."""
    write_whole(disk, to / settings_file.FILE, [disk.read(home / settings_file.FILE)], replace=True)
    keys, there = home / _KEYS, to / _KEYS
    for path in sorted(one for one in keys.rglob("*") if one.is_file() and not one.name.startswith(".")):
        target = there / path.relative_to(keys)
        _private(target.parent)
        try:
            data = disk.read(path)
        except StorageError:
            if path.exists():
                raise
            continue  # destroyed at this moment
        if not target.exists() or target.read_bytes() != data:
            write_whole(disk, target, [data], replace=True)
    erased = 0
    for certificate in sorted(there.rglob("*.destroyed")):
        key = certificate.with_suffix(".key")
        if key.exists():
            disk.overwrite(key)
            disk.unlink(key)
            erased += 1
    return erased


def _chosen(source: Path, name: str | None) -> Snapshot:
    """The snapshot of this name, or the newest."""
    there = sorted((source / SNAPSHOTS).glob(f"*{_INFO}"))
    wanted = [one for one in there if name is None or one.name == name + _INFO]
    if not wanted:
        known = ", ".join(one.name.removesuffix(_INFO) for one in there[-5:]) or "none"
        raise NotFoundError(f"{source} holds no such snapshot.", hint=f"The newest it holds: {known}.")
    return Snapshot.from_json(Disk().read(wanted[-1]))


def _copy_tree(source: Path, target: Path) -> None:
    try:
        shutil.copytree(source, target)
        for one in (target, *target.rglob("*")):
            one.chmod(0o700 if one.is_dir() else 0o600)
    except (OSError, shutil.Error) as e:
        raise StorageError(f"{source} cannot be copied: {e}.", hint="Check the disk and its permissions.") from e


def _with_settings(source: Path, folder: Path) -> None:
    """The settings, but for where the tables lay: they lie in the home's own file now."""
    lines = Disk().read(source).decode().splitlines()
    section, kept = "", []
    for line in lines:
        section = line.strip() if line.strip().startswith("[") else section
        moved = section == "[database]" and line.strip().startswith("url")
        kept.append(f"# {line}  # before the restore" if moved else line)
    write_whole(Disk(), folder / settings_file.FILE, ["\n".join(kept).encode() + b"\n"])


def _objects_back(folder: Path, objects: Path, info: Snapshot, advance: Callable[[], None]) -> int:
    """Bring the originals back that the backup holds; the answer is how many."""
    vault = folder / "vault"
    for one in (vault, vault / OBJECTS, vault / "incoming"):
        _private(one)
    if info.in_bucket:
        return 0
    copied = 0
    for path in sorted(objects.glob("*/*")):
        target = vault / OBJECTS / path.parent.name / path.name
        _private(target.parent)
        with path.open("rb") as file:
            write_whole(Disk(), target, _blocks(file))
        copied += 1
        advance()
    return copied
