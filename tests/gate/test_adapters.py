"""The adapters: what they let through, what they refuse, and that they close when the gate does."""

from __future__ import annotations

import tempfile
import types
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from casework.making import picture, png
from firstlight.banks import Library, NewEntry
from firstlight.cli.gate_serve import served
from firstlight.errors import InputError
from firstlight.gate.adapters import comfyui, diffusers
from firstlight.gate.adapters.asgi import GateMiddleware
from firstlight.gate.adapters.comfyui import ComfyProxy, node_source
from firstlight.gate.adapters.diffusers import gated
from firstlight.gate.checks import BanksCheck, RulesCheck
from firstlight.gate.guard import Guard
from firstlight.gate.http import GateApp, gate_app, requests, standin_app
from firstlight.gate.http.requests import seed_in
from firstlight.gate.marking import Model
from firstlight.gate.pictures import look_at
from firstlight.gate.pipeline import Gate, Made, RefusedRequestError
from firstlight.media import Cage
from firstlight.values import BankPurpose
from gate.test_guard import as_png
from gate.vegetables import rules

BAD = "a carrot in the cellar"
MODEL = Model("garden")


@pytest.fixture
def made() -> list[Made]:
    return []


@pytest.fixture
def gate(cage: Cage, library: Library, made: list[Made]) -> Iterator[Gate]:
    with Guard(cage, prompts=[RulesCheck(rules())], pictures=[BanksCheck(library)]) as guard:
        yield Gate(guard, remember=made.append)


def listed(library: Library, cage: Cage, data: bytes) -> None:
    library.create_bank("known", BankPurpose.KNOWN)
    library.add("known", [NewEntry(key="k", pdq=look_at(cage, data).hash.pdq.hex)])


# --- ASGI ---


def test_a_service_of_ones_own_is_gated_in_its_own_process(gate: Gate, made: list[Made]) -> None:
    app = standin_app()
    app.add_middleware(GateMiddleware, gate=gate)
    with served(app) as url:
        good = httpx.post(f"{url}/v1/images/generations", json={"prompt": "a lake"}, trust_env=False, timeout=60)
        bad = httpx.post(f"{url}/v1/images/generations", json={"prompt": BAD}, trust_env=False, timeout=60)
        other = httpx.get(f"{url}/v1/models", trust_env=False, timeout=60)
    assert (good.status_code, bad.status_code, other.status_code) == (200, 400, 200)
    assert len(made) == 1


# --- diffusers ---


class Pipe:
    """Answers like a diffusers pipeline."""

    def __init__(self, *images: Image.Image) -> None:
        self.images = list(images)
        self.calls: list[dict[str, Any]] = []

    def __call__(self, **options: Any) -> Any:
        self.calls.append(options)
        return types.SimpleNamespace(images=self.images)


def test_a_pipeline_is_called_and_answers_as_ever(gate: Gate, made: list[Made]) -> None:
    pipe = Pipe(picture(1), picture(2))
    wrapped = gated(pipe, gate, model=MODEL, adapters=["ab" * 32])
    assert wrapped(prompt=["a lake", "a hill"], num_inference_steps=2).images == pipe.images
    assert wrapped(prompt="a lake", return_dict=False) == (pipe.images,)
    assert [one.adapters for one in made] == [("ab" * 32,)] * 4
    assert len(wrapped.marked) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"prompt": BAD},
        {"prompt": ["x", BAD]},
        {"prompt": "x", "prompt_2": BAD},
        {"prompt": "x", "negative_prompt": BAD},
    ],
)
def test_a_refused_prompt_costs_no_step(gate: Gate, options: dict[str, Any]) -> None:
    pipe = Pipe(picture(1))
    with pytest.raises(RefusedRequestError):
        gated(pipe, gate, model=MODEL)(**options)
    assert pipe.calls == []


def test_pictures_in_and_out_of_a_pipeline_are_matched(
    gate: Gate, library: Library, cage: Cage, made: list[Made]
) -> None:
    listed(library, cage, as_png(picture(1)))
    hidden: list[dict[str, Any]] = [
        {"image": picture(1)},
        {"image": [picture(2), picture(1)]},
        {"image": picture(2), "mask_image": picture(1)},
    ]
    for options in hidden:
        pipe = Pipe(picture(3))
        with pytest.raises(RefusedRequestError):
            gated(pipe, gate, model=MODEL)(prompt="x", **options)
        assert pipe.calls == []
    with pytest.raises(RefusedRequestError):
        gated(Pipe(picture(1)), gate, model=MODEL)(prompt="x")
    gated(Pipe(picture(3)), gate, model=MODEL)(prompt="x", image=picture(5), mask_image=picture(6))
    assert [len(one.inputs) for one in made] == [1]


@pytest.mark.parametrize(
    "options",
    [
        {"prompt_embeds": object()},
        {"latents": object()},
        {"callback_on_step_end": print},
        {"output_type": "latent"},
        {"image": np.zeros((4, 4, 3))},
        {"prompt": 7},
    ],
)
def test_what_nobody_can_look_at_is_refused(gate: Gate, options: dict[str, Any]) -> None:
    pipe = Pipe(picture(1))
    with pytest.raises((InputError, TypeError)):
        gated(pipe, gate, model=MODEL)(**{"prompt": "x", **options})
    with pytest.raises(InputError):
        gated(pipe, gate, model=MODEL)("a prompt by place")
    assert pipe.calls == []


def test_adapters_in_a_pipeline_have_to_be_named(gate: Gate, made: list[Made]) -> None:
    pipe = Pipe(picture(1))
    pipe.components = {"unet": types.SimpleNamespace(_hf_peft_config_loaded=True), "vae": None}  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="none is named"):
        gated(pipe, gate, model=MODEL)(prompt="a lake")
    gated(pipe, gate, model=MODEL, adapters=["ab" * 32])(prompt="a lake")
    assert [one.adapters for one in made] == [("ab" * 32,)]


def test_a_real_pipeline_of_diffusers(gate: Gate, made: list[Made]) -> None:
    """A tiny one with random weights; skipped where diffusers and torch are not installed."""
    torch = pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    unet = diffusers.UNet2DModel(
        sample_size=64,
        block_out_channels=(32, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    pipe = diffusers.DDPMPipeline(unet=unet, scheduler=diffusers.DDPMScheduler(num_train_timesteps=10))
    pipe.set_progress_bar_config(disable=True)
    torch.manual_seed(1)
    answer = gated(pipe, gate, model=MODEL)(num_inference_steps=2)
    assert answer.images[0].size == (64, 64)
    assert len(made) == 1


# --- ComfyUI ---


def comfy(files: dict[str, bytes], ran: list[dict[str, Any]]) -> Starlette:
    """Answers like a ComfyUI server whose workflows have all made the same files."""

    async def prompt(request: Request) -> Response:
        ran.append(await request.json())
        if any(node["class_type"] == "NoSuchNode" for node in ran[-1]["prompt"].values()):
            return JSONResponse({"error": {"type": "invalid_prompt", "message": BAD}, "node_errors": {}}, 400)
        return JSONResponse({"prompt_id": f"p{len(ran)}", "number": len(ran), "node_errors": {}})

    async def history(request: Request) -> Response:
        made = [{"filename": name, "subfolder": "", "type": "output"} for name in ("a.png", "b.png")]
        told = {"outputs": {"9": {"images": made, "text": [BAD]}}, "prompt": [1, "p1", workflow(BAD), {}]}
        return JSONResponse({request.path_params["name"]: told})

    async def view(request: Request) -> Response:
        assert request.query_params["type"] == "output"
        return Response(files[request.query_params["filename"]], media_type="image/png")

    async def upload(request: Request) -> Response:
        async with request.form() as form:
            file = form["image"]
            assert not isinstance(file, str)
            files[str(file.filename)] = await file.read()
            return JSONResponse({"name": file.filename, "subfolder": "", "type": "input"})

    return Starlette(
        routes=[
            Route("/prompt", prompt, methods=["POST"]),
            Route("/history/{name}", history),
            Route("/view", view),
            Route("/upload/image", upload, methods=["POST"]),
        ]
    )


def workflow(text: str, load: str = "") -> dict[str, Any]:
    nodes: dict[str, Any] = {"6": {"class_type": "CLIPTextEncode", "inputs": {"text": text}}}
    if load:
        nodes["1"] = {"class_type": "LoadImage", "inputs": {"image": load}}
    return {"prompt": nodes, "client_id": "c1", "extra_data": {"extra_pnginfo": {"workflow": {"text": BAD}}}}


def test_a_comfyui_server_is_closed_but_for_what_was_decided(
    gate: Gate, library: Library, cage: Cage, made: list[Made]
) -> None:
    files = {"a.png": png(1), "b.png": png(2), "other.png": png(3)}
    ran: list[dict[str, Any]] = []
    listed(library, cage, png(2))
    with served(comfy(files, ran)) as behind, served(ComfyProxy(gate, behind, model=MODEL).application()) as url:
        client = httpx.Client(base_url=url, trust_env=False, timeout=30)
        assert client.post("/prompt", json=workflow(BAD)).status_code == 400
        assert client.post("/upload/image", files={"image": ("x.png", png(2))}).status_code == 400
        assert client.post("/upload/image", files={"image": ("x.png", png(5))}).status_code == 200
        assert ran == []
        name = client.post("/prompt", json=workflow("a lake", "x.png")).json()["prompt_id"]
        assert "extra_data" not in ran[0], "what nobody has read is not handed on"
        view = {"filename": "a.png", "type": "output", "prompt_id": name}
        assert client.get("/view", params=view).content == png(1)
        assert client.get("/view", params={**view, "filename": "b.png"}).status_code == 400
        assert client.get("/view", params={**view, "filename": "other.png"}).status_code == 404
        assert client.get("/view", params={**view, "prompt_id": "p99"}).status_code == 404
        for other in ({"type": "input"}, {"type": "temp"}, {"subfolder": "x"}, {"filename": "a.png [input]"}):
            assert client.get("/view", params={**view, **other}).status_code == 404, "another file of the same name"
        told = client.get(f"/history/{name}").json()[name]["outputs"]
        assert [one["filename"] for node in told.values() for one in node["images"]] == ["a.png", "b.png"]
        assert BAD not in client.get(f"/history/{name}").text, "what others asked for is not told"
        assert client.get("/history/p99").json() == {}
        for path in ("/ws", "/free", "/api/prompt", "/users", "/history", "/queue"):
            assert client.get(path).status_code == 404
        client.close()
    assert [len(one.inputs) for one in made] == [1], "a workflow that loads a picture says so"


def test_uploads_for_workflows_lie_in_memory_and_have_a_limit(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    def rollover(_: object) -> None:
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
    monkeypatch.setattr(requests, "LARGEST_REQUEST", 3 << 20)
    app = ComfyProxy(gate, "http://127.0.0.1:9", model=MODEL).application()
    client = TestClient(app, raise_server_exceptions=False)
    small, large = (client.post("/upload/image", files={"image": ("x.png", bytes(n << 20))}) for n in (2, 4))
    assert (small.status_code, "cannot be read" in small.text) == (400, True)
    assert (large.status_code, "too large" in large.text) == (400, True)
    two = [("image", ("x.png", png(5))), ("image", ("y.png", png(5)))]
    for files in (two, [("mask", ("x.png", png(5)))]):
        assert "Send one picture" in client.post("/upload/image", files=files).text
    assert client.get("/prompt/none").json()["error"]["code"] == "not_found"
    assert client.put("/upload/image").json()["error"]["code"] == "method_not_allowed"


def test_workflows_keep_no_more_pictures_than_there_is_room_for(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfyui, "ROOM", 3 * len(png(5)))
    ran: list[dict[str, Any]] = []
    with served(comfy({"a.png": png(1)}, ran)) as behind:
        proxy = ComfyProxy(gate, behind, model=MODEL)
        with served(proxy.application()) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            client.post("/upload/image", files={"image": ("x.png", png(5))})
            names = [client.post("/prompt", json=workflow("a lake", "x.png")).json()["prompt_id"] for _ in range(5)]
            found = [client.get("/view", params={"filename": "a.png", "prompt_id": name}) for name in names]
    assert [one.status_code for one in found] == [404, 404, 200, 200, 200]
    assert proxy._held == 3 * len(png(5))


def test_what_a_workflow_may_load_unseen_is_never_called_words_alone(gate: Gate, made: list[Made]) -> None:
    ran: list[dict[str, Any]] = []
    files = {"a.png": png(1)}
    with served(comfy(files, ran)) as behind, served(ComfyProxy(gate, behind, model=MODEL).application()) as url:
        client = httpx.Client(base_url=url, trust_env=False, timeout=30)
        client.post("/upload/image", files={"image": ("x.png", png(5))})
        for load in ("y.png", "x.png [output]", "x.png [temp]", "a.png [output]"):
            refused = client.post("/prompt", json=workflow("a lake", load))
            assert (refused.status_code, "not uploaded" in refused.text) == (400, True), load
        for load in ("x.png", "x.png [input]"):
            name = client.post("/prompt", json=workflow("a lake", load)).json()["prompt_id"]
            assert client.get("/view", params={"filename": "a.png", "prompt_id": name}).status_code == 200
        unread = workflow("a lake")
        unread["prompt"]["2"] = {"class_type": "LoadFromSomewhere", "inputs": {"path": 7}}
        linked = workflow("a lake")
        linked["prompt"]["1"] = {"class_type": "LoadImage", "inputs": {"image": ["2", 0]}}
        for one in (unread, linked, workflow("a lake")):
            name = client.post("/prompt", json=one).json()["prompt_id"]
            client.get("/view", params={"filename": "a.png", "prompt_id": name})
        unread["prompt"]["2"]["class_type"] = "NoSuchNode"
        refused = client.post("/prompt", json=unread)
        assert (refused.status_code, "cannot run" in refused.text, BAD in refused.text) == (400, True, False)
        none: list[Any] = [None, [], {}, {"1": "x"}, {"1": {"class_type": "KSampler"}}]
        for bad in none:
            assert client.post("/prompt", json={"prompt": bad}).status_code == 400
        client.close()
    assert [(len(one.inputs), one.hidden_input) for one in made] == [
        *((1, False), (1, False)),
        *((0, True), (0, True)),
        (0, False),
    ]


def test_the_node_asks_the_gate_and_raises(
    gate: Gate, library: Library, cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("firstlight_gate")
    exec(compile(node_source(), "firstlight_gate.py", "exec"), module.__dict__)  # as ComfyUI loads it
    node = module.__dict__["NODE_CLASS_MAPPINGS"]["FirstlightGate"]()
    listed(library, cage, as_png(picture(1)))
    pixels = [np.asarray(picture(seed), dtype=np.float32)[None] / 255 for seed in (1, 2)]
    with served(gate_app(GateApp(gate))) as url:
        monkeypatch.setenv("FIRSTLIGHT_GATE", url)
        images, allowed, report = node.check(pixels[1], "a lake")
        assert (images is pixels[1], allowed, "allow" in report) == (True, True, True)
        for bad in ((pixels[0], ""), (pixels[1], BAD)):
            with pytest.raises(RuntimeError, match="not carried out"):
                node.check(*bad)
    with pytest.raises(OSError):  # nobody answers: nothing goes through
        node.check(pixels[1], "")


def run_nodes(mappings: dict[str, Any], nodes: list[dict[str, Any]], kept: dict[str, Any], told: list[str]) -> None:
    """Run a workflow as ComfyUI's `execution.py` does: what did not change is taken from the last run, each literal and
    each link is a list, an exception ends the run and is only told, and what ran before it stays."""
    values: dict[str, Any] = {}
    for node in nodes:
        kind = mappings[node["class_type"]]
        asked = {key: None if isinstance(value, list) else value for key, value in node["inputs"].items()}
        changed = kind.IS_CHANGED(**asked) if hasattr(kind, "IS_CHANGED") else False
        before = kept.get(node["id"])
        if before is not None and before["changed"] == changed:
            values[node["id"]] = before["value"]
            continue
        given = {k: values[v[0]][v[1]] if isinstance(v, list) else v for k, v in node["inputs"].items()}
        try:
            values[node["id"]] = getattr(kind(), kind.FUNCTION)(**given)
        except Exception as e:  # noqa: BLE001 - as ComfyUI does
            told.append(f"{node['id']}: {type(e).__name__}")
            return
        kept[node["id"]] = {"changed": changed, "value": values[node["id"]]}


def test_the_node_in_a_run_as_comfyui_runs_it(
    gate: Gate, library: Library, cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("firstlight_gate")
    exec(compile(node_source(), "firstlight_gate.py", "exec"), module.__dict__)
    saved: list[str] = []

    class Draw:
        FUNCTION = "draw"

        def draw(self) -> tuple[Any, ...]:
            return (np.asarray(picture(1), dtype=np.float32)[None] / 255,)

    class Save:
        FUNCTION = "save"

        def save(self, images: Any, name: str) -> dict[str, Any]:
            saved.append(name)
            return {"ui": {"images": [{"filename": name, "subfolder": "", "type": "output"}]}}

    mappings = {**module.__dict__["NODE_CLASS_MAPPINGS"], "Draw": Draw, "Save": Save}
    nodes: list[dict[str, Any]] = [
        {"id": "1", "class_type": "Draw", "inputs": {}},
        {"id": "2", "class_type": "Save", "inputs": {"images": ["1", 0], "name": "before"}},
        {"id": "3", "class_type": "FirstlightGate", "inputs": {"images": ["1", 0], "prompt": "a lake"}},
        {"id": "4", "class_type": "Save", "inputs": {"images": ["3", 0], "name": "behind"}},
    ]
    kept: dict[str, Any] = {}
    told: list[str] = []
    with served(gate_app(GateApp(gate))) as url:
        monkeypatch.setenv("FIRSTLIGHT_GATE", url)
        run_nodes(mappings, nodes, kept, told)
        assert (saved, told) == (["before", "behind"], [])
        listed(library, cage, as_png(picture(1)))
        run_nodes(mappings, nodes, kept, told)
        assert told == ["3: RuntimeError"], "it is asked again although nothing in the workflow changed"
        saved.clear()
        run_nodes(mappings, nodes, {}, told)
    assert saved == ["before"], "what stands before the node leaves: the page says so"


def test_seeds_are_told_as_they_were_given() -> None:
    class Generator:
        def initial_seed(self) -> int:
            return 42

    assert diffusers._seeds(None) == ""
    assert diffusers._seeds([Generator(), Generator()]) == "42 42"
    assert comfyui._seeds({"1": {"inputs": {"seed": 7}}, "2": {"inputs": {"noise_seed": 8, "seed": ["1", 0]}}}) == "7 8"
    assert comfyui._seeds([{"inputs": {"seed": 7}}]) == ""
    for given, told in ((7, "7"), ("-1", "-1"), (True, ""), (1.5, ""), ("7; a word", ""), (None, ""), ("9" * 41, "")):
        assert seed_in({"seed": given}) == told
