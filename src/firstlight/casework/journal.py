"""The journal of a filing in the tables: each line is durable before the next act, and a line of the custody log."""

from __future__ import annotations

from sqlalchemy import func, select

from firstlight.casework.home import SERVICE, Home
from firstlight.custody import EventType
from firstlight.cybertip import Filing, JournalEntry, filing_of
from firstlight.cybertip.filing.journal import Phase, Step
from firstlight.logs import get_logger
from firstlight.store import StillAlone
from firstlight.store.tables import FilingStep

_log = get_logger("casework")

_EVENTS = {
    (Step.SUBMIT, Phase.DONE): EventType.REPORT_OPENED,
    (Step.UPLOAD, Phase.DONE): EventType.REPORT_FILE_SENT,
    (Step.FINISH, Phase.DONE): EventType.REPORT_FINISHED,
    (Step.RETRACT, Phase.DONE): EventType.REPORT_RETRACTED,
    (Step.ABANDON, Phase.DONE): EventType.REPORT_FAILED,
}


class SqlJournal:
    """The journal of one filing. What changed at the service becomes an event of the custody log as well.

    Whoever files holds a lock and gives `still_alone`: nothing is written, and so no act begun, once it is lost.
    """

    def __init__(
        self, home: Home, filing: int, case: int, *, actor: str = SERVICE, still_alone: StillAlone | None = None
    ) -> None:
        self._home = home
        self._filing = filing
        self._case = case
        self._actor = actor
        self._still_alone = still_alone

    def append(self, entry: JournalEntry) -> None:
        """Keep the entry; it is on the disk when this returns.

        Raises:
            StorageError: it could not be kept, or another process may be filing the same report by now.
        """
        if self._still_alone is not None:
            self._still_alone()
        _log.info(
            "filing.step", filing=self._filing, step=entry.step.value, state=entry.phase.value, attempt=entry.tries
        )
        with self._home.work() as work:
            last = work.session.scalar(select(func.max(FilingStep.seq)).where(FilingStep.filing_id == self._filing))
            work.session.add(
                FilingStep(
                    filing_id=self._filing,
                    seq=0 if last is None else last + 1,
                    at=entry.at,
                    entry=entry.model_dump_json(),
                )
            )
            event = _EVENTS.get((entry.step, entry.phase))
            if event is not None:
                plain = entry.model_dump(mode="json")
                work.record(event, actor=self._actor, case=self._case, filing=self._filing, entry=plain)

    def entries(self) -> tuple[JournalEntry, ...]:
        """All entries, in the order they were appended."""
        with self._home.look() as work:
            rows = work.session.scalars(
                select(FilingStep.entry).where(FilingStep.filing_id == self._filing).order_by(FilingStep.seq)
            ).all()
        return tuple(JournalEntry.model_validate_json(row) for row in rows)

    def filing(self) -> Filing:
        """Where the filing stands."""
        return filing_of(self)
