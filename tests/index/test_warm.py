"""The kernels are loaded ahead, and can be the plainest code there is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import firstlight
from firstlight.index import HammingIndex, kernel_facts, kernels, warm_up
from firstlight.index.jit import kernel

PORTABLE = """
import numpy as np, sys, tempfile
from pathlib import Path
from firstlight.index import HammingIndex, hamming
hamming.MIN_BASE_ROWS = 1
hashes = np.random.default_rng(1).integers(0, 256, (60_000, 32), dtype=np.uint8)
with HammingIndex.create(Path(sys.argv[1]), auto_compact=False) as index:
    index.add(hashes[:-9], np.arange(59_991, dtype=np.uint64))
    index.compact()
    index.add(hashes[-9:], np.arange(59_991, 60_000, dtype=np.uint64))
    hits = index.search_many(hashes[::1000] ^ np.uint8(1), 64)
    print(hits.query.tolist(), hits.key.tolist(), hits.distance.tolist())
"""


def test_after_warming_up_a_search_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled() -> dict[str, int]:
        return {name: len(value.signatures) for name, value in vars(kernels).items() if hasattr(value, "signatures")}

    hashes = np.random.default_rng(1).integers(0, 256, (60_000, 32), dtype=np.uint8)
    with HammingIndex.create(tmp_path / "i", auto_compact=False) as index:
        index.add(hashes[1:], np.arange(1, 60_000, dtype=np.uint64))
        index.compact()
        warm_up()
        before = compiled()
        index.add(hashes[:1], [0])
        index.remove([9])
        for threshold in (31, 64):
            assert index.search(hashes[0].tobytes(), threshold) == [(0, 0)]
        assert compiled() == before
    facts = kernel_facts()
    assert facts["processor"]
    assert not facts["cached"] or Path(str(facts["cache_folder"])).is_dir()


def test_where_no_cache_can_be_written_kernels_work_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numba.njit

    def without_cache(**options: bool) -> object:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)  # type: ignore[call-overload]

    monkeypatch.setattr(numba, "njit", without_cache)

    def double(value: int) -> int:
        return 2 * value

    assert kernel(double)(21) == 42


def test_results_are_the_same_without_vector_instructions(tmp_path: Path) -> None:
    """Once as this processor does it, once compiled for the plainest one."""
    source = str(Path(firstlight.__file__).parent.parent)
    answers = []
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    plain = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "", **cache}
    for name, extra in (("as-it-is", {}), ("plain", plain)):
        run = subprocess.run(
            [sys.executable, "-c", PORTABLE, str(tmp_path / name)],
            env={**os.environ, "PYTHONPATH": source, **extra},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(run.stdout)
    assert answers[0] == answers[1]
    assert "[0, 1, 2" in answers[0]
