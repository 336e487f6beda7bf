"""What the examples stand on: a home with rules about vegetables and a bank that holds one drawn picture.

An operator does the same with commands: `firstlight gate rules build | test | arm`, `firstlight bank create`.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from firstlight.banks import NewEntry
from firstlight.casework.gatehouse import PRELOAD, Gatehouse, GateSettings, opened_gate
from firstlight.casework.gatekeeping import GateFolder
from firstlight.casework.home import Home
from firstlight.clock import SystemClock
from firstlight.gate import RulesSource, try_rules
from firstlight.gate.authority import development_keys
from firstlight.gate.http.standin import drawn
from firstlight.gate.marking import Marker, SigningKey
from firstlight.gate.pictures import look_at
from firstlight.media import Cage
from firstlight.values import BankPurpose

BAD_PROMPT = "a carrot in the cellar"
LISTED = "the picture that the bank knows"
LISTED_PICTURE = drawn(f"{LISTED} 0")
"""What the stand-in draws when it is asked for it."""

RULES = b"""
[groups]
roots = ["carrot", "red beet"]
places = ["cellar", "pantry"]
[[rules]]
id = "r1"
groups = ["roots", "places"]
within = 8
"""


@contextmanager
def armed_gate() -> Iterator[Gatehouse]:
    """A gate with rules in force, a bank, marks signed by a development key, and a ledger; all of it in a folder that
    goes away. The cage is made first: its workers must never see the home's keys."""
    with (
        tempfile.TemporaryDirectory() as name,
        Cage(workers=1, preload=PRELOAD) as cage,
        Home.open(Path(name) / "home") as home,
    ):
        arm(home, cage)
        keys = development_keys(SystemClock().now())
        marker = Marker(SigningKey(keys.chain, "es256", key=keys.key), generator="example", version="1")
        with opened_gate(home, cage, GateSettings(name="example", marker=marker)) as house:
            yield house


def arm(home: Home, cage: Cage) -> None:
    """Rules, tried on benign prompts as they have to be before they are armed, and a bank."""
    folder = GateFolder(home)
    folder.build(RulesSource.parse(RULES), "ada")
    benign = [f"a lake in the morning, number {n}" for n in range(400)]
    folder.keep_trial(try_rules(folder.built(), benign, [], at=home.clock.now()))
    folder.arm("ada")
    home.library.create_bank("known", BankPurpose.KNOWN)
    seen = look_at(cage, LISTED_PICTURE)
    home.library.add("known", [NewEntry(key="1", pdq=seen.hash.pdq.hex, sha256=seen.digests.sha256)])


def as_picture(data: bytes) -> Image.Image:
    """A picture file as Pillow has it."""
    return Image.open(io.BytesIO(data)).convert("RGB")
