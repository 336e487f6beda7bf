"""Parquet files with pictures, and img2dataset's side tables."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from firstlight.errors import InputError
from firstlight.screen.shards import Kind
from screen.making import codes, read, tar_of

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def table(path: Path, **columns: Any) -> None:
    pq.write_table(pa.table(columns), path, row_group_size=3, use_dictionary=False, compression="none")


def test_each_cell_comes_once_with_the_facts_of_its_row(tmp_path: Path) -> None:
    cells = [{"bytes": b"one", "path": "1.jpg"}, {"bytes": None, "path": "2.jpg"}, None, {"bytes": b"", "path": None}]
    table(
        tmp_path / "x.parquet",
        image=pa.array(cells),
        more=pa.array([[b"a", b"b"], [], None, [None]], pa.list_(pa.binary())),
        url=["u1", "u2", "u3", "u4"],
        md5=["0" * 31 + "1", None, "no", b"x".hex()],
        caption=["c"] * 4,
    )
    members, findings = read(tmp_path / "x.parquet", Kind.PARQUET)
    assert sorted((m.name, m.offset, m.data, m.reason) for m in members) == [
        ("0/image/1.jpg", 0, b"one", ""), ("0/more/0", 0, b"a", ""), ("0/more/1", 0, b"b", ""),
        ("1/image/2.jpg", 1, None, "external"), ("1/more", 1, None, "empty-cell"),
        ("2/image", 2, None, "empty-cell"), ("2/more", 2, None, "empty-cell"),
        ("3/image", 3, b"", ""), ("3/more/0", 3, None, "empty-cell"),
    ]  # fmt: skip
    assert [m.facts.url for m in members if m.name.endswith(("1.jpg", "2.jpg"))] == ["u1", "u2"]
    assert members[0].facts.digests == {"md5": "0" * 31 + "1"}
    assert members[2].name.startswith("2/")
    assert members[2].facts.digests == {}
    assert not codes(findings)


def test_wrong_columns_are_named_with_what_was_expected(tmp_path: Path) -> None:
    table(tmp_path / "x.parquet", caption=["a"], score=[0.5])
    with pytest.raises(InputError, match=r"caption \(string\), score \(double\)") as caught:
        read(tmp_path / "x.parquet", Kind.PARQUET)
    assert "a picture column" in caught.value.diagnostics().hint


def test_pictures_in_lists_of_lists_and_lists_of_one_length_are_no_empty_cells(tmp_path: Path) -> None:
    bytes_ = pa.binary()
    table(
        tmp_path / "x.parquet",
        deep=pa.array([[[b"1"], [], [b"2", None]], [], None], pa.list_(pa.list_(bytes_))),
        pair=pa.array([[b"3", b"4"], [None, b"5"], None], pa.list_(bytes_, 2)),
        known=pa.array([b"6", b"7", b"6"], bytes_).dictionary_encode(),
    )
    members, findings = read(tmp_path / "x.parquet", Kind.PARQUET)
    assert codes(findings) == set()
    found = {m.name: m.data or m.reason for m in members}
    assert len(found) == len(members)
    assert found == {
        "0/deep/0": b"1", "0/deep/1": b"2", "0/deep/2": "empty-cell", "1/deep": "empty-cell", "2/deep": "empty-cell",
        "0/pair/0": b"3", "0/pair/1": b"4", "1/pair/0": "empty-cell", "1/pair/1": b"5", "2/pair": "empty-cell",
        "0/known": b"6", "1/known": b"7", "2/known": b"6",
    }  # fmt: skip


def test_columns_of_bytes_that_are_not_looked_into_are_named(tmp_path: Path) -> None:
    table(
        tmp_path / "x.parquet",
        image=pa.array([b"1"], pa.binary()),
        by_name=pa.array([[("a", b"2")]], pa.map_(pa.string(), pa.binary())),
        row=pa.array([{"n": 1, "thumb": {"bytes": b"3"}}]),
        wide=pa.array([bytes(100)], pa.binary(100)),
        phash=pa.array([bytes(32)], pa.binary(32)),
        image_md5=pa.array([bytes(16)], pa.binary()),
        words=["text"],
    )
    members, findings = read(tmp_path / "x.parquet", Kind.PARQUET)
    assert [one.name for one in members] == ["0/image"]
    [found] = findings.all()
    assert (found.code, found.examples) == ("unread-column", ("by_name", "row", "wide"))


@pytest.mark.parametrize("cut", [4, 100, -4, -200])
def test_a_cut_file_is_refused_in_words(tmp_path: Path, cut: int) -> None:
    table(tmp_path / "x.parquet", image=[b"x" * 500] * 9)
    data = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(data[:cut])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read(tmp_path / "x.parquet", Kind.PARQUET)


def test_damage_inside_costs_its_row_group_and_no_more(tmp_path: Path) -> None:
    table(tmp_path / "x.parquet", image=[bytes([n]) * 4000 for n in range(12)])
    data = bytearray((tmp_path / "x.parquet").read_bytes())
    at = data.index(bytes([7]) * 60)
    data[at - 60 : at + 30] = b"\xff" * 90
    (tmp_path / "x.parquet").write_bytes(data)
    members, findings = read(tmp_path / "x.parquet", Kind.PARQUET)
    assert len(members) == 12
    damaged = [m.offset for m in members if m.reason == "damaged"]
    assert damaged == [7, 8]
    assert [m.offset for m in members if m.data == bytes([m.offset]) * 4000] == [0, 1, 2, 3, 4, 5, 9, 10, 11]
    assert codes(findings) == {"damaged-rows"}


def test_the_side_table_of_an_archive_gives_its_facts(tmp_path: Path) -> None:
    tar_of([("000.jpg", b"one"), ("001.jpg", b"two")], tmp_path / "00000.tar")
    table(
        tmp_path / "00000.parquet", key=["000", "001"], url=["u0", "u1"], original_width=[640, 800],
        original_height=[480, 600], sha256=["a" * 64, None],
    )  # fmt: skip
    members, findings = read(tmp_path / "00000.tar")
    assert [(m.facts.url, m.facts.width, m.facts.sha256) for m in members] == [("u0", 640, "a" * 64), ("u1", 800, "")]
    assert not codes(findings)


def test_a_side_table_that_cannot_be_read_is_a_finding_and_costs_no_member(tmp_path: Path) -> None:
    tar_of([("000.jpg", b"one")], tmp_path / "00000.tar")
    (tmp_path / "00000.parquet").write_bytes(b"PAR1 no")
    members, findings = read(tmp_path / "00000.tar")
    assert [m.data for m in members] == [b"one"]
    assert codes(findings) == {"side-file-unread"}


@pytest.mark.parametrize(("plaintext_footer", "says"), [(True, "columns that are encrypted"), (False, "encrypted")])
def test_an_encrypted_table_is_refused_in_words(tmp_path: Path, plaintext_footer: bool, says: str) -> None:
    encryption = pytest.importorskip("pyarrow.parquet.encryption")

    class Keys(encryption.KmsClient):  # type: ignore[misc, name-defined]
        def wrap_key(self, key: bytes, _master: str) -> bytes:
            return base64.b64encode(key)

    config = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"key": ["image"]}, plaintext_footer=plaintext_footer
    )
    properties = encryption.CryptoFactory(lambda _: Keys()).file_encryption_properties(
        encryption.KmsConnectionConfig(), config
    )
    some = pa.table({"image": [b"x"], "url": ["u"]})
    with pq.ParquetWriter(tmp_path / "x.parquet", some.schema, encryption_properties=properties) as writer:
        writer.write_table(some)
    with pytest.raises(InputError, match=says):
        read(tmp_path / "x.parquet", Kind.PARQUET)
