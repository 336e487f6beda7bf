"""Every way to cheat gets exactly the refusal that it must get, from the file inside the package and in the house."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from custody.bad import second_parties
from custody.bad.cheat import Cheat
from custody.bad_packages import CHEATS
from custody.conftest import fixed_entropy, small_case
from custody.forger import Forger
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, Keyring, MemoryLeafStore, export_package, verify_package


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Keyring]:
    clock = FixedClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    base = tmp_path_factory.mktemp("good")
    ring = Keyring.create(base / "keys", "example.org/custody", entropy=fixed_entropy())
    log = CustodyLog(
        MemoryLeafStore(), ring.log_signer(), clock, sealers=ring.event_sealer, entropy=fixed_entropy(b"s")
    )
    return Path(export_package(small_case(log, clock), base, log, clock, actor="u-1").folder), ring


def test_there_are_enough_ways_to_cheat() -> None:
    assert len(CHEATS) >= 135
    assert len({one.name for one in CHEATS}) == len(CHEATS)


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda one: one.name)
def test_each_cheat_gets_its_refusal(good: tuple[Path, Keyring], tmp_path: Path, cheat: Cheat) -> None:
    package, ring = good
    signer = ring.log_signer()
    forged = Forger(package, tmp_path / "forged", signer)
    cheat.act(forged)
    check = verify_package(forged.folder, signer.verifier.vkey if cheat.key_given else None)
    assert (check.ok, check.where, check.differs) == (False, cheat.where, cheat.what)


def test_the_file_in_the_package_says_the_same(good: tuple[Path, Keyring], tmp_path: Path) -> None:
    package, ring = good
    cheat = next(one for one in CHEATS if one.name == "record_changed_and_lists_adjusted")
    forged = Forger(package, tmp_path / "forged", ring.log_signer())
    cheat.act(forged)
    command = [sys.executable, "-I", str(package / "verify" / "verify.py"), str(forged.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == f"DIFFERS: {cheat.where}: {cheat.what}.\n"


def test_a_stranger_with_a_key_of_their_own_is_told_apart_only_by_the_key(
    good: tuple[Path, Keyring], tmp_path: Path
) -> None:
    """What the verifier says it did not prove: whose key it is."""
    package, ring = good
    cheat = next(one for one in CHEATS if one.key_given)
    forged = Forger(package, tmp_path / "forged", ring.log_signer())
    cheat.act(forged)
    check = verify_package(forged.folder)
    assert check.ok
    assert any(line.startswith("NOT PROVED: whose key this is") for line in check.says)


def test_what_second_parties_truly_say_is_told_with_its_limits(good: tuple[Path, Keyring], tmp_path: Path) -> None:
    package, ring = good
    f = Forger(package, tmp_path / "made", ring.log_signer())
    second_parties.witness(f, second_parties.true_line(f))
    second_parties.stamp(f, second_parties.answer(f.read(second_parties.AT_CHECKPOINT)))
    check = verify_package(f.folder)
    assert check.ok, check
    seconds = int(second_parties.SEEN.timestamp())
    told = "\n".join(check.says)
    assert f"The witness witness.example/w1 signed the same state, {seconds} seconds after" in told
    assert "states the time 20260301120003Z" in told
    assert "NOT PROVED: whose key the witness's is" in told
    assert "NOT PROVED: that an authority signed the time stamp. In data/custody: openssl ts -verify" in told


def test_a_relogged_package_that_tells_no_lie_verifies(good: tuple[Path, Keyring], tmp_path: Path) -> None:
    """The forger's own tools are right: what they make without a lie is accepted."""
    package, ring = good
    forged = Forger(package, tmp_path / "forged", ring.log_signer())
    forged.relog(ring.log_signer())
    forged.cover_up()
    assert verify_package(forged.folder, ring.log_signer().verifier.vkey).ok
