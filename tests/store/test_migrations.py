"""Tables of an earlier version are brought to this one with everything in them; on both kinds of database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from firstlight import clock
from firstlight.store import database
from firstlight.store.database import HEAD
from firstlight.store.tables import Case, LogLeaf, Setting, Table
from store.conftest import Again


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    return config


def test_tables_of_the_first_version_keep_their_rows_and_get_what_is_new(
    again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "HEAD", "0001")
    with again().write() as session:
        session.add(Setting(name="a", value="b"))
        assert not inspect(session.connection()).has_table("holds")
    monkeypatch.undo()
    with again().read() as session:
        assert session.get_one(Setting, "a").value == "b"
        context = MigrationContext.configure(session.connection(), opts={"compare_type": False})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, Table.metadata) == []


def test_each_step_can_be_taken_back_and_again(again: Again) -> None:
    with again().write() as session:
        config = _config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "base")
        assert set(inspect(session.connection()).get_table_names()) == {"alembic_version"}
        command.upgrade(config, "head")
        assert set(inspect(session.connection()).get_table_names()) == {"alembic_version", *Table.metadata.tables}


def test_the_steps_are_one_line_and_the_last_is_the_head() -> None:
    script = ScriptDirectory.from_config(_config())
    assert script.get_heads() == [HEAD]


_CASE = """
insert into cases (id, bundle, state, level_rank, place_order, opened_at, deadline, owner, says)
values (1, 1, 'open', 0, 40.5, :at, :at, 'queue', 'Why. 2 copies in one case.')"""
_ITEM = """
insert into items (id, case_id, state, owner, deadline, received_at, source, upload, sha256, md5, sha1, size,
media_type, stored, priority)
values (1, 1, 'held', 'queue', :at, :at, 's', '{}', 'a', 'b', 'c', 1, 'image/png', '{}', :priority)"""
_LEAVES = "insert into log_leaves (seq, leaf) values (0, :shown), (1, :other)"


def _told() -> str:
    asked = [("base", "standard", 28), ("facts.live", "immediate", 5), ("facts.threat", "immediate", 7.5)]
    rows = [{"rule": rule, "facts": {"level": level, "expected_harm": harm}} for rule, level, harm in asked]
    return json.dumps({"level": "immediate", "order": 40.5, "reasons": {"because": rows}})


def test_what_stood_in_the_queue_gets_its_cause_and_viewings_their_mark(
    again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "HEAD", "0012")
    leaves = {"shown": b'{"seq":0,"type":"reveal"}', "other": json.dumps({"software": '"type":"reveal"'}).encode()}
    with again().write() as session:
        at = clock.to_text(datetime(2026, 3, 1, tzinfo=UTC))
        session.execute(text(_CASE), {"at": at})
        session.execute(text(_ITEM), {"at": at, "priority": _told()})
        session.execute(text(_LEAVES), leaves)
    monkeypatch.undo()
    with again().read() as session:
        case = session.get_one(Case, 1)
        assert (case.cause, case.why, case.reported) == ("facts.threat", "", False)
        assert case.says == "Why. 2 copies in one case."
        assert [leaf.viewing for leaf in session.scalars(select(LogLeaf).order_by(LogLeaf.seq))] == [True, False]


@pytest.mark.parametrize("again", ["postgresql"], indirect=True)
def test_columns_hold_as_much_and_sort_alike_in_both(again: Again) -> None:
    """Migrations that write `sa.Integer()` make 32 bits, and `sa.Text()` sorts by the server's language."""
    columns = text(
        "select table_name, column_name, data_type, collation_name from information_schema.columns"
        " where table_schema = current_schema() and table_name <> 'alembic_version'"
    )
    with again().read() as session:
        wrong = [
            f"{table}.{name}: {kind} {collation or ''}; use the types of firstlight.store.columns"
            for table, name, kind, collation in session.execute(columns)
            if kind in ("integer", "smallint", "real") or (kind in ("text", "character varying") and collation != "C")
        ]
    assert wrong == []
