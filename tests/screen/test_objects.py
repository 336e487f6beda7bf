"""Data sets in an S3 store, which fails at times."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight.errors import InputError, NotFoundError, UpstreamError
from firstlight.media import Cage
from firstlight.screen import runs
from firstlight.screen.objects import ObjectStore, S3Settings
from firstlight.screen.places import Places
from firstlight.screen.plan import read_plan
from firstlight.screen.report import tallies
from firstlight.screen.results import results_in
from firstlight.screen.shard import Settings
from screen.making import Here, picture, tar_of
from screen.store_server import Store, etag, store

pytest.importorskip("boto3")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, S3Settings]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "key")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    with store() as server:
        yield server, S3Settings(server.address, "test")


def _run(settings: Settings, cage: Cage) -> runs.RunReport:
    runs.prepare(settings, ["s3://set/part"], keep=False)
    return runs.run(settings, Here(cage))


def test_every_object_is_screened_as_it_would_be_here(tmp_path: Path, cage: Cage, s3: tuple[Store, S3Settings]) -> None:
    server, settings = s3
    server.objects = {
        "set/part/a.tar": tar_of([(f"{n}.jpg", picture(n)) for n in (3, 4, 5)]),
        "set/part/deep er/6.jpg": picture(6),
        "set/part/deep er/note.txt": b"words",
        "set/part/möhre.jpg": picture(7),
        "set/party/no.jpg": picture(8),
    }
    done = _run(Settings(tmp_path / "out", s3=settings), cage)
    assert (done.shards, done.left, done.members) == (2, 0, 6)
    names = [one.ident for one in read_plan(tmp_path / "out")]
    found = {t.name for r in results_in(tmp_path / "out" / "shards", names) for _, texts in r.groups() for t in texts}
    assert found == {"3.jpg", "4.jpg", "5.jpg", "deep er/6.jpg", "deep er/note.txt", "möhre.jpg"}
    assert all(one.adds_up for one in tallies(tmp_path / "out"))


def test_one_object_can_be_named_and_folders_are_told_from_objects(
    tmp_path: Path, cage: Cage, s3: tuple[Store, S3Settings]
) -> None:
    server, settings = s3
    server.objects = {
        "set/part/a b+c.tar": tar_of([("3.jpg", picture(3))]),
        "set/part/6.jpg": picture(6),
        "set/part": picture(7),
        "set/part/marker/": b"",
        "set/part/no marker/": picture(8),
    }
    for place, members in (("part/a b+c.tar", 1), ("part/6.jpg", 1), ("part", 4), ("part/", 3), ("", 4)):
        there = Settings(tmp_path / f"of {place.replace('/', '-')}", s3=settings)
        runs.prepare(there, [f"s3://set/{place}"], keep=False)
        done = runs.run(there, Here(cage))
        assert (place, done.left, done.members, done.trouble) == (place, 0, members, ())
        assert all(one.adds_up and not one.unreadable for one in tallies(there.out))


@pytest.mark.parametrize(
    "faults", [["503"] * 3, ["cut"] * 3, ["503", "cut", "503", "cut"]], ids=["busy", "cut", "both"]
)
def test_a_store_that_fails_for_a_while_costs_nothing(
    tmp_path: Path, cage: Cage, s3: tuple[Store, S3Settings], faults: list[str]
) -> None:
    server, settings = s3
    server.objects = {"set/part/a.tar": tar_of([(f"{n}.jpg", picture(n)) for n in (3, 4, 5)])}
    server.faults = faults
    assert _run(Settings(tmp_path / "out", s3=settings), cage).members == 3


def test_a_store_that_stays_down_leaves_its_shards_to_be_tried_again(
    tmp_path: Path, cage: Cage, s3: tuple[Store, S3Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.screen.objects.ATTEMPTS", 1)
    server, settings = s3
    server.objects = {f"set/part/{n}.tar": tar_of([("3.jpg", picture(3))]) for n in range(2)}
    server.faults = ["cut"]
    first = _run(Settings(tmp_path / "out", s3=settings), cage)
    assert (first.screened, first.left) == (1, 1)
    assert first.trouble[0].exit_code == 3
    assert "run the command again" in first.trouble[0].error.hint.lower()
    assert _run(Settings(tmp_path / "out", s3=settings), cage).left == 0
    assert sum(one.members for one in tallies(tmp_path / "out")) == 2


def test_an_object_that_changes_is_no_mixture(s3: tuple[Store, S3Settings]) -> None:
    server, settings = s3
    server.objects["set/x"] = b"a" * 100
    places = Places(settings)
    with pytest.raises(UpstreamError, match="it was changed since"):
        places.open("s3://set/x", etag(b"b"))
    with contextlib.closing(places.open("s3://set/x", etag(b"a" * 100))) as file:
        server.objects["set/x"] = b"b" * 100
        with pytest.raises(UpstreamError, match="PreconditionFailed"):
            file.read()


def test_what_is_not_there_is_said_in_words(tmp_path: Path, s3: tuple[Store, S3Settings]) -> None:
    _, settings = s3
    with pytest.raises(NotFoundError, match="nothing under s3://set/part"):
        runs.prepare(Settings(tmp_path / "out", s3=settings), ["s3://set/part"], keep=False)
    with pytest.raises(InputError, match="names no bucket"):
        list(ObjectStore(settings).walk("s3:///x"))
    assert not ObjectStore(settings).exists("s3://set/x")


def test_a_store_that_is_not_there_is_said_in_words() -> None:
    with pytest.raises(UpstreamError, match="does not answer"):
        ObjectStore(S3Settings("http://127.0.0.1:9", "test"), attempts=1).exists("s3://set/x")
