"""Figures for Prometheus, on a port of their own that only this machine can call.

    # HELP firstlight_requests_total Requests answered.
    firstlight_requests_total{method="GET",route="/m/lookup",status="200"} 4711.0

No label holds the number of a case, an account, a hash, a file's name or the name of a bank: all are words of the code.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import func, select

from firstlight.casework import examine, outlook
from firstlight.errors import FirstlightError, StorageError
from firstlight.logs import get_logger
from firstlight.store.tables import Filing, Item, Job
from firstlight.values import LOOPBACK_NAMES, Level
from firstlight.web.measures import BOUNDS, Meter
from firstlight.web.service import Service, host_named

if TYPE_CHECKING:
    from prometheus_client.core import Metric

ADDRESS, PATH = "127.0.0.1", "/metrics"
WAIT = 10.0  # seconds for a caller to say what it wants
_log = get_logger("web")


class Figures:
    """Gathers all figures, anew each time; an instance is one of the library's collectors."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Every family of figures. When the tables cannot be read theirs are missing, and one figure says so."""
        yield from _requests(self._service.meter)
        yield from self._of_the_process()
        try:
            yield from list(self._of_the_tables())
            readable = 1
        except FirstlightError as e:
            _log.warning("metrics.tables", error=e)
            readable = 0
        yield _gauge("firstlight_tables_readable", "Whether the tables could be read for these figures.", readable)

    def _of_the_process(self) -> Iterator[Metric]:
        service = self._service
        yield _gauge("firstlight_ready", "Whether the service says that it is ready.", int(bool(service.ready)))
        yield _counter("firstlight_look_ups", "Hashes that were looked up over HTTP.", service.audit.total)
        yield _counter("firstlight_look_ups_found", "Those of them with a match.", service.audit.found)

    def _of_the_tables(self) -> Iterator[Metric]:
        home = self._service.home
        with home.look() as work:
            session = work.session
            open_cases, overdue = outlook.waiting_and_overdue(work)
            jobs = session.execute(select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)).all()
            filings = session.execute(select(Filing.state, func.count()).group_by(Filing.state)).all()
            received = session.scalar(select(func.max(Item.id))) or 0
            unexamined = examine.pending(session)
        levels = [((level.value,), level.rank) for level in Level]
        yield _gauges(
            "firstlight_queue_cases", "Open cases.", ("level",), {k: open_cases.get(rank, 0) for k, rank in levels}
        )
        yield _gauges(
            "firstlight_queue_overdue_cases", "Open cases after their deadline.", ("level",),
            {k: overdue.get(rank, 0) for k, rank in levels},
        )  # fmt: skip
        yield _gauges("firstlight_jobs", "Jobs.", ("kind", "state"), {(k, s): n for k, s, n in jobs})
        yield _gauges("firstlight_filings", "Filings of reports.", ("state",), {(s,): n for s, n in filings})
        yield _counter("firstlight_items_received", "Items taken in since the home was made.", received)
        yield _gauge("firstlight_items_unexamined", "Items that wait to be examined.", unexamined)
        banks = home.library.banks()
        yield _gauge("firstlight_banks", "Hash lists.", len(banks))
        yield _gauge("firstlight_bank_entries", "Entries of all hash lists.", sum(bank.entries for bank in banks))


class Endpoint:
    """Serves the figures until it is closed."""

    def __init__(self, service: Service, port: int) -> None:
        """Listen on this port of loopback; 0 lets the system choose.

        Raises:
            StorageError: the port cannot be had.
        """
        try:
            self._server = _Server((ADDRESS, port), _handler(lambda: exposed(service)))
        except OSError as e:
            raise StorageError(
                f"Port {port} cannot be had for metrics: {e.strerror}.",
                hint="Stop what listens there, or choose another one with --metrics-port; 0 for none.",
            ) from e
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def exposed(service: Service) -> tuple[bytes, str]:
    """All figures as text, and its media type."""
    # The library takes a while to load; nobody who does not ask for figures waits for it.
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(Figures(service))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_of: object) -> None:
        """Note what went wrong, without a traceback on the terminal."""
        error = sys.exception()

        if not isinstance(error, OSError):  # a caller that goes away is no fault
            _log.error("metrics.fault", error=error, exc_info=error)


def _handler(made: Callable[[], tuple[bytes, str]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = WAIT

        def do_GET(self) -> None:
            # A name that points at this machine is how a foreign page would get at what listens here.
            host = host_named(self.headers.get("host", ""))
            if host not in LOOPBACK_NAMES or urlsplit(self.path).path != PATH:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body, media_type = made()
            self.send_response(HTTPStatus.OK)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def version_string(self) -> str:
            return "firstlight"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    return Handler


def _requests(meter: Meter) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    answered = CounterMetricFamily(
        "firstlight_requests", "Requests answered.", labels=("method", "route", "status")
    )  # the library ends the name with _total
    for (method, route, status), count in sorted(meter.answered.copy().items()):
        answered.add_metric((method, route, str(status)), count)
    yield answered
    took = HistogramMetricFamily("firstlight_request_seconds", "How long requests took.", labels=("route",))
    bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
    for route, one in sorted(meter.took.copy().items()):
        buckets = list(zip(bounds, accumulate(one.buckets), strict=True))
        took.add_metric((route,), buckets=buckets, sum_value=one.seconds)
    yield took


def _gauge(name: str, says: str, value: float) -> Metric:
    return _gauges(name, says, (), {(): value})


def _gauges(name: str, says: str, labels: tuple[str, ...], values: dict[tuple[str, ...], int | float]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, says, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _counter(name: str, says: str, value: float) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    return CounterMetricFamily(name, says, value=value)


__all__ = ["Endpoint", "Figures", "exposed"]
