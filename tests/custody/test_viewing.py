from __future__ import annotations

from pathlib import Path

import pytest

from custody.conftest import PICTURE, digests_of, small_case
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, Event, EventType, Viewed, export_package, reveal, viewings
from firstlight.errors import IntegrityError, RefusedError


def test_only_a_reveal_of_these_very_bytes_is_a_viewing(log: CustodyLog, clock: FixedClock) -> None:
    seen, other = digests_of(b"seen"), digests_of(b"other")
    at = clock.now()
    for file, entire in ((seen, False), (other, True), (seen, True)):
        log.append(
            reveal(at=at, actor="u", role="reviewer", file=file, rendition="full", seconds=2.5, entire=entire, case="c")
        )
    log.append(Event(type=EventType.DECIDE, at=at, actor="u", case="c", subject=digests_of(b"third").sha256))
    expected = Viewed(at=at, by="reviewer", rendition="full", seconds=2.5)
    assert viewings(log, seen) == (expected, expected.model_copy(update={"entire": True}))
    assert viewings(log, digests_of(b"third")) == ()


def test_a_reveal_in_another_form_is_not_guessed_at(log: CustodyLog, clock: FixedClock) -> None:
    file = digests_of(b"seen")
    log.append(Event(type=EventType.REVEAL, at=clock.now(), actor="u", subject=file.sha256, payload={"role": "r"}))
    with pytest.raises(IntegrityError, match="no viewing"):
        viewings(log, file)


def test_a_package_claims_neither_more_nor_less_than_the_log_holds(
    tmp_path: Path, log: CustodyLog, clock: FixedClock
) -> None:
    contents = small_case(log, clock)
    (true,) = contents.files
    assert true.digests == digests_of(PICTURE)
    more = (*true.viewed, Viewed(at=clock.now(), by="reviewer", rendition="full", seconds=9, entire=True))
    entire = tuple(one.model_copy(update={"entire": True}) for one in true.viewed)
    for false in ((), more, entire):
        claimed = contents.model_copy(update={"files": (true.model_copy(update={"viewed": false}),)})
        with pytest.raises(RefusedError, match="viewings"):
            export_package(claimed, tmp_path, log, clock, actor="u")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys"]
