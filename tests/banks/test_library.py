"""A library from outside: banks, entries, matching, reports, in plain and in sealed form."""

from __future__ import annotations

from pathlib import Path

import pytest

from banks.samples import carrot, digests_of, pdq_of, reopened
from firstlight.banks import Library, NewEntry, Sealer, Standing, Via
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.values import BankPurpose


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
