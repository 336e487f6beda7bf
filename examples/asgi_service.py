"""A service of your own, with the gate in its own process: one line. `python examples/asgi_service.py`"""

from __future__ import annotations

import base64

import httpx
from fastapi import FastAPI
from pydantic import BaseModel

from firstlight.cli.gate_serve import served
from firstlight.gate.adapters.asgi import GateMiddleware
from firstlight.gate.http.standin import drawn
from stage import BAD_PROMPT, LISTED, armed_gate

app = FastAPI()


class Asked(BaseModel):
    prompt: str


@app.post("/v1/images/generations")
def generations(asked: Asked) -> dict[str, object]:
    """Where your generator is called."""
    return {"created": 0, "data": [{"b64_json": base64.b64encode(drawn(f"{asked.prompt} 0")).decode()}]}


@app.get("/health")
def health() -> str:
    """No image path: the gate leaves it alone."""
    return "fine"


def main() -> None:
    with armed_gate() as house:
        app.add_middleware(GateMiddleware, gate=house.gate)  # the one line
        with served(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            print(f"/health: {client.get('/health').json()}")
            for prompt in ("a lake", BAD_PROMPT, LISTED):
                answer = client.post("/v1/images/generations", json={"prompt": prompt, "user": "user-17"})
                print(f"{prompt}: {answer.status_code} {answer.json().get('error', {}).get('code', 'a picture')}")


if __name__ == "__main__":
    main()
