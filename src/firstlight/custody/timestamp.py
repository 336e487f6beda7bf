"""Trusted time (RFC 3161) on checkpoints: a second party says when the log was in this state.

Only the SHA-256 of a checkpoint leaves the house, which tells a time stamping authority nothing, not even how much was
logged. This module asks nobody itself: the caller carries the query to the authority and the answer back. The answer
is kept as raw bytes and never re-encoded; a part of it is unsigned, so its own hash identifies nothing. It is checked
with `openssl ts`, a program that neither we nor the authority wrote.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from firstlight.errors import IntegrityError, MissingExtraError

CONTENT_TYPE = "application/timestamp-query"
MAX_RESPONSE = 256 * 1024
"""Bytes of an answer that are looked at: one with a whole certificate chain has 10 kB."""

_SHA256_OID = bytes.fromhex("300d06096086480165030402010500")
_OPENSSL_SECONDS = 30
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = re.compile(
    rf"^Time stamp: ({'|'.join(_MONTHS)}) +(\d+) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{{4}}) GMT$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """An authority's answer about a checkpoint, as it came, with the PEM certificates needed to check it."""

    response: bytes
    chain_pem: bytes


def timestamp_query(note: bytes, nonce: int) -> bytes:
    """The TimeStampReq (DER) for the SHA-256 of a checkpoint's note; post it as `application/timestamp-query`.

    The nonce is a random number of up to 64 bits; the answer repeats it.
    """
    number = nonce.to_bytes(nonce.bit_length() // 8 + 1, "big")
    imprint = _der(0x30, _SHA256_OID + _der(0x04, hashlib.sha256(note).digest()))
    return _der(0x30, _der(0x02, b"\x01") + imprint + _der(0x02, number) + _der(0x01, b"\xff"))


def check_stamp(note: bytes, stamp: Stamp, *, query: bytes | None = None, openssl: str = "openssl") -> datetime:
    """The time at which the authority says that this checkpoint was there; with the query, also that it answers that.

    `stamp.chain_pem` has to come from the configuration, not from the answer.

    Raises:
        IntegrityError: the stamp is of something else, or is not signed by an authority of the chain.
        MissingExtraError: `openssl` is not there.
    """
    if len(stamp.response) > MAX_RESPONSE:
        raise IntegrityError("This time stamp is too long to be one.", code="integrity.timestamp")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {"note": note, "tsr": stamp.response, "chain": stamp.chain_pem, "query": query or b""}
        for file, data in files.items():
            (folder / file).write_bytes(data)
        subject = ["-data", str(folder / "note")]
        chain = ["-CAfile", str(folder / "chain"), "-untrusted", str(folder / "chain")]
        _run(openssl, ["-verify", "-in", str(folder / "tsr"), *subject, *chain])
        if query is not None:
            _run(openssl, ["-verify", "-in", str(folder / "tsr"), "-queryfile", str(folder / "query"), *chain])
        text = _run(openssl, ["-reply", "-in", str(folder / "tsr"), "-text"])
    found = _TIME.search(text)
    if found is None:
        raise IntegrityError("This time stamp states no time.", code="integrity.timestamp")
    month, day, hour, minute, second, year = found.groups()
    at = (int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
    return datetime(*at, tzinfo=UTC)


def _run(openssl: str, arguments: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program with files of our own
            [openssl, "ts", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_OPENSSL_SECONDS,
            check=False,
            env={"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"},
        )
    except FileNotFoundError as e:
        raise MissingExtraError("Checking a time stamp needs the program openssl.", hint="apt install openssl") from e
    except subprocess.TimeoutExpired as e:
        raise IntegrityError("Checking this time stamp did not end.", code="integrity.timestamp") from e
    if done.returncode:
        raise IntegrityError(
            "This time stamp is not one of this checkpoint by a known authority.",
            hint="Keep its raw bytes; check the configured certificates of the authority.",
            code="integrity.timestamp",
        )
    return done.stdout


def _der(tag: int, content: bytes) -> bytes:
    """One DER element; all of ours are shorter than 128 bytes."""
    return bytes([tag, len(content)]) + content
