"""Tables of hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight.banks import Library
from firstlight.clock import FixedClock
from firstlight.errors import InputError
from firstlight.values import BankPurpose

MD5 = hashlib.md5(b"carrot", usedforsecurity=False).hexdigest()
SHA1 = hashlib.sha1(b"carrot", usedforsecurity=False).hexdigest()
PDQ = hashlib.sha256(b"carrot").hexdigest()


@pytest.fixture
def library(tmp_path: Path, clock: FixedClock) -> Iterator[Library]:
    with Library.create(tmp_path / "library", sealer=None, clock=clock) as made:
        made.create_bank("roots", BankPurpose.KNOWN)
        yield made


def put(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_columns_are_known_by_name_whatever_stands_between(delimiter: str, library: Library, tmp_path: Path) -> None:
    rows = [["ID", "MD5", "Sha-1", "PDQ", "quality", "Category", "other", "Note"]]
    rows.append(["7", MD5.upper(), SHA1, PDQ, "88", "root", "x", '"long, orange"'])
    text = "\r\n".join(delimiter.join(row) for row in rows)
    report = library.import_list("roots", put(tmp_path, "\ufeff" + text))
    assert (report.format, report.added) == ("csv", 1)
    (entry,) = library.entries("roots")
    assert (entry.key, entry.md5, entry.sha1, entry.pdq, entry.quality) == ("7", MD5, SHA1, PDQ, 88)
    assert (entry.categories, entry.note) == (("root",), "long, orange")
    assert entry.original == {"md5": MD5.upper()}


def test_a_column_map_names_what_the_list_calls_otherwise(library: Library, tmp_path: Path) -> None:
    path = put(tmp_path, f"Hash Value;Ref\n{MD5};A-1\n")
    with pytest.raises(InputError, match="does not look like a list"):
        library.import_list("roots", path)
    with pytest.raises(InputError, match="No column of this list is known to hold hashes"):
        library.import_list("roots", path, "csv")
    with pytest.raises(InputError, match="no column 'Hashes'"):
        library.import_list("roots", path, "csv", {"md5": "Hashes"})
    with pytest.raises(InputError, match="'hash' is no field"):
        library.import_list("roots", path, "csv", {"hash": "Hash Value"})
    assert library.import_list("roots", path, "csv", {"md5": "hash value", "key": "Ref"}).added == 1
    assert library.entry("roots", "A-1").md5 == MD5


def test_flaws_do_not_lose_the_rest_of_a_row(library: Library, tmp_path: Path) -> None:
    path = put(
        tmp_path,
        f"key,md5,pdq,quality\n1,{MD5},{PDQ[:32]},50\n2,,,\n\n3,{MD5},{PDQ},good\n4,{MD5}\n5,{MD5},{PDQ},300\n",
    )
    report = library.import_list("roots", path)
    assert (report.came, report.added, report.flawed, report.skipped) == (5, 4, 2, 1)
    assert [skip.line for skip in report.first_skips] == [2, 3, 7]
    assert library.entry("roots", "1").original == {"pdq": PDQ[:32]}
    assert library.entry("roots", "3").original == {"quality": "good"}
    assert library.entry("roots", "5").quality is None
    assert library.import_list("roots", path).unchanged == 4


def test_the_first_of_two_rows_with_one_key_is_taken_each_time(library: Library, tmp_path: Path) -> None:
    path = put(tmp_path, f"key,md5,note\n1,{MD5},first\n1,{MD5},second\n")
    for added, unchanged in ((1, 0), (0, 1)):
        report = library.import_list("roots", path)
        assert (report.added, report.unchanged, report.repeated, report.updated) == (added, unchanged, 1, 0)
    assert library.entry("roots", "1").note == "first"


@pytest.mark.parametrize(
    ("head", "value"), [("md5", MD5), ("sha1", SHA1), ("sha256", PDQ), ("pdq", PDQ), ("SHA256", PDQ), ("MD5 ", MD5)]
)
def test_a_table_with_one_column_is_a_table(head: str, value: str, library: Library, tmp_path: Path) -> None:
    report = library.import_list("roots", put(tmp_path, f"{head}\n{value}\n"))
    assert (report.format, report.added, report.skipped) == ("csv", 1, 0)
