"""Lets a client talk to the simulated service in its own process, without a socket: for many runs in little time."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from firstlight.cybertip.simulator.service import Request, Service


class SimulatorTransport(httpx.BaseTransport):
    """An httpx transport that hands each request to a service and breaks connections where the service says so."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The service's answer.

        Raises:
            httpx.ReadError: the service ended the connection without an answer.
        """
        chunks: Iterator[bytes] = iter(request.stream)  # type: ignore[arg-type]
        headers = {k.lower(): v for k, v in request.headers.items()}
        reply = self._service.handle(Request(request.method, request.url.path, headers, chunks))
        if reply is None:
            raise httpx.ReadError("the connection ended without an answer", request=request)
        body = reply.body
        stream: httpx.SyncByteStream = _Cut(body) if reply.cut else httpx.ByteStream(body)
        sent = [("Content-Type", reply.content_type), ("Content-Length", str(len(body))), *reply.headers]
        return httpx.Response(reply.status, headers=sent, stream=stream, request=request)


class _Cut(httpx.SyncByteStream):
    """Half of a body, and then nothing."""

    def __init__(self, body: bytes) -> None:
        self._half = body[: len(body) // 2]

    def __iter__(self) -> Iterator[bytes]:
        yield self._half
        raise httpx.RemoteProtocolError("the connection ended within the answer")
