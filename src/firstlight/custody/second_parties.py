"""Asks the two second parties that an operator may have configured: who dates a checkpoint, and who signs it along.

Both are given a checkpoint, or its hash, and learn nothing else.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from firstlight.custody.cosignature import WitnessKey
from firstlight.custody.note import SignedCheckpoint
from firstlight.custody.timestamp import CONTENT_TYPE, MAX_RESPONSE
from firstlight.custody.witness import request_body
from firstlight.errors import InputError, IntegrityError, UpstreamError

TRIES = 3
"""How often one of them is asked before it counts as away; what waits is asked for again the next time."""

SECONDS = 15.0
LARGEST_ANSWER = 16 * 1024


def ask_authority(url: str, query: bytes) -> bytes:
    """The time stamping authority's answer as it came; nothing in it is verified yet.

    Raises:
        InputError: the address cannot be used.
        UpstreamError: it does not answer, or with something else.
    """
    headers = {"Content-Type": CONTENT_TYPE, "Accept": "application/timestamp-reply"}
    answer = _post(url, query, headers, MAX_RESPONSE, "The time stamping authority")
    if answer.status_code != httpx.codes.OK:
        raise UpstreamError(
            f"The time stamping authority answers {answer.status_code}.", hint="Check timestamps.url in settings.toml."
        )
    return answer.content


def ask_witness(
    url: str,
    key: WitnessKey,
    signed: SignedCheckpoint,
    known: int,
    prove: Callable[[int], Sequence[bytes]],
) -> SignedCheckpoint:
    """The checkpoint with the witness's signature under it.

    `known` is the size it signed last, as far as is known here; `prove` gives the consistency proof from a size.

    Raises:
        IntegrityError: the witness has signed a log that this one did not grow out of, or its answer is false.
        UpstreamError: it does not answer, or with something else.
    """
    address = url.rstrip("/") + "/add-checkpoint"
    old = known
    answer = _add_checkpoint(address, old, signed, prove)
    if answer.status_code == httpx.codes.CONFLICT and (size := _size(answer)) != old:
        if size > signed.size:
            raise _fork(f"it has signed {size} entries, and there are {signed.size}: the end was cut off")
        old = size
        answer = _add_checkpoint(address, old, signed, prove)
    if answer.status_code in (httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY):
        raise _fork(f"what it signed at {old} entries is not how this log began")
    if answer.status_code != httpx.codes.OK:
        said = answer.text.strip()[:200]
        raise UpstreamError(f"The witness answers {answer.status_code}: {said}", hint="Ask who runs it.")
    note = signed.note + _line(answer.content, key)
    if key.seen_at(note) is None:
        raise IntegrityError("The witness has answered with another key.", hint="Check witness.key in settings.toml.")
    return SignedCheckpoint(signed.checkpoint, note)


def _add_checkpoint(
    address: str, old: int, signed: SignedCheckpoint, prove: Callable[[int], Sequence[bytes]]
) -> httpx.Response:
    body = request_body(old, prove(old), signed.note)
    return _post(address, body, {"Content-Type": "text/plain"}, LARGEST_ANSWER, "The witness")


def _line(body: bytes, key: WitnessKey) -> bytes:
    """The line of this witness among those of its answer."""
    for line in body.splitlines(keepends=True):
        dash, _, rest = line.decode("utf-8", "replace").partition(" ")
        name, _, encoded = rest.strip().partition(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        if (dash, name, raw[:4]) == ("\u2014", key.name, key.key_id) and line.endswith(b"\n"):
            return line
    raise IntegrityError("The witness has answered without its signature.", hint="Check witness.key in settings.toml.")


def _size(answer: httpx.Response) -> int:
    try:
        return int(answer.text.strip()[:20])
    except ValueError as e:
        raise UpstreamError("The witness refuses and does not say at which size.", hint="Ask who runs it.") from e


def _fork(why: str) -> IntegrityError:
    return IntegrityError(
        f"The witness refuses to sign: {why}.",
        hint="Run `firstlight custody verify`; do not write to this log before it is known what happened.",
        code="integrity.witness",
    )


def _post(url: str, body: bytes, headers: dict[str, str], limit: int, who: str) -> httpx.Response:
    last: Exception | None = None
    with httpx.Client(timeout=SECONDS, trust_env=False, follow_redirects=False) as client:
        for _ in range(TRIES):
            try:
                return _read(client, url, body, headers, limit)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as e:
                raise InputError(f"{url!r} is no address: {e}.", hint="It begins with https://") from e
            except httpx.HTTPError as e:
                last = e
    raise UpstreamError(
        f"{who} {url} does not answer ({type(last).__name__}).",
        hint="Nothing is lost: what waits is asked for again by `firstlight custody anchor`.",
        code="upstream.away",
    ) from last


def _read(client: Any, url: str, body: bytes, headers: dict[str, str], limit: int) -> httpx.Response:  # noqa: ANN401
    with client.stream("POST", url, content=body, headers=headers) as answer:
        data = b""
        for block in answer.iter_bytes():
            data += block
            if len(data) > limit:
                raise UpstreamError(f"The answer of {url} is longer than {limit} bytes.", hint="Check its address.")
        return httpx.Response(answer.status_code, headers={"Content-Type": "text/plain"}, content=data)
