"""What is shown to reviewers, decisions that were undone, and second opinions.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add them."""
    op.add_column("decisions", sa.Column("withdrawn_at", sa.Text(), nullable=True))
    op.create_table(
        "showings",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("offered_at", sa.Text(), nullable=False),
        sa.Column("served_at", sa.Text(), nullable=True),
        sa.Column("rendition", sa.Text(), nullable=True),
        sa.Column("covers", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"]),
        sa.PrimaryKeyConstraint("token"),
        sqlite_strict=True,
    )
    op.create_index("showings_by_item", "showings", ["item_id"], unique=False)
    op.create_index("showings_open", "showings", ["ended_at", "served_at"], unique=False)
    op.create_table(
        "opinions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Text(), nullable=False),
        sa.Column("leaning", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
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
