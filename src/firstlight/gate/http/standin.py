"""A stand-in for an image generator: OpenAI's image endpoints, answered with harmless patterns drawn by code.

It is for trying a gate and for tests. The same prompt draws the same picture.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

SIDE = 512
_CREATED = 1_767_225_600
_MEDIA = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


def drawn(words: str, kind: str = "png", *, share: float = 1.0) -> bytes:
    """A soft pattern of colours that depends on the words alone; `share` fades it in, as a preview does."""
    seed = int.from_bytes(hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    random = np.random.default_rng(seed)
    grid = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(grid).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    if share < 1:
        image = Image.blend(Image.new("RGB", image.size, (128, 128, 128)), image, share)
    out = io.BytesIO()
    image.save(out, kind.upper())
    return out.getvalue()


def standin_app() -> Starlette:
    """The stand-in as an ASGI application: generations, edits, variations, and the pictures that it gave URLs for."""
    kept: dict[str, tuple[bytes, str]] = {}

    async def answer(request: Request) -> Response:
        fields, words = await _fields(request)
        kind = str(fields.get("output_format") or "png")
        if kind not in _MEDIA:
            return JSONResponse({"error": {"message": "unknown format", "type": "invalid_request_error"}}, 400)
        if str(fields.get("stream")).lower() == "true":
            edits = request.url.path.endswith("edits")
            return StreamingResponse(_events(fields, words, kind, edits), media_type="text/event-stream")
        out = []
        for number in range(int(fields.get("n") or 1)):
            data = drawn(f"{words} {number}", kind)
            if fields.get("response_format") == "url":
                name = hashlib.sha256(data).hexdigest()[:20]
                kept[name] = (data, _MEDIA[kind])
                out.append({"url": str(request.url_for("picture", name=name))})
            else:
                out.append({"b64_json": base64.b64encode(data).decode()})
        return JSONResponse({"created": _CREATED, "data": out, "output_format": kind})

    async def picture(request: Request) -> Response:
        data, kind = kept.get(request.path_params["name"], (b"", ""))
        return Response(data, media_type=kind) if data else Response(status_code=404)

    async def models(_: Request) -> Response:
        one = {"id": "stand-in", "object": "model", "created": _CREATED, "owned_by": "firstlight"}
        return JSONResponse({"object": "list", "data": [one]})

    posts = [Route(f"/v1/images/{name}", answer, methods=["POST"]) for name in ("generations", "edits", "variations")]
    return Starlette(routes=[*posts, Route("/pictures/{name}", picture, name="picture"), Route("/v1/models", models)])


async def _fields(request: Request) -> tuple[dict[str, Any], str]:
    """The fields of a request, and the words that the picture depends on."""
    if "json" in request.headers.get("content-type", ""):
        found: dict[str, Any] = await request.json()
        return found, str(found.get("prompt", ""))
    async with request.form() as form:
        fields = {key: value for key, value in form.multi_items() if isinstance(value, str)}
        files = [await value.read() for _, value in form.multi_items() if isinstance(value, UploadFile)]
    return fields, str(fields.get("prompt", "")) + hashlib.sha256(b"".join(files)).hexdigest()


async def _events(fields: dict[str, Any], words: str, kind: str, edits: bool) -> AsyncIterator[str]:
    name = "image_edit" if edits else "image_generation"
    common = {
        "created_at": _CREATED,
        "size": f"{SIDE}x{SIDE}",
        "quality": "low",
        "background": "opaque",
        "output_format": kind,
    }
    previews = int(fields.get("partial_images") or 0)
    for number in range(previews):
        data = drawn(f"{words} 0", kind, share=(number + 1) / (previews + 1))
        event = {"type": f"{name}.partial_image", "b64_json": base64.b64encode(data).decode(), **common}
        yield _line({**event, "partial_image_index": number})
        await asyncio.sleep(0)
    data = drawn(f"{words} 0", kind)
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    usage_details = {"input_tokens_details": {"image_tokens": 0, "text_tokens": 1}}
    event = {"type": f"{name}.completed", "b64_json": base64.b64encode(data).decode(), **common}
    yield _line({**event, "usage": {**usage, **usage_details}})


def _line(event: dict[str, Any]) -> str:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
