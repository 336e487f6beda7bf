"""What is shown to reviewers, decisions that were undone, and second opinions.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add them."""
    op.add_column("decisions", sa.Column("withdrawn_at", columns.TEXT, nullable=True))
    op.create_table(
        "showings",
        sa.Column("token", columns.TEXT, nullable=False),
        sa.Column("session", columns.TEXT, nullable=False),
        sa.Column("actor", columns.TEXT, nullable=False),
        sa.Column("role", columns.TEXT, nullable=False),
        sa.Column("item_id", columns.NUMBER, nullable=False),
        sa.Column("asked", columns.TEXT, nullable=False),
        sa.Column("offered_at", columns.TEXT, nullable=False),
        sa.Column("served_at", columns.TEXT, nullable=True),
        sa.Column("rendition", columns.TEXT, nullable=True),
        sa.Column("covers", columns.NUMBER, nullable=True),
        sa.Column("ended_at", columns.TEXT, nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"]),
        sa.PrimaryKeyConstraint("token"),
        sqlite_strict=True,
    )
    op.create_index("showings_by_item", "showings", ["item_id"], unique=False)
    op.create_index("showings_open", "showings", ["ended_at", "served_at"], unique=False)
    op.create_table(
        "opinions",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("case_id", columns.NUMBER, nullable=False),
        sa.Column("asked_by", columns.TEXT, nullable=False),
        sa.Column("asked_at", columns.TEXT, nullable=False),
        sa.Column("leaning", columns.TEXT, nullable=True),
        sa.Column("note", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("opinions_by_case", "opinions", ["case_id"], unique=False)
    op.create_index("opinions_by_asker", "opinions", ["asked_by"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("opinions_by_asker", table_name="opinions")
    op.drop_index("opinions_by_case", table_name="opinions")
    op.drop_table("opinions")
    op.drop_index("showings_open", table_name="showings")
    op.drop_index("showings_by_item", table_name="showings")
    op.drop_table("showings")
    op.drop_column("decisions", "withdrawn_at")
