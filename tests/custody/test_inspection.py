from __future__ import annotations

from pathlib import Path

import pytest

from custody.conftest import small_case
from custody.forger import Forger
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, Keyring, MemoryLeafStore, export_package
from firstlight.custody.inspection import PackageSummary, inspect_package
from firstlight.errors import InputError, IntegrityError, NotFoundError


@pytest.fixture
def package(tmp_path: Path, log: CustodyLog, clock: FixedClock) -> Path:
    return Path(export_package(small_case(log, clock), tmp_path, log, clock, actor="u-1").folder)


def test_what_comes_out_is_what_went_in(package: Path, log: CustodyLog, clock: FixedClock) -> None:
    found = inspect_package(package, log.verifier.vkey)
    sent = small_case(log, clock)
    assert (found.name, found.case, found.organisation) == ("example-case-1", "case-1", "Example Ltd")
    assert found.made_at == clock.now()
    assert found.files[0].digests == sent.files[0].digests
    assert found.identifiers == sent.identifiers
    assert found.timeline == sent.timeline
    assert found.records == ("uploads.json", "verdict.json")
    assert found.statements == ("cybertip.xml",)
    assert found.media == ()
    assert found.events == {"decide": 1, "enqueue": 1, "export": 1, "ingest": 1, "reveal": 1}
    assert PackageSummary.from_json(found.to_json()) == found


def test_destroyed_events_are_counted_by_their_leaves(
    tmp_path: Path, log: CustodyLog, store: MemoryLeafStore, clock: FixedClock
) -> None:
    contents = small_case(log, clock)
    store.forget([2])
    report = export_package(contents, tmp_path, log, clock, actor="u-1")
    assert inspect_package(Path(report.folder)).events["enqueue"] == 1


def test_nothing_is_read_from_what_does_not_verify(package: Path) -> None:
    (package / "data/interchange/files.json").write_text("[]")
    with pytest.raises(IntegrityError, match=r"does not verify: data/interchange/files\.json"):
        inspect_package(package)
    with pytest.raises(InputError):
        inspect_package(package, "no key")
    with pytest.raises(NotFoundError):
        inspect_package(package / "missing")


def test_another_form_is_told_apart_from_damage(package: Path, tmp_path: Path, keyring: Keyring) -> None:
    """An insider of a later version may write other facts; they verify, and are not guessed at."""
    for name, data in (("files", b'[{"new": 1}]'), ("timeline", b"{}"), ("identifiers", b"no json")):
        later = Forger(package, tmp_path / name, keyring.log_signer())
        later.write(f"data/interchange/{name}.json", data)
        digest = later.relist()
        later.recommit(-1, lambda event, digest=digest: event["payload"].update(contents_sha256=digest))  # type: ignore[misc]
        later.relog(keyring.log_signer())
        later.cover_up()
        with pytest.raises(IntegrityError, match="not of a form"):
            inspect_package(later.folder)
