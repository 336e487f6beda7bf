"""Items, matches, cases and banks over HTTP, by the client that ships with the service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from casework.making import NOW, case_row, jpeg
from firstlight.banks import Standing
from firstlight.casework import cases, examine
from firstlight.casework.cases import QueueView
from firstlight.casework.home import Home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.casework.upload import Upload
from firstlight.errors import InputError, NotFoundError, RefusedError, StateError
from firstlight.media import Cage
from firstlight.values import BankPurpose, Level
from firstlight.web.access.policy import FOR_MACHINES, Permission, Role
from firstlight.web.api.models import (
    BankChange,
    EntriesAsked,
    HashesAsked,
    ItemReference,
    NewBank,
    NewEntryAsked,
    StandingAsked,
)
from firstlight.web.client import ApiClient
from firstlight.web.service import Service
from web.conftest import ADDRESS, SignedInAs, with_key


@pytest.fixture
def service(home: Home, cage: Cage) -> Iterator[Service]:
    """The service with workers that decode."""
    service = Service(home=home, settings=ServiceSettings(), cage=cage)
    yield service
    service.audit.close()


@pytest.fixture
def api(service: Service) -> ApiClient:
    """A client with every scope."""
    return ApiClient("", "", http=_with_its_key(service, *FOR_MACHINES))


def _with_its_key(service: Service, *scopes: Permission, name: str = "machine") -> _Keyed:
    return _Keyed(with_key(service, *scopes, name=name))


class _Keyed(httpx.Client):
    """The way to the app in this process; it keeps the key that it was made with."""

    def __init__(self, client: TestClient) -> None:
        super().__init__(base_url=ADDRESS)
        self._client = client

    def request(self, method: str, url: Any, *, headers: Any = None, **more: Any) -> httpx.Response:
        kept = {name: value for name, value in headers.items() if name != "Authorization"}
        answer = self._client.request(method, url, headers=kept, **more)
        return httpx.Response(answer.status_code, content=answer.content)


def test_an_item_comes_in_is_examined_and_stands_in_a_case(api: ApiClient, service: Service, cage: Cage) -> None:
    api.create_bank(NewBank(name="known", purpose=BankPurpose.KNOWN))
    data = jpeg(5)
    first = api.take_in(data, about=Upload(account="account-17", name="a.jpg"), idempotency_key="upload-1")
    assert (first.known, first.state, first.case, first.account) == (False, "held", None, "account-17")
    again = api.take_in(data, about=Upload(account="account-17", name="a.jpg"), idempotency_key="upload-1")
    assert (again.known, again.item) == (True, first.item)
    with pytest.raises(StateError, match="other bytes"):
        api.take_in(jpeg(6), idempotency_key="upload-1")
    other = api.take_in_again(ItemReference(sha256=first.sha256, about=Upload(account="account-18")))
    assert other.item != first.item
    with pytest.raises(NotFoundError, match="SHA-256"):
        api.take_in_again(ItemReference(sha256="0" * 64))
    assert examine.examine(service.home, cage) == 2
    stands = api.item(first.item)
    assert stands.case is not None
    assert stands.priority is not None
    assert stands.verdict is not None
    case = api.case(stands.case)
    assert {item.item for item in case.items} == {first.item, other.item}
    assert api.queue().places[0].case == stands.case
    assert api.decisions(stands.case) == ()
    assert api.filings(stands.case) == ()
    with pytest.raises(NotFoundError):
        api.item(99)


def test_the_queue_is_read_in_pages_or_whole(api: ApiClient, service: Service) -> None:
    with service.home.work() as work:
        for number in range(1, 6):
            at = NOW - timedelta(hours=number)
            work.session.add(case_row(service.home, number, Level.STANDARD, at, place_order=float(number)))
    whole = cases.queue(service.home)
    assert [place.case for place in whole.places] == [5, 4, 3, 2, 1]
    assert api.queue().places == whole.places
    page = api.queue(start=2, limit=3)
    assert (page.places, page.waiting) == (whole.places[1:4], 5)
    assert api.queue(start=6).places == ()
    every = api._call("GET", "/queue", QueueView, params={"all": "true", "limit": "1"})
    assert every.places == whole.places
    with pytest.raises(InputError):
        api.queue(start=0)


def test_originals_never_lie_plain_on_the_disk(api: ApiClient, service: Service) -> None:
    data = jpeg(7, side=1600)
    api.take_in(data)
    for path in service.home.folder.rglob("*"):
        if path.is_file():
            assert data[100:160] not in path.read_bytes()


@pytest.mark.parametrize("key", ["roots/leek/7", "/leek", "leek//7", "a?b#c", "50 %", "Möhre", "x" * 200])
def test_an_entry_is_found_by_whatever_its_list_calls_it(api: ApiClient, key: str) -> None:
    api.create_bank(NewBank(name="known", purpose=BankPurpose.KNOWN))
    api.add_entries("known", EntriesAsked(entries=(NewEntryAsked(key=key, md5="5d" * 16),)))
    assert api.entry("known", key).key == key


def test_hashes_and_bytes_are_matched_and_every_entry_has_its_standing(api: ApiClient, cage: Cage) -> None:
    made = api.match_media(jpeg(8))
    assert made.pdq is not None
    assert not made.matches
    api.create_bank(NewBank(name="known", purpose=BankPurpose.KNOWN))
    added = api.add_entries("known", EntriesAsked(entries=(NewEntryAsked(key="k1", pdq=made.pdq, md5="5d" * 16),)))
    assert added.added == 1
    assert api.match_media(jpeg(8)).matches[0].entry == "k1"
    assert api.match_hashes(HashesAsked(pdq=made.pdq)).found
    by_digest = api.match_hashes(HashesAsked(md5="5d" * 16))
    assert (by_digest.found, by_digest.matches[0].exact) == (True, False)
    assert not api.match_hashes(HashesAsked(sha256="5d" * 32)).found
    shown = api.entry("known", "k1")
    assert made.pdq not in shown.model_dump_json()
    done = api.set_standing("known", StandingAsked(keys=("k1",), standing=Standing.DENIED, why="a false match"))
    assert done.keys == ("k1",)
    assert not api.match_hashes(HashesAsked(pdq=made.pdq)).found
    with pytest.raises(NotFoundError):
        api.match_hashes(HashesAsked(pdq=made.pdq, banks=("none",)))


def test_banks_are_made_changed_and_removed(api: ApiClient) -> None:
    api.create_bank(NewBank(name="known", purpose=BankPurpose.KNOWN))
    with pytest.raises(StateError):
        api.create_bank(NewBank(name="known", purpose=BankPurpose.KNOWN))
    assert api.change_bank("known", BankChange(threshold=20, enabled=False)).bank.enabled is False
    assert api.banks()[0].threshold == 20
    with pytest.raises(InputError):
        api.change_bank("known", BankChange())
    api.delete_bank("known", why="over")
    assert api.banks() == ()


def test_a_key_does_only_what_its_scopes_say(service: Service) -> None:
    reader = ApiClient("", "", http=_with_its_key(service, Permission.MATCH))
    assert not reader.match_hashes(HashesAsked(md5="5d" * 16)).found
    with pytest.raises(RefusedError, match="banks:read") as caught:
        reader.banks()
    assert caught.value.diagnostics().code == "refused.permission"


def test_no_machine_decides(service: Service, signed_in: SignedInAs) -> None:
    machine = with_key(service, *FOR_MACHINES)
    asked = {"items": [1], "conclusion": {"finding": "not-reportable", "why": "a drawing"}}
    assert machine.post("/v1/cases/1/decisions", json=asked).status_code == 403
    person = signed_in(Role.REVIEWER)
    assert person.post("/v1/cases/1/decisions", json=asked).status_code == 404  # no such case, but they may


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"x", "headers": {"Content-Type": "image/jpeg"}}, 415),
        ({"data": {"about": "{}"}, "files": {"other": b"x"}}, 400),
        ({"data": {"about": "no json"}, "files": {"file": b"x"}}, 400),
        ({"data": {"about": '{"ip": "nowhere"}'}, "files": {"file": b"x"}}, 400),
        ({"json": {"sha256": "short"}}, 422),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"json": {"sha256": "5b" * 32, "url": "http://elsewhere.example/"}}, 422),
    ],
)
def test_what_cannot_be_taken_in_says_why(service: Service, sent: dict[str, Any], status: int) -> None:
    answer = with_key(service, Permission.ITEMS_WRITE).request("POST", "/v1/items", **sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
