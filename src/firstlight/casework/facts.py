"""What the tables know about a case, in the words of a report; nothing is guessed, and nothing is left out.

Both documents that leave the house are made from here: the report's draft (`case_facts`) and what the check holds it
against (`SqlRecord`). The second reads the log and the verdicts again and trusts nothing that the draft says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache

from sqlalchemy import ColumnElement, literal, or_, select

from firstlight import custody
from firstlight.casework import reportable, supplements
from firstlight.casework.home import Home, Work
from firstlight.casework.reportable import Group, Reportable
from firstlight.casework.upload import Upload, accounts, merged, web
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
    NetworkEvent,
    ReportingParty,
)
from firstlight.cybertip.model.codes import EventName
from firstlight.cybertip.record import Generation
from firstlight.errors import InputError
from firstlight.origin import Verdict
from firstlight.store import tables
from firstlight.store.tables import Item
from firstlight.triage import FACTS, ContextFact

SIMULATOR = SimulatorDestination.name


class SqlRecord:
    """What was logged about files, read from the tables; it answers the check of a report.

    `destination` narrows the earlier reports to those of one: a number of the simulator says nothing to the service.
    What was stated of uploads is read once: ask another record after more came in.
    """

    def __init__(self, home: Home, destination: str | None = None) -> None:
        self._home = home
        self._destination = destination
        self._uploads = cache(self._read_uploads)

    def _read_uploads(self, sha256: str) -> tuple[Upload, ...]:
        with self._home.look() as work:
            return tuple(reportable.logged_uploads(work, sha256))

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
        return tuple(dict.fromkeys(claim for upload in self._uploads(sha256) for claim in upload.origin))

    def generations(self, sha256: str) -> tuple[Generation, ...]:
        """Every job of a generator that the service stated for these bytes at intake, from the custody log."""
        jobs = [upload.generation for upload in self._uploads(sha256)]
        return tuple(dict.fromkeys(job for job in jobs if job is not None))

    def prior_reports(self) -> frozenset[int]:
        """The finished reports of this home."""
        with self._home.look() as work:
            rows = work.session.scalars(select(tables.Filing.receipt).where(tables.Filing.receipt.is_not(None))).all()
        receipts = [Receipt.from_json(row) for row in rows if row]
        return frozenset(one.report_id for one in receipts if self._destination in (None, destination_of(one)))


def destination_of(receipt: Receipt) -> str:
    """The kind of destination that the report was filed with, such as `simulator`."""
    return receipt.destination.partition(" ")[0]


def viewings_of(work: Work, sha256: str) -> tuple[Viewing, ...]:
    """Every viewing of exactly these bytes that the custody log holds, oldest first; none of a file it never held."""
    held = work.session.scalar(select(Item.id).where(Item.sha256 == sha256).limit(1))
    return () if held is None else viewings_of_many(work, [sha256])[sha256]


def viewings_of_many(work: Work, held: Collection[str]) -> dict[str, tuple[Viewing, ...]]:
    """The same of many files that are held, each under its SHA-256, in one walk."""
    return {
        sha256: tuple(
            Viewing(by=one.by, at=one.at, seconds=one.seconds, rendition=Rendition(one.rendition), whole=one.entire)
            for one in seen
        )
        for sha256, seen in custody.viewings_of_many(work.log, held).items()
    }


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


def asks_to_be_read_at_once(draft: Draft) -> bool:
    """Whether the draft is that of an escalated report."""
    return draft.report.incident_summary.escalate_to_high_priority is not None


def case_facts(home: Home, work: Work, about: Group, *, destination: str = SIMULATOR) -> CaseFacts:
    """Everything a report may say about what one account uploaded and a person decided, or would decide, to report.

    Earlier reports are those filed with the same kind of destination.

    Raises:
        InputError: the settings do not say who reports.
        IntegrityError: what is said of an upload is not what was logged of it.
    """
    party = reporting_party(home)
    reportable.require_as_logged(work, about)
    conclusions = [one.decision.conclusion for one in about.rows]
    uploads = [one.upload for one in about.rows]
    dated = all(upload.uploaded_at for upload in uploads)
    return CaseFacts(
        reporter=party,
        conduct=about.conduct,
        occurred_at=about.occurred_at,
        occurred_note="The earliest upload." if dated else "When the service first held the material.",
        platform=home.settings.organisation.name,
        escalation=next((c.escalation for c in conclusions if c.escalation), ""),
        signs=tuple(dict.fromkeys(sign for c in conclusions for sign in c.case_signs)),
        channels=_channels(uploads),
        suspect=_suspect(work, about.name, uploads, destination),
        recipients=accounts(party for upload in uploads for party in upload.recipients),
        victims=accounts(party for upload in uploads for party in upload.victims),
        files=tuple(_files(work, about)),
        narrative="\n".join(dict.fromkeys(c.why for c in conclusions)),
    )


def batch_facts(home: Home, work: Work, about: Group) -> BatchFacts:
    """What a batched report says: the file once, and each account by its identifier.

    Raises:
        InputError: the settings do not say who reports.
        IntegrityError: what is said of an upload is not what was logged of it.
    """
    party = reporting_party(home)
    reportable.require_as_logged(work, about)
    return BatchFacts(
        reporter=party,
        conduct=about.conduct,
        occurred_at=about.occurred_at,
        platform=home.settings.organisation.name,
        users=about.accounts,
        file=_file(about.rows[0], viewings_of(work, about.rows[0].item.sha256)),
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


def _files(work: Work, about: Group) -> Iterator[CaseFile]:
    """What is sent of items: the file and its context. Of words whose text stands in the report, only the latter."""
    seen = viewings_of_many(work, {one.item.sha256 for one in about.rows})
    context = supplements.of_items(work, about.items)
    for one in about.rows:
        if not one.words_alone:
            yield _file(one, seen[one.item.sha256])
        for beside in context.get(one.item.id, ()):
            yield CaseFile(
                key=beside.key,
                digests=beside.stored.digests,
                media_type=beside.media_type,
                supplemental=True,
                file_name=beside.name,
                note=f"Context: {beside.what}",
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


def lacks_policy(home: Home, about: Group) -> bool:
    """Whether all that is reported is drawn, and no written policy says that such material is filed."""
    return about.drawn_alone and not has_drawn_policy(home)


def has_drawn_policy(home: Home) -> bool:
    """Whether there is a policy on drawn material; one that is filled in by half is none."""
    try:
        return drawn_policy(home) is not None
    except InputError:
        return False


def _file(one: Reportable, viewings: tuple[Viewing, ...]) -> CaseFile:
    item, upload, said = one.item, one.upload, one.decision.conclusion
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
        signs=said.signs,
        classification=said.classification,
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
