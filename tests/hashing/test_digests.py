"""Digests in one pass."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError, NotFoundError, StorageError
from firstlight.hashing import digest_file, digest_stream
from firstlight.hashing.digests import PIECE_BYTES


@given(st.binary(max_size=300))
def test_digests_are_those_of_the_bytes(data: bytes) -> None:
    digests = digest_stream(io.BytesIO(data))
    assert digests.md5 == hashlib.md5(data).hexdigest()
    assert digests.sha1 == hashlib.sha1(data).hexdigest()
    assert digests.sha256 == hashlib.sha256(data).hexdigest()
    assert digests.size == len(data)


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])
def test_the_sink_sees_exactly_what_is_digested(size: int, tmp_path: Path) -> None:
    data = bytes(i % 251 for i in range(size))
    path = tmp_path / "a"
    path.write_bytes(data)
    copy = bytearray()
    digests = digest_file(path, copy.extend)
    assert bytes(copy) == data
    assert digests.sha256 == hashlib.sha256(data).hexdigest()
    assert digests.size == size


def test_only_what_is_left_of_a_stream_counts() -> None:
    stream = io.BytesIO(b"carrot leek")
    stream.read(7)
    assert digest_stream(stream).sha256 == hashlib.sha256(b"leek").hexdigest()


def test_an_error_of_the_sink_passes() -> None:
    def full(piece: bytes) -> None:
        raise StorageError("The disk is full.")

    with pytest.raises(StorageError, match="full"):
        digest_stream(io.BytesIO(b"leek"), full)


def test_a_disk_that_fails_while_reading() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(StorageError, match="Input/output error"):
        digest_stream(Broken())


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        digest_file(tmp_path / "nothing")
    with pytest.raises(InputError):
        digest_file(tmp_path)
