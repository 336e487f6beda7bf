"""Removal lists: the hits are in them, and hidden."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path

import pytest

from firstlight.banks import Library, NewEntry
from firstlight.clock import FixedClock
from firstlight.custody import KeySealer
from firstlight.errors import IntegrityError, StorageError
from firstlight.hashing import hash_picture
from firstlight.media import Cage
from firstlight.screen.again import Again
from firstlight.screen.lists import Lists
from firstlight.screen.plan import read_plan
from firstlight.screen.removal import _public, write_removal
from firstlight.screen.shard import Settings
from screen.making import SEALER, lists_of, picture, screened, tar_of


@pytest.fixture
def out(tmp_path: Path, cage: Cage, library: Library, clock: FixedClock) -> Path:
    source = tmp_path / "set"
    source.mkdir()
    small = [(f"{n:03}.jpg", picture(4 + n % 3)) for n in range(60)]
    tar_of([*small, ("hit.jpg", picture(3)), ("a.txt", b"words")], source / "a.tar")
    tar_of([("other.jpg", picture(7))], source / "b.tar")
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    screened(settings, cage, source)
    return settings.out


def _rows(path: Path) -> set[tuple[str, ...]]:
    with path.open(newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)]
    assert rows[0] == ("shard", "member", "offset", "key")
    assert len(set(rows)) == len(rows)
    return set(rows[1:])


def test_the_hits_stand_among_ordinary_members_and_the_padding_stays(
    out: Path, tmp_path: Path, library: Library, clock: FixedClock, cage: Cage
) -> None:
    first = write_removal(out, tmp_path / "1.csv", SEALER, floor=10, per_hit=5)
    assert (first.hits, first.padding, first.members) == (1, 15, 16)
    again = write_removal(out, tmp_path / "2.csv", SEALER, floor=10, per_hit=5)
    assert _rows(tmp_path / "1.csv") == _rows(tmp_path / "2.csv")
    assert again.members == 16
    made = hash_picture(cage, picture(7))
    library.add("known", [NewEntry(key="seven", pdq=made.pdq.hex, quality=made.pdq.quality)])
    lists = Lists(library, SEALER, ("known",), clock)
    list(Again(out / "shards", lists).refresh_all(one.ident for one in read_plan(out)))
    write_removal(out, tmp_path / "3.csv", SEALER, floor=10, per_hit=5)
    before, after = _rows(tmp_path / "1.csv"), _rows(tmp_path / "3.csv")
    assert before <= after
    assert len(after - before) >= 5  # what is new is hidden among new padding
    assert any(row[1] == "other.jpg" for row in after)
    assert not any(row[1] == "a.txt" for row in after)


def test_a_hit_that_is_no_picture_is_hidden_among_such(
    tmp_path: Path, cage: Cage, library: Library, clock: FixedClock
) -> None:
    (tmp_path / "set").mkdir()
    broken = {f"{n:02}.jpg": picture(4)[: 600 + n] for n in range(20)}
    small = {f"p{n:02}.jpg": picture(4 + n % 3) for n in range(20)}
    tar_of([*broken.items(), *small.items(), ("z.pdf", b"%PDF-1.7 " * 9)], tmp_path / "set" / "a.tar")
    listed = [broken["07.jpg"], b"%PDF-1.7 " * 9]
    library.add("known", [NewEntry(key=str(n), md5=hashlib.md5(one).hexdigest()) for n, one in enumerate(listed[:1])])
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    screened(settings, cage, tmp_path / "set")
    made = write_removal(settings.out, tmp_path / "1.csv", SEALER, floor=5, per_hit=9)
    named = {row[1] for row in _rows(tmp_path / "1.csv")}
    assert (made.hits, made.padding, "07.jpg" in named) == (1, 14, True)
    assert (len(named & broken.keys()), len(named & small.keys())) == (10, 5)
    assert made.says == "Each hit stands among ordinary members."

    library.add("known", [NewEntry(key="alone", md5=hashlib.md5(listed[1]).hexdigest())])
    list(
        Again(settings.results, Lists(library, SEALER, ("known",), clock)).refresh_all(
            one.ident for one in read_plan(settings.out)
        )
    )
    made = write_removal(settings.out, tmp_path / "2.csv", SEALER, floor=5, per_hit=9)
    assert "Some hits can be told: too few other members are like them (no picture)" in made.says
    assert "z.pdf" in {row[1] for row in _rows(tmp_path / "2.csv")}


def test_copies_of_a_picture_are_drawn_together(
    tmp_path: Path, cage: Cage, library: Library, clock: FixedClock
) -> None:
    (tmp_path / "set").mkdir()
    for shard in ("a", "b"):  # each picture twice; only of a hit would both copies be on a list that is drawn by names
        members = [(f"{n:02}.jpg", picture(3) if n == 7 else picture(4) + bytes([n])) for n in range(40)]
        tar_of(members, tmp_path / "set" / f"{shard}.tar")
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    screened(settings, cage, tmp_path / "set")
    made = write_removal(settings.out, tmp_path / "x.csv", SEALER, floor=4, per_hit=3)
    assert (made.hits, made.padding) == (2, 10)
    copies = Counter(row[1] for row in _rows(tmp_path / "x.csv"))
    assert copies["07.jpg"] == 2
    assert set(copies.values()) == {2}


def test_the_padding_stays_when_the_data_set_grows_and_is_cut_otherwise(
    tmp_path: Path, cage: Cage, library: Library, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.screen.plan.SLICE_FILES", 10)
    source = tmp_path / "set"
    source.mkdir()
    for number in range(40):
        (source / f"{number:02}.jpg").write_bytes(picture(3 if number == 20 else 4 + number % 3))
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    screened(settings, cage, source)
    write_removal(settings.out, tmp_path / "1.csv", SEALER, floor=5, per_hit=5)
    for number in range(3):
        (source / f"-{number}.jpg").write_bytes(picture(7))  # before all others, so that every slice is another
    screened(settings, cage, source)
    write_removal(settings.out, tmp_path / "2.csv", SEALER, floor=5, per_hit=5)
    before, after = ({row[1] for row in _rows(tmp_path / name)} for name in ("1.csv", "2.csv"))
    assert len(before & after) >= 8  # what two lists have in common does not give the hit away


def test_shards_are_named_without_the_folders_of_this_machine(out: Path, tmp_path: Path) -> None:
    write_removal(out, tmp_path / "x.csv", SEALER)
    assert {row[0] for row in _rows(tmp_path / "x.csv")} == {"set/a.tar", "set/b.tar"}
    assert str(tmp_path) not in (tmp_path / "x.csv").read_text()
    assert _public("/data/set", ["/data/set"]) == "set"
    assert _public("/data/a/x.tar", ["/data", "/data/a"]) == "a/x.tar"
    assert _public("/one/set/x.tar", ["/one/set", "/two/set"]) == "/one/set/x.tar"
    assert _public("s3://bucket/set/x.tar", ["s3://bucket/set"]) == "s3://bucket/set/x.tar"


def test_a_list_without_padding_says_that_it_points_at_the_hits(out: Path, tmp_path: Path) -> None:
    made = write_removal(out, tmp_path / "x.csv", SEALER, floor=0, per_hit=0)
    assert [row[1] for row in _rows(tmp_path / "x.csv")] == ["hit.jpg"]
    assert "Do not publish it" in made.says


def test_a_set_too_small_for_the_padding_is_said(out: Path, tmp_path: Path) -> None:
    made = write_removal(out, tmp_path / "x.csv", SEALER)
    assert made.members == 62
    assert "too small" in made.says


def test_a_list_that_is_there_is_not_replaced_and_other_homes_have_other_coins(out: Path, tmp_path: Path) -> None:
    write_removal(out, tmp_path / "x.csv", SEALER)
    with pytest.raises(StorageError, match="it is there already"):
        write_removal(out, tmp_path / "x.csv", SEALER)
    with pytest.raises(IntegrityError, match="does not open with the key of this home"):
        write_removal(out, tmp_path / "y.csv", KeySealer(bytes(32)))


def test_rows_of_a_table_of_hashes_are_named_by_their_number_and_hidden_too(
    tmp_path: Path, cage: Cage, library: Library, clock: FixedClock
) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [hashlib.md5(bytes([n])).hexdigest() for n in range(200)]
    rows[150] = hashlib.md5(picture(3)).hexdigest()
    (tmp_path / "set").mkdir()
    pq.write_table(
        pa.table({"md5": rows, "url": [f"https://example.org/{n}" for n in range(200)]}), tmp_path / "set/t.parquet"
    )
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    screened(settings, cage, tmp_path / "set")
    made = write_removal(settings.out, tmp_path / "x.csv", SEALER, floor=10, per_hit=5)
    assert (made.hits, made.padding, made.members) == (1, 15, 16)
    named = [row[1] for row in _rows(tmp_path / "x.csv")]
    assert (len(named), "150" in named) == (16, True)
    write_removal(settings.out, tmp_path / "more.csv", SEALER, floor=20, per_hit=5)
    assert _rows(tmp_path / "x.csv") < _rows(tmp_path / "more.csv")
    kept = write_removal(settings.out, tmp_path / "keep.csv", SEALER, floor=10, per_hit=5, keep=True)
    assert (kept.keeps, kept.members) == (True, 184)
    assert not _rows(tmp_path / "x.csv") & _rows(tmp_path / "keep.csv")


def test_what_may_stay_is_what_was_screened_and_is_not_removed(out: Path, tmp_path: Path) -> None:
    removed = write_removal(out, tmp_path / "x.csv", SEALER, floor=10, per_hit=5)
    kept = write_removal(out, tmp_path / "keep.csv", SEALER, floor=10, per_hit=5, keep=True)
    assert kept.members + removed.members == 62
    assert not {row[1:3] for row in _rows(tmp_path / "x.csv")} & {row[1:3] for row in _rows(tmp_path / "keep.csv")}
    assert not any(row[1] in ("hit.jpg", "a.txt") for row in _rows(tmp_path / "keep.csv"))
