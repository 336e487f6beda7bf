"""The folder of a library, and that of its memory-backed files: whose they are, and what opens them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from firstlight.banks.sealing import Sealer, Sealing
from firstlight.errors import IntegrityError, NotFoundError, StateError, StorageError
from firstlight.index.disk import Disk, put_file

HEAD: Final = "library.json"
_FORMAT: Final = 1
_SECRET_CONTEXT: Final = b"library secret"


def write_head(folder: Path, sealer: Sealer | None, disk: Disk) -> None:
    """Begin a new library: its id and its secret, which is sealed if the library is."""
    ident, secret = os.urandom(16), os.urandom(32)
    kept = Sealing(ident, b"", sealer).close(secret, _SECRET_CONTEXT)
    document = {"format": _FORMAT, "id": ident.hex(), "sealed": sealer is not None, "secret": kept.hex()}
    put_file(disk, folder / HEAD, json.dumps(document, indent=2).encode() + b"\n")


def read_head(folder: Path, sealer: Sealer | None) -> Sealing:
    """What opens a library that is there; raises as `Library.open`."""
    path = folder / HEAD
    try:
        document = json.loads(path.read_bytes())
        form, ident, sealed = document["format"], bytes.fromhex(document["id"]), bool(document["sealed"])
        kept = bytes.fromhex(document["secret"])
    except FileNotFoundError as e:
        raise NotFoundError(f"No library is in {folder}.", hint="Create it first.") from e
    except OSError as e:
        raise StorageError(f"Could not read {path}: {e.strerror}.", hint="Check permissions.") from e
    except (ValueError, KeyError, TypeError) as e:
        raise IntegrityError(f"{path} is damaged.", hint="Restore it from a copy.") from e
    if form != _FORMAT:
        raise StateError(f"The library in {folder} is of another version.", hint="Use the version that made it.")
    if sealed and sealer is None:
        raise StateError(
            f"The library in {folder} is sealed.",
            hint="Open it with the keyring of its home: in settings.toml, [banks] sealed = true.",
        )
    if not sealed and sealer is not None:
        raise StateError(
            f"The library in {folder} is not sealed.",
            hint="Open it without a key (in settings.toml, [banks] sealed = false), or make a new one.",
        )
    return Sealing(ident, Sealing(ident, b"", sealer).open(kept, _SECRET_CONTEXT, "The library"), sealer)


def memory_folder(root: Path, sealing: Sealing) -> Path:
    """The folder of memory-backed files that the processes of this user share for this library."""
    folder = root / f"firstlight-{os.geteuid()}-{sealing.library.hex()[:16]}"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError as e:
        raise StorageError(
            f"A sealed library needs memory-backed files in {root}: {e.strerror}.",
            hint="Mount a tmpfs there, or use a plain library on an encrypted disk.",
        ) from e
    if found.st_uid != os.geteuid() or found.st_mode & 0o170077 != 0o040000:
        raise StorageError(f"{folder} belongs to somebody else or is open to others.", hint="Find out who made it.")
    return folder


def remove_folder(folder: Path) -> None:
    """Remove a folder so that it is gone at once or not at all."""
    if not folder.exists():
        return
    going = folder.with_name(f".gone-{secrets.token_hex(4)}")
    try:
        folder.replace(going)
        shutil.rmtree(going)
    except OSError as e:
        raise StorageError(f"Could not remove {folder}: {e.strerror}.", hint="Check permissions.") from e
