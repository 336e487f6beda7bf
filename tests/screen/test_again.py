"""Kept hashes compared again: with lists that grow and shrink, and without the pictures."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from firstlight.banks import Library, NewEntry
from firstlight.clock import FixedClock
from firstlight.custody import KeySealer
from firstlight.errors import IntegrityError
from firstlight.hashing import hash_picture
from firstlight.media import Cage
from firstlight.screen.again import Again
from firstlight.screen.lists import Lists, state_of
from firstlight.screen.plan import read_plan
from firstlight.screen.report import hits_in, make_report, tallies
from firstlight.screen.shard import Settings
from screen.making import SEALER, lists_of, picture, screened, side_file, tar_of


@pytest.fixture
def out(tmp_path: Path, cage: Cage, library: Library, clock: FixedClock) -> Path:
    """A run whose data set is gone."""
    source = tmp_path / "set"
    source.mkdir()
    for number in range(2):
        side = side_file(url=f"https://example.org/{number}", original_width=320, original_height=240)
        members = [(f"{n}.jpg", picture(n)) for n in (3, 4, 5)]
        tar_of([*members, ("5.json", side), ("note.txt", b"words")], source / f"{number}.tar")
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    screened(settings, cage, source)
    shutil.rmtree(source)
    return settings.out


def _again(out: Path, lists: Lists) -> int:
    return sum(Again(out / "shards", lists).refresh_all(one.ident for one in read_plan(out)))


def _found(out: Path) -> list[tuple[str, str, str]]:
    return [(hit.member, hit.url, match.entry) for hit in hits_in(out, SEALER) for match in hit.matches]


def test_a_grown_list_finds_more_and_says_where_it_came_from(
    out: Path, library: Library, clock: FixedClock, cage: Cage
) -> None:
    lists = Lists(library, SEALER, ("known",), clock)
    assert _again(out, lists) == 0
    assert _found(out) == [("3.jpg", "", "three")] * 2
    made = hash_picture(cage, picture(5))
    library.add("known", [NewEntry(key="five", pdq=made.pdq.hex, quality=made.pdq.quality)])
    clock.advance(timedelta(days=3))
    assert _again(out, lists) == 2
    assert sorted(_found(out)) == sorted(
        [("3.jpg", "", "three")] * 2 + [("5.jpg", f"https://example.org/{n}", "five") for n in range(2)]
    )
    assert all(one.compared is not None and one.compared.at == clock.now() for one in tallies(out))
    assert _again(out, lists) == 0


def test_what_a_list_withdraws_is_no_hit_any_more(out: Path, library: Library, clock: FixedClock) -> None:
    library.withdraw("known", ["three"], "its owner took it back")
    assert _again(out, Lists(library, SEALER, ("known",), clock)) == 2
    assert _found(out) == []
    assert [one.hits for one in tallies(out)] == [0, 0]


def test_an_allow_list_vetoes_what_only_pixels_found(
    out: Path, library: Library, clock: FixedClock, cage: Cage
) -> None:
    from firstlight.values import BankPurpose

    made = hash_picture(cage, picture(4))
    library.add("tinned", [NewEntry(key="four", pdq=made.pdq.hex, quality=made.pdq.quality)])
    lists = Lists(library, SEALER, ("tinned",), clock)
    assert _again(out, lists) == 2
    assert len(_found(out)) == 2
    library.create_bank("fine", BankPurpose.ALLOW)
    library.add("fine", [NewEntry(key="four", pdq=made.pdq.hex, quality=made.pdq.quality)])
    assert _again(out, lists) == 2
    assert _found(out) == []


def test_rows_and_their_hashes_stay_as_they_were(out: Path, library: Library, clock: FixedClock) -> None:
    from firstlight.screen.results import results_in

    names = [one.ident for one in read_plan(out)]
    before = [
        (rows.tobytes(), texts) for result in results_in(out / "shards", names) for rows, texts in result.groups()
    ]
    library.withdraw("known", ["three"], "a test")
    _again(out, Lists(library, SEALER, ("known",), clock))
    after = [(rows.tobytes(), texts) for result in results_in(out / "shards", names) for rows, texts in result.groups()]
    assert before == after


def test_another_home_cannot_open_what_matched(out: Path, library: Library, clock: FixedClock) -> None:
    other = KeySealer(bytes(32))
    with pytest.raises(IntegrityError, match="do not open with the key of this home"):
        list(hits_in(out, other))
    library.withdraw("known", ["three"], "a test")
    with pytest.raises(IntegrityError):
        _again(out, Lists(library, other, ("known",), clock))


def test_lists_that_did_not_change_make_the_report_as_fresh_as_today(
    out: Path, library: Library, clock: FixedClock
) -> None:
    lists = Lists(library, SEALER, ("known",), clock)
    then = clock.now()
    clock.advance(timedelta(days=3))
    old = make_report(out, data_set="x", made=clock.now(), software="t", sealer=SEALER)
    new = make_report(out, data_set="x", made=clock.now(), software="t", sealer=SEALER, current=state_of(lists))
    assert (old.fresh_until, new.fresh_until) == (then, clock.now())
