"""Whom each item speaks of, and which strong identifiers they bear, so that accounts can be linked.

Revision: 0012
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from firstlight.store import columns

revision = "0012"
down_revision = "0011"

_ROWS = 500  # items read at a time


def upgrade() -> None:
    """Make the tables, and fill them from what was stated of the items that are there."""
    op.create_table(
        "mentions",
        sa.Column("item_id", columns.NUMBER, nullable=False),
        sa.Column("bearer", columns.TEXT, nullable=False),
        sa.Column("role", columns.TEXT, nullable=False),
        sa.Column("name", columns.TEXT, nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"]),
        sa.PrimaryKeyConstraint("item_id", "bearer", "role"),
        sqlite_strict=True,
    )
    op.create_index("mentions_by_bearer", "mentions", ["bearer", "item_id"], unique=False)
    op.create_table(
        "bearings",
        sa.Column("id", columns.NUMBER, nullable=False),
        sa.Column("bearer", columns.TEXT, nullable=False),
        sa.Column("kind", columns.TEXT, nullable=False),
        sa.Column("value", columns.TEXT, nullable=False),
        sa.Column("item_id", columns.NUMBER, nullable=False),
        sa.Column("role", columns.TEXT, nullable=False),
        sa.Column("at", columns.TEXT, nullable=False),
        sa.Column("unlinked_at", columns.TEXT, nullable=True),
        sa.Column("unlinked_by", columns.TEXT, nullable=True),
        sa.Column("unlinked_why", columns.TEXT, nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("bearer", "kind", "value", name="one_bearing"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("bearings_by_identifier", "bearings", ["kind", "value"], unique=False)
    _fill()


def downgrade() -> None:
    """Drop them."""
    op.drop_table("bearings")
    op.drop_table("mentions")


def _fill() -> None:
    """As intake does from now on; the rules stand here as they were, so that this step stays what it is."""
    connection = op.get_bind()
    wanted = sa.text("select id, received_at, upload from items where id > :last order by id limit :rows")
    mention = sa.text(
        "insert into mentions (item_id, bearer, role, name) values (:item, :bearer, :role, :name)"
        " on conflict (item_id, bearer, role) do nothing"
    )
    bearing = sa.text(
        "insert into bearings (bearer, kind, value, item_id, role, at)"
        " values (:bearer, :kind, :value, :item, :role, :at)"
        " on conflict (bearer, kind, value) do nothing"
    )
    last = 0
    while rows := connection.execute(wanted, {"last": last, "rows": _ROWS}).all():
        mentions: list[dict[str, Any]] = []
        bearings: list[dict[str, Any]] = []
        for number, at, text in rows:
            for one, known in _bearers(number, json.loads(text)):
                mentions.append(one)
                bearings += [{**one, "at": at, "kind": kind, "value": value} for kind, value in known]
        if mentions:
            connection.execute(mention, mentions)
        if bearings:
            connection.execute(bearing, bearings)
        last = rows[-1][0]


def _bearers(item: int, upload: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[tuple[str, str]]]]:
    holder = {**upload.get("holder", {}), "account": upload.get("account", "")}
    for role, parties in (
        ("uploader", [holder]),
        ("recipient", upload.get("recipients", [])),
        ("victim", upload.get("victims", [])),
    ):
        for place, party in enumerate(parties, 1):
            known, account = list(_identifiers(party)), party.get("account", "")
            if account:
                key, name = f"account\n{account}", account
            elif known:
                key, name = f"item\n{item}\n{role}\n{place}", f"({role} {place} of item {item})"
            else:
                continue
            bearer = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
            yield {"item": item, "bearer": bearer, "role": role, "name": name.replace("\0", "\\x00")}, known


def _identifiers(party: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for one in party.get("emails", []):
        text = one["value"].strip()
        if re.fullmatch(r"[^@\s\0]{1,64}@[^@\s\0]{1,255}", text):
            yield "email", re.sub("[A-Z]+", lambda found: found[0].lower(), text)
    for one in party.get("phones", []):
        digits = re.sub(r"[\s().-]", "", one["value"].strip())
        if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
            yield "phone", digits
    for one in party.get("devices", []):
        kind, number = "-".join(one["kind"].lower().split()), one["number"].strip()
        if kind and number and re.fullmatch(r"[\x21-\x7e]{1,200}", f"{kind}:{number}"):
            yield "device", f"{kind}:{number}"
