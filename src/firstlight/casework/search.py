"""Finding what is in the house: by number, by digest, by account or by name. It answers facts and shows nothing."""

from __future__ import annotations

import json
import re
from typing import ClassVar, Literal

from sqlalchemy import ColumnElement, or_, select

from firstlight.casework.home import Home
from firstlight.casework.upload import Upload
from firstlight.errors import InputError
from firstlight.store import tables
from firstlight.store.tables import Item
from firstlight.values import Document, Instant, Sha256Hex, Value, Versioned

LONGEST = 300
LARGEST = 2**31 - 1
MOST = 100
"""Items that are answered: whoever finds more has to ask for less."""


class Hit(Value):
    """An item that was found, and by what."""

    item: int
    case: int | None
    state: str
    name: str
    account: str
    sha256: Sha256Hex
    media_type: str
    received_at: Instant
    by: str


class Found(Document):
    """What was found, newest first. `more` says that there are more than are named."""

    title_for_people: ClassVar[str] = "search result"

    kind: Literal["search-result"] = "search-result"
    version: Versioned = 1
    words: str
    hits: tuple[Hit, ...]
    more: bool


def search(home: Home, words: str) -> Found:
    """Items whose number, case ("case 7"), report ("report 123"), digest, account or file name this is, exactly.

    Raises:
        InputError: nothing is asked for, or far too much.
    """
    words = words.strip()
    if not 0 < len(words) <= LONGEST:
        raise InputError(
            "Nothing to look for.", hint=f"Give up to {LONGEST} characters: a number, a digest, a name.", field="words"
        )
    by, rule = _rule(words)
    wanted = select(Item).where(rule).order_by(Item.id.desc()).limit(MOST + 1)
    with home.look() as work:
        rows = work.session.scalars(wanted).all()
    return Found(words=words, hits=tuple(_hit(row, by) for row in rows[:MOST]), more=len(rows) > MOST)


def _rule(words: str) -> tuple[str, ColumnElement[bool]]:
    """What the words can be, from the narrow to the wide."""
    plain = words.lower()
    numbered = re.fullmatch(r"(case|item|report)?\s*[-#]?\s*(\d{1,18})", plain)
    if numbered:
        number, kind = int(numbered[2]), numbered[1]
        row = min(number, LARGEST)  # a larger one is the number of no row, in any database
        if kind == "report":
            of_report = select(tables.Filing.id).where(tables.Filing.receipt.contains(f'"report_id":{number},'))
            return "report", Item.filing_id.in_(of_report)
        if kind == "case":
            return "case", Item.case_id == row
        if kind == "item":
            return "item", Item.id == row
        return "number", or_(Item.case_id == row, Item.id == row)
    digest = {32: Item.md5, 40: Item.sha1, 64: Item.sha256}.get(len(plain))
    if digest is not None and re.fullmatch(r"[0-9a-f]+", plain):
        return f"{'MD5' if len(plain) == 32 else 'SHA-1' if len(plain) == 40 else 'SHA-256'}", digest == plain
    text = json.dumps(words, ensure_ascii=False)
    return "account or name", or_(
        Item.upload.contains(f'"account":{text}', autoescape=True),
        Item.upload.contains(f'"name":{text}', autoescape=True),
    )


def _hit(row: Item, by: str) -> Hit:
    upload = Upload.from_json(row.upload)
    return Hit(
        item=row.id,
        case=row.case_id,
        state=row.state,
        name=upload.name,
        account=upload.account,
        sha256=row.sha256,
        media_type=row.media_type,
        received_at=row.received_at,
        by=by,
    )
