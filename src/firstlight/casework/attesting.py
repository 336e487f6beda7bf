"""Generators' signed answers about items: whose keys are believed, and what an answer does to an item's place.

The operator names each ledger's public key. An answer is verified offline, weighed with everything else that is known
of the item, and kept with its event; the item gets the place that follows. An answer that is not believed changes
nothing. An answer that a photograph went in raises, and brings back to a person what was decided without it; one that
says "from text alone" lowers nothing by itself, for the one way down needs a named person (`lowering`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from firstlight.casework import cases, undo
from firstlight.casework.home import SERVICE, Home, Work, named
from firstlight.casework.upload import Upload
from firstlight.clock import to_text
from firstlight.custody import EventType
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError
from firstlight.logs import get_logger
from firstlight.media import read_file
from firstlight.origin import (
    Answer,
    LedgerKey,
    SignedAttestation,
    Verdict,
    assess,
    from_attestations,
)
from firstlight.origin.attestation import LEDGER_NAME, verified
from firstlight.store import tables
from firstlight.store.tables import Item, Setting
from firstlight.triage import Priority, prioritise, reopens

LARGEST: Final = 64 * 1024
"""Bytes of an answer; it has a few hundred."""

_log = get_logger("casework")
_NAME = "ledger-keys"
_KEYS = TypeAdapter(list[LedgerKey])


def ledgers(home: Home) -> tuple[LedgerKey, ...]:
    """The keys of ledgers that this home knows, withdrawn ones included."""
    with home.look() as work:
        return _keys(work)


def add_ledger(home: Home, ledger: str, public_key: str, *, actor: str = SERVICE) -> LedgerKey:
    """Believe what this key signs in this ledger's name, from now on.

    Raises:
        InputError: the name or the key cannot be one (64 hexadecimal digits), or nobody is named.
        StateError: the key is known already.
    """
    try:
        if not re.match(LEDGER_NAME, ledger):
            raise InputError(f"{ledger!r} is no ledger's name.", hint="Write it as the ledger's answers do.")
        key = LedgerKey(ledger=ledger, public_key=public_key.lower())
    except ValidationError as e:
        raise InputError(
            "This is no ledger's key.", hint="Give its raw Ed25519 public key as 64 hexadecimal digits."
        ) from e
    with home.work() as work:
        known = _keys(work)
        if any(one.key_id == key.key_id for one in known):
            raise StateError(f"The key {key.key_id} is known already.", hint="A withdrawn key is never believed again.")
        _save(work, (*known, key), actor, "added", key)
    return key


def withdraw_ledger(home: Home, key_id: str, *, actor: str = SERVICE) -> LedgerKey:
    """Believe nothing more that this key has signed, whenever it did: a thief can choose the date.

    What was weighed with its answers keeps its verdict until it is weighed again.

    Raises:
        NotFoundError: there is no such key.
    """
    with home.work() as work:
        known = _keys(work)
        found = next((one for one in known if one.key_id == key_id), None)
        if found is None:
            raise NotFoundError(f"No ledger's key is {key_id}.", hint="`firstlight trust ledgers` lists them.")
        gone = found.model_copy(update={"withdrawn": True})
        _save(work, tuple(gone if one.key_id == key_id else one for one in known), actor, "withdrawn", gone)
    return gone


def read_attestation(path: Path) -> SignedAttestation:
    """The answer that a file holds; nothing is verified yet.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    return SignedAttestation.from_json(read_file(path, LARGEST, hint="A generator's answer has a few hundred bytes."))


def with_answers(
    verdict: Verdict, answers: Iterable[SignedAttestation], keys: Iterable[LedgerKey], at: datetime
) -> Verdict:
    """The verdict, weighed anew with what generators' answers about this file say; offline."""
    digests, pdq = verdict.digests, verdict.pdq
    return assess(
        at=at,
        digests=digests,
        media_type=verdict.media_type,
        pdq=pdq,
        width=verdict.width,
        height=verdict.height,
        matches=verdict.matches,
        indicators=(*verdict.indicators, *from_attestations(answers, keys, digests=digests, pdq=pdq, at=at)),
        unreadable=verdict.unreadable,
    )


def attest(home: Home, item_number: int, signed: SignedAttestation, *, actor: str = SERVICE) -> Priority:
    """Weigh a generator's answer with what is known of an item, and give the item its new place.

    What was decided comes back to a person when the answer asks for a sooner look than what was known then, or is a
    sign of a real child that nobody knew of (`triage.reopens`): its decision is withdrawn, and kept. Otherwise, and
    where the original was destroyed so that nobody could look, the decision stands and the answer is kept with it.

    Raises:
        NotFoundError: there is no such item.
        StateError: it was not examined yet, or would have to come back while a report with it is on its way.
        InputError: the answer is "no", which says nothing; or nobody is named.
        IntegrityError: the answer is not believed (`integrity.attestation...`); nothing is changed.
    """
    with home.work() as work:
        item = cases.item(work, item_number)
        if item.verdict is None or item.priority is None:
            raise StateError(f"Item {item_number} was not examined yet.", hint="`firstlight intake` goes on with it.")
        before, known, at = Verdict.from_json(item.verdict), _keys(work), work.clock.now()
        answer = verified(signed, known, digests=before.digests, pdq=before.pdq, at=at)
        if answer.answer is Answer.NONE:
            raise InputError("The generator did not make this, which says nothing.", hint="Other generators exist.")
        verdict = with_answers(before, [signed], known, at)
        priority = _weigh_again(home, work, item, verdict, signed, named(actor))
    _log.info("item.attested", item=item_number)
    return priority


def _weigh_again(
    home: Home, work: Work, item: Item, verdict: Verdict, signed: SignedAttestation, actor: str
) -> Priority:
    before = Priority.from_json(item.priority or "")
    priority = prioritise(verdict, Upload.from_json(item.upload).context, home.table, before.lowered_by)
    item.verdict = verdict.to_json().decode()
    item.priority = priority.to_json().decode()
    plain = verdict.model_dump(mode="json")
    facts = {"item": item.id, "attestation": signed.model_dump(mode="json")}
    for kind, told in (
        (EventType.ORIGIN, facts | {"indicators": plain["indicators"], "stands": plain["origin"]}),
        (EventType.PRIORITISE, {"item": item.id, "priority": priority.model_dump(mode="json")}),
    ):
        work.log.append(work.event(kind, actor, item.case_id, item.sha256, told))
    if item.case_id is None:
        return priority
    case = cases.one(work, item.case_id)
    if item.state == "held":
        item.deadline = home.table.deadline(priority.level, item.received_at)
    elif _comes_back(work, item, before, priority):
        _bring_back(work, item, actor)
        item.deadline = home.table.deadline(priority.level, work.clock.now())  # nobody could have known it sooner
    else:
        return priority
    work.session.flush()
    was_open = case.state == "open"
    cases.place_again(work, case)
    if not was_open and case.state == "open":
        case.opened_at = work.clock.now()
    return priority


def _comes_back(work: Work, item: Item, before: Priority, now: Priority) -> bool:
    """Whether what is known now has to bring a decided item back to a person."""
    fresh = set(now.raising) - set(before.raising)
    if not reopens(now.level, raising=bool(fresh), decided_at=before.level, same_bytes=False):
        return False
    return work.session.get(tables.Destruction, item.id) is None


def _bring_back(work: Work, item: Item, actor: str) -> None:
    """Withdraw what was decided on an item, keep it, and let the item wait. A report that was filed stands."""
    on_its_way = select(tables.Filing.id).where(tables.Filing.id == item.filing_id, tables.Filing.receipt.is_(None))
    if work.session.scalar(on_its_way) is not None:
        raise StateError(
            f"A report with item {item.id} is on its way, and this answer would bring the item back to a person.",
            hint=f"File case {item.case_id} to the end, or give its filing up; then attest again.",
        )
    standing = select(tables.Decision).where(tables.Decision.item_id == item.id, tables.Decision.withdrawn_at.is_(None))
    for row in work.session.scalars(standing.order_by(tables.Decision.id)).all():
        row.withdrawn_at = work.clock.now()
        work.record(
            EventType.DECISION_WITHDRAWN,
            actor=actor,
            case=item.case_id,
            subject=item.sha256,
            item=item.id,
            decided_at=to_text(row.at),
            filing=item.filing_id,
            why=_WHY + (cases.REPORTED_ALREADY if item.filing_id is not None else ""),
        )
    undo.wait_again(work, item.case_id, {item.id: item.sha256}, actor)
    _log.info("item.brought-back", item=item.id, case=item.case_id)


_WHY = "The generator's signed answer asks for a sooner look than what was known when this was decided."


def _keys(work: Work) -> tuple[LedgerKey, ...]:
    row = work.session.get(Setting, _NAME)
    if row is None:
        return ()
    try:
        return tuple(_KEYS.validate_json(row.value))
    except ValidationError as e:
        raise IntegrityError(
            "The ledgers' keys are damaged.", hint="Restore the home from its backup.", code="integrity.home"
        ) from e


def _save(work: Work, keys: Sequence[LedgerKey], actor: str, step: str, key: LedgerKey) -> None:
    work.session.merge(Setting(name=_NAME, value=_KEYS.dump_json(list(keys)).decode()))
    work.record(
        EventType.CONFIG_CHANGE, actor=named(actor), what="ledger-key", step=step, key=key.model_dump(mode="json")
    )
