"""Files that are whole or not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from firstlight.custody.files import Disk, remove_left_over, unseen_folder, write_whole


def test_two_that_write_a_file_at_once_do_not_mix_it(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def blocks() -> Iterator[bytes]:
        yield b"first "
        write_whole(Disk(), path, [b"other"], replace=True)  # as another thread of this process may
        assert path.read_bytes() == b"other"
        yield b"half"

    write_whole(Disk(), path, blocks(), replace=True)
    assert path.read_bytes() == b"first half"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_is_being_filled_is_not_taken_for_left_over(tmp_path: Path) -> None:
    path = tmp_path / ".unseen"
    with unseen_folder(path):
        (path / "half").write_bytes(b"x")
        assert not remove_left_over(path)
        assert (path / "half").exists()
    path.mkdir()
    (path / "half").write_bytes(b"x")
    assert remove_left_over(path)
    assert not path.exists()
    assert remove_left_over(path)
