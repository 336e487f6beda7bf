"""The command that runs the simulator."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from casework.making import put
from cli.conftest import Run

SCENARIO = '{"kind": "cybertip-scenario", "faults": [{"kind": "status", "endpoint": "status", "status": 503}]}'


def _started(*options: str | Path) -> subprocess.Popen[str]:
    words = ["cybertip", "simulator", "--port", "0", *map(str, options)]
    code = f"from firstlight.cli.main import run; run({words!r})"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)


def test_a_scenario_strikes_and_the_folder_keeps_what_came(tmp_path: Path) -> None:
    put(tmp_path, {"scenario.json": SCENARIO.encode()})
    process = _started("--folder", tmp_path / "kept", "--scenario", tmp_path / "scenario.json")
    assert process.stdout is not None
    with process, process.stdout as said:
        url = said.readline().split()[-1]
        login = ("simulator", "simulator")
        answers = [httpx.get(f"{url}/status", auth=login, trust_env=False).status_code for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        assert f"kept in {tmp_path / 'kept'}" in said.read()
        assert process.wait() == 0
    assert answers == [503, 200]
    assert (tmp_path / "kept").is_dir()


@pytest.mark.parametrize("option", ["--scenario", "--official-xsd"])
@pytest.mark.parametrize("name", ["none", "words", "/dev/zero"])
def test_what_is_no_script_and_no_schema_is_refused(run: Run, tmp_path: Path, option: str, name: str) -> None:
    put(tmp_path, {"words": b"words"})
    ran = run("cybertip", "simulator", "--port", "0", option, tmp_path / name)
    assert ran.code == 2
    assert ran.err.startswith("firstlight: ")
