"""What people decided to report, and of whom: read once for a case, however many accounts it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from pydantic import ValidationError
from sqlalchemy import func, select

from firstlight.casework import cases, supplements
from firstlight.casework.home import Work
from firstlight.casework.parts import in_parts
from firstlight.casework.review import Decision, Finding
from firstlight.casework.upload import Upload
from firstlight.custody import EventType
from firstlight.cybertip.drafting.facts import Conduct, FileSign
from firstlight.errors import IntegrityError, StateError
from firstlight.store import tables
from firstlight.store.tables import Item
from firstlight.values import Instant, Sha256Hex


@dataclass(frozen=True, slots=True)
class Reportable:
    """An item, the decision that asks for a report on it, and what the service stated of its upload.

    `row` is the number of that decision in the tables; none while it is only proposed.
    """

    item: Item
    decision: Decision
    upload: Upload
    row: int | None = None

    @property
    def words_alone(self) -> bool:
        """Whether it is a conversation whose every word stands in the report, so that no file has to be sent."""
        return self.upload.is_words_alone(self.item.sha256)

    @property
    def says_nothing_more(self) -> bool:
        """Whether a batched report could carry all that is known of this upload but where it came from."""
        said, upload = self.decision.conclusion, self.upload
        viral = bool(said.signs) and set(said.signs) <= {FileSign.VIRAL, FileSign.POTENTIAL_MEME}
        others = (said.escalation, said.case_signs, upload.recipients, upload.victims, upload.chats, upload.origin)
        return viral and bool(upload.account) and upload.generation is None and not any(others)


@dataclass(frozen=True, slots=True)
class Group:
    """What one report is about: the uploads of one account, or one viral file and the accounts that passed it on."""

    accounts: tuple[str, ...]
    rows: tuple[Reportable, ...]

    @property
    def batched(self) -> bool:
        """Whether it is about several accounts."""
        return len(self.accounts) > 1

    @property
    def name(self) -> str:
        """Its account, or its accounts, a line each."""
        return "\n".join(self.accounts)

    @property
    def items(self) -> tuple[int, ...]:
        """The items, each once: one that came back to a person after its report was decided twice."""
        return tuple(dict.fromkeys(one.item.id for one in self.rows))

    @property
    def conduct(self) -> Conduct:
        """What it is reported for: the last that a decision says."""
        said = (one.decision.conclusion.conduct for one in reversed(self.rows))
        return next((conduct for conduct in said if conduct), Conduct.MATERIAL)

    @property
    def occurred_at(self) -> Instant:
        """The earliest upload; where the service does not know one, when it was received."""
        return min(one.upload.uploaded_at or one.item.received_at for one in self.rows)

    @property
    def escalated(self) -> bool:
        """Whether a decision asks for the report to be read at once."""
        return any(one.decision.conclusion.escalation for one in self.rows)

    @property
    def drawn_alone(self) -> bool:
        """Whether all that is sent is drawn; such material is filed only under a written policy."""
        signs = [one.decision.conclusion.signs for one in self.rows if not one.words_alone]
        return bool(signs) and all(FileSign.DRAWN in each for each in signs)


def of_case(work: Work, case_number: int, *, batched: bool = False, filed_too: bool = False) -> tuple[Group, ...]:
    """What is decided to be reported in a case, a group a report: the account with the oldest decision first.

    `batched` puts accounts of which nothing is known but that they passed on one viral file together, before the
    others. What stands in a filing already is left out, unless `filed_too`.

    Raises:
        NotFoundError: there is no such case.
    """
    wanted = (
        select(Item, tables.Decision.document, tables.Decision.id)
        .join(tables.Decision, tables.Decision.item_id == Item.id)
        .where(Item.case_id == cases.one(work, case_number).id, tables.Decision.withdrawn_at.is_(None))
        .where(Item.state.in_(["decided", "filed"]), tables.Decision.finding == Finding.REPORT.value)
        .order_by(tables.Decision.id)
    )
    if not filed_too:
        wanted = wanted.where(Item.state == "decided", cases.in_no_filing())
    rows = [
        Reportable(item, Decision.from_json(document), Upload.from_json(item.upload), row)
        for item, document, row in work.session.execute(wanted)
    ]
    batches = _batches(work, rows) if batched else ()
    taken = {number for batch in batches for number in batch.items}
    return (*batches, *_by_account(one for one in rows if one.item.id not in taken))


def proposed(work: Work, decisions: Iterable[Decision]) -> tuple[Group, ...]:
    """What these decisions would ask to be reported, if they were made."""
    wanted = [one for one in decisions if one.conclusion.finding is Finding.REPORT]
    items = [cases.item(work, one.item) for one in wanted]
    return _by_account(
        Reportable(item, decision, Upload.from_json(item.upload)) for item, decision in zip(items, wanted, strict=True)
    )


def _by_account(rows: Iterable[Reportable]) -> tuple[Group, ...]:
    found: dict[str, list[Reportable]] = {}
    for one in rows:
        found.setdefault(one.upload.account, []).append(one)
    return tuple(Group((account,), tuple(theirs)) for account, theirs in found.items())


def _batches(work: Work, rows: Iterable[Reportable]) -> tuple[Group, ...]:
    """One for each viral file that several accounts passed on.

    Whoever is escalated, annotated, or known with more than an identifier (a receiver, a conversation, a context file)
    needs a report of their own and is in none.
    """
    plain = [one for one in rows if one.says_nothing_more]
    context = supplements.of_items(work, [one.item.id for one in plain])
    found: dict[str, list[Reportable]] = {}
    for one in plain:
        if one.item.id not in context:
            found.setdefault(one.item.sha256, []).append(one)
    groups = (Group(tuple(dict.fromkeys(one.upload.account for one in same)), tuple(same)) for same in found.values())
    return tuple(group for group in groups if group.batched)


def require_waiting(work: Work, group: Group) -> None:
    """Return if all of it still waits to be reported; ask with the write lock held.

    Raises:
        StateError: somebody filed it, or took a decision back, meanwhile.
    """
    wanted = (
        select(func.count())
        .select_from(tables.Decision)
        .join(Item, Item.id == tables.Decision.item_id)
        .where(tables.Decision.withdrawn_at.is_(None), Item.state == "decided", cases.in_no_filing())
    )
    numbers = [one.row for one in group.rows]
    there = sum(work.session.scalar(wanted.where(tables.Decision.id.in_(part))) or 0 for part in in_parts(numbers))
    if there != len(numbers):
        raise StateError(
            "Not all of it waits to be reported any more: meanwhile it was filed, or a decision was taken back.",
            hint="File the case again.",
        )


def require_as_logged(work: Work, group: Group) -> None:
    """Return if the custody log holds what is said of each upload. Copies have one record.

    Raises:
        IntegrityError: it does not.
    """
    logged = cache(lambda sha256: frozenset(logged_uploads(work, sha256)))
    for one in group.rows:
        if one.upload not in logged(one.item.sha256):
            raise IntegrityError(
                f"What is said of the upload of item {one.item.id} is not what was logged when it was taken in.",
                hint="Run `firstlight reconcile`, keep the home as it is, and compare it with the backup.",
                code="integrity.upload",
            )


def logged_uploads(work: Work, sha256: Sha256Hex) -> list[Upload]:
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
