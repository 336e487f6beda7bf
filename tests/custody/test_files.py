"""Files that are whole or not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from firstlight.custody.files import Disk, write_whole


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
