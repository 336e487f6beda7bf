"""The commands on exchanges: added, fetched, shown, removed; words and exit codes of the house."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from banks.exchanges.servers import Answer, NcmecFake, serving
from cli.conftest import Run


def digest(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with one list."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "list.txt").write_text("".join(f"{digest(name)}\n" for name in ("leek", "turnip")))
    return folder


def test_a_list_is_fetched_shown_and_removed(run: Run, shelf: Path, tmp_path: Path) -> None:
    ran = run("exchange", "add", "partner", "folder", "--set", f"path={shelf}", "--owner", "Example Gardens")
    assert (ran.code, "never fetched" in ran.out, "Next:" in ran.out) == (0, True, False)
    assert run("exchange", "status").code == 1  # never fetched: a finding
    ran = run("exchange", "fetch")
    assert (ran.code, "2 added" in ran.out, "the bank holds 2 entries" in ran.out) == (0, True, True)
    told = run("exchange", "status", "--json").document
    assert [(one["name"], one["up_to_date"], one["entries"]) for one in told] == [("partner", True, 2)]
    assert "reached the end" in run("exchange", "status", "partner").out
    (tmp_path / "leek.txt").write_bytes(b"leek")
    assert run("match", tmp_path / "leek.txt").code == 1
    assert run("exchange", "send", "partner").code == 2
    assert run("exchange", "disable", "partner").code == 0
    assert run("exchange", "fetch", "partner").code == 2
    assert "There is no exchange to fetch" in run("exchange", "fetch").out
    assert run("exchange", "enable", "partner").code == 0
    assert "deleted" in run("exchange", "remove", "partner", "--why", "the agreement ended").out
    assert run("bank", "list", "--json").document == []
    assert run("exchange", "status").code == 0


def test_of_several_one_that_cannot_be_fetched_keeps_none_of_the_others(run: Run, shelf: Path) -> None:
    run("exchange", "add", "another", "ncmec", "--set", "environment=http://127.0.0.1:9")  # without credentials
    run("exchange", "add", "partner", "folder", "--set", f"path={shelf}")
    ran = run("exchange", "fetch")
    assert (ran.code, "2 added" in ran.out, "NOT TO ITS END: This home keeps no credentials" in ran.out) == (
        3, True, True,
    )  # fmt: skip
    told = run("exchange", "fetch", "--json")
    assert [(one["name"], one["last_succeeded"]) for one in told.document] == [("another", False), ("partner", True)]
    assert run("exchange", "fetch", "another").code == 2
    assert run("exchange", "fetch", "partner", "nobody").code == 2


def test_a_bank_may_be_kept(run: Run, shelf: Path) -> None:
    run("exchange", "add", "partner", "folder", "--set", f"path={shelf}")
    run("exchange", "fetch", "partner")
    assert run("exchange", "remove", "partner", "--why", "x", "--keep-bank", "--json").document["bank_kept"] is True
    assert [bank["entries"] for bank in run("bank", "list", "--json").document] == [2]


def test_credentials_come_from_a_file_and_are_not_shown(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("# issued\nuser=leek\npassword=secret word\n")
    fake = NcmecFake()
    with serving(fake):
        ran = run("exchange", "add", "list", "ncmec", "--set", f"environment={fake.url}")
        assert (ran.code, "Next: firstlight exchange credentials ncmec FILE" in ran.out) == (0, True)
        ran = run("exchange", "fetch", "list")
        assert (ran.code, "keeps no credentials" in ran.err) == (2, True)
        ran = run("exchange", "credentials", "ncmec", secret)
        assert (ran.code, "secret word" in ran.out) == (0, False)
        fake.faults = [Answer(403)]
        ran = run("exchange", "fetch", "list")
        assert run("exchange", "fetch", "list").code == 0
    assert (ran.code, "Check the credentials" in ran.out, "secret word" in ran.out) == (3, True, False)
    assert run("exchange", "credentials", "ncmec", "--clear").code == 0
    (tmp_path / "wrong").write_text("user leek\n")
    for wrong in ([], [tmp_path / "wrong"], [tmp_path / "gone"], [secret, "--clear"]):
        assert run("exchange", "credentials", "ncmec", *wrong).code == 2


@pytest.mark.parametrize(
    "wrong",
    [
        ["list", "nobody"],
        ["list", "ncmec"],
        ["list", "ncmec", "--set", "environment=http://list.example"],
        ["list", "ncmec", "--set", "strange=1"],
        ["list", "fb_threatexchange", "--set", "privacy_group=x"],
        ["List", "folder", "--set", "path=/x"],
    ],
)
def test_what_cannot_be_an_exchange_is_refused(run: Run, wrong: list[str]) -> None:
    ran = run("exchange", "add", *wrong)
    assert (ran.code, bool(ran.err)) == (2, True)


def test_kinds_say_what_they_ask_for(run: Run) -> None:
    words = run("exchange", "kinds").out
    for kind in ("fb_threatexchange", "ncmec", "stop_ncii", "https", "folder"):
        assert f"{kind}: " in words
    assert {one["kind"] for one in run("exchange", "kinds", "--json").document} >= {"ncmec", "stop_ncii"}
