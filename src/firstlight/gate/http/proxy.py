"""The reverse proxy: OpenAI's image endpoints, with the gate before and behind the generator.

Only what the gate understands passes. A field of an answer that may hold a picture and is not known here is left out;
an event of a stream that is not known ends it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from firstlight.errors import InputError, UpstreamError
from firstlight.gate.guard import Asker
from firstlight.gate.http.errors import bad_request, error, refusal, unmarked, upstream_failed
from firstlight.gate.http.requests import ImageRequest, read_request
from firstlight.gate.http.shelf import Shelf
from firstlight.gate.marking import Model
from firstlight.gate.pictures import LARGEST_PICTURE
from firstlight.gate.pipeline import Admission, Gate, RefusedRequestError, Released
from firstlight.logs import get_logger

_log = get_logger("gate")

GENERATION_SECONDS: Final = 600.0
"""A generator may take minutes; one that takes longer has failed."""

LARGEST_ANSWER: Final = 16 * LARGEST_PICTURE
LARGEST_EVENT: Final = 2 * LARGEST_PICTURE
LARGEST_LIST: Final = 2**20

_PASSED_ON: Final = ("authorization", "openai-organization", "openai-project", "openai-beta", "api-key")
_ANSWER: Final = ("created", "usage", "background", "output_format", "size", "quality")
_EVENTS: Final = (
    *("image_generation.partial_image", "image_generation.completed"),
    *("image_edit.partial_image", "image_edit.completed"),
)
_EVENT: Final = (
    *("type", "created_at", "size", "quality", "background", "output_format", "partial_image_index", "usage"),
    "safety_identifier",
)


class ImageProxy:
    """Forwards image requests to one generator. `image_hosts` are hosts that its answers may name pictures at, beside
    its own; `models` says which model stands behind a name. `client_ip_header` is the header in which the operator's
    own front end names the user's address; without it none is recorded."""

    def __init__(
        self,
        gate: Gate,
        upstream: str,
        *,
        key: str = "",
        image_hosts: tuple[str, ...] = (),
        models: Mapping[str, Model] | None = None,
        public_url: str = "",
        client_ip_header: str = "",
        client: httpx.AsyncClient | None = None,
    ) -> None:
        """Raises:
        InputError: the address is none.
        """
        parts = urlsplit(upstream)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{upstream!r} is no address.", hint="Give one like https://generator.example/v1.")
        self._gate = gate
        self._base = upstream.rstrip("/").removesuffix("/v1")
        self._key = key
        self._hosts = frozenset({parts.netloc, *image_hosts})
        self._models = dict(models or {})
        self._public_url = public_url.rstrip("/")
        self._client_ip_header = client_ip_header
        self.shelf = Shelf()
        self._client = client or httpx.AsyncClient(timeout=GENERATION_SECONDS, trust_env=False, follow_redirects=False)

    async def images(self, request: Request) -> Response:
        """Generations, edits and variations."""
        try:
            asked = await read_request(request)
        except InputError as e:
            return bad_request(e)
        asker = _asker(request, asked, self._client_ip_header)
        try:
            admission = await run_in_threadpool(self._let_in, asked, asker)
        except RefusedRequestError as e:
            status, body = refusal(e.decision)
            return JSONResponse(body, status)
        path = "/v1/images/" + request.url.path.rsplit("/", 1)[-1]
        forwarded = asked.forwarded()
        headers = {**self._headers(request), **forwarded.pop("headers", {})}
        call = self._client.build_request("POST", self._base + path, headers=headers, **forwarded)
        try:
            answer = await self._client.send(call, stream=True)
        except httpx.HTTPError as e:
            _log.warning("upstream.failed", error=type(e).__name__)
            return upstream_failed()
        if answer.status_code != 200:
            return await _passed_error(answer)
        if "event-stream" in answer.headers.get("content-type", ""):
            return StreamingResponse(self._events(answer, admission), media_type="text/event-stream")
        try:
            return await self._answer(request, answer, admission)
        except UpstreamError as e:
            _log.warning("upstream.answer", error=e)
            return upstream_failed()

    async def models(self, request: Request) -> Response:
        """The list of the generator's models, passed on."""
        try:
            async with self._client.stream(
                "GET", self._base + request.url.path, headers=self._headers(request)
            ) as answer:
                return JSONResponse(_object(await _read(answer, LARGEST_LIST)), answer.status_code)
        except (httpx.HTTPError, UpstreamError):
            return upstream_failed()

    async def picture(self, request: Request) -> Response:
        """A picture that was let out by address."""
        found = self.shelf.get(request.path_params["name"])
        if found is None:
            return JSONResponse(error("There is no such picture.", "invalid_request_error", "not_found"), 404)
        return Response(found[0], media_type=found[1], headers={"Cache-Control": "private, no-store"})

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    # --- in ---

    def _let_in(self, asked: ImageRequest, asker: Asker) -> Admission:
        model = self._models.get(asked.model) or Model(asked.model or "default")
        return self._gate.let_in(asked.prompt, model=model, asker=asker, inputs=asked.inputs, masks=asked.masks)

    def _headers(self, request: Request) -> dict[str, str]:
        passed = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        if self._key:
            passed["authorization"] = f"Bearer {self._key}"
        return {**passed, "accept-encoding": "identity"}

    # --- out ---

    async def _answer(self, request: Request, answer: httpx.Response, admission: Admission) -> Response:
        body = _object(await _read(answer, LARGEST_ANSWER))
        found = body.get("data")
        if not isinstance(found, list) or not found:
            raise UpstreamError("The generator answered no pictures.", code="upstream.answer")
        try:
            data = [await self._one(request, one, admission) for one in found]
        except RefusedRequestError as e:
            status, refused = _refused(e)
            return JSONResponse(refused, status)
        return JSONResponse({**{key: body[key] for key in _ANSWER if key in body}, "data": data})

    async def _one(self, request: Request, one: Any, admission: Admission) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """One picture of an answer, in the form in which it came."""
        if not isinstance(one, dict):
            raise UpstreamError("The generator answered something that is no picture.", code="upstream.answer")
        words = {"revised_prompt": one["revised_prompt"]} if isinstance(one.get("revised_prompt"), str) else {}
        if isinstance(one.get("b64_json"), str):
            out = await self._released(_base64(one["b64_json"]), admission)
            return {**words, "b64_json": base64.b64encode(out.data).decode()}
        if isinstance(one.get("url"), str):
            out = await self._released(await self._fetched(one["url"]), admission)
            name = self.shelf.put(out.data, out.media_type)
            base = self._public_url or str(request.base_url).rstrip("/")
            return {**words, "url": f"{base}/v1/gate/pictures/{name}"}
        raise UpstreamError("The generator answered something that is no picture.", code="upstream.answer")

    async def _released(self, data: bytes, admission: Admission, *, preview: bool = False) -> Released:
        return await run_in_threadpool(self._gate.let_out, data, admission, preview=preview)

    async def _fetched(self, url: str) -> bytes:
        """A picture from where the generator says it lies: its own host, or one that the operator named."""
        if url.startswith("data:"):
            return _base64(url.partition(",")[2])
        try:
            if urlsplit(url).netloc not in self._hosts:
                raise UpstreamError("The generator names a host that was not configured.", code="upstream.host")
            async with self._client.stream("GET", url) as answer:
                if answer.status_code != 200:
                    raise UpstreamError("A picture could not be fetched.", code="upstream.answer")
                return await _read(answer, LARGEST_PICTURE)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as e:
            raise UpstreamError("A picture could not be fetched.", code="upstream.connection") from e

    async def _events(self, answer: httpx.Response, admission: Admission) -> AsyncIterator[str]:
        """The events of a stream, each picture in them decided before it leaves; whatever else ends the stream."""
        try:
            async for name, data in _sse(answer):
                if data == "[DONE]":
                    yield "data: [DONE]\n\n"
                    return
                yield await self._event(name, _object(data.encode()), admission)
        except RefusedRequestError as e:
            yield _error_event(_refused(e)[1])
        except (UpstreamError, httpx.HTTPError) as e:
            _log.warning("upstream.stream", error=type(e).__name__)
            yield _error_event(error("The generator did not answer as agreed.", "server_error", "bad_gateway"))
        finally:
            await answer.aclose()

    async def _event(self, name: str, event: dict[str, Any], admission: Admission) -> str:
        kind = event.get("type", name)
        if kind == "error" or "error" in event:
            return _error_event(_only_error(event))
        if kind not in _EVENTS or not isinstance(event.get("b64_json"), str):
            raise UpstreamError("The generator sent an event that is not known.", code="upstream.event")
        preview = kind.endswith("partial_image")
        out = await self._released(_base64(event["b64_json"]), admission, preview=preview)
        known: dict[str, Any] = {key: event[key] for key in _EVENT if key in event}
        return _line(kind, {**known, "type": kind, "b64_json": base64.b64encode(out.data).decode()})


def _asker(request: Request, asked: ImageRequest, ip_header: str) -> Asker:
    """Who asks. The address of the connection is that of the service that calls, and would be untrue of a user: an
    address is taken only from the header in which the operator's own front end names it."""
    account = asked.account
    if not account and "authorization" in request.headers:
        account = "key-" + hashlib.sha256(request.headers["authorization"].encode()).hexdigest()[:16]
    ip = request.headers.get(ip_header, "").strip() if ip_header else ""
    return Asker(account=account, ip=ip)


def _refused(e: RefusedRequestError) -> tuple[int, dict[str, Any]]:
    return unmarked(e.decision) if e.decision.allowed else refusal(e.decision)


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as e:
        raise UpstreamError("The generator answered a picture that is no base64.", code="upstream.answer") from e


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise UpstreamError("The generator answered no JSON.", code="upstream.answer") from e
    if not isinstance(found, dict):
        raise UpstreamError("The generator answered no JSON object.", code="upstream.answer")
    return found


async def _read(answer: httpx.Response, limit: int) -> bytes:
    out = bytearray()
    try:
        async for piece in answer.aiter_bytes():
            out += piece
            if len(out) > limit:
                raise UpstreamError("The generator's answer is too large.", code="upstream.answer")
    except httpx.HTTPError as e:
        raise UpstreamError("The generator's answer broke off.", code="upstream.connection") from e
    finally:
        await answer.aclose()
    return bytes(out)


async def _passed_error(answer: httpx.Response) -> Response:
    """An error of the generator, if it is one and nothing else."""
    try:
        body = _object(await _read(answer, 2**20))
    except UpstreamError:
        return upstream_failed()
    if answer.status_code < 400 or not isinstance(body.get("error"), dict):
        return upstream_failed()
    return JSONResponse(_only_error(body), answer.status_code)


def _only_error(body: dict[str, Any]) -> dict[str, Any]:
    """The words of an error, and nothing that could hold a picture."""
    found = body.get("error")
    inner = found if isinstance(found, dict) else {}
    message, kind, code = (str(inner.get(key) or "")[:500] for key in ("message", "type", "code"))
    return error(message or "The generator failed.", kind or "server_error", code or None)


async def _sse(answer: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    """The events of a stream as (name, data)."""
    name = ""
    data: list[str] = []
    async for line in _lines(answer):
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data = "", []
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].strip())


async def _lines(answer: httpx.Response) -> AsyncIterator[str]:
    """The lines of a stream; what does not end, or has no empty line in it, does not fill the memory."""
    begun: list[bytes] = []
    size = 0
    async for piece in answer.aiter_bytes():
        ended, *more = piece.split(b"\n")
        begun.append(ended)
        size += len(ended)
        for next_one in more:
            line = b"".join(begun).removesuffix(b"\r").decode("utf-8", "replace")
            yield line
            begun, size = [next_one], (size if line else 0) + len(next_one)
        if size > LARGEST_EVENT:
            raise UpstreamError("An event of the generator is too large.", code="upstream.event")


def _line(kind: str, event: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(event)}\n\n"


def _error_event(body: dict[str, Any]) -> str:
    return _line("error", {"type": "error", **body})
