"""Who may come in: users, their passkeys and sessions, one-time links and challenges, keys of machines.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "users",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("name", columns.TEXT, nullable=False),
        sa.Column("roles", columns.TEXT, nullable=False),
        sa.Column("created_at", columns.TEXT, nullable=False),
        sa.Column("disabled_at", columns.TEXT, nullable=True),
        sa.Column("subject", columns.TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="one_user_a_name"),
        sa.UniqueConstraint("subject"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "passkeys",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("user_id", columns.NUMBER, nullable=False),
        sa.Column("credential", columns.BYTES, nullable=False),
        sa.Column("public_key", columns.BYTES, nullable=False),
        sa.Column("uses", columns.NUMBER, nullable=False),
        sa.Column("name", columns.TEXT, nullable=False),
        sa.Column("created_at", columns.TEXT, nullable=False),
        sa.Column("used_at", columns.TEXT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("passkeys_by_user", "passkeys", ["user_id"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("sha256", columns.TEXT, nullable=False),
        sa.Column("purpose", columns.TEXT, nullable=False),
        sa.Column("user_id", columns.NUMBER, nullable=True),
        sa.Column("session_sha256", columns.TEXT, nullable=True),
        sa.Column("detail", columns.TEXT, nullable=False),
        sa.Column("ends", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("sha256"),
        sqlite_strict=True,
    )
    op.create_table(
        "sessions",
        sa.Column("sha256", columns.TEXT, nullable=False),
        sa.Column("user_id", columns.NUMBER, nullable=False),
        sa.Column("passkey_id", columns.NUMBER, nullable=True),
        sa.Column("way", columns.TEXT, nullable=False),
        sa.Column("begun_at", columns.TEXT, nullable=False),
        sa.Column("seen_at", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.ForeignKeyConstraint(["passkey_id"], ["passkeys.id"]),
        sa.PrimaryKeyConstraint("sha256"),
        sqlite_strict=True,
    )
    op.create_index("sessions_by_user", "sessions", ["user_id"], unique=False)
    op.create_table(
        "step_ups",
        sa.Column("session_sha256", columns.TEXT, nullable=False),
        sa.Column("act_sha256", columns.TEXT, nullable=False),
        sa.Column("at", columns.TEXT, nullable=False),
        sa.Column("assertion", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["session_sha256"], ["sessions.sha256"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("session_sha256", "act_sha256"),
        sqlite_strict=True,
    )
    op.create_table(
        "api_keys",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("name", columns.TEXT, nullable=False),
        sa.Column("sha256", columns.TEXT, nullable=False),
        sa.Column("scopes", columns.TEXT, nullable=False),
        sa.Column("created_at", columns.TEXT, nullable=False),
        sa.Column("created_by", columns.TEXT, nullable=False),
        sa.Column("ends", columns.TEXT, nullable=True),
        sa.Column("disabled_at", columns.TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="one_api_key_a_name"),
        sa.UniqueConstraint("sha256"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("api_keys", "step_ups", "sessions", "sign_ins", "passkeys", "users"):
        op.drop_table(name)
