"""The process behind `firstlight up`: one port for API and console, work in the background, a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

import uvicorn

from firstlight.casework.home import Home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.errors import StorageError
from firstlight.logs import get_logger
from firstlight.media import Cage
from firstlight.web import protocol
from firstlight.web.access import users
from firstlight.web.access.policy import Role
from firstlight.web.app import with_short_way
from firstlight.web.background import PARTS, Background
from firstlight.web.hma import hotpath
from firstlight.web.listening import listening_at
from firstlight.web.lookups.pool import Pool, processes
from firstlight.web.readiness import Readiness
from firstlight.web.running import announced
from firstlight.web.service import Service, address_of, check_reach
from firstlight.web.tracing import traces

FIRST_USER = "operator"
FIRST_ROLES = (Role.ADMIN, Role.SENIOR, Role.CUSTODIAN)
"""What whoever starts a home for the first time may do: on a machine with one engineer, everything but the keys."""
STOP_WITHIN = 10  # seconds for requests under way
_log = get_logger("web")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the service answers, and how to sign in for the first time, if nobody could so far."""

    address: str
    link: str | None


def run(
    home: Home,
    cage: Cage,
    *,
    begun: Callable[[Begun], None] = lambda _: None,
    ready: Callable[[float], None] = lambda _: None,
    since: float | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is under way and return.

    `begun` is told where as soon as requests are answered, `ready` the seconds since `since` (of `time.monotonic()`)
    when everything is at hand.

    Raises:
        InputError: the settings would let others read along.
        StorageError: the port cannot be had.
    """
    started = time.monotonic() if since is None else since
    # Without a handler of its own the server would print tracebacks, which may hold what came in.
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    settings = home.settings.service
    check_reach(settings)
    listening = listening_at(settings.host, settings.port)
    listening.setblocking(False)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    endpoint = home.settings.telemetry.endpoint
    made = traces(endpoint) if endpoint else None
    parts = Readiness(PARTS)
    background = Background(home, cage, parts)
    service = Service(
        home=home, settings=settings, cage=cage, ready=parts, wake=background.wake,
        wake_fetching=background.wake_fetching, traces=made,
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        stack.callback(listening.close)
        if made is not None:
            stack.callback(made.close)
        stack.callback(service.audit.close)
        server = _Server(service, stack)
        _measured(service, stack)
        stack.callback(background.stop)
        background.start(workers=settings.workers, when_ready=lambda: ready(time.monotonic() - started))
        stack.enter_context(announced(home, address_of(settings)))
        begun(Begun(address_of(settings), first_link(home, settings)))
        _log.info("service.begin", port=settings.port)
        server.run(sockets=[listening])
    _log.info("service.end")


def _measured(service: Service, stack: contextlib.ExitStack) -> None:
    """Serve metrics. A port that nobody chose may be taken by another home's service, which is no reason to stop."""
    if not service.settings.metrics_port:
        return
    from firstlight.web.metrics import Endpoint

    try:
        endpoint = Endpoint(service, service.settings.metrics_port)
    except StorageError as e:
        if "metrics_port" in service.home.settings.service.model_fields_set:
            raise
        _log.warning("metrics.port-taken", error=e, port=service.settings.metrics_port)
        return
    stack.callback(endpoint.close)


def first_link(home: Home, settings: ServiceSettings) -> str | None:
    """A one-time link for whoever starts the service, as long as nobody can sign in; nothing after that."""
    everybody = [user for user in users.everybody(home) if not user.disabled]
    if not users.everybody(home):
        _, secret = users.add(home, FIRST_USER, FIRST_ROLES)
    elif any(user.passkeys or user.subject for user in everybody):
        return None
    else:
        admins = [user for user in everybody if Role.ADMIN in user.roles]
        if not admins:
            return None
        secret = users.new_link(home, admins[0].name)
    return f"{address_of(settings)}/enter/{secret}"


class _Server(uvicorn.Server):
    """Ends by returning, so that what is open gets closed; the original ends by the signal itself. Look-up processes,
    where the settings want them, end with the stack."""

    def __init__(self, service: Service, stack: contextlib.ExitStack) -> None:
        pool, count = None, processes(service.settings.look_up_processes)
        if count and not service.settings.tls_cert:  # a connection that is encrypted here cannot be given away
            pool = Pool(service, count, self._adopt)
            stack.callback(pool.close)
        super().__init__(_configured(service, pool))
        self._adopting: set[asyncio.Task[object]] = set()

    def _adopt(self, connection: socket.socket, data: bytes) -> None:
        """Go on with a connection from which this was read already."""

        def made() -> asyncio.Protocol:
            return self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state, came_with=data
            )

        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.connect_accepted_socket(made, connection))
        self._adopting.add(task)
        task.add_done_callback(self._adopted)

    def _adopted(self, task: asyncio.Task[object]) -> None:
        self._adopting.discard(task)
        if not task.cancelled():
            task.exception()  # a caller that went away meanwhile is no fault

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and SIGINT; a second one does not wait for requests under way."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _configured(service: Service, pool: Pool | None = None) -> uvicorn.Config:
    settings = service.settings
    app, hot = with_short_way(service)
    return uvicorn.Config(
        app,
        http=protocol.with_short_way(hotpath.PATH, hot, pool),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,  # nothing here rests on who the caller says it is
        timeout_graceful_shutdown=STOP_WITHIN,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )


__all__ = ["Begun", "first_link", "run"]
