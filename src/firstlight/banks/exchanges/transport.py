"""The way to an exchange's host: that host and no other, with limits, patience and no secret in what goes wrong."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any, Final, Self
from urllib.parse import urlsplit

import httpx

from firstlight.errors import InputError, UpstreamError
from firstlight.values import LOOPBACK_NAMES

MAX_ANSWER: Final = 64 << 20
"""Of a page. NCMEC's have a thousand entries, some kilobytes each."""
MAX_LIST: Final = 4 << 30
"""Of a list file, which is written to a file and not held."""
TRIES: Final = 5
RETRIED: Final = frozenset({429, 500, 502, 503, 504})
FIRST_WAIT: float = 1.0
LONGEST_WAIT: Final = 30.0
"""Seconds before the second try, doubled each time, and at most."""
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)


def checked_base(url: str) -> str:
    """The address without a slash at its end.

    Raises:
        InputError: it is no https address (or http on this machine), or carries credentials or a query.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as e:
        raise InputError("This is no address of an exchange.", hint="Write it like https://host/path.") from e
    here = host in LOOPBACK_NAMES
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and here)):
        raise InputError("Lists are fetched over https only.", hint="Write the address like https://host/path.")
    if parts.username or parts.query or parts.fragment:
        raise InputError("The address carries more than a path.", hint="Credentials are kept apart from it.")
    return url.rstrip("/")


class Host:
    """One exchange's host. Use it in a `with` statement. Follows no redirect, reads nothing from the environment."""

    def __init__(
        self,
        base: str,
        *,
        headers: Mapping[str, str] | None = None,
        user: tuple[str, str] | None = None,
    ) -> None:
        self.base = checked_base(base)
        self._http = httpx.Client(
            auth=httpx.BasicAuth(*user) if user else None,
            headers=dict(headers or {}),
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """What stands there; asked for again, with pauses, when the host is busy or the line breaks.

        Raises:
            UpstreamError: it does not answer, refuses, or answers too much.
        """
        return self._patiently("GET", path, query, {})[1]

    def get_json(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The same as a JSON object; asked for again also when it comes cut off.

        Raises:
            UpstreamError: as `get`, or it is no JSON object.
        """
        for last in (False, True):
            body = self.get(path, query)
            try:
                answer = json.loads(body)
            except ValueError as e:
                if last:
                    raise self._error("answered with broken JSON") from e
                continue
            if isinstance(answer, dict):
                return answer
            raise self._error("answered with something else than an object")
        raise AssertionError("unreachable")

    def download(self, marks: Mapping[str, str], out: IO[bytes]) -> dict[str, str] | None:
        """Write what stands at the base address into a file, and answer the marks to know it by; none, and nothing
        written, while it is what the marks say.

        Raises:
            UpstreamError: as `get`; what was written is not whole.
        """
        headers = {
            header: marks[name]
            for header, name in (("If-None-Match", "etag"), ("If-Modified-Since", "modified"))
            if marks.get(name)
        }
        status, _, answered = self._patiently("GET", "", None, headers, out)
        if status == httpx.codes.NOT_MODIFIED:
            return None
        out.flush()
        out.seek(0)
        found = {"etag": answered.get("etag", ""), "modified": answered.get("last-modified", "")}
        digest = hashlib.file_digest(out, "sha256").hexdigest()  # type: ignore[arg-type]
        return {name: value for name, value in found.items() if value} | {"sha256": digest}

    def send(self, method: str, path: str, body: bytes, content_type: str) -> bytes:
        """Send once; what changes something there is never repeated by itself.

        Raises:
            UpstreamError: it does not answer, or refuses.
        """
        status, answer, _ = self._once(method, path, None, body, {"Content-Type": content_type})
        if status >= 300:
            raise self._error(f"refused it ({status})")
        return answer

    def _patiently(
        self, method: str, path: str, query: Mapping[str, str] | None, headers: Mapping[str, str],
        out: IO[bytes] | None = None,
    ) -> tuple[int, bytes, httpx.Headers]:  # fmt: skip
        pause = FIRST_WAIT
        for attempt in range(1, TRIES + 1):
            try:
                status, answer, answered = self._once(method, path, query, None, headers, out)
            except UpstreamError:
                if attempt == TRIES:
                    raise
            else:
                if status < 300 or status == httpx.codes.NOT_MODIFIED:
                    return status, answer, answered
                if status not in RETRIED or attempt == TRIES:
                    raise self._error(f"refused ({status})", status)
                told = answered.get("retry-after", "")
                pause = max(pause, float(told)) if told.isdecimal() else pause
            time.sleep(min(pause, LONGEST_WAIT))
            pause *= 2
        raise AssertionError("unreachable")

    def _once(
        self, method: str, path: str, query: Mapping[str, str] | None, body: bytes | None, headers: Mapping[str, str],
        out: IO[bytes] | None = None,
    ) -> tuple[int, bytes, httpx.Headers]:  # fmt: skip
        if not path.startswith("/") and path:
            raise self._error("points to another place")
        held: IO[bytes] = io.BytesIO() if out is None else out
        held.seek(0)
        held.truncate()
        limit, size = MAX_ANSWER if out is None else MAX_LIST, 0
        try:
            with self._http.stream(
                method, self.base + path, params=dict(query) if query else None, content=body, headers=dict(headers)
            ) as response:
                for part in response.iter_bytes():
                    size += len(part)
                    if size > limit:
                        raise self._error(f"answered with more than {limit} bytes")
                    held.write(part)
                answer = held.getvalue() if isinstance(held, io.BytesIO) else b""
                return response.status_code, answer, response.headers
        except (httpx.HTTPError, httpx.InvalidURL) as e:  # their words may hold the address with a token in it
            raise self._error(f"did not answer ({type(e).__name__})") from None

    def _error(self, says: str, status: int | None = None) -> UpstreamError:
        hint = "Fetch again later; what was fetched is kept."
        if status in (401, 403):
            hint = "Check the credentials: firstlight exchange credentials"
        return UpstreamError(f"The exchange at {urlsplit(self.base).hostname} {says}.", hint=hint)
