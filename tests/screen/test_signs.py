"""Signs of origin, on request: kept for each picture, counted in the report, and no other name for a hit."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from firstlight.banks import Library
from firstlight.clock import FixedClock
from firstlight.errors import StateError
from firstlight.media import Cage
from firstlight.screen import runs
from firstlight.screen.again import Again
from firstlight.screen.bundles import SCREEN_PRELOAD
from firstlight.screen.hits import FINDING_WORDS
from firstlight.screen.lists import Lists
from firstlight.screen.page import as_page
from firstlight.screen.plan import read_plan
from firstlight.screen.report import hits_in, make_report, tallies
from firstlight.screen.results import results_in
from firstlight.screen.shard import Settings
from firstlight.screen.signs import SIGNS_PRELOAD
from screen.making import SEALER, lists_of, picture, screened, tar_of

TOLD = "a carrot\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, Model hash: abcdef1234"


@pytest.fixture(scope="module")
def looking() -> Iterator[Cage]:
    with Cage(workers=1, preload=(*SCREEN_PRELOAD, *SIGNS_PRELOAD)) as made:
        yield made


def _generated(seed: int) -> bytes:
    info, out = PngInfo(), io.BytesIO()
    info.add_text("parameters", TOLD)
    with Image.open(io.BytesIO(picture(seed))) as image:
        image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def test_signs_are_kept_for_each_picture_and_counted(
    tmp_path: Path, looking: Cage, library: Library, clock: FixedClock
) -> None:
    (tmp_path / "set").mkdir()
    members = [
        ("4.jpg", picture(4)),
        ("made.png", _generated(3)),
        ("cut.png", _generated(5)[:5000]),
        ("a.bin", b"\0\1"),
    ]
    tar_of(members, tmp_path / "set" / "a.tar")
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock), origin=True)
    screened(settings, looking, tmp_path / "set")
    [tally] = tallies(settings.out)
    assert (tally.members, tally.examined, tally.with_signs) == (4, 3, 2)
    assert tally.signs["metadata.generator_text"] == 2  # what breaks off is read as far as it goes

    names = [one.ident for one in read_plan(settings.out)]
    [result] = results_in(settings.results, names)
    kept = {row: {sign.name for sign in signs} for row, signs in result.signs(0).items()}
    assert kept.keys() == {1, 2}
    assert kept[1] == {"metadata.generator_text"} < kept[2]  # the second also tells that it breaks off
    report = make_report(settings.out, data_set="x", made=datetime(2026, 3, 1, tzinfo=UTC), software="t", sealer=SEALER)
    assert report.origin is not None
    first = report.origin.signs[0]
    assert (first.title, first.claim, first.count) == ("Texts of image generators", "synthetic", 2)
    assert "3 pictures were examined; 2 carry a sign." in as_page(report)
    [hit] = hits_in(settings.out, SEALER)
    assert (hit.member, hit.finding) == ("made.png", FINDING_WORDS)  # a hit is called the same, whatever it says
    assert [sign.name for sign in hit.signs] == ["metadata.generator_text"]

    list(Again(settings.results, Lists(library, SEALER, ("known", "tinned"), clock)).refresh_all(names))
    assert [one.signs for one in hits_in(settings.out, SEALER)] == [hit.signs]


def test_nothing_is_looked_for_unless_it_is_asked_for(tmp_path: Path, cage: Cage) -> None:
    (tmp_path / "set").mkdir()
    tar_of([("made.png", _generated(3))], tmp_path / "set" / "a.tar")
    settings = Settings(tmp_path / "out")
    screened(settings, cage, tmp_path / "set")
    [tally] = tallies(settings.out)
    assert (tally.examined, tally.signs) == (0, {})
    with pytest.raises(StateError, match="without signs of origin"):
        runs.prepare(Settings(tmp_path / "out", origin=True), [str(tmp_path / "set")], keep=False)
