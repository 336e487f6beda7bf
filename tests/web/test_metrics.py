"""Figures and the log of requests: they count what happened, and nothing that came in shows up in either."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.testclient import TestClient

from casework.making import jpeg
from firstlight import logs
from firstlight.banks import NewEntry
from firstlight.casework import banking, examine, jobs
from firstlight.casework.home import Home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.errors import StorageError
from firstlight.media import Cage
from firstlight.values import BankPurpose
from firstlight.web.access.policy import FOR_MACHINES, Role
from firstlight.web.app import create_app, routed
from firstlight.web.measures import as_token
from firstlight.web.metrics import ADDRESS, Endpoint
from firstlight.web.service import Service
from web.conftest import ADDRESS as APP
from web.conftest import SignedInAs, with_key

ACCOUNT, FILE, PROMPT, BANK = "turnip-grower-81", "leek-in-the-garden.jpg", "a rutabaga at dawn", "marrow-list"
PDQ = "5a" * 32


@pytest.fixture
def service(home: Home, cage: Cage) -> Iterator[Service]:
    """The service with workers that decode."""
    service = Service(home=home, settings=ServiceSettings(hma_open_on_loopback=True), cage=cage)
    yield service
    service.audit.close()


@pytest.fixture
def endpoint(service: Service) -> Iterator[Endpoint]:
    """Its metrics."""
    endpoint = Endpoint(service, 0)
    yield endpoint
    endpoint.close()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged."""
    stream = io.StringIO()
    logs.configure(to=stream, style=logs.Style.JSON, level="debug")
    yield stream
    logs.close()


def figures(endpoint: Endpoint) -> str:

    answer = httpx.get(f"http://{ADDRESS}:{endpoint.port}/metrics")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
    return answer.text


def test_nothing_that_came_in_shows_up(
    service: Service, cage: Cage, endpoint: Endpoint, log: io.StringIO, signed_in: SignedInAs
) -> None:
    machine, picture = with_key(service, *FOR_MACHINES, name="key-of-parsnips"), jpeg(4)
    banking.create_bank(service.home, BANK, BankPurpose.KNOWN)
    banking.add_entries(service.home, BANK, [NewEntry(key="chard-17", pdq=PDQ, quality=100)])
    about = json.dumps({"account": ACCOUNT, "name": FILE, "generation": {"prompt": PROMPT}})
    taken = machine.post("/v1/items", files={"file": picture}, data={"about": about})
    assert taken.status_code in (200, 201, 202), taken.text
    examine.examine(service.home, cage)
    person = signed_in(Role.SENIOR, name="ada-the-gardener")
    assert person.get("/").status_code == 200
    assert machine.get(f"/v1/items/{taken.json()['item']}").status_code == 200
    assert machine.get(f"/m/lookup?signal={PDQ}&signal_type=pdq").json()
    assert machine.get(f"/v1/banks/{BANK}").status_code == 200
    assert machine.get(f"/{ACCOUNT}/{FILE}").status_code == 404
    assert machine.post(f"/m/lookup?signal={PROMPT}&signal_type={ACCOUNT}").status_code >= 400
    TestClient(create_app(service), APP).get(f"/enter/{'secretword' * 4}")
    machine.request(ACCOUNT.upper(), "/")

    said = figures(endpoint), log.getvalue()
    sha256, md5 = hashlib.sha256(picture).hexdigest(), hashlib.md5(picture).hexdigest()
    planted = [
        ACCOUNT,
        FILE,
        PROMPT,
        "rutabaga",
        BANK,
        PDQ,
        sha256,
        md5,
        "chard-17",
        "parsnips",
        "gardener",
        "secretword",
    ]
    for text in said:
        assert len(text) > 500
        assert [word for word in planted if word.lower() in text.lower()] == []
    with service.home.look() as work:
        assert ACCOUNT in "".join(work.session.connection().exec_driver_sql("select upload from items").scalars())


def test_the_figures_are_those_of_the_house(service: Service, cage: Cage, endpoint: Endpoint, log: io.StringIO) -> None:
    machine = with_key(service, *FOR_MACHINES)
    banking.create_bank(service.home, BANK, BankPurpose.KNOWN)
    banking.add_entries(service.home, BANK, [NewEntry(key="chard", pdq=PDQ, quality=100)])
    before = figures(endpoint)
    assert 'firstlight_queue_cases{level="immediate"} 0.0' in before
    for seed in (1, 2):
        machine.post("/v1/items", files={"file": jpeg(seed)})
    assert "firstlight_items_unexamined 2.0" in figures(endpoint)
    examine.examine(service.home, cage)
    with service.home.work() as work:
        jobs.enqueue(work, "dig", key="1")
    machine.get(f"/m/lookup?signal={PDQ}&signal_type=pdq")
    machine.get(f"/m/lookup?signal={'0' * 64}&signal_type=pdq")
    for number in (1, 2, 99):
        machine.get(f"/v1/items/{number}")
    machine.get("/nowhere")
    text = figures(endpoint)
    for line in (
        "firstlight_items_received_total 2.0", "firstlight_items_unexamined 0.0", "firstlight_banks 1.0",
        "firstlight_bank_entries 1.0", "firstlight_look_ups_total 2.0", "firstlight_look_ups_found_total 1.0",
        'firstlight_jobs{kind="dig",state="waiting"} 1.0', "firstlight_tables_readable 1.0", "firstlight_ready 1.0",
        'firstlight_requests_total{method="GET",route="/m/lookup",status="200"} 2.0',
        'firstlight_requests_total{method="GET",route="/v1/items/{item}",status="200"} 2.0',
        'firstlight_requests_total{method="GET",route="/v1/items/{item}",status="404"} 1.0',
        'firstlight_requests_total{method="GET",route="none",status="404"} 1.0',
        'firstlight_request_seconds_bucket{le="+Inf",route="/v1/items/{item}"} 3.0',
        'firstlight_request_seconds_count{route="/v1/items/{item}"} 3.0',
    ):  # fmt: skip
        assert line in text, f"{line}\n{text}"
    assert sum(map(float, re.findall(r"firstlight_queue_cases\{.*\} (\S+)", text))) == 2.0
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    asked = [line for line in lines if line["event"] == "request"]
    assert len(asked) == 8
    assert set(asked[0]) == {"at", "level", "room", "event", "method", "route", "status", "ms", "request"}
    assert (asked[-1]["route"], asked[-1]["status"]) == ("none", 404)
    assert re.fullmatch("[0-9a-f]{16}", asked[-1]["request"])


def test_every_template_can_stand_in_the_log(service: Service) -> None:
    stream = io.StringIO()
    logs.configure(to=stream, style=logs.Style.JSON)
    try:
        for found in iter_route_contexts(routed(service).routes):
            if isinstance(found.original_route, APIRoute):
                logs.get_logger("web").info("request", route=as_token(found.path or ""))
    finally:
        logs.close()
    said = [json.loads(line)["route"] for line in stream.getvalue().splitlines()]
    assert [route for route in said if "[" in route] == []
    assert len(set(said)) > 60


def test_only_this_machine_by_its_own_name_and_one_address(endpoint: Endpoint) -> None:
    address = f"http://{ADDRESS}:{endpoint.port}"
    assert httpx.get(f"{address}/metrics", headers={"Host": "elsewhere.example"}).status_code == 404
    assert httpx.get(f"{address}/").status_code == 404
    assert httpx.post(f"{address}/metrics").status_code == 501


def test_a_taken_port_is_said_and_figures_outlive_the_tables(
    service: Service, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StorageError, match="cannot be had for metrics"):
        Endpoint(service, endpoint.port)

    def refused(_self: Home) -> None:
        raise StorageError("The database cannot be reached.")

    monkeypatch.setattr(Home, "look", refused)
    text = figures(endpoint)
    assert "firstlight_tables_readable 0.0" in text
    assert "firstlight_queue_cases" not in text
    assert "firstlight_look_ups_total" in text
