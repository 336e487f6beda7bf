"""The loader of the priority table: what it accepts, and what no table can say."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path

import pytest

from firstlight.clock import from_text
from firstlight.errors import InputError, StorageError
from firstlight.triage import FACTS, ContextFact, OriginSignal, PriorityTable
from firstlight.triage.table import MAX_TABLE_BYTES
from firstlight.values import Level

SHIPPED = resources.files("firstlight.triage").joinpath("priority.toml").read_text("utf-8")


def changed(section: str, key: str, value: str) -> str:
    """The shipped table with one key of one section set."""
    head, tail = SHIPPED.split(f"[{section}]\n", 1)
    tail, n = re.subn(rf"^{key} = .*$", f"{key} = {value}", tail, count=1, flags=re.MULTILINE)
    assert n == 1
    return f"{head}[{section}]\n{tail}"


def refused(text: str) -> str:
    with pytest.raises(InputError) as e:
        PriorityTable.parse(text.encode(), "priority.toml")
    return str(e.value)


def test_the_shipped_table_has_a_row_with_a_source_for_every_word() -> None:
    table = PriorityTable.load()
    assert set(table.facts) == set(ContextFact)
    assert set(table.origin) == set(OriginSignal)
    assert table.sha256 == hashlib.sha256(SHIPPED.encode()).hexdigest()
    rows = [*table.levels.values(), table.base, *table.facts.values(), *table.origin.values(), table.lowering]
    assert all(row.source for row in [*rows, table.lanes, table.bundling])


def test_a_conflict_weighs_in_the_shipped_table_what_the_camera_signs_alone_weigh() -> None:
    origin = PriorityTable.load().origin
    conflict, camera = origin[OriginSignal.CONFLICT], origin[OriginSignal.CAMERA]
    assert (conflict.level, conflict.expected) == (camera.level, camera.expected)


def test_in_the_shipped_table_what_was_seen_outweighs_what_could_be_staged() -> None:
    facts = PriorityTable.load().facts
    for level in (Level.IMMEDIATE, Level.HIGH):
        seen = [
            row.expected for fact, row in facts.items() if row.level is level and not FACTS[fact].uploader_could_cause
        ]
        staged = [
            row.expected for fact, row in facts.items() if row.level is level and FACTS[fact].uploader_could_cause
        ]
        assert min(seen) > max(staged), level


def test_an_operators_table_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(changed("facts.user_report", "probability", "0.9"), encoding="utf-8")
    table = PriorityTable.load(path)
    assert table.facts[ContextFact.USER_REPORT].probability == 0.9
    assert table.sha256 != PriorityTable.load().sha256


def test_a_deadline_comes_from_the_level() -> None:
    deadline = PriorityTable.load().deadline(Level.HIGH, from_text("2026-03-01T12:00:00Z"))
    assert deadline == from_text("2026-03-02T12:00:00Z")


def test_a_key_nobody_knows_is_refused_with_its_line_and_a_guess() -> None:
    text = SHIPPED.replace('[facts.live]\nlevel = "immediate"', '[facts.live]\nlevle = "immediate"')
    line = text.splitlines().index('levle = "immediate"') + 1
    message = refused(text)
    assert f"line {line}: facts.live.levle: nobody knows this key. Did you mean level?" in message


def test_a_fact_nobody_knows_is_refused() -> None:
    message = refused(SHIPPED.replace("[facts.live]", "[facts.liev]"))
    assert "facts.liev: nobody knows this key. Did you mean live?" in message


def test_a_section_nobody_knows_is_refused() -> None:
    assert "boost: nobody knows this key" in refused(SHIPPED + "\n[boost]\nx = 1\n")


def test_a_missing_row_is_refused() -> None:
    text = re.sub(r"\[facts\.live\]\n(?:[^\[]+\n)", "", SHIPPED)
    assert "[facts] lacks live" in refused(text)


@pytest.mark.parametrize("claim", ["synthetic", "known_synthetic", "edited"])
def test_no_row_may_rest_on_what_an_uploader_could_have_made(claim: str) -> None:
    row = f'\n[origin.{claim}]\nharm = 0\nprobability = 0\nsays = "x"\nsource = "x"\n'
    assert "no row may rest on this claim" in refused(SHIPPED + row)


@pytest.mark.parametrize(
    ("section", "key", "value", "why"),
    [
        ("facts.user_report", "harm", "-1", "a row can only raise"),
        ("facts.user_report", "harm", "nan", "finite number"),
        ("facts.user_report", "probability", "true", "valid number"),
        ("facts.user_report", "probability", "1.01", "less than or equal to 1"),
        ("facts.user_report", "says", '""', "at least 1 character"),
        ("base", "level", '"bulk"', "unknown is real"),
        ("base", "level", '"someday"', "base.level: nobody knows this key"),
        ("origin.unreadable", "level", '"bulk"', "goes to a person"),
        ("origin.camera", "level", '"standard"', "[origin.camera] must raise"),
        ("origin.photo_derived", "probability", "0", "[origin.photo_derived] must raise"),
        ("origin.conflict", "probability", "0.1", "[origin.conflict] must weigh at least as much as [origin.camera]"),
        ("origin.known_child", "harm", "10", "[origin.known_child] must weigh at least"),
        ("lowering", "steps", "2", "lowering.steps"),
        ("lowering", "strength_at_least", "2.9", "lowering.strength_at_least"),
        ("lowering", "forgeable_by_at_least", "1", "lowering.forgeable_by_at_least"),
        ("lowering", "families_at_least", "1", "lowering.families_at_least"),
        ("lowering", "recheck_share", "0.01", "lowering.recheck_share"),
        ("lanes", "oldest_share", "0", "lanes.oldest_share"),
        ("lanes", "audit_share", "0.3", "lanes.audit_share"),
        ("bundling", "threshold", "32", "bundling.threshold"),
        ("levels.bulk", "review_within_hours", "2", "a sooner level must not have the later deadline"),
    ],
)
def test_no_table_can_say_this(section: str, key: str, value: str, why: str) -> None:
    assert why in refused(changed(section, key, value))


def test_all_faults_are_reported_together() -> None:
    text = changed("lanes", "oldest_share", "0").replace("audit_share = 0.03", "audit_share = 1")
    message = refused(text)
    assert "lanes.oldest_share" in message
    assert "lanes.audit_share" in message


@pytest.mark.parametrize("data", [b"\xff\xfe", b"version = ", b"a.b = 1\n[a]\n", b"[" * 5000, b"x = " + b"[" * 100_000])
def test_what_is_no_toml_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="is no TOML"):
        PriorityTable.parse(data)


def test_the_digest_cannot_be_written_into_the_table() -> None:
    assert "taken, not written" in refused(f'sha256 = "{"0" * 64}"\n' + SHIPPED)


def test_the_size_limit_holds_at_its_edge() -> None:
    padding = "#" * (MAX_TABLE_BYTES - len(SHIPPED.encode()))
    assert PriorityTable.parse((SHIPPED + padding).encode()).version == PriorityTable.load().version
    assert "is larger than" in refused(SHIPPED + padding + "#")


def test_a_table_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        PriorityTable.load(tmp_path / "none.toml")
    with pytest.raises(StorageError, match="Is a directory"):
        PriorityTable.load(tmp_path)
