from __future__ import annotations

import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, UnidentifiedImageError

from firstlight.cli.demo.drawing import draw
from firstlight.cli.demo.edits import EDITS, as_jpeg
from firstlight.cli.demo.pictures import DemoSet, Kind, make_pictures
from firstlight.cli.demo.stamps import stamped_as_generated
from firstlight.errors import StorageError
from firstlight.hashing.pdq import exact

COUNT = 48


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoSet:
    return make_pictures(tmp_path_factory.mktemp("demo"), COUNT, 7, lambda _done, _total: None)


def bits_of(picture: Image.Image) -> np.ndarray:
    return np.unpackbits(np.frombuffer(exact(np.asarray(picture.convert("L"))).hash, np.uint8))


def pdq(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return bits_of(picture)


def test_the_manifest_is_what_lies_in_the_folder(demo: DemoSet) -> None:
    assert sorted(p.path for p in demo.pictures) == sorted(demo.folder.iterdir())
    kinds = Counter(p.kind for p in demo.pictures)
    assert kinds == {
        Kind.ORDINARY: COUNT,
        Kind.COPY: 8,
        Kind.STAMPED: 2,
        Kind.CAMERA: 1,
        Kind.FORGED: 1,
        Kind.UNREADABLE: 2,
    }
    assert {p.how for p in demo.of_kind(Kind.COPY)} == {edit.__name__ for edit in EDITS}
    assert {p.path.suffix for p in demo.of_kind(Kind.ORDINARY)} == {".jpg", ".png"}


def test_copies_are_near_their_originals_and_are_other_bytes(demo: DemoSet) -> None:
    for copy in demo.of_kind(Kind.COPY):
        assert copy.original is not None
        assert copy.path.read_bytes() != copy.original.read_bytes()
        assert int((pdq(copy.path) != pdq(copy.original)).sum()) <= 31, copy


def test_generated_pictures_carry_their_marks(demo: DemoSet) -> None:
    for stamped in demo.of_kind(Kind.STAMPED):
        with Image.open(stamped.path) as picture:
            if stamped.how == "parameters":
                assert "Steps: 20, Sampler: Euler a" in picture.info["parameters"]
                assert "oil painting" in picture.info["parameters"]
            else:
                assert b"digitalsourcetype/trainedAlgorithmicMedia" in picture.info["xmp"]


def test_camera_picture_has_a_cameras_structure(demo: DemoSet) -> None:
    (camera,) = demo.of_kind(Kind.CAMERA)
    with Image.open(camera.path) as picture:
        exif = picture.getexif()
        assert exif[ExifTags.Base.Make] == "OLYMPUS CORPORATION"
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        assert inner[ExifTags.Base.DateTimeOriginal] == "2019:06:14 10:32:07"
        assert inner[ExifTags.Base.MakerNote].startswith(b"OLYMPUS\x00")
        assert (inner[ExifTags.Base.ExifImageWidth], inner[ExifTags.Base.ExifImageHeight]) == picture.size
        small = exif.get_ifd(ExifTags.IFD.IFD1)
        start = small[ExifTags.Base.JpegIFOffset]
        thumbnail = picture.info["exif"][6 + start : 6 + start + small[ExifTags.Base.JpegIFByteCount]]
        assert thumbnail[:2] == b"\xff\xd8"
        assert thumbnail[-2:] == b"\xff\xd9"


def test_the_forged_stamp_changes_no_pixel_and_keeps_the_cameras_marks(demo: DemoSet) -> None:
    (camera,), (forged,) = demo.of_kind(Kind.CAMERA), demo.of_kind(Kind.FORGED)
    assert forged.original == camera.path
    with Image.open(camera.path) as before, Image.open(forged.path) as after:
        assert before.tobytes() == after.tobytes()
        assert "xmp" not in before.info
        assert b"trainedAlgorithmicMedia" in after.info["xmp"]
        assert before.info["exif"] == after.info["exif"]


def test_a_stamp_is_put_into_a_plain_jpeg_too() -> None:
    plain = as_jpeg(Image.new("RGB", (16, 16)))
    stamped = stamped_as_generated(plain)
    assert len(stamped) > len(plain)
    assert stamped[:2] == plain[:2]
    assert stamped.endswith(plain[40:])


def test_unreadable_files_cannot_be_read(demo: DemoSet) -> None:
    empty, cut_off = demo.of_kind(Kind.UNREADABLE)
    assert empty.path.read_bytes() == b""
    with pytest.raises(UnidentifiedImageError):
        Image.open(empty.path)
    with Image.open(cut_off.path) as picture, pytest.raises(OSError, match="truncated"):
        picture.load()


def test_a_run_can_be_repeated_and_reports_each_step(demo: DemoSet, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    folder = tmp_path / "new" / "folder"
    again = make_pictures(folder, 3, 7, lambda done, total: steps.append((done, total)))
    assert steps == [(n, len(again.pictures)) for n in range(1, len(again.pictures) + 1)]
    (folder / "picture-0001.jpg").write_bytes(b"half a pic")  # as a killed run leaves it
    make_pictures(folder, 3, 7, lambda _done, _total: None)
    assert (folder / "picture-0001.jpg").read_bytes() == (demo.folder / "picture-0001.jpg").read_bytes()
    assert again.pictures[0].subject == demo.pictures[0].subject


def test_a_folder_that_cannot_be_made_is_a_word_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be written"):
        make_pictures(tmp_path / "file" / "folder", 1, 0, lambda _done, _total: None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError):
        make_pictures(tmp_path / "x", 1, 0, lambda _done, _total: None)


@pytest.mark.parametrize("seed", range(15))
def test_each_edit_keeps_each_subject_recognisable(seed: int) -> None:
    picture = draw(seed)
    own_bits = bits_of(picture)
    for edit in EDITS:
        with Image.open(io.BytesIO(edit(picture, np.random.default_rng(seed)))) as copy:
            assert int((own_bits != bits_of(copy)).sum()) <= 31, edit.__name__
