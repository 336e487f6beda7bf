"""What clients of HMA call things: names of banks, numbers of entries, exchanges as they set them up.

Revision: 0007
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "hma_banks",
        sa.Column("name", columns.TEXT, nullable=False),
        sa.Column("bank", columns.TEXT, nullable=False),
        sa.Column("ratio", columns.FRACTION, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("bank"),
        sqlite_strict=True,
    )
    op.create_table(
        "hma_contents",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("bank", columns.TEXT, nullable=False),
        sa.Column("entry", columns.TEXT, nullable=False),
        sa.Column("signals", columns.TEXT, nullable=False),
        sa.Column("added_at", columns.TEXT, nullable=False),
        sa.Column("disabled_until", columns.NUMBER, nullable=False),
        sa.Column("note", columns.TEXT, nullable=False),
        sa.Column("user_metadata", columns.TEXT, nullable=False),
        sa.Column("uri", columns.TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("bank", "entry", name="one_number_an_entry"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "hma_exchanges",
        sa.Column("name", columns.TEXT, nullable=False),
        sa.Column("api", columns.TEXT, nullable=False),
        sa.Column("enabled", columns.NUMBER, nullable=False),
        sa.Column("fields", columns.TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("hma_exchanges", "hma_contents", "hma_banks"):
        op.drop_table(name)
