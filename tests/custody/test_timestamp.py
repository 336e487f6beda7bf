"""A full round trip with a real time stamping authority: OpenSSL's own, on this machine."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from custody.conftest import small_case
from custody.time_authority import Authority
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, export_package, timestamp, verify_package
from firstlight.custody.timestamp import MAX_RESPONSE, Stamp, check_stamp, check_with_library, dated, timestamp_query
from firstlight.errors import IntegrityError, MissingExtraError

NOTE = b"example.org/log\n7\nroot\n\n\xe2\x80\x94 example.org/log signature\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl is not at hand")
    return Authority(tmp_path_factory.mktemp("tsa") / "tsa")


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 2**63, 2**64 - 1])
def test_round_trip(authority: Authority, nonce: int) -> None:
    query = timestamp_query(NOTE, nonce)
    stamp = Stamp(authority.answer(query), authority.chain)
    at = check_stamp(NOTE, stamp, query=query)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)
    pytest.importorskip("rfc3161_client", reason="the extra timestamps is not installed")
    assert check_with_library(NOTE, stamp, query=query) == at
    assert dated(NOTE, stamp, query=query).checked_by == ("rfc3161-client", "openssl")


def test_what_is_no_stamp_of_this_checkpoint_is_refused(authority: Authority, tmp_path: Path) -> None:
    query = timestamp_query(NOTE, 5)
    good = Stamp(authority.answer(query), authority.chain)
    stranger = Authority(tmp_path / "stranger")
    for note, stamp, asked in (
        (NOTE + b"\n", good, None),
        (NOTE, Stamp(good.response, stranger.chain), None),
        (NOTE, Stamp(stranger.answer(query), authority.chain), None),
        (NOTE, Stamp(good.response[:-1], authority.chain), None),
        (NOTE, Stamp(b"", authority.chain), None),
        (NOTE, Stamp(b"x" * (MAX_RESPONSE + 1), authority.chain), None),
        (NOTE, good, timestamp_query(NOTE, 6)),
    ):
        with pytest.raises(IntegrityError, match="time stamp"):
            check_stamp(note, stamp, query=asked)
        with pytest.raises(IntegrityError, match="time stamp"):
            dated(note, stamp, query=asked)


def test_without_openssl_it_says_so() -> None:
    with pytest.raises(MissingExtraError):
        check_stamp(NOTE, Stamp(b"", b""), openssl="/nowhere/openssl")


def test_a_package_carries_the_stamp_of_its_checkpoint(
    tmp_path: Path, authority: Authority, log: CustodyLog, clock: FixedClock
) -> None:
    contents = small_case(log, clock)
    stamped: list[Stamp] = []

    def stamp(note: bytes) -> Stamp:
        stamped.append(Stamp(authority.answer(timestamp_query(note, 1)), authority.chain))
        return stamped[0]

    folder = Path(export_package(contents, tmp_path, log, clock, actor="u", stamp=stamp).folder)
    custody = folder / "data" / "custody"
    kept = Stamp((custody / "checkpoint.tsr").read_bytes(), (custody / "tsa-chain.pem").read_bytes())
    assert kept == stamped[0]
    check_stamp((custody / "checkpoint").read_bytes(), kept)
    check = verify_package(folder)
    assert check.ok
    assert any("openssl ts -verify" in line for line in check.says)


@pytest.mark.parametrize(("script", "why"), [("exit 0", "states no time"), ("exec sleep 60", "did not end")])
def test_an_openssl_that_says_nothing_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    program = tmp_path / "openssl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setattr(timestamp, "_OPENSSL_SECONDS", 0.5)
    with pytest.raises(IntegrityError, match=why):
        check_stamp(NOTE, Stamp(b"x", b"y"), openssl=str(program))
