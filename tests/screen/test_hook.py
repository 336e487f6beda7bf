"""Screening at download: a hit never reaches the disk."""

from __future__ import annotations

import importlib
import io
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from firstlight.banks import Library
from firstlight.casework import handing
from firstlight.clock import FixedClock
from firstlight.errors import MissingExtraError, StateError
from firstlight.screen.hook import NOT_COMPARED, NOT_KEPT, DownloadScreener, ScreenedResizer, guard_img2dataset
from firstlight.screen.report import hits_in
from screen.making import SEALER, img2dataset, lists_of, picture


class Resizer:
    """What img2dataset's resizer does with a stream: None for a picture that it cannot read, a small one otherwise."""

    def __call__(self, img_stream: io.BytesIO, blurring_bbox_list: object = None) -> tuple[Any, ...]:
        try:
            image = Image.open(img_stream).convert("RGB")
        except OSError:
            return None, None, None, None, None, "Image decoding error"
        out = io.BytesIO()
        image.resize((64, 64)).save(out, "JPEG")
        return out.getvalue(), 64, 64, image.height, image.width, None


def download(urls: dict[str, bytes], resizer: Any, folder: Path) -> dict[str, str]:
    """The part of img2dataset's downloader that matters: stream, resize, write what came back, a row for each."""
    folder.mkdir()
    status = {}
    for number, (url, data) in enumerate(urls.items()):
        made, _, _, height, width, error = resizer(io.BytesIO(data), None)
        status[url] = error or "success"
        if error is None:
            (folder / f"{number:09}.jpg").write_bytes(made)
            (folder / f"{number:09}.json").write_text(json.dumps({"original_width": width, "original_height": height}))
    return status


@pytest.fixture
def guard(tmp_path: Path, library: Library, clock: FixedClock) -> DownloadScreener:
    return DownloadScreener(lists_of(library, "known", clock=clock), tmp_path / "found")


def test_a_listed_picture_is_not_written_in_whatever_form_it_comes(tmp_path: Path, guard: DownloadScreener) -> None:
    again = io.BytesIO()
    Image.open(io.BytesIO(picture(3))).resize((300, 225)).save(again, "PNG")
    urls = {
        "u/3": picture(3),
        "u/4": picture(4),
        "u/3.png": again.getvalue(),
        "u/broken": picture(5)[:900],
        "u/5": picture(5),
    }
    try:
        status = download(urls, ScreenedResizer(Resizer(), guard), tmp_path / "set")
    finally:
        guard.close()
    assert status == {
        "u/3": NOT_KEPT, "u/4": "success", "u/3.png": NOT_KEPT, "u/broken": "Image decoding error", "u/5": "success",
    }  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "set").glob("*.jpg")) == ["000000001.jpg", "000000004.jpg"]
    written = b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "library" not in path.parts
    )
    assert written.count(picture(3)) == 1  # the file that the fixture made its bank of
    found = list(hits_in(tmp_path / "found", SEALER))
    assert sorted(match.via for hit in found for match in hit.matches) == ["pdq", "sha256"]
    assert {hit.finding for hit in found} == {"known material found in data"}


def test_what_cannot_be_compared_may_not_be_kept(tmp_path: Path, guard: DownloadScreener, library: Library) -> None:
    guard.look(picture(4))
    library.delete("known", "a test")
    look = guard.look(picture(4))
    guard.close()
    assert (look.may_keep, look.hit) == (False, False)
    assert "There is no bank 'known'" in look.trouble


def test_it_goes_to_other_processes_closed(tmp_path: Path) -> None:
    sent = pickle.loads(pickle.dumps(ScreenedResizer(Resizer(), DownloadScreener(Unopened(), tmp_path))))
    assert isinstance(sent, ScreenedResizer)


def test_what_the_lists_cannot_be_asked_about_says_why_in_the_table(
    tmp_path: Path, guard: DownloadScreener, library: Library
) -> None:
    library.disable("known", "a test")
    try:
        status = download({"u/3": picture(3)}, ScreenedResizer(Resizer(), guard), tmp_path / "set")
    finally:
        guard.close()
    assert NOT_COMPARED in status["u/3"]
    assert "'known' is disabled" in status["u/3"]
    assert list((tmp_path / "set").iterdir()) == []


def test_img2dataset_is_guarded_though_its_package_hides_the_module(tmp_path: Path, guard: DownloadScreener) -> None:
    with pytest.raises(MissingExtraError, match="cannot be guarded"):
        guard_img2dataset(guard)
    with img2dataset(tmp_path / "site"):
        guard_img2dataset(guard)
        main = importlib.import_module("img2dataset.main")
        (tmp_path / "3.jpg").write_bytes(picture(3))
        (tmp_path / "4.jpg").write_bytes(picture(4))
        there = main.Downloader(main.Resizer(image_size=64))
        try:
            assert there((0, str(tmp_path / "3.jpg"))) == (None, NOT_KEPT)
            assert there((1, str(tmp_path / "4.jpg")))[1] is None
            assert there((2, str(tmp_path / "5.jpg"))) == (None, "HTTP Error 404: Not Found")
        finally:
            guard.close()
    assert [hit.url for hit in hits_in(tmp_path / "found", SEALER)] == [str(tmp_path / "3.jpg")]


def test_each_hit_has_a_name_of_its_own_so_that_the_hand_over_loses_none(
    guard: DownloadScreener, tmp_path: Path
) -> None:
    again = io.BytesIO()
    Image.open(io.BytesIO(picture(3))).resize((300, 225)).save(again, "PNG")
    for data, url in ((picture(3), "http://a/1.jpg"), (again.getvalue(), "http://b/1.jpg"), (picture(3) + b"x", "")):
        assert guard.look(data, url=url).hit
    guard.close()
    found = list(hits_in(tmp_path / "found", SEALER))
    told = json.loads(handing.about_file(found, data_set="x"))
    assert len(told) == len(found) == 3


def test_lists_that_cannot_be_used_stop_it_before_the_first_download(
    tmp_path: Path, guard: DownloadScreener, library: Library
) -> None:
    library.disable("known", "a test")
    with img2dataset(tmp_path / "site"), pytest.raises(StateError, match="disabled and would match nothing"):
        guard_img2dataset(guard)


class Unopened:
    """Lists that nobody opens."""

    def __call__(self) -> Any:
        raise AssertionError
