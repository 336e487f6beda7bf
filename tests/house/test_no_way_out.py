"""Law 6 below Python: the whole suite runs where the kernel has no way to a host, and an attempt fails the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from house import sources

_RUN = [sys.executable, str(sources.ROOT / "scripts" / "no_way_out.py"), sys.executable]

# The plain socket of the C module is out of reach of the guard in conftest, as a compiled library's would be.
_SNEAKY = """
import _socket, contextlib
def test_sneaky():
    plain = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    with contextlib.suppress(OSError):
        plain.connect(("{address}", 9))
    plain.close()
"""


@pytest.fixture
def network_namespaces() -> None:
    """Skips where the kernel allows no network namespace."""
    result = subprocess.run([*_RUN, "-c", ""], capture_output=True, text=True)
    assert result.returncode == 0
    if result.stderr:
        pytest.skip(result.stderr.strip())


def pytest_run(folder: Path, address: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest with our conftest over one test that connects to the address and hides the failure."""
    (folder / "conftest.py").write_bytes((sources.ROOT / "tests" / "conftest.py").read_bytes())
    (folder / "test_sneaky.py").write_text(_SNEAKY.format(address=address))
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = " + str(sources.PACKAGE.parent))
    command = [*_RUN, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.usefixtures("network_namespaces")
def test_a_hidden_attempt_fails_the_run(tmp_path: Path) -> None:
    result = pytest_run(tmp_path, "192.0.2.1")
    assert "1 passed" in result.stdout
    assert "the kernel saw and refused: 1" in result.stdout
    assert result.returncode == 1


@pytest.mark.usefixtures("network_namespaces")
def test_loopback_is_no_attempt(tmp_path: Path) -> None:
    result = pytest_run(tmp_path, "127.0.0.1")
    assert "the kernel saw and refused: 0" in result.stdout
    assert result.returncode == 0


@pytest.mark.usefixtures("network_namespaces")
def test_servers_on_loopback_work_inside() -> None:
    code = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname());"
        "print(socket.if_nameindex())"
    )
    result = subprocess.run([*_RUN, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[(1, 'lo')]"
