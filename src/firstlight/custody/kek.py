"""Key-encryption keys: what wraps every other key, behind one small interface.

A file and a passphrase are built in. A hardware token (PKCS#11) or a cloud key service (AWS KMS) is another class with
these four methods; both are named and not built yet.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from firstlight.custody.files import Disk, write_whole
from firstlight.custody.sealing import KEY_SIZE, seal, unseal
from firstlight.errors import FirstlightError, InputError, IntegrityError, NotFoundError, StateError

MIN_PASSPHRASE = 12
"""Characters: shorter ones can be tried out even at scrypt's price."""

_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**16, 8, 1
"""64 MiB and about a quarter of a second a guess."""

_FILE_MAGIC = b"firstlight-kek-1\n"
_SALT_MAGIC = b"firstlight-kek-salt-1\n"
_SALT_SIZE = 32


FILE_NAME = "kek.key"
SALT_NAME = "kek.salt"


class ProviderKind(StrEnum):
    """Where a key-encryption key can come from. The last two are named for later."""

    FILE = "file"
    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a kind
    AWS_KMS = "aws-kms"
    PKCS11 = "pkcs11"


_LATER = {ProviderKind.AWS_KMS: "AWS KMS", ProviderKind.PKCS11: "a PKCS#11 token"}


class KeyProvider(Protocol):
    """Wraps keys so that they can lie on a disk."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """The key, wrapped for this context."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key that was wrapped for this context; IntegrityError if it was not, or not by this provider."""
        ...

    def destroy(self) -> None:
        """Destroy the key-encryption key, and with it everything that it wrapped."""
        ...

    def describe(self) -> str:
        """What kind of provider this is, in a few words without secrets."""
        ...


class _KeyInMemory:
    """Wraps with a key that the program holds; subclasses say where it comes from."""

    kind = ""

    def __init__(self, path: Path, key: bytes, disk: Disk, entropy: Callable[[int], bytes]) -> None:
        self._path = path
        self._key = key
        self._disk = disk
        self._entropy = entropy

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """The key, wrapped for this context."""
        return seal(self._key, key, b"wrap\x00" + context, entropy=self._entropy)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key that was wrapped for this context.

        Raises:
            IntegrityError: it was wrapped with another key-encryption key or for another purpose, or is damaged.
        """
        try:
            return unseal(self._key, wrapped, b"wrap\x00" + context)
        except FirstlightError as e:
            raise IntegrityError(
                f"A key does not open under the key-encryption key at {self._path}.",
                hint="Check the passphrase, or restore the key-encryption key that belongs to this keyring.",
                code="integrity.kek",
            ) from e

    def destroy(self) -> None:
        """Overwrite and remove the file that the key comes from."""
        self._disk.overwrite(self._path)
        self._disk.unlink(self._path)
        self._disk.sync_folder(self._path.parent)
        self._key = b""

    def describe(self) -> str:
        """What kind of provider this is."""
        return self.kind


class FileKey(_KeyInMemory):
    """A key-encryption key in a file that only its owner may read."""

    kind = "file"

    @classmethod
    def create(cls, path: Path, *, disk: Disk | None = None, entropy: Callable[[int], bytes] = os.urandom) -> FileKey:
        """Make a key and its file."""
        disk = disk or Disk()
        key = entropy(KEY_SIZE)
        write_whole(disk, path, [_FILE_MAGIC + key])
        return cls(path, key, disk, entropy)

    @classmethod
    def open(cls, path: Path, *, disk: Disk | None = None, entropy: Callable[[int], bytes] = os.urandom) -> FileKey:
        """Read the key from its file.

        Raises:
            NotFoundError: it is not there.
            IntegrityError: it is no key file, or others can read it.
        """
        disk = disk or Disk()
        data = _read(disk, path, _FILE_MAGIC, KEY_SIZE)
        return cls(path, data, disk, entropy)


class PassphraseKey(_KeyInMemory):
    """A key-encryption key made from a passphrase; the file holds only the salt."""

    kind = "passphrase"

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: str,
        *,
        disk: Disk | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> PassphraseKey:
        """Make a salt, its file and the key.

        Raises:
            InputError: the passphrase is too short.
        """
        if len(passphrase) < MIN_PASSPHRASE:
            raise InputError(f"A passphrase needs at least {MIN_PASSPHRASE} characters.")
        disk = disk or Disk()
        salt = entropy(_SALT_SIZE)
        write_whole(disk, path, [_SALT_MAGIC + salt])
        return cls(path, _stretch(passphrase, salt), disk, entropy)

    @classmethod
    def open(
        cls,
        path: Path,
        passphrase: str,
        *,
        disk: Disk | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> PassphraseKey:
        """Make the key again; a wrong passphrase shows when the first key is unwrapped."""
        disk = disk or Disk()
        salt = _read(disk, path, _SALT_MAGIC, _SALT_SIZE)
        return cls(path, _stretch(passphrase, salt), disk, entropy)


def provider_of(
    kind: ProviderKind, folder: Path, passphrase: Callable[[], str], *, create: bool
) -> FileKey | PassphraseKey:
    """The provider of the keyring in this folder; with `create` its key is made where there is none yet.

    Raises:
        InputError: this kind is not built yet, or the passphrase is too short.
        NotFoundError: there is no key, and none is to be made.
        StateError: the keys in this folder were made with the other kind.
        IntegrityError, StorageError: the key cannot be read.
    """
    if kind in _LATER:
        raise InputError(
            f"Keys in {_LATER[kind]} are not built into this version.",
            hint='Set keys.provider to "file" or "passphrase". The place for more is KeyProvider in custody/kek.py.',
            code="input.key-provider",
        )
    key, salt = folder / FILE_NAME, folder / SALT_NAME
    mine, other = (key, salt) if kind is ProviderKind.FILE else (salt, key)
    if other.exists() and not mine.exists():
        made = ProviderKind.PASSPHRASE if kind is ProviderKind.FILE else ProviderKind.FILE
        raise StateError(
            f"The keys of this home were made by a {made.value}, and the settings say keys.provider = {kind.value!r}.",
            hint="Set it back: a home keeps the kind it began with.",
        )
    new = create and not mine.exists()
    if kind is ProviderKind.FILE:
        return FileKey.create(key) if new else FileKey.open(key)
    return PassphraseKey.create(salt, passphrase()) if new else PassphraseKey.open(salt, passphrase())


def _stretch(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=KEY_SIZE, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P).derive(passphrase.encode())


def _read(disk: Disk, path: Path, magic: bytes, size: int) -> bytes:
    if not path.exists():
        raise NotFoundError(f"The key-encryption key {path} is not there.", hint="Restore it from its backup.")
    if path.stat().st_mode & 0o077:
        raise IntegrityError(
            f"Others can read the key-encryption key {path}.", hint=f"Close it: chmod 600 {path}", code="integrity.kek"
        )
    data = disk.read(path)
    if not data.startswith(magic) or len(data) != len(magic) + size:
        raise IntegrityError(f"{path} is no key-encryption key.", code="integrity.kek")
    return data[len(magic) :]
