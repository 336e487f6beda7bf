"""Who may be shown what: expected severity, cases given to a reviewer, cases passed on, items lowered.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add them. Nothing is known of the severity of what is there already: it counts as ordinary until it is."""
    op.add_column("cases", sa.Column("severity", columns.NUMBER, server_default="1", nullable=False))
    op.add_column("items", sa.Column("severity", columns.NUMBER, server_default="1", nullable=False))
    op.drop_index("cases_by_place", table_name="cases")
    op.create_index(
        "cases_by_place", "cases", ["state", "severity", "level_rank", "place_order", "opened_at", "id"], unique=False
    )
    op.create_index("cases_by_age", "cases", ["state", "severity", "opened_at", "id"], unique=False)
    op.create_index("cases_by_state", "cases", ["state", "id"], unique=False)
    op.create_table(
        "assignments",
        sa.Column("case_id", columns.NUMBER, nullable=False),
        sa.Column("reviewer", columns.TEXT, nullable=True),
        sa.Column("lane", columns.TEXT, nullable=False),
        sa.Column("at", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("case_id"),
        sa.UniqueConstraint("reviewer", name="one_case_a_reviewer"),
        sqlite_strict=True,
    )
    op.create_table(
        "passes",
        sa.Column("case_id", columns.NUMBER, nullable=False),
        sa.Column("reviewer", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("case_id", "reviewer"),
        sqlite_strict=True,
    )
    op.create_table(
        "lowerings",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("item_id", columns.NUMBER, nullable=False),
        sa.Column("actor", columns.TEXT, nullable=False),
        sa.Column("at", columns.TEXT, nullable=False),
        sa.Column("confirmation", columns.TEXT, nullable=False),
        sa.Column("drawn", columns.NUMBER, nullable=False),
        sa.Column("undone_at", columns.TEXT, nullable=True),
        sa.Column("result", columns.TEXT, nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("lowerings_by_item", "lowerings", ["item_id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("lowerings_by_item", table_name="lowerings")
    op.drop_table("lowerings")
    op.drop_table("passes")
    op.drop_table("assignments")
    op.drop_index("cases_by_state", table_name="cases")
    op.drop_index("cases_by_age", table_name="cases")
    op.drop_index("cases_by_place", table_name="cases")
    op.create_index("cases_by_place", "cases", ["state", "level_rank", "place_order"], unique=False)
    op.drop_column("items", "severity")
    op.drop_column("cases", "severity")
