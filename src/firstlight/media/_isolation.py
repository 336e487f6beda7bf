"""What is taken away from a worker before it sees a foreign byte.

Each layer is tried and reported; none is assumed. Resource limits and `no_new_privs` always hold. A network namespace,
a system call filter (seccomp) and a file system filter (Landlock) hold where the kernel has them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from firstlight.media.limits import Limits

MAX_OPEN_FILES = 64
"""A decoder needs its source, a few modules and its socket."""

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_SIGKILL = 9


@dataclass(frozen=True, slots=True)
class Isolation:
    """Which layers hold for the workers of a cage; `firstlight doctor` shows them.

    `limits` is memory, processor time, open files, file size and core dumps. `no_new_privileges` means no program can
    give the worker more rights. `own_network` is a network namespace without any interface. `system_calls` refuses
    sockets, programs, new processes and tracing. `files` lets the worker read Python's own folders and nothing else.
    """

    limits: bool = False
    no_new_privileges: bool = False
    own_network: bool = False
    system_calls: bool = False
    files: bool = False

    @property
    def no_network(self) -> bool:
        """Whether a worker cannot reach any host, loopback included."""
        return self.own_network or self.system_calls

    def as_dict(self) -> dict[str, bool]:
        """The layers as plain JSON values."""
        return {field.name: bool(getattr(self, field.name)) for field in fields(self)}


def leave_network() -> bool:
    """Move this single-threaded process into a network namespace of its own, where there is nothing to reach."""
    try:
        return bool(_libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)
    except AttributeError:
        return False


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it is gone."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def isolate(limits: Limits, readable: Iterable[str], *, own_network: bool) -> Isolation:
    """Take everything away from this process that decoding does not need, for good."""
    _set_resource_limits(limits)
    no_new = _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    files = no_new and _restrict_files(readable)
    calls = no_new and _restrict_calls()
    return Isolation(limits=True, no_new_privileges=no_new, own_network=own_network, system_calls=calls, files=files)


def allow_cpu_seconds(seconds: int) -> None:
    """Give this process so many seconds of processor time from now on; then the kernel ends it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = used + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _set_resource_limits(limits: Limits) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    wanted = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + limits.memory_bytes,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, amount in wanted.items():
        _, hard = resource.getrlimit(what)
        value = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (value, value))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, *args: int) -> bool:
    full = [ctypes.c_ulong(arg) for arg in (*args, 0, 0, 0, 0)[:4]]
    return bool(_libc().prctl(option, *full) == 0)


# --- file system: Landlock -------------------------------------------------------------------------------------------

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_VERSION_FLAG = 1
_LANDLOCK_RULE_PATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_RIGHTS_BY_ABI = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_NET_RIGHTS = 0b11  # bind and connect over TCP, since ABI 4
_SCOPES = 0b11  # abstract sockets and signals beyond this process, since ABI 6


def readable_folders() -> list[str]:
    """The folders that Python, its libraries and this package are read from: all a worker may still open.

    Other entries of the search path are left out: one of them may be the folder somebody happened to work in.
    """
    fixed = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo"]
    libraries = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    package = str(Path(__file__).resolve().parents[1])
    wanted = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, package, *libraries, *fixed]
    return sorted({path for path in wanted if Path(path).exists()})


def _restrict_files(readable: Iterable[str]) -> bool:
    libc = _libc()
    abi = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_LANDLOCK_VERSION_FLAG))
    if abi < 1:
        return False
    rights = 0
    for since, bits in _RIGHTS_BY_ABI:
        rights |= bits if abi >= since else 0
    attributes = struct.pack("=Q", rights)
    attributes += struct.pack("=Q", _NET_RIGHTS) if abi >= 4 else b""
    attributes += struct.pack("=Q", _SCOPES) if abi >= 6 else b""
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow_reading(libc, ruleset, path)
        return bool(libc.syscall(_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0)
    finally:
        os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _READ_FILE | (_READ_DIR if Path(path).is_dir() else 0)
        rule = struct.pack("=Qi", rights, fd)
        libc.syscall(_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(_LANDLOCK_RULE_PATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(fd)


# --- system calls: seccomp -------------------------------------------------------------------------------------------

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000

# sockets, programs, processes and tracing, kernel attack surface: nothing of it helps to decode a picture
_REFUSED_EVERYWHERE = (424, 425, 426, 427, 428, 429, 430, 431, 432, 434, 438, 440)
_REFUSED = {
    "x86_64": (
        *(41, 42, 43, 49, 50, 53, 288),
        *(57, 58, 59, 322, 62, 200, 101, 310, 311),
        *(272, 308, 155, 161, 165, 166, 175, 176, 313, 246, 248, 249, 250, 298, 321, 323),
        *_REFUSED_EVERYWHERE,
    ),
    "aarch64": (
        *(198, 199, 200, 201, 202, 203, 242),
        *(221, 281, 129, 130, 117, 270, 271),
        *(97, 268, 41, 51, 40, 39, 104, 105, 106, 217, 218, 219, 241, 280, 282, 273),
        *_REFUSED_EVERYWHERE,
    ),
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435

_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def _instruction(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _filter_program(machine: str) -> bytes:
    """A classic BPF program over (call number, architecture, arguments)."""
    refuse = _instruction(_RETURN, _ERRNO | errno.EPERM)
    out = [
        _instruction(_LOAD, 4),
        _instruction(_JUMP_EQUAL, _ARCHITECTURES[machine], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, 0),
        _instruction(_JUMP_ABOVE, _X32_BIT, 0, 1),
        refuse,
        # clone3 hides its flags behind a pointer: answered as unknown, so that libc falls back to clone
        _instruction(_JUMP_EQUAL, _CLONE3, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for number in _REFUSED[machine]:
        out += [_instruction(_JUMP_EQUAL, number, 0, 1), refuse]
    out += [
        _instruction(_JUMP_EQUAL, _CLONE[machine], 0, 4),
        _instruction(_LOAD, 16),
        _instruction(_AND, _CLONE_THREAD),
        _instruction(_JUMP_EQUAL, _CLONE_THREAD, 1, 0),
        refuse,
        _instruction(_RETURN, _ALLOW),
    ]
    return b"".join(out)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def _restrict_calls() -> bool:
    machine = platform.machine()
    if machine not in _ARCHITECTURES or struct.calcsize("P") != 8:
        return False
    code = _filter_program(machine)
    program = _Program(len(code) // 8, code)
    answer = _libc().prctl(
        _PR_SET_SECCOMP,
        ctypes.c_ulong(_SECCOMP_MODE_FILTER),
        ctypes.byref(program),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    )
    return bool(answer == 0)
