"""Handing what a screening found to the CyberTipline's drafting: as known material found in data, and nothing else.

No byte is taken out of the data set here. The draft shows what a report could say; to file it, whoever may take the
files in does so with the about file that is written here, and the house's usual way begins: look, decide, report.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar, Final, Literal

from firstlight.casework.facts import reporting_party
from firstlight.casework.home import Home
from firstlight.casework.upload import Upload
from firstlight.cybertip import Draft, Findings, ListMatch, MemoryRecord, OriginClaim, check, draft_report
from firstlight.cybertip.drafting.facts import CaseFacts, CaseFile, Channel, Conduct, Where
from firstlight.cybertip.record import AiBasis
from firstlight.screen.hits import Hit
from firstlight.values import Digests, Document, Versioned

MOST_FILES: Final = 500
"""Files in one draft; a report with more is nobody's to read. More hits are more drafts, by data set."""
MOST_PLACES: Final = 20
"""Places that are named for one file; all are counted."""


class HandOver(Document):
    """What a report on a data set could say, and what the check says to that."""

    title_for_people: ClassVar[str] = "hand-over of a screening"

    kind: Literal["screen-hand-over"] = "screen-hand-over"
    version: Versioned = 1
    hits: int
    files: int
    left_out: int = 0
    draft: Draft
    findings: Findings


def hand_over(home: Home, hits: Iterable[Hit], *, data_set: str, found_at: datetime | None = None) -> HandOver:
    """The draft of a report on what was found, with one file for all copies of the same bytes.

    `found_at` is when it was found; now, if that is not said.

    Raises:
        InputError: the settings do not say who reports.
    """
    groups = _grouped(hits)
    kept = list(groups.values())[:MOST_FILES]
    files = tuple(file for number, group in enumerate(kept, 1) if (file := _file(number, group, data_set)) is not None)
    now = home.clock.now()
    urls = tuple(
        dict.fromkeys(hit.url for group in kept for hit in group if hit.url.startswith(("http://", "https://")))
    )
    facts = CaseFacts(
        reporter=reporting_party(home),
        conduct=Conduct.MATERIAL,
        occurred_at=found_at or now,
        occurred_note="When it was found in the data set. When it was put there is not known to the reporter.",
        platform=home.settings.organisation.name,
        channels=(Channel(where=Where.WEB, urls=urls),) if urls else (),
        files=files,
        narrative=_narrative(kept, data_set),
    )
    draft = draft_report(facts)
    return HandOver(
        hits=sum(len(group) for group in groups.values()), files=len(files), left_out=len(groups) - len(kept),
        draft=draft, findings=check(draft, _record(files), at=now),
    )  # fmt: skip


def about_file(hits: Iterable[Hit], *, data_set: str) -> bytes:
    """An about file for `firstlight intake`: by the name of each file, every place where it stands and its one basis.

    Where different files share a name, each is told by its shard as well: `00012.tar/picture.jpg`.
    """
    groups = _grouped(hit for hit in hits if hit.sha256)
    owners = Counter(name for group in groups.values() for name in {_name(hit) for hit in group})
    found = {}
    for group in groups.values():
        for hit in group:
            name = _name(hit) if owners[_name(hit)] == 1 else f"{_shard(hit)}/{hit.member}"
            url = next((one.url for one in group if one.url), "")
            upload = Upload(name=_name(hit), url=url, origin=(claim_of(group, data_set),))
            found[name] = upload.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(found, indent=2, ensure_ascii=True).encode() + b"\n"


def _name(hit: Hit) -> str:
    return hit.member.rpartition("/")[2]


def _shard(hit: Hit) -> str:
    return hit.place.rstrip("/").rpartition("/")[2]


def claim_of(group: Sequence[Hit], data_set: str) -> OriginClaim:
    """The only statement that a finding carries: it was found in data. Not how it was made."""
    places = "; ".join(_place(hit) for hit in group[:MOST_PLACES])
    more = f"; and {len(group) - MOST_PLACES} more places" if len(group) > MOST_PLACES else ""
    says = (
        f"Known material found in data: a known file stands in the data set {data_set}, at {places}{more}. "
        "This says nothing about how the file was made."
    )
    return OriginClaim(basis=AiBasis.KNOWN_IN_TRAINING_DATA, says=says, source=f"screening of {data_set}")


def _web(hit: Hit) -> str:
    return hit.url if hit.url.startswith(("http://", "https://")) else ""


def _place(hit: Hit) -> str:
    parts = [f"{_shard(hit)}, {hit.key or hit.member}"]
    parts += [f"from {hit.url}"] if hit.url else []
    parts += [f"downloaded {hit.fetched}"] if hit.fetched else []
    return ", ".join(parts)


def _grouped(hits: Iterable[Hit]) -> dict[str, list[Hit]]:
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(hit.identity, []).append(hit)
    return groups


def _file(number: int, group: Sequence[Hit], data_set: str) -> CaseFile | None:
    """The file of a report; none where the data set does not hold the bytes, as with a table of hashes."""
    hit = group[0]
    if not hit.sha256:
        return None
    return CaseFile(
        key=f"hit-{number}",
        digests=Digests(md5=hit.md5, sha1=hit.sha1, sha256=hit.sha256, size=hit.size),
        file_name=_name(hit),
        url=_web(hit),
        width=hit.width or None,
        height=hit.height or None,
        pdq=hit.pdq,
        matches=_matches(hit),
        origin_claims=(claim_of(group, data_set),),
    )


def _matches(hit: Hit) -> tuple[ListMatch, ...]:
    """What the file itself matched: a digest that was taken at download is that of other bytes than these."""
    return tuple(
        ListMatch(list_name=one.bank, exact=one.exact, hash_type=one.via, distance=one.distance)
        for one in hit.matches
        if one.channel != "recorded"
    )


def _narrative(groups: Sequence[Sequence[Hit]], data_set: str) -> str:
    begin = (
        f"A screening of the data set {data_set} against hash lists found known material in it. Nobody of the reporter "
        "has viewed it. The report does not say that any of it is machine-made."
    )
    lines = [begin]
    for group in groups:
        hit = group[0]
        digests = ", ".join(f"{kind} {value}" for kind, value in sorted(hit.recorded.items()))
        if digests:
            lines.append(f"{_place(hit)}: as downloaded, {digests}.")
    return "\n".join(lines)


def _record(files: Sequence[CaseFile]) -> MemoryRecord:
    return MemoryRecord(
        matches={file.digests.sha256: file.matches for file in files},
        origin_claims={file.digests.sha256: file.origin_claims for file in files},
    )
