"""Times that an authority gives to the custody log's checkpoints.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "log_stamps",
        sa.Column("size", columns.NUMBER, autoincrement=False, nullable=False),
        sa.Column("note", columns.BYTES, nullable=False),
        sa.Column("queued_at", columns.TEXT, nullable=False),
        sa.Column("tries", columns.NUMBER, nullable=False),
        sa.Column("error", columns.TEXT, nullable=False),
        sa.Column("response", columns.BYTES, nullable=True),
        sa.Column("certificates", columns.BYTES, nullable=False),
        sa.Column("stamped_at", columns.TEXT, nullable=True),
        sa.PrimaryKeyConstraint("size"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("log_stamps")
