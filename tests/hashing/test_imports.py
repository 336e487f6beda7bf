"""The house's own process loads no decoder and no compiler: those belong to the workers."""

from __future__ import annotations

import os
import subprocess
import sys

import firstlight.hashing
import firstlight.media


def test_importing_the_rooms_loads_nothing_heavy() -> None:
    program = (
        "import sys, firstlight.hashing, firstlight.media;"
        "sys.exit(' '.join({'PIL', 'numba', 'numpy', 'av', 'pillow_heif'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_public_names_are_all_there() -> None:
    for room in (firstlight.hashing, firstlight.media):
        assert all(hasattr(room, name) for name in room.__all__)
        assert len(set(room.__all__)) == len(room.__all__)
