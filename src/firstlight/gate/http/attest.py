"""`POST /v1/attest`: a hash is asked about, and a signed answer comes back. Askers have keys, and a pace."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from firstlight.clock import Clock
from firstlight.errors import FirstlightError, InputError
from firstlight.gate.http.errors import bad_request, error
from firstlight.gate.http.requests import body_of
from firstlight.gate.ledger.attest import Attestor, Question
from firstlight.logs import get_logger

_log = get_logger("gate")

LARGEST_QUESTION: Final = 4096
PACE: Final = 60
"""Questions a minute for each asker: a hotline's day has fewer, and a ledger must not become a way to try hashes."""


class Pace:
    """A bucket of questions for each asker that fills again over a minute."""

    def __init__(self, a_minute: int = PACE, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = a_minute
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, asker: str) -> float:
        """Take one question; 0 when it may be asked now, else the seconds until one may."""
        with self._lock:
            now = self._monotonic()
            left, at = self._left.get(asker, (float(self._rate), now))
            left = min(float(self._rate), left + (now - at) * self._rate / 60)
            if left < 1:
                self._left[asker] = (left, now)
                return (1 - left) * 60 / self._rate
            self._left[asker] = (left - 1, now)
            return 0.0


class AttestEndpoint:
    """Answers askers whose key is known. `askers` maps a name to the SHA-256 of its key."""

    def __init__(self, attestor: Attestor, askers: Callable[[], Mapping[str, str]], clock: Clock, pace: Pace) -> None:
        self._attestor = attestor
        self._askers = askers
        self._clock = clock
        self._pace = pace

    async def attest(self, request: Request) -> Response:
        """The signed answer to one question."""
        asker = self._asker(request)
        if asker is None:
            headers = {"WWW-Authenticate": "Bearer"}
            return JSONResponse(error("No known key was given.", "authentication_error"), 401, headers)
        seconds = self._pace.wait(asker)
        if seconds:
            headers = {"Retry-After": str(int(seconds) + 1)}
            return JSONResponse(error("Too many questions.", "rate_limit_error"), 429, headers)
        try:
            question = Question.from_json(await body_of(request, LARGEST_QUESTION))
        except InputError as e:
            return bad_request(e)
        try:
            answer = await run_in_threadpool(self._attestor.answer, question, self._clock.now())
        except FirstlightError as e:
            _log.error("attest.failed", error=e)
            return JSONResponse(error("The ledger cannot answer at the moment.", "server_error"), 503)
        return Response(answer.to_json(), media_type="application/json")

    def _asker(self, request: Request) -> str | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        given = hashlib.sha256(key.strip().encode()).hexdigest()
        found = [name for name, known in self._askers().items() if hmac.compare_digest(known, given)]
        return found[0] if found and scheme.lower() == "bearer" else None
