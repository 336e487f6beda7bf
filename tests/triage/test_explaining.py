"""The tree for people, and the difference of two tables."""

from __future__ import annotations

from firstlight.origin.indicator import Claim
from firstlight.triage import (
    Context,
    ContextFact,
    OriginSignal,
    PriorityTable,
    RankedCase,
    TableDiff,
    diff,
    explain,
    prioritise,
)
from firstlight.values import Level
from triage.cases import indicator, match, verdict
from triage.test_table import changed

TABLE = PriorityTable.load()
PHOTO = TABLE.origin[OriginSignal.PHOTO_DERIVED]
LIVE = Context(facts=(ContextFact.LIVE,))
REPORTED = Context(facts=(ContextFact.USER_REPORT,))


def test_the_tree_shows_each_row_and_what_it_rests_on() -> None:
    priority = prioritise(verdict([indicator(Claim.PHOTO_DERIVED), indicator(Claim.SYNTHETIC)]), LIVE, TABLE)
    assert explain(priority).splitlines() == [
        "Immediate: A child may be in danger now. Order 106 within the level.",
        "├─ Without any sign of origin an item counts as a real child. (at least standard, +10)",
        "├─ It is, or was a moment ago, live. (at least immediate, +80)",
        f"├─ {PHOTO.says} (at least high, +16)",
        "│  └─ A note in the file says photo_derived.",
        "└─ Seen and kept as leads; they move nothing, because an uploader could have put them there.",
        "   └─ A note in the file says synthetic.",
        f"Table {TABLE.version}, sha256 {TABLE.sha256}.",
    ]


def test_a_change_of_the_table_shows_which_cases_would_move() -> None:
    text = changed("facts.user_report", "harm", '100\nlevel = "high"')
    new = PriorityTable.parse(text.encode())
    cases = [RankedCase(1, verdict()), RankedCase(2, verdict(), REPORTED), RankedCase(3, verdict(), LIVE)]
    told = diff(TABLE, new, cases)
    assert [(c.where, c.before, c.after) for c in told.changes] == [
        ("facts.user_report.harm", 50.0, 100.0),
        ("facts.user_report.level", None, "high"),
    ]
    (move,) = told.moves
    assert (move.key, move.level_before, move.level_after) == (2, Level.STANDARD, Level.HIGH)
    assert move.says == "2: standard -> high, order 20 -> 30, place 2 -> 2"
    assert told.says == "2 value(s) differ; of 3 case(s) 1 would move, 1 of them to another level."
    assert TableDiff.from_json(told.to_json()) == told


def test_a_case_that_is_only_overtaken_moves_too() -> None:
    new = PriorityTable.parse(changed("facts.new_upload", "probability", "0.9").encode())
    cases = [
        RankedCase(1, verdict(unreadable=True)),
        RankedCase(2, verdict(), Context(facts=(ContextFact.NEW_UPLOAD,))),
    ]
    assert [move.says for move in diff(TABLE, new, cases).moves] == [
        "2: stays standard, order 28 -> 64, place 2 -> 1",
        "1: stays standard, order 28 -> 28, place 1 -> 2",
    ]


def test_equal_tables_move_nothing() -> None:
    told = diff(TABLE, PriorityTable.load(), [RankedCase(1, verdict())])
    assert (told.changes, told.moves) == ((), ())


def test_the_reasons_are_words_and_explaining_adds_the_numbers() -> None:
    priority = prioritise(verdict([indicator(Claim.PHOTO_DERIVED)]), LIVE, TABLE)
    assert not any(sign in line for line in priority.reasons.lines() for sign in ("+", "at least", "Order"))
    assert explain(priority).count("(at least") == 3


def test_a_match_names_the_list_and_claims_no_more_than_the_match() -> None:
    priority = prioritise(
        verdict(matches=[match(bank="series-7"), match(bank="series-7"), match(bank="older")]), Context(), TABLE
    )
    (row,) = [reason for reason in priority.reasons.because if reason.rule == "origin.known_child"]
    assert row.says == "It matches a list of known material (older, series-7)."
    assert "child" not in row.says


def test_a_case_stands_where_the_soonest_of_its_members_stands() -> None:
    new = PriorityTable.parse(changed("facts.user_report", "harm", '100\nlevel = "high"').encode())
    told = diff(
        TABLE, new, [RankedCase(1, verdict()), RankedCase(1, verdict(), REPORTED), RankedCase(2, verdict(), LIVE)]
    )
    assert told.cases == 2
    (move,) = told.moves
    assert (move.key, move.level_after, move.position_after) == (1, Level.HIGH, 2)
