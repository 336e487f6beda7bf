"""The keys of the house: one keyring folder, every key in it wrapped by a key-encryption key.

The log's signing key and the house's own sealing key are made with the keyring; a key for each case comes into being
at first use. Destroying a case's key destroys everything that was sealed with it, wherever copies lie.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from pydantic import StringConstraints

from firstlight.clock import in_utc
from firstlight.custody.files import Disk, require_private, write_whole
from firstlight.custody.kek import FILE_NAME, FileKey, KeyProvider
from firstlight.custody.note import Ed25519Signer, NoteVerifier, checked_key_name
from firstlight.custody.sealing import KEY_SIZE, KeySealer, Sealer
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError
from firstlight.values import Document, Instant, checked_name

_KEYRING = "keyring.json"
_CASES = "cases"
_Hex = Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{2})+$")]


class _KeyringFile(Document):
    title_for_people: ClassVar[str] = "keyring"

    kind: Literal["firstlight-keyring"] = "firstlight-keyring"
    version: Literal[1] = 1
    origin: str
    provider: str
    log_key: _Hex
    retired: tuple[str, ...] = ()
    house_key: _Hex


class _CaseKeyFile(Document):
    title_for_people: ClassVar[str] = "case key"

    kind: Literal["firstlight-case-key"] = "firstlight-case-key"
    version: Literal[1] = 1
    case: str
    key_id: str
    wrapped: _Hex


class KeyDestruction(Document):
    """That the key of a case was destroyed: which one, when, how, and what is left of what it sealed."""

    title_for_people: ClassVar[str] = "certificate of key destruction"

    kind: Literal["key-destruction"] = "key-destruction"
    version: Literal[1] = 1
    case: str
    key_id: str
    at: Instant
    method: str = "The wrapped key was overwritten with zeros and removed; no other copy is kept by this keyring."
    remains: str = (
        "Sealed files and log entries of the case may remain; nobody can open them. Leaves and proofs of the custody "
        "log stay valid. Backups of the keyring taken before this time hold the wrapped key until they are destroyed."
    )


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The key of one case. `key_id` names it without telling the case."""

    case: str
    key_id: str
    _secret: bytes = field(repr=False)

    def object_key(self, object_id: str) -> bytes:
        """The key of one object of the vault."""
        return _expand(self._secret, b"firstlight vault object\x00" + object_id.encode())

    def sealer(self, purpose: str, *, entropy: Callable[[int], bytes] = os.urandom) -> KeySealer:
        """A sealer for this case and one purpose, such as renditions."""
        return KeySealer(_expand(self._secret, b"firstlight sealer\x00" + purpose.encode()), entropy=entropy)


def _expand(secret: bytes, info: bytes) -> bytes:
    return HKDFExpand(SHA256(), KEY_SIZE, info).derive(secret)


class Keyring:
    """The keys of one house, in a folder that only its owner may enter."""

    def __init__(
        self, folder: Path, provider: KeyProvider, disk: Disk, entropy: Callable[[int], bytes], kept: _KeyringFile
    ) -> None:
        self._folder = folder
        self._provider = provider
        self._disk = disk
        self._entropy = entropy
        self._origin = kept.origin
        self._take_log_key(kept)
        self._house = provider.unwrap(bytes.fromhex(kept.house_key), b"house key " + kept.origin.encode())
        self._cached: dict[str, CaseKey] = {}

    @classmethod
    def create(
        cls,
        folder: Path,
        origin: str,
        *,
        provider: KeyProvider | None = None,
        disk: Disk | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> Keyring:
        """Make a keyring in this folder. `origin` names the log, such as example.org/custody.

        Without a provider the key-encryption key is a file in the folder: keep the folder's backup apart from the
        vault's.

        Raises:
            StateError: there is a keyring already.
            StorageError: the folder cannot be written or others can enter it.
        """
        disk = disk or Disk()
        checked_key_name(origin)
        disk.make_folder(folder)
        require_private(folder)
        if (folder / _KEYRING).exists():
            raise StateError(f"{folder} holds a keyring already.", hint="Open it, or give another folder.")
        disk.make_folder(folder / _CASES)
        if provider is None:
            kek = folder / FILE_NAME
            provider = FileKey.open(kek) if kek.exists() else FileKey.create(kek, disk=disk, entropy=entropy)
        kept = _KeyringFile(
            origin=origin,
            provider=provider.describe(),
            log_key=provider.wrap(entropy(KEY_SIZE), b"log key " + origin.encode()).hex(),
            house_key=provider.wrap(entropy(KEY_SIZE), b"house key " + origin.encode()).hex(),
        )
        write_whole(disk, folder / _KEYRING, [kept.to_json()])
        return cls.open(folder, provider=provider, disk=disk, entropy=entropy)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        provider: KeyProvider | None = None,
        disk: Disk | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> Keyring:
        """Open the keyring of this folder, and finish a destruction that was cut short.

        Raises:
            NotFoundError: there is none.
            IntegrityError: it is damaged, or its key-encryption key is another one.
            StorageError: it cannot be read, or others can enter the folder.
        """
        disk = disk or Disk()
        if not (folder / _KEYRING).exists():
            raise NotFoundError(f"{folder} holds no keyring.", hint="Create one first.")
        require_private(folder)
        try:
            kept = _KeyringFile.from_json(disk.read(folder / _KEYRING))
        except InputError as e:
            raise _damaged(folder / _KEYRING) from e
        ring = cls(folder, provider or FileKey.open(folder / FILE_NAME), disk, entropy, kept)
        for certificate in (folder / _CASES).glob("*.destroyed"):
            ring._erase(certificate.stem)
        return ring

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether this folder holds a keyring."""
        return (folder / _KEYRING).exists()

    @property
    def origin(self) -> str:
        """The name of the log that this keyring signs for."""
        return self._origin

    def log_signer(self) -> Ed25519Signer:
        """Signs the log's checkpoints."""
        return self._signer

    def retired_verifiers(self) -> tuple[NoteVerifier, ...]:
        """The public halves of the log's earlier keys; what they signed stays good. For `CustodyLog(trusted=...)`."""
        return tuple(NoteVerifier.from_vkey(one) for one in self._retired)

    def look_again(self) -> None:
        """Take over the log's key if another process has renewed it since this one last looked; costs a small read.

        Raises:
            StorageError: the keyring cannot be read.
            IntegrityError: it is damaged.
        """
        path = self._folder / _KEYRING
        try:
            kept = _KeyringFile.from_json(self._disk.read(path))
        except InputError as e:
            raise _damaged(path) from e
        if kept.retired != self._retired:
            self._take_log_key(kept)

    def rotate_log_key(self) -> Ed25519Signer:
        """Make a new key for the log; the old one signs nothing any more and its public half is kept.

        Log the change and publish the new key: packages made from now on are signed by it.

        Raises:
            StorageError: the keyring cannot be written; the old key stays.
        """
        self.look_again()
        path = self._folder / _KEYRING
        kept = _KeyringFile.from_json(self._disk.read(path))
        wrapped = self._provider.wrap(self._entropy(KEY_SIZE), b"log key " + kept.origin.encode())
        old = self._signer.verifier.vkey
        renewed = kept.model_copy(update={"log_key": wrapped.hex(), "retired": (*kept.retired, old)})
        write_whole(self._disk, path, [renewed.to_json()], replace=True)
        self._take_log_key(renewed)
        return self._signer

    def _take_log_key(self, kept: _KeyringFile) -> None:
        seed = self._provider.unwrap(bytes.fromhex(kept.log_key), b"log key " + kept.origin.encode())
        self._signer = Ed25519Signer(kept.origin, seed)
        self._retired = kept.retired

    def sealer(self, purpose: str) -> KeySealer:
        """A sealer of the house for one purpose, such as `banks`."""
        return KeySealer(_expand(self._house, b"firstlight sealer\x00" + purpose.encode()), entropy=self._entropy)

    def event_sealer(self, case: str | None) -> Sealer | None:
        """The sealer of a case's log entries, None once its key is destroyed; what `CustodyLog(sealers=...)` takes."""
        if case is None:
            return self.sealer("custody events")
        try:
            key = self.ensure_case_key(case)
        except StateError:
            return None
        return key.sealer("custody events", entropy=self._entropy)

    def ensure_case_key(self, case: str) -> CaseKey:
        """The key of a case, made now if it has none.

        Raises:
            StateError: it was destroyed; a case that was shredded stays shredded.
        """
        path = self._path(case, "key")
        if case not in self._cached and not path.exists() and self.destruction(case) is None:
            key_id = self._entropy(16).hex()
            wrapped = self._provider.wrap(self._entropy(KEY_SIZE), _case_context(case, key_id))
            kept = _CaseKeyFile(case=case, key_id=key_id, wrapped=wrapped.hex())
            write_whole(self._disk, path, [kept.to_json()])
        return self.case_key(case)

    def case_key(self, case: str) -> CaseKey:
        """The key of a case.

        Raises:
            StateError: it was destroyed.
            NotFoundError: there never was one.
            IntegrityError: it is damaged.
        """
        path = self._path(case, "key")
        if self.destruction(case) is not None:
            self._cached.pop(case, None)
            raise StateError(
                f"The key of case {case} was destroyed; what it sealed cannot be opened any more.",
                code="state.shredded",
            )
        if case not in self._cached:
            if not path.exists():
                raise NotFoundError(f"There is no key of a case {case}.")
            try:
                kept = _CaseKeyFile.from_json(self._disk.read(path))
            except InputError as e:
                raise _damaged(path) from e
            secret = self._provider.unwrap(bytes.fromhex(kept.wrapped), _case_context(case, kept.key_id))
            self._cached[case] = CaseKey(case, kept.key_id, secret)
        return self._cached[case]

    def cases(self) -> Iterator[tuple[str, str]]:
        """Name and key id of every case that has a key, in the order of their names.

        Raises:
            IntegrityError: one of the keys is damaged.
        """
        for path in sorted((self._folder / _CASES).glob("*.key")):
            try:
                kept = _CaseKeyFile.from_json(self._disk.read(path))
            except InputError as e:
                raise _damaged(path) from e
            yield kept.case, kept.key_id

    def destroy_case_key(self, case: str, at: datetime) -> KeyDestruction:
        """Destroy the key of a case for good; a second call answers the certificate of the first.

        Raises:
            NotFoundError: there never was one.
        """
        done = self.destruction(case)
        if done is None:
            key = self.case_key(case)
            done = KeyDestruction(case=case, key_id=key.key_id, at=in_utc(at))
            write_whole(self._disk, self._path(case, "destroyed"), [done.to_json()])
        self._erase(case)
        return done

    def destruction(self, case: str) -> KeyDestruction | None:
        """The certificate, if the key of this case was destroyed."""
        path = self._path(case, "destroyed")
        if not path.exists():
            return None
        try:
            return KeyDestruction.from_json(self._disk.read(path))
        except InputError as e:
            raise _damaged(path) from e

    def _erase(self, case: str) -> None:
        """Overwrite and remove the wrapped key; on disks that copy on write the provider's key has to go as well."""
        self._cached.pop(case, None)
        path = self._path(case, "key")
        if path.exists():
            self._disk.overwrite(path)
            self._disk.unlink(path)
            self._disk.sync_folder(path.parent)

    def _path(self, case: str, kind: str) -> Path:
        return self._folder / _CASES / f"{checked_name(case, 'name of a case')}.{kind}"


def _case_context(case: str, key_id: str) -> bytes:
    return json.dumps(["case key", case, key_id]).encode()


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(f"{path} is damaged.", hint="Restore the keyring from its backup.", code="integrity.keyring")
