"""Files a draft: opens a report, sends and describes each file, finishes, and knows at each failure what is safe.

The kernel of "exactly once": a new report is opened only when the one before cannot have been finished. As long as
finish was begun and its outcome is unknown, nothing else is done but to ask finish again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from firstlight.clock import Clock
from firstlight.cybertip.answers import Answer, Code
from firstlight.cybertip.checking import check
from firstlight.cybertip.client import Client, NoAnswerError, NotSentError
from firstlight.cybertip.destination import label
from firstlight.cybertip.filing.journal import Journal, JournalEntry, Phase, Step
from firstlight.cybertip.filing.policy import DrawnPolicy, require_policy
from firstlight.cybertip.filing.progress import Filing, FilingState, OpenReport, Progress
from firstlight.cybertip.findings import FindingKind
from firstlight.cybertip.model.files import FileDetails
from firstlight.cybertip.model.report import Draft, PlannedFile
from firstlight.cybertip.record import Record
from firstlight.errors import FirstlightError, IntegrityError, RefusedError, StateError, StorageError, UpstreamError

OpenFile = Callable[[PlannedFile], BinaryIO]
"""Opens the original bytes of a planned file, from the first byte; the filing closes it."""

_GONE = (Code.NO_SUCH_REPORT, Code.NO_SUCH_FILE, Code.ALREADY_RETRACTED)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often an act that surely was not carried out is tried, and how many reports one run may open."""

    tries: int = 4
    first_wait: float = 1.0
    growth: float = 4.0
    reports: int = 5


def file_report(
    client: Client,
    draft: Draft,
    open_file: OpenFile,
    *,
    record: Record,
    journal: Journal,
    clock: Clock,
    retries: RetryPolicy | None = None,
    sleep: Callable[[float], None] = time.sleep,
    drawn_policy: DrawnPolicy | None = None,
) -> Filing:
    """File the draft and answer with the filing, finished and with its receipt.

    It may be called again with the same journal after any failure or crash: it goes on where it stopped, and a filing
    that is finished is answered as it is. Whatever else happens raises, so that nothing can be taken for filed.

    Raises:
        RefusedError: the check finds something invalid or untrue, a policy is missing, or the service refused.
        StateError: the journal belongs to another draft or destination, or was abandoned.
        IntegrityError: the stored bytes of a file are not those of the draft.
        UpstreamError: the service could not be reached, or its answer is still unknown; call again.
    """
    run = _Run(client, draft, open_file, journal, clock, retries or RetryPolicy(), sleep)
    run.require_own(draft)
    if run.progress.finished is None and run.progress.state() is not FilingState.UNRESOLVED:
        try:
            _require_fit(client, draft, record, clock)
            require_policy(draft, drawn_policy)
        except RefusedError:
            run.retract()  # begun when it still was fit; nothing of it may stay open
            raise
    return run.to_the_end(drawn_policy)


def _require_fit(client: Client, draft: Draft, record: Record, clock: Clock) -> None:
    findings = check(draft, record, at=clock.now(), schema=client.schema)
    if findings.may_be_filed:
        return
    wrong = [*findings.of_kind(FindingKind.INVALID), *findings.of_kind(FindingKind.UNTRUE)]
    raise RefusedError(
        f"The report cannot be filed: {wrong[0].says}"
        + (f" There are {len(wrong) - 1} more findings." if wrong[1:] else ""),
        hint=wrong[0].do or "Run the check to see all findings.",
        code=f"refused.{wrong[0].kind.value}",
        rule=wrong[0].rule,
        where=wrong[0].where,
        findings=len(wrong),
    )


def abandon(client: Client, journal: Journal, *, clock: Clock, reason: str) -> Filing:
    """Give a filing up: its open report is retracted and the journal is closed.

    Raises:
        StateError: it is finished, or finish was begun and its outcome is unknown; file it again to find out. Or the
            journal belongs to another destination.
    """
    run = _Run(client, None, None, journal, clock, RetryPolicy(), lambda _: None)
    run.require_own(None)
    state = run.progress.state()
    if state in (FilingState.FINISHED, FilingState.UNRESOLVED):
        raise StateError(
            f"The filing is {state.value} and cannot be given up.",
            hint="A finished report stays; an unresolved one is resolved by filing again.",
        )
    run.retract()
    if run.progress.finished is None:
        run.note(Step.ABANDON, Phase.DONE, says=reason)
    return run.progress.filing()


class _LostReportError(Exception):
    """The present report cannot be brought to a known good end; it is retracted and a new one opened."""


class _Run:
    """One run over one journal."""

    def __init__(
        self,
        client: Client,
        draft: Draft | None,
        open_file: OpenFile | None,
        journal: Journal,
        clock: Clock,
        retries: RetryPolicy,
        sleep: Callable[[float], None],
    ) -> None:
        self._client, self._journal, self._clock = client, journal, clock
        self._draft, self._open_file = draft, open_file
        self._retries, self._sleep = retries, sleep
        self._tries = 0
        self.progress = Progress.of(journal)

    def note(self, step: Step, phase: Phase, answer: Answer | None = None, **more: object) -> None:
        """Write an entry and go on by it."""
        values: dict[str, object] = {"at": self._clock.now(), "step": step, "phase": phase}
        if self.progress.report is not None:
            values["report_id"] = self.progress.report.report_id
        if answer is not None:
            values |= {"code": answer.code, "http_status": answer.status, "request_id": answer.request_id}
            if not answer.succeeded:
                values["says"] = answer.words()
        entry = JournalEntry.model_validate(values | more)
        self._journal.append(entry)
        self.progress.take(entry)

    def to_the_end(self, policy: DrawnPolicy | None) -> Filing:
        """Go on until the report is finished."""
        if self._draft is None:
            raise StateError("There is no draft to file.", hint="Draft the report first.")
        draft = self._draft
        self._plan(draft, policy)
        for _ in range(self._retries.reports):
            if self.progress.finished is not None:
                return self.progress.filing()
            try:
                self._one_report(draft)
            except _LostReportError:
                self.retract()
                self._sleep(self._retries.first_wait)
        if self.progress.finished is not None:
            return self.progress.filing()
        raise UpstreamError(
            f"{self._retries.reports} reports were opened and none could be finished: {self.progress.last_words}",
            hint="The open ones were retracted or expire by themselves. File again later.",
            code="upstream.gave-up",
        )

    def require_own(self, draft: Draft | None) -> None:
        """Return if the journal is that of this draft and this destination, or new: nothing is sent anywhere else.

        Raises:
            StateError: it belongs to others, or was closed.
        """
        if self.progress.abandoned is not None:
            raise StateError("This filing was abandoned.", hint="Draft the report anew and file it as a new filing.")
        plan = self.progress.plan
        if plan is None:
            return
        if plan.destination != label(self._client.destination) or (
            draft is not None and plan.draft_sha256 != _digest(draft)
        ):
            raise StateError(
                "The journal belongs to another draft or another destination.",
                hint="Go on with the draft it was begun with, or abandon it and begin a new filing.",
            )

    def _plan(self, draft: Draft, policy: DrawnPolicy | None) -> None:
        if self.progress.plan is not None:
            return
        self.note(
            Step.PLAN,
            Phase.DONE,
            draft_sha256=_digest(draft),
            destination=label(self._client.destination),
            escalated=draft.report.incident_summary.escalate_to_high_priority is not None,
            says=f"under the policy {policy.reference} on drawn material" if policy else "",
        )

    def _one_report(self, draft: Draft) -> None:
        """Bring the present report, or a new one, to its end."""
        report = self.progress.report or self._submit(draft)
        if report.finish_begun:
            self._finish()
            return
        if report.pending is not None or report.spoiled:
            raise _LostReportError  # an upload or a description may or may not have arrived: nobody can ask
        for file in draft.files:
            if file.key not in report.files:
                self._upload(report, file)
            if not report.files[file.key].described:
                self._describe(report, file)
        self._finish()

    def _act(self, step: Step, act: Callable[[], Answer], key: str | None = None) -> Answer | None:
        """Carry an act out; none when nobody knows whether it was. A success is left for the caller to note.

        Raises:
            UpstreamError: it surely was not carried out after all tries, or the credentials are not accepted.
        """
        wait, problem = self._retries.first_wait, ""
        for number in range(1, self._retries.tries + 1):
            self._tries = number
            self.note(step, Phase.BEGUN, key=key, tries=number)
            try:
                answer = act()
            except NotSentError as e:
                problem = str(e)
                self.note(step, Phase.UNDONE, key=key, says=problem)
            except NoAnswerError as e:
                self.note(step, Phase.LOST, key=key, says=str(e))
                return None
            except FirstlightError as e:
                self.note(step, Phase.LOST, key=key, says=str(e))
                raise
            else:
                if answer.is_about_credentials:
                    self.note(step, Phase.UNDONE, answer, key=key)
                    raise _credentials(answer)
                if answer.is_uncertain:
                    self.note(step, Phase.LOST, answer, key=key)
                    return None
                if not answer.is_transient:
                    return answer
                problem = answer.words()
                self.note(step, Phase.UNDONE, answer, key=key)
            if number < self._retries.tries:
                self._sleep(wait)
                wait *= self._retries.growth
        raise UpstreamError(
            f"The service did not take {step.value} after {self._retries.tries} tries: {problem}",
            hint="The filing goes on where it stopped when it is run again.",
            code="upstream.tries",
        )

    def _submit(self, draft: Draft) -> OpenReport:
        answer = self._act(Step.SUBMIT, lambda: self._client.submit(draft.report))
        if answer is None:
            raise _LostReportError  # what may have been opened is unknown to us, is never finished and expires
        if not answer.succeeded or answer.report_id is None:
            self._refused(Step.SUBMIT, answer)
        self.note(Step.SUBMIT, Phase.DONE, answer, report_id=answer.report_id)
        if self.progress.report is None:
            raise StateError("The journal did not take the new report.", hint="Check the journal's storage.")
        return self.progress.report

    def _upload(self, report: OpenReport, file: PlannedFile) -> None:
        sent: list[str] = []

        def act() -> Answer:
            with self._opened(file) as stream:
                name = file.digests.sha256
                answer, md5 = self._client.upload(report.report_id, stream, file.digests.size, file_name=name)
            sent[:] = [md5]
            return answer

        try:
            answer = self._act(Step.UPLOAD, act, file.key)
        except (IntegrityError, StorageError):
            self.retract()  # part of it may have arrived
            raise
        if answer is None:
            raise _LostReportError
        if not answer.succeeded or not answer.file_id:
            self._refused(Step.UPLOAD, answer, file.key)
        if sent[0] != file.digests.md5:
            self.note(Step.UPLOAD, Phase.LOST, answer, key=file.key, md5=sent[0], says="the stored bytes have changed")
            self.retract()
            raise IntegrityError(
                f"The stored bytes of file {file.key} are not those of the draft.",
                hint="Run the fixity check of the vault; the report was retracted and nothing is filed.",
            )
        if (answer.md5 or "").lower() != sent[0]:
            self.note(Step.UPLOAD, Phase.LOST, answer, key=file.key, says="the service received other bytes")
            raise _LostReportError
        self.note(Step.UPLOAD, Phase.DONE, answer, key=file.key, file_id=answer.file_id, md5=sent[0])

    def _opened(self, file: PlannedFile) -> BinaryIO:
        if self._open_file is None:
            raise StateError("There is nothing to open files with.", hint="Give open_file.")
        try:
            return self._open_file(file)
        except OSError as e:
            raise StorageError(
                f"File {file.key} cannot be opened: {e.strerror or e}.",
                hint="Make the stored original readable and file again.",
            ) from e

    def _describe(self, report: OpenReport, file: PlannedFile) -> None:
        details = FileDetails.of(report.report_id, report.files[file.key].file_id, file.description)
        answer = self._act(Step.FILEINFO, lambda: self._client.fileinfo(details), file.key)
        if answer is None:
            raise _LostReportError  # it is taken once only, and nobody can ask whether it was
        if not answer.succeeded:
            self._refused(Step.FILEINFO, answer, file.key)
        self.note(Step.FILEINFO, Phase.DONE, answer, key=file.key)

    def _finish(self) -> None:
        """Finish, and ask again until the outcome is known; 'already finished' is the goal reached."""
        report = self.progress.report
        if report is None:
            raise StateError("There is no open report to finish.", hint="File the draft again.")
        wait = self._retries.first_wait
        for _ in range(self._retries.tries):
            answer = self._act(Step.FINISH, lambda: self._client.finish(report.report_id))
            if answer is not None:
                break
            self._sleep(wait)
            wait *= self._retries.growth
        else:
            raise _unresolved(report.report_id, self.progress.last_words)
        if answer.succeeded or answer.code == Code.ALREADY_FINISHED:
            self.note(Step.FINISH, Phase.DONE, answer, file_ids=answer.file_ids if answer.succeeded else None)
            return
        self._not_finished(answer, report.report_id)

    def _not_finished(self, answer: Answer, report_id: int) -> None:
        """The service said no to finish. An earlier finish may have been carried out all the same, so retract is asked
        too: it answers 'already finished' if that is so, and otherwise makes an end of the report.

        Raises:
            UpstreamError: the second question had no clear answer either.
            _LostReportError: the report is gone unfinished; a new one may be opened.
            RefusedError: the service does not want this report; the filing is closed.
        """
        self.note(Step.FINISH, Phase.REFUSED, answer)
        self.retract()
        if self.progress.finished is not None:
            return
        if self.progress.report is not None:
            raise _unresolved(report_id, answer.words())
        if answer.code in _GONE:
            raise _LostReportError
        self._close(Step.FINISH, answer)

    def _refused(self, step: Step, answer: Answer, key: str | None = None) -> NoReturn:
        """Note that the service did not do it, and leave.

        Raises:
            _LostReportError: the report is gone; a new one may be opened.
            RefusedError: the service does not want this report; the open one was retracted and the filing closed.
        """
        if step is not Step.SUBMIT and answer.code in _GONE:
            self.note(step, Phase.GONE, answer, key=key)
            raise _LostReportError
        self.note(step, Phase.REFUSED, answer, key=key)
        if answer.succeeded:
            raise _LostReportError  # said to have succeeded, but without the number that it has to give
        if self._tries > 1 and step is not Step.SUBMIT:
            raise _LostReportError  # may be the echo of a try that failed only in words; a new report will tell
        self.retract()
        self._close(step, answer)

    def _close(self, step: Step, answer: Answer) -> NoReturn:
        """Close the filing with the service's words."""
        self.note(Step.ABANDON, Phase.DONE, says=answer.words())
        raise RefusedError(
            f"The service refused {step.value}: {answer.words()}.",
            hint="Correct the draft by the service's words and file it as a new filing.",
            code="refused.service",
            step=step.value,
            response_code=answer.code,
            request_id=answer.request_id,
        )

    def retract(self) -> None:
        """Take the open report back as well as one can; one that cannot be taken back expires unfinished.

        When finish was begun, the report stays open in the journal until the service says clearly what became of it.
        """
        report = self.progress.report
        if report is None:
            return
        try:
            answer = self._act(Step.RETRACT, lambda: self._client.retract(report.report_id))
        except UpstreamError as e:
            self.note(Step.RETRACT, Phase.LOST, says=str(e))
            return
        if answer is None:
            return  # noted as lost
        if answer.code == Code.ALREADY_FINISHED:
            self.note(Step.FINISH, Phase.DONE, answer)
        elif answer.succeeded or answer.code == Code.ALREADY_RETRACTED:
            self.note(Step.RETRACT, Phase.DONE, answer)
        else:
            self.note(Step.RETRACT, Phase.GONE if answer.code in _GONE else Phase.REFUSED, answer)


def _digest(draft: Draft) -> str:
    return hashlib.sha256(draft.to_json()).hexdigest()


def _unresolved(report_id: int, words: str) -> UpstreamError:
    return UpstreamError(
        f"Whether report {report_id} is finished is not known: {words}",
        hint="File again: the service will be asked before anything else is done.",
        code="upstream.unresolved",
    )


def _credentials(answer: Answer) -> UpstreamError:
    return UpstreamError(
        f"The service does not accept the credentials: {answer.words()}.",
        hint="Check user name, password and that they belong to this host; then run the filing again.",
        code="upstream.credentials",
        request_id=answer.request_id,
    )
