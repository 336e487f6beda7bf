"""The vault: originals, encrypted under the key of their case, written once, read back and hashed after every write.

An object's file is `objects/<key id>/<object id>`: the format id, then one sealed message (see `sealing`) under a key
derived from the case's key and the object's id. Object ids are random, so the vault answers nobody whether it holds
certain bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, ClassVar, Literal

from pydantic import Field, StringConstraints

from firstlight.custody.files import Disk, locked, require_private, storage_error
from firstlight.custody.keys import CaseKey, Keyring
from firstlight.custody.sealing import SealedReader, encrypt
from firstlight.errors import FirstlightError, IntegrityError, NotFoundError, StorageError
from firstlight.values import Digests, Document, Sha256Hex, Versioned

FORMAT = b"firstlight-vault-1\n"
"""The first bytes of every object's file. It stands for the cipher, the chunk size and the context; frozen."""

RESERVE = 64 * 1024 * 1024
"""Bytes that stay free on the disk: a full one must stop the intake of files before it stops the writing of records."""

_OBJECTS = "objects"
_INCOMING = "incoming"
_BLOCK = 1024 * 1024
_ID = re.compile(r"[0-9a-f]{32}")
_ObjectId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Stored(Document):
    """Where an original lies and what it was when it came in.

    `digests` are of the original bytes; `sealed_sha256` is of the object's file, so that fixity can be checked by those
    who hold no key.
    """

    title_for_people: ClassVar[str] = "record of a stored object"

    kind: Literal["stored"] = "stored"
    version: Versioned = 1
    id: _ObjectId
    case: str
    key_id: _ObjectId
    digests: Digests
    sealed_sha256: Sha256Hex
    sealed_size: Annotated[int, Field(ge=0)]


class Vault:
    """A folder of sealed originals. Opening it removes what an interrupted write has left behind."""

    def __init__(
        self,
        folder: Path,
        keyring: Keyring,
        *,
        disk: Disk | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
        reserve: int = RESERVE,
    ) -> None:
        """Open the vault in this folder; made if it is not there. `reserve` is room that `put` leaves on the disk.

        Raises:
            StorageError: the folder cannot be used, or others could read or replace it.
        """
        self._disk = disk or Disk()
        self._keyring = keyring
        self._entropy = entropy
        self._reserve = reserve
        self._objects = folder / _OBJECTS
        self._incoming = folder / _INCOMING
        self._disk.make_folder(folder)
        for part in (folder, self._objects, self._incoming):
            self._disk.make_folder(part)
            require_private(part)
        self.swept = self._sweep()

    def put(self, stream: BinaryIO, case_key: CaseKey) -> Stored:
        """Keep everything that the stream still holds, in constant memory; durable once this returns.

        The stream is read once, from where it stands. The object's file is read back, opened and hashed before the
        answer.

        Raises:
            StorageError: it could not be written (disk full, read-only, no permission); nothing of it is left.
            IntegrityError: what was read back is not what was written; nothing of it is left.
        """
        self._require_room()
        object_id = self._entropy(16).hex()
        home = self._objects / case_key.key_id
        temp = self._incoming / object_id
        taking = _Taking(stream)
        sealed = hashlib.sha256()
        written, linked = 0, False
        fd = self._disk.create(temp)
        try:
            with locked(fd):
                for block in self._blocks(taking, case_key, object_id):
                    self._disk.write(fd, temp, block)
                    sealed.update(block)
                    written += len(block)
                self._disk.sync(fd, temp)
                _drop_cache(fd)
                stored = Stored(
                    id=object_id,
                    case=case_key.case,
                    key_id=case_key.key_id,
                    digests=taking.digests(),
                    sealed_sha256=sealed.hexdigest(),
                    sealed_size=written,
                )
                self._check_file(temp, stored, case_key)
                self._disk.make_folder(home)
                self._disk.sync_folder(self._objects)
                self._disk.link(temp, home / object_id)
                linked = True
                self._disk.sync_folder(home)
        except BaseException:
            if linked:
                with contextlib.suppress(OSError):
                    (home / object_id).unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
            with contextlib.suppress(OSError):
                temp.unlink(missing_ok=True)
        return stored

    def open(self, stored: Stored) -> io.BufferedReader:
        """A seekable reader of the original bytes; only what is read gets decrypted, and all of it is authenticated.

        Raises:
            NotFoundError: the object is gone.
            StateError: its case was shredded.
            IntegrityError: it was changed, cut or exchanged.
        """
        return self._reader(self._path(stored), stored, self._key(stored))

    def check(self, stored: Stored) -> None:
        """Read the whole object, open it and hash it; return if it is what was stored.

        Raises:
            IntegrityError: it is not.
            NotFoundError: it is gone.
            StateError: its case was shredded.
        """
        self._check_file(self._path(stored), stored, self._key(stored))

    def check_sealed(self, stored: Stored) -> None:
        """Hash the object's file without opening it, which needs no key; return if it is what was written.

        Raises:
            IntegrityError: it is not.
            NotFoundError: it is gone.
        """
        path = self._path(stored)
        hashed, size = hashlib.sha256(), 0
        with self._open_file(path) as file:
            for block in _read_blocks(file):
                hashed.update(block)
                size += len(block)
        if (hashed.hexdigest(), size) != (stored.sealed_sha256, stored.sealed_size):
            raise _changed(stored)

    def move(self, stored: Stored, case_key: CaseKey) -> Stored:
        """Keep the same bytes under the key of another case; answers the new place, the old one stays as it is.

        Once the new place is recorded durably, take the old one away with `remove`.

        Raises:
            IntegrityError: the object is not what was stored; nothing new is kept then.
            NotFoundError: it is gone.
            StateError: its case was shredded.
        """
        with self.open(stored) as reader:
            moved = self.put(reader, case_key)
        if moved.digests != stored.digests:
            self.remove(moved)
            raise _changed(stored)
        return moved

    def remove(self, stored: Stored) -> None:
        """Take one object's file away; nothing happens if it is gone. Its key stays, so destroy that for a shred."""
        path = self._path(stored)
        self._disk.unlink(path)
        if path.parent.is_dir():
            self._disk.sync_folder(path.parent)

    def shred(self, case_key: CaseKey) -> int:
        """Remove the files of everything that was stored under this key; says how many.

        The key itself goes with `Keyring.destroy_case_key`, which comes first: once it is gone, what is left of the
        files is noise.
        """
        home = self._objects / case_key.key_id
        removed = 0
        for path in sorted(home.iterdir()) if home.is_dir() else ():
            self._disk.unlink(path)
            removed += 1
        if home.is_dir():
            self._disk.remove_folder(home)
            self._disk.sync_folder(self._objects)
        return removed

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Key id and object id of everything that lies in the vault, in order."""
        for home in sorted(self._objects.iterdir()):
            for path in sorted(home.iterdir()):
                yield home.name, path.name

    def _require_room(self) -> None:
        free = self._disk.free(self._incoming)
        if free < self._reserve:
            raise StorageError(
                f"Only {free:,} bytes are free on the vault's disk; {self._reserve:,} are kept for records.",
                hint="Free some space or move the vault to a larger disk; nothing was written.",
                code="storage.reserve",
            )

    def _blocks(self, taking: _Taking, case_key: CaseKey, object_id: str) -> Iterator[bytes]:
        yield FORMAT
        key = case_key.object_key(object_id)
        yield from encrypt(key, taking, _context(case_key, object_id), entropy=self._entropy)

    def _check_file(self, path: Path, stored: Stored, case_key: CaseKey) -> None:
        hashed, size = hashlib.sha256(), 0
        with self._reader(path, stored, case_key) as reader:
            for block in _read_blocks(reader):
                hashed.update(block)
                size += len(block)
        if (hashed.hexdigest(), size) != (stored.digests.sha256, stored.digests.size):
            raise _changed(stored)

    def _reader(self, path: Path, stored: Stored, case_key: CaseKey) -> io.BufferedReader:
        file = self._open_file(path)
        try:
            if file.read(len(FORMAT)) != FORMAT:
                raise _changed(stored)
            key = case_key.object_key(stored.id)
            raw = SealedReader(file, key, _context(case_key, stored.id), start=len(FORMAT))
        except FirstlightError:
            file.close()
            raise
        return io.BufferedReader(raw, _BLOCK)

    def _open_file(self, path: Path) -> BinaryIO:
        try:
            return path.open("rb", buffering=0)
        except FileNotFoundError as e:
            raise NotFoundError(
                f"The vault holds no object {path.name}.",
                hint="It was removed after its time, or the vault is not whole: compare with the backup.",
            ) from e
        except OSError as e:
            raise storage_error(path, "read", e) from e

    def _key(self, stored: Stored) -> CaseKey:
        key = self._keyring.case_key(stored.case)
        if key.key_id != stored.key_id:
            raise IntegrityError(f"Object {stored.id} was stored under another key than case {stored.case} has.")
        return key

    def _path(self, stored: Stored) -> Path:
        return self._objects / stored.key_id / stored.id

    def _sweep(self) -> int:
        """Remove what interrupted writes left; what another process is writing right now is locked and stays."""
        swept = 0
        for path in self._incoming.iterdir():
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as e:
                raise storage_error(path, "open", e) from e
            try:
                with locked(fd) as ours:
                    if ours:
                        self._disk.unlink(path)
                        swept += 1
            finally:
                os.close(fd)
        return swept


class _Taking:
    """Hands on the blocks of a stream and digests them on the way."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self._hashes = (
            hashlib.md5(usedforsecurity=False),
            hashlib.sha1(usedforsecurity=False),
            hashlib.sha256(),
        )
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in _read_blocks(self.stream):
            for one in self._hashes:
                one.update(block)
            self._size += len(block)
            yield block

    def digests(self) -> Digests:
        md5, sha1, sha256 = (one.hexdigest() for one in self._hashes)
        return Digests(md5=md5, sha1=sha1, sha256=sha256, size=self._size)


def _read_blocks(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            block = stream.read(_BLOCK)
        except OSError as e:
            raise StorageError(
                f"What was to be read stopped: {e.strerror or e}.", hint="Read it again.", code="storage.source"
            ) from e
        if not block:
            return
        yield block


def _context(case_key: CaseKey, object_id: str) -> bytes:
    return b"\x00".join([FORMAT, case_key.case.encode(), case_key.key_id.encode(), object_id.encode()])


def _drop_cache(fd: int) -> None:
    """Ask the system to forget the pages, so that reading back reads the disk."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _changed(stored: Stored) -> IntegrityError:
    return IntegrityError(
        f"Object {stored.id} of the vault is not what was stored.",
        hint="Keep it as it is, restore the object from the backup beside it, and record what was found.",
        code="integrity.vault",
    )
