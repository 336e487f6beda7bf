"""Zip archives."""

from __future__ import annotations

import errno
import io
import random
import struct
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError, StorageError
from firstlight.screen.shards import Kind
from screen.making import codes, picture, read, side_file, tar_of


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


def test_what_the_directory_does_not_name_is_a_finding(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("a.jpg", "taken-out.jpg", "b.jpg"):
            archive.writestr(name, random.randbytes(2000))
        archive.filelist.pop(1)
    members, findings = read(tmp_path / "x.zip", Kind.ZIP)
    assert [one.name for one in members] == ["a.jpg", "b.jpg"]
    assert codes(findings) == {"unnamed-bytes"}
    (tmp_path / "y.zip").write_bytes(b"#!" * 2000 + zip_of([("a.jpg", b"one"), ("b.jpg", b"two")]))
    members, findings = read(tmp_path / "y.zip", Kind.ZIP)
    assert [one.data for one in members] == [b"one", b"two"]
    assert codes(findings) == {"unnamed-bytes"}
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        info = zipfile.ZipInfo("n" * 900 + ".jpg")
        info.extra = struct.pack("<HH", 0xCAFE, 3000) + bytes(3000)  # as tools leave it to align what follows
        archive.writestr(info, b"one")
        with archive.open("b.jpg", "w", force_zip64=True) as file:
            file.write(b"two")
    members, findings = read(tmp_path / "z.zip", Kind.ZIP)
    assert ([one.data for one in members], codes(findings)) == ([b"one", b"two"], set())


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, None], ids=["ustar", "v7"])
def test_a_tar_that_is_called_a_zip_is_no_zip_because_its_last_member_is(tmp_path: Path, form: int | None) -> None:
    data = tar_of([("a.jpg", picture(3)), ("last.zip", zip_of([("b.jpg", b"two")]))])
    if form is None:  # the oldest form has no magic
        head = bytearray(data[:512])
        head[257:265] = bytes(8)
        head[148:156] = b"%06o\0 " % (sum(head[:148]) + 8 * 32 + sum(head[156:]))
        data = bytes(head) + data[512:]
    (tmp_path / "x.zip").write_bytes(data)
    members, findings = read(tmp_path / "x.zip", Kind.ZIP)
    assert [one.name for one in members] == ["a.jpg", "last.zip"]
    assert codes(findings) == {"misnamed"}


@pytest.mark.parametrize("kind", [Kind.ZIP, Kind.TAR, Kind.PARQUET])
def test_a_picture_that_is_called_a_shard_is_screened_as_the_picture_it_is(tmp_path: Path, kind: Kind) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "x.any").write_bytes(picture(3))
    [member], findings = read(tmp_path / "x.any", kind)
    assert (member.name, member.data, member.reason) == ("x.any", picture(3), "")
    assert codes(findings) == {"misnamed"}


def test_a_web_page_in_the_place_of_a_shard_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"<!DOCTYPE html><html>not found</html>")
    for kind in (Kind.TAR, Kind.ZIP, Kind.PARQUET):
        with pytest.raises(InputError, match=f"is not {kind.words}: it is "):
            read(tmp_path / "x", kind)


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_no_damage_stops_a_run(tmp_path: Path, packing: int) -> None:
    out, chance = io.BytesIO(), random.Random(packing)
    with zipfile.ZipFile(out, "w", packing) as archive:
        archive.writestr("1.jpg", chance.randbytes(900))
        archive.writestr("2.jpg", b"two" * 300)
    for _ in range(400):
        data = bytearray(out.getvalue())
        for _ in range(chance.choice((1, 1, 2, 4))):
            data[chance.randrange(len(data))] = chance.choice((0, 255, chance.randrange(256)))
        (tmp_path / "x.zip").write_bytes(data)
        try:
            members, _ = read(tmp_path / "x.zip", Kind.ZIP)
        except InputError:
            continue
        assert all(m.data is not None or m.reason for m in members)


@pytest.mark.parametrize("flags", [0, 1])
def test_what_a_member_claims_to_be_fits_a_result(tmp_path: Path, flags: int) -> None:
    plain = zip_of([("1.jpg", b"one")])
    at = plain.index(b"PK\1\2")
    entry, end = bytearray(plain[at : at + 46 + 5]), bytearray(plain[at + 46 + 5 :])
    entry[8] |= flags
    entry[24:28] = entry[42:46] = b"\xff" * 4  # size and place stand in the field for large ones
    extra = struct.pack("<HHQQ", 1, 16, 2**64 - 1, 2**64 - 2)
    entry[30:32] = struct.pack("<H", len(extra))
    end[12:16] = struct.pack("<L", len(entry) + len(extra))
    (tmp_path / "x.zip").write_bytes(plain[:at] + entry + extra + end)
    [member], _ = read(tmp_path / "x.zip", Kind.ZIP)
    assert member.reason == ("encrypted" if flags else "damaged")
    assert max(member.size, member.offset) < 2**53


def test_a_disk_that_fails_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip_of([("1.jpg", bytes(range(256)) * 8)])
    (tmp_path / "x.zip").write_bytes(data)

    def failing(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(zipfile.ZipExtFile, "read", failing)
    with pytest.raises(StorageError, match="Reading stopped"):
        read(tmp_path / "x.zip", Kind.ZIP)
