"""The addresses of the console's pages."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from firstlight.web.callers import Myself, ThePages

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, pages: ThePages, caller: Myself) -> Response:
    """The first page after signing in."""
    return pages.render(request, "home.html", roles=caller.roles)
