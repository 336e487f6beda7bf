"""Media at a URL: fetched from a host that the operator named, on loopback here."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from banks.exchanges.servers import Answer, Asked, Fake, serving
from casework.making import jpeg


def blank() -> bytes:
    """A picture with nothing in it."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    return out.getvalue()


class Media(Fake):
    """A web server with a few files."""

    def answer(self, asked: Asked) -> Answer:
        """The file of the path."""
        kinds = {"content-type": "image/jpeg"}
        files = {
            "/a.jpg": Answer(body=jpeg(1), headers=kinds),
            "/a.bin": Answer(body=jpeg(1), headers={"content-type": "application/octet-stream"}),
            "/untold": Answer(body=jpeg(1)),
            "/v.mp4": Answer(body=b"no film", headers={"content-type": "video/mp4; codecs=x"}),
            "/corrupt.jpg": Answer(body=jpeg(1)[:300], headers=kinds),
            "/blank.png": Answer(body=blank(), headers={"content-type": "image/png"}),
            "/big.jpg": Answer(body=bytes(4_000_000), headers=kinds),
            "/moved": Answer(302, headers={"location": "/a.jpg"}),
            "/away": Answer(302, headers={"location": "http://elsewhere.example/a.jpg"}),
            "/nowhere": Answer(302, headers={"location": "http://[/a.jpg"}),
            "/round": Answer(302, headers={"location": "/round"}),
            "/cut.jpg": Answer(body=jpeg(1), headers=kinds, cut_off=True),
        }
        return files.get(asked.path, Answer(404))


@pytest.fixture
def media() -> Iterator[Media]:
    """The server, listening."""
    media = Media()
    with serving(media):
        yield media


def test_a_url_is_hashed_and_looked_up_in_its_three_shapes(hma: TestClient, media: Media) -> None:
    pdq = hma.post("/h/hash", files={"photo": ("a.jpg", jpeg(1))}).json()["pdq"]
    here = {"url": f"{media.url}/a.jpg"}
    hashed = hma.get("/h/hash", params=here)
    assert (hashed.status_code, hashed.json()) == (200, {"pdq": pdq})
    assert hma.get("/h/hash", params={"url": f"{media.url}/moved"}).json() == {"pdq": pdq}
    assert hma.get("/m/lookup", params=here).json() == {"pdq": {}}  # the type stays, though nothing matches
    assert hma.get("/m/lookup", params={**here, "signal_type": "pdq"}).json() == {}
    hma.post("/c/banks", json={"name": "KNOWN_SET"})
    added = hma.post("/c/bank/KNOWN_SET/content", params=here, json={"metadata": {"content_id": "c"}, "note": "n"})
    assert (added.status_code, added.json()["signals"]) == (200, {"pdq": pdq})
    hit = {"KNOWN_SET": [{"bank_content_id": added.json()["id"], "distance": "0"}]}
    assert hma.get("/m/lookup", params=here).json() == {"pdq": hit}
    assert hma.get("/m/lookup", params={**here, "signal": "zz"}).json() == {"pdq": hit}  # a URL wins
    assert hma.get("/m/lookup", params={**here, "signal_type": "pdq"}).json() == hit
    assert hma.get("/m/lookup", params={**here, "signal_type": "video_md5"}).json() == {}
    assert hma.get("/m/lookup", params={**here, "banks": "OTHER"}).json() == {"pdq": {}}


@pytest.mark.parametrize(
    ("path", "params", "status", "says"),
    [
        ("/a.bin", {}, 400, "unsupported url ContentType: application/octet-stream"),
        ("/a.bin", {"content_type": "photo"}, 200, "pdq"),
        ("/a.jpg", {"content_type": ""}, 200, "pdq"),
        ("/a.jpg", {"types": "pdq, "}, 200, "pdq"),
        ("/a.jpg", {"types": "video_md5"}, 400, "video_md5"),
        ("/a.jpg", {"types": ","}, 400, ""),
        ("/untold", {}, 400, "unsupported url ContentType"),
        ("/v.mp4", {}, 200, "video_md5"),
        ("/corrupt.jpg", {}, 400, "cannot be hashed"),
        ("/missing", {}, 400, "Failed to fetch URL"),
        ("/cut.jpg", {}, 400, "Failed to fetch URL"),
        ("/big.jpg", {}, 413, "Content too large"),
        ("/away", {}, 400, "Invalid or unsafe URL provided"),
        ("/nowhere", {}, 400, "Invalid or unsafe URL provided"),
        ("/round", {}, 400, "too many redirects"),
    ],
)
def test_what_a_url_holds_decides_the_answer(
    hma: TestClient, media: Media, path: str, params: dict[str, str], status: int, says: str
) -> None:
    for way in ("/h/hash", "/m/lookup"):
        answer = hma.get(way, params={"url": media.url + path, **params})
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        assert says in (found["message"] if status != 200 else found)
        assert media.url not in answer.text  # nothing of the inside is told to whoever asks


def test_a_photo_with_nothing_in_it_is_told_apart_from_one_that_is_not_known(hma: TestClient, media: Media) -> None:
    here = {"url": f"{media.url}/blank.png"}
    assert hma.get("/h/hash", params=here).json() == {"pdq": ""}
    for answer in (hma.get("/m/lookup", params=here), hma.post("/m/lookup", files={"photo": ("b.png", blank())})):
        assert (answer.status_code, answer.json()) == (200, {"pdq": {}})
        assert answer.headers["x-firstlight-not-hashable"] == "pdq"
    hma.post("/c/banks", json={"name": "KNOWN_SET"})
    refused = hma.post("/c/bank/KNOWN_SET/content", params=here)
    assert (refused.status_code, "Invalid pdq signal" in refused.json()["message"]) == (400, True)
    known = hma.get("/m/lookup", params={"url": f"{media.url}/a.jpg"})
    assert "x-firstlight-not-hashable" not in known.headers
