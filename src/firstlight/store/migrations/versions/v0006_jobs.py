"""Work to be done later, as rows that workers lease.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "jobs",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("kind", columns.TEXT, nullable=False),
        sa.Column("key", columns.TEXT, nullable=False),
        sa.Column("payload", columns.TEXT, nullable=False),
        sa.Column("state", columns.TEXT, nullable=False),
        sa.Column("urgent", columns.NUMBER, nullable=False),
        sa.Column("asked_at", columns.TEXT, nullable=False),
        sa.Column("due", columns.TEXT, nullable=False),
        sa.Column("tries", columns.NUMBER, nullable=False),
        sa.Column("again", columns.NUMBER, nullable=False),
        sa.Column("lease", columns.TEXT, nullable=True),
        sa.Column("worker", columns.TEXT, nullable=True),
        sa.Column("said", columns.TEXT, nullable=False),
        sa.CheckConstraint("state in ('waiting', 'leased', 'dead')", name="job_state"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "key", name="one_job_a_key"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("jobs_by_turn", "jobs", ["state", "urgent", "due", "id"], unique=False)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("jobs_by_turn", table_name="jobs")
    op.drop_table("jobs")
