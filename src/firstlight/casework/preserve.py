"""Preservation: the evidence package of a case, made from the tables and the custody log, free of media."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import JsonValue
from sqlalchemy import select

from firstlight import custody
from firstlight.banks import Match
from firstlight.casework import acts, anchoring, cases, parties, retention, supplements, worksheet
from firstlight.casework.home import SERVICE, Home, Work, case_name
from firstlight.casework.policies import ELEMENTS
from firstlight.casework.received.document import BY_STATEMENT, is_received
from firstlight.casework.review import Decision
from firstlight.casework.upload import Upload
from firstlight.clock import to_text
from firstlight.custody import (
    ActKind,
    ElementsTable,
    FileFacts,
    PackageContents,
    PackageReport,
    Stored,
    Summary,
    SystemFacts,
    TimelineRow,
    export_package,
)
from firstlight.custody.files import remove_left_over
from firstlight.custody.media_bag import export_media, media_details, require_recipients
from firstlight.cybertip import Draft, FileDetails, JournalEntry, Receipt, to_xml
from firstlight.errors import StateError, StorageError
from firstlight.origin import Verdict
from firstlight.store import tables
from firstlight.store.tables import Case, FilingStep, Item
from firstlight.triage import Priority
from firstlight.values import Document, Level, Reason, Sha256Hex, Versioned

_READ_AT_ONCE = "A child may be in danger now, by what a person found; see why below."
_DANGER = {
    Level.IMMEDIATE: "A child may be in danger now, by what the service knows; see why below.",
    Level.HIGH: "There are signs of a real child; see why below.",
    Level.STANDARD: "Nothing is known of a present danger. Unknown counts as real.",
    Level.BULK: "Lowered by a named person on records that no uploader can forge; see why below.",
}
_LIMITS = "A sign of origin says what it says and no more; the absence of a sign says nothing."


def export(home: Home, case_number: int, into: Path, *, actor: str = SERVICE) -> PackageReport:
    """Write the evidence package of a case below `into`; each export is a new package with the next number.

    What an export that was cut off has left there of this case is removed first: it is no package.

    Raises:
        NotFoundError: there is no such case.
        StateError: something in the case was not examined yet.
        StorageError: the folder cannot be made or written; nothing is left there.
    """
    _make_folder(into)
    system = worksheet.system(home)  # before the write lock is taken: opening the banks may have to wait
    with home.work_in_steps() as work:
        case = cases.one(work, case_number)
        _sweep(into, case_number)
        contents = _contents(home, work, case, _free_name(into, case_number), system)
        return export_package(
            contents,
            into,
            work.log,
            home.clock,
            actor=actor,
            commit=work.session.commit,
            stamp=anchoring.stamper(home),
            cosigner=anchoring.cosigner(home),
            elements=_elements(home),
        )


class MediaExport(Document):
    """Where an export of originals stands: waiting for a second person's approval of `act_sha256`, or done."""

    title_for_people: ClassVar[str] = "export of originals"

    kind: Literal["media-export"] = "media-export"
    version: Versioned = 1
    act_sha256: Sha256Hex
    approved_by: str | None
    records: PackageReport | None = None
    media: PackageReport | None = None


def export_with_media(
    home: Home, case_number: int, into: Path, recipients: Sequence[str], *, actor: str
) -> MediaExport:
    """Write the evidence package of a case, and beside it its originals, encrypted with age to these keys.

    The first call asks for it; once another person has approved exactly these files for exactly these keys, the same
    call does it, within ten minutes of the approval.

    Raises:
        NotFoundError: there is no such case.
        InputError: a key is no age key, or nobody is named who asks.
        StateError: nothing of the case is left to be given, or it was not examined yet.
        IntegrityError: an original is not what was stored; no package of originals is made then.
        MissingExtraError, StorageError: as `export` and `custody.export_media`.
    """
    require_recipients(recipients)
    _make_folder(into)
    with home.work() as work:
        case = cases.one(work, case_number)
        objects = _originals(work, case)
        name = _free_name(into, case_number, "originals")
        details = media_details(name=name, objects=objects, recipients=recipients)
        act, approval = acts.asked(work, ActKind.EXPORT_WITH_MEDIA, case.id, details, requester=actor)
    if approval is None:
        return MediaExport(act_sha256=act.digest(), approved_by=None)
    records = export(home, case_number, into, actor=actor)
    organisation = _organisation(home)
    vault = home.vault
    with home.work_in_steps() as work:
        acts.done(work, act)
        media = export_media(
            act,
            [approval],
            objects,
            organisation,
            vault,
            into,
            work.log,
            home.clock,
            commit=work.session.commit,
            stamp=anchoring.stamper(home),
            cosigner=anchoring.cosigner(home),
        )
    return MediaExport(act_sha256=act.digest(), approved_by=approval.approver, records=records, media=media)


def _originals(work: Work, case: Case) -> list[Stored]:
    """The originals of a case that are still there, each once by its bytes."""
    items = cases.members(work, case)
    gone = retention.destroyed(work)
    found = {item.sha256: Stored.from_json(item.stored) for item in items if item.id not in gone}
    if not found:
        raise StateError(f"No original of case {case.id} is left.", hint="They were destroyed after their time.")
    return list(found.values())


def _make_folder(into: Path) -> None:
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StorageError(f"The folder {into} cannot be made: {e.strerror}.", hint="Name another one.") from e


def _elements(home: Home) -> ElementsTable | None:
    """The operator's own table of elements, where the home has one."""
    path = home.folder / ELEMENTS
    return ElementsTable.load(path) if path.exists() else None


def _organisation(home: Home) -> str:
    return home.settings.organisation.name or "an organisation that has not named itself"


def _sweep(into: Path, case_number: int) -> None:
    """Remove what exports that were cut off have left. Another home may export into the same folder right now."""
    for left in into.glob(f".firstlight-{case_name(case_number)}-*.partial"):
        with contextlib.suppress(StorageError):  # it does not stand in the way
            remove_left_over(left)


def _free_name(into: Path, case_number: int, what: str = "") -> str:
    begin = f"firstlight-{case_name(case_number)}-{what + '-' if what else ''}"
    number = 1
    while (into / f"{begin}{number}").exists():
        number += 1
    return f"{begin}{number}"


def _contents(home: Home, work: Work, case: Case, name: str, system: SystemFacts) -> PackageContents:
    items = cases.members(work, case)
    if any(item.verdict is None for item in items) or _same_bytes_wait(work, items):
        raise StateError(f"Not everything in case {case.id} is examined yet.", hint="Run `firstlight intake` first.")
    decisions = [
        Decision.from_json(row)
        for row in work.session.scalars(
            select(tables.Decision.document)
            .where(tables.Decision.case_id == case.id, tables.Decision.withdrawn_at.is_(None))
            .order_by(tables.Decision.id)
        )
    ]
    filings = work.session.scalars(
        select(tables.Filing).where(tables.Filing.case_id == case.id).order_by(tables.Filing.id)
    ).all()
    receipts = [Receipt.from_json(filing.receipt) for filing in filings if filing.receipt]
    uploads = [Upload.from_json(item.upload) for item in items]
    return PackageContents(
        name=name,
        case=case_name(case.id),
        organisation=_organisation(home),
        summary=_summary(home, items, uploads, decisions, receipts),
        files=tuple(_file(work, item, upload, decisions) for item, upload in zip(items, uploads, strict=True)),
        identifiers=parties.identifiers(_by_record(items, uploads)),
        timeline=tuple(_timeline(items, uploads, decisions, receipts)),
        records=_records(work, items, decisions, receipts) | _journals(work, filings) | _kept(work, case, items),
        report=_report(filings),
        facts=worksheet.facts(items, uploads, decisions),
        system=system,
    )


def _same_bytes_wait(work: Work, items: Sequence[Item]) -> bool:
    """Whether copies came in that belong to this case and are not placed yet: the log shows entries by their bytes, and
    a package tells nothing of an upload that is not in its records."""
    digests = {item.sha256 for item in items}
    waiting = work.session.scalars(select(Item.sha256).where(Item.case_id.is_(None)))
    return any(sha256 in digests for sha256 in waiting)


def _by_record(items: Sequence[Item], uploads: Sequence[Upload]) -> dict[str, Upload]:
    return {_name(item): upload for item, upload in zip(items, uploads, strict=True)}


def _summary(
    home: Home,
    items: Sequence[Item],
    uploads: Sequence[Upload],
    decisions: Sequence[Decision],
    receipts: Sequence[Receipt],
) -> Summary:
    """What the first page says. The most urgent item speaks for the case, also when it is decided already; what a
    person asked to be read at once comes before it."""
    priorities = [Priority.from_json(item.priority or "") for item in items]
    first = min(priorities, key=lambda priority: priority.sort_key)
    known = sum(1 for item in items if any(match.counts for match in Verdict.from_json(item.verdict or "").matches))
    who = home.settings.organisation
    urgent = [
        Reason(rule="decision.escalation", says=f"{one.actor} asked for it to be read at once: {words}")
        for one in decisions
        if (words := one.conclusion.escalation)
    ]
    return Summary(
        danger=_READ_AT_ONCE if urgent else _DANGER[first.level],
        why=(*urgent, first.reasons),
        roles=parties.roles(_by_record(items, uploads)),
        places=parties.places(_by_record(items, uploads)),
        new_or_known=f"{known} of {len(items)} files match a bank; a file that matches none may be new.",
        report_ids=tuple(str(receipt.report_id) for receipt in receipts),
        contact=" ".join(part for part in (who.contact_first_name, who.contact_last_name, who.contact_email) if part),
        preserved_until=max((receipt.preserve_until for receipt in receipts), default=None),
    )


def _file(work: Work, item: Item, upload: Upload, decisions: Sequence[Decision]) -> FileFacts:
    verdict = Verdict.from_json(item.verdict or "")
    digests = Stored.from_json(item.stored).digests
    category = next((d.conclusion.classification for d in reversed(decisions) if d.item == item.id), None)
    return FileFacts(
        digests=digests,
        media_type=item.media_type,
        original_name=upload.name,
        received_at=item.received_at,
        source=item.source,
        pdq=verdict.pdq.hex if verdict.pdq else None,
        found_by=tuple(f"{_how(item, match)} an entry of {match.bank}" for match in verdict.matches if match.counts),
        viewed=custody.viewings(work.log, digests),
        origin=(*(indicator.says for indicator in verdict.indicators), *_stated_origin(upload)),
        origin_limits=_LIMITS,
        category=category.value if category else "",
        public=upload.publicly_available,
    )


def _stated_origin(upload: Upload) -> Iterator[str]:
    for claim in upload.origin:
        yield f"the service states ({claim.basis.value}): {claim.says}"
    if upload.generation is not None:
        source = upload.generation.input_sha256
        yield "a generator logged the job that made it" + (f", with an input of the SHA-256 {source}" if source else "")


def _how(item: Item, match: Match) -> str:
    how = "the same bytes as" if match.exact else f"{match.distance} of 256 bits from"
    return f"{BY_STATEMENT}, {how}" if is_received(item) else how


def _timeline(
    items: Sequence[Item], uploads: Sequence[Upload], decisions: Sequence[Decision], receipts: Sequence[Receipt]
) -> list[TimelineRow]:
    rows = [
        TimelineRow(at=upload.uploaded_at, what=f"Item {item.id} uploaded.", who=upload.account, record=_name(item))
        for item, upload in zip(items, uploads, strict=True)
        if upload.uploaded_at
    ]
    rows += [TimelineRow(at=item.received_at, what=f"Item {item.id} received.", record=_name(item)) for item in items]
    rows += [
        TimelineRow(
            at=one.at,
            what=f"Item {one.item}: decided {one.conclusion.finding.value}.",
            who=one.actor,
            record="decisions.json",
        )
        for one in decisions
    ]
    rows += [
        TimelineRow(at=one.finished_at, what=f"Report {one.report_id} finished.", record=f"receipt-{number}.json")
        for number, one in enumerate(receipts, 1)
    ]
    return sorted(rows, key=lambda row: row.at)


def _records(
    work: Work, items: Sequence[Item], decisions: Sequence[Decision], receipts: Sequence[Receipt]
) -> dict[str, JsonValue]:
    """What machines and people wrote down at the time, as it was written."""
    records: dict[str, JsonValue] = {
        _name(item): {
            "item": item.id,
            "state": item.state,
            "source": item.source,
            "upload": Upload.from_json(item.upload).model_dump(mode="json"),
            "stored": Stored.from_json(item.stored).model_dump(mode="json"),
            "supplements": [one.model_dump(mode="json") for one in supplements.of_item(work, item.id)],
            "verdict": Verdict.from_json(item.verdict or "").model_dump(mode="json"),
            "priority": Priority.from_json(item.priority or "").model_dump(mode="json"),
        }
        for item in items
    }
    records["decisions.json"] = [decision.model_dump(mode="json") for decision in decisions]
    for number, receipt in enumerate(receipts, 1):
        records[f"receipt-{number}.json"] = receipt.model_dump(mode="json")
    return records


def _kept(work: Work, case: Case, items: Sequence[Item]) -> dict[str, JsonValue]:
    """Until when the originals are kept, every hold, and what was destroyed."""
    kept = retention.Keeping.of(work, items, case.id)
    return {
        "retention.json": {
            "holds": [hold.model_dump(mode="json") for hold in kept.holds],
            "items": [
                {
                    "item": item.id,
                    "clocks": [clock.model_dump(mode="json") for clock in kept.clocks[item.id]],
                    "destroyed": to_text(kept.destroyed[item.id]) if item.id in kept.destroyed else None,
                }
                for item in items
            ],
        }
    }


def _journals(work: Work, filings: Sequence[tables.Filing]) -> dict[str, JsonValue]:
    """What was about to be sent, and what came of it, step by step."""
    return {
        f"filing-{filing.id}-journal.json": [
            JournalEntry.model_validate_json(step).model_dump(mode="json")
            for step in work.session.scalars(
                select(FilingStep.entry).where(FilingStep.filing_id == filing.id).order_by(FilingStep.seq)
            )
        ]
        for filing in filings
    }


def _name(item: Item) -> str:
    return f"item-{item.id}.json"


def _report(filings: Sequence[tables.Filing]) -> dict[str, bytes]:
    """The reports as they were sent: the report's XML and one document of details for each file."""
    out: dict[str, bytes] = {}
    for filing in filings:
        if filing.receipt is None:
            continue
        receipt, draft = Receipt.from_json(filing.receipt), Draft.from_json(filing.draft)
        out[f"report-{receipt.report_id}.xml"] = to_xml(draft.report)
        numbers = {file.key: file.file_id for file in receipt.files}
        for file in draft.files:
            details = FileDetails.of(receipt.report_id, numbers[file.key], file.description)
            out[f"report-{receipt.report_id}-{file.key}.xml"] = to_xml(details)
    return out
