"""The next case in fewer looks: by rank in one direction, viewings by themselves, a case's words in their parts.

Revision: 0013
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0013"
down_revision = "0012"

_RANK: list[str | sa.TextClause] = [sa.text("place_order DESC"), "opened_at", "id"]
_BY_PLACE = ["state", "severity", "level_rank", *_RANK]
_BY_CAUSE = ["state", "level_rank", "cause", "severity", *_RANK]
_VIEWINGS = sa.text("viewing = 1")
_MARK = b'"type":"reveal"'  # exact: inside a text of the leaf the quotes would be escaped
_ROWS = 500  # cases read at a time


def upgrade() -> None:
    """Add them. The words of a case are put together anew when it is placed again; until then they stay as they are."""
    op.add_column("cases", sa.Column("why", columns.TEXT, server_default="", nullable=False))
    op.add_column("cases", sa.Column("reported", columns.NUMBER, server_default="0", nullable=False))
    op.drop_index("cases_by_place", table_name="cases")
    op.create_index("cases_by_place", "cases", _BY_PLACE, unique=False)
    op.create_index("cases_by_cause_and_place", "cases", _BY_CAUSE, unique=False)
    op.drop_index("items_by_case", table_name="items")
    op.create_index("items_by_case", "items", ["case_id", "state", "media_type"], unique=False)
    op.add_column("log_leaves", sa.Column("viewing", columns.NUMBER, server_default="0", nullable=False))
    find = sa.func.instr if op.get_bind().dialect.name == "sqlite" else sa.func.pg_catalog.position
    leaves = sa.table("log_leaves", sa.column("leaf", sa.LargeBinary()), sa.column("viewing"))
    op.execute(sa.update(leaves).where(find(leaves.c.leaf, sa.literal(_MARK, sa.LargeBinary())) > 0).values(viewing=1))
    op.create_index(
        "log_leaves_viewings", "log_leaves", ["seq"], unique=False, sqlite_where=_VIEWINGS, postgresql_where=_VIEWINGS
    )
    _name_causes()


def downgrade() -> None:
    """Drop them."""
    op.drop_index("log_leaves_viewings", table_name="log_leaves")
    op.drop_column("log_leaves", "viewing")
    op.drop_index("items_by_case", table_name="items")
    op.create_index("items_by_case", "items", ["case_id"], unique=False)
    op.drop_index("cases_by_cause_and_place", table_name="cases")
    op.drop_index("cases_by_place", table_name="cases")
    by_place = ["state", "severity", "level_rank", "place_order", "opened_at", "id"]
    op.create_index("cases_by_place", "cases", by_place, unique=False)
    op.drop_column("cases", "reported")
    op.drop_column("cases", "why")


def _name_causes() -> None:
    """Of what was placed before there were causes, from the reasons that its priority tells."""
    connection = op.get_bind()
    wanted = sa.text(
        "select id, level_rank, place_order from cases"
        " where state = 'open' and cause = '' and id > :last order by id limit :rows"
    )
    held = sa.text("select priority from items where case_id = :case and state = 'held' and priority is not null")
    put = sa.text("update cases set cause = :cause where id = :case")
    last = 0
    while rows := connection.execute(wanted, {"last": last, "rows": _ROWS}).all():
        for number, rank, order in rows:
            for (text,) in connection.execute(held, {"case": number}):
                told = json.loads(text)
                if _LEVELS.index(told["level"]) == rank and told["order"] == order:
                    connection.execute(put, {"case": number, "cause": _cause(told)})
                    break
        last = rows[-1][0]


_LEVELS = ("immediate", "high", "standard", "bulk")


def _cause(told: dict[str, Any]) -> str:
    """As the ranking says it from now on; the rule stands here as it is, so that this step stays what it is."""
    if told.get("lowered_by"):
        return ""
    asked = [
        (_LEVELS.index(row["facts"]["level"]), -row["facts"]["expected_harm"], row["rule"])
        for row in told["reasons"].get("because", [])
        if row.get("facts", {}).get("level")
    ]
    return min(asked)[2] if asked else ""
