"""Events for other services: signed, retried, and sent to the addresses that the operator named, and to no other.

What happens stands in the custody log. From there each kind in `TOLD` becomes a job for each address, in one
transaction with the note how far the log was read, so that nothing is left out. An event names numbers of items and
cases; it carries no hash, no media and nothing about a person. Jobs are retried until they are dead, and shown then.

`Firstlight-Signature: t=SECONDS,v1=HEX` holds the HMAC-SHA256 of `SECONDS.BODY` under the secret that
`firstlight keys webhook` prints.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from urllib.parse import urlsplit

import httpx
from sqlalchemy import select

from firstlight.casework import jobs
from firstlight.casework.home import Home, Work
from firstlight.casework.jobs import Job
from firstlight.clock import to_text
from firstlight.custody import EventType
from firstlight.errors import InputError, UpstreamError
from firstlight.store.tables import Item, Setting

KIND = "webhook"
"""The kind of job that sends one event to one address."""
SIGNATURE = "Firstlight-Signature"
TOLD: dict[EventType, str] = {
    EventType.INGEST: "item.received",
    EventType.PRIORITISE: "item.examined",
    EventType.DECIDE: "item.decided",
    EventType.REPORT_FINISHED: "report.finished",
    EventType.REPORT_RETRACTED: "report.retracted",
    EventType.REPORT_FAILED: "report.failed",
    EventType.BANK_CHANGED: "bank.changed",
    EventType.BANK_FLOOD: "bank.flood",
    EventType.SHRED: "item.destroyed",
}
"""The events that are told, and what they are called."""
A_ROUND = 200
"""Entries of the log that are looked at in one transaction."""
WAIT = 10.0
_AT, _SECRET = "webhooks-at", "webhooks-secret"
_ITEMS_NAMED = 20


def secret(home: Home) -> str:
    """The secret that signs events; made when it is asked for first, and kept sealed."""
    sealer = home.keyring.sealer(_SECRET)
    with home.work() as work:
        row = work.session.get(Setting, _SECRET)
        if row is None:
            made = f"whsec_{secrets.token_urlsafe(32)}"
            work.session.add(Setting(name=_SECRET, value=sealer.seal(made.encode(), b"").hex()))
            return made
        return sealer.unseal(bytes.fromhex(row.value), b"").decode()


def gather(home: Home) -> int:
    """Ask for a job for each event since the last time and each address; says how many entries of the log it looked at.

    Where no address is named, nothing is gathered, and whoever names one later is told what happens from then on.
    """
    addresses = home.settings.service.webhooks
    with home.work() as work:
        size = len(work.log)
        row = work.session.get(Setting, _AT)
        if row is None or not addresses:
            if addresses or row is not None:
                work.session.merge(Setting(name=_AT, value=str(size)))
            return 0
        begin, end = int(row.value), min(int(row.value) + A_ROUND, size)
        for seq in range(begin, end):
            for address in addresses:
                _ask(work, seq, address)
        if end > begin:
            row.value = str(end)
        return end - begin


def send(home: Home, job: Job) -> None:
    """Send one event; the handler of its job.

    Raises:
        InputError: its address is no longer one that the operator names.
        UpstreamError: nobody answered there, or not with 2xx; it is tried again.
    """
    address, event = str(job.payload["to"]), job.payload["event"]
    if address not in home.settings.service.webhooks:
        raise InputError("The address of this event is no longer named in [service] webhooks.", hint="Discard the job.")
    body = json.dumps(event, sort_keys=True).encode()
    at = str(int(home.clock.now().timestamp()))
    headers = {"Content-Type": "application/json", SIGNATURE: f"t={at},v1={signature(secret(home), at, body)}"}
    try:
        with (
            httpx.Client(timeout=WAIT, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", address, content=body, headers=headers) as answer,
        ):
            status = answer.status_code  # what else it says is not read: it may have no end
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        raise UpstreamError(f"{urlsplit(address).hostname} does not take events ({type(e).__name__}).") from e
    if not 200 <= status < 300:
        raise UpstreamError(f"{urlsplit(address).hostname} answered {status} to an event.")


def signature(key: str, at: str, body: bytes) -> str:
    """What a receiver has to find: over the time and exactly the bytes that came."""
    return hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


def _ask(work: Work, seq: int, address: str) -> None:
    entry = work.log.entry(seq)
    if entry.event is None or entry.event.type not in TOLD:
        return
    event = entry.event
    items = (
        list(work.session.scalars(select(Item.id).where(Item.sha256 == event.subject).limit(_ITEMS_NAMED)))
        if event.subject
        else []
    )
    case = event.case.removeprefix("case-") if event.case else None
    told = {
        "id": f"evt-{seq}",
        "type": TOLD[event.type],
        "at": to_text(event.at),
        "case": int(case) if case and case.isdigit() else None,
        "items": items,
    }
    jobs.enqueue(work, KIND, {"to": address, "event": told}, key=f"{seq} {address}")
