"""ComfyUI behind the gate: the node for one's own workflows, the proxy for other people's.

    python examples/comfyui_gate.py                                   # shows both, with a stand-in for ComfyUI
    python examples/comfyui_gate.py --upstream http://127.0.0.1:8188  # the proxy in front of a server of your own

The node goes into ComfyUI with `firstlight gate comfyui ComfyUI/custom_nodes`, and asks the gate that
`firstlight gate --opinions` serves. A node can be left out of a workflow, and previews leave before it: where others
send workflows, put the proxy in front and let nobody reach the server itself.
"""

from __future__ import annotations

import argparse
import os
import types
from typing import Any

import httpx
import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstlight.cli.gate_serve import served
from firstlight.gate.adapters.comfyui import ComfyProxy, node_source
from firstlight.gate.http import GateApp, gate_app
from firstlight.gate.http.standin import drawn
from firstlight.gate.marking import Model
from firstlight.gate.pipeline import Gate
from stage import BAD_PROMPT, LISTED, LISTED_PICTURE, armed_gate, as_picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", help="a ComfyUI server")
    upstream = parser.parse_args().upstream
    with armed_gate() as house:
        if upstream:
            with served(ComfyProxy(house.gate, upstream, model=Model("comfyui")).application()) as url:
                input(f"The proxy is at {url}; press Enter to stop it. ")
            return
        through_the_node(house.gate)
        through_the_proxy(house.gate)


def through_the_node(gate: Gate) -> None:
    """The node as ComfyUI loads and calls it: with a batch of pixels from 0 to 1."""
    module = types.ModuleType("firstlight_gate")
    exec(compile(node_source(), "firstlight_gate.py", "exec"), module.__dict__)
    node = module.__dict__["NODE_CLASS_MAPPINGS"]["FirstlightGate"]()
    with served(gate_app(GateApp(gate))) as url:
        os.environ["FIRSTLIGHT_GATE"] = url
        for name, data in (("a lake", drawn("a lake 0")), (LISTED, LISTED_PICTURE)):
            pixels = np.asarray(as_picture(data), dtype=np.float32)[None] / 255
            try:
                _, allowed, _ = node.check(pixels, "")
                print(f"node, {name}: allowed {allowed}")
            except RuntimeError as e:
                print(f"node, {name}: {e}")


def through_the_proxy(gate: Gate) -> None:
    """Workflows as ComfyUI's page sends them."""
    with (
        served(pretended()) as behind,
        served(ComfyProxy(gate, behind, model=Model("comfyui")).application()) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        for text in ("a lake", BAD_PROMPT, LISTED):
            nodes = {"6": {"class_type": "CLIPTextEncode", "inputs": {"text": text}}}
            started = client.post("/prompt", json={"prompt": nodes, "client_id": "user-17"})
            if started.status_code != 200:
                print(f"proxy, {text}: the workflow is stopped before it runs")
                continue
            name = started.json()["prompt_id"]
            seen = client.get("/view", params={"filename": f"{name}.png", "type": "output", "prompt_id": name})
            print(f"proxy, {text}: {seen.status_code}, marked: {b'c2pa' in seen.content}")
        print(f"proxy, the websocket of previews: {client.get('/ws').status_code}")


def pretended() -> Starlette:
    """Answers like a ComfyUI server, as far as the proxy asks it."""
    made: dict[str, bytes] = {}

    async def prompt(request: Request) -> Response:
        nodes: dict[str, Any] = (await request.json())["prompt"]
        made[f"p{len(made)}"] = drawn(f"{nodes['6']['inputs']['text']} 0")
        return JSONResponse({"prompt_id": f"p{len(made) - 1}", "number": len(made), "node_errors": {}})

    async def history(request: Request) -> Response:
        name = request.path_params["name"]
        return JSONResponse({name: {"outputs": {"9": {"images": [{"filename": f"{name}.png", "type": "output"}]}}}})

    async def view(request: Request) -> Response:
        return Response(made[request.query_params["filename"].removesuffix(".png")], media_type="image/png")

    return Starlette(
        routes=[
            Route("/prompt", prompt, methods=["POST"]),
            Route("/history/{name}", history),
            Route("/view", view),
        ]
    )


if __name__ == "__main__":
    main()
