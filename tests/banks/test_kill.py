"""An import that is killed at any moment is run again, and then everything is there once."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

from firstlight.banks import Library
from firstlight.clock import SystemClock
from firstlight.values import BankPurpose, Digests

RECORDS = 12_000
IMPORT = """
import sys
from pathlib import Path
from firstlight.banks import Library, adding, store
from firstlight.clock import SystemClock
adding.BATCH, store.ENTRIES_PER_FRAME, store.RUN_ENTRIES, store.MERGED_RUNS = 128, 64, 512, 3
library = Library.open(Path(sys.argv[1]), sealer=None, clock=SystemClock())
print("go", flush=True)
report = library.import_list("roots", Path(sys.argv[2]))
print(report.added, report.unchanged, flush=True)
"""


def digests(number: int) -> Digests:
    name = f"carrot-{number}".encode()
    return Digests(
        md5=hashlib.md5(name).hexdigest(),
        sha1=hashlib.sha1(name).hexdigest(),
        sha256=hashlib.sha256(name).hexdigest(),
        size=len(name),
    )


def test_an_import_killed_again_and_again_is_whole_in_the_end(tmp_path: Path) -> None:
    folder, listed = tmp_path / "library", tmp_path / "list.csv"
    rows = (f"{number},{one.md5},{one.sha1}\n" for number, one in enumerate(map(digests, range(RECORDS))))
    listed.write_text("id,md5,sha1\n" + "".join(rows))
    with Library.create(folder, sealer=None, clock=SystemClock()) as library:
        library.create_bank("roots", BankPurpose.KNOWN)
    chance, held, log = random.Random(3), 0, folder / "banks" / "roots" / "log"
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", IMPORT, str(folder), str(listed)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "go\n"
            until = log.stat().st_size + chance.randrange(20_000, 200_000)
            while log.stat().st_size < until and child.poll() is None:
                time.sleep(0.001)
            child.kill()
        with Library.open(folder, sealer=None, clock=SystemClock()) as library:
            library.verify()
            entries = library.bank("roots").entries
            assert held <= entries == sum(1 for _ in library.entries("roots"))
            held = entries
    assert 0 < held < RECORDS  # it was stopped in the middle
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(folder), str(listed)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [int(done[1]), int(done[2])] == [RECORDS - held, held]
    with Library.open(folder, sealer=None, clock=SystemClock()) as library:
        library.verify()
        assert sorted(int(one.key) for one in library.entries("roots")) == list(range(RECORDS))
        for number in range(0, RECORDS, 97):
            assert [match.entry for match in library.match(digests(number))] == [str(number)]
