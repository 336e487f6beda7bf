"""One shard: what is counted, compared and kept."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from firstlight.banks import Library, NewEntry
from firstlight.cli.demo.drawing import draw
from firstlight.clock import FixedClock
from firstlight.errors import IntegrityError, NotFoundError, StateError, StorageError
from firstlight.hashing import Mode, hash_picture
from firstlight.media import Cage
from firstlight.screen import bundles
from firstlight.screen import shard as shard_module
from firstlight.screen.channels import Channel, Obstacle
from firstlight.screen.hits import unseal_hits
from firstlight.screen.member import Member
from firstlight.screen.readers import members_of
from firstlight.screen.results import Result, make_folder
from firstlight.screen.shard import Screener, Settings, Tally
from firstlight.screen.shards import Shard
from screen.making import SEALER, lists_of, picture, shard_of, side_file, tar_of


def _screen(settings: Settings, cage: Cage, shard: Shard) -> tuple[Tally, Result]:
    make_folder(settings.results)
    with Screener(settings, cage) as screener:
        tally = screener.screen_shard(shard)
    return tally, Result.open(settings.results / f"{shard.ident}.screened")


@pytest.fixture
def settings(tmp_path: Path, library: Library, clock: FixedClock) -> Settings:
    return Settings(tmp_path / "out", lists_of(library, "known", clock=clock))


def _png(size: tuple[int, int], colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


BROKEN = [
    ("cut.jpg", picture(1)[:3000], "unreadable.truncated"),
    ("empty.jpg", b"", "unreadable.empty"),
    ("rubbish.jpg", b"\x00\x01rubbish" * 40, "unreadable.broken"),
    ("damaged.png", b"\x89PNG\r\n\x1a\n" + b"\xff" * 300, "unreadable.broken"),
    ("bomb.png", b"", "limit.pixels"),
    ("new.jxl", b"\xff\x0a" + b"x" * 100, "unreadable.no-decoder"),
]


def _bomb() -> bytes:
    data = bytearray(_png((1, 1), "red"))
    data[16:24] = struct.pack(">II", 100_000, 100_000)
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def test_every_member_stands_in_one_place_and_the_listed_one_is_a_hit(
    tmp_path: Path, settings: Settings, cage: Cage
) -> None:
    broken = [(name, _bomb() if name == "bomb.png" else data) for name, data, _ in BROKEN]
    members = [
        ("3.jpg", picture(3)), ("3.json", side_file(url="https://example.org/3", timestamp="2026-01-02")),
        ("4.jpg", picture(4)), ("plain.png", _png((64, 64), "red")), ("a.txt", b"words"),
        ("in.zip", b"PK\3\4" + b"x" * 50), ("film.mp4", b"\0\0\0\x18ftypisom" + b"x" * 60), *broken,
    ]  # fmt: skip
    tar_of(members, tmp_path / "x.tar")
    tally, result = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    assert tally.adds_up
    assert tally.members == len(members)
    assert tally.screened == 3
    assert tally.unreadable == {code: [c for _, _, c in BROKEN].count(code) for _, _, code in BROKEN}
    assert tally.skipped == {"side-file": 2, "archive": 1, "video": 1}
    [(rows, texts)] = list(result.groups())
    assert [t.name for t in texts] == [name for name, _ in members]
    assert rows[0]["sha256"].tobytes() == hashlib.sha256(picture(3)).digest()
    assert rows[3]["obstacles"] == Obstacle.PLAIN
    assert rows[3]["channels"] == Channel.STORED
    [hit] = unseal_hits(result.matches(), SEALER, tally.ident)
    assert (hit.member, hit.url, hit.fetched, hit.row) == ("3.jpg", "https://example.org/3", "2026-01-02", 0)
    assert '"url": "https://example.org/3"' in hit.record
    assert [(m.bank, m.entry, m.exact, m.channel) for m in hit.matches] == [("known", "three", True, "stored")]


@pytest.mark.parametrize(("at_once", "most_bytes"), [(1, 2**20), (3, 2**20), (1000, 0), (1000, 2**20)])
def test_hits_are_the_same_however_many_are_compared_at_once(
    tmp_path: Path, settings: Settings, cage: Cage, monkeypatch: pytest.MonkeyPatch, at_once: int, most_bytes: int
) -> None:
    monkeypatch.setattr(shard_module, "AT_ONCE", at_once)
    monkeypatch.setattr(shard_module, "MAX_WAITING_BYTES", most_bytes)
    monkeypatch.setattr(bundles, "BUNDLE_PICTURES", 2)
    listed = (0, 1, 4, 7, 8)
    members = []
    for n in range(9):
        members += [(f"{n}.jpg", picture(3 if n in listed else 10 + n)), (f"{n}.json", side_file(url=f"example:{n}"))]
    tar_of(members, tmp_path / "x.tar")
    tally, result = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    hits = unseal_hits(result.matches(), SEALER, tally.ident)
    assert [(hit.member, hit.url, hit.row) for hit in hits] == [(f"{n}.jpg", f"example:{n}", 2 * n) for n in listed]
    assert tally.hits == len(listed)


def test_the_result_says_nothing_in_the_open_about_which_member_matched(
    tmp_path: Path, settings: Settings, cage: Cage
) -> None:
    tar_of([("3.jpg", picture(3)), ("4.jpg", picture(4))], tmp_path / "x.tar")
    _, result = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    assert result.matches()
    assert b"three" not in result.matches()
    assert "three" not in str(result.head)
    [(rows, _)] = list(result.groups())
    open_fields = [f for f in rows.dtype.names or () if f in ("status", "reason", "channels", "obstacles")]
    assert rows[open_fields][0] == rows[open_fields][1]


def test_digests_recorded_at_download_find_what_was_encoded_again(
    tmp_path: Path, settings: Settings, cage: Cage
) -> None:
    again = io.BytesIO()
    draw(7).resize((200, 200)).save(again, "JPEG")
    side = side_file(sha256=hashlib.sha256(picture(3)).hexdigest().upper(), original_width=320, original_height=240)
    tar_of([("0.jpg", again.getvalue()), ("0.json", side)], tmp_path / "x.tar")
    tally, result = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    [hit] = unseal_hits(result.matches(), SEALER, tally.ident)
    assert [(m.channel, m.via, m.exact) for m in hit.matches] == [("recorded", "sha256", True)]
    [(rows, _)] = list(result.groups())
    assert rows[0]["channels"] == Channel.RECORDED
    assert rows[0]["obstacles"] == Obstacle.REENCODED | Obstacle.CROPPED | Obstacle.SMALL


@pytest.mark.parametrize("turned", [False, True])
def test_a_picture_inside_borders_is_found_by_what_is_inside(
    tmp_path: Path, settings: Settings, cage: Cage, library: Library, turned: bool
) -> None:
    full = draw(5).resize((480, 640) if turned else (640, 480))
    out = io.BytesIO()
    full.save(out, "PNG")
    made = hash_picture(cage, out.getvalue())
    library.add("known", [NewEntry(key="five", pdq=made.pdq.hex, quality=made.pdq.quality)])
    small = full.resize((192, 256) if turned else (256, 192), Image.Resampling.BOX)
    square = Image.new("RGB", (256, 256), "white")
    square.paste(small, ((256 - small.width) // 2, (256 - small.height) // 2))
    stored = io.BytesIO()
    square.save(stored, "JPEG", quality=95)
    cut = io.BytesIO()
    full.resize((256, 256)).save(cut, "JPEG", quality=95)  # a square without borders: cropped, as far as one can tell
    side = side_file(original_width=full.width, original_height=full.height)
    members = [("0.jpg", stored.getvalue()), ("0.json", side), ("1.jpg", cut.getvalue()), ("1.json", side)]
    tar_of(members, tmp_path / "x.tar")
    tally, result = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    [(rows, _)] = list(result.groups())
    assert rows[0]["obstacles"] == Obstacle.BORDERED
    assert rows[0]["channels"] == Channel.STORED | Channel.UNBORDERED
    assert rows[2]["obstacles"] == Obstacle.CROPPED
    found = {
        hit.member: [(m.entry, m.channel) for m in hit.matches]
        for hit in unseal_hits(result.matches(), SEALER, tally.ident)
    }
    assert found["0.jpg"] == [("five", "unbordered")]


def test_a_shard_that_cannot_be_read_at_all_gets_a_result_that_says_why(
    tmp_path: Path, settings: Settings, cage: Cage
) -> None:
    (tmp_path / "x.tar").write_bytes(b"no archive" * 99)
    tally, _ = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    assert tally.failed is not None
    assert tally.failed.code == "input.shard"
    assert tally.members == 0


def test_a_picture_that_kills_its_worker_costs_itself_alone(
    tmp_path: Path, settings: Settings, cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle is asked for again one by one."""
    real, asked = cage.run, []

    def run(task: str, source: object, /, **params: object) -> object:
        sizes = params["sizes"]
        asked.append(len(sizes))  # type: ignore[arg-type]
        if len(picture(4)) in sizes:  # type: ignore[operator]
            from firstlight.errors import UnreadableError

            raise UnreadableError("It died.", code="unreadable.worker-died")
        return real(task, source, **params)  # type: ignore[arg-type]

    monkeypatch.setattr(cage, "run", run)
    tar_of([("3.jpg", picture(3)), ("4.jpg", picture(4)), ("5.jpg", picture(5))], tmp_path / "x.tar")
    tally, _ = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    assert asked == [3, 1, 1, 1]
    assert (tally.screened, tally.unreadable) == (2, {"unreadable.worker-died": 1})


@pytest.mark.parametrize(
    "answer",
    [{}, {"pictures": 3}, {"pictures": []}, {"pictures": [{"width": 1}]}, {"pictures": [{"error": {"a": 1}}]},
     {"pictures": [{"width": 1, "height": 1, "pdq": "ff", "quality": 10, "mode": "exact"}]},
     {"pictures": [{"width": 1, "height": 1, "pdq": "0" * 64, "quality": 900, "mode": "exact"}]}],
)  # fmt: skip
def test_a_worker_that_answers_nonsense_makes_no_hash(
    tmp_path: Path, settings: Settings, cage: Cage, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]
) -> None:
    monkeypatch.setattr(cage, "run", lambda *_args, **_params: answer)
    tar_of([("4.jpg", picture(4))], tmp_path / "x.tar")
    tally, _ = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    assert (tally.screened, sum(tally.unreadable.values())) == (0, 1)


def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, settings: Settings, cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar_of([("4.jpg", picture(4))], tmp_path / "x.tar")
    make_folder(settings.results)

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with Screener(settings, cage) as screener, pytest.raises(StorageError, match="the disk is full"):
        screener.screen_shard(shard_of(tmp_path / "x.tar"))
    assert list(settings.results.iterdir()) == []


def test_a_disabled_bank_stops_the_run_before_it_begins(
    tmp_path: Path, settings: Settings, cage: Cage, library: Library
) -> None:
    library.disable("known", "a test")
    tar_of([("4.jpg", picture(4))], tmp_path / "x.tar")
    make_folder(settings.results)
    with Screener(settings, cage) as screener, pytest.raises(StateError, match="is disabled and would match nothing"):
        screener.screen_shard(shard_of(tmp_path / "x.tar"))


def test_large_pictures_are_hashed_one_by_one_in_their_place(cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "LARGE_BYTES", 3000)
    monkeypatch.setattr(bundles, "BUNDLE_BYTES", 2000)
    sizes = [100, 100, 5000, 6000, 900, 1500, 100, 4000]
    held = most = 0

    def read() -> Iterator[Member]:
        nonlocal held, most
        for number, size in enumerate(sizes):
            held += size
            most = max(most, held)
            yield Member(f"{number}.txt", number, size, bytes(size))

    seen = []
    for bundle in bundles.hash_members(cage, read(), Mode.AUTO):
        seen += [one.member.offset for one in bundle]
        held -= sum(one.member.size for one in bundle)
    assert seen == list(range(len(sizes)))
    assert most <= 200 + 5000 + 6000  # what is at work, and the next one, by which a bundle is known to be whole


def test_halves_of_surrogate_pairs_cost_no_hit(tmp_path: Path, settings: Settings, cage: Cage) -> None:
    side = b'{"url": "https://example.org/\\ud800", "caption": "\\udfff", "timestamp": "\\ud812"}'
    tar_of([("3.jpg", picture(3)), ("3.json", side)], tmp_path / "x.tar")
    tally, result = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    [hit] = unseal_hits(result.matches(), SEALER, tally.ident)
    assert (hit.url, hit.fetched) == ("https://example.org/\\ud800", "\\ud812")
    assert "\\\\udfff" in hit.record or "\\udfff" in hit.record


def test_a_result_that_is_damaged_says_so_wherever_it_is(tmp_path: Path, settings: Settings, cage: Cage) -> None:
    tar_of([(f"{n}.jpg", picture(n)) for n in (3, 4)], tmp_path / "x.tar")
    _, result = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    whole = result.path.read_bytes()
    told = 0
    for at in range(0, len(whole), 7):
        result.path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            found = Result.open(result.path)
            list(found.groups())
            found.matches()
        except IntegrityError:
            told += 1
    assert told > len(whole) // 14  # the rest is in names and times that nobody reads


def test_a_bank_that_goes_while_a_shard_is_read_is_no_fault_of_the_shard(
    tmp_path: Path, settings: Settings, cage: Cage, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar_of([("3.jpg", picture(3))], tmp_path / "x.tar")

    def gone_meanwhile(*args: Any) -> Iterator[Member]:
        library.delete("known", "tests")
        return members_of(*args)

    monkeypatch.setattr(shard_module, "members_of", gone_meanwhile)
    with pytest.raises(NotFoundError, match="known"):
        _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    assert not list(settings.results.iterdir())


@pytest.mark.parametrize("name", ["x.tar.zst", "y.xz", "z.bz2", "a.7z"])
def test_archives_inside_are_told_as_such(tmp_path: Path, settings: Settings, cage: Cage, name: str) -> None:
    heads = {"zst": b"\x28\xb5\x2f\xfd", "xz": b"\xfd7zXZ\0", "bz2": b"BZh91AY&SY", "7z": b"7z\xbc\xaf\x27\x1c"}
    tar_of([(name, heads[name.rpartition(".")[2]] + bytes(100))], tmp_path / "x.tar")
    tally, _ = _screen(settings, cage, shard_of(tmp_path / "x.tar"))
    assert tally.skipped == {"archive": 1}
