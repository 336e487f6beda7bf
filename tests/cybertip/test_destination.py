"""A destination is a type: no string turns a rehearsal into a filing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firstlight.cybertip import Approval, Production, Registration, SimulatorDestination, TestHost
from firstlight.errors import InputError, RefusedError

AT = datetime(2026, 3, 1, tzinfo=UTC)
REGISTRATION = Registration("Example", "ESP-17")
ONE, OTHER = Approval("Ada Reed", AT, "go-live"), Approval("Bo Lind", AT, "go-live")
HOST = "https://service.invalid/ispws"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8025/ispws", "http://[::1]:1/ispws", "http://localhost/ispws"])
def test_the_simulator_is_on_this_machine(url: str) -> None:
    assert SimulatorDestination(url).url == url


@pytest.mark.parametrize(
    "url", ["http://example.com/ispws", "https://report.cybertip.org/ispws", "http://192.168.0.2", "http://localhost.x"]
)
def test_the_simulator_is_nowhere_else(url: str) -> None:
    with pytest.raises(InputError, match="must be on this machine"):
        SimulatorDestination(url)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1", "ftp://127.0.0.1", "http://u:p@127.0.0.1", "http://127.0.0.1?a", "http://[::1"]
)
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(InputError):
        SimulatorDestination(url)


@pytest.mark.parametrize("url", ["https://report.cybertip.org/ispws", "https://REPORT.cybertip.org./ispws"])
def test_production_cannot_pass_for_a_test_host(url: str) -> None:
    with pytest.raises(RefusedError, match="is production"):
        TestHost(url)


def test_reports_leave_the_machine_over_https_only() -> None:
    with pytest.raises(InputError, match="https only"):
        TestHost(HOST.replace("https", "http"))
    with pytest.raises(InputError, match="https only"):
        Production(HOST.replace("https", "http"), REGISTRATION, (ONE, OTHER))


def test_production_needs_two_people() -> None:
    assert Production(HOST, REGISTRATION, (ONE, OTHER)).name == "production"
    for second in (ONE, Approval(" ADA reed ", AT, "me again")):
        with pytest.raises(RefusedError, match="two different people"):
            Production(HOST, REGISTRATION, (ONE, second))


def test_registration_and_approval_must_say_something() -> None:
    with pytest.raises(InputError):
        Registration("Example", " ")
    with pytest.raises(InputError):
        Approval("", AT, "go-live")
    with pytest.raises(InputError):
        Approval("Ada", datetime(2026, 3, 1), "go-live")  # noqa: DTZ001 - the point of the test
