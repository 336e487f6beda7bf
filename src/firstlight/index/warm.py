"""Loading the compiled kernels ahead of the first query, and saying where they are cached."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from firstlight.errors import Fact


def warm_up() -> float:
    """Compile the kernels of searching, or load them from their cache; answers the seconds that took.

    A server calls this once at its start, so that its first query is as fast as its second.
    """
    from firstlight.index import kernels, plan
    from firstlight.index.basefile import dead_words
    from firstlight.index.rows import permutation, permuted

    begin = time.perf_counter()
    query = permuted(np.zeros((1, 32), dtype=np.uint8))
    keys, dead = _fixed(np.zeros(1, dtype=np.uint64)), dead_words(1)
    rows, order = _fixed(np.zeros(4, dtype=np.uint64)), _fixed(np.zeros(1, dtype=np.uint32))
    probes = plan.probes(plan.MAX_CHUNKS, 0, 1)
    tables = _fixed(np.zeros(plan.chunking(plan.MAX_CHUNKS).buckets(), dtype=np.uint32))
    out = (np.empty(1, dtype=np.uint32), np.empty(1, dtype=np.uint64), np.empty(1, dtype=np.uint8))
    over = np.zeros(2, dtype=np.uint8)
    kernels.search_tables(query, 0, probes.table, probes.masks, 1, rows, order, tables, keys, dead, 1, over, *out)
    kernels.scan_rows(query, over, 0, rows, keys, dead, *out)
    planes, own_keys, own_dead = np.zeros((4, 1), np.uint64), np.zeros(1, np.uint64), np.zeros(1, np.uint8)
    kernels.scan_planes(query, 1, 0, planes, 1, own_keys, own_dead, *out)
    one = np.frombuffer(bytes(32), dtype=np.uint8)
    fixed = (permutation(), 0, probes.table, probes.masks, 1, rows, order, tables, keys, dead, 1)
    kernels.search_one(one, *fixed, planes, 1, own_keys, own_dead, *out[1:])
    kernels.bury(keys, order, dead, keys)
    return time.perf_counter() - begin


def kernel_facts() -> dict[str, Fact]:
    """What a person wants to know about the kernels: whether they are cached, where, and for which processor."""
    from llvmlite import binding

    from firstlight.index import kernels

    dispatcher: Any = kernels.search_tables
    folder = Path(dispatcher.stats.cache_path) if dispatcher.stats.cache_path else None
    return {
        "cached": folder is not None,
        "cache_folder": str(folder) if folder else "",
        "processor": binding.get_host_cpu_name(),
    }


def _fixed(array: Any) -> Any:  # noqa: ANN401 - any array
    """Read-only, as the arrays of a mapped file are: kernels are compiled for that."""
    array.setflags(write=False)
    return array
