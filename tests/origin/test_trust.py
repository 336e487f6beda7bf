"""Trust lists from the operator's files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from firstlight.errors import InputError, NotFoundError
from firstlight.origin import TrustLists
from origin.signing import Authority


def test_lists_come_with_their_digests_and_dates(tmp_path: Path) -> None:
    pem = tmp_path / "roots.pem"
    pem.write_text("## a comment\n" + Authority.new().pem + Authority.new("Two").pem)
    trust = TrustLists.load(official=pem, dates={"official": "2026-08-14"})
    (file,) = trust.files
    assert (file.name, file.entries, file.date) == ("official", 2, "2026-08-14")
    assert file.sha256 == hashlib.sha256(pem.read_bytes()).hexdigest()
    assert trust.date_of("official") == "2026-08-14"
    assert TrustLists.load(official=pem).date_of("official") == f"sha256:{file.sha256[:16]}"
    assert trust.date_of("interim") == ""


def test_the_lists_as_published_can_be_read(public_pictures: Path) -> None:
    folder = public_pictures / "trust"
    trust = TrustLists.load(
        official=folder / "C2PA-TRUST-LIST.pem",
        time_stamps=folder / "C2PA-TSA-TRUST-LIST.pem",
        interim=folder / "verify-anchors.pem",
        products=folder / "cpl.json",
    )
    assert {file.name: file.entries for file in trust.files} == {
        "official": 30,
        "time_stamps": 22,
        "interim": 18,
        "products": 174,
    }
    assert len(trust.products) == 153
    assert sum(product.assurance == 2 for product in trust.products) == 7
    assert sum(not product.may_claim_capture for product in trust.products) == 12
    pixel = trust.product("Google LLC", "Pixel Camera")
    assert pixel is not None
    assert pixel.assurance == 2
    assert trust.product("Nobody", "Nothing") is None


def test_lists_reach_the_worker_whole(tmp_path: Path) -> None:
    denied = tmp_path / "denied.txt"
    denied.write_text("# misused keys\n00:AB:cd  # one\n\n12ef\n")
    trust = TrustLists.load(denied_serials=denied)
    assert trust.denied_serials == ("12ef", "abcd")
    assert TrustLists.model_validate(trust.model_dump(mode="json")) == trust


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"The trust list absent\.pem cannot be read"):
        TrustLists.load(official=tmp_path / "absent.pem")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("official", "no certificate"),
        ("interim", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("products", "{"),
        ("products", '{"a": 1}'),
        ("denied_serials", "12\nhello"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / "list"
    path.write_text(content)
    with pytest.raises(InputError):
        TrustLists.load(**{name: path})  # type: ignore[arg-type]
