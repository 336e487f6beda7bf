"""An independent verifier in another language judges our log: Go's sumdb packages.

On Debian: `apt install golang-go golang-golang-x-mod-dev`. Without them the tests skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, Event, EventType, MemoryLeafStore, NoteVerifier, SignedCheckpoint

_SOURCE = Path(__file__).parent / "interop" / "judge.go"
_GO_CODE = Path("/usr/share/gocode")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go")
    if go is None or not (_GO_CODE / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("Go and its x/mod package are not at hand: apt install golang-go golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    program = folder / "judge"
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(_GO_CODE),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    subprocess.run([go, "build", "-o", str(program), str(_SOURCE)], env=environment, check=True, cwd=folder)
    return program


def ask(judge: Path, question: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run([str(judge)], input=json.dumps(question), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_go_accepts_our_notes_trees_and_proofs_and_we_accept_its_notes(
    judge: Path, log: CustodyLog, store: MemoryLeafStore, clock: FixedClock
) -> None:
    old: list[SignedCheckpoint] = []
    for batch in (1, 2, 4, 5, 20, 41):
        log.append_many([Event(type=EventType.LOGIN, at=clock.now(), actor="u") for _ in range(batch)])
        old.append(log.checkpoint())
    leaves = [stored.leaf.decode() for stored in store.leaves()]
    size = len(leaves)
    question = {
        "Vkey": log.verifier.vkey,
        "Checkpoint": old[-1].note.decode(),
        "Leaves": leaves,
        "Inclusions": [
            {"Index": i, "Leaf": leaf, "Proof": [one.hex() for one in log.prove(i).hashes]}
            for i, leaf in enumerate(leaves)
        ],
        "Growths": [
            {"Old": one.note.decode(), "Proof": [h.hex() for h in log.consistency(one.size, size)]} for one in old
        ],
    }
    answer = ask(judge, question)
    assert set(answer["Inclusions"]) == {"ok"}
    assert set(answer["Growths"]) == {"ok"}
    assert bytes.fromhex(answer["Root"]) == old[-1].checkpoint.root
    assert [bytes.fromhex(one) for one in answer["Stored"]] == list(store.hashes(range(len(answer["Stored"]))))

    theirs = SignedCheckpoint.open(answer["Note"].encode(), NoteVerifier.from_vkey(answer["Vkey"]))
    assert (theirs.size, theirs.checkpoint.root) == (size, old[-1].checkpoint.root)


def test_go_refuses_what_we_refuse(judge: Path, log: CustodyLog, store: MemoryLeafStore, clock: FixedClock) -> None:
    log.append_many([Event(type=EventType.LOGIN, at=clock.now(), actor="u") for _ in range(9)])
    old = log.checkpoint()
    log.append_many([Event(type=EventType.LOGIN, at=clock.now(), actor="u") for _ in range(4)])
    new = log.checkpoint()
    leaves = [stored.leaf.decode() for stored in store.leaves()]
    proof = [one.hex() for one in log.prove(5).hashes]
    growth = [one.hex() for one in log.consistency(9, 13)]
    answer = ask(
        judge,
        {
            "Vkey": log.verifier.vkey,
            "Checkpoint": new.note.decode(),
            "Leaves": leaves,
            "Inclusions": [
                {"Index": 5, "Leaf": leaves[6], "Proof": proof},
                {"Index": 4, "Leaf": leaves[5], "Proof": proof},
                {"Index": 5, "Leaf": leaves[5], "Proof": proof[:-1]},
            ],
            "Growths": [{"Old": old.note.decode(), "Proof": growth[::-1]}, {"Old": old.note.decode(), "Proof": []}],
        },
    )
    assert "ok" not in answer["Inclusions"] + answer["Growths"]
