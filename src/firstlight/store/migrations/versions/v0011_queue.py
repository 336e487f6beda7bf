"""Why a case has its level, and looks into the queue that cost the same however many wait.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add it. What waits already has no cause until it is placed again, and counts as one cause of its own."""
    op.add_column("cases", sa.Column("cause", columns.TEXT, server_default="", nullable=False))
    op.add_column("cases", sa.Column("waiting", columns.NUMBER, server_default="0", nullable=False))
    level = ["state", "level_rank", "severity", "opened_at", "id"]
    op.create_index("cases_by_level_and_age", "cases", level, unique=False)
    cause = ["state", "level_rank", "cause", "severity", "opened_at", "id"]
    op.create_index("cases_by_cause", "cases", cause, unique=False)
    op.create_index("items_by_sha256_and_state", "items", ["sha256", "state", "filing_id"], unique=False)
    op.add_column("decisions", sa.Column("carried", columns.NUMBER, server_default="0", nullable=False))
    taken_over = sa.column("document", sa.Text()).not_like('%"carried_from":null%')
    op.execute(
        sa.update(sa.table("decisions", sa.column("carried"), sa.column("document")))
        .where(taken_over)
        .values(carried=1)
    )
    op.create_index("decisions_by_people", "decisions", ["case_id", "carried"], unique=False)
    where = sa.text("verdict is null")
    op.create_index("items_unexamined", "items", ["id"], unique=False, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("items_unexamined", table_name="items")
    op.drop_index("decisions_by_people", table_name="decisions")
    op.drop_column("decisions", "carried")
    op.drop_index("items_by_sha256_and_state", table_name="items")
    op.drop_index("cases_by_cause", table_name="cases")
    op.drop_index("cases_by_level_and_age", table_name="cases")
    op.drop_column("cases", "waiting")
    op.drop_column("cases", "cause")
