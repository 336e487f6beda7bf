"""The vault: originals, encrypted under the key of their case, written once, read back and hashed after every write.

An object is the format id, then one sealed message (see `sealing`) under a key derived from the case's key and the
object's id. Object ids are random, so the vault answers nobody whether it holds certain bytes. Where the sealed objects
lie is the business of a storage: a folder, or an object store that locks them (see `storage`).
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO, ClassVar, Literal, cast

from pydantic import Field, StringConstraints

from firstlight.custody.files import Disk
from firstlight.custody.keys import CaseKey, Keyring
from firstlight.custody.sealing import SealedReader, encrypt
from firstlight.custody.storage import ObjectStorage, Place, Protection
from firstlight.custody.storages.folder import RESERVE, FolderStorage
from firstlight.errors import FirstlightError, IntegrityError, StorageError
from firstlight.values import Digests, Document, Sha256Hex, Versioned

FORMAT = b"firstlight-vault-1\n"
"""The first bytes of every object. It stands for the cipher, the chunk size and the context; frozen."""

_BLOCK = 1024 * 1024
_ObjectId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Stored(Document):
    """Where an original lies and what it was when it came in.

    `digests` are of the original bytes; `sealed_sha256` is of the sealed object, so that fixity can be checked by those
    who hold no key. `place` is the version that an object store gave it: what is read is that one, whatever somebody
    writes over it.
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
    place: str = ""


class Vault:
    """Sealed originals in a storage. Opening it removes what an interrupted write has left behind."""

    def __init__(
        self,
        folder: Path,
        keyring: Keyring,
        *,
        storage: ObjectStorage | None = None,
        disk: Disk | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
        reserve: int = RESERVE,
    ) -> None:
        """Open the vault in this folder; made if it is not there. `reserve` is room that `put` leaves on the disk.

        With a `storage` the sealed objects lie there, and the folder is not touched.

        Raises:
            StorageError: the folder cannot be used, or others could read or replace it.
        """
        self._storage = storage or FolderStorage(folder, disk=disk, reserve=reserve)
        self._keyring = keyring
        self._entropy = entropy
        self.swept = self._storage.swept

    def put(self, stream: BinaryIO, case_key: CaseKey) -> Stored:
        """Keep everything that the stream still holds, in constant memory; durable once this returns.

        The stream is read once, from where it stands. What was written is read back, opened and hashed before the
        answer.

        Raises:
            StorageError: it could not be written (disk full, read-only, no answer); nothing of it is left.
            IntegrityError: what was read back is not what was written; nothing of it is left.
        """
        object_id = self._entropy(16).hex()
        taking = _Taking(stream)
        sealed = _Hashed()

        def blocks() -> Iterator[bytes]:
            for block in self._blocks(taking, case_key, object_id):
                sealed.update(block)
                yield block

        def check(file: BinaryIO) -> None:
            self._check_file(file, taking.digests(), object_id, case_key)

        place = self._storage.put(case_key.key_id, object_id, blocks(), check)
        return _stored(case_key, place, taking, sealed)

    def open(self, stored: Stored) -> io.BufferedReader:
        """A seekable reader of the original bytes; only what is read gets decrypted, and all of it is authenticated.

        Raises:
            NotFoundError: the object is gone.
            StateError: its case was shredded.
            IntegrityError: it was changed, cut or exchanged.
            StorageError: the place where it lies cannot be read.
        """
        key = self._key(stored)
        return self._reader(self._storage.open(_place(stored)), stored.id, key)

    def check(self, stored: Stored) -> None:
        """Read the whole object, open it and hash it; return if it is what was stored.

        Raises:
            IntegrityError: it is not.
            NotFoundError: it is gone.
            StateError: its case was shredded.
            StorageError: the place where it lies cannot be read.
        """
        key = self._key(stored)
        self._check_file(self._storage.open(_place(stored)), stored.digests, stored.id, key)

    def check_sealed(self, stored: Stored) -> None:
        """Hash the sealed object without opening it, which needs no key; return if it is what was written.

        Raises:
            IntegrityError: it is not.
            NotFoundError: it is gone.
            StorageError: the place where it lies cannot be read.
        """
        hashed = _Hashed()
        with self._storage.open(_place(stored)) as file:
            for block in _read_blocks(file):
                hashed.update(block)
        if (hashed.hexdigest(), hashed.size) != (stored.sealed_sha256, stored.sealed_size):
            raise _changed(stored.id)

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
            raise _changed(stored.id)
        return moved

    def remove(self, stored: Stored) -> datetime | None:
        """Take one sealed object away; nothing happens if it is gone. Its key stays, so destroy that for a shred.

        Answers None, or until when the storage refuses: an object store that has locked it keeps it that long.
        """
        return self._storage.remove(_place(stored))

    def shred(self, case_key: CaseKey) -> int:
        """Remove everything that was stored under this key and may be removed; says how many.

        The key itself goes with `Keyring.destroy_case_key`, which comes first: once it is gone, what is left is noise.
        """
        return self._storage.remove_all(case_key.key_id)

    def record_of(self, case_key: CaseKey, object_id: str) -> Stored:
        """The record of an object whose record was lost: what it holds is opened and digested.

        Raises:
            IntegrityError: it is no object of this key, or was changed.
            NotFoundError: it is gone.
            StorageError: the place where it lies cannot be read.
        """
        place = self._storage.find(case_key.key_id, object_id)
        sealed = _Hashed()
        with self._storage.open(place) as file:
            for block in _read_blocks(file):
                sealed.update(block)
        with self._reader(self._storage.open(place), object_id, case_key) as reader:
            taking = _Taking(cast("BinaryIO", reader))
            for _ in taking:
                pass
        return _stored(case_key, place, taking, sealed)

    def remove_unrecorded(self, key_id: str, object_id: str) -> datetime | None:
        """Take away an object that nobody has a record of; answers as `remove` does."""
        return self._storage.remove(Place(key_id, object_id))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Key id and object id of everything that lies in the vault, in order."""
        return iter(self._storage)

    def disturbed(self) -> Iterator[tuple[str, str]]:
        """Object id and what somebody else did to it in the object store: wrote over it, or marked it as deleted."""
        return self._storage.disturbed()

    def protection(self, stored: Stored) -> Protection | None:
        """What the storage enforces on an object; None where it can enforce nothing."""
        return self._storage.protection(_place(stored))

    def protect(self, stored: Stored, wanted: Protection) -> bool:
        """Lengthen its lock, never shorten it, and set or lift the hold on it; says whether anything was changed."""
        return self._storage.protect(_place(stored), wanted)

    def first_lock(self, now: datetime) -> datetime | None:
        """Until when the storage locks what is put now; None where it locks nothing."""
        return self._storage.first_lock(now)

    def _blocks(self, taking: _Taking, case_key: CaseKey, object_id: str) -> Iterator[bytes]:
        yield FORMAT
        key = case_key.object_key(object_id)
        yield from encrypt(key, taking, _context(case_key, object_id), entropy=self._entropy)

    def _check_file(self, file: BinaryIO, digests: Digests, object_id: str, case_key: CaseKey) -> None:
        hashed = _Hashed()
        with self._reader(file, object_id, case_key) as reader:
            for block in _read_blocks(reader):
                hashed.update(block)
        if (hashed.hexdigest(), hashed.size) != (digests.sha256, digests.size):
            raise _changed(object_id)

    def _reader(self, file: BinaryIO, object_id: str, case_key: CaseKey) -> io.BufferedReader:
        try:
            if file.read(len(FORMAT)) != FORMAT:
                raise _changed(object_id)
            key = case_key.object_key(object_id)
            raw = SealedReader(file, key, _context(case_key, object_id), start=len(FORMAT))
        except FirstlightError:
            file.close()
            raise
        return io.BufferedReader(raw, _BLOCK)

    def _key(self, stored: Stored) -> CaseKey:
        key = self._keyring.case_key(stored.case)
        if key.key_id != stored.key_id:
            raise IntegrityError(f"Object {stored.id} was stored under another key than case {stored.case} has.")
        return key


def _place(stored: Stored) -> Place:
    return Place(stored.key_id, stored.id, stored.place)


class _Hashed:
    """SHA-256 and size of what goes by."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    def update(self, block: bytes) -> None:
        self._hash.update(block)
        self.size += len(block)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


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


def _stored(case_key: CaseKey, place: Place, taking: _Taking, sealed: _Hashed) -> Stored:
    return Stored(
        id=place.object_id,
        case=case_key.case,
        key_id=case_key.key_id,
        digests=taking.digests(),
        sealed_sha256=sealed.hexdigest(),
        sealed_size=sealed.size,
        place=place.version,
    )


def _context(case_key: CaseKey, object_id: str) -> bytes:
    return b"\x00".join([FORMAT, case_key.case.encode(), case_key.key_id.encode(), object_id.encode()])


def _changed(object_id: str) -> IntegrityError:
    return IntegrityError(
        f"Object {object_id} of the vault is not what was stored.",
        hint="Keep it as it is, restore the object from the backup beside it, and record what was found.",
        code="integrity.vault",
    )
