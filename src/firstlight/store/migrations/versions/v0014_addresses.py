"""Network addresses of accounts, to be seen and never joined; a word that a held identifier is one person's.

Revision: 0014
"""

import hashlib
import ipaddress
import json

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0014"
down_revision = "0013"

_ROWS = 500  # items read at a time


def upgrade() -> None:
    """Add them; addresses are those that were stated of the items that are there."""
    for name in ("confirmed_at", "confirmed_by", "confirmed_why"):
        op.add_column("bearings", sa.Column(name, columns.TEXT, nullable=True))
    _fill()


def downgrade() -> None:
    """Drop them."""
    op.execute("delete from bearings where kind = 'ip'")
    for name in ("confirmed_why", "confirmed_by", "confirmed_at"):
        op.drop_column("bearings", name)


def _fill() -> None:
    """As intake does from now on; the rules stand here as they were, so that this step stays what it is."""
    connection = op.get_bind()
    wanted = sa.text("select id, received_at, upload from items where id > :last order by id limit :rows")
    bearing = sa.text(
        "insert into bearings (bearer, kind, value, item_id, role, at)"
        " values (:bearer, 'ip', :value, :item, 'uploader', :at)"
        " on conflict (bearer, kind, value) do nothing"
    )
    last = 0
    while rows := connection.execute(wanted, {"last": last, "rows": _ROWS}).all():
        found = []
        for number, at, text in rows:
            told = json.loads(text)
            if told.get("ip") and told.get("account"):
                key = f"account\n{told['account']}".encode(errors="surrogatepass")
                address = ipaddress.ip_address(told["ip"])
                value = str(getattr(address, "ipv4_mapped", None) or address)
                found.append({"bearer": hashlib.sha256(key).hexdigest(), "value": value, "item": number, "at": at})
        if found:
            connection.execute(bearing, found)
        last = rows[-1][0]
