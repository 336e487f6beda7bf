"""Files that go with an item's report as context, such as a transcript or the export of a profile.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "supplements",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("item_id", columns.NUMBER, nullable=False),
        sa.Column("sha256", columns.TEXT, nullable=False),
        sa.Column("document", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("item_id", "sha256", name="one_supplement_an_item"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("supplements")
