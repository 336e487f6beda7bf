"""Whatever an uploader stamps on a picture, in any number: nothing is weaker for it, and no way down is opened."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from firstlight.origin import TrustLists, Weighing, weigh
from firstlight.origin.examination import examine_bytes
from firstlight.origin.indicators.dwt_watermark import PAYLOADS
from origin.indicators.test_pixels import encoded, hidden, marked, photograph, preview, scene
from origin.making import A1111, Tags, exif_segment, jpeg, segment, source_type_xmp, tiff, xmp_segment
from origin.signing import Authority

_GRAPH = json.dumps({"3": {"class_type": "KSampler", "inputs": {}}})

STAMPS: dict[str, bytes] = {
    "settings in a comment": segment(0xFE, A1111.encode()),
    "settings in EXIF": exif_segment(tiff(camera={0x9286: b"ASCII\0\0\0" + A1111.encode()})),
    "graph in EXIF": exif_segment(tiff({0x010E: _GRAPH})),
    "program": exif_segment(tiff({0x0131: "NovelAI"})),
    "source type": xmp_segment(source_type_xmp("trainedAlgorithmicMedia")),
    "AIGC label": segment(0xE9, b'AIGC{"Label":"1"}'),
}


def stamped(data: bytes, *stamps: bytes) -> bytes:
    return data[:2] + b"".join(stamps) + data[2:]


def camera_photograph() -> bytes:
    image = scene(2)
    tags: Tags = {0x9003: "2026:01:01 10:00:00", 0x829A: b"\1\0\0\0\x64\0\0\0", 0x927C: b"Nikon\0\x02\x10" + bytes(80)}
    return photograph(image, preview(image), tags)


BASES: dict[str, Callable[[], bytes]] = {"bare": lambda: jpeg(3), "camera": camera_photograph}


def not_weaker(before: Weighing, after: Weighing) -> None:
    assert set(before.raises) <= set(after.raises)
    assert set(before.stands) <= set(after.stands)
    assert not after.may_lower


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("stamp", STAMPS)
def test_one_stamp(base: str, stamp: str) -> None:
    data = BASES[base]()
    before, after = weigh(examine_bytes(data)), weigh(examine_bytes(stamped(data, STAMPS[stamp])))
    assert len(after.support) > len(before.support), "the stamp is seen"
    not_weaker(before, after)
    if base == "bare":
        assert (after.stands, after.raises) == ((), ())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(STAMPS)), max_size=8), st.sampled_from(sorted(BASES)))
def test_any_number_of_stamps_in_any_order(stamps: list[str], base: str) -> None:
    data = BASES[base]()
    not_weaker(weigh(examine_bytes(data)), weigh(examine_bytes(stamped(data, *(STAMPS[name] for name in stamps)))))


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_a_planted_watermark_changes_nothing(payload: object) -> None:
    image = scene(4)
    after = weigh(examine_bytes(encoded(marked(image, payload))))  # type: ignore[arg-type]
    assert [one.claim for one in after.support] == ["synthetic"]
    assert (after.stands, after.raises, after.may_lower) == ((), (), False)


def test_a_planted_hidden_text_changes_nothing() -> None:
    body = gzip.compress(json.dumps({"Software": "NovelAI"}).encode())
    after = weigh(examine_bytes(encoded(hidden(b"stealth_pngcomp", body))))
    assert [one.claim for one in after.support] == ["synthetic"]
    assert (after.stands, after.raises, after.may_lower) == ((), (), False)


def test_a_signature_of_ones_own_changes_nothing() -> None:
    photo = jpeg(5)
    own = weigh(examine_bytes(Authority.new("OpenAI").signer("OpenAI OpCo, LLC").sign(photo)))
    assert (own.stands, own.raises, own.may_lower) == ((), (), False)


def test_a_customers_signature_from_a_listed_service_changes_nothing() -> None:
    authority = Authority.new()
    trust = TrustLists(official=authority.pem)
    listed = weigh(examine_bytes(authority.signer("Some Service").sign(jpeg(5)), trust))
    assert (listed.stands, listed.raises, listed.may_lower) == ((), (), False)


def test_unsigned_stamps_are_gone_after_saving_again() -> None:
    """Why absence is never information: one re-save removes them (Pillow carries a plain comment over)."""
    data = stamped(jpeg(3), *(stamp for name, stamp in STAMPS.items() if name != "settings in a comment"))
    again = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(again, "JPEG")
    assert examine_bytes(data)
    assert examine_bytes(again.getvalue()) == ()
