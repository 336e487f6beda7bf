"""Signing in, looking and searching are counted: by name, or by address where nobody is signed in."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from firstlight.errors import LimitError
from firstlight.web import rates
from firstlight.web.access.policy import Role
from firstlight.web.rates import A_MINUTE, Asking, Rates
from firstlight.web.service import Service
from web.conftest import SignedInAs


def test_so_many_a_minute_and_then_one_at_a_time() -> None:
    now = [0.0]
    counted = Rates(now=lambda: now[0])
    most = A_MINUTE[Asking.SEARCH]
    for _ in range(most):
        counted.take(Asking.SEARCH, "ada")
    with pytest.raises(LimitError, match="more than 60 times") as refused:
        counted.take(Asking.SEARCH, "ada")
    assert refused.value.diagnostics().facts == {"seconds": 1}
    counted.take(Asking.SEARCH, "ben")  # another one is not touched
    counted.take(Asking.LOOK, "ada")  # nor is something else
    now[0] += 1
    counted.take(Asking.SEARCH, "ada")
    with pytest.raises(LimitError):
        counted.take(Asking.SEARCH, "ada")
    now[0] += 3600
    for _ in range(most):
        counted.take(Asking.SEARCH, "ada")
    with pytest.raises(LimitError):
        counted.take(Asking.SEARCH, "ada")


def test_many_callers_take_no_more_memory_and_a_busy_one_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_KEPT", 50)
    now = [0.0]
    counted = Rates(now=lambda: now[0])
    for _ in range(A_MINUTE[Asking.LOOK]):
        counted.take(Asking.LOOK, "ada")
    for number in range(500):
        now[0] += 0.01
        counted.take(Asking.LOOK, f"other-{number}")
    assert len(counted._buckets) < 120
    with pytest.raises(LimitError):
        for _ in range(20):
            counted.take(Asking.LOOK, "ada")


def test_the_service_says_when_to_come_back(
    visitor: TestClient, signed_in: SignedInAs, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(A_MINUTE, Asking.SIGN_IN, 3)
    monkeypatch.setitem(A_MINUTE, Asking.SEARCH, 3)
    monkeypatch.setitem(A_MINUTE, Asking.LOOK, 3)
    service.rates.now = lambda: 0.0
    machine = {"accept": "application/json"}
    for _ in range(3):
        assert visitor.post("/enter", data={"secret": "wrong"}, headers=machine).status_code == 404
    refused = visitor.post("/sign-in/begin", headers=machine)
    assert (refused.status_code, refused.json()["code"]) == (429, "limit.rate")
    assert refused.headers["retry-after"] == "20"
    ada = signed_in(Role.REVIEWER)
    for path, form in (("/search", {"words": "x"}), ("/items/1/reveal", {})):
        answers = [ada.post(path, data=form).status_code for _ in range(4)]
        assert (429 in answers[:3], answers[3]) == (False, 429)
