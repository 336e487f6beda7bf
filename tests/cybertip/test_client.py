"""The client over a real connection: what it sends, what it makes of answers, and what it does not do."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import httpx
import pytest

from firstlight.clock import FixedClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    SCHEMA_2025_11,
    Client,
    Code,
    Credentials,
    Draft,
    Fault,
    FaultKind,
    FileDescription,
    FileDetails,
    NoAnswerError,
    NotSentError,
    Simulator,
    SimulatorDestination,
    Timeouts,
    schema_in_force,
)
from firstlight.cybertip.answers import read_answer
from firstlight.cybertip.multipart import UploadBody
from firstlight.errors import InputError, IntegrityError, StorageError, UpstreamError

LOOPBACK = SimulatorDestination("http://127.0.0.1:9/ispws")


def test_each_endpoint_answers(simulator: Simulator, draft: Draft) -> None:
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        status = client.status()
        assert status.succeeded
        assert status.description == "Remote User : simulator, Remote Ip : 127.0.0.1"
        assert status.report_id is None
        assert len(status.request_id) == 32
        assert schema_in_force(client.xsd()) == SCHEMA_2025_11
        opened = client.submit(draft.report)
        assert opened.report_id is not None
        data = b"harbour" * 100_000
        answer, md5 = client.upload(opened.report_id, io.BytesIO(data), len(data), file_name='a "b"\r\nc.png')
        assert answer.md5 == md5 == hashlib.md5(data).hexdigest()
        assert answer.file_id is not None
        again, _ = client.upload(opened.report_id, io.BytesIO(data), len(data), file_name="b")
        assert again.file_id != answer.file_id
        details = FileDetails.of(opened.report_id, answer.file_id, FileDescription())
        assert client.fileinfo(details).succeeded
        assert client.fileinfo(details).code == Code.INVALID_REQUEST
        done = client.finish(opened.report_id)
        assert done.file_ids == (answer.file_id, again.file_id)
        assert client.finish(opened.report_id).code == Code.ALREADY_FINISHED
        assert client.retract(opened.report_id).code == Code.ALREADY_FINISHED
    (received,) = simulator.reports()
    assert next(iter(received.files.values())).name == "a %22b%22%0D%0Ac.png"


def test_a_retracted_report_stays_retracted(simulator: Simulator, draft: Draft) -> None:
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        number = client.submit(draft.report).report_id or 0
        assert client.retract(number).succeeded
        assert client.retract(number).code == Code.ALREADY_RETRACTED
        assert client.finish(number).code == Code.ALREADY_RETRACTED
        assert client.finish(number + 1).code == Code.NO_SUCH_REPORT


def test_an_empty_401_is_an_answer(simulator: Simulator, draft: Draft) -> None:
    with Client(simulator.destination, Credentials("simulator", "wrong")) as client:
        answer = client.submit(draft.report)
        assert (answer.status, answer.code, answer.is_about_credentials) == (401, None, True)
        with pytest.raises(UpstreamError, match="HTTP 401"):
            client.xsd()
    assert simulator.reports() == ()


@pytest.mark.parametrize("kind", [FaultKind.DROP_REQUEST, FaultKind.DROP_ANSWER, FaultKind.TRUNCATE])
def test_a_broken_connection_is_no_answer(clock: FixedClock, draft: Draft, kind: FaultKind) -> None:
    with Simulator.of(clock, faults=(Fault(kind=kind),)) as sim, Client(sim.destination, DEMO_CREDENTIALS) as client:
        with pytest.raises(NoAnswerError):
            client.submit(draft.report)
        assert len(sim.reports()) == (0 if kind is FaultKind.DROP_REQUEST else 1)
        assert client.status().succeeded


def test_an_answer_that_comes_too_late_is_no_answer(clock: FixedClock) -> None:
    fault = Fault(kind=FaultKind.SLOW, seconds=2)
    limits = Timeouts(read=0.2)
    with (
        Simulator.of(clock, faults=(fault,)) as sim,
        Client(sim.destination, DEMO_CREDENTIALS, timeouts=limits) as client,
        pytest.raises(NoAnswerError, match="ReadTimeout"),
    ):
        client.status()


def test_no_connection_is_not_sent() -> None:
    with Client(LOOPBACK, DEMO_CREDENTIALS) as client, pytest.raises(NotSentError, match="No connection"):
        client.status()


def _client(answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client(LOOPBACK, DEMO_CREDENTIALS, transport=httpx.MockTransport(answer))


def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": "http://127.0.0.1:9/elsewhere"})

    with _client(answer) as client:
        got = client.finish(7)
    assert asked == ["http://127.0.0.1:9/ispws/finish"]
    assert got.is_uncertain


def test_nothing_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        assert client.status().succeeded


def test_an_endless_answer_is_cut_off() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=(b"x" * 65536 for _ in range(1000)))

    with _client(answer) as client, pytest.raises(NoAnswerError, match="longer than"):
        client.status()


@pytest.mark.parametrize(
    ("status", "body", "code", "succeeded", "uncertain"),
    [
        (200, b"<reportResponse><responseCode>0</responseCode></reportResponse>", 0, True, False),
        (200, b"<reportResponse><responseCode>1001</responseCode></reportResponse>", 1001, False, False),
        (200, b"<html>maintenance</html>", None, False, True),
        (200, b"", None, False, True),
        (200, b"<reportResponse><responseCode>0</respo", None, False, True),
        (200, b'<!DOCTYPE a [<!ENTITY b "c">]><reportResponse/>', None, False, True),
        (200, b"<reportResponse><responseCode>x</responseCode></reportResponse>", None, False, True),
        (502, b"<html>bad gateway</html>", None, False, True),
        (408, b"", None, False, True),
        (404, b"<html>no</html>", None, False, False),
        (400, b"<reportDoneResponse><responseCode>4100</responseCode></reportDoneResponse>", 4100, False, False),
        (500, b"<reportResponse><responseCode>0</responseCode></reportResponse>", 0, False, False),
    ],
)
def test_answers_are_read_by_content(
    status: int, body: bytes, code: int | None, succeeded: bool, uncertain: bool
) -> None:
    answer = read_answer(status, "id", body)
    assert (answer.code, answer.succeeded, answer.is_uncertain) == (code, succeeded, uncertain)


def test_the_services_words_are_kept() -> None:
    said = b"<responseCode>4100</responseCode><responseDescription>Validation failed\n[1,2] - cvc</responseDescription>"
    body = b"<reportResponse>" + said + b"</reportResponse>"
    assert read_answer(400, "", body).words() == "code 4100, HTTP 400: Validation failed\n[1,2] - cvc"


@pytest.mark.parametrize(("size", "words"), [(6, "longer than"), (8, "ended 1 bytes before")])
def test_a_file_must_have_its_recorded_size(size: int, words: str) -> None:
    body = UploadBody(1, io.BytesIO(b"harbour"), size, file_name="a", boundary="b")
    with pytest.raises(IntegrityError, match=words):
        list(body)


def test_the_announced_length_is_that_of_the_body() -> None:
    body = UploadBody(1, io.BytesIO(b"x" * 200_001), 200_001, file_name="é", boundary="b")
    assert body.length == sum(len(part) for part in body)


def test_a_failing_disk_is_a_storage_error() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(StorageError, match="Input/output error"):
        list(UploadBody(1, Failing(), 1, file_name="a", boundary="b"))


def test_the_password_does_not_show() -> None:
    assert "secret" not in repr(Credentials("someone", "secret"))
    with pytest.raises(InputError):
        Credentials("some:one", "secret")
