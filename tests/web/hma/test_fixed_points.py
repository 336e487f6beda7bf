"""What clients of HMA rest on: paths, shapes and statuses, as its reference fixes them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from starlette.testclient import TestClient

from casework.making import jpeg
from firstlight.banks import NewEntry
from firstlight.casework import banking
from firstlight.custody import EventType
from firstlight.values import BankPurpose
from firstlight.web.access.policy import Permission
from firstlight.web.service import Service
from web.conftest import with_key

A = "0f" * 32
NEAR = "0f" * 31 + "0e"  # one bit away
FAR = "f0" * 32
MD5 = "5d" * 16


def bank(hma: TestClient, name: str = "KNOWN_SET", **more: Any) -> None:
    assert hma.post("/c/banks", json={"name": name, **more}).status_code == 201


def add(hma: TestClient, name: str = "KNOWN_SET", **signals: str) -> int:
    answer = hma.post(f"/c/bank/{name}/signal", json=signals or {"pdq": A})
    assert answer.status_code == 200, answer.text
    number = answer.json()["id"]
    assert isinstance(number, int)
    return number


def test_a_bank_lives_from_create_to_delete(hma: TestClient) -> None:
    assert hma.get("/c/banks").json() == []
    made = hma.post("/c/banks", json={"name": "COOP_X1_SET", "enabled_ratio": "0.5"})  # Coop sends text
    assert (made.status_code, made.json()) == (201, {"name": "COOP_X1_SET", "matching_enabled_ratio": 0.5})
    assert hma.get("http://localhost//c/banks").json() == [made.json()]  # Coop's base address ends in a slash
    assert hma.get("/c/bank/COOP_X1_SET").json() == made.json()
    assert hma.post("/c/banks", json={"name": "COOP_X1_SET"}).status_code == 403
    assert hma.put("/c/bank/COOP_X1_SET", json={"enabled_ratio": 1}).json()["matching_enabled_ratio"] == 1.0
    number = add(hma, "COOP_X1_SET")
    assert hma.put("/c/bank/COOP_X1_SET", json={"name": "RENAMED"}).json()["name"] == "RENAMED"
    assert hma.get(f"/c/bank/RENAMED/content/{number}").status_code == 200
    assert hma.get("/c/bank/COOP_X1_SET").json() == {"message": "bank 'COOP_X1_SET' not found"}
    for _ in range(2):
        gone = hma.delete("/c/bank/RENAMED")
        assert (gone.status_code, gone.json()) == (200, {"message": "Done"})
    assert hma.get("/c/bank/RENAMED").status_code == 404
    assert hma.get("/m/lookup", params={"signal": A, "signal_type": "pdq"}).json() == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        (None, 422),
        ([], 422),
        ({"name": 7}, 422),
        ({"name": "lower"}, 400),
        ({"name": "X" * 256}, 400),
        ({"name": "9X"}, 400),
        ({"name": "X", "enabled_ratio": 7}, 400),
        ({"name": "X", "enabled_ratio": "much"}, 422),
        ({"name": "X", "unknown": 1}, 201),
        ({"name": "_X", "enabled": "no"}, 201),
    ],
)
def test_a_bank_that_cannot_be_made_says_why(hma: TestClient, body: Any, status: int) -> None:
    answer = hma.post("/c/banks", json=body) if body is not None else hma.post("/c/banks")
    assert answer.status_code == status, answer.text
    if status == 422:
        assert isinstance(answer.json(), list)
        assert {"type", "loc", "msg"} <= set(answer.json()[0])
    if status == 400:
        assert "message" in answer.json()


def test_enabled_sets_the_ratio_when_none_is_sent(hma: TestClient) -> None:
    made = hma.post("/c/banks", json={"name": "OFF", "enabled": False}).json()
    assert made["matching_enabled_ratio"] == 0.0


def test_the_three_shapes_of_a_look_up(hma: TestClient, service: Service) -> None:
    bank(hma)
    number = add(hma)
    found = hma.get("/m/lookup", params={"signal": NEAR, "signal_type": "pdq"})
    assert found.json() == {"KNOWN_SET": [{"bank_content_id": number, "distance": "1"}]}
    assert hma.get("/m/lookup", params={"signal": FAR, "signal_type": "pdq"}).json() == {}
    upload = hma.post("/m/lookup", files={"photo": ("a.jpg", jpeg(1), "image/jpeg")})
    assert upload.json() == {"pdq": {}}
    raw = hma.get("/m/raw_lookup", params={"signal": NEAR, "signal_type": "pdq"})
    assert raw.json() == {"matches": [number]}
    raw = hma.get("/m/raw_lookup", params={"signal": NEAR, "signal_type": "pdq", "include_distance": "yes"})
    assert raw.json() == {"matches": [{"bank_content_id": number, "distance": "1"}]}


def test_video_has_no_distance(hma: TestClient) -> None:
    bank(hma)
    number = add(hma, video_md5=MD5)
    found = hma.get("/m/lookup", params={"signal": MD5.upper(), "signal_type": "video_md5"}).json()
    assert found == {"KNOWN_SET": [{"bank_content_id": number, "distance": "-"}]}


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/m/lookup", {}, 400),
        ("/m/lookup", {"signal": "", "signal_type": "pdq"}, 400),
        ("/m/lookup", {"signal": A}, 400),
        ("/m/lookup", {"signal": "zz", "signal_type": "pdq"}, 400),
        ("/m/lookup", {"signal": A, "signal_type": "phash"}, 400),
        ("/m/lookup", {"signal": A, "signal_type": "pdq", "bypass_coinflip": "perhaps"}, 422),
        ("/m/raw_lookup", {"signal": A}, 422),
        ("/m/raw_lookup", {"signal": "", "signal_type": "pdq"}, 400),
        ("/m/raw_lookup", {"signal": A, "signal_type": "pdq", "include_distance": "perhaps"}, 422),
        ("/m/index/status", {"signal_type": "phash"}, 400),
        ("/c/signal_type/index", {"signal_type": "phash"}, 400),
        ("/h/hash", {}, 422),
        ("/h/hash", {"url": ""}, 400),
        ("/h/hash", {"url": "ftp://127.0.0.1/x"}, 400),
        ("/h/hash", {"url": "http://user:word@127.0.0.1/x"}, 400),
        ("/h/hash", {"url": "http://elsewhere.example/x.jpg"}, 400),
        ("/h/hash", {"url": "http://127.0.0.1:1/x.jpg", "content_type": "text"}, 400),
    ],
)
def test_a_wrong_call_is_refused_with_its_status(
    hma: TestClient, path: str, params: dict[str, str], status: int
) -> None:
    answer = hma.get(path, params=params)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json(), list) is (status == 422)


def test_disabled_content_does_not_match_and_raw_look_ups_still_see_it(hma: TestClient) -> None:
    bank(hma)
    number = add(hma)
    place = f"/c/bank/KNOWN_SET/content/{number}"
    changed = hma.put(place, json={"disable_until_ts": 0, "note": "second review"})
    assert changed.json() == {
        "id": number,
        "disable_until_ts": 0,
        "original_media_uri": None,
        "bank": {"name": "KNOWN_SET", "matching_enabled_ratio": 1.0},
        "collab_metadata": {},
        "user_metadata": None,
        "note": "second review",
    }
    assert hma.get("/m/lookup", params={"signal": A, "signal_type": "pdq"}).json() == {}
    assert hma.get("/m/raw_lookup", params={"signal": A, "signal_type": "pdq"}).json() == {"matches": [number]}
    for wrong in (None, -1, "x", 2**33, 1.5):
        assert hma.put(place, json={"disable_until_ts": wrong}).status_code == 400
    assert hma.put(place, json={"disable_until_ts": "1", "note": None}).json()["note"] is None
    assert hma.get("/m/lookup", params={"signal": A, "signal_type": "pdq"}).json() != {}
    assert hma.put(place, content=b"{}").status_code == 415


def test_content_is_shown_with_what_is_asked_for(hma: TestClient) -> None:
    bank(hma)
    photo = jpeg(2)
    added = hma.post(
        "/c/bank/KNOWN_SET/content",
        files={"photo": ("a.jpg", photo, "image/jpeg")},
        data={"metadata": '{"content_id": "case-7", "collab": {"X": ["y"]}}', "note": "n"},
    )
    assert added.status_code == 200, added.text
    number, pdq = added.json()["id"], added.json()["signals"]["pdq"]
    place = f"/c/bank/KNOWN_SET/content/{number}"
    shown = hma.get(place, params={"include_signals": "True"}).json()
    assert shown["signals"] == {"pdq": pdq}
    assert shown["metadata"] == {"content_id": "case-7", "content_uri": None, "json": None, "collab": None}
    assert shown["note"] == "n"
    assert "metadata" not in hma.get(place, params={"include_metadata": "false"}).json()
    assert "signals" not in hma.get(place, params={"include_signals": "1"}).json()
    assert hma.post("/h/hash", files={"photo": ("a.jpg", photo)}).json() == {"pdq": pdq}
    again = hma.post("/m/lookup", files={"photo": ("a.jpg", photo)}).json()
    assert again == {"pdq": {"KNOWN_SET": [{"bank_content_id": number, "distance": "0"}]}}
    assert hma.get("/c/bank/KNOWN_SET/content/nine").status_code == 404
    assert hma.get("/c/bank/NONE/content/1").status_code == 404


def test_coops_form_is_taken(hma: TestClient) -> None:
    bank(hma)
    added = hma.post(
        "/c/bank/KNOWN_SET/content",
        files={"photo": ("a.jpg", jpeg(3))},
        data={"content_id": "c1", "content_uri": "u1", "metadata": '{"free": "key"}'},
    )
    assert added.status_code == 200
    shown = hma.get(f"/c/bank/KNOWN_SET/content/{added.json()['id']}").json()
    assert shown["metadata"]["content_id"] == "c1"
    assert shown["metadata"]["json"] == {"free": "key"}


@pytest.mark.parametrize("metadata", ['{"other": 1}', "[]", "no json", '{"content_id": 7}', '{"json": "text"}'])
def test_metadata_with_other_keys_is_refused(hma: TestClient, metadata: str) -> None:
    bank(hma)
    answer = hma.post("/c/bank/KNOWN_SET/content", files={"photo": ("a.jpg", jpeg(3))}, data={"metadata": metadata})
    assert answer.status_code == 400


def test_content_belongs_to_its_bank(hma: TestClient) -> None:
    bank(hma)
    bank(hma, "OTHER")
    number = add(hma)
    assert hma.get(f"/c/bank/OTHER/content/{number}").status_code == 404
    assert hma.delete(f"/c/bank/OTHER/content/{number}").json() == {"deleted": 0}
    assert hma.delete(f"/c/bank/KNOWN_SET/content/{number}").json() == {"deleted": 1}
    assert hma.delete(f"/c/bank/KNOWN_SET/content/{number}").json() == {"deleted": 0}
    assert hma.delete(f"/c/bank/NONE/content/{number}").status_code == 404
    assert hma.get("/m/raw_lookup", params={"signal": A, "signal_type": "pdq"}).json() == {"matches": []}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"note": "n"}, 400),
        ({"pdq": "short"}, 400),
        ({"phash": A}, 400),
        ({"pdq": A, "metadata": {}}, 400),
        ({"pdq": A, "note": "n" * 256}, 400),
        ([A], 400),
        ({"pdq": A.upper(), "video_md5": MD5}, 200),
    ],
)
def test_hashes_are_added_as_they_are(hma: TestClient, body: Any, status: int) -> None:
    bank(hma)
    answer = hma.post("/c/bank/KNOWN_SET/signal", json=body)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json()["signals"] == {"pdq": A, "video_md5": MD5}


def test_the_same_media_twice_is_two_contents(hma: TestClient) -> None:
    bank(hma)
    one, two = add(hma), add(hma)
    assert one != two
    found = hma.get("/m/lookup", params={"signal": A, "signal_type": "pdq"}).json()
    assert {hit["bank_content_id"] for hit in found["KNOWN_SET"]} == {one, two}


def test_a_share_of_calls_matches_and_a_seed_repeats_the_toss(hma: TestClient) -> None:
    bank(hma, enabled_ratio=0.5)
    bank(hma, "NEVER", enabled_ratio=0)
    add(hma)
    add(hma, "NEVER")
    ask = {"signal": A, "signal_type": "pdq"}
    seeded = [hma.get("/m/lookup", params={**ask, "seed": str(seed)}).json() for seed in range(40)]
    assert seeded == [hma.get("/m/lookup", params={**ask, "seed": str(seed)}).json() for seed in range(40)]
    hits = sum(1 for found in seeded if "KNOWN_SET" in found)
    assert 8 < hits < 32
    assert not any("NEVER" in found for found in seeded)
    assert set(hma.get("/m/lookup", params={**ask, "bypass_coinflip": "true"}).json()) == {"KNOWN_SET", "NEVER"}


def test_banks_can_be_named(hma: TestClient) -> None:
    bank(hma)
    bank(hma, "OTHER")
    add(hma)
    number = add(hma, "OTHER")
    ask = {"signal": A, "signal_type": "pdq"}
    assert set(hma.get("/m/lookup", params={**ask, "banks": "OTHER,NONE"}).json()) == {"OTHER"}
    assert hma.get("/m/raw_lookup", params={**ask, "banks": "OTHER"}).json() == {"matches": [number]}
    assert hma.get("/m/raw_lookup", params={**ask, "banks": " OTHER"}).json() == {"matches": []}
    assert len(hma.get("/m/raw_lookup", params={**ask, "banks": ""}).json()["matches"]) == 2


def test_our_own_banks_are_there_under_names_of_hma(hma: TestClient, service: Service) -> None:
    banking.create_bank(service.home, "list.of-2026", BankPurpose.KNOWN)
    banking.create_bank(service.home, "harmless", BankPurpose.ALLOW)
    banking.add_entries(service.home, "list.of-2026", [NewEntry(key="k1", pdq=A), NewEntry(key="k2", md5=MD5)])
    assert [one["name"] for one in hma.get("/c/banks").json()] == ["LIST_OF_2026"]
    found = hma.get("/m/lookup", params={"signal": A, "signal_type": "pdq"}).json()
    number = found["LIST_OF_2026"][0]["bank_content_id"]
    again = hma.get("/m/lookup", params={"signal": A, "signal_type": "pdq"}).json()
    assert again == found
    shown = hma.get(f"/c/bank/LIST_OF_2026/content/{number}", params={"include_signals": "true"}).json()
    assert shown["signals"] == {"pdq": A}


def test_hashing(hma: TestClient) -> None:
    video = b"not really a film"
    assert hma.post("/h/hash", files={"video": ("v.mp4", video)}).json() == {
        "video_md5": hashlib.md5(video, usedforsecurity=False).hexdigest()
    }
    assert hma.post("/h/hash", files={"video": ("v.mp4", b"")}).json() == {
        "video_md5": "d41d8cd98f00b204e9800998ecf8427e"
    }
    blank = b"P6 64 64 255\n" + bytes(64 * 64 * 3)
    assert hma.post("/h/hash", files={"photo": ("b.ppm", blank)}).status_code in (200, 400)
    none: dict[str, tuple[str, bytes]] = {}
    for files in (none, {"file": ("a", b"x")}, {"photo": ("a", b"x"), "video": ("b", b"x")}):
        assert hma.post("/h/hash", files=files).status_code == 400
    for corrupt in (b"", b"no picture", jpeg(1)[:200]):
        answer = hma.post("/h/hash", files={"photo": ("a.jpg", corrupt)})
        assert (answer.status_code, list(answer.json())[:1]) == (400, ["message"])
    types = {"types": "video_md5"}
    assert hma.post("/h/hash", params=types, files={"photo": ("a.jpg", jpeg(1))}).status_code == 400
    assert hma.post("/h/hash", params={"types": " pdq ,"}, files={"photo": ("a.jpg", jpeg(1))}).status_code == 200
    assert hma.post("/h/hash", params={"types": " , "}, files={"photo": ("a.jpg", jpeg(1))}).status_code == 400


def test_too_much_is_413(hma: TestClient) -> None:
    answer = hma.post("/h/hash", files={"video": ("v.mp4", bytes(5_000_000))})
    assert (answer.status_code, "message" in answer.json()) == (413, True)


def test_compare_says_whole_numbers(hma: TestClient) -> None:
    assert hma.post("/m/compare", json={"pdq": [A, NEAR]}).json() == {"pdq": [True, {"distance": 1}]}
    assert hma.post("/m/compare", json={"pdq": [A, FAR]}).json() == {"pdq": [False, {"distance": 256}]}
    assert hma.post("/m/compare", json={"video_md5": [MD5, MD5]}).json() == {"video_md5": [True, {}]}
    assert hma.post("/m/compare", json={}).json() == {}
    wrongs: list[Any] = [[], {"pdq": A}, {"pdq": [A]}, {"pdq": [A, "x"]}, {"phash": [A, A]}]
    for wrong in wrongs:
        assert hma.post("/m/compare", json=wrong).status_code == 400


def test_index_and_types(hma: TestClient, service: Service) -> None:
    empty = hma.get("/m/index/status").json()
    assert empty == {name: {"present": False, "built_to": -1, "size": 0} for name in ("pdq", "video_md5")}
    bank(hma)
    add(hma)
    built = int(service.clock.now().timestamp())
    assert hma.get("/m/index/status", params={"signal_type": "pdq"}).json() == {
        "pdq": {"present": True, "built_to": built, "size": 1}
    }
    assert hma.get("/c/signal_type/index").json()["pdq"] == {
        "db_size": 1,
        "index_size": 1,
        "index_out_of_date": False,
        "newest_db_item": built,
        "index_built_to": built,
    }
    assert hma.get("/c/content_type").json() == [
        {"name": "photo", "enabled": True},
        {"name": "video", "enabled": True},
    ]
    changed = hma.put("/c/signal_type/pdq", json={"enabled_ratio": 0})
    assert changed.json() == {"name": "pdq", "enabled_ratio": 0.0}
    assert hma.get("/m/lookup", params={"signal": A, "signal_type": "pdq"}).json() == {}
    assert hma.put("/c/signal_type/pdq", json={"enabled_ratio": 2}).status_code == 400
    assert hma.put("/c/signal_type/phash", json={"enabled_ratio": 1}).status_code == 404


def test_unknown_paths_and_methods_answer_json(hma: TestClient) -> None:
    for answer in (hma.get("/c/nothing"), hma.patch("/c/banks"), hma.get("/c/banks/")):
        assert answer.status_code in (404, 405)
        assert "message" in answer.json()
    assert "/m/lookup" in hma.get("/site-map").json()


def test_the_routes_are_described(hma: TestClient) -> None:
    said = hma.get("/openapi/openapi.json").json()
    patterns = {path.replace(":int", "") for path in hma.get("/site-map").json()} - {"/status", "/status/live"}
    assert set(said["paths"]) == patterns
    assert set(said["paths"]["/c/bank/{bank}"]) == {"get", "put", "delete"}
    assert "201" in said["paths"]["/c/banks"]["post"]["responses"]
    assert "200" in said["paths"]["/c/bank/{bank}/signal"]["post"]["responses"]
    content = said["paths"]["/c/bank/{bank}/content/{content}"]["get"]["parameters"]
    assert [(one["name"], one["schema"]["type"]) for one in content] == [("bank", "string"), ("content", "integer")]


def test_look_ups_stand_in_the_log_without_a_hash(hma: TestClient, service: Service) -> None:
    bank(hma)
    add(hma)
    for value in (A, FAR, NEAR):
        hma.get("/m/lookup", params={"signal": value, "signal_type": "pdq"})
    service.audit.flush()
    with service.home.look() as work:
        events = [entry.event for entry in work.log.entries(types=[EventType.MATCH]) if entry.event is not None]
    assert [event.payload["looked_up"] for event in events] == [{"pdq": 3}]
    assert events[0].payload["found"] == [["known_set", "hma-1"]] * 2
    assert not any(value in event.to_json().decode() for event in events for value in (A, NEAR, FAR))


def test_without_the_operators_word_a_key_is_needed(service: Service) -> None:
    closed = Service(home=service.home, settings=service.settings.model_copy(update={"hma_open_on_loopback": False}))
    reader = with_key(closed, Permission.MATCH)
    assert reader.get("/m/lookup", params={"signal": A, "signal_type": "pdq"}).json() == {}
    refused = reader.post("/c/banks", json={"name": "X"})
    assert (refused.status_code, "message" in refused.json()) == (403, True)
    del reader.headers["authorization"]
    refused = reader.get("/c/banks")
    assert (refused.status_code, "message" in refused.json()) == (401, True)


def test_a_page_of_another_site_cannot_reach_the_open_interface(hma: TestClient) -> None:
    cross = {"sec-fetch-site": "cross-site"}
    assert hma.post("/c/banks", json={"name": "X"}, headers=cross).status_code == 403
    assert hma.get("/c/banks", headers={"host": "rebound.example"}).status_code == 421
