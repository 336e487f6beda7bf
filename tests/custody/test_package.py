from __future__ import annotations

import csv
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.conftest import PICTURE, fixed_entropy, small_case
from custody.faults import FailingDisk, PowerCutError
from firstlight.clock import FixedClock
from firstlight.custody import (
    CustodyLog,
    EventType,
    FileFacts,
    Keyring,
    MemoryLeafStore,
    PackageContents,
    Summary,
    TlogProof,
    export_package,
    verifier,
    verify_package,
)
from firstlight.custody.bag import BagWriter
from firstlight.custody.certificate import draft_certificate
from firstlight.custody.files import Disk
from firstlight.custody.pages import start_here
from firstlight.custody.tables import safe_cell, to_csv
from firstlight.errors import InputError, NotFoundError, StateError, StorageError


@pytest.fixture
def contents(log: CustodyLog, clock: FixedClock) -> PackageContents:
    return small_case(log, clock)


@pytest.fixture
def package(tmp_path: Path, contents: PackageContents, log: CustodyLog, clock: FixedClock) -> Path:
    return Path(export_package(contents, tmp_path, log, clock, actor="u-1").folder)


def run_verifier(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(package / "verify" / "verify.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_a_package_verifies_by_itself(package: Path, log: CustodyLog) -> None:
    done = run_verifier(package)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("VERIFIED.\n")
    assert "NOT PROVED: whose key" in done.stdout
    done = run_verifier(package, "--key", log.verifier.vkey)
    assert done.returncode == 0
    assert "The log's key is the one that you gave." in done.stdout
    check = verify_package(package, log.verifier.vkey)
    assert check.ok
    assert [*check.says, "VERIFIED."] == done.stdout.splitlines()


def test_one_changed_byte_is_named(package: Path) -> None:
    victim = package / "data" / "records" / "uploads.json"
    victim.write_bytes(victim.read_bytes().replace(b"2", b"4"))
    done = run_verifier(package)
    assert done.returncode == 1
    assert "DIFFERS: data/records/uploads.json: this file was changed" in done.stdout
    check = verify_package(package)
    assert (check.ok, check.where) == (False, "data/records/uploads.json")


@pytest.mark.parametrize("arguments", [["a", "b"], ["--key"], ["--help"], ["--key", "no key"]])
def test_wrong_calls(package: Path, arguments: list[str]) -> None:
    assert run_verifier(package, *arguments).returncode == 2


def test_sha256sum_agrees(package: Path) -> None:
    command = ["sha256sum", "-c", "--strict", "--quiet", "manifest-sha256.txt"]
    subprocess.run(command, cwd=package, check=True)
    subprocess.run([*command[:-1], "tagmanifest-sha256.txt"], cwd=package, check=True)


def test_only_this_case_is_shown(package: Path, log: CustodyLog) -> None:
    lines = [json.loads(line) for line in (package / "data/custody/entries.jsonl").read_text().splitlines()]
    events = [json.loads(line["event"]) for line in lines]
    assert [event["type"] for event in events] == ["ingest", "enqueue", "reveal", "decide", "export"]
    everything = b"".join(path.read_bytes() for path in package.rglob("*") if path.is_file())
    assert b"case-2" not in everything
    proof = TlogProof.from_bytes((package / "data/custody/export.tlog-proof").read_bytes())
    assert proof.check(lines[-1]["leaf"].encode(), log.verifier).size == len(log)


def test_no_media_and_nothing_active(package: Path) -> None:
    everything = b"".join(path.read_bytes() for path in package.rglob("*") if path.is_file())
    assert PICTURE not in everything
    page = (package / "START-HERE.html").read_text()
    for word in ("<script", "<img", 'http-equiv="refresh', "src=", "href="):
        assert word not in page
    assert "HYPERLINK(carrot)" in page


def test_strata_are_apart(package: Path) -> None:
    assert sorted(p.name for p in (package / "data/records").iterdir()) == ["uploads.json", "verdict.json"]
    assert (package / "data/report/cybertip.xml").read_bytes() == b"<report/>\r\n"


def test_tables_run_nothing(package: Path) -> None:
    text = (package / "data/interchange/hashes.csv").read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[1][6] == "'=HYPERLINK(carrot).jpg"
    assert rows[1][0] == hashlib.sha256(PICTURE).hexdigest()


@given(st.lists(st.one_of(st.none(), st.integers(), st.text()), min_size=1, max_size=5))
def test_every_cell_survives_and_none_is_a_formula(cells: list[object]) -> None:
    text = to_csv(["h"] * len(cells), [cells]).decode()
    _, row = csv.reader(io.StringIO(text, newline=""))
    assert row == [safe_cell(cell) for cell in cells]
    assert not any(cell.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") for cell in row if cell.strip(" "))


def test_the_same_case_makes_the_same_bytes(tmp_path: Path, clock: FixedClock) -> None:
    ring = Keyring.create(tmp_path / "keys", "example.org/custody", entropy=fixed_entropy())
    packages = []
    for name in ("a", "b"):
        log = CustodyLog(
            MemoryLeafStore(), ring.log_signer(), clock, sealers=ring.event_sealer, entropy=fixed_entropy(b"s")
        )
        (tmp_path / name).mkdir()
        report = export_package(small_case(log, clock), tmp_path / name, log, clock, actor="u-1")
        folder = Path(report.folder)
        packages.append({str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    assert packages[0] == packages[1]


def test_the_export_is_logged_before_the_package_has_its_name(
    tmp_path: Path, contents: PackageContents, log: CustodyLog, clock: FixedClock
) -> None:
    seen: list[object] = []

    def commit() -> None:
        seen.append([one.event.payload for one in log.entries(types=[EventType.EXPORT]) if one.event])
        seen.append((tmp_path / contents.name).exists())

    report = export_package(contents, tmp_path, log, clock, actor="u-1", commit=commit)
    assert seen[1] is False
    assert report.contents_sha256 in str(seen[0])
    assert Path(report.folder).is_dir()


def test_a_commit_that_fails_leaves_no_package(
    tmp_path: Path, contents: PackageContents, log: CustodyLog, clock: FixedClock
) -> None:
    def commit() -> None:
        raise StorageError("the database is locked")

    with pytest.raises(StorageError):
        export_package(contents, tmp_path, log, clock, actor="u-1", commit=commit)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["keys"]


def test_a_package_is_never_overwritten(
    tmp_path: Path, package: Path, contents: PackageContents, log: CustodyLog, clock: FixedClock
) -> None:
    with pytest.raises(StateError, match="there already"):
        export_package(contents, tmp_path, log, clock, actor="u-1")
    with pytest.raises(NotFoundError):
        export_package(contents, tmp_path / "missing", log, clock, actor="u-1")
    with pytest.raises(NotFoundError):
        verify_package(tmp_path / "missing")
    with pytest.raises(InputError):
        verify_package(package, "no key")


def test_a_second_export_shows_the_first(
    tmp_path: Path, package: Path, contents: PackageContents, log: CustodyLog, clock: FixedClock
) -> None:
    again = contents.model_copy(update={"name": "example-case-2"})
    report = export_package(again, tmp_path, log, clock, actor="u-1")
    assert run_verifier(Path(report.folder)).returncode == 0
    assert run_verifier(package).returncode == 0


def test_a_shredded_entry_is_shown_closed(
    tmp_path: Path, contents: PackageContents, log: CustodyLog, store: MemoryLeafStore, clock: FixedClock
) -> None:
    store.forget([2])
    report = export_package(contents, tmp_path, log, clock, actor="u-1")
    done = run_verifier(Path(report.folder))
    assert done.returncode == 0
    assert "5 entries shown here stand in that log; 4 of them with the event" in done.stdout


def test_every_step_of_an_export_can_fail(
    tmp_path: Path, contents: PackageContents, log: CustodyLog, clock: FixedClock
) -> None:
    count = FailingDisk()
    (tmp_path / "count").mkdir()
    export_package(contents, tmp_path / "count", log, clock, actor="u-1", disk=count)
    into = tmp_path / "into"
    into.mkdir()
    for step in range(0, len(count.calls), 5):
        with pytest.raises(StorageError, match="full"):
            export_package(contents, into, log, clock, actor="u-1", disk=FailingDisk(step, errno.ENOSPC))
        assert [p for p in into.iterdir() if not p.name.startswith(".")] == [] or step == len(count.calls) - 1
    for step in range(3, len(count.calls) - 2, 9):
        with pytest.raises(PowerCutError):
            export_package(contents, into, log, clock, actor="u-1", disk=FailingDisk(step, None))
        assert not (into / contents.name).exists()
    assert log.verify().ok


def test_what_an_interrupted_export_left_is_removed_by_the_next(
    tmp_path: Path, contents: PackageContents, log: CustodyLog, clock: FixedClock
) -> None:
    partial = tmp_path / f".{contents.name}.partial"
    (partial / "data").mkdir(parents=True)
    (partial / "data" / "half").write_text("half")
    fd = os.open(partial, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(StateError, match="being written"):
        export_package(contents, tmp_path, log, clock, actor="u-1")
    os.close(fd)
    report = export_package(contents, tmp_path, log, clock, actor="u-1")
    assert not partial.exists()
    assert verify_package(Path(report.folder)).ok


@pytest.mark.parametrize("name", ["../evil.json", "UPPER.json", "a/b", "", ".hidden"])
def test_names_inside_a_package_are_plain(contents: PackageContents, name: str) -> None:
    with pytest.raises(ValueError):
        PackageContents.model_validate({**contents.model_dump(), "records": {name: {}}})


def _runs(python: Path) -> bool:
    return subprocess.run([str(python), "-V"], capture_output=True, check=False).returncode == 0


def test_the_package_verifies_with_the_oldest_python_at_hand(package: Path) -> None:
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob("3.8.*/bin/python3.8"))
    found = [Path(one) for one in (shutil.which("python3.8"), "/usr/bin/python3.8", *pyenv) if one]
    old = next((one for one in found if one.exists() and _runs(one)), None)
    if old is None:
        pytest.skip("no Python 3.8 at hand; the syntax is checked by the next test")
    subprocess.run([str(old), "-I", str(package / "verify" / "verify.py")], check=True)


def test_the_verifier_keeps_to_the_syntax_and_library_of_python_3_8(package: Path) -> None:
    import ast

    tree = ast.parse((package / "verify" / "verify.py").read_text(), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"base64", "hashlib", "hmac", "json", "os", "re", "sys", "typing"}
    assert froms == {"__future__", "pathlib"}
    assert len((package / "verify" / "verify.py").read_text().splitlines()) < 500


def test_the_verifier_from_within(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, log: CustodyLog
) -> None:
    assert verifier.main([str(package), "--key", log.verifier.vkey]) == 0
    assert capsys.readouterr().out.endswith("VERIFIED.\n")
    assert verifier.main([str(tmp_path / "missing")]) == 1
    assert "this is no folder" in capsys.readouterr().out
    for wrong in (["--key"], ["--key", "no key"], ["a", "b"], ["--what"]):
        assert verifier.main(wrong) == 2
        assert capsys.readouterr().err

    def unreadable(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(verifier, "check_bag", unreadable)
    assert verifier.main([str(package)]) == 2
    assert "Cannot read" in capsys.readouterr().err
    with pytest.raises(StorageError, match="permission"):
        verify_package(package)


def test_the_first_page_says_who_and_where_and_what_is_not_recorded(contents: PackageContents) -> None:
    summary = Summary(danger="none <known>", roles=("reporter: account 7",), places=("a shop",))
    bare = FileFacts(digests=contents.files[0].digests, origin=("a sign",), origin_limits="its limits")
    full = contents.model_copy(update={"summary": summary, "files": (bare,)})
    page, text = (data.decode() for data in start_here(full, "now", "key"))
    for words in ("reporter: account 7", "a shop", "no viewing by a person is recorded", "a sign. its limits"):
        assert words in page
        assert words in text
    assert "none &lt;known&gt;" in page
    assert (
        "No files belong to this case." in start_here(full.model_copy(update={"files": ()}), "now", "key")[1].decode()
    )
    empty = contents.model_copy(update={"files": ()})
    assert b"No files belong to this matter." in draft_certificate(empty, "now", "key")


def test_names_in_a_bag_cannot_collide_or_climb(tmp_path: Path) -> None:
    bag = BagWriter(tmp_path / "bag", Disk())
    bag.add("data/a.txt", b"")
    for name in ("data/A.txt", "data/a.txt", "../a", "/a", "data//a", "", "data/\u00e4"):
        with pytest.raises(InputError):
            bag.add(name, b"")
