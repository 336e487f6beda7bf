#!/usr/bin/env python3
"""Runs a command where the kernel knows no network but loopback: no_way_out.py COMMAND [ARGUMENT...]

The tests run like this, so that not even a compiled library can reach a host, and each attempt is counted by the
kernel (tests/conftest.py reads the count). Where the kernel does not allow it, the command runs all the same and the
environment variable FIRSTLIGHT_NO_WAY_OUT is not set.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def leave_the_network() -> None:
    """Put this process into a network of its own that has loopback alone.

    Raises:
        OSError: the kernel does not allow it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWNET) != 0:
        if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH22s", b"lo", 0, b"")
        flags = struct.unpack("16sH22s", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22s", b"lo", flags | _IFF_UP, b""))


def main() -> None:
    try:
        leave_the_network()
    except OSError as e:
        sys.stderr.write(f"No network namespace here ({e.strerror}): connections are watched in Python alone.\n")
        os.environ.pop("FIRSTLIGHT_NO_WAY_OUT", None)
    else:
        os.environ["FIRSTLIGHT_NO_WAY_OUT"] = "1"
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
