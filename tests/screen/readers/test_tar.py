"""Tar archives: every member is accounted for, whatever was done to the archive."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstlight.errors import InputError, StorageError
from firstlight.screen.places import Places
from screen.making import codes, read, side_file, tar_of

BASIC = [
    ("a/1.jpg", b"one"),
    ("a/1.json", side_file(url="https://example.org/1", original_width=640)),
    ("2.png", b"two"),
]


def test_a_plain_archive_gives_each_member_once(tmp_path: Path) -> None:
    tar_of(BASIC, tmp_path / "x.tar")
    members, findings = read(tmp_path / "x.tar")
    assert [(m.name, m.data, m.reason) for m in members] == [
        ("a/1.jpg", b"one", ""), ("a/1.json", BASIC[1][1], "side-file"), ("2.png", b"two", ""),
    ]  # fmt: skip
    assert (members[0].facts.url, members[0].facts.width, members[0].facts.key) == ("https://example.org/1", 640, "1")
    whole = (tmp_path / "x.tar").read_bytes()
    assert all(whole[m.offset : m.offset + m.size] == m.data for m in members)
    assert not codes(findings)


@pytest.mark.parametrize(
    ("name", "code"),
    [(".x.jpg", "hidden"), ("x", "no-extension"), ("__dir__/x.jpg", ""), ("d.ir/x.JPG", ""), ("..x.jpg", "hidden")],
)
def test_what_other_readers_pass_over_is_read_and_named(tmp_path: Path, name: str, code: str) -> None:
    tar_of([("1.jpg", b"one"), (name, b"mine")], tmp_path / "x.tar")
    members, findings = read(tmp_path / "x.tar")
    assert (name, b"mine") in [(m.name, m.data) for m in members]
    assert codes(findings) == ({code} if code else set())


def test_a_name_that_comes_twice_is_read_twice(tmp_path: Path) -> None:
    tar_of([("1.jpg", b"one"), ("1.jpg", b"other")], tmp_path / "x.tar")
    members, findings = read(tmp_path / "x.tar")
    assert [m.data for m in members] == [b"one", b"other"]
    assert codes(findings) == {"duplicate-name"}


def _with_links(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for name, kind, target in (
            ("early.jpg", tarfile.LNKTYPE, "d/real.jpg"), ("d/soft.jpg", tarfile.SYMTYPE, "real.jpg"),
            ("d/lost.jpg", tarfile.SYMTYPE, "../nowhere.jpg"),
        ):  # fmt: skip
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, target
            archive.addfile(link)
        real = tarfile.TarInfo("d/real.jpg")
        real.size = 4
        archive.addfile(real, io.BytesIO(b"real"))
        late = tarfile.TarInfo("late.jpg")
        late.type, late.linkname = tarfile.LNKTYPE, "d/real.jpg"
        archive.addfile(late)
        folder = tarfile.TarInfo("d")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        pipe = tarfile.TarInfo("pipe")
        pipe.type = tarfile.FIFOTYPE
        archive.addfile(pipe)


def test_links_have_the_bytes_of_what_they_lead_to(tmp_path: Path) -> None:
    _with_links(tmp_path / "x.tar")
    members, findings = read(tmp_path / "x.tar")
    found = {m.name: (m.data, m.reason) for m in members}
    assert len(members) == 7
    assert {one.code: one.count for one in findings.all()} == {"link": 4, "no-extension": 1}
    assert all(found[name] == (b"real", "") for name in ("early.jpg", "late.jpg", "d/soft.jpg", "d/real.jpg"))
    assert found["d/lost.jpg"] == (None, "dangling-link")
    assert found["d/"] == (None, "folder")
    assert found["pipe"] == (None, "special")


def test_links_are_followed_whatever_way_their_names_are_written(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        info = tarfile.TarInfo("./d/real.jpg")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"real"))
        for name, kind, target in (
            ("./d/hard.jpg", tarfile.LNKTYPE, "d/real.jpg"),
            ("./d/soft.jpg", tarfile.SYMTYPE, "real.jpg"),
            ("./e/up.jpg", tarfile.SYMTYPE, "../d/real.jpg"),
            ("chain.jpg", tarfile.SYMTYPE, "e/up.jpg"),
            ("round.jpg", tarfile.SYMTYPE, "round.jpg"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    members, _ = read(tmp_path / "x.tar")
    assert {m.name: m.data or m.reason for m in members} == {
        "./d/real.jpg": b"real", "./d/hard.jpg": b"real", "./d/soft.jpg": b"real", "./e/up.jpg": b"real",
        "chain.jpg": b"real", "round.jpg": "dangling-link",
    }  # fmt: skip
    assert len(members) == 6


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_compressed_archives_are_read_and_their_breaks_named(tmp_path: Path, pack: object) -> None:
    data = pack(tar_of([(f"{n}.jpg", bytes([n]) * 3000) for n in range(40)]))  # type: ignore[operator]
    (tmp_path / "x.tar").write_bytes(data)
    assert len(read(tmp_path / "x.tar")[0]) == 40
    (tmp_path / "x.tar").write_bytes(data[: len(data) * 2 // 3])
    try:
        members, findings = read(tmp_path / "x.tar")
    except InputError:
        assert pack is not gzip.compress  # blocks of the others are larger than this archive
    else:
        assert "cut-off" in codes(findings)
        assert all(m.data == bytes([int(m.name.split(".")[0])]) * 3000 for m in members if not m.reason)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_are_kept_in_every_form(tmp_path: Path, form: int) -> None:
    names = ["d" * 90 + "/" + "x" * 60 + ".jpg", "grün/möhre.jpg"] + (
        ["y" * 300 + ".jpg"] if form != tarfile.USTAR_FORMAT else []
    )
    with tarfile.open(tmp_path / "x.tar", "w", format=form) as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    members, findings = read(tmp_path / "x.tar")
    assert [(m.name, m.data) for m in members] == [(name, b"abc") for name in names]
    assert not codes(findings)


def test_a_cut_anywhere_is_named_and_what_came_before_it_is_kept(tmp_path: Path) -> None:
    whole = tar_of([("1.jpg", b"a" * 700), ("2.jpg", b"b" * 10), ("3.jpg", b"c" * 512)])
    end = len(whole.rstrip(b"\0")) + 512
    path = tmp_path / "x.tar"
    for at in [*range(512, end, 37), 512, 1024, 2048, 2560]:
        path.write_bytes(whole[:at])
        members, findings = read(path)
        assert "cut-off" in codes(findings), at
        kept = [m for m in members if not m.reason]
        assert all(m.data == m.data[:1] * m.size for m in kept if m.data)
        assert [m.name for m in members] == ["1.jpg", "2.jpg", "3.jpg"][: len(members)]
        assert all(m.reason == "cut-off" for m in members if m.data is None)


def test_an_archive_behind_the_end_mark_and_rubbish_are_found(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar_of([("1.jpg", b"one")]) + tar_of([("2.jpg", b"two")]) + b"rubbish")
    members, findings = read(path)
    assert [m.name for m in members] == ["1.jpg", "2.jpg"]
    assert codes(findings) == {"appended", "rubbish"}


def test_a_destroyed_header_costs_its_member_and_is_named(tmp_path: Path) -> None:
    data = bytearray(tar_of([("1.jpg", b"one"), ("2.jpg", b"two"), ("3.jpg", b"three")]))
    data[1024 + 150] ^= 0xFF
    (tmp_path / "x.tar").write_bytes(data)
    members, findings = read(tmp_path / "x.tar")
    assert [m.name for m in members] == ["1.jpg", "3.jpg"]
    assert codes(findings) == {"damaged-header"}


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100], ids=["empty", "text"])
def test_what_is_no_archive_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(InputError, match="is not a tar archive: it is"):
        read(tmp_path / "x.tar")


def test_an_empty_archive_has_no_members(tmp_path: Path) -> None:
    tar_of([], tmp_path / "x.tar")
    members, findings = read(tmp_path / "x.tar")
    assert members == []
    assert not codes(findings)


_NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=120).filter(
    lambda name: not name.endswith("/") and name.strip("/") == name and "//" not in name
)


@settings(max_examples=60)
@given(members=st.lists(st.tuples(_NAMES, st.binary(max_size=1500)), max_size=6), gnu=st.booleans())
def test_it_reads_what_the_standard_library_writes(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes]], gnu: bool
) -> None:
    path = tmp_path_factory.mktemp("tar") / "x.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT if gnu else tarfile.PAX_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    found, findings = read(path)
    assert [(m.name, m.data) for m in found] == members
    assert codes(findings) <= {"hidden", "no-extension", "duplicate-name"}


@settings(max_examples=150)
@given(data=st.data())
def test_damage_never_raises_anything_but_words(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = bytearray(tar_of([("1.jpg", b"a" * 600), ("long" * 40 + ".jpg", b"b"), ("3.json", b"{}")]))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("tar") / "x.tar"
    path.write_bytes(whole)
    try:
        members, _ = read(path)
    except InputError:
        return
    assert all(m.data is None or len(m.data) == m.size for m in members)


def _header(block: bytes, kind: bytes | None = None, size: bytes = b"") -> bytes:
    """The header with another kind and size, and the checksum that goes with them."""
    made = bytearray(block)
    made[156:157] = kind or made[156:157]
    made[124:136] = size or made[124:136]
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made)
    return bytes(made)


@pytest.mark.parametrize("digits", [17, 100, 5000])
def test_a_size_that_no_member_has_is_no_size(tmp_path: Path, digits: int) -> None:
    plain = tar_of([("1.jpg", b"one")])
    record = b" size=" + b"9" * digits + b"\n"
    record = str(len(record) + len(str(digits + 20))).encode() + record
    said = _header(plain[:512], b"x", b"%011o\0" % len(record)) + record + bytes(-len(record) % 512)
    (tmp_path / "x.tar").write_bytes(said + plain)
    members, _ = read(tmp_path / "x.tar")
    assert [(m.name, m.data) for m in members] == [("1.jpg", b"one")]


def test_a_header_with_a_size_that_no_member_has_is_damage(tmp_path: Path) -> None:
    first, rest = tar_of([("1.jpg", b"one")])[:1024], tar_of([("2.jpg", b"two"), ("3.jpg", b"three")])
    binary = b"\x80" + (2**70).to_bytes(11, "big")
    (tmp_path / "x.tar").write_bytes(first + _header(rest[:512], size=binary) + rest[512:])
    members, findings = read(tmp_path / "x.tar")
    assert [(m.name, m.data) for m in members] == [("1.jpg", b"one"), ("3.jpg", b"three")]
    assert codes(findings) == {"damaged-header"}


class _Failing(io.BytesIO):
    """A disk that fails behind the first member."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 2048:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def test_a_disk_that_fails_where_nothing_is_kept_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        info = tarfile.TarInfo("d/")
        info.type, info.size = tarfile.DIRTYPE, 3 << 20
        archive.addfile(info, io.BytesIO(bytes(3 << 20)))
    data = bytearray((tmp_path / "x.tar").read_bytes())
    data[:512] = _header(bytes(data[:512]), size=b"%011o\0" % (3 << 20))
    data[512:] = bytes(3 << 20)
    monkeypatch.setattr(Places, "open", lambda *_: _Failing(bytes(data)))
    with pytest.raises(StorageError, match="Reading stopped"):
        read(tmp_path / "x.tar")
