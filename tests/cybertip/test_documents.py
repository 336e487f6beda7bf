"""The documents of this room are true: their code runs, and they name every rule, knob and fault there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from firstlight.cybertip import Draft, FaultKind, Knobs, Scenario, Simulator, checking, to_xml
from firstlight.cybertip.checking.thin import _NEEDS
from firstlight.cybertip.simulator.reports import ReportState

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("cybertip.md", "simulator.md")


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_code_runs(page: str) -> None:
    found = blocks(page, "python")
    assert found
    for code in found:
        exec(compile(code, page, "exec"), {"__name__": "document"})


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_shell_example_files_a_report(tmp_path: Path, simulator: Simulator, draft: Draft) -> None:
    (script,) = blocks("simulator.md", "sh")
    (tmp_path / "report.xml").write_bytes(to_xml(draft.report))
    environment = {"PATH": os.environ["PATH"], "URL": simulator.url, "no_proxy": "*"}
    done = subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    (received,) = simulator.reports()
    assert received.state is ReportState.FINISHED
    assert len(received.files) == 1


def test_the_scenario_is_one() -> None:
    (scenario,) = blocks("simulator.md", "json")
    assert len(Scenario.from_json(scenario).faults) == 3


def rules() -> set[str]:
    """Every rule that the sources of the check name."""
    out = {f"thin.{need.rule}" for need in _NEEDS}
    for path in Path(checking.__file__).parent.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        for kind, maker in (("invalid", r"invalid"), ("untrue", r"_untrue"), ("thin", r"_thin")):
            out |= {f"{kind}.{name}" for name in re.findall(rf'\b{maker}\(\s*"([a-z-]+)"', source)}
    return out | {"untrue.ai-training-data", "untrue.ai"}


def test_every_rule_has_its_line() -> None:
    text = (DOCS / "cybertip.md").read_text(encoding="utf-8")
    assert len(rules()) > 45
    assert [rule for rule in sorted(rules()) if f"`{rule}`" not in text] == []
    named = set(re.findall(r"`((?:invalid|thin|untrue)\.[a-z-]+)`", text))
    single = {"too-long", "range", "not-blank", "not-past", "url", "email", "ip", "digits", "calling-code", "no-report"}
    assert named - rules() == {f"invalid.{name}" for name in single}


def test_every_knob_and_fault_has_its_line() -> None:
    text = (DOCS / "simulator.md").read_text(encoding="utf-8")
    assert [name for name in Knobs.model_fields if f"| `{name}` |" not in text] == []
    assert [kind for kind in FaultKind if f"| `{kind.value}` |" not in text] == []
