"""Folders: every name below is accounted for."""

from __future__ import annotations

import os
from pathlib import Path

from firstlight.screen.member import Findings
from firstlight.screen.places import Places
from firstlight.screen.plan import SLICE_FILES, plan_shards
from firstlight.screen.readers import members_of
from firstlight.screen.shards import Kind
from screen.making import codes, side_file, tar_of


def _members(folder: Path) -> tuple[dict[str, tuple[bytes | None, str]], Findings]:
    findings = Findings()
    shards = list(plan_shards([str(folder)], Places()))
    found = [m for shard in shards for m in members_of(shard, Places(), findings)]
    assert len({m.name for m in found}) == len(found)
    return {m.name: (m.data, m.reason) for m in found}, findings


def test_every_name_comes_once_with_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.jpg").write_bytes(b"one")
    (tmp_path / "d" / "1.json").write_bytes(side_file(original_width=7, original_height=8))
    (tmp_path / ".hidden").write_bytes(b"h")
    (tmp_path / "noend").write_bytes(b"n")
    (tmp_path / "there").symlink_to(tmp_path / "d" / "1.jpg")
    (tmp_path / "nowhere").symlink_to(tmp_path / "x")
    (tmp_path / "up").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    found, findings = _members(tmp_path)
    assert found == {
        ".hidden": (b"h", ""), "noend": (b"n", ""), "there": (b"one", ""), "nowhere": (None, "dangling-link"),
        "up": (None, "link-to-folder"), "pipe": (None, "special"), "d/1.jpg": (b"one", ""),
        "d/1.json": (side_file(original_width=7, original_height=8), "side-file"),
    }  # fmt: skip
    assert codes(findings) == {"hidden", "no-extension"}


def test_archives_in_a_folder_are_shards_of_their_own_and_large_folders_are_cut_into_slices(tmp_path: Path) -> None:
    for number in range(SLICE_FILES + 1):
        (tmp_path / f"{number:05}.txt").touch()
    tar_of([("1.jpg", b"one")], tmp_path / "x.tar")
    shards = list(plan_shards([str(tmp_path)], Places()))
    assert [(one.kind, len(one.files)) for one in shards] == [
        (Kind.FOLDER, SLICE_FILES), (Kind.TAR, 0), (Kind.FOLDER, 1),
    ] or [(one.kind, len(one.files)) for one in shards] == [
        (Kind.TAR, 0), (Kind.FOLDER, SLICE_FILES), (Kind.FOLDER, 1),
    ]  # fmt: skip


def test_a_picture_and_its_side_file_stay_in_one_slice(tmp_path: Path) -> None:
    (tmp_path / "0000.txt").touch()
    for number in range(1, SLICE_FILES // 2 + 1):
        (tmp_path / f"{number:04}.jpg").write_bytes(b"p")
        (tmp_path / f"{number:04}.json").write_bytes(side_file(original_width=7, original_height=8))
    shards = list(plan_shards([str(tmp_path)], Places()))
    assert [len(one.files) for one in shards] == [SLICE_FILES + 1]
    found = [m for shard in shards for m in members_of(shard, Places(), Findings()) if m.name.endswith(".jpg")]
    assert {m.facts.width for m in found} == {7}


def test_names_that_all_begin_alike_are_cut_into_slices_too(tmp_path: Path) -> None:
    for number in range(2 * SLICE_FILES):
        (tmp_path / f"frame.{number:05}.jpg").touch()
    assert [len(one.files) for one in plan_shards([str(tmp_path)], Places())] == [SLICE_FILES, SLICE_FILES]


def test_a_file_that_is_named_itself_is_taken_by_its_content(tmp_path: Path) -> None:
    tar_of([("1.jpg", b"one")], tmp_path / "archive.of.something")
    (tmp_path / "picture").write_bytes(b"p")
    kinds = [
        one.kind for one in plan_shards([str(tmp_path / n) for n in ("archive.of.something", "picture")], Places())
    ]
    assert kinds == [Kind.TAR, Kind.FOLDER]


def test_a_file_that_went_away_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"one")
    [shard] = plan_shards([str(tmp_path)], Places())
    (tmp_path / "1.jpg").unlink()
    assert [m.reason for m in members_of(shard, Places(), Findings())] == ["dangling-link"]


def test_a_changed_file_makes_another_shard(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"one")
    [before] = plan_shards([str(tmp_path)], Places())
    [same] = plan_shards([str(tmp_path)], Places())
    (tmp_path / "1.jpg").write_bytes(b"other")
    [after] = plan_shards([str(tmp_path)], Places())
    assert before.ident == same.ident != after.ident
