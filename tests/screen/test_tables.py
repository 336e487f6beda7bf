"""List mode: every row of a table of hashes is counted, and the listed ones are found."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.banks import Library, NewEntry
from firstlight.banks.digest_table import DigestTable
from firstlight.clock import FixedClock
from firstlight.errors import FirstlightError, StateError
from firstlight.media import Cage
from firstlight.screen import shard as shard_module
from firstlight.screen.again import Again
from firstlight.screen.hits import unseal_hits
from firstlight.screen.plan import read_plan
from firstlight.screen.report import tallies
from firstlight.screen.results import Result
from firstlight.screen.shard import Screener, Settings, Tally
from firstlight.screen.tables import Counted, count_table, hash_columns, suspect_rows
from screen.making import SEALER, lists_of, picture, screened

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@given(data=st.data())
def test_the_table_holds_exactly_its_digests(data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 2**64 - 1), max_size=50))
    others = data.draw(st.lists(st.integers(0, 2**64 - 1), max_size=50)) + numbers
    table = DigestTable.of(np.array(numbers, dtype=np.uint64))
    held = table.holds(np.array(others, dtype=np.uint64))
    assert [bool(one) for one in held] == [one in numbers for one in others]


FORMS: dict[str, Any] = {
    "text": lambda values: pa.array([None if v is None else v.hex() for v in values]),
    "capitals": lambda values: pa.array([None if v is None else v.hex().upper() for v in values]),
    "large": lambda values: pa.array([None if v is None else v.hex() for v in values], pa.large_string()),
    "bytes": lambda values: pa.array(values, pa.binary()),
    "fixed": lambda values: pa.array(values, pa.binary(16)),
    "hex-bytes": lambda values: pa.array([None if v is None else v.hex().encode() for v in values], pa.binary()),
    "slice": lambda values: pa.array(["x", *(None if v is None else v.hex() for v in values)])[1:],
    "dictionary": lambda values: pa.array([None if v is None else v.hex() for v in values]).dictionary_encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_digests_are_found_in_every_form_and_rows_without_are_counted(form: str) -> None:
    digests = [hashlib.md5(bytes([n])).digest() for n in range(200)]
    values: list[bytes | None] = [*digests]
    values[10] = values[77] = None
    listed = [0, 9, 11, 199]
    table = DigestTable.of(np.array([int(digests[n].hex()[:16], 16) for n in listed], dtype=np.uint64))
    valid = np.zeros(200, dtype=np.bool_)
    assert suspect_rows(FORMS[form](values), 16, table, valid) == listed
    assert [n for n in range(200) if not valid[n]] == [10, 77]


def test_a_second_column_of_digests_stands_for_itself() -> None:
    digests = [hashlib.md5(bytes([n])).digest() for n in range(200)]
    table = DigestTable.of(np.array([int(one.hex()[:16], 16) for one in digests], dtype=np.uint64))
    valid = np.ones(200, dtype=np.bool_)  # every row had a digest in the first column
    assert suspect_rows(
        pa.array([one.hex() if n % 2 else "none" for n, one in enumerate(digests)]), 16, table, valid
    ) == [n for n in range(200) if n % 2]


@pytest.mark.parametrize("junk", ["", "0" * 31, "0" * 33, "g" * 32, "0" * 31 + "G", "ü" * 16, " " * 32])
def test_what_is_no_digest_counts_as_none(junk: str) -> None:
    valid = np.zeros(1, dtype=np.bool_)
    table = DigestTable.of(np.zeros(1, dtype=np.uint64))
    assert suspect_rows(pa.array([junk]), 16, table, valid) == []
    assert not valid[0]


def test_columns_of_digests_are_known_by_their_names() -> None:
    names = ["md5", "MD5", "image_sha256", "sha1_hash", "hash_md5", "md5sum", "url_md5", "hash", "sha256_of_url", "url"]
    assert list(hash_columns(names)) == ["md5", "MD5", "image_sha256", "sha1_hash", "hash_md5", "md5sum"]


def _table(path: Path, rows: int = 1000) -> None:
    md5 = [hashlib.md5(str(n).encode()).hexdigest() for n in range(rows)]
    md5[700] = hashlib.md5(picture(3)).hexdigest().upper()
    md5[3] = "no hash"
    urls = [f"https://example.org/{n}" for n in range(rows)]
    pq.write_table(pa.table({"URL": urls, "TEXT": ["x"] * rows, "md5": md5}), path, row_group_size=300)


@pytest.fixture
def begun(tmp_path: Path, library: Library, clock: FixedClock) -> Settings:
    """A run over one table that nothing has read yet."""
    (tmp_path / "set").mkdir()
    _table(tmp_path / "set" / "part-0.parquet")
    return Settings(tmp_path / "out", lists_of(library, "known", clock=clock))


@pytest.fixture
def run(tmp_path: Path, cage: Cage, begun: Settings) -> Settings:
    screened(begun, cage, tmp_path / "set")
    return begun


def _only(settings: Settings) -> tuple[Tally, Result]:
    [path] = settings.results.glob("*.screened")
    [tally] = tallies(settings.out)
    return tally, Result.open(path)


def test_every_row_is_counted_and_a_listed_one_keeps_where_it_came_from(run: Settings) -> None:
    tally, result = _only(run)
    assert (tally.members, tally.screened, tally.skipped, tally.adds_up) == (1000, 999, {"no-hash": 1}, True)
    [hit] = unseal_hits(result.matches(), SEALER, tally.ident)
    assert (hit.row, hit.url, hit.member) == (700, "https://example.org/700", "700")
    assert '"TEXT": "x"' in hit.record
    assert [(m.via, m.channel, m.entry) for m in hit.matches] == [("md5", "recorded", "three")]


def test_a_list_that_changes_has_the_table_read_again(
    tmp_path: Path, run: Settings, cage: Cage, library: Library, clock: FixedClock
) -> None:
    library.withdraw("known", ["three"], "a test")
    assert run.open_lists is not None
    with run.open_lists() as lists:
        again = Again(run.results, lists)
        assert list(again.refresh_all(one.ident for one in read_plan(run.out))) == [False]
    tally, result = _only(run)
    assert again.to_read == [tally.ident]
    assert (tally.members, tally.hits) == (1000, 0)
    assert unseal_hits(result.matches(), SEALER, tally.ident) == ()
    assert tally.compared is not None
    assert not tally.compared.is_as_of(again.now)
    assert screened(run, cage, tmp_path / "set").screened == 1
    tally, _ = _only(run)
    assert tally.hits == 0
    assert tally.compared is not None
    assert tally.compared.is_as_of(again.now)


def test_a_list_that_grows_costs_a_table_no_hit(run: Settings, library: Library) -> None:
    library.add("known", [NewEntry(key="more", md5=hashlib.md5(b"more").hexdigest())])
    assert run.open_lists is not None
    before = _only(run)[1].matches()
    with run.open_lists() as lists:
        again = Again(run.results, lists)
        assert list(again.refresh_all(one.ident for one in read_plan(run.out))) == [False]
    assert len(again.to_read) == 1
    assert _only(run)[1].matches() == before


def test_digests_in_bytes_are_known_by_every_name_and_numbers_are_none(
    tmp_path: Path, cage: Cage, library: Library, clock: FixedClock
) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "set").mkdir()
    listed = hashlib.md5(picture(3)).digest()
    pq.write_table(pa.table({"image_md5": pa.array([bytes(16), listed], pa.binary())}), tmp_path / "set/a.parquet")
    pq.write_table(pa.table({"md5": [1, 2]}), tmp_path / "set/b.parquet")
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    screened(settings, cage, tmp_path / "set")
    found = {one.name: one for one in tallies(settings.out)}
    assert (found["a.parquet"].screened, found["a.parquet"].hits) == (2, 1)
    failed = found["b.parquet"].failed
    assert failed is not None
    assert (failed.code, failed.message) == ("input.columns", "A column of digests is of type int64.")


def test_damage_costs_its_row_group(tmp_path: Path, cage: Cage) -> None:
    (tmp_path / "set").mkdir()
    path = tmp_path / "set" / "x.parquet"
    md5 = [hashlib.md5(str(n).encode()).hexdigest() for n in range(900)]
    pq.write_table(pa.table({"md5": md5}), path, row_group_size=300, use_dictionary=False, compression="none")
    data = bytearray(path.read_bytes())
    at = data.index(md5[300].encode())
    data[at - 40 : at] = b"\xff" * 40
    path.write_bytes(data)
    settings = Settings(tmp_path / "out")
    screened(settings, cage, tmp_path / "set")
    [tally] = tallies(settings.out)
    assert tally.adds_up
    assert (tally.members, tally.screened, tally.unreadable) == (900, 600, {"damaged": 300})


def test_damage_beside_a_listed_digest_costs_its_facts_and_no_hit(
    tmp_path: Path, cage: Cage, library: Library, clock: FixedClock
) -> None:
    (tmp_path / "set").mkdir()
    words = pa.array([b"fine", b"\xff no text"], pa.binary())
    words = pa.Array.from_buffers(pa.string(), 2, words.buffers())  # as a careless writer makes them
    md5 = [hashlib.md5(picture(seed)).hexdigest() for seed in (4, 3)]
    pq.write_table(pa.table({"TEXT": words, "md5": md5}), tmp_path / "set" / "part-0.parquet")
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    screened(settings, cage, tmp_path / "set")
    tally, result = _only(settings)
    assert (tally.members, tally.screened, tally.unreadable, tally.skipped) == (2, 2, {}, {})
    [hit] = unseal_hits(result.matches(), SEALER, tally.ident)
    assert (hit.row, hit.url) == (1, "")


def test_lists_that_fail_are_no_damage_of_the_table(
    tmp_path: Path, cage: Cage, begun: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object, **__: object) -> None:
        raise StateError("The lists are closed.")

    monkeypatch.setattr(Library, "match_many", closed)
    done = screened(begun, cage, tmp_path / "set")
    assert (done.left, [one.error.code for one in done.trouble]) == (1, ["state"])


def test_a_bank_that_goes_while_a_table_is_read_is_no_fault_of_the_table(
    tmp_path: Path, cage: Cage, begun: Settings, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone_meanwhile(*args: Any) -> Counted:
        library.delete("known", "tests")
        return count_table(*args)

    monkeypatch.setattr(shard_module, "count_table", gone_meanwhile)
    done = screened(begun, cage, tmp_path / "set")
    assert (done.left, [one.error.code for one in done.trouble]) == (1, ["not-found"])


@pytest.mark.parametrize("how", ["gone", "damaged", "killed"])
def test_a_table_that_cannot_be_read_again_keeps_what_was_found_in_it(
    how: str, tmp_path: Path, run: Settings, cage: Cage, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _only(run)[1].matches()
    library.add("known", [NewEntry(key="more", md5=hashlib.md5(b"more").hexdigest())])
    path = tmp_path / "set" / "part-0.parquet"
    whole, times = path.read_bytes(), path.stat()
    if how == "killed":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shard_module, "count_table", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                screened(run, cage, tmp_path / "set")
    else:
        [shard] = read_plan(run.out)
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(whole[:-100])
        with Screener(run, cage) as screener, pytest.raises(FirstlightError):
            screener.screen_shard(shard)
    tally, result = _only(run)
    assert (tally.hits, result.matches()) == (1, before)
    path.write_bytes(whole)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # it is the same shard again
    done = screened(run, cage, tmp_path / "set")
    assert (done.screened, done.left) == (1, 0)
    tally, _ = _only(run)
    assert tally.hits == 1
    assert tally.compared is not None
