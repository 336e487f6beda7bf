"""A rendition is fetched once, by whom it was offered to; what was on a screen is a viewing, no more and no less."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from casework.making import NOW, case_of, jpeg, new_home, picture, put, take_in, upload
from firstlight.casework import cases, exposure, facts, showing
from firstlight.casework.exposure import Limits
from firstlight.casework.home import Home, Work
from firstlight.casework.showing import ENTIRE_EDGE, LONGEST, OFFER_LIFE, Ask
from firstlight.clock import FixedClock
from firstlight.cybertip import Rendition, Viewing
from firstlight.errors import FirstlightError, InputError, NotFoundError, RefusedError, StateError
from firstlight.media import Cage

ME = {"actor": "rev-1", "role": "reviewer", "session": "s1"}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def home(tmp_path: Path, clock: FixedClock, cage: Cage) -> Home:
    home = new_home(tmp_path / "home", clock)
    gif = io.BytesIO()
    picture(5).save(gif, "GIF", save_all=True, append_images=[picture(6), picture(7)], duration=200)
    files = {
        "a.jpg": jpeg(1, side=900),
        "small.png": _png(40),
        "moving.gif": gif.getvalue(),
        "broken.jpg": b"\xff\xd8\xff",
    }
    take_in(home, cage, [put(tmp_path / "in", files)], default=upload("u1"))
    return home


def _png(side: int) -> bytes:
    out = io.BytesIO()
    picture(9, side).save(out, "PNG")
    return out.getvalue()


def _item(home: Home, name: str) -> int:
    return next(one.item for one in cases.show(home, case_of(home, name)).items if one.name == name)


def _seen(home: Home, item: int) -> tuple[Viewing, ...]:
    with home.look() as work:
        return facts.viewings_of(work, cases.item(work, item).sha256)


def test_a_rendition_is_served_once_and_hidden_with_its_seconds(home: Home, cage: Cage, clock: FixedClock) -> None:
    item = _item(home, "a.jpg")
    secret = showing.offer(home, item, Ask(), **ME)
    assert not _seen(home, item)
    shown = showing.serve(home, cage, secret, session="s1")
    assert max(shown.picture.width, shown.picture.height) == 320
    with Image.open(io.BytesIO(shown.picture.data)) as image:
        assert image.mode == "L"
    with pytest.raises(NotFoundError, match="already"):
        showing.serve(home, cage, secret, session="s1")
    clock.advance(timedelta(seconds=4))
    assert showing.hide(home, secret, session="s1", seconds=2.5) == 2.5
    assert showing.hide(home, secret, session="s1", seconds=99) == 0
    (seen,) = _seen(home, item)
    assert (seen.by, seen.rendition, seen.seconds, seen.whole) == ("reviewer", Rendition.GREY, 2.5, True)


@pytest.mark.parametrize(
    ("name", "ask", "rendition", "entire"),
    [
        ("a.jpg", Ask(edge=1280, colour=True), Rendition.REDUCED, True),
        ("a.jpg", Ask(edge=160), Rendition.GREY, False),
        ("a.jpg", Ask(edge=640, part=5), Rendition.GREY, False),
        ("small.png", Ask(edge=160), Rendition.GREY, True),
        ("moving.gif", Ask(edge=640), Rendition.FRAMES, False),
    ],
)
def test_entire_is_said_only_where_all_was_shown(
    home: Home, cage: Cage, clock: FixedClock, name: str, ask: Ask, rendition: Rendition, entire: bool
) -> None:
    item = _item(home, name)
    secret = showing.offer(home, item, ask, **ME)
    shown = showing.serve(home, cage, secret, session="s1")
    assert (shown.rendition, shown.covers) == (rendition, entire)
    clock.advance(timedelta(seconds=9))
    showing.hide(home, secret, session="s1", seconds=8)
    (seen,) = _seen(home, item)
    assert (seen.rendition, seen.whole) == (rendition, entire)


def test_seconds_are_never_more_than_the_servers_own_clock_allows(home: Home, cage: Cage, clock: FixedClock) -> None:
    item = _item(home, "a.jpg")
    for passed, claimed, logged in ((3, 300, 3), (0.4, 0.4, 0.4), (500, 500, LONGEST.seconds)):
        secret = showing.offer(home, item, Ask(), **ME)
        showing.serve(home, cage, secret, session="s1")
        clock.advance(timedelta(seconds=passed))
        assert showing.hide(home, secret, session="s1", seconds=claimed) == pytest.approx(logged)
    assert [one.whole for one in _seen(home, item)] == [True, False, True]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_nonsense_is_no_length(home: Home, cage: Cage, seconds: float) -> None:
    secret = showing.offer(home, _item(home, "a.jpg"), Ask(), **ME)
    showing.serve(home, cage, secret, session="s1")
    with pytest.raises(InputError, match="no seconds"):
        showing.hide(home, secret, session="s1", seconds=seconds)


def test_another_sign_in_gets_nothing_and_a_late_one_gets_nothing(home: Home, cage: Cage, clock: FixedClock) -> None:
    item = _item(home, "a.jpg")
    secret = showing.offer(home, item, Ask(), **ME)
    for session, token in (("s2", secret), ("s1", secret + "x"), ("", secret)):
        with pytest.raises(NotFoundError):
            showing.serve(home, cage, token, session=session)
    with pytest.raises(StateError, match="not shown"):
        showing.hide(home, secret, session="s1", seconds=1)
    clock.advance(OFFER_LIFE + timedelta(seconds=1))
    with pytest.raises(NotFoundError):
        showing.serve(home, cage, secret, session="s1")
    assert not _seen(home, item)


def test_what_nobody_hid_is_a_viewing_of_unknown_length(home: Home, cage: Cage, clock: FixedClock) -> None:
    item = _item(home, "a.jpg")
    showing.offer(home, item, Ask(), **ME)  # never fetched: nothing was seen
    secret = showing.offer(home, item, Ask(), **ME)
    showing.serve(home, cage, secret, session="s1")
    assert showing.close_forgotten(home) == 0
    clock.advance(LONGEST + timedelta(seconds=1))
    assert showing.close_forgotten(home) == 1
    assert showing.close_forgotten(home) == 0
    (seen,) = _seen(home, item)
    assert (seen.seconds, seen.whole) == (0, False)


def test_what_a_killed_process_was_making_was_seen_by_nobody(
    home: Home, cage: Cage, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = _item(home, "a.jpg")
    secret = showing.offer(home, item, Ask(), **ME)
    work, left = home.work, iter([True])

    def working() -> AbstractContextManager[Work]:
        if next(left, False):
            return work()
        raise KeyboardInterrupt  # from the first transaction on nothing runs any more, not even tidying

    with monkeypatch.context() as patch:
        patch.setattr(home, "work", working)
        with pytest.raises(KeyboardInterrupt):
            showing.serve(home, cage, secret, session="s1")
    clock.advance(LONGEST + timedelta(seconds=1))
    assert showing.close_forgotten(home) == 0
    assert not _seen(home, item)
    with pytest.raises(NotFoundError):
        showing.serve(home, cage, secret, session="s1")


def test_what_cannot_be_opened_was_not_seen(home: Home, cage: Cage) -> None:
    item = _item(home, "broken.jpg")
    secret = showing.offer(home, item, Ask(), **ME)
    with pytest.raises(FirstlightError):
        showing.serve(home, cage, secret, session="s1")
    with pytest.raises(NotFoundError):
        showing.hide(home, secret, session="s1", seconds=1)
    assert not _seen(home, item)


def test_a_limit_stands_before_the_offer(home: Home) -> None:
    exposure.limit_myself(home, "rev-1", Limits(files_a_day=0))
    with pytest.raises(RefusedError, match="limit"):
        showing.offer(home, _item(home, "a.jpg"), Ask(), **ME)


def test_nine_parts_cover_the_picture() -> None:
    regions = [Ask(part=part).region for part in range(1, 10)]  # type: ignore[arg-type]
    assert sum((r.right - r.left) * (r.bottom - r.top) for r in regions if r) == pytest.approx(1)
    assert Ask().region is None
    assert ENTIRE_EDGE == 320
