"""The socket that a server listens on, or words for why there is none."""

from __future__ import annotations

import errno
import socket

from firstlight.errors import InputError, StorageError

BACKLOG = 2048
"""Connections that wait to be taken."""


def listening_at(host: str, port: int) -> socket.socket:
    """A socket that listens there; with port 0 the system chooses one. Closed by the caller.

    Raises:
        InputError: the host is no address of this machine.
        StorageError: the port cannot be had.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as e:
        listening.close()
        if isinstance(e, socket.gaierror) or e.errno == errno.EADDRNOTAVAIL:
            raise InputError(f"{host!r} is no address of this machine.", hint="Give --host 127.0.0.1.") from e
        raise StorageError(
            f"Port {port} on {host} cannot be had: {e.strerror}.",
            hint="Stop what listens there, or choose another one with --port.",
        ) from e
    return listening


def address_at(host: str, listening: socket.socket) -> str:
    """The address of what is served there, under the name that was asked for."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


__all__ = ["address_at", "listening_at"]
