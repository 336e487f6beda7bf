"""The ledger in a home: anchored, checked, opened only with a reason, and asked over HTTP with a key and at a pace."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette

from casework.making import jpeg, png
from firstlight.casework import generations
from firstlight.casework.answering import answer_for
from firstlight.casework.gatehouse import Gatehouse, GateSettings, opened_gate
from firstlight.casework.gatekeeping import GateFolder
from firstlight.casework.home import Home
from firstlight.cli.gate_serve import served
from firstlight.clock import SystemClock
from firstlight.custody import EventType
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.gate.authority import development_keys
from firstlight.gate.checks import Prompt
from firstlight.gate.guard import Asker
from firstlight.gate.http import gate_app
from firstlight.gate.ledger.record import SIZE
from firstlight.gate.marking import Marker, Model, SigningKey
from firstlight.gate.pictures import SeenPicture, look_at
from firstlight.media import Cage
from firstlight.origin import Claim, SignedAttestation, from_attestations

MODEL = Model("garden", "1", "ab" * 32)


@pytest.fixture
def house(home: Home, cage: Cage) -> Iterator[Gatehouse]:
    with opened_gate(home, cage, GateSettings(name="garden.example", unarmed=True, pace=5)) as house:
        yield house


def made(house: Gatehouse, data: bytes, *, inputs: tuple[bytes, ...] = (), prompt: str = "a lake") -> bytes:
    admission = house.gate.let_in(Prompt(prompt), model=MODEL, asker=Asker(account="user-17"), inputs=inputs)
    return house.gate.let_out(data, admission).data


def test_a_home_without_rules_or_banks_has_no_armed_gate(home: Home, cage: Cage) -> None:
    with pytest.raises(StateError, match="not armed"), opened_gate(home, cage):
        pass


def test_what_leaves_is_remembered_sealed_and_anchored(house: Gatehouse, home: Home) -> None:
    assert house.ledger is not None
    made(house, png(1), prompt="a leek on a plate")
    made(house, png(2), inputs=(jpeg(3),))
    house.ledger.anchor()
    found = generations.check_ledger(house.folder, house.ledger)
    assert (found.records, found.anchored, found.batches, found.holds) == (2, 2, 1, True)
    record = house.ledger.record(1)
    assert record.input_sha256 is not None
    assert record.account == house.folder.account_digest("user-17")[:32]
    for path in home.folder.rglob("*"):
        if path.is_file():
            for word in (b"leek on a plate", b"user-17"):
                assert word not in path.read_bytes(), path


def test_a_changed_record_is_told(house: Gatehouse) -> None:
    ledger = house.ledger
    assert ledger is not None
    made(house, png(1))
    made(house, png(2))
    ledger.anchor()
    path = house.folder.folder / "ledger" / "segment-00000.records"
    data = path.read_bytes()
    path.write_bytes(data[SIZE:] + data[:SIZE])
    assert generations.check_ledger(house.folder, ledger).wrong == (0,)
    path.write_bytes(data)


def test_words_are_opened_by_somebody_for_a_reason(house: Gatehouse, home: Home) -> None:
    assert house.ledger is not None
    made(house, png(1), prompt="a leek")
    for reason in ("", " "):
        with pytest.raises(InputError):
            generations.open_words(house.folder, house.ledger, 0, actor="ada", why=reason)
    words = generations.open_words(house.folder, house.ledger, 0, actor="ada", why="report 12")
    assert (words["prompt"], words["account"]) == ("a leek", "user-17")
    with home.look() as work:
        (entry,) = work.log.entries(types=[EventType.BREAK_GLASS])
    assert entry.event is not None
    assert (entry.event.actor, entry.event.payload["why"]) == ("ada", "report 12")
    assert b"leek" not in entry.event.to_json()


def test_askers_come_and_go(home: Home) -> None:
    folder = GateFolder(home)
    key = generations.add_asker(folder, "hotline", "ada")
    assert key not in str(generations.askers(folder))
    with pytest.raises(StateError):
        generations.add_asker(folder, "hotline", "ada")
    with pytest.raises(InputError):
        generations.add_asker(folder, "A name!", "ada")
    generations.remove_asker(folder, "hotline", "ada")
    assert generations.askers(folder) == {}
    with pytest.raises(NotFoundError):
        generations.remove_asker(folder, "hotline", "ada")


def app(house: Gatehouse) -> Starlette:
    return gate_app(house.application())


def ask(url: str, key: str, picture: SeenPicture) -> httpx.Response:
    question = {
        "sha256": picture.digests.sha256,
        "pdq": picture.hash.pdq.hex,
        "orientations": list(picture.hash.orientations),
    }
    return httpx.post(f"{url}/v1/attest", json=question, headers={"authorization": f"Bearer {key}"}, trust_env=False)


def test_of_two_who_change_the_askers_at_once_neither_is_undone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = GateFolder(home)
    generations.add_asker(folder, "first", "ada")
    other = threading.Thread(target=generations.remove_asker, args=(GateFolder(home), "first", "bob"))

    def keep(name: str, data: bytes) -> None:
        other.start()
        other.join(0.5)  # it has looked and waits, or would have ended
        GateFolder.keep(folder, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "keep", keep)
        generations.add_asker(folder, "second", "ada")
    other.join(60)
    assert set(generations.askers(folder)) == {"second"}


def test_a_hotline_asks_and_weighs_the_answer(house: Gatehouse, home: Home, cage: Cage) -> None:
    words_alone = made(house, png(1))
    from_photo = made(house, png(2), inputs=(jpeg(3),))
    key = generations.add_asker(house.folder, "hotline", "ada")
    known = generations.public_key(house.folder, "garden.example")
    claims = []
    with served(app(house)) as url:
        for data in (words_alone, from_photo, jpeg(9)):
            seen = look_at(cage, data)
            answer = ask(url, key, seen)
            assert answer.status_code == 200
            assert b"user-17" not in answer.content
            signed = SignedAttestation.from_json(answer.content)
            found = from_attestations([signed], [known], digests=seen.digests, pdq=seen.hash.pdq, at=home.clock.now())
            claims.append([one.claim for one in found])
    assert Claim.SYNTHETIC in claims[0]
    assert Claim.PHOTO_DERIVED not in claims[0]
    assert Claim.PHOTO_DERIVED in claims[1]
    assert claims[2] == []


def test_strangers_and_the_impatient_get_no_answer(house: Gatehouse, cage: Cage) -> None:
    key = generations.add_asker(house.folder, "hotline", "ada")
    seen = look_at(cage, png(1))
    with served(app(house)) as url:
        assert ask(url, "fla-wrong", seen).status_code == 401
        assert httpx.post(f"{url}/v1/attest", json={}, trust_env=False).status_code == 401
        headers = {"authorization": f"Bearer {key}"}
        for body in ({}, {"sha256": "x"}, {"sha256": seen.digests.sha256, "prompt": "x"}):
            found = httpx.post(f"{url}/v1/attest", json=body, headers=headers, trust_env=False)
            assert found.status_code == 400
        answers = [ask(url, key, seen).status_code for _ in range(4)]
        assert answers[:2] == [200, 200]
        assert answers[-1] == 429
        generations.remove_asker(house.folder, "hotline", "ada")
        assert ask(url, key, seen).status_code == 401


def test_the_report_holds_what_the_log_and_the_ledger_hold(home: Home, cage: Cage) -> None:
    with opened_gate(home, cage, GateSettings(unarmed=True)) as house:
        made(house, png(1))
        made(house, png(2), inputs=(jpeg(3),))
        found = answer_for(house.folder)  # while the gate stands
    assert answer_for(GateFolder(home)).months == found.months
    assert found.provider == "Example Photos"
    assert [(month.month, month.generated, month.stopped) for month in found.months] == [("2026-03", 2, 0)]
    provenance = next(one for one in found.principles if "provenance" in one.words)
    assert provenance.figures["made_from_a_picture"] == "1 of 2 (50.0%)"
    assert "nothing that left was marked" in provenance.missing
    assert not any(one.stands for one in found.marking if one.part != "fingerprints or a register")
    assert "\n".join(found.lines()).count("MISSING") >= 8


def test_a_watermark_is_answered_for_by_what_was_made_with_it(home: Home, cage: Cage) -> None:
    keys = development_keys(SystemClock().now())  # the signing library goes by the real time
    signing = SigningKey(keys.chain, "es256", key=keys.key)
    marks = Marker(signing, generator="e", version="1", watermark=lambda data, _: data)
    with opened_gate(home, cage, GateSettings(unarmed=True, marker=marks)) as house:
        made(house, png(1))
    stands = {one.part: one.stands for one in answer_for(GateFolder(home)).marking}
    assert stands["imperceptible watermark"]
    assert stands["signed metadata"]
