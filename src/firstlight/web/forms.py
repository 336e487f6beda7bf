"""A form that is refused keeps what was typed: the page on which it stands is shown again, with what is wrong at its
field.

No route has to do anything for it: the nearest page above the form's address is asked for anew (`/cases/7/hold` stands
on `/cases/7`), and finds here what its forms had in them. A template names a form by its address:

    {% set form = form_at('/users') %}
    <input name="name" value="{{ form.value('name') }}" {{ form.marks('name', 'name-help') }}>
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from markupsafe import Markup, escape
from starlette.datastructures import FormData, Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from firstlight.errors import Diagnostics, FirstlightError

KEY = "firstlight.refused"
"""Where in a request's scope a page finds the form that was refused."""

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was refused: its address, what was typed into it, and why. `field` is empty where no one is wrong."""

    action: str
    typed: Mapping[str, tuple[str, ...]]
    error: Diagnostics
    field: str = ""


class Form:
    """One form of a page, as its template sees it: with what was typed if it was refused, else with what is."""

    def __init__(self, action: str, refused: Refused | None) -> None:
        self._refused = refused if refused is not None and refused.action == action else None

    @property
    def refused(self) -> bool:
        """Whether it is this form that was refused."""
        return self._refused is not None

    def value(self, name: str, otherwise: object = "") -> object:
        """What stands in a field."""
        if self._refused is None:
            return otherwise
        return next(iter(self._refused.typed.get(name, ())), "")

    def chosen(self, name: str, value: str, otherwise: object = False) -> bool:
        """Whether this choice of a field is taken."""
        return bool(otherwise) if self._refused is None else value in self._refused.typed.get(name, ())

    def marks(self, name: str, help_id: str = "", *, prefix: str = "", group: bool = False) -> Markup:
        """What a field says of itself: by what it is described, and whether it is wrong; then it has the focus. Of a
        group of choices the words beside it have the focus."""
        wrong = self._refused is not None and self._refused.field == name
        by = [each for each in (help_id, f"{prefix}{name}-wrong" if wrong else "") if each]
        described = Markup(' aria-describedby="{}"').format(" ".join(by)) if by else Markup("")
        return described + (Markup(' aria-invalid="true" autofocus') if wrong and not group else Markup(""))

    def wrong(self, name: str, *, prefix: str = "", group: bool = False) -> Markup:
        """The words beside a field that is wrong."""
        if self._refused is None or self._refused.field != name:
            return Markup("")
        found = self._refused.error
        says = Markup(" ").join(escape(part) for part in (found.message, found.hint) if part)
        focus = Markup(' tabindex="-1" autofocus') if group else Markup("")
        return Markup('<p class="wrong" id="{}{}-wrong"{}>{}</p>').format(prefix, name, focus, says)


async def shown_again(request: Request, status: int, error: Diagnostics, field: str = "") -> Response | None:
    """The page on which a refused form stands, with what was typed; nothing if it was no form, or stands on no page
    that its sender may see."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith(_FORMS):
        return None
    given = await _typed(request)
    typed = {name: tuple(str(one) for one in given.getlist(name)) for name in given}
    refused = Refused(request.url.path, typed, error, field or str(error.facts.get("field", "")))
    page = request.url.path
    while page:
        found = await _page(request, page, refused)
        if found is not None:
            found.status_code = status
            return found
        page = page.rpartition("/")[0]
    return None


async def _typed(request: Request) -> FormData:
    try:
        return await request.form()
    except Exception:  # noqa: BLE001 - it was refused because it cannot be read
        return FormData()


async def _page(request: Request, path: str, refused: Refused) -> Response | None:
    """What this page answers to whoever sent the form, if it is a page."""
    kept = {name: value for name, value in request.scope.items() if name not in ("router", "endpoint", "route")}
    headers = [(name, value) for name, value in request.scope["headers"] if not name.startswith(b"content-")]
    scope = {**kept, "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "path_params": {},
             "headers": headers, KEY: refused}  # fmt: skip
    answer = Response()
    body: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status_code = message["status"]
            answer.raw_headers = message["headers"]
        else:
            body.append(message.get("body", b""))

    await request.app(scope, receive, send)
    is_page = Headers(raw=answer.raw_headers).get("content-type", "").startswith("text/html")
    if answer.status_code != HTTPStatus.OK or not is_page:
        return None
    answer.body = b"".join(body)
    return answer


def refused_in(request: Request) -> Refused | None:
    """The form that was refused before this page was asked for."""
    found = request.scope.get(KEY)
    return found if isinstance(found, Refused) else None


@contextmanager
def about(field: str) -> Iterator[None]:
    """Whatever is refused in here is refused because of this field."""
    try:
        yield
    except FirstlightError as e:
        e.diagnostics().facts.setdefault("field", field)
        raise
