"""`/c/exchange...` as a client that was written for HMA sees it, over a list server on loopback."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from banks.exchanges.servers import Listed, NcmecFake, serving
from firstlight.casework import exchanging
from firstlight.web.background import fetch_due
from firstlight.web.service import Service

PDQ = "0f" * 32
WHO = {"user": "leek", "password": "secret word"}  # as the fake knows them


def test_the_types_are_listed_and_described(hma: TestClient) -> None:
    kinds = hma.get("/c/exchanges/apis").json()
    assert kinds == ["fb_threatexchange", "ncmec", "stop_ncii"]
    for api in kinds:
        state = hma.get(f"/c/exchanges/api/{api}").json()
        assert state == {"supports_authentification": True, "has_set_authentification": False}
        schema = hma.get(f"/c/exchanges/api/{api}/schema").json()
        assert set(schema) == {"config_schema", "credentials_schema"}
        for field in schema["config_schema"]["fields"] + schema["credentials_schema"]["fields"]:
            assert set(field) == {"name", "type", "required", "default", "help", "choices"}
            assert (field["type"] == "enum") is (field["choices"] is not None)
            assert field["name"] not in ("name", "type", "enabled")
    named = {
        api: [field["name"] for field in hma.get(f"/c/exchanges/api/{api}/schema").json()["config_schema"]["fields"]]
        for api in kinds
    }
    assert named == {"fb_threatexchange": ["privacy_group"], "ncmec": ["environment", "only_esp_ids"], "stop_ncii": []}
    assert hma.get("/c/exchanges/api/none").status_code == 400
    assert hma.get("/c/exchanges/api/none/schema").status_code == 404
    assert hma.post("/c/exchanges/api/none", json={"credential_json": {}}).status_code == 400


def test_credentials_are_kept_and_never_answered(hma: TestClient, service: Service) -> None:
    kept = hma.post("/c/exchanges/api/ncmec", json={"credential_json": WHO})
    assert kept.json() == {"supports_authentification": True, "has_set_authentification": True}
    assert hma.post("/c/exchanges/api/ncmec", json={}).json()["has_set_authentification"] is True
    assert hma.post("/c/exchanges/api/ncmec", json={"credential_json": None}).json()["has_set_authentification"] is True
    assert exchanging.has_credentials(service.home, "ncmec")  # the same that `firstlight exchange` uses
    for wrong in ({"credential_json": "x"}, {"credential_json": {"user": "u"}}, {"credential_json": {**WHO, "x": 1}}):
        answer = hma.post("/c/exchanges/api/ncmec", json=wrong)
        assert (answer.status_code, "message" in answer.json(), "secret word" in answer.text) == (400, True, False)
    assert hma.post("/c/exchanges/api/ncmec", json=[]).status_code == 400
    cleared = hma.post("/c/exchanges/api/ncmec", json={"credential_json": {}})
    assert cleared.json()["has_set_authentification"] is False


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"api": "ncmec"}, "bank"),
        ({"bank": "X"}, "api_type"),
        ({"bank": "X", "api": "none"}, "api_type"),
        ({"bank": "X", "api": "folder", "api_json": {"path": "/etc"}}, "api_type"),
        ({"bank": "9X", "api": "stop_ncii"}, "bank"),
        ({"bank": 7, "api": "stop_ncii"}, "bank"),
        ({"bank": "X", "api": "stop_ncii", "api_json": []}, "api_json"),
        ({"bank": "X", "api": "stop_ncii", "api_json": {"enabled": "yes"}}, "enabled"),
        ({"bank": "X", "api": "fb_threatexchange", "api_json": {}}, "privacy_group"),
        ({"bank": "X", "api": "fb_threatexchange", "api_json": {"privacy_group": "12"}}, "privacy_group"),
        ({"bank": "X", "api": "ncmec", "api_json": {"environment": "https://elsewhere.example/list"}}, "fetch_hosts"),
        (
            {
                "bank": "X",
                "api": "fb_threatexchange",
                "api_json": {"privacy_group": 1, "base_url": "https://a.example"},
            },
            "fetch_hosts",
        ),
    ],
)
def test_an_exchange_that_cannot_be_made_says_why(hma: TestClient, body: Any, says: str) -> None:
    answer = hma.post("/c/exchanges", json=body)
    assert (answer.status_code, says in answer.json()["message"]) == (400, True), answer.text
    assert hma.get("/c/banks").json() == []


def test_no_client_sends_credentials_to_a_host_of_its_choice(hma: TestClient) -> None:
    keys = {"subscription_key": "s", "fetch_function_key": "f"}
    for url, status in (("https://elsewhere.example", 400), ("http://127.0.0.1:1", 200), ("", 200)):
        sent = {"credential_json": {**keys, "base_url_override": url}}
        assert hma.post("/c/exchanges/api/stop_ncii", json=sent).status_code == status


def test_an_exchange_lives_from_create_to_delete_and_its_list_matches(hma: TestClient, service: Service) -> None:
    fake = NcmecFake()
    fake.entries = [Listed(7, "one", "2026-01-01T00:00:00Z", {"pdq": PDQ, "md5": "5d" * 16})]
    with serving(fake):
        sent = {"bank": "FED", "api": "ncmec", "api_json": {"environment": fake.url, "strange": 1}}
        made = hma.post("/c/exchanges", json=sent)
        assert (made.status_code, made.json()) == (201, {"message": "Created successfully"})
        again = hma.post("/c/exchanges", json=sent)
        assert (again.status_code, "already exists" in again.json()["message"]) == (403, True)
        assert hma.get("/c/exchanges").json() == ["FED"]
        assert hma.get("/c/bank/FED").json() == {"name": "FED", "matching_enabled_ratio": 1.0}
        shown = hma.get("/c/exchange/FED").json()
        assert {"name": "FED", "api": "ncmec", "enabled": True, "environment": fake.url}.items() <= shown.items()
        assert shown["only_esp_ids"] == []
        never: dict[str, Any] = dict.fromkeys(
            ("last_fetch_succeeded", "last_fetch_complete_ts", "running_fetch_start_ts", "checkpoint_ts")
        )
        assert hma.get("/c/exchange/FED/status").json() == {**never, "up_to_date": False, "fetched_items": 0}

        asked: dict[str, datetime] = {}
        fetch_due(service.home, asked)  # there are no credentials yet, and nobody is asked
        assert fake.asked == []
        hma.post("/c/exchanges/api/ncmec", json={"credential_json": WHO})
        fetch_due(service.home, {})
        state = hma.get("/c/exchange/FED/status").json()
        assert (state["last_fetch_succeeded"], state["up_to_date"], state["fetched_items"]) == (True, True, 1)
        assert state["running_fetch_start_ts"] is None
        assert all(isinstance(state[name], int) for name in ("last_fetch_complete_ts", "checkpoint_ts"))
        found = hma.get("/m/lookup", params={"signal": PDQ, "signal_type": "pdq"}).json()
        number = found["FED"][0]["bank_content_id"]
        content = hma.get(f"/c/bank/FED/content/{number}").json()
        assert list(content["metadata"]["collab"]) == ["FED"]
        count = len(fake.asked)
        fetch_due(service.home, {})  # it is not its turn
        assert len(fake.asked) == count

    changed = hma.put("/c/exchange/FED", json={"enabled": False})
    assert (changed.status_code, changed.json()) == (200, {**shown, "enabled": False})
    assert hma.put("/c/exchange/FED", json={}).status_code == 422
    assert hma.put("/c/exchange/NONE", json={"enabled": True}).status_code == 404
    assert hma.put("/c/bank/FED", json={"name": "FED_TWO"}).status_code == 200  # both keep in step
    assert hma.get("/c/exchange/FED_TWO").json()["enabled"] is False
    assert hma.get("/c/exchange/FED").status_code == 404
    assert hma.get("/c/exchange/FED/status").status_code == 404
    for _ in range(2):
        gone = hma.delete("/c/exchange/FED_TWO")
        assert (gone.status_code, gone.json()) == (200, {"message": "Exchange deleted"})
    assert hma.get("/c/banks").json() == []
    assert hma.get("/m/lookup", params={"signal": PDQ, "signal_type": "pdq"}).json() == {}


def test_a_bank_that_is_deleted_takes_its_exchange_along(hma: TestClient, service: Service) -> None:
    sent = {"bank": "NCII_SET", "api": "stop_ncii"}
    assert hma.post("/c/exchanges", json=sent).status_code == 201
    assert service.home.library.bank("ncii_set").purpose == "ncii"
    assert hma.delete("/c/bank/NCII_SET").json() == {"message": "Done"}
    assert hma.get("/c/exchanges").json() == []
    assert exchanging.names(service.home) == ()
    assert hma.post("/c/exchanges", json=sent).status_code == 201


def test_a_failed_fetch_is_tried_again_sooner_and_a_disabled_one_not_at_all(hma: TestClient, service: Service) -> None:
    fake = NcmecFake()
    with serving(fake):
        hma.post("/c/exchanges", json={"bank": "FED", "api": "ncmec", "api_json": {"environment": fake.url}})
        hma.post("/c/exchanges/api/ncmec", json={"credential_json": {"user": "esp", "password": "wrong"}})
        asked: dict[str, datetime] = {}
        fetch_due(service.home, asked)
        count = len(fake.asked)
        assert count
        state = hma.get("/c/exchange/FED/status").json()
        assert (state["last_fetch_succeeded"], state["up_to_date"]) == (False, False)
        fetch_due(service.home, asked)
        assert len(fake.asked) == count
        hma.put("/c/exchange/FED", json={"enabled": False})
        fetch_due(service.home, {name: at - timedelta(days=1) for name, at in asked.items()})
        assert len(fake.asked) == count
