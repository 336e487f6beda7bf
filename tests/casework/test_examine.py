"""Examination says what can be known of each item, once, and never stops at one that is broken."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from casework.making import ai_xmp, jpeg, png, put, take_in, upload
from firstlight.casework import banking, cases, examine, intake, reconcile
from firstlight.casework.home import Home
from firstlight.custody import EventType, Stored
from firstlight.media import Cage
from firstlight.origin import Verdict
from firstlight.store.tables import Item, LogLeaf
from firstlight.triage import Priority
from firstlight.values import BankPurpose


def _items(home: Home) -> dict[str, Item]:
    with home.look() as work:
        return {Path(item.source).name: item for item in work.session.scalars(select(Item))}


def _verdict(item: Item) -> Verdict:
    return Verdict.from_json(item.verdict or "")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(side: int = 20_000) -> bytes:
    """A grey PNG of side x side pixels in about 50 kB."""
    row = zlib.compressobj(9)
    data = b"".join([row.compress(bytes(side // 8 + 1)) for _ in range(side)]) + row.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


BROKEN = {
    "empty": b"",
    "words.jpg": b"these are words\n",
    "cut.jpg": jpeg(1)[:1500],
    "bomb.png": bomb(),
    "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "noise": bytes(range(256)) * 8,
}


def test_what_is_no_readable_picture_is_kept_and_goes_to_a_person(home: Home, cage: Cage, tmp_path: Path) -> None:
    assert len(BROKEN["bomb.png"]) < 60_000
    report = take_in(home, cage, [put(tmp_path / "in", BROKEN)])
    assert report.received == len(BROKEN)
    items = _items(home)
    for name in BROKEN:
        verdict = _verdict(items[name])
        assert verdict.unreadable is not None, name
        assert verdict.unreadable.message
        assert items[name].state == "held"
    assert _verdict(items["bomb.png"]).unreadable.code == "limit.pixels"  # type: ignore[union-attr]
    shown = {item.name for place in cases.queue(home).places for item in cases.show(home, place.case).items}
    assert shown == set(BROKEN)
    assert reconcile.reconcile(home, originals=True).adds_up


def test_each_item_is_examined_once_in_batches(home: Home, cage: Cage, tmp_path: Path) -> None:
    count = examine.BATCH + 3
    folder = put(tmp_path / "in", {f"{n:03}": str(n).encode() for n in range(count)})
    intake.receive(home, intake.arrivals([folder], {}))
    steps: list[int] = []
    assert examine.examine(home, cage, advance=lambda: steps.append(1)) == count == len(steps)
    assert examine.examine(home, cage) == 0
    with home.look() as work:
        ranked = list(work.log.entries(types=[EventType.PRIORITISE]))
    assert len(ranked) == count


@pytest.mark.parametrize("how", ["gone", "changed", "shredded"])
def test_one_original_that_is_not_what_it_was_stops_no_other(home: Home, cage: Cage, tmp_path: Path, how: str) -> None:
    folder = put(tmp_path / "in", {"a.jpg": jpeg(1), "b.jpg": jpeg(2)})
    banking.create_bank(home, "series", BankPurpose.KNOWN)
    banking.add_pictures(home, cage, "series", [folder / "a.jpg"])
    intake.receive(home, intake.arrivals([folder], {}))
    stored = Stored.from_json(_items(home)["a.jpg"].stored)
    path = home.folder / "vault" / "objects" / stored.key_id / stored.id
    if how == "gone":
        path.unlink()
    elif how == "changed":
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)
    else:
        home.keyring.destroy_case_key(stored.case, home.clock.now())
    assert examine.examine(home, cage) == 2
    broken, whole = (_verdict(_items(home)[name]) for name in ("a.jpg", "b.jpg"))
    assert broken.unreadable is not None
    assert [match.exact for match in broken.matches] == [True]  # its digests are known all the same
    assert whole.unreadable is None
    assert not reconcile.reconcile(home, originals=True).adds_up


def test_a_verdict_and_its_events_are_kept_together_or_not_at_all(
    home: Home, cage: Cage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.receive(home, intake.arrivals([put(tmp_path / "in", {"a": b"1", "b": b"2"})], {}))

    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cases, "place_again", breaks)
    with pytest.raises(ZeroDivisionError):
        examine.examine(home, cage)
    monkeypatch.undo()
    with home.look() as work:
        assert work.session.scalar(select(func.count()).select_from(LogLeaf)) == 2
        assert examine.pending(work.session) == 2
    assert examine.examine(home, cage) == 2
    assert reconcile.reconcile(home).adds_up


STAMPS: dict[str, Callable[[int], bytes]] = {
    "png-parameters": lambda seed: png(seed, parameters="a picture of carrots\nSteps: 20, Sampler: Euler a, Seed: 7"),
    "png-comfy": lambda seed: png(seed, prompt='{"3": {"class_type": "KSampler"}}', workflow="{}"),
    "png-everything": lambda seed: png(
        seed, parameters="Steps: 20, Seed: 1", prompt="{}", workflow="{}", Software="NovelAI", Comment='{"steps": 28}'
    ),
    "jpeg-xmp": lambda seed: jpeg(seed, xmp=ai_xmp()),
    "jpeg-xmp-composite": lambda seed: jpeg(
        seed, xmp=ai_xmp("http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia")
    ),
    "jpeg-tool": lambda seed: jpeg(seed, xmp=ai_xmp(source="", tool="Midjourney v7")),
}


def _place(item: Item) -> tuple[int, float]:
    return Priority.from_json(item.priority or "").sort_key


@pytest.mark.parametrize("fact", [(), ("live",)])
def test_no_stamp_lowers_a_picture_or_moves_another(
    home: Home, cage: Cage, tmp_path: Path, fact: tuple[str, ...]
) -> None:
    """Law 2: each stamped copy stands where the clean one stands or higher, and everybody else where they stood."""
    known = put(tmp_path / "known", {"k.jpg": jpeg(50)})
    banking.create_bank(home, "series", BankPurpose.KNOWN)
    banking.add_pictures(home, cage, "series", [known / "k.jpg"])
    default = upload("u1", context={"facts": list(fact)})
    others = put(tmp_path / "others", {"x.jpg": jpeg(60), "k2.jpg": jpeg(50, quality=94), "w.txt": b"words"})
    clean = put(tmp_path / "clean", {f"{name}-clean": png(100 + n) for n, name in enumerate(STAMPS)})
    take_in(home, cage, [others], default=upload())
    take_in(home, cage, [clean], default=default)
    before = [(p.case, p.level, p.order) for p in cases.queue(home).places]

    stamped = put(tmp_path / "stamped", {name: stamp(200 + n) for n, (name, stamp) in enumerate(STAMPS.items())})
    take_in(home, cage, [stamped], default=default)
    items = _items(home)
    marked = [name for name in STAMPS if _verdict(items[name]).indicators]
    assert len(marked) >= len(STAMPS) - 1  # the stamps are seen, and still:
    for name in STAMPS:
        assert _place(items[name]) <= _place(items[f"{name}-clean"]), name
    old = {case for case, _, _ in before}
    after = [(p.case, p.level, p.order) for p in cases.queue(home).places if p.case in old]
    assert sorted(after) == sorted(before)

    # The same picture again with a stamp joins the case of the clean one, and cannot lower that either.
    levels = {case: (level.rank, -order) for case, level, order in before}
    again = put(tmp_path / "again", {f"again-{name}": stamp(100 + n) for n, (name, stamp) in enumerate(STAMPS.items())})
    take_in(home, cage, [again], default=default)
    items = _items(home)
    for name in STAMPS:
        assert items[f"again-{name}"].case_id == items[f"{name}-clean"].case_id, name
    for place in cases.queue(home).places:
        if place.case in levels:
            assert (place.level.rank, -place.order) <= levels[place.case]


def test_a_file_is_examined_without_a_home(cage: Cage, tmp_path: Path) -> None:
    folder = put(tmp_path, {"a.jpg": jpeg(1, xmp=ai_xmp()), "w.jpg": b"words"})
    assert examine.examined_file(cage, folder / "a.jpg").indicators
    assert examine.examined_file(cage, folder / "w.jpg").unreadable is not None
