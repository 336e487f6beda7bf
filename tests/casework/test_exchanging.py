"""Exchanges: everything is fetched once, what is taken back stops matching, and a fault costs a page at most."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from banks.exchanges.servers import Answer, Fake, FileFake, GraphFake, Listed, NcmecFake, StopNciiFake, serving
from firstlight.banks import Standing
from firstlight.casework import banking, exchanging
from firstlight.casework.home import Home
from firstlight.clock import FixedClock
from firstlight.custody import EventType
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.index.disk import locked
from firstlight.values import BankPurpose, Digests, Pdq, PdqMode

F = TypeVar("F", bound=Fake)
BUSY = [Answer(503, headers={"Retry-After": "0"})] * 5


def md5(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


def pdq(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def matches(home: Home, name: str) -> list[str]:
    """The entries that hold this name's digest or near picture."""
    digests = Digests(md5=md5(name), sha1="a" * 39 + "b", sha256="a" * 63 + "b", size=1)
    near = Pdq(hex=pdq(name), quality=100, mode=PdqMode.EXACT)
    return [match.entry for match in home.library.match(digests, near)]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between tries."""
    monkeypatch.setattr("firstlight.banks.exchanges.transport.FIRST_WAIT", 0.0)


@pytest.fixture
def clock(home: Home) -> FixedClock:
    """The home's own clock."""
    assert isinstance(home.clock, FixedClock)
    return home.clock


@pytest.fixture
def serve() -> Iterator[Any]:
    """Starts fakes; they stop with the test."""
    with ExitStack() as stack:

        def start(fake: F) -> F:
            stack.enter_context(serving(fake))
            return fake

        yield start


@pytest.fixture
def ncmec(home: Home, serve: Any) -> NcmecFake:
    """Five entries of two members, in an exchange `csam-list`."""
    fake: NcmecFake = serve(NcmecFake())
    names = ["leek", "turnip", "parsnip", "chard", "kale"]
    fake.entries = [
        Listed(1 + n % 2, name, f"2026-01-0{n + 1}T00:00:00Z", {"md5": md5(name).upper(), "pdq": pdq(name)})
        for n, name in enumerate(names)
    ]
    exchanging.create(home, "csam-list", "ncmec", {"environment": fake.url})
    exchanging.keep_credentials(home, "ncmec", {"user": "leek", "password": "secret word"})
    return fake


def test_ncmec_is_fetched_page_by_page_and_then_only_what_is_new(
    home: Home, ncmec: NcmecFake, clock: FixedClock
) -> None:
    state = exchanging.fetch(home, "csam-list")
    assert (state.last_succeeded, state.up_to_date, state.entries, state.fetched["added"]) == (True, True, 5, 5)
    assert state.checkpoint_at == datetime(2026, 3, 1, 11, 59, 55, tzinfo=UTC)
    assert matches(home, "leek") == ["1:leek"]
    assert len(ncmec.asked) == 3
    clock.advance(timedelta(hours=1))
    ncmec.asked.clear()
    at = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    ncmec.entries[0] = Listed(1, "leek", at, {}, gone=True)
    ncmec.entries.append(Listed(2, "onion", at, {"md5": md5("onion")}))
    clock.advance(timedelta(minutes=1))
    state = exchanging.fetch(home, "csam-list")
    assert (state.fetched["added"], state.fetched["withdrawn"], state.fetched["came"]) == (1, 1, 2)
    assert matches(home, "leek") == []
    assert matches(home, "onion") == ["2:onion"]
    assert [asked.query["from"] for asked in ncmec.asked] == ["2026-03-01T11:59:55Z"]  # UTC, exclusive, once


@pytest.mark.parametrize("fault", [BUSY, [Answer(body=b"<queryResult>", cut_off=True)] * 5, [Answer(404)]])
def test_a_fetch_that_breaks_off_goes_on_where_it_was(
    home: Home, ncmec: NcmecFake, clock: FixedClock, fault: list[Answer]
) -> None:
    ncmec.faults = [None, *fault]
    state = exchanging.fetch(home, "csam-list")
    assert (state.last_succeeded, state.up_to_date, state.entries) == (False, False, 2)
    assert state.last_error is not None
    assert "127.0.0.1" in state.last_error.message
    assert "secret word" not in state.to_json().decode()
    assert state.checkpoint_at is None  # no window was drained
    clock.advance(timedelta(hours=2))
    ncmec.asked.clear()
    ncmec.faults = [Answer(500), Answer(429)]  # these are borne
    state = exchanging.fetch(home, "csam-list")
    assert (state.last_succeeded, state.entries, state.fetched["came"]) == (True, 5, 3)
    assert ncmec.asked[0].query["start"] == "3"
    assert ncmec.asked[-1].query["from"] == "2026-03-01T11:59:55Z"  # and then what came in the two hours
    assert state.checkpoint_at == datetime(2026, 3, 1, 13, 59, 55, tzinfo=UTC)


def test_after_twelve_hours_a_window_is_begun_anew(home: Home, ncmec: NcmecFake, clock: FixedClock) -> None:
    ncmec.faults = [None, Answer(404)]
    exchanging.fetch(home, "csam-list")
    clock.advance(timedelta(hours=13))
    ncmec.asked.clear()
    state = exchanging.fetch(home, "csam-list")
    assert "start" not in ncmec.asked[0].query
    assert (state.entries, state.fetched["unchanged"]) == (5, 2)


def test_a_page_that_is_elsewhere_or_no_xml_is_not_followed(home: Home, ncmec: NcmecFake) -> None:
    body = "<queryResult><paging><next>https://elsewhere.example/x</next></paging></queryResult>"
    for wrong in (body.encode(), b"<!DOCTYPE x [<!ENTITY y 'z'>]><queryResult>&y;</queryResult>", b"no"):
        ncmec.faults = [Answer(body=wrong)]
        state = exchanging.fetch(home, "csam-list")
        assert (state.last_succeeded, state.entries) == (False, 0)


def test_only_some_members_are_taken(home: Home, ncmec: NcmecFake) -> None:
    exchanging.create(home, "one-member", "ncmec", {"environment": ncmec.url, "only_esp_ids": [2]})
    assert exchanging.fetch(home, "one-member").entries == 2


def test_opinions_are_sent_once_each(home: Home, ncmec: NcmecFake) -> None:
    exchanging.fetch(home, "csam-list")
    banking.set_standing(home, "csam-list", ["1:leek"], Standing.CONFIRMED, why="seen")
    banking.set_standing(home, "csam-list", ["2:turnip"], Standing.DENIED, why="a poster")
    ncmec.asked.clear()
    report = exchanging.send(home, "csam-list")
    assert (set(report.sent), report.waiting, report.error) == ({"1:leek", "2:turnip"}, 0, None)
    told = {asked.path: asked.body for asked in ncmec.asked if asked.method == "PUT"}
    assert set(told) == {
        f"/v2/entries/{key}/{kind}/feedback" for key in ("1/leek", "2/turnip") for kind in ("MD5", "PDQ")
    }
    assert b"affirmative" in told["/v2/entries/1/leek/MD5/feedback"]
    assert b"<guid>guid-1</guid>" in told["/v2/entries/2/turnip/PDQ/feedback"]
    assert exchanging.send(home, "csam-list").sent == ()
    banking.set_standing(home, "csam-list", ["2:turnip"], Standing.CONFIRMED, why="looked again")
    ncmec.faults = [Answer(500)]  # what changes something there is not repeated by itself
    report = exchanging.send(home, "csam-list")
    assert (report.sent, report.waiting, report.error is None) == ((), 1, False)
    assert exchanging.send(home, "csam-list").sent == ("2:turnip",)
    ncmec.reasons["guid-2"] = "other"
    banking.set_standing(home, "csam-list", ["2:turnip"], Standing.DENIED, why="no")
    failed = exchanging.send(home, "csam-list").error
    assert failed is not None
    assert "guid-2 (other)" in failed.hint
    assert exchanging.fetch(home, "csam-list").entries == 4  # the list does not bring back what this house denied
    assert matches(home, "turnip") == []


def test_threatexchange(home: Home, serve: Any, clock: FixedClock) -> None:
    fake: GraphFake = serve(GraphFake())

    def row(n: int, name: str, kind: str = "HASH_PDQ", **more: Any) -> dict[str, Any]:
        owned = [{"id": str(90 + n), "owner": {"id": "7"}, "tags": ["roots"], "status": "MALICIOUS"}]
        value = pdq(name) if kind == "HASH_PDQ" else md5(name)
        return {
            "id": str(n),
            "indicator": value,
            "type": kind,
            "last_updated": 1_700_000_000 + n,
            "descriptors": owned,
        } | more

    fake.rows = [row(1, "leek"), row(2, "turnip", "HASH_MD5"), row(3, "chard", "URL"), row(4, "kale"), row(5, "beet")]
    exchanging.create(home, "group", "fb_threatexchange", {"privacy_group": 12, "base_url": fake.url})
    exchanging.keep_credentials(home, "fb_threatexchange", {"api_token": "1|turnip"})
    state = exchanging.fetch(home, "group")
    assert (state.last_succeeded, state.entries, state.fetched["skipped"]) == (True, 4, 1)
    assert (matches(home, "leek"), matches(home, "turnip")) == (["1"], ["2"])
    assert "turnip" not in state.to_json().decode()
    clock.advance(timedelta(hours=1))
    fake.rows[0] = row(11, "leek", id="1", should_delete=True)
    fake.rows[3] = row(12, "kale", id="4", descriptors=[{"id": "94"}])  # not visible any more
    fake.rows[4] = row(13, "beet", id="5", status="NON_MALICIOUS")
    state = exchanging.fetch(home, "group")
    assert (state.fetched["withdrawn"], state.entries) == (3, 1)
    assert matches(home, "leek") == matches(home, "kale") == matches(home, "beet") == []
    banking.set_standing(home, "group", ["2"], Standing.DENIED, why="no")
    assert exchanging.send(home, "group").sent == ("2",)
    assert (fake.asked[-1].path, b"NOT_HELPFUL" in fake.asked[-1].body) == ("/92/", True)
    fake.next_host = "http://127.0.0.1:9"
    clock.advance(timedelta(days=100))  # deletions are told for a while only: everything is fetched anew
    state = exchanging.fetch(home, "group")
    assert fake.asked[-1].query["start_time"] == "0"
    assert state.last_error is not None
    assert "another host" in state.last_error.message


def test_stop_ncii(home: Home, serve: Any, clock: FixedClock) -> None:
    fake: StopNciiFake = serve(StopNciiFake())

    def record(at: int, name: str, kind: str = "ImagePDQ", status: str = "Active") -> dict[str, Any]:
        value = pdq(name) if kind == "ImagePDQ" else md5(name)
        return {"lastModtimestamp": 1_700_000_000 + at, "signalType": kind, "hashValue": value, "hashStatus": status}

    fake.records = [record(1, "leek"), record(2, "turnip", "VideoMD5"), record(3, "words", "Text"), record(4, "kale")]
    exchanging.create(home, "ncii", "stop_ncii", {})
    keys = {"subscription_key": "chard", "fetch_function_key": "beet", "base_url_override": fake.url}
    exchanging.keep_credentials(home, "stop_ncii", keys)
    assert home.library.bank("ncii").purpose is BankPurpose.NCII
    broken = Answer(body=b'{"hashRecords": [')
    fake.faults = [None, broken]  # a page that is cut off is asked for once more
    state = exchanging.fetch(home, "ncii")
    assert (state.last_succeeded, state.entries) == (True, 3)
    assert matches(home, "leek")
    fake.records += [record(9, "leek", status="Withdrawn"), record(9, "turnip", "VideoMD5", "Deleted")]
    state = exchanging.fetch(home, "ncii")
    assert (state.fetched["came"], state.fetched["withdrawn"], state.entries) == (2, 2, 1)
    assert matches(home, "leek") == matches(home, "turnip") == []
    (kale,) = matches(home, "kale")
    banking.set_standing(home, "ncii", [kale], Standing.CONFIRMED, why="seen")
    report = exchanging.send(home, "ncii")
    assert report.error is not None  # feedback has a key of its own
    exchanging.keep_credentials(home, "stop_ncii", keys | {"feedback_function_key": "cress"})
    assert exchanging.send(home, "ncii").sent == (kale,)
    assert b'"feedbackValue": "Blocked"' in fake.asked[-1].body
    assert fake.asked[-1].headers["x-functions-key"] == "cress"


def test_a_list_over_https_is_whole_each_time(home: Home, serve: Any) -> None:
    fake: FileFake = serve(FileFake())
    names = ["leek", "turnip", "chard"]
    fake.content = ("key,hash\n" + "".join(f"{name},{md5(name)}\n" for name in names)).encode()
    exchanging.create(home, "partner", "https", {"url": fake.url, "format": "csv", "columns": {"md5": "hash"}})
    assert exchanging.fetch(home, "partner").entries == 3
    state = exchanging.fetch(home, "partner")
    assert (state.fetched["came"], state.up_to_date) == (0, True)
    fake.content, fake.tag = fake.content.replace(f"chard,{md5('chard')}\n".encode(), b""), '"2"'
    state = exchanging.fetch(home, "partner")
    assert (state.fetched["dropped"], state.entries) == (1, 2)
    assert matches(home, "chard") == []
    fake.content, fake.tag = b"key,hash\n", '"3"'  # an empty list takes nothing back
    assert exchanging.fetch(home, "partner").entries == 2


def test_credentials_of_a_list_are_shown_to_its_own_host_only(home: Home, serve: Any) -> None:
    mine, other = serve(FileFake()), serve(FileFake())
    mine.content = other.content = f"{md5('leek')}\n".encode()
    for name, fake in (("mine", mine), ("other", other)):
        exchanging.create(home, name, "https", {"url": fake.url})
    with pytest.raises(InputError, match="of its own"):
        exchanging.keep_credentials(home, "https", {"bearer": "secret word"})
    with pytest.raises(NotFoundError):
        exchanging.keep_credentials(home, "https", {"bearer": "secret word"}, of="nobody")
    exchanging.keep_credentials(home, "https", {"bearer": "secret word"}, of="mine")
    assert all(exchanging.fetch(home, name).last_succeeded for name in ("mine", "other"))
    assert mine.asked[0].headers["authorization"] == "Bearer secret word"
    assert "authorization" not in other.asked[0].headers
    exchanging.remove(home, "mine", why="the agreement ended")
    assert not exchanging.has_credentials(home, "https", of="mine")


def test_what_is_changed_during_a_fetch_stays_changed(
    home: Home, ncmec: NcmecFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ncmec.answer

    def answer(asked: Any) -> Answer:
        if len(ncmec.asked) == 2:
            exchanging.switch(home, "csam-list", False)
        return real(asked)

    monkeypatch.setattr(ncmec, "answer", answer)
    state = exchanging.fetch(home, "csam-list")
    assert (state.enabled, state.last_succeeded, state.entries) == (False, False, 4)
    assert not exchanging.show(home, "csam-list").enabled
    monkeypatch.undo()
    exchanging.switch(home, "csam-list", True)
    assert exchanging.fetch(home, "csam-list").entries == 5


def test_a_list_that_lost_most_of_its_entries_takes_nothing_back(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "a.txt").write_text("".join(f"{md5(str(n))}\n" for n in range(50)))
    (folder / "b.txt").write_text("".join(f"{md5(str(n))}\n" for n in range(50, 60)))
    exchanging.create(home, "shelf", "folder", {"path": str(folder)})
    assert exchanging.fetch(home, "shelf").entries == 60
    (folder / "b.txt").write_text(f"{md5('60')}\n")
    assert exchanging.fetch(home, "shelf").entries == 51
    (folder / "a.txt").unlink()
    state = exchanging.fetch(home, "shelf")
    assert (state.last_succeeded, state.entries) == (False, 51)
    assert state.last_error is not None
    assert "lost 50 of 51" in state.last_error.message
    (folder / "b.txt").unlink()
    assert exchanging.fetch(home, "shelf").last_succeeded is False


def test_what_does_not_fit_is_refused(home: Home) -> None:
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("nobody", {}), ("ncmec", {}), ("ncmec", {"environment": "http://list.example/x"}),
        ("ncmec", {"environment": "https://user:word@list.example/x"}), ("ncmec", {"environment": 7}),
        ("ncmec", {"environment": "https://list.example", "only_esp_ids": ["x"]}),
        ("fb_threatexchange", {"privacy_group": "12"}), ("stop_ncii", {"strange": 1}),
    ]  # fmt: skip
    for api, config in wrong:
        with pytest.raises(InputError):
            exchanging.create(home, "wrong", api, config)
    assert exchanging.names(home) == ()
    assert home.library.banks() == ()
    with pytest.raises(InputError):
        exchanging.keep_credentials(home, "ncmec", {"user": "leek"})
    with pytest.raises(InputError):
        exchanging.keep_credentials(home, "folder", {})
    with pytest.raises(NotFoundError):
        exchanging.fetch(home, "nobody")


def test_the_life_of_an_exchange(home: Home, ncmec: NcmecFake) -> None:
    with pytest.raises(StateError, match="already"):
        exchanging.create(home, "csam-list", "ncmec", {"environment": ncmec.url})
    exchanging.switch(home, "csam-list", False, actor="ada")
    with pytest.raises(StateError, match="disabled"):
        exchanging.fetch(home, "csam-list")
    exchanging.switch(home, "csam-list", True)
    exchanging.keep_credentials(home, "ncmec", None)
    assert not exchanging.has_credentials(home, "ncmec")
    with pytest.raises(StateError, match="no credentials"):
        exchanging.fetch(home, "csam-list")
    exchanging.keep_credentials(home, "ncmec", {"user": "leek", "password": "wrong"})
    state = exchanging.fetch(home, "csam-list")
    assert state.last_error is not None
    assert "401" in state.last_error.message
    assert len(ncmec.asked) == 1  # a refusal is no fault to be borne
    with locked(home.folder / "exchanges" / "csam-list.lock"):
        for act in (lambda: exchanging.fetch(home, "csam-list"), lambda: exchanging.remove(home, "csam-list", why="x")):
            with pytest.raises(StateError, match="being fetched"):
                act()
    with pytest.raises(InputError):
        exchanging.remove(home, "csam-list", why=" ")
    exchanging.remove(home, "csam-list", why="the agreement ended", actor="ada")
    assert exchanging.names(home) == ()
    assert home.library.banks() == ()
    with home.look() as work:
        acts = [
            (one.event.actor, one.event.payload.get("act"))
            for one in work.log.entries(types=[EventType.CONFIG_CHANGE])
            if one.event
        ]
    assert ("ada", "disabled") in acts
    assert acts[-1] == ("ada", "removed")


def test_who_looks_at_an_exchange_keeps_no_fetch_from_beginning(
    home: Home, ncmec: NcmecFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, seen = exchanging._running, list[object]()

    def running(of: Home, name: str) -> Any:
        if not seen:  # somebody looks at the very moment at which the fetch begins
            seen.append(True)
            with looking(of, name):
                seen.append(exchanging.show(of, name).fetch_began)
        return looking(of, name)

    assert exchanging.show(home, "csam-list").fetch_began is None
    with monkeypatch.context() as patch:
        patch.setattr(exchanging, "_running", lambda *_: pytest.fail("a look holds what a fetch needs"))
        exchanging.show(home, "csam-list")
    monkeypatch.setattr(exchanging, "_running", running)
    assert exchanging.fetch(home, "csam-list").last_succeeded
    assert seen == [True, None]


def test_no_credential_lies_in_the_open(home: Home, ncmec: NcmecFake) -> None:
    exchanging.fetch(home, "csam-list")
    for path in home.folder.rglob("*"):
        if path.is_file():
            assert b"secret word" not in path.read_bytes(), path
