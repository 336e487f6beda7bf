"""The ledger: records as they lie on the disk, look-ups, crashes at every byte, and honest answers."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError, StorageError
from firstlight.gate.ledger import Attestor, Batch, GenerationRecord, Ledger, Question, Went, book, segments
from firstlight.gate.ledger.attest import orientations_of
from firstlight.gate.ledger.book import New
from firstlight.gate.ledger.record import SIZE
from firstlight.gate.pictures import look_at
from firstlight.media import Cage
from firstlight.origin import Answer, Inputs, ledger_key
from firstlight.origin.attestation import verified
from firstlight.values import Digests, Pdq, PdqMode

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WORDS_ALONE = int(Went.INPUTS_KNOWN)
PHOTO = int(Went.INPUTS_KNOWN | Went.PICTURE)


def sha(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def pdq(number: int, *flip: int) -> str:
    bits = int(hashlib.sha256(b"p%d" % number).hexdigest(), 16)
    for bit in flip:
        bits ^= 1 << bit
    return f"{bits:064x}"


def record(number: int, **fields: Any) -> GenerationRecord:
    given = {"sha256": sha(number), "pdq": pdq(number), "quality": 90, "at": NOW, "went": WORDS_ALONE}
    return GenerationRecord.model_validate({**given, **fields})


def new(number: int, words: bytes = b"", **fields: Any) -> New:
    return New(record(number, **fields), "garden 1", words)


_HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
_RECORDS = st.builds(
    GenerationRecord,
    sha256=_HEX,
    pdq=st.none() | _HEX,
    quality=st.just(0),
    at=st.integers(0, 4 * 10**15).map(lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)),
    model=st.integers(0, 65535),
    went=st.integers(0, 127),
    inputs=st.integers(0, 255),
    prompt=st.just("") | st.just("ab" * 16),
    words_at=st.integers(0, 2**60),
    words_size=st.integers(0, 2**31),
)


@given(_RECORDS, st.integers(0, SIZE - 1), st.integers(1, 255))
def test_a_record_is_read_as_it_was_written_or_not_at_all(one: GenerationRecord, at: int, change: int) -> None:
    raw = one.to_bytes()
    assert len(raw) == SIZE
    assert GenerationRecord.from_bytes(raw) == one
    damaged = bytearray(raw)
    damaged[at] ^= change
    with pytest.raises(IntegrityError):
        GenerationRecord.from_bytes(bytes(damaged))


def test_what_was_written_is_found_by_bytes_and_by_pixels(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.append([new(n, b"words %d" % n) for n in range(20)]) == 0
        assert ledger.append([new(3, pdq=pdq(99))]) == 20
    with Ledger(tmp_path / "l") as ledger:
        assert len(ledger) == 21
        assert [found.number for found in ledger.exact(sha(3))] == [3, 20]
        assert ledger.exact(sha(77)) == ()
        (near,) = ledger.near([pdq(5, 1, 2, 3)], 31)
        assert (near.number, near.distance) == (5, 3)
        assert ledger.near([pdq(5, *range(40))], 31) == ()
        assert ledger.words(near.record, 5) == b"words 5"
        assert ledger.model(near.record.model) == "garden 1"
        with pytest.raises(NotFoundError):
            ledger.record(21)


def test_a_picture_with_too_little_detail_is_found_by_its_bytes_alone(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(1, quality=49), new(2, pdq=None, quality=0)])
        assert ledger.near([pdq(1)], 31) == ()
        assert ledger.exact(sha(1))
        assert ledger.exact(sha(2))


def test_segments_fill_and_are_searched_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT", 8)
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(n, b"w%d" % n) for n in range(5)])
        ledger.append([new(n, b"w%d" % n) for n in range(5, 30)])
        assert all(ledger.exact(sha(n))[0].number == n for n in range(30))
    (tmp_path / "l" / "segment-00001.sorted").unlink()
    with Ledger(tmp_path / "l") as ledger:
        assert all(ledger.exact(sha(n))[0].number == n for n in range(30))
        assert all(ledger.words(ledger.record(n), n) == b"w%d" % n for n in range(30))
        assert all(ledger.near([pdq(n)], 0)[0].number == n for n in range(30))
        ledger.append([new(n) for n in range(30, 40)])
        assert all(ledger.exact(sha(n))[0].number == n for n in range(40))


def test_a_ledger_that_was_cut_off_at_any_byte_opens_with_its_whole_records(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(n) for n in range(3)])
        ledger.append([])
    whole = (tmp_path / "l" / "segment-00000.records").read_bytes()
    for cut in (0, 1, SIZE - 1, SIZE, 2 * SIZE + 5, 3 * SIZE):
        copy = tmp_path / f"cut-{cut}"
        shutil.copytree(tmp_path / "l", copy)
        shutil.rmtree(copy / "pdq")
        (copy / "segment-00000.records").write_bytes(whole[:cut])
        with Ledger(copy) as ledger:
            assert len(ledger) == cut // SIZE
            ledger.append([new(9)])
            assert ledger.exact(sha(9))[0].number == cut // SIZE
            assert ledger.near([pdq(9)], 0)[0].number == cut // SIZE


def test_records_that_were_answered_for_and_are_gone_are_told(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(n) for n in range(3)])
    path = tmp_path / "l" / "segment-00000.records"
    path.write_bytes(path.read_bytes()[: 2 * SIZE])
    with pytest.raises(IntegrityError):
        Ledger(tmp_path / "l")
    path.write_bytes(path.read_bytes() + record(2).to_bytes())
    with pytest.raises(IntegrityError):
        Ledger(tmp_path / "l", anchored=4)
    path.rename(tmp_path / "l" / "segment-00001.records")
    with pytest.raises(IntegrityError):
        Ledger(tmp_path / "l")


def test_one_process_writes(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l"), pytest.raises(StateError):
        Ledger(tmp_path / "l")
    Ledger(tmp_path / "l").close()


def test_others_read_while_one_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT", 4)
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(n, b"words %d" % n) for n in range(6)])
        (tmp_path / "l" / "segment-00000.sorted").unlink()
        before = sorted(path.name for path in (tmp_path / "l").iterdir())
        with Ledger(tmp_path / "l", writing=False) as reader:
            ledger.append([new(6)])
            assert len(reader) == 6
            assert [reader.exact(sha(n))[0].number for n in range(6)] == list(range(6))
            assert reader.words(reader.record(5), 5) == b"words 5"
            assert sum(len(rows) for rows in reader.all_rows()) == 6
            with pytest.raises(StateError):
                reader.near([pdq(1)], 31)
            with pytest.raises(StateError):
                reader.append([new(7)])
        assert sorted(path.name for path in (tmp_path / "l").iterdir()) == before, "reading changes nothing"
        assert ledger.append([new(8)]) == 7


def test_every_record_is_anchored_once_and_a_changed_one_shows(tmp_path: Path) -> None:
    batches: list[Batch] = []
    with Ledger(tmp_path / "l", anchor=batches.append, batch=4) as ledger:
        for number in range(6):
            ledger.append([new(number)])
        assert ledger.anchored == 4
    assert [(one.first, one.count) for one in batches] == [(0, 4), (4, 2)]
    with Ledger(tmp_path / "l", anchor=batches.append, anchored=6, batch=4) as ledger:
        assert ledger.anchor() is None
        assert [ledger.batch(one.first, one.count) for one in batches] == batches
    assert len(batches) == 2
    path = tmp_path / "l" / "segment-00000.records"
    data = bytearray(path.read_bytes())
    data[SIZE : 2 * SIZE] = record(1, went=PHOTO).to_bytes()
    path.write_bytes(data)
    with Ledger(tmp_path / "l", anchored=6) as ledger:
        assert ledger.batch(0, 4) != batches[0]
        assert ledger.batch(4, 2) == batches[1]
        for first, count in ((-1, 1), (0, 0), (0, 7)):
            with pytest.raises(InputError):
                ledger.batch(first, count)


def test_threads_that_write_at_once_wait_for_the_disk_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen pictures leave at once while the disk is slow: it is waited for a few times, and not sixteen times."""
    synced: list[int] = []
    real = os.fdatasync

    def slow(fd: int) -> None:
        synced.append(fd)
        time.sleep(0.02)
        real(fd)

    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(99, b"first")])
        monkeypatch.setattr(os, "fdatasync", slow)
        begin = threading.Barrier(16)

        def write(number: int) -> int:
            begin.wait()
            return ledger.append([new(number, b"words %d" % number)])

        with ThreadPoolExecutor(16) as pool:
            rows = list(pool.map(write, range(16)))
        assert sorted(rows) == list(range(1, 17))
        assert len(synced) <= 2 * 8, "words and records, for a group of threads"
        for number, row in enumerate(rows):
            (found,) = ledger.exact(sha(number))
            assert (found.number, ledger.words(found.record, row)) == (row, b"words %d" % number)
            assert ledger.near([pdq(number)], 0)[0].number == row


def test_a_record_that_the_disk_did_not_take_is_not_answered_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[Batch] = []
    with Ledger(tmp_path / "l", anchor=batches.append, batch=2) as ledger:
        ledger.append([new(1)])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", _refuse)
            with pytest.raises(StorageError):
                ledger.append([new(2)])
        assert len(ledger) == 1
        with pytest.raises(StorageError):  # nobody knows what the disk holds: the gate stays closed until it is mended
            ledger.append([new(3)])
    assert [(one.first, one.count) for one in batches] == [(0, 1)], "what may be gone is never anchored"
    with Ledger(tmp_path / "l", anchored=1) as ledger:
        ledger.append([new(4)])
        assert ledger.near([pdq(4)], 0)


def test_a_full_disk_is_told_and_forgotten_once_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(1, b"one")])
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", _refuse)
            with pytest.raises(StorageError, match="disk is full"):
                ledger.append([new(2, b"two")])
        assert ledger.append([new(3, b"three")]) == 1
        assert ledger.words(ledger.record(1), 1) == b"three"


def test_a_model_whose_number_was_not_written_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(1)])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", _refuse)
            with pytest.raises(StorageError, match="disk is full"):
                ledger.append([New(record(2), "orchard 1")])
        ledger.append([New(record(2), "orchard 1")])
    with Ledger(tmp_path / "l") as ledger:
        assert [ledger.model(ledger.record(row).model) for row in range(2)] == ["garden 1", "orchard 1"]


def _refuse(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_damaged_index_is_built_again_from_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "_BEHIND", 7)
    monkeypatch.setattr(book, "_FAR_BEHIND", 16)
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(n, quality=40 if n == 5 else 90) for n in range(40)])
        ledger.append([new(40, pdq=None)])
    (tmp_path / "l" / "pdq" / "CURRENT").write_bytes(b"nothing")
    with Ledger(tmp_path / "l") as ledger:
        assert [n for n in range(41) if not ledger.near([pdq(n)], 0)] == [5, 40]


def test_words_never_lie_where_a_lost_record_says_its_own_are(tmp_path: Path) -> None:
    """A crash can keep the words from the disk and not the record, which nobody has answered for."""
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(1, b"one"), new(2, b"the words of two")])
    with (tmp_path / "l" / "segment-00000.words").open("r+b") as file:
        file.truncate(3)
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(3, b"three")])
        assert ledger.words(ledger.record(2), 2) == b"three"
        assert b"three" not in ledger.words(ledger.record(1), 1)


def test_sorted_digests_are_found_however_they_are_spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT", 64)
    monkeypatch.setattr(segments, "_REACH", 4)
    spread = [f"{n:064x}" for n in range(30)] + ["f" * 60 + f"{n:04x}" for n in range(20)] + [sha(n) for n in range(14)]
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(0, sha256=one) for one in spread])
        assert (tmp_path / "l" / "segment-00000.sorted").exists()
        assert [ledger.exact(one)[0].number for one in spread] == list(range(64))
        assert not any(ledger.exact(one) for one in (sha(99), "8" * 64, "f" * 64))


def answered(ledger: Ledger, **asked: Any) -> Any:
    signed = Attestor(ledger, "example", KEY).answer(Question(**asked), NOW)
    digests = Digests(md5="0" * 32, sha1="0" * 40, sha256=asked.get("sha256") or sha(0), size=1)
    hashed = Pdq(hex=asked["pdq"], quality=90, mode=PdqMode.EXACT) if asked.get("pdq") else None
    return verified(signed, [ledger_key("example", KEY)], digests=digests, pdq=hashed, at=NOW + timedelta(seconds=1))


def test_answers_name_what_went_in_and_are_believed(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(1), new(2, went=PHOTO, input_sha256=sha(50)), new(3, went=0)])
        ledger.append(
            [new(4, went=int(Went.INPUTS_KNOWN | Went.ADAPTER)), new(5, went=int(Went.INPUTS_KNOWN | Went.FACE))]
        )
        asked = [answered(ledger, sha256=sha(number)) for number in (1, 2, 3, 4, 5, 6)]
        assert [one.inputs for one in asked] == [
            Inputs.TEXT_ONLY,
            Inputs.PICTURE,
            Inputs.UNKNOWN,
            Inputs.UNKNOWN,
            Inputs.PICTURE,
            Inputs.UNKNOWN,
        ]
        assert [one.answer for one in asked] == [Answer.EXACT] * 5 + [Answer.NONE]
        near = answered(ledger, sha256=sha(77), pdq=pdq(1, 0, 5, 9))
        assert (near.answer, near.distance, near.inputs, near.made_at) == (Answer.NEAR, 3, Inputs.TEXT_ONLY, NOW)
        assert answered(ledger, pdq=pdq(88)).answer is Answer.NONE


def test_where_several_records_answer_the_photograph_is_not_overlooked(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(1), new(1, went=PHOTO), new(2), new(3, pdq=pdq(2, *range(20)), went=PHOTO)])
        assert answered(ledger, sha256=sha(1)).inputs is Inputs.PICTURE
        near = answered(ledger, pdq=pdq(2))
        assert (near.inputs, near.distance) == (Inputs.PICTURE, 20)


def test_a_turned_copy_is_found_from_the_hashes_and_from_the_hash_alone(tmp_path: Path, cage: Cage) -> None:
    from firstlight.cli.demo.drawing import draw
    from gate.test_guard import as_png

    made, asked = (look_at(cage, as_png(draw(2).rotate(angle, expand=True))) for angle in (0, 90))
    with Ledger(tmp_path / "l") as ledger:
        ledger.append([new(1, pdq=made.hash.pdq.hex)])
        for orientations in (asked.hash.orientations, ()):
            found = answered(ledger, pdq=asked.hash.pdq.hex, orientations=orientations)
            assert found.answer is Answer.NEAR


def test_orientations_worked_out_of_a_hash_are_those_of_a_square() -> None:
    hashes = {pdq(1), *orientations_of(pdq(1))}
    assert len(hashes) == 8
    assert {one for each in hashes for one in orientations_of(each)} == hashes, "turning leads round in a circle"
    counts = [bin(int(one, 16)).count("1") for one in hashes]
    assert max(counts) - min(counts) < 128


@pytest.mark.parametrize(
    "asked", [{}, {"orientations": (pdq(1),)}, {"sha256": "x"}, {"sha256": sha(1), "account": "u"}]
)
def test_a_question_is_about_a_hash(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Question(**asked)


def test_random_ledgers_against_a_plain_scan(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    numbers = [int(n) for n in random.integers(0, 30, 200)]
    with Ledger(tmp_path / "l") as ledger:
        at = 0
        while at < len(numbers):
            size = int(random.integers(1, 20))
            ledger.append([new(n) for n in numbers[at : at + size]])
            at += size
        for n in range(31):
            expected = [i for i, m in enumerate(numbers) if m == n]
            assert [found.number for found in ledger.exact(sha(n))] == expected
            assert [found.number for found in ledger.near([pdq(n, 3)], 31, most=200)] == expected
