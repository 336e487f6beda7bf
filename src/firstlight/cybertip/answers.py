"""What the service answers, read by content: either root may come, a body may be missing, 200 may mean failure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from xml.etree.ElementTree import Element  # the type alone; parsing is defusedxml's

from firstlight.cybertip.wire import parsed
from firstlight.errors import InputError

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""An answer is a handful of elements, or the schema; what is larger is not from this service."""


class Code(IntEnum):
    """Response codes of the service; its list is not exhaustive."""

    SUCCESS = 0
    SERVER_ERROR = 1000
    SAVE_FAILED = 1100
    UPLOAD_FAILED = 1110
    FILE_UPLOAD_FAILED = 1111
    NOT_FOUND = 1210
    UPDATE_FAILED = 1300
    AUTHENTICATION_REQUIRED = 2000
    NOT_AUTHORISED = 3000
    NOT_AUTHORISED_TO_SUBMIT = 3100
    NOT_AUTHORISED_TO_UPDATE = 3300
    INVALID_REQUEST = 4000
    VALIDATION_FAILED = 4100
    MALFORMED_XML = 4110
    MALFORMED_FILE = 4200
    NO_SUCH_REPORT = 5001
    NO_SUCH_FILE = 5002
    ALREADY_RETRACTED = 5101
    ALREADY_FINISHED = 5102


_TRANSIENT = {
    Code.SERVER_ERROR,
    Code.SAVE_FAILED,
    Code.UPLOAD_FAILED,
    Code.FILE_UPLOAD_FAILED,
    Code.UPDATE_FAILED,
}
_CREDENTIALS = {
    Code.AUTHENTICATION_REQUIRED,
    Code.NOT_AUTHORISED,
    Code.NOT_AUTHORISED_TO_SUBMIT,
    Code.NOT_AUTHORISED_TO_UPDATE,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `code` is none when the body held no response document; then the HTTP status alone speaks."""

    status: int
    request_id: str
    code: int | None = None
    description: str = ""
    report_id: int | None = None
    file_id: str | None = None
    md5: str | None = None
    file_ids: tuple[str, ...] | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the service says that it did what was asked: HTTP 200 and code 0, both."""
        return self.status == 200 and self.code == Code.SUCCESS

    @property
    def is_transient(self) -> bool:
        """Whether the service says that it failed on its own side and did nothing."""
        return self.code in _TRANSIENT or (self.code is None and self.status == 429)

    @property
    def is_uncertain(self) -> bool:
        """Whether nobody can tell from it if the act was carried out: no response document, and no plain refusal."""
        return self.code is None and (self.status >= 500 or self.status < 400 or self.status == 408)

    @property
    def is_about_credentials(self) -> bool:
        """Whether the service does not accept who asks."""
        return self.code in _CREDENTIALS or self.status in (401, 403)

    def words(self) -> str:
        """The answer for people and journals: code, status and the service's own description."""
        code = "no response code" if self.code is None else f"code {self.code}"
        return f"{code}, HTTP {self.status}" + (f": {self.description}" if self.description else "")


def _text(root: Element, name: str) -> str | None:
    found = root.find(name)
    return None if found is None else (found.text or "").strip()


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def read_answer(status: int, request_id: str, body: bytes) -> Answer:
    """The answer that a response holds. A body that is no response document leaves `code` empty; nothing raises."""
    try:
        root = parsed(body, MAX_ANSWER_BYTES) if body.strip() else None
    except InputError:
        root = None
    if root is None or root.tag not in ("reportResponse", "reportDoneResponse"):
        return Answer(status, request_id)
    files = root.find("files")
    return Answer(
        status=status,
        request_id=request_id,
        code=_number(_text(root, "responseCode")),
        description=_text(root, "responseDescription") or "",
        report_id=_number(_text(root, "reportId")),
        file_id=_text(root, "fileId"),
        md5=_text(root, "hash"),
        file_ids=None if files is None else tuple((f.text or "").strip() for f in files.findall("fileId")),
    )
