"""Hashing many files."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from firstlight.errors import InputError, StateError
from firstlight.hashing import PRELOAD, FileHash, hash_file, hash_files
from firstlight.media import Cage
from hashing.drawing import saved, scene


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(saved(scene(80, 60), "PNG"))
    (tmp_path / "b.jpg").write_bytes(b"text that calls itself a picture")
    (tmp_path / "c\nd.gif").write_bytes(saved(scene(70, 70, 2), "GIF"))
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    return tmp_path


def test_a_picture_has_exactly_these_fields(cage: Cage, folder: Path) -> None:
    document = hash_file(cage, folder / "a.png")
    told = json.loads(document.to_json())
    fields = "file md5 sha1 sha256 size media_type pdq pdq_quality pdq_mode width height"
    assert sorted(told) == sorted(fields.split())
    assert told["file"] == str(folder / "a.png")
    assert told["md5"] == hashlib.md5((folder / "a.png").read_bytes()).hexdigest()
    assert len(told["pdq"]) == 64
    assert told["pdq_mode"] == "exact"
    assert FileHash.from_json(document.to_json()) == document


def test_what_is_no_picture_has_digests_and_an_error(cage: Cage, folder: Path) -> None:
    told = json.loads(hash_file(cage, folder / "b.jpg").to_json())
    assert sorted(told) == sorted(["file", "md5", "sha1", "sha256", "size", "media_type", "error"])
    assert told["media_type"] == "text/plain"
    assert told["error"]["code"] == "unreadable.not-a-picture"
    empty = hash_file(cage, folder / "empty.jpg")
    assert empty.size == 0
    assert empty.error is not None
    assert empty.error.code == "unreadable.empty"


@pytest.mark.parametrize("name", ["folder", "nothing"])
def test_what_cannot_be_opened_has_only_an_error(cage: Cage, folder: Path, name: str) -> None:
    told = json.loads(hash_file(cage, folder / name).to_json())
    assert sorted(told) == ["error", "file"]


def test_files_come_in_order_and_none_stops_the_others(cage: Cage, folder: Path) -> None:
    paths = [folder / name for name in ("a.png", "nothing", "b.jpg", "folder", "c\nd.gif", "a.png")] * 8
    documents = list(hash_files(cage, iter(paths)))
    assert [document.file for document in documents] == [str(path) for path in paths]
    assert [document.error is None for document in documents] == [True, False, False, False, True, True] * 8
    unordered = list(hash_files(cage, paths, ordered=False))
    assert sorted(d.to_json() for d in unordered) == sorted(d.to_json() for d in documents)


def test_a_name_that_is_no_utf8(cage: Cage, folder: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))
    path.write_bytes(saved(scene(20, 20), "PNG"))
    document = hash_file(cage, path)
    assert document.error is None
    assert document.file.endswith("caf\\xe9")
    document.to_json()


def test_originals_are_left_as_they_are(cage: Cage, folder: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir() if path.is_file()}
    list(hash_files(cage, list(before)))
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before


def test_an_unknown_mode_is_refused_at_once(cage: Cage) -> None:
    with pytest.raises(InputError):
        hash_files(cage, [], "fast")


def test_a_closed_cage_is_our_own_fault(folder: Path) -> None:
    cage = Cage(workers=1, preload=PRELOAD)
    cage.close()
    with pytest.raises(StateError):
        hash_file(cage, folder / "a.png")
