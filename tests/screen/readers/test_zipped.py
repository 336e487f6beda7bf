"""Zip archives."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError
from firstlight.screen.shards import Kind
from screen.making import codes, read, side_file, tar_of


def zip_of(members: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def test_each_member_comes_once_with_its_facts(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(
        zip_of(
            [("d/", b""), ("d/1.jpg", b"one"), ("d/1.json", side_file(url="u")), (".h.jpg", b"h"), ("d/1.jpg", b"two")]
        )
    )
    members, findings = read(path, Kind.ZIP)
    assert [(m.name, m.data, m.reason) for m in members] == [
        ("d/", None, "folder"), ("d/1.jpg", b"one", ""), ("d/1.json", side_file(url="u"), "side-file"),
        (".h.jpg", b"h", ""), ("d/1.jpg", b"two", ""),
    ]  # fmt: skip
    assert members[1].facts.url == "u"
    assert codes(findings) == {"hidden", "duplicate-name"}


def test_an_encrypted_member_is_named_as_such(tmp_path: Path) -> None:
    data = bytearray(zip_of([("1.jpg", b"one"), ("2.jpg", b"two")]))
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    members, _ = read(tmp_path / "x.zip", Kind.ZIP)
    assert [m.reason for m in members] == ["encrypted", ""]


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    data = bytearray(zip_of([("1.jpg", bytes(range(256)) * 8), ("2.jpg", b"two")]))
    data[60] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(data)
    members, _ = read(tmp_path / "x.zip", Kind.ZIP)
    assert [m.reason for m in members] == ["damaged", ""]


def test_a_cut_archive_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zip_of([("1.jpg", b"one")])[:-30])
    with pytest.raises(InputError, match="breaks off before its directory"):
        read(tmp_path / "x.zip", Kind.ZIP)


@given(data=st.data())
def test_damage_never_raises_anything_but_words(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(zip_of([("1.jpg", b"a" * 600), ("2.json", b"{}")]))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("zip") / "x.zip"
    path.write_bytes(whole)
    try:
        members, _ = read(path, Kind.ZIP)
    except InputError:
        return
    assert all(m.data is None or len(m.data) == m.size for m in members)


@pytest.mark.parametrize("kind", [Kind.ZIP, Kind.PARQUET])
def test_a_shard_of_another_kind_is_read_as_what_it_is(tmp_path: Path, kind: Kind) -> None:
    tar_of([("1.jpg", b"one")], tmp_path / "x")
    members, findings = read(tmp_path / "x", kind)
    assert [(m.name, m.data) for m in members] == [("1.jpg", b"one")]
    [one] = findings.all()
    assert one.code == "misnamed"
    assert "it is a tar archive. It was screened as that." in one.says


def test_a_web_page_in_the_place_of_a_shard_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"<!DOCTYPE html><html>not found</html>")
    for kind in (Kind.TAR, Kind.ZIP, Kind.PARQUET):
        with pytest.raises(InputError, match=f"is not {kind.words}: it is "):
            read(tmp_path / "x", kind)
