"""A ComfyUI node and the way to keep its server closed.

Put the file that `firstlight gate comfyui DIR` writes into `custom_nodes`. It gives a node "Firstlight Gate" (pictures
in; pictures, a yes or no, and a report out) and asks a running gate over HTTP (`firstlight gate --opinions`).

What a node cannot cover: it can be left out of a workflow; ComfyUI's own prompt handlers swallow exceptions and go on;
previews leave by websocket before any node sees the result. So the node is for operators who build the workflows
themselves. For anybody else's workflows put `ComfyProxy` in front and let nobody reach ComfyUI itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstlight.errors import InputError
from firstlight.gate.checks import Prompt
from firstlight.gate.guard import Asker
from firstlight.gate.http.errors import HANDLERS, bad_request, error, refusal, unmarked, upstream_failed
from firstlight.gate.http.requests import as_json, body_of, form_of, json_object, seed_in
from firstlight.gate.marking import Model
from firstlight.gate.pictures import LARGEST_PICTURE
from firstlight.gate.pipeline import Admission, Gate, RefusedRequestError

LARGEST_WORKFLOW: Final = 8 * 2**20
REMEMBERED: Final = 10_000
"""Workflows whose outputs may still be asked for."""

ROOM: Final = 512 * 2**20
"""Bytes of uploads that are kept in mind, and as many again of those that workflows loaded; the oldest goes first, and
has to be uploaded or run again."""

_LONGEST_SEEDS: Final = 400

_READ: Final = ("/prompt", "/system_stats", "/object_info")
"""What tells nothing of anybody's workflow: the length of the queue, the machine, the kinds of nodes."""

_PLACE: Final = ("filename", "subfolder", "type")

_LOADS: Final = frozenset({"LoadImage", "LoadImageMask"})
"""Nodes that load a picture which was uploaded."""

_LOADS_NOTHING: Final = frozenset(
    {
        *("CheckpointLoaderSimple", "UNETLoader", "VAELoader", "CLIPLoader", "DualCLIPLoader", "TripleCLIPLoader"),
        *("CLIPTextEncode", "CLIPTextEncodeFlux", "CLIPTextEncodeSD3", "CLIPTextEncodeSDXL", "CLIPSetLastLayer"),
        *("ConditioningAverage", "ConditioningCombine", "ConditioningConcat", "ConditioningZeroOut", "FluxGuidance"),
        *("EmptyLatentImage", "EmptySD3LatentImage", "LatentUpscale", "LatentUpscaleBy", "ModelSamplingAuraFlow"),
        *("ModelSamplingFlux", "ModelSamplingSD3", "KSampler", "KSamplerAdvanced", "KSamplerSelect", "BasicScheduler"),
        *("BasicGuider", "CFGGuider", "RandomNoise", "SamplerCustom", "SamplerCustomAdvanced", "VAEDecode"),
        *("VAEDecodeTiled", "ImageScale", "ImageScaleBy", "UpscaleModelLoader", "ImageUpscaleWithModel"),
        *("PreviewImage", "SaveImage", "FirstlightGate"),
    }
)
"""Nodes of ComfyUI's own that take no picture from anywhere but their links. With any other node in a workflow nobody
here can say that words alone were used: it may read a file, an address, or an adapter taught with photographs."""


class ComfyProxy:
    """In front of a ComfyUI server: workflows are decided before they run, pictures before they leave.

    Every text of a workflow is looked at, and every picture that is uploaded for it; one that loads a picture which was
    not uploaded here is refused. Its websocket, on which previews leave, is not forwarded: ask `/history/ID`, which
    tells of one's own workflow and of its files alone. A path that is not named here is not forwarded.
    """

    def __init__(
        self,
        gate: Gate,
        upstream: str,
        *,
        model: Model,
        account_header: str = "",
        client: httpx.AsyncClient | None = None,
    ) -> None:
        """`account_header` is the header in which your own front end names the account; without it the name that a
        browser gives itself has to do.

        Raises:
            InputError: the address is none.
        """
        if urlsplit(upstream).scheme not in ("http", "https"):
            raise InputError(f"{upstream!r} is no address.", hint="Give one like http://127.0.0.1:8188.")
        self._gate = gate
        self._base = upstream.rstrip("/")
        self._model = model
        self._account_header = account_header
        self._client = client or httpx.AsyncClient(timeout=600, trust_env=False, follow_redirects=False)
        self._uploads: OrderedDict[str, bytes] = OrderedDict()
        self._admitted: dict[str, Admission] = {}
        self._held = 0

    def application(self) -> Starlette:
        """The proxy as an ASGI application."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            yield
            await self._client.aclose()

        routes = [
            Route("/prompt", self.prompt, methods=["POST"]),
            Route("/upload/image", self.upload, methods=["POST"]),
            Route("/view", self.view),
            *(Route(path, self.read) for path in _READ),
            Route("/history/{name}", self.history),
        ]
        return Starlette(routes=routes, lifespan=lifespan, exception_handlers=HANDLERS)

    async def prompt(self, request: Request) -> Response:
        """A workflow: decided by its texts and by the pictures it loads, then handed on."""
        try:
            body = json_object(await body_of(request, LARGEST_WORKFLOW))
        except InputError as e:
            return bad_request(e)
        asker = self._asker(request, body)
        try:
            workflow = _read_workflow(body.get("prompt"), self._uploads)
            admission = await run_in_threadpool(
                self._gate.let_in,
                Prompt("\n".join(workflow.texts), seed=_seeds(body.get("prompt"))),
                model=self._model,
                asker=asker,
                inputs=workflow.inputs,
                sees_all=workflow.sees_all,
            )
        except InputError as e:
            return bad_request(e)
        except RefusedRequestError as e:
            status, refused = refusal(e.decision)
            return JSONResponse(refused, status)
        body = {key: body[key] for key in ("prompt", "client_id", "number", "front") if key in body}  # nothing unread
        try:
            answer = await self._client.post(self._base + "/prompt", **as_json(body))
            found = answer.json()
        except (httpx.HTTPError, ValueError):
            return upstream_failed()
        if answer.status_code == 400:
            return JSONResponse(error("ComfyUI cannot run this workflow.", "invalid_request_error"), 400)
        name = str(found.get("prompt_id", "")) if isinstance(found, dict) else ""
        if answer.status_code != 200 or not name:
            return upstream_failed()
        self._remember(name, admission)
        return JSONResponse({"prompt_id": name, "number": found.get("number", 0), "node_errors": {}})

    def _remember(self, name: str, admission: Admission) -> None:
        if name in self._admitted:
            self._held -= _size(self._admitted.pop(name))
        self._admitted[name] = admission
        self._held += _size(admission)
        while len(self._admitted) > REMEMBERED or (self._held > ROOM and len(self._admitted) > 1):
            self._held -= _size(self._admitted.pop(next(iter(self._admitted))))

    async def upload(self, request: Request) -> Response:
        """A picture for a workflow: kept in mind here, so that it is decided with the workflow that loads it."""
        try:
            _, files = await form_of(request)
        except InputError as e:
            return bad_request(e)
        pictures = [one for one in files if one.name == "image"]
        if len(files) != 1 or not pictures:
            return JSONResponse(error("Send one picture, as `image`.", "invalid_request_error"), 400)
        data, name = pictures[0].data, pictures[0].filename
        found = await run_in_threadpool(self._gate.guard.check_inputs, [data])
        if not found.decision.allowed:
            status, refused = refusal(found.decision)
            return JSONResponse(refused, status)
        try:
            answer = await self._client.post(self._base + "/upload/image", files={"image": (name, data)})
            told = answer.json()
        except (httpx.HTTPError, ValueError):
            return upstream_failed()
        if answer.status_code != 200 or not isinstance(told, dict) or not isinstance(told.get("name"), str):
            return upstream_failed()
        self._uploads[told["name"]] = data
        self._uploads.move_to_end(told["name"])
        while sum(map(len, self._uploads.values())) > ROOM:
            self._uploads.popitem(last=False)
        return JSONResponse({"name": told["name"], "subfolder": "", "type": "input"})

    async def view(self, request: Request) -> Response:
        """A picture that a workflow made: it leaves only for a workflow that was let in here, decided and marked."""
        name = request.query_params.get("prompt_id", "")
        admission = self._admitted.get(name)
        if admission is None:
            return JSONResponse(error("Name the workflow it is of: prompt_id.", "invalid_request_error"), 404)
        wanted = request.query_params
        query = {"type": "output", "subfolder": "", **{key: wanted[key] for key in _PLACE if key in wanted}}
        if query not in await self._made(name):
            return JSONResponse(error("That workflow made no such picture.", "invalid_request_error"), 404)
        try:
            answer = await self._client.get(self._base + "/view", params=query)
        except httpx.HTTPError:
            return upstream_failed()
        if answer.status_code != 200 or len(answer.content) > LARGEST_PICTURE:
            return upstream_failed()
        try:
            out = await run_in_threadpool(self._gate.let_out, answer.content, admission)
        except RefusedRequestError as e:
            status, refused = unmarked(e.decision) if e.decision.allowed else refusal(e.decision)
            return JSONResponse(refused, status)
        return Response(out.data, media_type=out.media_type)

    async def history(self, request: Request) -> Response:
        """The files that a workflow has made, once it is done: its own, and nothing else of what the server tells."""
        name = request.path_params["name"]
        made = await self._made(name) if name in self._admitted else []
        return JSONResponse({name: {"outputs": {"gate": {"images": made}}}} if made else {})

    async def _made(self, name: str) -> list[dict[str, str]]:
        """Where the pictures of a workflow lie. A file of the same name elsewhere is another picture, and would get
        this one's mark."""
        try:
            answer = await self._client.get(f"{self._base}/history/{quote(name, safe='')}")
            outputs = answer.json()[name]["outputs"]
            found = [one for node in outputs.values() for one in node.get("images", ())]
            return [{key: str(one.get(key, "")) for key in _PLACE} for one in found]
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            return []

    def _asker(self, request: Request, body: dict[str, Any]) -> Asker:
        named = request.headers.get(self._account_header, "") if self._account_header else ""
        return Asker(account=named or str(body.get("client_id") or ""))

    async def read(self, request: Request) -> Response:
        """What tells of the server's state, as JSON and nothing else."""
        try:
            answer = await self._client.get(self._base + request.url.path)
            return JSONResponse(answer.json(), answer.status_code)
        except (httpx.HTTPError, ValueError):
            return upstream_failed()


@dataclass(frozen=True, slots=True)
class _Workflow:
    """What goes into a workflow: its texts, the uploads that it loads, and whether that is all that can go in."""

    texts: tuple[str, ...]
    inputs: tuple[bytes, ...]
    sees_all: bool


def _read_workflow(value: object, uploads: Mapping[str, bytes]) -> _Workflow:
    """What goes into a workflow.

    Raises:
        InputError: it is none, or loads a picture that was not uploaded here.
    """
    nodes = list(value.values()) if isinstance(value, dict) else []
    if not nodes or not all(isinstance(one, dict) and isinstance(one.get("inputs"), dict) for one in nodes):
        raise InputError("`prompt` is no workflow.", hint="Send it in the form of ComfyUI's API.")
    for node in nodes:
        image = node["inputs"].get("image")
        if node.get("class_type") in _LOADS and isinstance(image, str) and _file(image) not in uploads:
            raise InputError(
                "The workflow loads a picture that was not uploaded.", hint="Upload it with /upload/image."
            )
    texts = tuple(_texts(value))
    loaded = dict.fromkeys(_file(text) for text in texts if _file(text) in uploads)
    sees_all = all(
        node.get("class_type") in _LOADS_NOTHING
        or (node.get("class_type") in _LOADS and isinstance(node["inputs"].get("image"), str))
        for node in nodes
    )
    return _Workflow(texts, tuple(uploads[name] for name in loaded), sees_all)


def _size(admission: Admission) -> int:
    """Bytes of the pictures that are kept in mind with it."""
    return sum(len(one.data) for one in admission.inputs)


def _file(text: str) -> str:
    """The name of an upload as a workflow gives it, with or without the place where uploads lie."""
    return text.removesuffix(" [input]")


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    """Every text of a workflow, wherever it stands."""
    if depth > 64:
        raise InputError("The workflow is nested too deeply.")
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, depth + 1)


def _seeds(workflow: object) -> str:
    """The seeds of a workflow's nodes, as their samplers name them."""
    nodes = workflow.values() if isinstance(workflow, dict) else ()
    inputs = [node["inputs"] for node in nodes if isinstance(node, dict) and isinstance(node.get("inputs"), dict)]
    found = (seed_in({"seed": one.get(name)}) for one in inputs for name in ("seed", "noise_seed"))
    return " ".join(dict.fromkeys(filter(None, found)))[:_LONGEST_SEEDS]


def node_source() -> str:
    """The node's file for `custom_nodes`: it stands alone and needs nothing but what ComfyUI brings."""
    return _NODE


_NODE: Final = '''"""Firstlight's node for ComfyUI: asks a running gate about each picture, and closes where it says no.

Set FIRSTLIGHT_GATE to the gate's address (default http://127.0.0.1:8030). Without an answer nothing goes through.
"""

import base64
import io
import json
import os
import urllib.request

import numpy
from PIL import Image


class FirstlightGate:
    CATEGORY = "image/safety"
    RETURN_TYPES = ("IMAGE", "BOOLEAN", "STRING")
    RETURN_NAMES = ("images", "allowed", "report")
    FUNCTION = "check"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"images": ("IMAGE",)}, "optional": {"prompt": ("STRING", {"forceInput": True})}}

    @classmethod
    def IS_CHANGED(cls, **_inputs):
        return float("nan")  # never the same: what was let through once is asked about again, as lists grow

    def check(self, images, prompt=""):
        if hasattr(images, "detach"):  # a tensor, which may lie on the graphics card
            pixels = images.detach().cpu().float().numpy()
        else:
            pixels = numpy.asarray(images)
        parts = [{"type": "text", "text": prompt}] if prompt else []
        for one in pixels:
            out = io.BytesIO()
            Image.fromarray((numpy.clip(one, 0, 1) * 255).astype("uint8")).save(out, "PNG", compress_level=1)
            url = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
            parts.append({"type": "image_url", "image_url": {"url": url}})
        result = _asked(parts)
        if result["flagged"]:
            raise RuntimeError("This request was not carried out. Reference: %s." % result["decision"]["id"])
        return (images, True, json.dumps(result["decision"]))


def _asked(parts):
    base = os.environ.get("FIRSTLIGHT_GATE", "http://127.0.0.1:8030").rstrip("/")
    body = json.dumps({"input": parts}).encode()
    request = urllib.request.Request(base + "/v1/moderations", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        (result,) = json.load(answer)["results"]
    if result["flagged"] not in (True, False):
        raise RuntimeError("The gate did not answer as agreed.")
    return result


NODE_CLASS_MAPPINGS = {"FirstlightGate": FirstlightGate}
NODE_DISPLAY_NAME_MAPPINGS = {"FirstlightGate": "Firstlight Gate"}
'''
