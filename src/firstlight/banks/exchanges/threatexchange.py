"""Meta's ThreatExchange: the updates of one privacy group, in order of time.

An update is a whole row; a row to be deleted, or one whose descriptors are not visible, takes the entry back. What was
deleted is told for ninety days only, so after a long pause everything is fetched anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from firstlight.banks.entry import NewEntry
from firstlight.banks.exchange import Access, Field, Opinion, Page
from firstlight.banks.exchanges.transport import Host
from firstlight.banks.importer import Found, Item, Junk, Removal
from firstlight.errors import UpstreamError

HOST: Final = "https://graph.facebook.com/v21.0"
LIMIT: Final = 500
IDLE: Final = timedelta(days=85)
_KINDS: Final = {
    "HASH_PDQ": "pdq", "HASH_MD5": "md5", "HASH_VIDEO_MD5": "md5", "HASH_SHA256": "sha256",
    "HASH_VIDEO_SHA256": "sha256",
}  # fmt: skip
_FIELDS: Final = (
    "id,indicator,type,creation_time,last_updated,should_delete,tags,status,applications_with_opinions,"
    "descriptors{id,reactions,owner{id},tags,status}"
)


class ThreatExchange:
    """Hashes of pictures and videos that the group's members share."""

    name = "fb_threatexchange"
    says = "Meta's ThreatExchange: one privacy group"
    config = (
        Field("privacy_group", "number", "the number of the privacy group", required=True),
        Field("base_url", "string", "the address of the service", default=HOST),
    )
    credentials = (Field("api_token", "string", "the application's token, ID|SECRET", required=True),)
    shares_credentials = True
    takes_opinions = True

    def pages(self, access: Access, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """From the newest update that is known on."""
        known = dict(checkpoint or {})
        since = int(known.get("last_updated", 0))
        if known and access.now - datetime.fromtimestamp(known.get("fetched", 0), UTC) > IDLE:
            since = 0
        newest, now = since, int(access.now.timestamp())
        query = {
            "access_token": access.credentials["api_token"], "start_time": str(since), "stop_time": str(now),
            "limit": str(LIMIT), "types": ",".join(_KINDS), "fields": _FIELDS,
        }  # fmt: skip
        path = f"/{access.config['privacy_group']}/threat_updates/"
        with Host(access.config["base_url"]) as host:
            while True:
                answer = host.get_json(path, query)
                rows = [row for row in answer.get("data") or [] if isinstance(row, dict)]
                newest = max([newest, *(_number(row.get("last_updated")) for row in rows)])
                following = (answer.get("paging") or {}).get("next")
                mark = {"last_updated": newest, "fetched": now}
                yield Page(iter([_found(n, row) for n, row in enumerate(rows, 1)]), mark, done=not following)
                if not following:
                    return
                query = _next_query(host.base + path, str(following), query)

    def up_to(self, checkpoint: Mapping[str, Any]) -> datetime | None:
        """The newest update that was fetched."""
        newest = int(checkpoint.get("last_updated", 0))
        return datetime.fromtimestamp(newest, UTC) if newest else None

    def send(self, access: Access, opinions: Sequence[Opinion]) -> Iterator[str]:
        """A reaction to the descriptor of each entry."""
        from urllib.parse import urlencode

        with Host(access.config["base_url"]) as host:
            for opinion in opinions:
                descriptor = opinion.entry.original.get("descriptor", "")
                if not descriptor.isdecimal():
                    continue
                reaction = "HELPFUL" if opinion.right else "NOT_HELPFUL"
                body = urlencode({"access_token": access.credentials["api_token"], "reactions": reaction}).encode()
                host.send("POST", f"/{descriptor}/", body, "application/x-www-form-urlencoded")
                yield opinion.entry.key


def _next_query(here: str, following: str, before: Mapping[str, str]) -> dict[str, str]:
    """The parameters of the next page; its address has to be this one."""
    there, mine = urlsplit(following), urlsplit(here)
    if (there.scheme, there.netloc, there.path.rstrip("/")) != (mine.scheme, mine.netloc, mine.path.rstrip("/")):
        raise UpstreamError("The exchange points to another host for its next page.", hint="Nothing was sent there.")
    asked = {name: values[-1] for name, values in parse_qs(there.query).items()}
    if asked == dict(before):
        raise UpstreamError("The exchange answers the same page for ever.", hint="Fetch again later.")
    return asked


def _found(number: int, row: Mapping[str, Any]) -> Found:
    key, kind = str(row.get("id") or ""), _KINDS.get(str(row.get("type")))
    stamp = f"{_number(row.get('last_updated')):012d}"
    if not key:
        return Junk(number, "the update has no id")
    descriptors = [one for one in row.get("descriptors") or [] if isinstance(one, dict) and one.get("owner")]
    if row.get("should_delete") or not descriptors or row.get("status") == "NON_MALICIOUS":
        return Removal(number, key, stamp)
    if kind is None:
        return Junk(number, f"signals of kind {row.get('type')} are not matched here")
    given = {kind: str(row.get("indicator") or "")}
    tags = [str(tag) for one in (row, *descriptors) for tag in _tags(one)]
    return Item(
        number,
        NewEntry(
            key=key, md5=given.get("md5"), sha256=given.get("sha256"), pdq=given.get("pdq"), stamp=stamp,
            categories=tuple(dict.fromkeys(tags)),
            original={"type": str(row.get("type")), "descriptor": str(descriptors[0].get("id", ""))},
        ),
    )  # fmt: skip


def _tags(one: Mapping[str, Any]) -> list[Any]:
    tags = one.get("tags")
    if isinstance(tags, dict):
        tags = [tag.get("text", "") for tag in tags.get("data") or [] if isinstance(tag, dict)]
    return tags if isinstance(tags, list) else []


def _number(value: Any) -> int:  # noqa: ANN401 - any JSON value
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
