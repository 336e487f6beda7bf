"""The commands of second parties, leftovers, locks and imports, in words and as JSON."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from casework.making import SETTINGS, jpeg, put
from cli.conftest import Run
from firstlight.casework.home import Home

DECISION = ("--item", "1", "--finding", "not-reportable", "--why", "A picture of a holiday.", "--by", "rev-1")
EARLY = "the uploader has shown that it is theirs"


@pytest.fixture
def filled(run: Run, tmp_path: Path) -> Run:
    run("intake", put(tmp_path / "in", {"a.jpg": jpeg(1)}))
    return run


def test_a_log_without_second_parties(filled: Run, house: Path) -> None:
    said = filled("custody", "anchor")
    assert (said.code, "none is configured" in said.out) == (0, True)
    assert filled("custody", "verify", "--json").document["anchors"]["dated"] == []
    said = filled("evidence", "stamp", house / "nowhere", "--to", house / "out")
    assert (said.code, "no time stamping authority" in said.err) == (2, True)
    assert "nothing to do" in filled("custody", "protect").out
    assert filled("custody", "protect", "--json").document["enforced"] is False


def test_a_witness_in_a_process_of_its_own(filled: Run, house: Path, tmp_path: Path) -> None:
    key = filled("custody", "checkpoint", "--json").document["log_key"]
    arguments = ("custody", "witness", "--folder", str(tmp_path / "w"), "--log-key", key, "--port", "0")
    command = [sys.executable, "-c", "from firstlight.cli.main import run; run()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        witness = process.stdout.readline().split()[-1]
        (house / "settings.toml").write_text(SETTINGS + f'[witness]\nurl = "{url}"\nkey = "{witness}"\n')
        assert "has signed it too" in filled("custody", "anchor").out
        said = filled("custody", "verify")
        assert (said.code, "the witness witness.invalid/1 has signed" in said.out) == (0, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    away = filled("custody", "anchor")
    assert (away.code, "does not answer" in away.out) == (3, True)


def test_leftovers_are_listed_adopted_and_removed(filled: Run, house: Path) -> None:
    assert "0 originals without an item" in filled("custody", "leftovers").out
    with Home.open(house) as home:
        for number in (1, 2):
            home.vault.put(io.BytesIO(jpeg(number)), home.keyring.ensure_case_key(f"it-{number}"))
    listed = filled("custody", "leftovers").out
    assert "--adopt makes one of it" in listed
    assert "--remove takes this copy away" in listed
    both = filled("custody", "leftovers", "--adopt", "--remove", "--json").document["leftovers"]
    assert sorted(one["became"] for one in both) == ["adopted", "removed"]


def test_two_people_destroy_early(filled: Run) -> None:
    assert filled("case", "decide", "1", *DECISION).code == 0
    early = ("custody", "destroy", "1", "--early", EARLY, "--by", "ada")
    asked = filled(*early)
    assert (asked.code, "Another person has to approve" in asked.out) == (1, True)
    act = filled(*early, "--json").document["act_sha256"]
    assert filled("custody", "approve", act, "--by", "bea").code == 0
    assert "is destroyed" in filled(*early).out


def test_a_package_and_its_originals_go_to_an_agency_and_come_in_there(filled: Run, tmp_path: Path) -> None:
    age = pytest.importorskip("pyrage", reason="the extra age is not installed")
    identity = age.x25519.Identity.generate()
    (tmp_path / "key").write_text(f"{identity}\n")
    to = ("evidence", "export", "1", "--to", tmp_path / "out", "--media-to", str(identity.to_public()), "--by", "ada")
    asked = filled(*to)
    assert (asked.code, "Nothing is made yet" in asked.out) == (1, True)
    act = filled(*to, "--json").document["act_sha256"]
    assert filled("custody", "approve", act, "--by", "bea").code == 0
    assert "approved by bea" in filled(*to).out
    package, originals = (tmp_path / "out" / f"firstlight-case-1-{name}" for name in ("1", "originals-1"))
    there = ("--home", tmp_path / "agency")
    (tmp_path / "agency").mkdir(mode=0o700)
    came = filled("evidence", "import", package, *there)
    assert (came.code, "1 file told of" in came.out) == (0, True)
    opened = filled("evidence", "import", originals, "--identity", tmp_path / "key", "--json", *there)
    assert opened.document["originals"] == 1
    assert filled("evidence", "import", tmp_path / "nothing", *there).code == 2
