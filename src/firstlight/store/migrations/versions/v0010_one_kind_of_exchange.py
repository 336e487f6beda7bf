"""Exchanges that clients of HMA set up are those of the house; the table of what nobody fetched goes.

Revision: 0010
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Drop the table."""
    op.drop_table("hma_exchanges")


def downgrade() -> None:
    """Make it again, empty."""
    op.create_table(
        "hma_exchanges",
        sa.Column("name", columns.TEXT, nullable=False),
        sa.Column("api", columns.TEXT, nullable=False),
        sa.Column("enabled", columns.NUMBER, nullable=False),
        sa.Column("fields", columns.TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )
