"""The memory that sources are laid in: what a worker sees of it, and that it can only see."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.media import Cage, Limits
from firstlight.media.tray import TRAY_BYTES, Tray

T = "media.caged_tasks:"
PRELOAD = ("media.caged_tasks",)


@pytest.fixture(scope="module")
def one() -> Iterator[Cage]:
    """A cage whose sources all come to the same worker."""
    with Cage(workers=1, preload=PRELOAD, limits=Limits(reply_bytes=4 * TRAY_BYTES)) as cage:
        yield cage


@given(pieces=st.lists(st.binary(max_size=200), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_worker_sees_the_pieces_and_nothing_of_what_lay_there_before(one: Cage, pieces: list[bytes]) -> None:
    one.run(T + "describe", b"\xee" * 5000)
    answer = one.run(T + "cut", pieces, sizes=[len(piece) for piece in pieces])
    assert answer["read"] == answer["opened"] == [piece.hex() for piece in pieces]
    assert one.run(T + "describe", pieces)["text"].encode("latin-1") == b"".join(pieces)


@pytest.mark.parametrize("size", [0, TRAY_BYTES - 1, TRAY_BYTES, TRAY_BYTES + 1])
def test_what_does_not_fit_comes_as_a_file(one: Cage, size: int) -> None:
    data = os.urandom(1000) * (size // 1000 + 1)
    for source in (data[:size], [data[: size // 2], data[size // 2 : size]]):
        assert one.run(T + "attach", source)["copy"] == data[:size]


def test_a_worker_can_neither_write_into_it_nor_make_it_writable(one: Cage) -> None:
    assert one.run(T + "overwrite", b"leek") == {"refused": errno.EACCES}
    assert one.run(T + "describe", b"leek")["text"] == "leek"


@pytest.mark.parametrize("call", ["memfd_create", "ftruncate"])
def test_without_it_every_source_is_a_file(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EINVAL, "an old kernel")

    monkeypatch.setattr(f"firstlight.media.tray.os.{call}", refuse)
    made = Tray.made()
    monkeypatch.undo()
    assert made is None
    monkeypatch.setattr(Tray, "made", lambda: None)
    with Cage(workers=1, preload=PRELOAD) as cage:
        assert cage.run(T + "describe", b"leek")["text"] == "leek"
        assert cage.run(T + "cut", [b"le", b"", b"ek"], sizes=[2, 0, 2])["read"] == ["6c65", "", "656b"]


def test_workers_have_one_each() -> None:
    with Cage(workers=2, preload=PRELOAD) as cage:
        said: list[str] = []

        def ask(text: bytes) -> None:
            said.extend(cage.run(T + "describe", text)["text"] for _ in range(100))

        threads = [threading.Thread(target=ask, args=(text,)) for text in (b"leek", b"onion")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(said) == ["leek"] * 100 + ["onion"] * 100


def test_what_workers_leave_is_given_back() -> None:
    def held() -> list[str]:
        links = [one for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
        return sorted(text for one in links if "memfd" in (text := str(one.readlink())))

    before = held()
    with Cage(workers=1, preload=PRELOAD, tasks_per_worker=2) as cage:
        cage.run(T + "describe", b"leek")
        busy = held()
        for _ in range(8):
            cage.run(T + "describe", b"leek")
        assert held() == busy
    assert held() == before
