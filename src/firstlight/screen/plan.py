"""The plan of a run: which shards there are. Written once, so that every process of a job array speaks of the same."""

from __future__ import annotations

import contextlib
import gzip
import os
import secrets
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from firstlight.custody.files import storage_error
from firstlight.errors import InputError, IntegrityError, NotFoundError
from firstlight.media.sources import shown
from firstlight.screen.objects import S3
from firstlight.screen.pairing import GROUP_MEMBERS, key_of
from firstlight.screen.places import Places
from firstlight.screen.reader import kind_of
from firstlight.screen.shards import File, Kind, Shard

PLAN: Final = "plan.jsonl.gz"
SLICE_FILES: Final = 1000
SLICE_BYTES: Final = 256 * 2**20
"""A slice of a folder: large enough that starting it does not count, small enough to be done again after a kill."""

_ENDINGS: Final = {
    ".tar": Kind.TAR, ".tar.gz": Kind.TAR, ".tgz": Kind.TAR, ".tar.bz2": Kind.TAR, ".tar.xz": Kind.TAR,
    ".zip": Kind.ZIP, ".parquet": Kind.PARQUET,
}  # fmt: skip


def plan_shards(sources: Sequence[str], places: Places) -> Iterator[Shard]:
    """The shards of these sources, in the order of their names: files, folders, `s3://` addresses.

    Folders are walked: archives and tables in them are shards, all other files are screened in slices. Links to folders
    are not followed; they are counted. A file that is named itself is taken by its content.

    Raises:
        NotFoundError: a source is not there.
        InputError: a file that was named is no archive, no table and no picture's folder.
        StorageError, UpstreamError: a folder cannot be read, or the store does not answer.
    """
    if not sources:
        raise InputError(
            "No source is named.", hint="Name a folder, a tar, zip or Parquet file, or s3://bucket/prefix."
        )
    for source in sources:
        if source.startswith(S3):
            yield from _stored(source, places)
        elif Path(source).is_dir():
            yield from _grouped(source, _walk(Path(source)))
        else:
            yield _named(Path(source), places)


def _stored(source: str, places: Places) -> Iterator[Shard]:
    one = places.store.named(source)
    if one is not None:
        with closing(places.open(source, one.mark)) as file:
            kind = kind_of(file.read(512)) or _by_ending(one.name)
        folder = source.removesuffix(f"/{one.name}")
        yield Shard(kind, source, one.size, one.mark) if kind else Shard(Kind.FOLDER, folder, one.size, "", (one,))
    try:
        yield from _grouped(source if source.endswith("/") else f"{source}/", places.store.walk(source))
    except NotFoundError:
        if one is None:
            raise


def _named(path: Path, places: Places) -> Shard:
    with closing(places.open(str(path))) as file:
        kind = kind_of(file.read(512))
        found = os.fstat(file.fileno())
    kind = kind or _by_ending(path.name)
    if kind is not None:
        return Shard(kind, str(path), found.st_size, _mark(found))
    return Shard(Kind.FOLDER, str(path.parent), found.st_size, "", (File(path.name, found.st_size, _mark(found)),))


def _by_ending(name: str) -> Kind | None:
    low = name.lower()
    return next((kind for ending, kind in _ENDINGS.items() if low.endswith(ending)), None)


def _walk(root: Path) -> Iterator[File]:
    """Every file below a folder, in the order of names, with what is no file marked as such."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        folders = []
        try:
            with os.scandir(root / below) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as e:
            raise storage_error(root / below, "read", e) from e
        for entry in entries:
            name = f"{below}{os.fsencode(entry.name).decode('utf-8', 'surrogateescape')}"
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{name}/")
                continue
            yield _file(entry, name)
        waiting += reversed(folders)


def _file(entry: os.DirEntry[str], name: str) -> File:
    try:
        found = entry.stat()
    except OSError:
        return File(name, 0, "dangling-link")
    if stat.S_ISDIR(found.st_mode):
        return File(name, 0, "link-to-folder")
    if not stat.S_ISREG(found.st_mode):
        return File(name, 0, "special")
    return File(name, found.st_size, _mark(found))


def _grouped(place: str, files: Iterable[File]) -> Iterator[Shard]:
    """Archives and tables as shards of their own, the rest in slices; img2dataset's side tables belong to neither."""
    slice_: list[File] = []
    held = 0
    tables: list[File] = []
    archives: set[str] = set()
    folders: set[str] = set()
    for one in files:
        kind = _by_ending(one.name) if one.mark not in ("special", "link-to-folder", "dangling-link") else None
        if kind is Kind.PARQUET:
            tables.append(one)
            continue
        if kind is not None:
            archives.add(_stem(one.name))
            yield Shard(kind, f"{place.rstrip('/')}/{one.name}", one.size, one.mark)
            continue
        folders.add(one.name.rpartition("/")[0])
        if slice_ and (len(slice_) >= SLICE_FILES or held + one.size > SLICE_BYTES) and _may_cut(slice_, one):
            yield _slice(place, slice_)
            slice_, held = [], 0
        slice_.append(one)
        held += one.size
    for one in tables:
        if _stem(one.name) in archives or (_stem(one.name) in folders and _stem(one.name)):
            slice_.append(one)  # a side table: counted as one, read with the pictures it describes
        else:
            yield Shard(Kind.PARQUET, f"{place.rstrip('/')}/{one.name}", one.size, one.mark)
    if slice_:
        yield _slice(place, slice_)


def _may_cut(slice_: list[File], following: File) -> bool:
    """Whether a slice may end before this file: a picture and its side files stay together, as far as pairing looks."""
    key = key_of(following.name)
    return sum(key_of(one.name) == key for one in slice_[-GROUP_MEMBERS:]) in (0, GROUP_MEMBERS)


def _slice(place: str, files: list[File]) -> Shard:
    return Shard(Kind.FOLDER, place, sum(one.size for one in files), "", tuple(files))


def _stem(name: str) -> str:
    low = name.lower()
    ending = next((each for each in sorted(_ENDINGS, key=len, reverse=True) if low.endswith(each)), "")
    return name[: len(name) - len(ending)]


def _mark(found: os.stat_result) -> str:
    return f"{found.st_size}-{found.st_mtime_ns}"


def write_plan(out: Path, shards: Iterable[Shard], *, replace: bool) -> Path:
    """Put the plan there, whole; with `replace` false, one that is there stays.

    Raises:
        StorageError: the disk refused.
        InputError: there is not one shard.
    """
    path = out / PLAN
    temporary = out / f".{PLAN}.{secrets.token_hex(6)}"
    try:
        count = 0
        with temporary.open("xb") as file, gzip.GzipFile(fileobj=file, mode="wb", compresslevel=3, mtime=0) as packed:
            for shard in shards:
                packed.write(shard.to_line())
                count += 1
        if not count:
            raise InputError("There is nothing to screen: the sources hold no file.", hint="Check the names.")
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        if replace:
            temporary.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
    except OSError as e:
        raise storage_error(path, "write", e) from e
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read_plan(out: Path) -> Iterator[Shard]:
    """The shards of the plan of a run, one after the other.

    Raises:
        NotFoundError: there is no plan.
        IntegrityError: it is damaged.
    """
    path = out / PLAN
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                yield Shard.from_line(line)
    except FileNotFoundError as e:
        raise NotFoundError(
            f"{shown(out)} holds no screening.", hint="Name the folder that was given with --out."
        ) from e
    except (EOFError, gzip.BadGzipFile, zlib.error) as e:
        raise IntegrityError(f"{path} is damaged.", hint="Remove it and run the same command again.") from e
    except OSError as e:
        raise storage_error(path, "read", e) from e
