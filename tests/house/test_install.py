"""The installer: a clear word where it cannot work, no work where none is needed."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from house import sources

SCRIPT = sources.ROOT / "scripts" / "install.py"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, looking at a copy of the project in which nothing is installed."""
    spec = importlib.util.spec_from_file_location("install_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "lock").mkdir()
    for name in ("pyproject.toml", "lock/core.txt", "lock/dev.txt"):
        (tmp_path / name).write_bytes((sources.ROOT / name).read_bytes())
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    monkeypatch.setattr(module, "VENV", str(tmp_path / ".venv"))
    return module


def test_an_old_interpreter_can_read_it_and_is_told_so(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit) as stopped:
        install.check_interpreter()
    assert stopped.value.code == 2
    assert "this is Python 3.9, and Firstlight needs 3.11" in capsys.readouterr().err


def test_a_missing_venv_module_names_the_package_to_install(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)  # as on Debian without python3-venv
    with pytest.raises(SystemExit):
        install.check_interpreter()
    assert "apt install python3-venv" in capsys.readouterr().err


def test_nothing_is_done_again_until_something_changes(install: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "lock" / "core.txt"
    stamp = install.stamp_of(str(lock))
    assert not install.is_current("core", stamp)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    Path(install.stamp_file("core")).write_text(stamp)
    assert install.is_current("core", install.stamp_of(str(lock)))

    settings = tmp_path / "pyproject.toml"
    settings.write_text(settings.read_text() + "\n[tool.something]\nlines = 1\n")
    assert install.stamp_of(str(lock)) == stamp, "a tool's settings need no new installation"
    lock.write_text(lock.read_text() + "\n")
    assert install.stamp_of(str(lock)) != stamp

    python.unlink()
    python.symlink_to("/nowhere/python3")  # the interpreter was removed or replaced
    assert not install.is_current("core", stamp)


def test_a_failure_of_pip_shows_its_last_words(
    install: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho Collecting carrots\necho 'no space left for carrots'\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(SystemExit) as stopped:
        install.pip(["carrots"], 1)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "no space left for carrots" in said
    assert "run it again" in said


def test_it_says_what_it_can_be_asked() -> None:
    result = subprocess.run([sys.executable, str(SCRIPT), "everything"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "core or dev" in result.stderr


def test_make_says_when_there_is_no_python_at_all() -> None:
    result = subprocess.run(
        ["make", "--no-print-directory", "install", "PYTHON="], cwd=sources.ROOT, capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "no Python 3.11 or newer was found" in result.stderr


def test_the_name_of_the_clone_does_not_matter(install: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "ROOT", "/somewhere/core/hardcore")
    assert install.lock_of("dev") == "/somewhere/core/hardcore/lock/dev.txt"
    assert install.lock_of("core") == "/somewhere/core/hardcore/lock/core.txt"
