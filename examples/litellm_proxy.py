"""LiteLLM with the gate as its guardrail, and the gate behind it as well. `python examples/litellm_proxy.py`

Needs LiteLLM's proxy (`pip install 'litellm[proxy]'`, 750 MB); FIRSTLIGHT_LITELLM names its program where that is in an
environment of its own. Two models are configured: `bare`, whose generator LiteLLM asks directly, and `gated`, which it
asks through the gate's proxy. What the two answers show is the point: LiteLLM's guardrail is shown the prompt alone.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import openai

from firstlight.cli.gate_serve import served
from firstlight.gate.http import gate_app, standin_app
from firstlight.gate.http.proxy import ImageProxy
from stage import BAD_PROMPT, LISTED, armed_gate

CONFIG = """
model_list:
  - model_name: bare
    litellm_params: {{model: openai/stand-in, api_base: "{generator}/v1", api_key: none}}
    model_info: {{mode: image_generation}}
  - model_name: gated
    litellm_params: {{model: openai/stand-in, api_base: "{gate}/v1", api_key: none}}
    model_info: {{mode: image_generation}}
guardrails:
  - guardrail_name: firstlight
    litellm_params:
      guardrail: generic_guardrail_api
      mode: [pre_call, post_call]
      api_base: "{gate}"
      unreachable_fallback: fail_closed
      default_on: true
general_settings: {{master_key: sk-example}}
litellm_settings: {{telemetry: false}}
"""


def program() -> str | None:
    """LiteLLM's program, where there is one."""
    return os.environ.get("FIRSTLIGHT_LITELLM") or shutil.which("litellm")


def main() -> None:
    found = program()
    if found is None:
        raise SystemExit("LiteLLM's proxy is not installed: pip install 'litellm[proxy]'")
    with armed_gate() as house, served(standin_app()) as generator:
        app = gate_app(house.application(ImageProxy(house.gate, generator)))
        with served(app) as gate, litellm(found, CONFIG.format(generator=generator, gate=gate)) as url:
            ask(url)


def ask(url: str) -> None:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="sk-example", max_retries=0, timeout=120)
    for model, prompt in (("bare", "a lake"), ("bare", BAD_PROMPT), ("bare", LISTED), ("gated", LISTED)):
        try:
            client.images.generate(model=model, prompt=prompt)
            print(f"{model}, {prompt}: a picture")
        except openai.APIStatusError as e:
            stopped = "not carried out" in e.message
            print(f"{model}, {prompt}: {e.status_code}, {'stopped by the gate' if stopped else e.message}")


@contextmanager
def litellm(found: str, config: str) -> Iterator[str]:
    """The address of a LiteLLM proxy with this configuration. Nothing but loopback is asked: not for prices, either."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        path = Path(name) / "config.yaml"
        path.write_text(config)
        free.close()
        quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_DOCS": "True"}
        command = [found, "--config", str(path), "--host", "127.0.0.1", "--port", str(port)]
        log = (Path(name) / "log").open("w+")
        with log, subprocess.Popen(command, env=os.environ | quiet, stdout=log, stderr=log, cwd=name) as running:
            try:
                _wait(f"http://127.0.0.1:{port}/health/liveliness", running)
                yield f"http://127.0.0.1:{port}"
            except BaseException:
                log.seek(0)
                print(log.read()[-4000:])
                raise
            finally:
                running.terminate()
                running.wait(30)


def _wait(url: str, running: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        if running.poll() is not None:
            raise SystemExit("LiteLLM's proxy ended.")
        try:
            if httpx.get(url, trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise SystemExit("LiteLLM's proxy did not start.")


if __name__ == "__main__":
    main()
