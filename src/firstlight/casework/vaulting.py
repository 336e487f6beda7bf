"""From the settings to the vault and to what wraps its keys."""

from __future__ import annotations

import tomllib
from pathlib import Path

from firstlight.casework.settings import Keys, VaultPlace
from firstlight.clock import Clock
from firstlight.custody import KeyProvider, Keyring, Vault
from firstlight.custody.files import Disk, storage_error
from firstlight.custody.kek import provider_of
from firstlight.custody.storages.s3 import Bucket, S3Storage
from firstlight.errors import InputError, StateError

_KEEP_IT = "Set vault.storage back in settings.toml: a home keeps the place it began with."


def open_vault(folder: Path, place: VaultPlace, keyring: Keyring, clock: Clock) -> Vault:
    """The vault that the settings name; of an object store the folder holds only what is on its way there.

    Raises:
        InputError: the settings name no endpoint, bucket or credentials.
        MissingExtraError: the object store needs boto3.
        StateError: the bucket is not there or cannot lock.
        StorageError: the folder or the store refuses or does not answer.
    """
    objects = folder / "objects"
    if place.storage == "folder":
        if folder.exists() and not objects.exists():
            raise StateError("The originals of this home lie in an object store.", hint=_KEEP_IT)
        return Vault(folder, keyring)
    if objects.exists():
        raise StateError(f"The originals of this home lie in {objects}.", hint=_KEEP_IT)
    if not (place.endpoint and place.bucket):
        raise InputError(
            "The settings keep originals in an object store and do not say where.",
            hint="Set vault.endpoint and vault.bucket in settings.toml.",
        )
    access_key, secret_key = _credentials(folder.parent / place.credentials)
    bucket = Bucket(
        endpoint=place.endpoint,
        name=place.bucket,
        access_key=access_key,
        secret_key=secret_key,
        region=place.region,
        prefix=place.prefix,
        lock=place.lock,
        lock_days=place.lock_days,
    )
    return Vault(folder, keyring, storage=S3Storage(bucket, folder, clock=clock))


def provider(folder: Path, keys: Keys) -> KeyProvider:
    """What wraps the keys of the keyring in this folder, which is made if it is not there.

    Raises:
        InputError: the settings name what is not built, or a passphrase file that cannot be used.
        StateError: the keys were made with another kind of provider.
        IntegrityError, StorageError: the key cannot be read.
    """
    Disk().make_folder(folder)
    new = not Keyring.is_in(folder)
    passphrase = folder.parent / keys.passphrase_file
    return provider_of(keys.provider, folder, lambda: _passphrase(passphrase, keys), create=new)


def _passphrase(path: Path, keys: Keys) -> str:
    if not keys.passphrase_file:
        raise InputError(
            "The settings ask for a passphrase and name no file that holds it.",
            hint="Set keys.passphrase_file in settings.toml to a file of mode 0600.",
        )
    return _secret(path).rstrip("\r\n")


def _credentials(path: Path) -> tuple[str, str]:
    hint = 'Two lines: access_key = "..." and secret_key = "..."'
    try:
        found = tomllib.loads(_secret(path))
        return str(found["access_key"]), str(found["secret_key"])
    except (tomllib.TOMLDecodeError, KeyError) as e:
        raise InputError(f"{path} holds no credentials of an object store.", hint=hint) from e


def _secret(path: Path) -> str:
    """A small text file that nobody but its owner may read."""
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except UnicodeDecodeError as e:
        raise InputError(f"{path} is no text.") from e
    except OSError as e:
        raise storage_error(path, "read", e) from e
    if mode & 0o077:
        raise InputError(f"Others may read {path}.", hint=f"Close it: chmod 600 {path}")
    return text
