"""Trusted time (RFC 3161) on checkpoints: a second party says when the log was in this state.

Only the SHA-256 of a checkpoint leaves the house, which tells a time stamping authority nothing, not even how much was
logged. This module asks nobody itself: the caller carries the query to the authority and the answer back. The answer
is kept as raw bytes and never re-encoded; a part of it is unsigned, so its own hash identifies nothing. It is checked
with `openssl ts`, a program that neither we nor the authority wrote.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate, ExtendedKeyUsage, ExtensionNotFound, load_pem_x509_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID

from firstlight.clock import in_utc
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


@dataclass(frozen=True, slots=True)
class Time:
    """The time that an authority states, and which verifiers have checked it on this machine."""

    at: datetime
    checked_by: tuple[str, ...]


def dated(note: bytes, stamp: Stamp, *, query: bytes | None = None) -> Time:
    """The time of a checkpoint, checked by every verifier that is at hand: the library rfc3161-client, and openssl.

    An answer that the library cannot read, as of authorities that write their certificates unsorted, is checked by
    openssl alone.

    Raises:
        IntegrityError: one of them refuses the stamp, or the two read different times from it.
        MissingExtraError: neither is at hand, or only the one that cannot read this answer.
    """
    times: dict[str, datetime] = {}
    try:
        by_library = check_with_library(note, stamp, query=query)
        if by_library is not None:
            times["rfc3161-client"] = by_library
    except MissingExtraError:
        pass
    try:
        times["openssl"] = check_stamp(note, stamp, query=query)
    except MissingExtraError:
        if not times:
            raise
    if len({at.replace(microsecond=0) for at in times.values()}) != 1:
        raise IntegrityError("Two verifiers read different times from this time stamp.", code="integrity.timestamp")
    return Time(min(times.values()), tuple(times))


def check_with_library(note: bytes, stamp: Stamp, *, query: bytes | None = None) -> datetime | None:
    """The same as `check_stamp`, by the library rfc3161-client; None for an answer that it cannot read.

    Raises:
        IntegrityError: the stamp is of something else, or is not signed by an authority of the chain.
        MissingExtraError: the library is not installed.
    """
    try:
        library: Any = importlib.import_module("rfc3161_client")
    except ImportError as e:
        raise MissingExtraError(
            "Checking a time stamp needs rfc3161-client.", hint="pip install 'firstlight[timestamps]'"
        ) from e
    if len(stamp.response) > MAX_RESPONSE:
        raise IntegrityError("This time stamp is too long to be one.", code="integrity.timestamp")
    try:
        answer = library.decode_timestamp_response(stamp.response)
        certificates = load_pem_x509_certificates(stamp.chain_pem)
    except ValueError:
        return None
    roots = [one for one in certificates if one.issuer == one.subject]
    others = [one for one in certificates if one.issuer != one.subject]
    leaf = next((one for one in certificates if _may_stamp(one)), None)
    nonce = None if query is None else _nonce(query)
    verifier = library.VerifierBuilder(roots=roots, intermediates=others, tsa_certificate=leaf, nonce=nonce)
    try:
        verifier.build().verify(answer, hashlib.sha256(note).digest())
    except (library.VerificationError, ValueError) as e:
        raise IntegrityError(
            f"This time stamp is not one of this checkpoint by a known authority: {e}.",
            hint="Keep its raw bytes; check the configured certificates of the authority.",
            code="integrity.timestamp",
        ) from e
    at: datetime = answer.tst_info.gen_time
    return in_utc(at)


def _may_stamp(certificate: Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except (ExtensionNotFound, ValueError):
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in usage


def _nonce(query: bytes) -> int:
    """The number that our own query asks to be repeated: the DER integer before its last three bytes."""
    body = query[2:-3]
    start = body.index(b"\x04\x20") + 2 + 32  # behind the imprint
    return int.from_bytes(body[start + 2 :], "big")


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
