"""The first tables.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "cases",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("bundle", columns.NUMBER, nullable=False),
        sa.Column("state", columns.TEXT, nullable=False),
        sa.Column("level_rank", columns.NUMBER, nullable=False),
        sa.Column("place_order", columns.FRACTION, nullable=False),
        sa.Column("opened_at", columns.TEXT, nullable=False),
        sa.Column("deadline", columns.TEXT, nullable=False),
        sa.Column("owner", columns.TEXT, nullable=False),
        sa.Column("says", columns.TEXT, nullable=False),
        sa.CheckConstraint("state in ('open', 'decided', 'filed')", name="case_state"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("bundle"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("cases_by_place", "cases", ["state", "level_rank", "place_order"], unique=False)
    op.create_table(
        "log_checkpoints",
        sa.Column("size", columns.NUMBER, autoincrement=False, nullable=False),
        sa.Column("note", columns.BYTES, nullable=False),
        sa.PrimaryKeyConstraint("size"),
        sqlite_strict=True,
    )
    op.create_table(
        "log_hashes",
        sa.Column("place", columns.NUMBER, autoincrement=False, nullable=False),
        sa.Column("hash", columns.BYTES, nullable=False),
        sa.PrimaryKeyConstraint("place"),
        sqlite_strict=True,
    )
    op.create_table(
        "log_leaves",
        sa.Column("seq", columns.NUMBER, autoincrement=False, nullable=False),
        sa.Column("leaf", columns.BYTES, nullable=False),
        sa.Column("sealed", columns.BYTES, nullable=True),
        sa.Column("case_name", columns.TEXT, nullable=True),
        sa.Column("subject", columns.TEXT, nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_strict=True,
    )
    op.create_index("log_leaves_by_case", "log_leaves", ["case_name"], unique=False)
    op.create_index("log_leaves_by_subject", "log_leaves", ["subject"], unique=False)
    op.create_table(
        "settings",
        sa.Column("name", columns.TEXT, nullable=False),
        sa.Column("value", columns.TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )
    op.create_table(
        "filings",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("case_id", columns.NUMBER, nullable=False),
        sa.Column("round", columns.NUMBER, nullable=False),
        sa.Column("account", columns.TEXT, nullable=False),
        sa.Column("state", columns.TEXT, nullable=False),
        sa.Column("drafted_at", columns.TEXT, nullable=False),
        sa.Column("draft", columns.TEXT, nullable=False),
        sa.Column("receipt", columns.TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "round", name="one_filing_per_round"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "filing_steps",
        sa.Column("filing_id", columns.NUMBER, nullable=False),
        sa.Column("seq", columns.NUMBER, nullable=False),
        sa.Column("at", columns.TEXT, nullable=False),
        sa.Column("entry", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["filing_id"],
            ["filings.id"],
        ),
        sa.PrimaryKeyConstraint("filing_id", "seq"),
        sqlite_strict=True,
    )
    op.create_table(
        "items",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("case_id", columns.NUMBER, nullable=True),
        sa.Column("state", columns.TEXT, nullable=False),
        sa.Column("owner", columns.TEXT, nullable=False),
        sa.Column("deadline", columns.TEXT, nullable=False),
        sa.Column("received_at", columns.TEXT, nullable=False),
        sa.Column("source", columns.TEXT, nullable=False),
        sa.Column("upload", columns.TEXT, nullable=False),
        sa.Column("sha256", columns.TEXT, nullable=False),
        sa.Column("md5", columns.TEXT, nullable=False),
        sa.Column("sha1", columns.TEXT, nullable=False),
        sa.Column("size", columns.NUMBER, nullable=False),
        sa.Column("media_type", columns.TEXT, nullable=False),
        sa.Column("pdq", columns.TEXT, nullable=True),
        sa.Column("pdq_quality", columns.NUMBER, nullable=True),
        sa.Column("stored", columns.TEXT, nullable=False),
        sa.Column("bundle", columns.NUMBER, nullable=True),
        sa.Column("filing_id", columns.NUMBER, nullable=True),
        sa.Column("verdict", columns.TEXT, nullable=True),
        sa.Column("priority", columns.TEXT, nullable=True),
        sa.CheckConstraint("state in ('held', 'decided', 'filed')", name="item_state"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.id"],
        ),
        sa.ForeignKeyConstraint(
            ["filing_id"],
            ["filings.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source", "sha256", name="item_once_per_source"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("items_by_case", "items", ["case_id"], unique=False)
    op.create_index("items_by_sha256", "items", ["sha256"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("case_id", columns.NUMBER, nullable=False),
        sa.Column("item_id", columns.NUMBER, nullable=False),
        sa.Column("at", columns.TEXT, nullable=False),
        sa.Column("actor", columns.TEXT, nullable=False),
        sa.Column("finding", columns.TEXT, nullable=False),
        sa.Column("document", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.id"],
        ),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("decisions_by_case", "decisions", ["case_id"], unique=False)


def downgrade() -> None:
    """Drop every table."""
    op.drop_index("decisions_by_case", table_name="decisions")
    op.drop_table("decisions")
    op.drop_index("items_by_sha256", table_name="items")
    op.drop_index("items_by_case", table_name="items")
    op.drop_table("items")
    op.drop_table("filing_steps")
    op.drop_table("filings")
    op.drop_table("settings")
    op.drop_index("log_leaves_by_subject", table_name="log_leaves")
    op.drop_index("log_leaves_by_case", table_name="log_leaves")
    op.drop_table("log_leaves")
    op.drop_table("log_hashes")
    op.drop_table("log_checkpoints")
    op.drop_index("cases_by_place", table_name="cases")
    op.drop_table("cases")
