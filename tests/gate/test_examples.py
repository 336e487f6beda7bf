"""The examples run, and what they print is what they promise. Those for programs that are not here are skipped."""

from __future__ import annotations

import os
import runpy
import shutil
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def ran(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", [name])
    monkeypatch.syspath_prepend(str(EXAMPLES))
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


def test_an_openai_client(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = ran("openai_client.py", monkeypatch, capsys)
    assert "content credentials in them: True" in told
    assert "partial_image, partial_image, completed" in told
    assert "a stopped prompt: moderation_blocked" in told
    assert "a listed picture as input: moderation_blocked" in told
    assert "remembered in the ledger: 4" in told, "the picture, two previews and the end of the stream"


def test_a_service_of_ones_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = ran("asgi_service.py", monkeypatch, capsys).splitlines()
    assert [line.rpartition(": ")[2] for line in told] == [
        "fine",
        "200 a picture",
        "400 moderation_blocked",
        "400 moderation_blocked",
    ]


def test_comfyui(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FIRSTLIGHT_GATE", "")
    told = ran("comfyui_gate.py", monkeypatch, capsys).splitlines()
    assert "allowed True" in told[0]
    assert "not carried out" in told[1]
    assert told[2] == "proxy, a lake: 200, marked: True"
    assert "stopped before it runs" in told[3]
    assert "400, marked: False" in told[4]
    assert told[5].endswith("404")


def test_a_pipeline_of_diffusers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for module in ("torch", "diffusers", "transformers"):
        pytest.importorskip(module)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    told = ran("diffusers_pipeline.py", monkeypatch, capsys)
    assert "a lake: (64, 64), marked: True" in told
    assert "from a photograph: (64, 64), marked: True" in told
    assert told.count("not carried out") == 3
    assert "cannot look at output_type='latent'" in told
    assert "went in: 0, 1" in told


def test_litellms_own_proxy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What its guardrail is shown, what it is not, and that the gate behind it sees the rest."""
    if not (os.environ.get("FIRSTLIGHT_LITELLM") or shutil.which("litellm")):
        pytest.skip("LiteLLM's proxy is not installed; FIRSTLIGHT_LITELLM may name it in another environment")
    told = ran("litellm_proxy.py", monkeypatch, capsys).splitlines()
    assert [line.rpartition(": ")[2] for line in told] == [
        "a picture",
        "400, stopped by the gate",
        "a picture",  # the listed picture itself: nobody has looked
        "400, stopped by the gate",
    ]
