"""StopNCII: hashes of adults' intimate pictures, given by those they show. Keep them in a bank of their own.

A record has no key; a later one for the same hash replaces the earlier, and a status of withdrawn or deleted takes it
back. Tokens of pages live for a short time: a fetch that stopped begins again at the last set that was drained.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from firstlight.banks.entry import NewEntry
from firstlight.banks.exchange import Access, Field, Opinion, Page
from firstlight.banks.exchanges.transport import Host
from firstlight.banks.importer import Found, Item, Junk, Removal
from firstlight.errors import InputError, UpstreamError

HOST: Final = "https://api.stopncii.org/v1"
PAGE: Final = 800
FIRST: Final = 10
STALE: Final = timedelta(days=30)
_KINDS: Final = {"ImagePDQ": "pdq", "VideoMD5": "md5"}
_GONE: Final = frozenset({"Withdrawn", "Deleted"})


class StopNcii:
    """Hashes of pictures and videos; texts and addresses are not matched here."""

    name = "stop_ncii"
    says = "StopNCII: intimate pictures of adults (purpose ncii)"
    config: tuple[Field, ...] = ()
    credentials = (
        Field("subscription_key", "string", "the subscription key", required=True),
        Field("fetch_function_key", "string", "the key of the function FetchHashes", required=True),
        Field("feedback_function_key", "string", "the key of the function SubmitFeedback", default=""),
        Field("base_url_override", "string", "another address of the service", default=HOST),
    )
    shares_credentials = True
    takes_opinions = True

    def pages(self, access: Access, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Set by set; the checkpoint moves at the end of each."""
        known = dict(checkpoint or {})
        begin = int(known.get("next_set", FIRST))
        if known and access.now - datetime.fromtimestamp(known.get("fetched", 0), UTC) > STALE:
            begin = FIRST
        fetched, token = int(access.now.timestamp()), ""
        with _host(access, "fetch_function_key") as host:
            while True:
                query = {"startTimestamp": str(begin), "pageSize": str(PAGE)}
                answer = host.get_json("/FetchHashes", query | ({"nextPageToken": token} if token else {}))
                records = [one for one in answer.get("hashRecords") or [] if isinstance(one, dict)]
                more, before = bool(answer.get("hasMoreRecords")), token
                token = str(answer.get("nextPageToken") or "")
                if more and (not token or token == before):
                    raise UpstreamError("StopNCII says that there is more and not where.", hint="Fetch again later.")
                reached = begin if more else max(begin, _number(answer.get("nextSetTimestamp")))
                items = iter([_found(n, one) for n, one in enumerate(records, 1)])
                yield Page(items, {"next_set": reached, "fetched": fetched}, done=not more)
                if not more:
                    return

    def up_to(self, checkpoint: Mapping[str, Any]) -> datetime | None:
        """The beginning of the next set."""
        reached = int(checkpoint.get("next_set", FIRST))
        return datetime.fromtimestamp(reached, UTC) if reached > FIRST else None

    def send(self, access: Access, opinions: Sequence[Opinion]) -> Iterator[str]:
        """Blocked for what is right, not blocked for what is wrong."""
        if not access.credentials["feedback_function_key"]:
            raise InputError("StopNCII takes feedback with a key of its own.", hint="Keep feedback_function_key.")
        told: list[dict[str, Any]] = [
            {"hashValue": value, "feedbackValue": "Blocked" if one.right else "NotBlocked", "tags": []}
            for one in opinions
            if (value := one.entry.pdq or one.entry.md5)
        ]
        with _host(access, "feedback_function_key") as host:
            body = json.dumps({"count": len(told), "hashFeedbacks": told}).encode()
            host.send("POST", "/SubmitFeedback", body, "application/json")
        yield from (one.entry.key for one in opinions)


def _host(access: Access, key: str) -> Host:
    headers = {
        "Ocp-Apim-Subscription-Key": access.credentials["subscription_key"],
        "x-functions-key": access.credentials[key],
    }
    return Host(access.credentials["base_url_override"], headers=headers)


def _found(number: int, record: Mapping[str, Any]) -> Found:
    signal, value = str(record.get("signalType") or ""), str(record.get("hashValue") or "")
    kind, stamp = _KINDS.get(signal), f"{_number(record.get('lastModtimestamp')):012d}"
    if kind is None:
        return Junk(number, f"signals of kind {signal or 'none'} are not matched here")
    if record.get("hashStatus") in _GONE:
        return Removal(number, "", stamp, kind, value)
    feedback = [one for one in record.get("CSPFeedbacks") or [] if isinstance(one, dict)]
    said = tuple(dict.fromkeys(f"feedback:{one.get('feedbackValue')}" for one in feedback if one.get("feedbackValue")))
    given = {kind: value}
    return Item(number, NewEntry(md5=given.get("md5"), pdq=given.get("pdq"), categories=said, stamp=stamp))


def _number(value: Any) -> int:  # noqa: ANN401 - any JSON value
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
