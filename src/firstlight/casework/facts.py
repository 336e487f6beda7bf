"""What the tables know about a case, in the words of a report; nothing is guessed, and nothing is left out.

Both documents that leave the house are made from here: the report's draft (`case_facts`) and what the check holds it
against (`SqlRecord`). The second reads the log and the verdicts again and trusts nothing that the draft says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated

from pydantic import Field, ValidationError
from sqlalchemy import ColumnElement, literal, or_, select

from firstlight import custody
from firstlight.casework import cases, supplements
from firstlight.casework.home import Home, Work
from firstlight.casework.review import Decision, Finding
from firstlight.casework.upload import Upload, accounts, merged, web
from firstlight.custody import EventType, Stored
from firstlight.cybertip import (
    CaseFacts,
    Draft,
    DrawnPolicy,
    ListMatch,
    OriginClaim,
    Receipt,
    Rendition,
    SimulatorDestination,
    Viewing,
)
from firstlight.cybertip.drafting.batch import BatchFacts
from firstlight.cybertip.drafting.facts import (
    Account,
    CaseFile,
    Channel,
    Conduct,
    FileSign,
    NetworkEvent,
    ReportingParty,
)
from firstlight.cybertip.model.codes import EventName
from firstlight.cybertip.record import Generation
from firstlight.errors import InputError, IntegrityError, StateError
from firstlight.origin import Verdict
from firstlight.store import tables
from firstlight.store.tables import Item
from firstlight.triage import FACTS, ContextFact
from firstlight.values import Sha256Hex, Value

SIMULATOR = SimulatorDestination.name


class SqlRecord:
    """What was logged about files, read from the tables; it answers the check of a report.

    `destination` narrows the earlier reports to those of one: a number of the simulator says nothing to the service.
    """

    def __init__(self, home: Home, destination: str | None = None) -> None:
        self._home = home
        self._destination = destination

    def viewings(self, sha256: str) -> tuple[Viewing, ...]:
        """Every viewing of exactly these bytes."""
        with self._home.look() as work:
            return viewings_of(work, sha256)

    def matches(self, sha256: str) -> tuple[ListMatch, ...]:
        """Every match of exactly these bytes in a list, each once."""
        with self._home.look() as work:
            rows = work.session.scalars(select(Item.verdict).where(Item.sha256 == sha256, Item.verdict.is_not(None)))
            return tuple(dict.fromkeys(one for row in rows if row for one in list_matches(Verdict.from_json(row))))

    def origin_claims(self, sha256: str) -> tuple[OriginClaim, ...]:
        """Statements on how these bytes came to be that may stand in a report: what the service stated at intake.

        They are read from the custody log. Signs that the machine saw are told to the reviewer and the investigator;
        they never become a claim of the report.
        """
        with self._home.look() as work:
            return tuple(dict.fromkeys(claim for upload in _logged_uploads(work, sha256) for claim in upload.origin))

    def generations(self, sha256: str) -> tuple[Generation, ...]:
        """Every job of a generator that the service stated for these bytes at intake, from the custody log."""
        with self._home.look() as work:
            jobs = [upload.generation for upload in _logged_uploads(work, sha256)]
        return tuple(dict.fromkeys(job for job in jobs if job is not None))

    def prior_reports(self) -> frozenset[int]:
        """The finished reports of this home."""
        with self._home.look() as work:
            rows = work.session.scalars(select(tables.Filing.receipt).where(tables.Filing.receipt.is_not(None))).all()
        receipts = [Receipt.from_json(row) for row in rows if row]
        return frozenset(one.report_id for one in receipts if self._destination in (None, destination_of(one)))


def _uploads_of(work: Work, items: Sequence[Item]) -> list[Upload]:
    """What the service stated about each item; the custody log has to hold the same. Copies have one record.

    Raises:
        IntegrityError: it does not.
    """
    logged = cache(lambda sha256: frozenset(_logged_uploads(work, sha256)))
    uploads = [Upload.from_json(item.upload) for item in items]
    for item, upload in zip(items, uploads, strict=True):
        if upload not in logged(item.sha256):
            raise IntegrityError(
                f"What is said of the upload of item {item.id} is not what was logged when it was taken in.",
                hint="Run `firstlight reconcile`, keep the home as it is, and compare it with the backup.",
                code="integrity.upload",
            )
    return uploads


def destination_of(receipt: Receipt) -> str:
    """The kind of destination that the report was filed with, such as `simulator`."""
    return receipt.destination.partition(" ")[0]


def _logged_uploads(work: Work, sha256: str) -> list[Upload]:
    """What was stated about every upload of exactly these bytes, as far as the log can still be opened."""
    found: list[Upload] = []
    for entry in work.log.entries(subjects=[sha256], types=[EventType.INGEST]):
        if entry.event is None:
            continue
        try:
            if "supplement" not in entry.event.payload:  # the same bytes may be context of another item
                found.append(Upload.model_validate(entry.event.payload.get("upload")))
        except ValidationError as e:
            raise IntegrityError(f"Entry {entry.seq} of the custody log is no intake.", code="integrity.entry") from e
    return found


def viewings_of(work: Work, sha256: str) -> tuple[Viewing, ...]:
    """Every viewing of exactly these bytes that the custody log holds, oldest first; none of a file it never held."""
    stored = work.session.scalar(select(Item.stored).where(Item.sha256 == sha256).order_by(Item.id).limit(1))
    if stored is None:
        return ()
    return tuple(
        Viewing(by=seen.by, at=seen.at, seconds=seen.seconds, rendition=Rendition(seen.rendition), whole=seen.entire)
        for seen in custody.viewings(work.log, Stored.from_json(stored).digests)
    )


def list_matches(verdict: Verdict) -> tuple[ListMatch, ...]:
    """The verdict's matches, in the words of a report; those that an `allow` bank vetoes are left out."""
    return tuple(
        ListMatch(
            list_name=match.bank,
            exact=match.exact,
            hash_type=match.via.value if match.seconds is None else f"{match.via.value} of one frame",
            distance=match.distance,
        )
        for match in verdict.matches
        if match.counts
    )


def accounts_to_report(
    home: Home, case_number: int, *, filed_too: bool = False, without: frozenset[int] = frozenset()
) -> tuple[str, ...]:
    """The accounts whose uploads in this case are decided to be reported: one report each, oldest decision first.

    What stands in a filing already is left out, unless `filed_too`, and so are the items of `without`.

    Raises:
        NotFoundError: there is no such case.
    """
    with home.look() as work:
        pairs = _to_report(work, cases.one(work, case_number).id, filed_too=filed_too)
    return tuple(dict.fromkeys(Upload.from_json(item.upload).account for item, _ in pairs if item.id not in without))


def is_escalated(home: Home, case_number: int, account: str) -> bool:
    """Whether a decision on what this account uploaded asks for its report to be read at once."""
    with home.look() as work:
        pairs = _to_report(work, cases.one(work, case_number).id)
    return any(
        decision.conclusion.escalation for item, decision in pairs if Upload.from_json(item.upload).account == account
    )


def lacks_policy(home: Home, case_number: int, account: str) -> bool:
    """Whether all that is reported of this account is drawn, and no written policy says that such material is filed."""
    with home.look() as work:
        decided = [
            (item, decision, Upload.from_json(item.upload))
            for item, decision in _to_report(work, cases.one(work, case_number).id)
        ]
    signs = [
        decision.conclusion.signs
        for item, decision, upload in decided
        if upload.account == account and not upload.is_words_alone(item.sha256)
    ]
    return bool(signs) and all(FileSign.DRAWN in each for each in signs) and not has_drawn_policy(home)


def asks_to_be_read_at_once(draft: Draft) -> bool:
    """Whether the draft is that of an escalated report."""
    return draft.report.incident_summary.escalate_to_high_priority is not None


def case_facts(
    home: Home, case_number: int, account: str, *, destination: str = SIMULATOR, filed_too: bool = False
) -> CaseFacts:
    """Everything a report may say about what one account uploaded and a person decided to report.

    Earlier reports are those filed with the same kind of destination. What stands in a filing already is left out,
    unless `filed_too`.

    Raises:
        StateError: nothing of it waits to be reported.
        InputError: the settings do not say who reports.
        IntegrityError: what is said of an upload is not what was logged of it.
    """
    with home.look() as work:
        pairs = _to_report(work, cases.one(work, case_number).id, filed_too=filed_too)
        return _facts(home, work, case_number, account, pairs, destination)


def preview_facts(
    home: Home, decisions: Sequence[Decision], account: str, *, destination: str = SIMULATOR
) -> CaseFacts:
    """What a report would say if these decisions on one account's uploads were made; nothing is kept.

    Raises:
        StateError: none of them asks for a report on this account.
        InputError: the settings do not say who reports.
    """
    with home.look() as work:
        wanted = [one for one in decisions if one.conclusion.finding is Finding.REPORT]
        pairs = [(cases.item(work, one.item), one) for one in wanted]
        return _facts(home, work, decisions[0].case if decisions else 0, account, pairs, destination)


def _facts(
    home: Home,
    work: Work,
    case_number: int,
    account: str,
    pairs: Sequence[tuple[Item, Decision]],
    destination: str,
) -> CaseFacts:
    party = reporting_party(home)
    stated = _uploads_of(work, [item for item, _ in pairs])
    decided = [(*pair, upload) for pair, upload in zip(pairs, stated, strict=True) if upload.account == account]
    if not decided:
        raise StateError(
            f"Nothing in case {case_number} waits to be reported.",
            hint="Decide it first: firstlight case decide NUMBER --finding report ...",
        )
    conclusions = [decision.conclusion for _, decision, _ in decided]
    uploads = [upload for _, _, upload in decided]
    dated = all(upload.uploaded_at for upload in uploads)
    return CaseFacts(
        reporter=party,
        conduct=next((c.conduct for c in reversed(conclusions) if c.conduct), Conduct.MATERIAL),
        occurred_at=min(upload.uploaded_at or item.received_at for item, _, upload in decided),
        occurred_note="The earliest upload." if dated else "When the service first held the material.",
        platform=home.settings.organisation.name,
        escalation=next((c.escalation for c in conclusions if c.escalation), ""),
        signs=tuple(dict.fromkeys(sign for c in conclusions for sign in c.case_signs)),
        channels=_channels(uploads),
        suspect=_suspect(work, account, uploads, destination),
        recipients=accounts(party for upload in uploads for party in upload.recipients),
        victims=accounts(party for upload in uploads for party in upload.victims),
        files=tuple(_files(work, decided)),
        narrative="\n".join(dict.fromkeys(c.why for c in conclusions)),
    )


def reporting_party(home: Home) -> ReportingParty:
    """Who reports, by the settings.

    Raises:
        InputError: they do not say it.
    """
    who = home.settings.organisation
    if not who.contact_email:
        raise InputError(
            "The settings do not say who reports.",
            hint=f"Fill in [organisation] contact_email in {home.folder / 'settings.toml'}; a report needs it.",
        )
    return ReportingParty(
        first_name=who.contact_first_name,
        last_name=who.contact_last_name,
        email=who.contact_email,
        company_template=who.name,
        terms_of_service=who.terms_of_service,
        legal_url=who.legal_url,
    )


def _to_report(work: Work, case: int, *, filed_too: bool = False) -> list[tuple[Item, Decision]]:
    wanted = (
        select(Item, tables.Decision.document)
        .join(tables.Decision, tables.Decision.item_id == Item.id)
        .where(Item.case_id == case, Item.state.in_(["decided", "filed"]), tables.Decision.withdrawn_at.is_(None))
        .order_by(tables.Decision.id)
    )
    if not filed_too:
        wanted = wanted.where(Item.state == "decided", cases.in_no_filing())
    rows = work.session.execute(wanted)
    pairs = [(item, Decision.from_json(document)) for item, document in rows]
    return [(item, decision) for item, decision in pairs if decision.conclusion.finding is Finding.REPORT]


def _files(work: Work, decided: Sequence[tuple[Item, Decision, Upload]]) -> Iterator[CaseFile]:
    """What is sent of items: the file and its context. Of words whose text stands in the report, only the latter."""
    seen = cache(lambda sha256: viewings_of(work, sha256))
    for item, decision, upload in decided:
        if not upload.is_words_alone(item.sha256):
            yield _file(item, decision, upload, seen(item.sha256))
        for one in supplements.of_item(work, item.id):
            yield CaseFile(
                key=one.key,
                digests=one.stored.digests,
                media_type=one.media_type,
                supplemental=True,
                file_name=one.name,
                note=f"Context: {one.what}",
            )


def items_to_report(work: Work, case_number: int, account: str) -> tuple[int, ...]:
    """The items that `case_facts` of this account would tell of, each once."""
    pairs = _to_report(work, case_number)
    return tuple(dict.fromkeys(item.id for item, _ in pairs if Upload.from_json(item.upload).account == account))


class Batch(Value):
    """Accounts that passed on one viral file, and with nothing to be said of any of them beyond that."""

    sha256: Sha256Hex
    accounts: Annotated[tuple[str, ...], Field(min_length=2)]
    items: tuple[int, ...]


def batches_to_report(home: Home, case_number: int) -> tuple[Batch, ...]:
    """What of a case can go into batched reports: one for each viral file that several accounts passed on.

    Whoever is escalated, annotated, or known with more than an identifier (a receiver, a conversation, a context file)
    needs a report of their own and is in none.

    Raises:
        NotFoundError: there is no such case.
    """
    with home.look() as work:
        found: dict[str, dict[str, list[int]]] = {}
        pairs = _to_report(work, cases.one(work, case_number).id)
        stated = _uploads_of(work, [item for item, _ in pairs])
        for (item, decision), upload in zip(pairs, stated, strict=True):
            if _says_nothing_more(decision, upload) and not supplements.of_item(work, item.id):
                found.setdefault(item.sha256, {}).setdefault(upload.account, []).append(item.id)
        return tuple(
            Batch(sha256=sha256, accounts=tuple(by), items=tuple(one for items in by.values() for one in items))
            for sha256, by in found.items()
            if len(by) > 1
        )


def _says_nothing_more(decision: Decision, upload: Upload) -> bool:
    """Whether a batched report could carry all that is known of this upload but where it came from."""
    said = decision.conclusion
    viral = bool(said.signs) and set(said.signs) <= {FileSign.VIRAL, FileSign.POTENTIAL_MEME}
    others = (said.escalation, said.case_signs, upload.recipients, upload.victims, upload.chats, upload.origin)
    return viral and bool(upload.account) and upload.generation is None and not any(others)


def batch_facts(home: Home, case_number: int, batch: Batch) -> BatchFacts:
    """What the batched report says: the file once, and each account by its identifier.

    Raises:
        StateError: not all of it waits to be reported any more.
        InputError: the settings do not say who reports.
    """
    party = reporting_party(home)
    with home.look() as work:
        pairs = [(item, said) for item, said in _to_report(work, case_number) if item.id in batch.items]
        if {item.id for item, _ in pairs} != set(batch.items):
            raise StateError("Not all of the batch waits to be reported any more.", hint="File the case again.")
        stated = _uploads_of(work, [item for item, _ in pairs])
        rows = [(*pair, upload) for pair, upload in zip(pairs, stated, strict=True)]
        item, decision, upload = rows[0]
        file = _file(item, decision, upload, viewings_of(work, item.sha256))
    return BatchFacts(
        reporter=party,
        conduct=next((said.conclusion.conduct for _, said, _ in reversed(rows) if said.conclusion.conduct), None)
        or Conduct.MATERIAL,
        occurred_at=min(up.uploaded_at or one.received_at for one, _, up in rows),
        platform=home.settings.organisation.name,
        users=batch.accounts,
        file=file,
    )


def drawn_policy(home: Home) -> DrawnPolicy | None:
    """The operator's written policy on drawn material, by the settings; None when there is none.

    Raises:
        InputError: it is filled in by half.
    """
    said = home.settings.drawn_material
    if not said.policy and not said.signed_by and said.signed_at is None:
        return None
    if not said.policy.strip() or not said.signed_by.strip() or said.signed_at is None:
        raise InputError(
            "The policy on drawn material is filled in by half.",
            hint="Below [drawn_material] in the settings: policy, signed_by and signed_at, or none of them.",
        )
    return DrawnPolicy(said.policy, said.signed_by, said.signed_at)


def has_drawn_policy(home: Home) -> bool:
    """Whether there is a policy on drawn material; one that is filled in by half is none."""
    try:
        return drawn_policy(home) is not None
    except InputError:
        return False


def _file(item: Item, decision: Decision, upload: Upload, viewings: tuple[Viewing, ...]) -> CaseFile:
    verdict = Verdict.from_json(item.verdict or "")
    return CaseFile(
        key=f"item-{item.id}",
        digests=verdict.digests,
        media_type=item.media_type,
        file_name=upload.name,
        uploaded_at=upload.uploaded_at,
        url=upload.url,
        public=upload.publicly_available,
        upload=_network_event(upload),
        width=verdict.width,
        height=verdict.height,
        pdq=verdict.pdq.hex if verdict.pdq else "",
        signs=decision.conclusion.signs,
        classification=decision.conclusion.classification,
        viewings=viewings,
        matches=list_matches(verdict),
        origin_claims=upload.origin,
        generation=upload.generation,
        note=" ".join(FACTS[fact].says for fact in _OF_THE_GENERATOR if fact in upload.context),
    )


_OF_THE_GENERATOR = (ContextFact.GENERATOR_TOOK_PHOTOGRAPH, ContextFact.PROMPT_NAMES_PERSON)
"""What the service stated of the job that made a file: a real person may stand behind it, so the report says it."""


def _network_event(upload: Upload) -> NetworkEvent | None:
    if upload.ip is None:
        return None
    return NetworkEvent(ip=str(upload.ip), at=upload.uploaded_at, port=upload.port, event=EventName.UPLOAD)


def _channels(uploads: Sequence[Upload]) -> tuple[Channel, ...]:
    chats = dict.fromkeys(chat.as_channel() for upload in uploads for chat in upload.chats)
    return (*web(*(upload.url for upload in uploads)), *chats)


def _suspect(work: Work, account: str, uploads: Sequence[Upload], destination: str) -> Account | None:
    holder = merged(account, (upload.holder for upload in uploads))
    if holder == Account():
        return None
    events = tuple(dict.fromkeys(event for upload in uploads if (event := _network_event(upload))))
    earlier = _prior_reports(work, account, destination) if account else ()
    return holder.model_copy(update={"events": events, "prior_reports": earlier})


def _prior_reports(work: Work, account: str, destination: str) -> tuple[int, ...]:
    """Finished reports on the same account: who is found again is reported again, and the reports are linked."""
    rows = work.session.scalars(
        select(tables.Filing.receipt)
        .where(_speaks_of(account), tables.Filing.receipt.is_not(None))
        .order_by(tables.Filing.id)
    )
    receipts = [Receipt.from_json(row) for row in rows if row]
    return tuple(one.report_id for one in receipts if destination_of(one) == destination)


def accounts_of(filing_account: str) -> tuple[str, ...]:
    """The accounts that a filing is about: one, or those of a batched report, a line each."""
    return tuple(filing_account.split("\n"))


def _speaks_of(account: str) -> ColumnElement[bool]:
    """The filings on this account: its own, and batched ones that name it."""
    lines = literal("\n") + tables.Filing.account + literal("\n")
    return or_(tables.Filing.account == account, lines.contains(f"\n{account}\n", autoescape=True))
