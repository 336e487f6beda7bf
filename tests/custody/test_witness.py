"""A second signer: it signs what grows, refuses what was rolled back or forked, and both ends are tried over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from custody.conftest import fixed_entropy
from custody.faults import FailingDisk, PowerCutError
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, Event, EventType, Keyring, MemoryLeafStore, SignedCheckpoint
from firstlight.custody.cosignature import WitnessKey, WitnessSigner
from firstlight.custody.second_parties import ask_witness
from firstlight.custody.witness import LARGEST_REQUEST, Witness, request_body
from firstlight.custody.witness_server import WitnessServer
from firstlight.errors import InputError, IntegrityError, StorageError, UpstreamError

NAME = "witness.example/w1"


def grow(log: CustodyLog, clock: FixedClock, by: int = 3) -> SignedCheckpoint:
    log.append_many([Event(type=EventType.LOGIN, at=clock.now(), actor="u") for _ in range(by)])
    return log.checkpoint()


@pytest.fixture
def witness(tmp_path: Path, log: CustodyLog, clock: FixedClock) -> Witness:
    return Witness(tmp_path / "witness", NAME, [log.verifier], clock=clock)


@pytest.fixture
def server(witness: Witness) -> Iterator[WitnessServer]:
    with WitnessServer(witness) as server:
        yield server


def asked(server: WitnessServer, log: CustodyLog, signed: SignedCheckpoint, known: int = 0) -> SignedCheckpoint:
    return ask_witness(server.url, server.witness.key, signed, known, lambda old: log.consistency(old, signed.size))


def test_what_grows_is_signed_again_and_again(server: WitnessServer, log: CustodyLog, clock: FixedClock) -> None:
    key = WitnessKey.from_vkey(server.witness.key.vkey)
    assert key == server.witness.key
    known, both = 0, grow(log, clock)
    for by in (1, 3, 1, 12):
        signed = grow(log, clock, by)
        both = asked(server, log, signed, known)
        assert key.seen_at(both.note) == clock.now().replace(microsecond=0)
        assert key.seen_at(signed.note) is None
        assert SignedCheckpoint.open(both.note, log.verifier).checkpoint == signed.checkpoint
        known = signed.size
    again = asked(server, log, both, known)
    assert again.checkpoint == both.checkpoint


def test_who_has_forgotten_what_was_signed_is_told_the_size_and_goes_on(
    server: WitnessServer, log: CustodyLog, clock: FixedClock
) -> None:
    asked(server, log, grow(log, clock, 5))
    both = asked(server, log, grow(log, clock, 4), known=0)
    assert server.witness.key.seen_at(both.note) is not None


def test_a_log_that_was_rolled_back_or_forked_finds_no_second_signature(
    server: WitnessServer, log: CustodyLog, clock: FixedClock, keyring: Keyring
) -> None:
    first = grow(log, clock, 3)
    asked(server, log, first)
    asked(server, log, grow(log, clock, 4))
    with pytest.raises(IntegrityError, match="the end was cut off"):
        asked(server, log, first)

    store = MemoryLeafStore()
    other = CustodyLog(store, keyring.log_signer(), clock, sealers=keyring.event_sealer, entropy=fixed_entropy(b"o"))
    fork = grow(other, clock, 9)
    with pytest.raises(IntegrityError, match="is not how this log began"):
        asked(server, other, fork)
    with pytest.raises(IntegrityError, match="is not how this log began"):
        asked(server, other, fork, known=7)
    same_size = MemoryLeafStore()
    third = CustodyLog(
        same_size, keyring.log_signer(), clock, sealers=keyring.event_sealer, entropy=fixed_entropy(b"3")
    )
    with pytest.raises(IntegrityError, match="is not how this log began"):
        asked(server, third, grow(third, clock, 7), known=7)
    asked(server, log, grow(log, clock, 1))


def test_the_protocols_own_statuses(witness: Witness, log: CustodyLog, clock: FixedClock) -> None:
    one = grow(log, clock, 3)
    two = grow(log, clock, 4)
    proof = log.consistency(3, 7)
    for status, body in (
        (HTTPStatus.BAD_REQUEST, b""),
        (HTTPStatus.BAD_REQUEST, b"old 0\n\n"),
        (HTTPStatus.BAD_REQUEST, b"old -1\n\n" + one.note),
        (HTTPStatus.BAD_REQUEST, b"old 0\nAAAA\n\n" + one.note),
        (HTTPStatus.BAD_REQUEST, b"\xff\n\n" + one.note),
        (HTTPStatus.BAD_REQUEST, request_body(0, [bytes(32)] * 64, one.note)),
        (HTTPStatus.BAD_REQUEST, request_body(4, [], one.note)),
        (HTTPStatus.NOT_FOUND, request_body(0, [], one.note.replace(b"example.org", b"example.net"))),
        (HTTPStatus.FORBIDDEN, request_body(0, [], one.note.replace(b"\n3\n", b"\n4\n"))),
        (HTTPStatus.CONFLICT, request_body(3, [], one.note)),
        (HTTPStatus.UNPROCESSABLE_ENTITY, request_body(0, [bytes(32)], one.note)),
        (HTTPStatus.OK, request_body(0, [], one.note)),
        (HTTPStatus.OK, request_body(3, [], one.note)),
        (HTTPStatus.UNPROCESSABLE_ENTITY, request_body(3, proof[:-1], two.note)),
        (HTTPStatus.UNPROCESSABLE_ENTITY, request_body(3, proof[::-1], two.note)),
        (HTTPStatus.CONFLICT, request_body(0, [], two.note)),
        (HTTPStatus.OK, request_body(3, proof, two.note)),
        (HTTPStatus.CONFLICT, request_body(3, proof, two.note)),
    ):
        reply = witness.add_checkpoint(body)
        assert reply.status == status, (body, reply)
        if status is HTTPStatus.CONFLICT:
            assert reply.content_type == "text/x.tlog.size"


def test_it_remembers_across_starts_and_forgets_nothing_when_power_is_cut(
    tmp_path: Path, log: CustodyLog, clock: FixedClock
) -> None:
    folder = tmp_path / "witness"
    one = grow(log, clock, 3)
    first = Witness(folder, NAME, [log.verifier], clock=clock)
    assert first.add_checkpoint(request_body(0, [], one.note)).status == HTTPStatus.OK
    two = grow(log, clock, 2)
    body = request_body(3, log.consistency(3, 5), two.note)
    for step in range(1, 12):
        disk = FailingDisk(-1, None)
        second = Witness(folder, NAME, [log.verifier], clock=clock, disk=disk)
        disk._fail_at = len(disk.calls) + step - 1
        try:
            answered = second.add_checkpoint(body).status == HTTPStatus.OK
        except PowerCutError:
            answered = False
        third = Witness(folder, NAME, [log.verifier], clock=clock)
        assert third.key == first.key
        last = third._last(log.origin, [log.verifier])
        assert last is not None
        assert last.size == 5 or not answered, "what was signed is remembered"
        if last.size == 5:
            break
    else:
        pytest.fail("it never signed")


def test_answers_that_are_not_what_was_agreed_are_told(
    server: WitnessServer, log: CustodyLog, clock: FixedClock, tmp_path: Path
) -> None:
    signed = grow(log, clock)
    other = WitnessSigner(NAME, bytes(32)).key
    with pytest.raises(IntegrityError, match="without its signature"):
        ask_witness(server.url, other, signed, 0, lambda old: log.consistency(old, signed.size))
    with pytest.raises(UpstreamError, match="404"):
        ask_witness(server.url + "/x", server.witness.key, signed, 0, lambda _: [])
    with pytest.raises(UpstreamError, match="does not answer"):
        ask_witness("http://127.0.0.1:1", server.witness.key, signed, 0, lambda _: [])
    with pytest.raises(InputError, match="no address"):
        ask_witness("witness", server.witness.key, signed, 0, lambda _: [])
    with httpx.Client(trust_env=False) as client:
        assert client.get(server.url).status_code == HTTPStatus.NOT_IMPLEMENTED
        large = client.post(server.url + "/add-checkpoint", content=b"x" * (LARGEST_REQUEST + 1))
        assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(StorageError, match="Nothing can listen"):
        WitnessServer(server.witness, port=port)


@pytest.mark.parametrize("text", ["", "x", "a+b+c", "example.org/x+00000000+AAAA", "w+00000000+" + "B" * 44])
def test_what_is_no_key_of_a_witness_is_refused(text: str, log: CustodyLog) -> None:
    with pytest.raises(InputError):
        WitnessKey.from_vkey(text)
    with pytest.raises(InputError):
        WitnessKey.from_vkey(log.verifier.vkey)


def test_a_damaged_key_is_told(tmp_path: Path, log: CustodyLog, witness: Witness) -> None:
    (tmp_path / "witness" / "witness.key").write_bytes(b"short")
    with pytest.raises(IntegrityError, match="no key of a witness"):
        Witness(tmp_path / "witness", NAME, [log.verifier])
