"""Laws of the house, seen from outside: the whole path is walked once by commands, then what it left is searched."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firstlight import logs
from firstlight.cli.demo.pictures import make_pictures
from firstlight.cli.main import outcome
from firstlight.hashing.pdq import exact

ACCOUNT, ADDRESS, CONTACT, WHY = "canary-account-93", "192.0.2.77", "canary@example.org", "canary words of a reviewer"


@dataclass(frozen=True)
class Walked:
    """What one walk through the house left behind."""

    folder: Path
    before: dict[Path, str]
    listed: tuple[Path, ...]
    printed: dict[str, str]
    codes: dict[str, int]

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def home(self) -> Path:
        return self.folder / "home"


def digests_of(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def hashes_of(path: Path) -> dict[str, bytes]:
    """The digests of a file, and its PDQ hash if it is a picture that opens."""
    data = path.read_bytes()
    found = {name: hashlib.new(name, data, usedforsecurity=False).digest() for name in ("md5", "sha1", "sha256")}
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGBX")).view(np.uint32)[..., 0]
    except OSError:
        return found
    return found | {"pdq": exact(pixels).hash}


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    folder = tmp_path_factory.mktemp("laws")
    pictures, home, log = folder / "pictures", folder / "home", folder / "firstlight.log"
    make_pictures(pictures, 6, 1, lambda _done, _total: None)
    before = digests_of(pictures)
    about = folder / "about.json"
    facts = {"account": ACCOUNT, "ip": ADDRESS, "uploaded_at": "2026-01-31T12:00:00Z"}
    about.write_text(json.dumps({path.name: facts for path in before}))
    listed = (pictures / "picture-0000.jpg", pictures / "picture-0003.jpg")
    printed: dict[str, str] = {}
    codes: dict[str, int] = {}

    def step(name: str, *args: str | Path) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            codes[name] = outcome(["--log", str(log), *map(str, args), "--home", str(home)])
        printed[name] = out.getvalue()

    step("bank", "bank", "create", "known", *listed, "--note", "two vegetables")
    settings = f'[organisation]\ncontact_email = "{CONTACT}"\nname = "Example Photos"\n'
    (home / "settings.toml").write_text(settings)
    step("intake", "intake", pictures, "--about", about)
    step("intake again", "intake", pictures, "--about", about)
    step("missing", "cybertip", "check", folder / f"{ACCOUNT}.json")
    step("match", "match", listed[0], "--mode", "exact", "--json")
    step("no case", "case", "show", "99")
    step("queue", "queue", "--json")
    case = str(json.loads(printed["queue"])["places"][0]["case"])
    conclusion = ("--finding", "report", "--conduct", "abuse-material", "--why", WHY, "--by", "ada")
    step("case", "case", "show", case, "--json")
    shown = str(json.loads(printed["case"])["to_decide"][0]["shown"])
    step("decide", "case", "decide", case, "--item", shown, *conclusion)
    step("file", "cybertip", "file", case, "--json")
    step("export", "evidence", "export", case, "--to", folder / "packages")
    for name in ("list", "show"):
        for form in ((), ("--json",)):
            step(f"bank {name}{' '.join(form)}", "bank", name, *(("known",) if name == "show" else ()), *form)
    step("reconcile", "reconcile", "--originals", "--json")
    logs.close()
    return Walked(folder, before, listed, printed, codes)


def test_the_walk_went_to_its_end(walked: Walked) -> None:
    expected = dict.fromkeys(walked.codes, 0) | {"match": 1, "missing": 2, "no case": 2}
    assert walked.codes == expected
    assert json.loads(walked.printed["reconcile"])["discrepancies"] == []
    assert json.loads(walked.printed["file"])[0]["receipt"]


def test_the_hashes_searched_for_are_the_right_ones(walked: Walked) -> None:
    found = json.loads(walked.printed["match"])
    wanted = hashes_of(walked.listed[0])
    assert (found["sha256"], found["pdq"]) == (wanted["sha256"].hex(), wanted["pdq"].hex())


def test_law_3_nothing_is_lost(walked: Walked) -> None:
    account = json.loads(walked.printed["reconcile"])
    assert account["came_in"] == len(walked.before)
    assert account["held"] + account["decided"] + account["filed"] == account["came_in"]
    assert account["filed"] >= 1


def test_law_5_originals_stay_originals(walked: Walked) -> None:
    assert digests_of(walked.pictures) == walked.before


def test_law_9_nothing_prints_a_hash_of_a_list(walked: Walked) -> None:
    for name, text in walked.printed.items():
        if name.startswith("bank"):
            for path in walked.listed:
                for kind, value in hashes_of(path).items():
                    assert value.hex() not in text.lower(), f"{kind} in the output of {name!r}"


def test_law_9_lists_are_sealed_on_disk(walked: Walked) -> None:
    secrets = [value for path in walked.listed for value in hashes_of(path).values()]
    for path in sorted((walked.home / "banks").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            for value in secrets:
                assert value not in data, path
                assert value.hex().encode() not in data.lower(), path


def test_originals_are_sealed_on_disk(walked: Walked) -> None:
    marks = [path.read_bytes()[200:264] for path in walked.before if path.stat().st_size > 1000]
    for path in sorted(walked.home.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            assert not [mark for mark in marks if mark in data], path


def test_the_home_is_its_owners_alone(walked: Walked) -> None:
    for path in [walked.home, *walked.home.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0 or path.name == "settings.toml", path


def test_the_package_holds_no_media(walked: Walked) -> None:
    originals = set(walked.before.values())
    found = digests_of(walked.folder / "packages")
    assert found
    assert not originals & set(found.values())
    marks = [path.read_bytes()[200:264] for path in walked.before if path.stat().st_size > 1000]
    assert not [path for path in found for mark in marks if mark in path.read_bytes()]


def test_the_log_holds_no_content(walked: Walked) -> None:
    text = (walked.folder / "firstlight.log").read_text(encoding="utf-8")
    assert [json.loads(line)["event"] for line in text.splitlines()].count("command.failed") >= 2
    canaries = [ACCOUNT, ADDRESS, CONTACT, WHY, "picture-0", "vegetables", "Example Photos", str(walked.folder)]
    canaries += [value.hex() for path in walked.before for value in hashes_of(path).values()]
    assert not [canary for canary in canaries if canary.lower() in text.lower()]
