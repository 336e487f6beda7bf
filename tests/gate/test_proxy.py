"""The proxy, in front of the stand-in generator and of hostile ones, asked by the real OpenAI client."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from casework.making import jpeg, png
from firstlight.banks import Library, NewEntry
from firstlight.cli.gate_serve import served
from firstlight.errors import StorageError
from firstlight.gate.authority import development_keys
from firstlight.gate.checks import BanksCheck, RulesCheck
from firstlight.gate.decision import REFUSAL, Decision
from firstlight.gate.guard import Guard, Stopped
from firstlight.gate.http import GateApp, gate_app, standin_app
from firstlight.gate.http import proxy as proxying
from firstlight.gate.http.proxy import ImageProxy
from firstlight.gate.http.shelf import Shelf
from firstlight.gate.http.standin import drawn
from firstlight.gate.marking import Marker, Model, SigningKey
from firstlight.gate.pictures import look_at
from firstlight.gate.pipeline import Gate, Made
from firstlight.media import Cage
from firstlight.values import BankPurpose
from gate.vegetables import rules

BAD = "a carrot in the cellar"


@dataclass
class House:
    """A gate in front of a generator, and what it kept."""

    url: str
    library: Library
    made: list[Made] = field(default_factory=list)
    stopped: list[tuple[Decision, Stopped]] = field(default_factory=list)

    clients: list[openai.OpenAI] = field(default_factory=list)

    @property
    def client(self) -> openai.OpenAI:
        if not self.clients:
            self.clients.append(openai.OpenAI(base_url=f"{self.url}/v1", api_key="sk-test", max_retries=0))
        return self.clients[0]

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        return httpx.post(self.url + path, trust_env=False, timeout=30, **arguments)


def gated(upstream: Any, cage: Cage, library: Library, *, broken_ledger: bool = False) -> Iterator[House]:
    keys = development_keys(datetime.now(UTC))
    marker = Marker(SigningKey(keys.chain, "es256", key=keys.key), generator="example", version="1")
    house = House("", library)

    def remember(made: Made) -> None:
        if broken_ledger:
            raise StorageError("full")
        house.made.append(made)

    guard = Guard(
        cage,
        prompts=[RulesCheck(rules())],
        pictures=[BanksCheck(library)],
        keep=lambda d, s: None if d.allowed else house.stopped.append((d, s)),
    )
    gate = Gate(guard, marker=marker, remember=remember)
    with guard, served(upstream) as behind:
        proxy = ImageProxy(gate, f"{behind}/v1", models={"garden": Model("garden", "1", "cd" * 32)})
        with served(gate_app(GateApp(gate, proxy))) as url:
            house.url = url
            yield house
            for client in house.clients:
                client.close()


@pytest.fixture
def house(cage: Cage, library: Library) -> Iterator[House]:
    yield from gated(standin_app(), cage, library)


def listed(house: House, cage: Cage, data: bytes) -> None:
    house.library.create_bank("known", BankPurpose.KNOWN)
    house.library.add("known", [NewEntry(key="k", pdq=look_at(cage, data).hash.pdq.hex)])


def is_marked(data: bytes) -> bool:
    return b"c2pa" in data and b"AlgorithmicMedia" in data


def test_the_real_client_generates_through_the_gate(house: House) -> None:
    answer = house.client.images.generate(model="garden", prompt="a lake", n=2)
    pictures = [base64.b64decode(one.b64_json or "") for one in answer.data or []]
    assert len(pictures) == 2
    assert all(is_marked(one) for one in pictures)
    assert [made.model.sha256 for made in house.made] == ["cd" * 32] * 2
    assert house.made[0].inputs == ()
    assert house.made[0].asker.account.startswith("key-")
    assert house.stopped == []


def test_pictures_by_address_are_fetched_checked_and_served_anew(house: House) -> None:
    answer = house.client.images.generate(prompt="a lake", response_format="url", user="u1")
    url = (answer.data or [])[0].url or ""
    assert url.startswith(house.url)
    found = httpx.get(url, trust_env=False)
    assert is_marked(found.content)
    assert found.headers["content-type"] == "image/png"
    assert house.made[0].asker.account == "u1"
    assert httpx.get(url + "x", trust_env=False).status_code == 404


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the client calls variations so; servers have them
def test_edits_and_variations_say_that_a_picture_went_in(house: House, cage: Cage) -> None:
    photo, mask = jpeg(1), png(2)
    edited = house.client.images.edit(image=("p.jpg", photo), mask=("m.png", mask), prompt="a hat")
    varied = house.client.images.create_variation(image=("p.jpg", photo))
    many = house.client.images.edit(image=[("p.jpg", photo), ("q.png", png(3))], prompt="both")
    for answer in (edited, varied, many):
        assert b"compositeWithTrained" in base64.b64decode((answer.data or [])[0].b64_json or "")
    sha = look_at(cage, photo).digests.sha256
    assert [made.inputs[0] for made in house.made] == [sha] * 3
    assert [len(made.inputs) for made in house.made] == [1, 1, 2], "a mask is looked at, and is no parent"


def test_a_stream_is_checked_and_marked_picture_by_picture(house: House) -> None:
    stream = house.client.images.generate(model="garden", prompt="a lake", stream=True, partial_images=2)
    events = list(stream)
    assert [one.type for one in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert all(is_marked(base64.b64decode(one.b64_json)) for one in events)
    assert [made.preview for made in house.made] == [True, True, False]
    edits = house.client.images.edit(image=("p.jpg", jpeg(1)), prompt="x", stream=True, partial_images=1)
    assert [one.type for one in edits] == ["image_edit.partial_image", "image_edit.completed"]


def test_a_refusal_is_plain_and_nothing_is_generated(house: House) -> None:
    for prompt in (BAD, "carot in the cellar"):
        with pytest.raises(openai.BadRequestError) as caught:
            house.client.images.generate(prompt=prompt)
        assert caught.value.code == "moderation_blocked"
        assert REFUSAL in str(caught.value)
        for hint in ("carrot", "rule", "r1", "review", "near"):
            assert hint not in str(caught.value)
    assert house.made == []
    assert [decision.outcome.value for decision, _ in house.stopped] == ["block", "review"]


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "a lake", "negative_prompt": BAD},
        {"prompt": [BAD]},
        {"prompt": "a lake", "extra": {"style_prompt": BAD}},
        {"prompt": "a carrot", "prompt_2": "in the cellar"},
        {"prompt": "a lake", "quality": BAD + " " * 300},
    ],
)
def test_words_are_found_in_whatever_field_they_stand(house: House, body: dict[str, Any]) -> None:
    answer = house.post("/v1/images/generations", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "moderation_blocked"


def test_an_account_or_a_word_that_nobody_can_write_breaks_nothing(house: House) -> None:
    raw = b'{"prompt": "a carrot in the cellar \\ud800", "user": "u\\ud800", "model": "m\\udfff"}'
    answer = house.post("/v1/images/generations", content=raw, headers={"content-type": "application/json"})
    assert answer.json()["error"]["code"] == "moderation_blocked"
    assert house.stopped[0][1].asker.account.startswith("sha256-")
    house.post("/v1/images/generations", json={"prompt": BAD, "user": "u" * 10_000})
    assert len(house.stopped[1][1].asker.account) < 100
    assert house.stopped[1][1].asker.ip == "", "the address of whoever calls is not the user's"


def test_a_field_said_twice_means_one_thing(house: House) -> None:
    raw = b'{"prompt": "a lake", "prompt": "a carrot in the cellar"}'
    answer = house.post("/v1/images/generations", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    other = b'{"prompt": "a carrot in the cellar", "prompt": "a lake"}'
    answer = house.post("/v1/images/generations", content=other, headers={"content-type": "application/json"})
    assert base64.b64decode(answer.json()["data"][0]["b64_json"]).startswith(b"\x89PNG")
    assert house.made[0].prompt.text == "a lake", "what was read is what was sent on"


def test_input_pictures_are_matched_wherever_they_hide(house: House, cage: Cage) -> None:
    listed(house, cage, jpeg(1))
    near = jpeg(1, quality=70)
    encoded = base64.b64encode(near).decode()
    with pytest.raises(openai.BadRequestError):
        house.client.images.edit(image=("p.jpg", near), prompt="a hat")
    with pytest.raises(openai.BadRequestError):
        house.client.images.edit(image=("p.jpg", jpeg(9)), mask=("m.jpg", near), prompt="a hat")
    for text in (encoded, f"data:image/jpeg;base64,{encoded}"):
        answer = house.post("/v1/images/generations", json={"prompt": "a hat", "init": {"image": [text]}})
        assert answer.status_code == 400
    assert house.made == []
    assert all(decision.banks for decision, _ in house.stopped)
    assert house.stopped[0][1].pictures == (near,)


@pytest.mark.parametrize("field", ["image", "image_url", "control"])
def test_a_picture_by_address_cannot_be_looked_at_and_is_refused(house: House, field: str) -> None:
    answer = house.post("/v1/images/generations", json={"prompt": "x", field: "https://elsewhere.example/a.png"})
    assert (answer.status_code, house.made) == (400, [])


@pytest.mark.parametrize(
    "arguments",
    [
        {"content": b"{", "headers": {"content-type": "application/json"}},
        {"content": b"[1]", "headers": {"content-type": "application/json"}},
        {"content": b"prompt=x", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"content": b"--x\r\nrubbish", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        {"files": {"image": ("a.png", b"no picture")}, "data": {"prompt": "x"}},
        {"json": {"prompt": "x", "image": "data:image/png;base64,@@@"}},
        {"json": {"prompt": "x" * 40_000}},
    ],
)
def test_bad_requests_get_an_answer_that_says_so(house: House, arguments: dict[str, Any]) -> None:
    answer = house.post("/v1/images/edits", **arguments)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("prompt", [r'"a lake \ud83d"', r'"a lake", "guidance": NaN'])
def test_what_json_can_name_and_nothing_can_write_goes_on_as_it_came(house: House, prompt: str) -> None:
    content = f'{{"prompt": {prompt}}}'.encode()
    answer = house.post(
        "/v1/images/generations", content=content, headers={"content-type": "application/json", "api-key": "x"}
    )
    assert answer.status_code == 200
    assert is_marked(base64.b64decode(answer.json()["data"][0]["b64_json"]))


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/images/edits", "/v1/moderations"])
def test_another_method_is_refused_as_clients_expect(house: House, path: str) -> None:
    answer = httpx.get(house.url + path, trust_env=False)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_no_other_path_leads_to_the_generator(house: House) -> None:
    assert [one.id for one in house.client.models.list()] == ["stand-in"]
    for path in ("/v1/chat/completions", "/v1/responses", "/pictures/x", "/v1/images/generations/../models"):
        assert house.post(path, json={}).status_code in (404, 405)


def test_an_output_that_a_bank_holds_does_not_leave(house: House, cage: Cage) -> None:
    listed(house, cage, drawn("a lake 0"))
    for arguments in ({}, {"response_format": "url"}):
        with pytest.raises(openai.BadRequestError):
            house.client.images.generate(prompt="a lake", **arguments)  # type: ignore[call-overload]
    stream = house.client.images.generate(prompt="a lake", stream=True, partial_images=3, model="garden")
    with stream, pytest.raises(openai.APIError):
        for event in stream:
            assert event.type == "image_generation.partial_image"
    assert not any(not made.preview for made in house.made)
    assert house.stopped[0][1].pictures[0] == drawn("a lake 0"), "the picture goes to whoever holds it"


def test_nothing_leaves_that_cannot_be_remembered(cage: Cage, library: Library) -> None:
    for house in gated(standin_app(), cage, library, broken_ledger=True):
        with pytest.raises(openai.InternalServerError):
            house.client.images.generate(prompt="a lake")


def test_the_status_tells_whether_the_gate_is_armed(house: House) -> None:
    found = httpx.get(house.url + "/v1/gate/status", trust_env=False).json()
    assert (found["armed"], found["marks"], found["checks"]) == (True, True, {"rules": "ready", "banks": "ready"})


HOSTILE: dict[str, Any] = {
    "no json": (200, "text/plain", b"hello"),
    "a picture instead of json": (200, "image/png", png(1)),
    "no data": (200, "application/json", b'{"created": 1}'),
    "no picture": (200, "application/json", b'{"data": [{"b64_json": "aGVsbG8="}]}'),
    "no base64": (200, "application/json", b'{"data": [{"b64_json": "@"}]}'),
    "no field": (200, "application/json", b'{"data": [{"picture": "x"}]}'),
    "another host": (200, "application/json", b'{"data": [{"url": "http://127.0.0.1:9/x.png"}]}'),
    "no host": (200, "application/json", b'{"data": [{"url": "http://[::1/x.png"}]}'),
    "no address": (200, "application/json", b'{"data": [{"url": "http://127.0.0.1:port/x.png"}]}'),
    "a redirect": (302, "text/plain", b""),
    "an error with a picture": (500, "application/json", json.dumps({"picture": png(1).hex()}).encode()),
    "a stream of something else": (200, "text/event-stream", b'data: {"type": "image", "picture": "x"}\n\n'),
    "a stream that breaks off": (200, "text/event-stream", b'data: {"type": "image_gen'),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_generator_gets_nothing_through(name: str, cage: Cage, library: Library) -> None:
    status, kind, body = HOSTILE[name]

    async def answer(_: Request) -> Response:
        return Response(body, status, media_type=kind, headers={"location": "http://127.0.0.1:9/"})

    app = Starlette(routes=[Route("/v1/images/generations", answer, methods=["POST"])])
    for house in gated(app, cage, library):
        found = house.post("/v1/images/generations", json={"prompt": "x"})
        assert found.status_code >= 400 or b'"type": "error"' in found.content or found.content == b""
        assert base64.b64encode(png(1))[:60] not in found.content
        assert png(1).hex()[:60].encode() not in found.content
        assert house.made == []


def test_errors_of_the_generator_are_passed_on_in_their_own_words(cage: Cage, library: Library) -> None:
    async def answer(_: Request) -> Response:
        return JSONResponse({"error": {"message": "slow down", "type": "rate_limit", "code": "x", "extra": "y"}}, 429)

    app = Starlette(routes=[Route("/v1/images/generations", answer, methods=["POST"])])
    for house in gated(app, cage, library):
        with pytest.raises(openai.RateLimitError, match="slow down"):
            house.client.images.generate(prompt="x")


def test_a_stream_that_turns_bad_ends_with_an_error(cage: Cage, library: Library) -> None:
    async def events() -> Any:
        good = {"type": "image_generation.partial_image", "b64_json": base64.b64encode(png(1)).decode()}
        yield f"data: {json.dumps(good)}\n\n"
        yield f"data: {json.dumps({**good, 'b64_json': base64.b64encode(b'no picture').decode()})}\n\n"
        yield f"data: {json.dumps({**good, 'type': 'image_generation.completed'})}\n\n"

    async def answer(_: Request) -> Response:
        return StreamingResponse(events(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/images/generations", answer, methods=["POST"])])
    for house in gated(app, cage, library):
        text = house.post("/v1/images/generations", json={"prompt": "x", "stream": True}).text
        assert text.count("image_generation.partial_image") == 2  # the name of the event and its type
        assert "completed" not in text
        assert text.rstrip().endswith("}}")
        assert '"type": "error"' in text


@pytest.mark.parametrize("piece", [b"x" * 9000, b"data: x\n" * 1000])
def test_a_stream_without_an_end_fills_no_memory(
    piece: bytes, cage: Cage, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxying, "LARGEST_EVENT", 100_000)
    sent = 0

    async def events() -> Any:
        nonlocal sent
        while True:
            sent += len(piece)
            yield piece
            await asyncio.sleep(0)  # where it is stopped when nobody reads any more

    async def answer(_: Request) -> Response:
        return StreamingResponse(events(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/images/generations", answer, methods=["POST"])])
    for house in gated(app, cage, library):
        text = house.post("/v1/images/generations", json={"prompt": "x", "stream": True}).text
        assert '"type": "error"' in text
    assert 100_000 < sent < 50_000_000, "it was cut off, after what lay in buffers"


def test_a_long_list_of_models_is_no_list(cage: Cage, library: Library) -> None:
    async def answer(_: Request) -> Response:
        return JSONResponse({"data": ["x" * 2**20]})

    for house in gated(Starlette(routes=[Route("/v1/models", answer)]), cage, library):
        assert httpx.get(house.url + "/v1/models", trust_env=False).status_code == 502


def test_a_client_that_goes_away_is_no_fault(house: House, caplog: pytest.LogCaptureFixture) -> None:
    place = urlsplit(house.url)
    with socket.create_connection((place.hostname or "", place.port or 0)) as client:
        client.sendall(b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        client.sendall(b"Content-Length: 100\r\n\r\n{")
    assert house.client.images.generate(prompt="a lake").data
    assert not [one for one in caplog.records if "Exception in ASGI" in one.getMessage()]


def test_the_shelf_forgets() -> None:
    now = [0.0]
    shelf = Shelf(room=100, monotonic=lambda: now[0])
    first, second, third = (shelf.put(b"x" * 40, "image/png") for _ in range(3))
    assert shelf.get(first) is None
    assert shelf.get(second) == (b"x" * 40, "image/png")
    now[0] = 4000
    assert shelf.get(third) is None


def test_moderations_in_openais_shape(house: House, cage: Cage) -> None:
    client = house.client
    one = client.moderations.create(input=["a lake", BAD])
    assert [result.flagged for result in one.results] == [False, True]
    assert one.results[1].categories.sexual_minors
    listed(house, cage, jpeg(1))
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg(1)).decode()
    parts: list[Any] = [{"type": "text", "text": "a lake"}, {"type": "image_url", "image_url": {"url": url}}]
    assert client.moderations.create(input=parts).results[0].flagged
    parts[1]["image_url"]["url"] = "https://elsewhere.example/x.png"
    with pytest.raises(openai.BadRequestError):
        client.moderations.create(input=parts)


@pytest.mark.parametrize(
    ("body", "action"),
    [
        ({"texts": ["a lake"], "input_type": "request"}, "NONE"),
        ({"texts": ["a lake", BAD], "input_type": "request"}, "BLOCKED"),
        ({"texts": [], "images": []}, "NONE"),
        ({"texts": None}, "NONE"),
        ({"texts": [7]}, "BLOCKED"),
        ({"texts": BAD}, "BLOCKED"),
        ({"images": [base64.b64encode(png(1)).decode()], "input_type": "response"}, "NONE"),
        ({"images": [base64.b64encode(b"x" * 99).decode()], "input_type": "response"}, "BLOCKED"),
        ({"images": ["https://elsewhere.example/x.png"]}, "BLOCKED"),
    ],
)
def test_litellms_guardrail(house: House, body: dict[str, Any], action: str) -> None:
    answer = house.post("/beta/litellm_basic_guardrail_api", json=body).json()
    assert answer["action"] == action
    assert ("blocked_reason" in answer) is (action == "BLOCKED")


def test_large_uploads_stay_in_memory(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A multipart parser's own habit is a temporary file from one megabyte on."""
    import tempfile

    def rollover(self: Any) -> None:
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
    large = io.BytesIO()
    from casework.making import picture

    picture(1, 1400).save(large, "BMP")
    assert len(large.getvalue()) > 2**21
    answer = house.post("/v1/images/edits", files={"image": ("a.bmp", large.getvalue())}, data={"prompt": "x"})
    assert answer.status_code != 500
