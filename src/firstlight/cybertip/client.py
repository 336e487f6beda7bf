"""Speaks to the reporting service: one method for each endpoint, each sent once, each answer kept as it came.

Nothing is retried here: whether an act may be repeated depends on what is known of the report, which the filing knows.
"""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Self

import httpx

from firstlight.cybertip.answers import MAX_ANSWER_BYTES, Answer, read_answer
from firstlight.cybertip.destination import Destination, base_url
from firstlight.cybertip.model.files import FileDetails
from firstlight.cybertip.model.report import Report, to_xml
from firstlight.cybertip.multipart import UploadBody
from firstlight.cybertip.schema import SCHEMA_2025_11, Schema, schema_in_force
from firstlight.errors import InputError, UpstreamError

_XML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the clearing house issued to the registered provider. The password never shows in a representation."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what Basic authentication cannot carry."""
        if not self.username or ":" in self.username:
            raise InputError("The user name is empty or holds a colon.", hint="Enter it as it was issued.")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait; `read` also covers the time the service needs to store a large file."""

    connect: float = 10.0
    read: float = 120.0
    write: float = 60.0


class NotSentError(UpstreamError):
    """No connection came about, so the service cannot have seen the request."""

    code = "upstream.not-sent"


class NoAnswerError(UpstreamError):
    """The request may have arrived, but its answer was lost: nobody knows whether it was carried out."""

    code = "upstream.no-answer"


class Client:
    """A client of one destination. Use it as a context manager; it holds one connection.

    It follows no redirect, reads no proxy or credentials from the environment, and refuses answers beyond a limit.
    """

    def __init__(
        self,
        destination: Destination,
        credentials: Credentials,
        *,
        schema: Schema = SCHEMA_2025_11,
        timeouts: Timeouts | None = None,
        transport: httpx.BaseTransport | None = None,
        verify: ssl.SSLContext | None = None,
        boundary: Callable[[], str] = lambda: f"firstlight-{uuid.uuid4().hex}",
    ) -> None:
        self.destination = destination
        self.schema = schema
        self._boundary = boundary
        limits = timeouts or Timeouts()
        self._http = httpx.Client(
            auth=httpx.BasicAuth(credentials.username, credentials.password),
            timeout=httpx.Timeout(limits.read, connect=limits.connect, write=limits.write),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
            verify=verify if verify is not None else True,
            headers={"Accept": "application/xml", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def status(self) -> Answer:
        """Whether the service is there and knows us."""
        return self._ask("GET", "/status")

    def xsd(self) -> bytes:
        """The schema that the service serves.

        Raises:
            UpstreamError: it did not answer, or refused; the message carries its own words.
        """
        status, request_id, body = self._exchange("GET", "/xsd", {}, None)
        if status != 200:
            answer = read_answer(status, request_id, body)
            raise UpstreamError(
                f"The service did not give its schema: {answer.words()}.", hint="Check address and credentials."
            )
        return body

    def negotiate(self) -> Schema:
        """Read the schema that the service serves, and write by it from now on.

        Raises:
            UpstreamError: the service did not give its schema.
            InputError: what it gave is none of this service.
        """
        self.schema = schema_in_force(self.xsd())
        return self.schema

    def submit(self, report: Report) -> Answer:
        """Open a report."""
        return self._ask("POST", "/submit", {"Content-Type": _XML}, to_xml(report, self.schema))

    def upload(self, report_id: int, stream: BinaryIO, size: int, *, file_name: str) -> tuple[Answer, str]:
        """Send a file, streamed; answers with the MD5 of the bytes that were sent.

        Raises:
            IntegrityError: the stream does not hold `size` bytes.
        """
        body = UploadBody(report_id, stream, size, file_name=file_name, boundary=self._boundary())
        headers = {"Content-Type": body.content_type, "Content-Length": str(body.length)}
        return self._ask("POST", "/upload", headers, body), body.md5

    def fileinfo(self, details: FileDetails) -> Answer:
        """Say what is known about a file that was sent; the service takes it once for each file."""
        return self._ask("POST", "/fileinfo", {"Content-Type": _XML}, to_xml(details, self.schema))

    def finish(self, report_id: int) -> Answer:
        """File the report. It cannot be changed or taken back afterwards."""
        return self._form("/finish", report_id)

    def retract(self, report_id: int) -> Answer:
        """Take an open report back."""
        return self._form("/retract", report_id)

    def _form(self, path: str, report_id: int) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, headers, f"id={report_id}".encode())

    def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | Iterable[bytes] | None = None
    ) -> Answer:
        return read_answer(*self._exchange(method, path, headers or {}, body))

    def _exchange(
        self, method: str, path: str, headers: dict[str, str], body: bytes | Iterable[bytes] | None
    ) -> tuple[int, str, bytes]:
        """Status, request id and body of one exchange.

        Raises:
            NotSentError: the service cannot have seen the request.
            NoAnswerError: it may have.
        """
        url = base_url(self.destination) + path
        try:
            with self._http.stream(method, url, headers=headers, content=body) as response:
                return response.status_code, response.headers.get("Request-ID", ""), _limited(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as e:
            if "CERTIFICATE" in str(e):
                raise NotSentError(
                    f"The host does not prove with a certificate that it is {base_url(self.destination)}.",
                    hint="Check the address and this machine's clock and authorities; nothing was sent.",
                    code="upstream.certificate",
                ) from e
            raise NotSentError(
                f"No connection to the reporting service for {path}: {type(e).__name__}.",
                hint="Check the address and the network; the filing goes on where it stopped.",
            ) from e
        except httpx.HTTPError as e:
            raise NoAnswerError(
                f"The reporting service gave no whole answer to {path}: {type(e).__name__}.",
                hint="Run the filing again; it finds out what was carried out before it repeats anything.",
            ) from e
        except (httpx.InvalidURL, UnicodeError) as e:
            raise InputError("The address of the reporting service cannot be used.", hint="Correct it.") from e


def _limited(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise NoAnswerError(
                f"The answer is longer than {MAX_ANSWER_BYTES} bytes; this service sends no such answers.",
                hint="Check that the address is that of the reporting service.",
            )
        parts.append(part)
    return b"".join(parts)
