"""Opening what somebody named: a clear word for each thing that is no readable file, and never a wait."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from firstlight.errors import FirstlightError, InputError, NotFoundError, StorageError
from firstlight.media import Cage, opened
from firstlight.media.sources import descriptor, shown


def _refusal(path: Path) -> FirstlightError:
    with pytest.raises(FirstlightError) as caught, opened(path):
        pass
    return caught.value


def test_a_file_is_opened_for_reading_only(tmp_path: Path) -> None:
    path = tmp_path / "leek"
    path.write_bytes(b"leek")
    with opened(path) as file:
        assert file.read() == b"leek"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(file.fileno(), b"x")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "leek").write_bytes(b"leek")
    (tmp_path / "link").symlink_to("leek")
    with opened(tmp_path / "link") as file:
        assert file.read() == b"leek"


def test_a_missing_file(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "nothing")
    assert isinstance(error, NotFoundError)
    assert "There is no file" in str(error)


def test_a_folder(tmp_path: Path) -> None:
    assert _refusal(tmp_path).diagnostics().code == "input.directory"


def test_a_pipe_that_nobody_writes_to_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert _refusal(tmp_path / "pipe").diagnostics().code == "input.not-a-file"


def test_a_socket_and_a_device(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        assert _refusal(tmp_path / "s").diagnostics().code == "input.not-a-file"
    assert _refusal(Path("/dev/zero")).diagnostics().code == "input.not-a-file"


def test_a_name_with_a_newline_is_shown_on_one_line(tmp_path: Path) -> None:
    message = str(_refusal(tmp_path / "a\nb\x1b[31m"))
    assert "\n" not in message
    assert "\x1b" not in message
    (tmp_path / "a\nb").write_bytes(b"leek")
    with opened(tmp_path / "a\nb") as file:
        assert file.read() == b"leek"


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_an_impossible_name(tmp_path: Path, name: str) -> None:
    assert _refusal(tmp_path / name).diagnostics().code == "input.name"


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert _refusal(tmp_path / "a").diagnostics().code == "input.name"


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (errno.EACCES, InputError, "input.permission"),
        (errno.EMFILE, StorageError, "storage"),
        (errno.EIO, StorageError, "storage"),
    ],
)
def test_what_the_system_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[FirstlightError], code: str
) -> None:
    def refuse(*args: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    error = _refusal(tmp_path / "x")
    assert isinstance(error, kind)
    assert error.diagnostics().code == code


def test_bytes_in_memory_cannot_be_changed() -> None:
    with descriptor(b"leek") as fd:
        assert os.pread(fd, 10, 0) == b"leek"
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"x", 0)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "leek").write_bytes(b"leek")
    before = sorted(Path("/proc/self/fd").iterdir())
    for source in (b"", b"leek", tmp_path / "leek"):
        with descriptor(source):
            pass
    _refusal(tmp_path)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_long_names_are_shortened() -> None:
    assert len(shown(Path("x" * 5000))) < 250


def test_a_file_that_says_it_is_empty_is_read_all_the_same(cage: Cage) -> None:
    path = Path("/proc/self/status")  # the kernel writes it as it is read, and calls its size 0
    answer = cage.run("media.caged_tasks:describe", path)
    assert answer["media_type"] == "text/plain"
    assert answer["text"].startswith("Name:")
