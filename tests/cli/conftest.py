"""Commands run in this process, with one cage for all of them."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from casework.making import SETTINGS
from firstlight.casework.examine import PRELOAD
from firstlight.cli import main
from firstlight.media import Cage

CAGED = ("gate_serve", "banks", "doctor", "hash", "keep", "match", "origin", "triage", "work")


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """One JSON document a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Run(Protocol):
    """Runs a command on the home of this test."""

    def __call__(self, *args: str | Path) -> Ran: ...


@pytest.fixture(scope="session")
def cage() -> Iterator[Cage]:
    """Caged workers for the whole session."""
    with Cage(workers=1, preload=PRELOAD) as cage:
        yield cage


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """The folder of this test's home, with its settings and nothing else."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "settings.toml").write_text(SETTINGS)
    return folder


@pytest.fixture
def run(cage: Cage, house: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command and say how it ended; no traceback is ever among what it says."""
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(house))

    @contextlib.contextmanager
    def shared(_preload: object) -> Iterator[Cage]:
        yield cage

    for name in CAGED:
        monkeypatch.setattr(importlib.import_module(f"firstlight.cli.{name}"), "caged", shared)

    def call(*args: str | Path) -> Ran:
        capfd.readouterr()
        code = main.outcome([str(arg) for arg in args])
        said = capfd.readouterr()
        assert "Traceback" not in said.err + said.out
        assert "fault of Firstlight" not in said.err, said.err
        return Ran(code, said.out, said.err)

    return call
