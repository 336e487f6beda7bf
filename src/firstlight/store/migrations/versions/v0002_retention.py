"""How long originals are kept: clocks, holds, acts of two people, destructions.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables. The clocks of what was settled before are started by the use cases, which know the policies."""
    op.create_table(
        "retention_clocks",
        sa.Column("item_id", columns.NUMBER, nullable=False),
        sa.Column("policy", columns.TEXT, nullable=False),
        sa.Column("ends", columns.TEXT, nullable=False),
        sa.Column("document", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"]),
        sa.PrimaryKeyConstraint("item_id", "policy"),
        sqlite_strict=True,
    )
    op.create_table(
        "holds",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("case_id", columns.NUMBER, nullable=False),
        sa.Column("reason", columns.TEXT, nullable=False),
        sa.Column("document", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("holds_by_case", "holds", ["case_id"], unique=False)
    op.create_table(
        "acts",
        sa.Column("sha256", columns.TEXT, nullable=False),
        sa.Column("document", columns.TEXT, nullable=False),
        sa.Column("approval", columns.TEXT, nullable=True),
        sa.Column("done_at", columns.TEXT, nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
        sqlite_strict=True,
    )
    op.create_table(
        "destructions",
        sa.Column("item_id", columns.NUMBER, nullable=False),
        sa.Column("at", columns.TEXT, nullable=False),
        sa.Column("actor", columns.TEXT, nullable=False),
        sa.Column("disposal", columns.TEXT, nullable=False),
        sa.Column("certificate", columns.TEXT, nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"]),
        sa.PrimaryKeyConstraint("item_id"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("destructions")
    op.drop_table("acts")
    op.drop_index("holds_by_case", table_name="holds")
    op.drop_table("holds")
    op.drop_table("retention_clocks")
