"""A home of an earlier version is brought to this one with everything in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from firstlight.store import Database, database
from firstlight.store.database import HEAD
from firstlight.store.tables import Setting, Table


def test_a_home_of_the_first_version_keeps_its_rows_and_gets_the_new_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "firstlight.sqlite3"
    monkeypatch.setattr(database, "HEAD", "0001")
    old = Database.at(path)
    with old.write() as session:
        session.add(Setting(name="a", value="b"))
        assert not inspect(session.connection()).has_table("holds")
    old.close()
    monkeypatch.undo()
    with Database.at(path).read() as session:
        assert session.get_one(Setting, "a").value == "b"
        context = MigrationContext.configure(session.connection(), opts={"compare_type": False})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, Table.metadata) == []


def test_each_step_can_be_taken_back(tmp_path: Path) -> None:
    new = Database.at(tmp_path / "firstlight.sqlite3")
    with new.write() as session:
        config = Config()
        config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0001")
        tables = set(inspect(session.connection()).get_table_names())
        assert not tables & {"retention_clocks", "holds", "acts", "destructions", "assignments", "passes", "lowerings"}
        command.downgrade(config, "base")
        assert set(inspect(session.connection()).get_table_names()) == {"alembic_version"}
