"""The simulated service without a network: it takes a request and answers, and keeps every report in memory."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from xml.sax.saxutils import escape

from firstlight.clock import Clock
from firstlight.cybertip.answers import Code
from firstlight.cybertip.destination import PATH
from firstlight.cybertip.simulator.body import BadBodyError, Form, read_all, read_form, require_xml
from firstlight.cybertip.simulator.description import Description, own_description, own_xsd
from firstlight.cybertip.simulator.document import MalformedError, Node, read_document
from firstlight.cybertip.simulator.faults import Endpoint, Fault, FaultKind, FaultScript
from firstlight.cybertip.simulator.knobs import Knobs, Unauthorised, When, http_status
from firstlight.cybertip.simulator.reports import LogLine, ReportState, StoredFile, StoredReport
from firstlight.cybertip.simulator.rules import (
    batch_file_faults,
    document_faults,
    reporter_email_fault,
    supplemental_faults,
)
from firstlight.cybertip.simulator.validate import SchemaFaultError, validate

REALM = "ESP Web Services"
_GET = (Endpoint.STATUS, Endpoint.XSD)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, with its body still to be read."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Iterator[bytes] = field(default_factory=lambda: iter(()))
    peer: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `cut` means that only half of the body may be sent before the connection ends.

    `says` are the words of a refusal.
    """

    status: int
    body: bytes
    content_type: str = "application/xml"
    headers: tuple[tuple[str, str], ...] = ()
    wait: float = 0
    cut: bool = False
    says: str = ""


class _SaidNoError(Exception):
    """The service refuses, with a code and words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose body has been read."""

    user: str
    peer: str
    data: bytes = b""
    form: Form = field(default_factory=lambda: Form({}))


@dataclass(frozen=True, slots=True)
class _Said:
    """What the service says when it did what was asked."""

    report_id: int | None = None
    file_id: str | None = None
    md5: str | None = None
    file_ids: tuple[str, ...] | None = None
    words: str = "Success"


class Service:
    """Answers as the reporting service does; one lock makes each request whole.

    `users` maps user names to passwords. With `official_xsd` both that schema and our own description are applied.
    """

    def __init__(
        self,
        users: dict[str, str],
        clock: Clock,
        *,
        knobs: Knobs | None = None,
        faults: tuple[Fault, ...] = (),
        official_xsd: bytes | None = None,
        reports: tuple[StoredReport, ...] = (),
        changed: Callable[[Service], None] = lambda _: None,
    ) -> None:
        self.knobs = knobs or Knobs()
        self._users, self._clock, self._changed = dict(users), clock, changed
        self._own = own_description(self.knobs.schema_in_force)
        self._official = Description.read(official_xsd) if official_xsd is not None else None
        self._xsd = official_xsd if official_xsd is not None else own_xsd(self.knobs.schema_in_force)
        self._states = self._own.types["state"].values or ()
        self._lock = threading.RLock()
        self._script = FaultScript(faults)
        self._reports: dict[int, StoredReport] = {r.report_id: self._limited(r) for r in reports}
        self._log: list[LogLine] = []
        self._asked = 0
        self._acts: dict[Endpoint, Callable[[_Asked], _Said]] = {
            Endpoint.STATUS: self._status,
            Endpoint.SUBMIT: self._submit,
            Endpoint.UPLOAD: self._upload,
            Endpoint.FILEINFO: self._fileinfo,
            Endpoint.FINISH: self._finish,
            Endpoint.RETRACT: self._retract,
        }

    def script(self, *faults: Fault) -> None:
        """Replace the script of faults; counting begins anew."""
        with self._lock:
            self._script = FaultScript(faults)

    def reports(self) -> tuple[StoredReport, ...]:
        """Every report that was opened, by number, with its state at this moment."""
        with self._lock:
            self._expire()
            return tuple(self._reports[n].copy() for n in sorted(self._reports))

    def doubles(self) -> tuple[tuple[int, ...], ...]:
        """Finished reports that are one document sent more than once: what a client does that repeats blindly."""
        same: dict[str, list[int]] = {}
        for report in self.reports():
            if report.state is ReportState.FINISHED:
                same.setdefault(report.xml, []).append(report.report_id)
        return tuple(tuple(numbers) for numbers in same.values() if len(numbers) > 1)

    def log(self) -> tuple[LogLine, ...]:
        """Every request, in order; without any content."""
        with self._lock:
            return tuple(self._log)

    def handle(self, request: Request) -> Reply | None:
        """The answer to a request, or none when the connection is to end without one."""
        endpoint = self._endpoint(request.path)
        with self._lock:
            now = self._clock.now()
            self._asked += 1
            number = self._asked
            fault = self._script.due(endpoint) if endpoint is not None else None
        request_id = hashlib.sha256(f"{number} {now.isoformat()}".encode()).hexdigest()[:32]
        reply, outcome = self._with_fault(request, endpoint, fault)
        struck = fault.kind.value if fault else ""
        with self._lock:
            says = reply.says if reply is not None else ""
            self._log.append(LogLine(number, now, request.method, request.path, outcome, request_id, struck, says))
            self._changed(self)
        return None if reply is None else replace(reply, headers=(("Request-ID", request_id), *reply.headers))

    @staticmethod
    def _endpoint(path: str) -> Endpoint | None:
        base, _, name = path.partition("?")[0].rpartition("/")
        return Endpoint(name) if base == PATH and name in set(Endpoint) else None

    def _with_fault(self, request: Request, endpoint: Endpoint | None, fault: Fault | None) -> tuple[Reply | None, str]:
        kind = fault.kind if fault else None
        if fault is None or kind is None:
            return self._answer(request, endpoint)
        if kind is FaultKind.DROP_REQUEST:
            return None, "dropped"
        if kind is FaultKind.STATUS:
            return Reply(fault.status, b"", "text/plain"), "not carried out"
        if kind is FaultKind.EMPTY_401:
            return self._challenge(b""), "not carried out"
        if kind is FaultKind.CODE:
            return self._refusal(endpoint, fault.code, "Scripted failure"), str(fault.code)
        if kind is FaultKind.EXPIRE:
            self._drop_all_open()
        reply, outcome = self._answer(request, endpoint, wrong_md5=kind is FaultKind.WRONG_MD5)
        if kind is FaultKind.DROP_ANSWER:
            return None, outcome
        if kind is FaultKind.STATUS_AFTER:
            return Reply(fault.status, b"", "text/plain"), outcome
        wait = fault.seconds if kind is FaultKind.SLOW else 0
        return replace(reply, wait=wait, cut=kind is FaultKind.TRUNCATE), outcome

    def _answer(self, request: Request, endpoint: Endpoint | None, *, wrong_md5: bool = False) -> tuple[Reply, str]:
        user = self._user(request.headers.get("authorization", ""))
        if user is None:
            body = b""
            if self.knobs.unauthorised is Unauthorised.XML_1000:
                body = _response(Code.SERVER_ERROR, "Authentication Required")
            return self._challenge(body), "401"
        if endpoint is None:
            return self._refusal(None, Code.NOT_FOUND, "Resource not found"), str(int(Code.NOT_FOUND))
        if request.method != ("GET" if endpoint in _GET else "POST"):
            return self._refusal(endpoint, Code.INVALID_REQUEST, "Method not allowed"), str(int(Code.INVALID_REQUEST))
        if endpoint is Endpoint.XSD:
            return Reply(200, self._xsd), "0"
        try:
            asked = self._received(request, endpoint, user)
            with self._lock:
                self._expire()
                said = self._acts[endpoint](asked)
        except _SaidNoError as e:
            return self._refusal(endpoint, e.code, e.words), str(int(e.code))
        if wrong_md5 and said.md5:
            said = _Said(
                said.report_id, said.file_id, hashlib.md5(said.md5.encode(), usedforsecurity=False).hexdigest()
            )
        if said.file_ids is not None:
            return Reply(200, _done(Code.SUCCESS, said.report_id or 0, said.file_ids)), "0"
        return Reply(200, _response(Code.SUCCESS, said.words, said)), "0"

    def _user(self, header: str) -> str | None:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        expected = self._users.get(name)
        if expected is None or not hmac.compare_digest(expected.encode(), password.encode()):
            return None
        return name

    def _challenge(self, body: bytes) -> Reply:
        return Reply(401, body, headers=(("WWW-Authenticate", f'Basic realm="{REALM}"'),))

    def _refusal(self, endpoint: Endpoint | None, code: int, words: str) -> Reply:
        status = http_status(code, self.knobs.status_policy)
        if endpoint is Endpoint.FINISH and self.knobs.finish_errors_in_done_root:
            return Reply(status, _done(code, 0, ()), says=words)
        return Reply(status, _response(code, words), says=words)

    def _limited(self, report: StoredReport) -> StoredReport:
        """The report with the limits of its life that hold here."""
        return replace(
            report,
            after_opening=timedelta(seconds=self.knobs.expires_after_opening),
            after_change=timedelta(seconds=self.knobs.expires_after_change),
        )

    def _expire(self) -> None:
        now = self._clock.now()
        for report in self._reports.values():
            if report.state is ReportState.OPEN and now >= report.expires_at:
                report.state = ReportState.EXPIRED

    def _drop_all_open(self) -> None:
        for report in self._reports.values():
            if report.state is ReportState.OPEN:
                report.state = ReportState.EXPIRED

    def _received(self, request: Request, endpoint: Endpoint, user: str) -> _Asked:
        """The request with its body read; no lock is held meanwhile, so that a slow upload stops nobody else.

        Raises:
            _SaidNoError: the body is not what the endpoint takes.
        """
        if self.knobs.reject_chunked and "chunked" in request.headers.get("transfer-encoding", "").lower():
            raise _SaidNoError(Code.INVALID_REQUEST, "Chunked transfer encoding is not accepted")
        kind = request.headers.get("content-type", "")
        try:
            if endpoint in (Endpoint.SUBMIT, Endpoint.FILEINFO):
                require_xml(kind)
                return _Asked(user, request.peer, data=read_all(request.body, self.knobs.max_xml_bytes))
            if endpoint is Endpoint.STATUS:
                return _Asked(user, request.peer)
            return _Asked(user, request.peer, form=read_form(kind, request.body))
        except BadBodyError as e:
            code = Code.MALFORMED_FILE if endpoint is Endpoint.UPLOAD else Code.INVALID_REQUEST
            raise _SaidNoError(code, str(e)) from e

    def _status(self, asked: _Asked) -> _Said:
        return _Said(words=f"Remote User : {asked.user}, Remote Ip : {asked.peer}")

    def _document(self, data: bytes, root: str) -> Node:
        """The document of a request, valid by every schema in force.

        Raises:
            _SaidNoError: it is malformed or invalid.
        """
        try:
            node = read_document(data)
            for description in (self._official, self._own):
                if description is not None:
                    validate(node, description)
        except MalformedError as e:
            raise _SaidNoError(Code.MALFORMED_XML, f"Malformed XML\n{e}") from e
        except SchemaFaultError as e:
            raise _SaidNoError(Code.VALIDATION_FAILED, f"Validation failed\n{e}") from e
        if node.name != root:
            raise _SaidNoError(Code.INVALID_REQUEST, f"A {root} document is expected here")
        return node

    def _demand(self, faults: Iterator[str]) -> None:
        first = next(faults, None)
        if first is not None:
            raise _SaidNoError(Code.VALIDATION_FAILED, f"Validation failed\n{first}")

    def _submit(self, asked: _Asked) -> _Said:
        node = self._document(asked.data, "report")
        now = self._clock.now()
        self._demand(document_faults(node, now, self._states))
        if self.knobs.reporter_email_required:
            self._demand(reporter_email_fault(node))
        number = max(self._reports, default=self.knobs.first_report_id - 1) + 1
        batched = node.child("batchedReport") is not None
        report = StoredReport(number, asked.user, now, now, asked.data.decode("utf-8", "replace"), batched)
        self._reports[number] = self._limited(report)
        return _Said(number)

    def _open_report(self, text: str | None, user: str) -> StoredReport:
        if text is None or not text.strip().isascii() or not text.strip().isdigit() or len(text.strip()) > 19:
            raise _SaidNoError(Code.INVALID_REQUEST, "The report id is missing or is no number")
        report = self._reports.get(int(text))
        if report is None or report.state is ReportState.EXPIRED:
            raise _SaidNoError(Code.NO_SUCH_REPORT, "Report does not exist")
        if report.user != user:
            raise _SaidNoError(Code.NOT_AUTHORISED_TO_UPDATE, "Not authorised to update this report")
        if report.state is ReportState.RETRACTED:
            raise _SaidNoError(Code.ALREADY_RETRACTED, "Report has already been retracted")
        if report.state is ReportState.FINISHED:
            raise _SaidNoError(Code.ALREADY_FINISHED, "Report has already been finished")
        return report

    def _upload(self, asked: _Asked) -> _Said:
        form = asked.form
        report = self._open_report(form.fields.get("id"), asked.user)
        if form.file is None:
            raise _SaidNoError(Code.MALFORMED_FILE, "The file is missing")
        seed = f"{report.report_id} {len(report.files)} {form.file.sha256}".encode()
        file_id = hashlib.sha256(seed).hexdigest()[32:]
        report.files[file_id] = StoredFile(file_id, form.file.name, form.file.size, form.file.md5, form.file.sha256)
        report.changed_at = self._clock.now()
        return _Said(report.report_id, file_id, form.file.md5)

    def _fileinfo(self, asked: _Asked) -> _Said:
        node = self._document(asked.data, "fileDetails")
        report = self._open_report(node.value("reportId"), asked.user)
        self._demand(document_faults(node, self._clock.now(), self._states))
        file = report.files.get(node.value("fileId") or "")
        if file is None:
            raise _SaidNoError(Code.NO_SUCH_FILE, "File does not exist")
        if file.details is not None and not self.knobs.second_fileinfo_overwrites:
            raise _SaidNoError(Code.INVALID_REQUEST, "File details have already been submitted for this file")
        if self.knobs.supplemental_rules_at is When.FILEINFO:
            self._demand(supplemental_faults(node))
        if report.batched:
            self._demand(batch_file_faults(node))
        file.details = asked.data.decode("utf-8", "replace")
        report.changed_at = self._clock.now()
        return _Said(report.report_id)

    def _finish(self, asked: _Asked) -> _Said:
        report = self._open_report(asked.form.fields.get("id"), asked.user)
        if report.batched and len(report.files) != 1:
            words = f"Validation failed\nA batched report must have exactly one file, not {len(report.files)}"
            raise _SaidNoError(Code.VALIDATION_FAILED, words)
        undescribed = any(f.details is None for f in report.files.values())
        if report.batched and undescribed and self.knobs.batch_details_required:
            raise _SaidNoError(Code.VALIDATION_FAILED, "Validation failed\nA batched report needs its file's details")
        if self.knobs.supplemental_rules_at is When.FINISH:
            for file in report.files.values():
                if file.details is not None:
                    self._demand(supplemental_faults(read_document(file.details.encode())))
        report.state = ReportState.FINISHED
        report.finished_at = self._clock.now()
        return _Said(report.report_id, file_ids=tuple(report.files))

    def _retract(self, asked: _Asked) -> _Said:
        report = self._open_report(asked.form.fields.get("id"), asked.user)
        report.state = ReportState.RETRACTED
        return _Said(report.report_id)


_PROLOG = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def _response(code: int, words: str, said: _Said | None = None) -> bytes:
    parts = [f"<responseCode>{int(code)}</responseCode>", f"<responseDescription>{escape(words)}</responseDescription>"]
    if said is not None:
        values = {"reportId": said.report_id, "fileId": said.file_id, "hash": said.md5}
        parts += [f"<{name}>{value}</{name}>" for name, value in values.items() if value is not None]
    return f"{_PROLOG}<reportResponse>{''.join(parts)}</reportResponse>".encode()


def _done(code: int, report_id: int, file_ids: tuple[str, ...]) -> bytes:
    files = "".join(f"<fileId>{f}</fileId>" for f in file_ids)
    listed = f"<files>{files}</files>" if files else "<files/>"
    body = f"<responseCode>{int(code)}</responseCode><reportId>{report_id}</reportId>{listed}"
    return f"{_PROLOG}<reportDoneResponse>{body}</reportDoneResponse>".encode()
