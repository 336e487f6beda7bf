"""An OpenAI client behind the gate: its base address is changed, and nothing else. `python examples/openai_client.py`

Needs `pip install openai`. The generator is the stand-in that draws harmless patterns; with a real one the same gate is
`firstlight gate --upstream https://generator.example/v1`.
"""

from __future__ import annotations

import base64

import openai

from firstlight.cli.gate_serve import served
from firstlight.gate.http import gate_app, standin_app
from firstlight.gate.http.proxy import ImageProxy
from stage import BAD_PROMPT, LISTED_PICTURE, armed_gate


def main() -> None:
    with armed_gate() as house, served(standin_app()) as generator:
        with served(gate_app(house.application(ImageProxy(house.gate, generator)))) as gate:
            client = openai.OpenAI(base_url=f"{gate}/v1", api_key="the generator's own key", max_retries=0)
            ask(client)
        assert house.ledger is not None
        print(f"remembered in the ledger: {len(house.ledger)}")


def ask(client: openai.OpenAI) -> None:
    answer = client.images.generate(model="stand-in", prompt="a lake", user="user-17")
    data = base64.b64decode((answer.data or [])[0].b64_json or "")
    print(f"a lake: {len(data)} bytes; content credentials in them: {b'c2pa' in data}")
    stream = client.images.generate(model="stand-in", prompt="a hill", stream=True, partial_images=2, user="user-17")
    print("a hill, as a stream:", ", ".join(event.type.rpartition(".")[2] for event in stream))
    try:
        client.images.generate(model="stand-in", prompt=BAD_PROMPT, user="user-17")
    except openai.BadRequestError as e:
        print(f"a stopped prompt: {e.code}: {e.message}")
    try:
        client.images.edit(model="stand-in", prompt="add a hat", image=("in.png", LISTED_PICTURE), user="user-17")
    except openai.BadRequestError as e:
        print(f"a listed picture as input: {e.code}")


if __name__ == "__main__":
    main()
