"""A library from outside: banks, entries, matching, reports, in plain and in sealed form."""

from __future__ import annotations

import hashlib
import io
import secrets
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firstlight import logs
from firstlight.banks import Library, NewEntry, Sealer, Standing, Via
from firstlight.clock import FixedClock
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError
from firstlight.index import HammingIndex, hamming
from firstlight.values import BankPurpose, Digests, Pdq, PdqMode


class TestSealer:
    """AES-GCM as the custody room would give it."""

    __test__ = False

    def __init__(self, key: bytes = b"k" * 32) -> None:
        self._key = AESGCM(key)

    def seal(self, data: bytes, context: bytes) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + self._key.encrypt(nonce, data, context)

    def unseal(self, data: bytes, context: bytes) -> bytes:
        try:
            return self._key.decrypt(data[:12], data[12:], context)
        except InvalidTag as e:
            raise IntegrityError("Does not open.") from e


def digests_of(data: bytes) -> Digests:
    return Digests(
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )


def pdq_of(name: str, flipped: int = 0, quality: int = 100) -> Pdq:
    """A made-up hash, with some bits changed."""
    value = int.from_bytes(hashlib.sha256(name.encode()).digest()) ^ ((1 << flipped) - 1)
    return Pdq(hex=f"{value:064x}", quality=quality, mode=PdqMode.EXACT)


@pytest.fixture(params=["plain", "sealed"])
def sealer(request: pytest.FixtureRequest) -> Sealer | None:
    return TestSealer() if request.param == "sealed" else None


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """Stands for the memory-backed folder."""
    folder = tmp_path / "memory"
    folder.mkdir()
    return folder


@pytest.fixture
def library(tmp_path: Path, sealer: Sealer | None, clock: FixedClock, memory: Path) -> Iterator[Library]:
    with Library.create(tmp_path / "library", sealer=sealer, clock=clock, memory=memory) as made:
        yield made


def reopened(tmp_path: Path, sealer: Sealer | None) -> Library:
    clock = FixedClock(datetime(2026, 4, 1, tzinfo=UTC), timedelta(seconds=1))
    return Library.open(tmp_path / "library", sealer=sealer, clock=clock, memory=tmp_path / "memory")


def carrot(**more: object) -> NewEntry:
    fields: dict[str, object] = {"key": "carrot", "md5": digests_of(b"carrot").md5, "pdq": pdq_of("carrot").hex}
    return NewEntry(**(fields | more))  # type: ignore[arg-type]


def test_a_bank_of_one_matches_before_and_after_reopening(
    library: Library, tmp_path: Path, sealer: Sealer | None
) -> None:
    library.create_bank("roots", BankPurpose.KNOWN, owner="the greengrocer")
    report = library.add("roots", [carrot(categories=("orange",), note="long")])
    assert (report.came, report.added, report.skipped) == (1, 1, 0)
    for opened in (library, reopened(tmp_path, sealer)):
        (match,) = opened.match(pdq=pdq_of("carrot", flipped=31))
        assert (match.bank, match.entry, match.via, match.exact) == ("roots", "carrot", Via.PDQ, False)
        assert (match.distance, match.threshold, match.categories, match.note) == (31, 31, ("orange",), "long")
        assert opened.match(pdq=pdq_of("carrot", flipped=32)) == ()
        (exact,) = opened.match(digests_of(b"carrot"), pdq_of("carrot"))
        assert (exact.via, exact.exact, exact.distance) == (Via.MD5, True, 0)
        assert opened.match(digests_of(b"potato"), pdq_of("potato")) == ()
        assert opened.bank("roots").entries == 1


def test_the_same_hash_under_two_keys_is_reported_twice(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot(key="a"), carrot(key="b")])
    assert [m.entry for m in library.match(pdq=pdq_of("carrot"))] == ["a", "b"]
    assert [m.entry for m in library.match(digests_of(b"carrot"))] == ["a", "b"]


def test_an_empty_bank_and_an_empty_library_match_nothing(library: Library) -> None:
    assert library.match(digests_of(b"carrot"), pdq_of("carrot")) == ()
    library.create_bank("roots", BankPurpose.KNOWN)
    assert library.match(digests_of(b"carrot"), pdq_of("carrot")) == ()
    assert library.bank("roots").entries == 0
    assert list(library.entries("roots")) == []


def test_adding_twice_adds_nothing(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot()])
    revision = library.bank("roots").revision
    report = library.add("roots", [carrot()])
    assert (report.added, report.unchanged) == (0, 1)
    assert report.revision_before == report.revision == library.bank("roots").revision == revision


def test_an_update_takes_the_old_hashes_out(library: Library, tmp_path: Path, sealer: Sealer | None) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot()])
    report = library.add("roots", [carrot(md5=digests_of(b"beet").md5, pdq=pdq_of("beet").hex)])
    assert (report.added, report.updated) == (0, 1)
    for opened in (library, reopened(tmp_path, sealer)):
        assert opened.match(digests_of(b"carrot"), pdq_of("carrot")) == ()
        assert [m.via for m in opened.match(pdq=pdq_of("beet"))] == [Via.PDQ]
        assert [m.via for m in opened.match(digests_of(b"beet"))] == [Via.MD5]
        assert opened.bank("roots").entries == 1


def test_disabled_banks_never_match_and_come_back(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot()])
    report = library.disable("roots", "the list is being checked")
    assert (report.act, report.bank.enabled, report.bank.reason) == ("disabled", False, "the list is being checked")
    assert report.bank.revision == report.revision_before + 1
    assert library.match(digests_of(b"carrot"), pdq_of("carrot")) == ()
    library.enable("roots", "checked")
    assert len(library.match(digests_of(b"carrot"), pdq_of("carrot"))) == 1
    with pytest.raises(InputError, match="reason is needed"):
        library.disable("roots", " ")


def test_thresholds_and_qualities_are_those_of_each_bank(library: Library) -> None:
    library.create_bank("narrow", BankPurpose.KNOWN, threshold=10, min_quality=80)
    library.create_bank("wide", BankPurpose.NCII, threshold=40, min_quality=20)
    for name in ("narrow", "wide"):
        library.add(name, [carrot()])
    assert [m.bank for m in library.match(pdq=pdq_of("carrot", 10, quality=80))] == ["narrow", "wide"]
    assert [m.bank for m in library.match(pdq=pdq_of("carrot", 11, quality=80))] == ["wide"]
    assert [m.bank for m in library.match(pdq=pdq_of("carrot", 10, quality=79))] == ["wide"]
    assert library.match(pdq=pdq_of("carrot", 0, quality=19)) == ()
    assert [m.bank for m in library.match(digests_of(b"carrot"), pdq_of("carrot", 0, quality=1))] == ["narrow", "wide"]
    library.change_bank("narrow", threshold=11, min_quality=0, reason="wider")
    assert [m.bank for m in library.match(pdq=pdq_of("carrot", 11, quality=20))] == ["narrow", "wide"]
    assert [m.bank for m in library.match(pdq=pdq_of("carrot", 11), banks=["wide"])] == ["wide"]


def test_entries_of_too_low_quality_do_not_match_by_pdq(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot(quality=49)])
    assert library.match(pdq=pdq_of("carrot")) == ()
    assert len(library.match(digests_of(b"carrot"))) == 1


def test_allow_banks_veto_pdq_matches_only_and_are_never_answered(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.create_bank("fine", BankPurpose.ALLOW)
    library.add("roots", [carrot()])
    library.add("fine", [carrot()])
    (near,) = library.match(pdq=pdq_of("carrot", 3), banks=["roots"])
    assert (near.vetoed_by, near.counts) == ("fine", False)
    (exact,) = library.match(digests_of(b"carrot"), pdq_of("carrot"))
    assert (exact.via, exact.vetoed_by, exact.counts) == (Via.MD5, None, True)
    library.disable("fine", "in doubt")
    assert library.match(pdq=pdq_of("carrot"))[0].counts


def test_a_colliding_md5_is_not_called_an_exact_copy(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot(sha256=digests_of(b"carrot").sha256)])
    forged = digests_of(b"potato").model_copy(update={"md5": digests_of(b"carrot").md5})
    (match,) = library.match(forged)
    assert (match.via, match.exact) == (Via.MD5, False)
    assert library.match(digests_of(b"carrot"))[0].exact


def test_other_orientations_match_and_are_named(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot()])
    (match,) = library.match(pdq=pdq_of("upright"), any_orientation={"mirrored": pdq_of("carrot", 2)})
    assert (match.entry, match.distance, match.orientation) == ("carrot", 2, "mirrored")


def test_junk_is_skipped_counted_and_named_without_its_hash(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    junk = [
        NewEntry(md5="xyz"),
        NewEntry(md5="g" * 32),
        NewEntry(pdq="0" * 64),
        NewEntry(md5=digests_of(b"").md5),
        NewEntry(),
        carrot(pdq="ab" * 16),
        carrot(key="turnip", md5="  " + digests_of(b"turnip").md5.upper() + " "),
        carrot(key="k" * 201),
    ]
    report = library.add("roots", junk)
    assert (report.came, report.added, report.flawed, report.skipped) == (8, 2, 1, 6)
    assert [s.line for s in report.first_skips] == [1, 2, 3, 4, 5, 6, 8]
    assert sum(report.skipped_why.values()) == 7
    assert report.first_skips[1].shown == "gggggg…"
    assert digests_of(b"").md5 not in report.model_dump_json()
    assert library.match(digests_of(b"turnip"))[0].entry == "turnip"
    entry = library.entry("roots", "turnip")
    assert entry.original["md5"].strip().isupper()
    assert entry.md5 == digests_of(b"turnip").md5
    assert library.entry("roots", "carrot").original["pdq"] == "ab" * 16


def test_keys_never_show_a_hash(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    md5 = digests_of(b"carrot").md5
    library.add("roots", [NewEntry(md5=md5), NewEntry(key=f"list:{md5.upper()}", md5=md5, note="again")])
    (entry,) = library.entries("roots")
    assert entry.key.startswith("md5-")
    assert md5 not in entry.key
    assert md5 not in repr(entry)
    assert md5 not in repr(NewEntry(md5=md5))
    assert entry.masked() == {"md5": md5[:6] + "…"}


def test_withdrawn_entries_come_back_with_their_list_denied_ones_do_not(
    library: Library, tmp_path: Path, sealer: Sealer | None
) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot(), carrot(key="beet", md5=digests_of(b"beet").md5, pdq=pdq_of("beet").hex)])
    report = library.withdraw("roots", ["carrot", "nothing"], "taken back")
    assert (report.keys, report.unknown, report.standing) == (("carrot",), ("nothing",), Standing.WITHDRAWN)
    assert library.deny("roots", ["beet"], "a poster").keys == ("beet",)
    for opened in (library, reopened(tmp_path, sealer)):
        assert opened.match(digests_of(b"carrot"), pdq_of("carrot")) == ()
        assert opened.match(digests_of(b"beet"), pdq_of("beet")) == ()
        assert opened.bank("roots").entries == 0
        assert opened.entry("roots", "beet").reason == "a poster"
    library.add("roots", [carrot(), carrot(key="beet", md5=digests_of(b"beet").md5, pdq=pdq_of("beet").hex, note="!")])
    assert [m.entry for m in library.match(digests_of(b"carrot"), pdq_of("carrot"))] == ["carrot"]
    assert library.match(digests_of(b"beet"), pdq_of("beet")) == ()
    assert library.withdraw("roots", ["beet"], "by the list").unchanged == ("beet",)
    library.restore("roots", ["beet"], "looked at again")
    assert [m.entry for m in library.match(pdq=pdq_of("beet"))] == ["beet"]


def test_confirmed_entries_go_on_matching_and_stay_confirmed(library: Library) -> None:
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot()])
    assert library.confirm("roots", ["carrot"], "seen by two people").keys == ("carrot",)
    library.add("roots", [carrot(note="new")])
    assert library.entry("roots", "carrot").standing is Standing.CONFIRMED
    assert len(library.match(digests_of(b"carrot"), pdq_of("carrot"))) == 1
    assert library.bank("roots").entries == 1
    library.withdraw("roots", ["carrot"], "taken back by the owner")
    assert library.match(digests_of(b"carrot"), pdq_of("carrot")) == ()
    assert library.bank("roots").entries == 0


def test_two_open_libraries_see_each_other_at_once(library: Library, tmp_path: Path, sealer: Sealer | None) -> None:
    other = reopened(tmp_path, sealer)
    library.create_bank("roots", BankPurpose.KNOWN)
    assert [b.name for b in other.banks()] == ["roots"]
    library.add("roots", [carrot()])
    assert len(other.match(pdq=pdq_of("carrot"))) == 1
    other.add("roots", [carrot(key="beet", md5=digests_of(b"beet").md5, pdq=None)])
    assert len(library.match(digests_of(b"beet"))) == 1
    other.disable("roots", "for a look")
    assert library.match(digests_of(b"beet")) == ()
    other.delete("roots", "no longer licensed")
    assert library.banks() == ()
    with pytest.raises(NotFoundError, match="no bank 'roots'"):
        library.add("roots", [carrot()])
    library.create_bank("roots", BankPurpose.KNOWN)
    assert other.match(digests_of(b"beet")) == ()
    other.close()


def test_names_and_numbers_are_checked(library: Library) -> None:
    with pytest.raises(InputError, match="name of a bank"):
        library.create_bank("../evil", BankPurpose.KNOWN)
    with pytest.raises(InputError, match="threshold of 65"):
        library.create_bank("roots", BankPurpose.KNOWN, threshold=65)
    library.create_bank("roots", BankPurpose.KNOWN)
    with pytest.raises(StateError, match="already"):
        library.create_bank("roots", BankPurpose.KNOWN)
    with pytest.raises(NotFoundError, match="no bank"):
        library.match(banks=["other"])
    with pytest.raises(NotFoundError, match="no entry"):
        library.entry("roots", "carrot")


def test_a_sealed_library_shows_nothing_on_disk_and_opens_with_its_key_alone(tmp_path: Path, clock: FixedClock) -> None:
    (tmp_path / "memory").mkdir()
    with Library.create(tmp_path / "library", sealer=TestSealer(), clock=clock, memory=tmp_path / "memory") as library:
        library.create_bank("roots", BankPurpose.KNOWN)
        library.add("roots", [carrot(note="a secret note")])
        library.match(pdq=pdq_of("carrot"))
    for path in (tmp_path / "library").rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o777 == 0o600
            content = path.read_bytes()
            for secret in (digests_of(b"carrot").md5, pdq_of("carrot").hex, "a secret note"):
                assert secret.encode() not in content
            assert pdq_of("carrot").to_bytes() not in content
    with pytest.raises(StateError, match="is sealed"):
        reopened(tmp_path, None)
    with pytest.raises(IntegrityError, match="does not open with the key"):
        reopened(tmp_path, TestSealer(b"x" * 32))


def test_a_plain_library_is_for_its_user_alone(tmp_path: Path, clock: FixedClock) -> None:
    with Library.create(tmp_path / "library", sealer=None, clock=clock) as library:
        library.create_bank("roots", BankPurpose.KNOWN)
        library.add("roots", [carrot()])
    for path in [tmp_path / "library", *(tmp_path / "library").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(StateError, match="not sealed"):
        reopened(tmp_path, TestSealer())
    with pytest.raises(StateError, match="already"):
        Library.create(tmp_path / "library", sealer=None, clock=clock)
    with pytest.raises(NotFoundError, match="No library"):
        Library.open(tmp_path, sealer=None, clock=clock)


def test_many_entries_are_folded_into_tables_and_still_found(
    library: Library, tmp_path: Path, sealer: Sealer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 50)
    monkeypatch.setattr("firstlight.banks.store.MERGED_RUNS", 3)
    monkeypatch.setattr("firstlight.banks.store.ENTRIES_PER_FRAME", 7)
    monkeypatch.setattr("firstlight.banks.adding.BATCH", 20)
    library.create_bank("roots", BankPurpose.KNOWN)
    other = reopened(tmp_path, sealer)
    names = [f"vegetable-{i}" for i in range(400)]
    entries = [NewEntry(key=n, md5=digests_of(n.encode()).md5, pdq=pdq_of(n).hex) for n in names]
    assert library.add("roots", entries).added == 400
    assert library.add("roots", entries).unchanged == 400
    library.add("roots", [NewEntry(key=names[3], md5=digests_of(b"leek").md5)])
    third = reopened(tmp_path, sealer)
    for opened in (library, other, third):
        opened.verify()
        assert opened.bank("roots").entries == 400
        for name in names[::13]:
            assert [m.entry for m in opened.match(digests_of(name.encode()))] == [name]
            assert [m.entry for m in opened.match(pdq=pdq_of(name, 20))] == [name]
        assert opened.match(digests_of(names[3].encode()), pdq_of(names[3])) == ()
        assert [m.entry for m in opened.match(digests_of(b"leek"))] == [names[3]]
        assert sorted(e.key for e in opened.entries("roots")) == sorted(names)
    other.close()
    third.close()


def test_locking_up_leaves_nothing_in_memory(tmp_path: Path, clock: FixedClock, memory: Path) -> None:
    with Library.create(tmp_path / "library", sealer=TestSealer(), clock=clock, memory=memory) as library:
        library.create_bank("roots", BankPurpose.KNOWN)
        library.add("roots", [carrot()])
        assert list(memory.rglob("CURRENT"))
        library.lock_up()
        assert list(memory.iterdir()) == []
    with reopened(tmp_path, TestSealer()) as library:
        assert len(library.match(pdq=pdq_of("carrot"))) == 1


def test_readers_never_miss_what_was_acknowledged_while_others_add(
    library: Library, tmp_path: Path, sealer: Sealer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 20)
    monkeypatch.setattr("firstlight.banks.store.MERGED_RUNS", 2)
    monkeypatch.setattr("firstlight.banks.store.ENTRIES_PER_FRAME", 5)
    library.create_bank("roots", BankPurpose.KNOWN)
    names = [f"vegetable-{i}" for i in range(300)]
    added = 0
    misses: list[str] = []
    stop = threading.Event()
    other = reopened(tmp_path, sealer)

    def read(reader: Library, step: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += step
            if added:
                name = names[turn % added]
                found = reader.match(digests_of(name.encode()), pdq_of(name))
                if [m.entry for m in found] != [name] or not found[0].exact:
                    misses.append(name)
                if [m.entry for m in reader.match(pdq=pdq_of(name, 5))] != [name]:
                    misses.append(name)

    readers = [threading.Thread(target=read, args=(one, step)) for one in (library, other) for step in (7, 11)]
    for reader in readers:
        reader.start()
    for at in range(0, 300, 15):
        part = names[at : at + 15]
        library.add("roots", [NewEntry(key=n, md5=digests_of(n.encode()).md5, pdq=pdq_of(n).hex) for n in part])
        added = at + 15
    stop.set()
    for reader in readers:
        reader.join()
    other.close()
    assert misses == []


def test_a_sealed_index_is_opened_from_its_copy_after_a_restart(
    tmp_path: Path, clock: FixedClock, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 2)
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 8)
    monkeypatch.setattr("firstlight.banks.sealed_index.BLOCK", 100_000)
    names = [f"vegetable-{i}" for i in range(30)]
    entries = [NewEntry(key=n, pdq=pdq_of(n).hex) for n in names]
    path = tmp_path / "list.csv"
    path.write_text("key,pdq\n" + "".join(f"{e.key},{e.pdq}\n" for e in entries[:20]))
    with Library.create(tmp_path / "library", sealer=TestSealer(), clock=clock, memory=memory) as library:
        library.create_bank("roots", BankPurpose.KNOWN)
        library.import_list("roots", path)
        library.add("roots", entries[20:])
        library.withdraw("roots", names[:1], "taken back")
    copy = tmp_path / "library" / "banks" / "roots" / "pdq.sealed"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert pdq_of(names[3]).to_bytes() not in copy.read_bytes()

    def restarted() -> Library:
        for folder in memory.iterdir():
            shutil.rmtree(folder)
        return reopened(tmp_path, TestSealer())

    with restarted() as library:
        built: list[object] = []
        monkeypatch.setattr(HammingIndex, "create", lambda *a, **k: built.append(a))
        for name in names[1:]:
            assert [m.entry for m in library.match(pdq=pdq_of(name, 9))] == [name]
        assert library.match(pdq=pdq_of(names[0])) == ()
        assert built == []
    monkeypatch.undo()
    whole = copy.read_bytes()
    for damaged in (whole[:-40], b"x" + whole):
        copy.write_bytes(damaged)
        with restarted() as library:
            assert [m.entry for m in library.match(pdq=pdq_of(names[3]))] == [names[3]]
            assert not copy.exists() or copy.read_bytes() != damaged


def test_an_index_of_another_version_is_built_again(
    library: Library,
    tmp_path: Path,
    sealer: Sealer | None,
    clock: FixedClock,
    memory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hamming, "MIN_BASE_ROWS", 2)
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 8)
    names = [f"vegetable-{i}" for i in range(30)]
    path = tmp_path / "list.csv"
    path.write_text("key,pdq\n" + "".join(f"{n},{pdq_of(n).hex}\n" for n in names))
    with monkeypatch.context() as older:
        older.setattr("firstlight.index.basefile.VERSION", 1)
        library.create_bank("roots", BankPurpose.KNOWN)
        library.import_list("roots", path)
        library.withdraw("roots", names[:1], "taken back")
        library.close()  # a sealed bank leaves a copy of that version, and its index in memory
    lines = io.StringIO()
    logs.configure(to=lines, style=logs.Style.JSON)
    try:
        barrier = threading.Barrier(2)

        def found() -> list[str]:
            other = reopened(tmp_path, sealer)
            barrier.wait()
            with other:
                return [m.entry for n in names for m in other.match(pdq=pdq_of(n, 9))]

        with ThreadPoolExecutor(2) as both:
            answers = [each.result() for each in [both.submit(found) for _ in range(2)]]
    finally:
        logs.close()
    assert answers == [names[1:], names[1:]]
    assert '"index.rebuilt"' in lines.getvalue()
    assert '"roots"' in lines.getvalue()


def test_index_and_tables_are_built_again_from_the_log(
    library: Library, tmp_path: Path, sealer: Sealer | None, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.banks.store.RUN_ENTRIES", 2)
    library.create_bank("roots", BankPurpose.KNOWN)
    library.add("roots", [carrot(), carrot(key="beet", pdq=pdq_of("beet").hex)])
    library.withdraw("roots", ["beet"], "taken back")
    library.close()
    for index in ((tmp_path / "library" / "banks" / "roots").glob("pdq"), memory.glob("firstlight-*")):
        for folder in index:
            shutil.rmtree(folder)
    for run in (tmp_path / "library" / "banks" / "roots").glob("run-*"):
        run.unlink()
    with reopened(tmp_path, sealer) as opened:
        assert [m.entry for m in opened.match(pdq=pdq_of("carrot"))] == ["carrot"]
        assert opened.match(pdq=pdq_of("beet")) == ()
