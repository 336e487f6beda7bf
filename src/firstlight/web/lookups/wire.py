"""How the service and its look-up processes talk: packets over a socket pair.

    service -> process    SETUP, once: which home, under which settings
    process -> service    READY, once
    service -> process    CONNECTION: a connection, and what was read from it and not answered
    process -> service    BACK: the same, for a request that the process does not answer
    process -> service    REPORT: what was looked up and answered since the last one

A packet arrives whole or not at all, and a connection rides on its packet. Whoever hangs up ends the other side's part.
"""

from __future__ import annotations

import socket

SETUP, READY, CONNECTION, BACK, REPORT = b"S", b"R", b"C", b"B", b"T"
MOST = 65_536
"""Bytes that were read from a connection and go with it; what a packet can carry for certain."""
PACKET = 4 * MOST


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


__all__ = ["BACK", "CONNECTION", "MOST", "PACKET", "READY", "REPORT", "SETUP", "pair"]
