"""BagIt 1.0 (RFC 8493) on disk: files into `data/`, lists beside it, everything durable, all in a fixed order."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from firstlight.custody.files import Disk
from firstlight.errors import InputError

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


class BagFile:
    """One file of a bag while it is written: what goes through it is hashed."""

    def __init__(self, disk: Disk, fd: int, path: Path) -> None:
        self._disk = disk
        self._fd = fd
        self._path = path
        self._hashes = (hashlib.sha256(), hashlib.sha512())
        self._size = 0

    def write(self, data: bytes) -> int:
        """Write all of it; says how much that is."""
        self._disk.write(self._fd, self._path, data)
        for one in self._hashes:
            one.update(data)
        self._size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits to be written."""

    def result(self) -> tuple[str, str, int]:
        """SHA-256, SHA-512 and size of what was written."""
        return self._hashes[0].hexdigest(), self._hashes[1].hexdigest(), self._size


class BagWriter:
    """Writes the files of one bag into a folder that nobody sees yet."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.folder = folder
        self._disk = disk
        self._made: set[Path] = set()
        self._digests: dict[str, tuple[str, str, int]] = {}
        self._folded: set[str] = set()
        disk.make_folder(folder)
        self._made.add(folder)

    def add(self, name: str, data: bytes) -> None:
        """Write one file; its name has `/` between folders.

        Raises:
            InputError: the name cannot stand in a package, or differs from another only in upper case.
        """
        self.add_with(name, lambda out: out.write(data))

    def add_with(self, name: str, fill: Callable[[BagFile], object]) -> None:
        """Write one file of any size: `fill` writes it piece by piece; see `add`."""
        if not _NAME.fullmatch(name) or name.lower() in self._folded:
            raise InputError(f"{name!r} cannot be the name of a file in this package.")
        self._folded.add(name.lower())
        path = self.folder / name
        for folder in reversed(path.relative_to(self.folder).parents):
            self._make(self.folder / folder)
        fd = self._disk.create(path)
        try:
            out = BagFile(self._disk, fd, path)
            fill(out)
            self._disk.sync(fd, path)
        finally:
            os.close(fd)
        self._digests[name] = out.result()

    def digests(self) -> dict[str, str]:
        """The SHA-256 of every file so far, in the order of their names."""
        return {name: self._digests[name][0] for name in sorted(self._digests)}

    def finish(self, info: Mapping[str, str]) -> str:
        """Write the bag's lists; answers the SHA-256 of the tag manifest, which stands for the whole bag."""
        payload = {name: one for name, one in sorted(self._digests.items()) if name.startswith("data/")}
        size = sum(one[2] for one in payload.values())
        lines = [f"{label}: {value}" for label, value in {**info, "Payload-Oxum": f"{size}.{len(payload)}"}.items()]
        self.add("bagit.txt", BAGIT)
        self.add("bag-info.txt", ("\n".join(lines) + "\n").encode())
        self.add("manifest-sha256.txt", as_list({name: one[0] for name, one in payload.items()}))
        self.add("manifest-sha512.txt", as_list({name: one[1] for name, one in payload.items()}))
        tags = as_list({name: digest for name, digest in self.digests().items() if not name.startswith("data/")})
        self.add("tagmanifest-sha256.txt", tags)
        for folder in sorted(self._made, reverse=True):
            self._disk.sync_folder(folder)
        return hashlib.sha256(tags).hexdigest()

    def _make(self, folder: Path) -> None:
        if folder not in self._made:
            self._disk.make_folder(folder)
            self._made.add(folder)


def as_list(digests: Mapping[str, str]) -> bytes:
    """`digest  name` lines as sha256sum writes and checks them."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()


def as_label(text: str) -> str:
    """A value for bag-info.txt: one line."""
    return " ".join(text.split())
