"""The app: everything that answers over HTTP, put together over an open home."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.formparsers import MultiPartParser
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from firstlight import __version__
from firstlight.web import account, problems, status
from firstlight.web.api import routes as api
from firstlight.web.console import routes as console
from firstlight.web.guard import Guard
from firstlight.web.hma import routes as hma
from firstlight.web.hma.hotpath import HotPath
from firstlight.web.measures import Measured
from firstlight.web.pages import STATIC, Pages
from firstlight.web.service import Service

MultiPartParser.spool_max_size = 2**40  # uploads stay in memory: an original never lies plain on a disk


def create_app(service: Service) -> ASGIApp:
    """The service as an ASGI application; it keeps no state of its own beside the home's."""
    return with_short_way(service)[0]


def with_short_way(service: Service) -> tuple[ASGIApp, HotPath]:
    """The same, and the part of it that a server may ask first about a look-up."""
    app = routed(service)
    hot = HotPath(app, service)
    return Measured(Guard(hot, service), app.routes, service.meter, service.traces), hot


def routed(service: Service) -> FastAPI:
    """The routes, before the guard that stands in front of them."""
    app = FastAPI(
        title="Firstlight",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.pages = Pages()
    problems.install(app, app.state.pages)
    app.include_router(status.router)
    app.include_router(account.router)
    app.include_router(api.router)
    app.include_router(hma.router)
    app.include_router(console.router)
    app.mount("/static", StaticFiles(directory=STATIC))
    return app
