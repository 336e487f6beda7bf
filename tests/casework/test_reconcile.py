"""The account adds up by an independent count, and every planted discrepancy is found."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from casework.making import AT_ONCE, NOW, case_of, jpeg, new_home, next_items, png, put, report_it, take_in, upload
from firstlight.casework import banking, filing, intake, reconcile, review
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Finding
from firstlight.clock import FixedClock
from firstlight.custody import Stored
from firstlight.cybertip import DEMO_CREDENTIALS, Client, Simulator
from firstlight.media import Cage
from firstlight.store.tables import Item
from firstlight.values import BankPurpose


@pytest.fixture(scope="module")
def built(cage: Cage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with items held, decided and filed, and one that is not examined; each test gets a copy."""
    folder = tmp_path_factory.mktemp("built")
    files = {
        "filed.jpg": jpeg(1),
        "decided.jpg": jpeg(2),
        "held.jpg": jpeg(3),
        "held.png": png(3),
        "held.txt": b"words",
    }
    with new_home(folder / "home") as home:
        banking.create_bank(home, "series", BankPurpose.KNOWN)
        take_in(home, cage, [put(folder / "in", files)], default=upload("u1"))
        case = case_of(home, "filed.jpg")
        report_it(home, case)
        with Simulator.of(home.clock) as service, Client(service.destination, DEMO_CREDENTIALS) as client:
            filing.file_case(home, case, client, retries=AT_ONCE)
        why = Conclusion(finding=Finding.NOT_REPORTABLE, why="A turnip.")
        other = case_of(home, "decided.jpg")
        review.decide(home, other, why, actor="rev-1", items=next_items(home, other))
        intake.receive(home, intake.arrivals([put(folder / "more", {"new": b"1"})], {}))
    return folder / "home"


@pytest.fixture
def full(built: Path, tmp_path: Path) -> Iterator[Home]:
    """A copy of that home, open."""
    shutil.copytree(built, tmp_path / "copy")
    with Home.open(tmp_path / "copy", clock=FixedClock(NOW + timedelta(minutes=1))) as home:
        yield home


def test_it_adds_up_by_an_independent_count(full: Home) -> None:
    account = reconcile.reconcile(full, originals=True)
    assert account.adds_up, account.discrepancies
    with full.look() as work:
        counted = Counter(work.session.scalars(select(Item.state)))
        leaves = len(work.log)
    assert counted == {"held": 4, "decided": 1, "filed": 1}
    assert account.came_in == account.held + account.decided + account.filed == counted.total()
    assert (account.held, account.decided, account.filed) == (4, 1, 1)
    assert (account.unexamined, account.leftovers, account.log_entries) == (1, 0, leaves)
    assert reconcile.Reconciliation.from_json(account.to_json()) == account


def test_an_empty_home_adds_up(home: Home) -> None:
    account = reconcile.reconcile(home, originals=True)
    assert account.adds_up
    assert account.came_in == account.log_entries == 0


def test_what_is_overdue_is_counted(full: Home) -> None:
    assert reconcile.reconcile(full).overdue == 0
    assert isinstance(full.clock, FixedClock)
    full.clock.advance(timedelta(days=400))
    account = reconcile.reconcile(full)
    assert account.overdue == 4
    assert account.adds_up


def _sql(statement: str) -> Callable[[Home], None]:
    def act(home: Home) -> None:
        with home.database.write() as session:
            done = session.connection().exec_driver_sql(statement)
            assert done.rowcount >= 1

    return act


def _stored(home: Home, number: int) -> Path:
    with home.look() as work:
        stored = Stored.from_json(work.session.get_one(Item, number).stored)
    return home.folder / "vault" / "objects" / stored.key_id / stored.id


def _remove_original(home: Home) -> None:
    _stored(home, 1).unlink()


def _change_original(home: Home) -> None:
    path = _stored(home, 1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def _exchange_originals(home: Home) -> None:
    one, two = _stored(home, 1), _stored(home, 2)
    one.chmod(0o600)
    one.write_bytes(two.read_bytes())


def _remove_bank(home: Home) -> None:
    shutil.rmtree(home.folder / "banks" / "banks" / "series")


PLANTED = {
    "an item's row deleted": (_sql("delete from items where id = 6"), "items"),
    "an item's digest changed": (_sql(f"update items set sha256 = '{'0' * 64}' where id = 3"), "items"),
    "an item's source changed": (_sql("update items set source = 'file:///x' where id = 3"), "items"),
    "held made decided": (_sql("update items set state = 'decided' where state = 'held'"), "items"),
    "held made filed": (_sql("update items set state = 'filed' where id = 3"), "items"),
    "decided made held": (_sql("update items set state = 'held' where state = 'decided'"), "items"),
    "filed made decided": (_sql("update items set state = 'decided' where state = 'filed'"), "items"),
    "filed made held": (_sql("update items set state = 'held' where state = 'filed'"), "items"),
    "a decision deleted": (_sql("delete from decisions where id = 2"), "items"),
    "a decision changed": (_sql("update decisions set document = replace(document, 'turnip', 'carrot')"), "items"),
    "a receipt removed": (_sql("update filings set receipt = null"), "items"),
    "a priority changed": (
        _sql("update items set priority = replace(priority, '\"order\":', '\"order\":1') where id = 3"),
        "items",
    ),
    "a case moved down": (_sql("update cases set level_rank = 3 where state = 'open'"), "cases"),
    "a case moved up": (_sql("update cases set place_order = 999 where state = 'open'"), "cases"),
    "a case closed": (_sql("update cases set state = 'decided' where state = 'open'"), "items"),
    "a case opened": (_sql("update cases set state = 'open' where state = 'filed'"), "cases"),
    "an item without an owner": (_sql("update items set owner = '' where id = 3"), "items"),
    "a leaf changed": (
        _sql(
            "update log_leaves set leaf = cast(replace(cast(leaf as text), 'ingest', 'digest') as blob) where seq = 1"
        ),
        "custody log",
    ),
    "a leaf deleted": (_sql("delete from log_leaves where seq = 2"), "custody log"),
    "an event exchanged": (
        _sql("update log_leaves set sealed = (select sealed from log_leaves where seq = 2) where seq = 1"),
        "custody log",
    ),
    "a stored hash changed": (_sql("update log_hashes set hash = zeroblob(32) where place = 3"), "custody log"),
    "the end of the log cut off": (_sql("delete from log_leaves where seq >= 20"), "custody log"),
    "an original removed": (_remove_original, "vault"),
    "an original changed": (_change_original, "vault"),
    "an original exchanged": (_exchange_originals, "vault"),
    "a bank removed": (_remove_bank, "banks"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_every_planted_discrepancy_is_found(full: Home, name: str) -> None:
    act, about = PLANTED[name]
    act(full)
    with Home.open(full.folder, clock=full.clock) as home:
        account = reconcile.reconcile(home, originals=True)
    assert not account.adds_up
    assert about in {one.about for one in account.discrepancies}, account.discrepancies
    assert all(one.says and one.hint for one in account.discrepancies)
