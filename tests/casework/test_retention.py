"""What has to be kept is kept, whoever asks; what may go is destroyed in an order that survives every cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.making import AT_ONCE, NOW, jpeg, look_at, next_items, png, put, report_it, take_in, upload
from firstlight.casework import acts, filing, holds, preserve, reconcile, retention, review
from firstlight.casework.home import Home
from firstlight.casework.retention import Keeping
from firstlight.casework.review import Conclusion, Finding
from firstlight.clock import FixedClock, to_text
from firstlight.custody import EventType, Hold, RetentionClock, RetentionTable, Stored, verify_package
from firstlight.cybertip import Client
from firstlight.errors import FirstlightError, InputError, NotFoundError, RefusedError, StateError, StorageError
from firstlight.media import Cage
from firstlight.store import tables
from firstlight.store.tables import Item

YEAR = timedelta(days=367)
MONTH = timedelta(days=31)
WHY = "an investigation that goes on"


def _wait(home: Home, time: timedelta) -> None:
    assert isinstance(home.clock, FixedClock)
    home.clock.advance(time)


def _clear(home: Home, case: int) -> None:
    """A person decides that what comes next is not to be reported."""
    innocent = Conclusion.of(finding=Finding.NOT_REPORTABLE, why="A picture of a holiday.")
    review.decide(home, case, innocent, actor="rev-1", items=next_items(home, case))


@pytest.fixture
def cleared(home: Home, cage: Cage, tmp_path: Path) -> Home:
    """One item that a person decided not to report."""
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    _clear(home, 1)
    return home


@pytest.fixture
def filed(home: Home, cage: Cage, client: Client, tmp_path: Path) -> Home:
    """One item with a receipt."""
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})], default=upload("u1"))
    look_at(home, 1)
    report_it(home, 1)
    filing.file_case(home, 1, client, retries=AT_ONCE)
    return home


def _opens(home: Home, item: int) -> bool:
    with home.look() as work:
        stored = Stored.from_json(work.session.get_one(Item, item).stored)
    try:
        with home.vault.open(stored) as file:
            return bool(file.read())
    except FirstlightError:
        return False


def test_a_report_is_kept_for_a_year_from_its_receipt(filed: Home) -> None:
    (one,) = retention.overview(filed).items
    (receipt,) = [done.receipt for done in filing.filings(filed, 1)]
    assert receipt is not None
    assert one.ends is not None
    assert one.ends >= receipt.finished_at.replace(year=receipt.finished_at.year + 1)
    assert one.ends >= receipt.preserve_until
    with pytest.raises(RefusedError, match="us-2258a"):
        retention.destroy(filed, 1, actor="op-1")
    _wait(filed, YEAR)
    assert retention.destroy(filed, 1, actor="op-1").item == 1
    assert not _opens(filed, 1)


def test_what_waits_for_a_person_is_kept_for_ever(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    _wait(home, timedelta(days=36_500))
    with pytest.raises(RefusedError, match="nobody said it may go"):
        retention.destroy(home, 1, actor="op-1")
    assert _opens(home, 1)


def test_what_waits_for_its_report_is_kept_for_ever(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})], default=upload("u1"))
    look_at(home, 1)
    report_it(home, 1)
    _wait(home, timedelta(days=36_500))
    with pytest.raises(RefusedError, match="No clock"):
        retention.destroy(home, 1, actor="op-1")


def test_what_belongs_to_one_case_stays_together(home: Home, cage: Cage, client: Client, tmp_path: Path) -> None:
    files = {"a.png": png(1), "b.png": png(1, Comment="copy")}
    take_in(home, cage, [put(tmp_path / "in", files)], default=upload("u1"))
    innocent = Conclusion.of(finding=Finding.NOT_REPORTABLE, why="A picture of a holiday.")
    review.decide(home, 1, innocent, actor="rev-1", items=[1])
    _wait(home, MONTH)
    with pytest.raises(RefusedError, match="Item 2 of the same case waits"):
        retention.destroy(home, 1, actor="op-1")
    look_at(home, 2)
    report_it(home, 1)
    filing.file_case(home, 1, client, retries=AT_ONCE)
    with pytest.raises(RefusedError, match="us-2258a"):
        retention.destroy(home, 1, actor="op-1")
    _wait(home, YEAR)
    assert all(one.disposal is not None and one.disposal.allowed for one in retention.overview(home, 1).items)


def test_a_hold_stops_destruction_until_two_people_lift_it(cleared: Home) -> None:
    holds.put_on(cleared, 1, authority="letter 7", reason=WHY, actor="ada")
    _wait(cleared, MONTH)
    with pytest.raises(RefusedError, match="hold-1 of letter 7"):
        retention.destroy(cleared, 1, actor="op-1")
    act = holds.lift(cleared, 1, reason=WHY, actor="ada").act_sha256
    acts.approve(cleared, act, actor="bea")
    holds.lift(cleared, 1, reason=WHY, actor="ada")
    retention.destroy(cleared, 1, actor="op-1")


def test_a_destroyed_original_is_gone_and_everything_else_adds_up(cleared: Home, tmp_path: Path) -> None:
    with cleared.look() as work:
        stored = Stored.from_json(work.session.get_one(Item, 1).stored)
    _wait(cleared, MONTH)
    done = retention.destroy(cleared, 1, actor="op-1")
    assert (done.sha256, done.by, done.disposal.allowed) == (stored.digests.sha256, "op-1", True)
    assert done.key.key_id == stored.key_id
    assert list(cleared.vault) == []
    assert retention.destroy(cleared, 1, actor="somebody-else") == done
    (one,) = retention.overview(cleared).items
    assert (one.disposal, one.destroyed) == (None, done.decided_at)
    account = reconcile.reconcile(cleared, originals=True)
    assert account.adds_up, account.discrepancies
    assert (account.came_in, account.decided, account.leftovers) == (1, 1, 0)
    with cleared.look() as work:
        assert work.log.verify().ok
        assert sum(1 for _ in work.log.entries(types=[EventType.SHRED])) == 1
    package = preserve.export(cleared, 1, tmp_path / "out").folder
    assert verify_package(Path(package)).ok
    record = json.loads((Path(package) / "data/records/retention.json").read_bytes())
    assert record["items"][0]["destroyed"] == to_text(done.decided_at)
    assert record["items"][0]["clocks"][0]["policy"] == "house-not-reported"
    with pytest.raises(StateError, match="destroyed"):
        retention.extend(cleared, 1, NOW + 9 * YEAR, actor="op-1", purpose=WHY)


@pytest.mark.parametrize("step", ["destroy_case_key", "remove", "write"])
def test_a_destruction_that_is_cut_off_is_named_and_finished(
    cleared: Home, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    _wait(cleared, MONTH)
    with monkeypatch.context() as cut:
        _cut_at(cut, cleared, step)
        with pytest.raises(StorageError, match="power"):
            retention.destroy(cleared, 1, actor="op-1")
    (found,) = reconcile.reconcile(cleared).discrepancies
    assert "begun and not finished" in found.says
    with cleared.look() as work:
        assert sum(1 for _ in work.log.entries(types=[EventType.SHRED])) == 1
    retention.destroy(cleared, 1, actor="op-1")
    assert not _opens(cleared, 1)
    assert list(cleared.vault) == []
    assert reconcile.reconcile(cleared).adds_up
    with cleared.look() as work:
        assert sum(1 for _ in work.log.entries(types=[EventType.SHRED])) == 1


def _cut_at(cut: pytest.MonkeyPatch, home: Home, step: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StorageError("The power went.")

    if step == "destroy_case_key":
        cut.setattr(home.keyring, step, fail)
    elif step == "remove":
        cut.setattr(home.vault, step, fail)
    else:
        cut.setattr(retention, "DestructionCertificate", fail)


def test_nothing_is_touched_when_the_log_cannot_be_written(cleared: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _wait(cleared, -timedelta(days=1))  # the log refuses a clock that went back
    with pytest.raises(RefusedError):
        retention.destroy(cleared, 1, actor="op-1")
    assert _opens(cleared, 1)
    with cleared.look() as work:
        assert retention.destroyed(work) == {}


def test_a_key_that_a_backup_brought_back_is_found(cleared: Home) -> None:
    keys = {path: path.read_bytes() for path in (cleared.folder / "keys" / "cases").iterdir()}
    _wait(cleared, MONTH)
    retention.destroy(cleared, 1, actor="op-1")
    for path in (cleared.folder / "keys" / "cases").glob("*.destroyed"):
        path.unlink()
    for path, data in keys.items():
        if not path.exists():
            path.write_bytes(data)
            path.chmod(0o600)
    with Home.open(cleared.folder, clock=cleared.clock) as restored:
        (found,) = reconcile.reconcile(restored).discrepancies
        assert "there again" in found.says
        retention.destroy(restored, 1, actor="op-1")
        assert reconcile.reconcile(restored).adds_up


def test_a_destruction_that_nobody_logged_is_found(cleared: Home) -> None:
    with cleared.database.write() as session:
        session.add(tables.Destruction(item_id=1, at=NOW, actor="x", disposal="{}", certificate=None))
    assert any("the log does not say so" in one.says for one in reconcile.reconcile(cleared).discrepancies)


def test_a_clock_that_was_set_back_in_the_tables_shortens_nothing_and_is_found(filed: Home) -> None:
    with filed.database.write() as session:
        row = session.get_one(tables.RetentionClock, (1, "us-2258a"))
        clock = RetentionClock.from_json(row.document)
        row.document = clock.model_copy(update={"ends": NOW, "not_before": NOW}).to_json().decode()
    with pytest.raises(RefusedError, match="by its receipt"):
        retention.destroy(filed, 1, actor="op-1")
    (found,) = reconcile.reconcile(filed).discrepancies
    assert "is not the one that was logged" in found.says


def test_items_that_were_settled_before_there_were_clocks_get_theirs_from_what_settled_them(filed: Home) -> None:
    before = retention.overview(filed).items[0].ends
    with filed.database.write() as session:
        session.query(tables.RetentionClock).delete()
    _wait(filed, MONTH)
    assert retention.overview(filed).items[0].ends == before


def test_a_clock_is_extended_with_a_purpose_and_never_shortened(filed: Home) -> None:
    (one,) = retention.overview(filed).items
    assert one.ends is not None
    for earlier in (one.ends, one.ends - timedelta(microseconds=1), NOW):
        with pytest.raises(RefusedError, match="already"):
            retention.extend(filed, 1, earlier, actor="op-1", purpose=WHY)
    with pytest.raises(FirstlightError, match="purpose"):
        retention.extend(filed, 1, one.ends + YEAR, actor="op-1", purpose="because")
    longer = retention.extend(filed, 1, one.ends + YEAR, actor="op-1", purpose=WHY)
    assert longer.extensions[0].by == "op-1"
    assert retention.overview(filed).items[0].ends == one.ends + YEAR
    _wait(filed, YEAR)
    with pytest.raises(RefusedError, match="us-2258a"):
        retention.destroy(filed, 1, actor="op-1")


def test_what_is_not_there_is_said(home: Home) -> None:
    for call in (
        lambda: retention.overview(home, 1),
        lambda: retention.destroy(home, 1, actor="op-1"),
        lambda: retention.extend(home, 1, NOW, actor="op-1", purpose=WHY),
    ):
        _raises_not_found(call)
    assert retention.overview(home).items == ()


def _raises_not_found(call: Callable[[], object]) -> None:
    with pytest.raises(NotFoundError):
        call()


def test_an_item_without_a_clock_needs_no_extension(home: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    with pytest.raises(StateError, match="no clock"):
        retention.extend(home, 1, NOW + YEAR, actor="op-1", purpose=WHY)


_TIMES = st.datetimes(datetime(2024, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
_CLOCKS = st.lists(
    st.builds(RetentionTable.load().start, st.sampled_from(["us-2258a", "house-not-reported"]), _TIMES), max_size=2
)
_HOLDS = st.lists(
    st.builds(Hold, id=st.just("h"), authority=st.just("a"), since=_TIMES, until=st.none() | _TIMES), max_size=2
)


def _keeping(clocks: dict[int, list[RetentionClock]], held: list[Hold]) -> Keeping:
    statutory = [one for some in clocks.values() for one in some if one.not_before is not None]
    return Keeping(
        clocks=clocks,
        holds=held,
        statutory=max(statutory, key=lambda one: one.ends, default=None),
        waiting=[number for number, some in clocks.items() if not some],
        destroyed={},
    )


@given(st.dictionaries(st.integers(1, 4), _CLOCKS, min_size=1), _HOLDS, _TIMES)
def test_nothing_goes_before_every_clock_of_its_own_and_every_statute_of_its_case(
    clocks: dict[int, list[RetentionClock]], held: list[Hold], now: datetime
) -> None:
    kept = _keeping(clocks, held)
    statutory = [one for some in clocks.values() for one in some if one.not_before is not None]
    for item, own in clocks.items():
        found = kept.disposal(item, now)
        right = (
            all(clocks.values())
            and all(one.ends <= now for one in (*own, *statutory))
            and not any(one.lasts(now) for one in held)
        )
        assert found.allowed is right
        assert bool(found.reasons.because) is not right


@given(_TIMES, st.lists(st.timedeltas(-timedelta(days=900), timedelta(days=900)), max_size=6))
def test_no_sequence_of_changes_moves_a_statutory_end_forward(start: datetime, moves: list[timedelta]) -> None:
    clock = RetentionTable.load().start("us-2258a", start)
    statutory = clock.ends
    for move in moves:
        try:
            clock = clock.change_end(clock.ends + move, at=start, by="op-1", purpose=WHY)
        except RefusedError:
            continue
        except OverflowError:
            continue
        assert clock.ends >= statutory
    assert not _keeping({1: [clock]}, []).disposal(1, statutory - timedelta(microseconds=1)).allowed


EARLY = "the uploader has shown that it is theirs"


def test_two_people_may_destroy_before_the_end_that_the_house_has_set(cleared: Home) -> None:
    asked = retention.destroy_early(cleared, 1, actor="ada", reason=EARLY)
    assert asked.certificate is None
    assert _opens(cleared, 1)
    with pytest.raises(RefusedError, match="cannot approve"):
        acts.approve(cleared, asked.act_sha256, actor="Ada ")
    acts.approve(cleared, asked.act_sha256, actor="bea")
    other = retention.destroy_early(cleared, 1, actor="ada", reason="some other reason than that")
    assert (other.certificate, other.act_sha256 == asked.act_sha256) == (None, False)
    assert retention.destroy_early(cleared, 1, actor="cyd", reason=EARLY).certificate is None
    done = retention.destroy_early(cleared, 1, actor="ada", reason=EARLY)
    assert done.certificate is not None
    assert "ada and bea agreed" in done.certificate.disposal.reasons.says
    assert not _opens(cleared, 1)
    account = reconcile.reconcile(cleared, originals=True)
    assert account.adds_up, account.discrepancies
    with pytest.raises(StateError, match="already"):
        retention.destroy_early(cleared, 1, actor="ada", reason=EARLY)


def test_no_two_people_end_what_a_statute_a_hold_or_an_open_case_asks_for(
    filed: Home, cage: Cage, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match="us-2258a"):
        retention.destroy_early(filed, 1, actor="ada", reason=EARLY)
    take_in(filed, cage, [put(tmp_path / "other", {"b.jpg": jpeg(2)})], default=upload("u2"))
    with pytest.raises(RefusedError, match="No clock was ever started"):
        retention.destroy_early(filed, 2, actor="ada", reason=EARLY)
    _clear(filed, 2)
    holds.put_on(filed, 2, authority="letter 7", reason=WHY, actor="ada")
    with pytest.raises(RefusedError, match="letter 7"):
        retention.destroy_early(filed, 2, actor="ada", reason=EARLY)


def test_an_early_destruction_needs_a_reason_and_a_clock_that_runs(cleared: Home) -> None:
    with pytest.raises(InputError, match="reason"):
        retention.destroy_early(cleared, 1, actor="ada", reason="because")
    _wait(cleared, MONTH)
    with pytest.raises(StateError, match="is over"):
        retention.destroy_early(cleared, 1, actor="ada", reason=EARLY)


def test_the_same_bytes_that_come_in_again_after_their_destruction_are_a_new_item(
    cleared: Home, cage: Cage, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    assert take_in(cleared, cage, [folder]).known == 1
    _wait(cleared, MONTH)
    first = retention.destroy(cleared, 1, actor="op")
    assert take_in(cleared, cage, [folder]).received == 1
    assert take_in(cleared, cage, [folder]).received == 0, "it is there again, once"
    assert _opens(cleared, 2)
    assert not _opens(cleared, 1)
    with cleared.look() as work:
        old, new = work.session.get_one(Item, 1), work.session.get_one(Item, 2)
        assert new.source == f"{old.source}#again-after-1"
        assert Stored.from_json(new.stored).key_id != Stored.from_json(old.stored).key_id
        assert new.sha256 == old.sha256
    assert retention.destroy(cleared, 1, actor="op") == first, "the certificate stands"
    with pytest.raises(RefusedError):
        retention.destroy(cleared, 2, actor="op")
    account = reconcile.reconcile(cleared, originals=True)
    assert account.adds_up, account.discrepancies
    assert account.came_in == 2
