"""What `doctor` looks at on this machine: clock, file system, permissions, limits, memory for lists."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from firstlight.errors import Fact

ENOUGH_DISK = 5 * 2**30  # bytes; less and a day of intake may fill it
ENOUGH_FILES = 1024
"""Open files: each bank, each connection and each worker holds a few."""
ENOUGH_MEMORY = 64 * 2**20  # bytes that have to be free for lists beside what they take now
SPREAD = timedelta(seconds=2)  # by which the last entry of the log may lie ahead: clocks of two machines
OVER_A_NETWORK = frozenset(
    {"nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs"}
)
"""File systems on which a lock or a write that was confirmed may be none."""
_UNSYNCHRONISED = 5  # what adjtimex answers when nobody keeps the clock in step


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    says: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


def clock(now: datetime, last: datetime | None, in_step: bool | None) -> Check:
    """Whether the time can be right: `last` is that of the newest log entry, `in_step` what the kernel says."""
    says = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if last is not None and now + SPREAD < last:
        behind = last - now
        return Check(
            "clock", False, f"{says}, {behind} BEFORE the newest entry of the log; set the clock right, or nothing "
            "can be signed in order",
        )  # fmt: skip
    if in_step is False:
        says += "; NOBODY KEEPS IT IN STEP, says the kernel: run chrony or systemd-timesyncd (in a container: the host)"
    return Check("clock", True, says, {} if in_step is None else {"in_step": in_step})


def kept_in_step() -> bool | None:
    """Whether the kernel's clock is kept in step with others; nothing where it does not say."""

    class _Timex(ctypes.Structure):
        _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 508))

    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(_Timex()))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


def disk(folder: Path, free: int, mounts: Iterable[str]) -> Check:
    """Whether there is room where the home lies, and whether what is written there stays; `mounts` as /proc/mounts."""
    kind = file_system_of(folder, mounts)
    says = f"{free / 2**30:.1f} GiB free where the home lies"
    if kind in OVER_A_NETWORK:
        return Check(
            "disk", False, f"{says}, on {kind}, OVER A NETWORK: locks and writes may be lost there. Put the home on a "
            "disk of this machine (--home), and share tables with --database-url",
        )  # fmt: skip
    if free < ENOUGH_DISK:
        return Check("disk", False, f"{says}; make room: {ENOUGH_DISK / 2**30:.0f} GiB at least, or move the home")
    return Check("disk", True, says)


def free_bytes(folder: Path) -> int:
    """Bytes that are free where a folder lies or will lie."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def file_system_of(folder: Path, mounts: Iterable[str]) -> str:
    """The kind of the file system that holds this folder."""
    best, found = "", ""
    place = os.path.realpath(folder)
    for line in mounts:
        _, at, kind, *_ = line.split()
        at = at.replace("\\040", " ")
        if (place == at or place.startswith(at.rstrip("/") + "/")) and len(at) >= len(best):
            best, found = at, kind
    return found


def permissions(folder: Path, user: int) -> Check:
    """Whether what the home holds is its user's alone."""
    wrong = list(_open_to_others(folder, user))
    if not wrong:
        return Check("permissions", True, "the home, its keys, tables and settings are this user's alone")
    return Check("permissions", False, "; ".join(wrong))


def _open_to_others(folder: Path, user: int) -> Iterator[str]:
    places = [folder, folder / "settings.toml", *folder.glob("firstlight.sqlite3*"), folder / "keys", folder / "vault"]
    for path in [*places, *(folder / "keys").glob("*")]:
        try:
            there = path.stat()
        except FileNotFoundError:
            continue
        except OSError as e:
            yield f"{path} cannot be read: {e.strerror}"
            continue
        # Settings hold no secret and have the mode of whatever wrote them; the folder keeps others from them.
        if there.st_mode & 0o077 and path.name != "settings.toml":
            yield f"OTHERS MAY REACH {path}: chmod {'700' if path.is_dir() else '600'} {path}"
        if there.st_uid != user:
            yield f"{path} belongs to another user: chown it, or run as that user"


def limits(open_files: int) -> Check:
    """Whether this process may open enough files."""
    says = "no limit on open files" if open_files == resource.RLIM_INFINITY else f"{open_files} open files"
    if open_files != resource.RLIM_INFINITY and open_files < ENOUGH_FILES:
        return Check(
            "limits", False, f"{says}, TOO FEW: `ulimit -n {ENOUGH_FILES}`, or LimitNOFILE={ENOUGH_FILES} in the unit"
        )
    return Check("limits", True, says, {"open_files": open_files})


def memory(folder: Path, free: int, needed: int) -> Check:
    """Whether lists can be opened in memory: sealed ones need room there, plain ones none."""
    says = f"{free / 2**20:.0f} MiB free in {folder}, where lists are opened"
    if free < needed + ENOUGH_MEMORY:
        return Check(
            "memory for lists", False, f"{says}; they NEED {(needed + ENOUGH_MEMORY) / 2**20:.0f} MiB: enlarge it "
            f"(mount -o remount,size=... {folder}; docker: --shm-size)",
        )  # fmt: skip
    return Check("memory for lists", True, says)


def soft_limit_of_files() -> int:
    """How many files this process may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


__all__ = [
    "Check", "clock", "disk", "file_system_of", "free_bytes", "kept_in_step", "limits", "memory", "permissions",
    "soft_limit_of_files",
]  # fmt: skip
