"""Open cases by deadline, so that those which are late are counted without reading the others.

Revision: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the index."""
    op.create_index("cases_by_deadline", "cases", ["state", "deadline", "level_rank"], unique=False)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("cases_by_deadline", table_name="cases")
