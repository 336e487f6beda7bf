"""Pages: templates of one folder, in which everything is escaped and nothing may be missing."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from firstlight import __version__
from firstlight.web.access.policy import Permission
from firstlight.web.console import words
from firstlight.web.forms import Form, refused_in

TEMPLATES = Path(__file__).parent / "console" / "templates"
STATIC = Path(__file__).parent / "console" / "static"


class Pages:
    """Renders the templates of the console. In every template stand `caller` (who is signed in, or nothing), `may`
    (whether they may do what is named), `path` (of this page), `wrong` (what was refused, if anything), `form_at` (a
    form by its address, with what was typed if it was refused), `asset` (the address of a static file), `version`."""

    def __init__(self) -> None:
        self.environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(asset=asset, version=__version__)
        words.install(self.environment)

    def render(self, request: Request, template: str, *, status: int = HTTPStatus.OK, **values: object) -> HTMLResponse:
        """The page as an answer."""
        caller = request.scope.get("firstlight.caller")

        def may(permission: str) -> bool:
            return caller is not None and Permission(permission) in caller.permissions

        refused = refused_in(request)

        def form_at(action: str) -> Form:
            return Form(action, refused)

        found = self.environment.get_template(template)
        shown = {
            "caller": caller,
            "may": may,
            "path": request.url.path,
            "status": int(status),
            "wrong": refused.error if refused else None,
            "wrong_field": refused.field if refused else "",
            "form_at": form_at,
            **values,
        }
        return HTMLResponse(found.render(shown), status)


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the file, so that a browser may keep what it has."""
    data = (STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(data).hexdigest()[:12]}"
