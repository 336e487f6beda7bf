"""Giving back the compiler's code: it goes, and comes back where it is needed."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import numba
from firstlight.media.resident import let_go_of_compiler

def resident():
    found, counts = 0, False
    for line in open("/proc/self/smaps"):
        if "-" in line.split()[0]:
            counts = "libllvmlite.so" in line and " r-xp " in line
        elif counts and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found

numba.njit("int64(int64)")(lambda n: n + 1)
before = resident()
let_go_of_compiler()
after = resident()
assert numba.njit("int64(int64)")(lambda n: n + 2)(3) == 5
print(before, after, resident())
"""


def test_the_code_of_the_compiler_goes_and_comes_back() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    before, after, again = map(int, done.stdout.split())
    assert after < before / 10
    assert again > after
