"""Content credentials: what is said about signed files, and what is never said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from firstlight.origin import Claim, Family, ForgeableBy, TrustLists
from firstlight.origin.container import container_of
from firstlight.origin.credentials import Bound, Credential, Integrity, NotReadable, read_credential
from firstlight.origin.examination import examine_bytes
from firstlight.origin.trust import FIREFLY, NO_TRUST, ClosedGenerator, Product, TrustClass
from origin.making import jpeg, jpeg_with, png, signs, xmp_packet, xmp_segment
from origin.signing import TYPES, Authority

OTHER = "c2pa.other_picture.unvouched"
SERVICE = ClosedGenerator(organisation="Garden Pictures", common_name="garden", parameter="made.from", value="text")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


@pytest.fixture(scope="module")
def trust(authority: Authority) -> TrustLists:
    return TrustLists(official=authority.pem, closed_generators=(FIREFLY, SERVICE))


@pytest.fixture(scope="module")
def lists(public_pictures: Path) -> TrustLists:
    folder = public_pictures / "trust"
    return TrustLists.load(
        official=folder / "C2PA-TRUST-LIST.pem",
        time_stamps=folder / "C2PA-TSA-TRUST-LIST.pem",
        interim=folder / "verify-anchors.pem",
        products=folder / "cpl.json",
        dates={"official": "2026-08-14", "interim": "2026-01-01"},
    )


def read(data: bytes, trust: TrustLists = NO_TRUST) -> Credential:
    found = read_credential(data, container_of(data), trust)
    assert isinstance(found, Credential)
    return found


# --- the states of an own authority ---


def test_a_listed_signer_is_believed_as_far_as_a_customer_can_be(authority: Authority, trust: TrustLists) -> None:
    data = authority.signer("Some Service").sign(jpeg())
    found = read(data, trust)
    assert (found.state, found.trust, found.vouched) == ("Trusted", TrustClass.OFFICIAL, True)
    sign = signs(data, trust)["c2pa.generator"]
    assert (sign.claim, sign.forgeable_by) == (Claim.SYNTHETIC, ForgeableBy.CUSTOMER)
    assert "It does not say that no photograph of a child was used." in sign.says


def test_a_stranger_with_a_certificate_of_his_own_is_valid_and_worth_nothing(trust: TrustLists) -> None:
    data = Authority.new("Somebody").signer("OpenAI OpCo, LLC").sign(jpeg())
    found = read(data, trust)
    assert (found.state, found.trust, found.vouched) == ("Valid", None, False)
    sign = signs(data, trust)["c2pa.generator.unvouched"]
    assert (sign.strength.low, sign.forgeable_by) == (0, ForgeableBy.ANYONE)
    assert "OpenAI" not in sign.says
    assert "anyone may have made it" in sign.says


def test_the_official_key_usage_is_accepted_without_any_anchor(authority: Authority) -> None:
    """Without the trust configuration the reader calls such a certificate invalid."""
    found = read(authority.signer().sign(png(), media_type="image/png"))
    assert (found.state, found.integrity, found.bound) == ("Valid", Integrity.INTACT, Bound.MATCHES)


def test_an_expired_certificate_leaves_the_content_intact(authority: Authority, trust: TrustLists) -> None:
    signer = authority.signer(lasts=timedelta(seconds=3))  # the library refuses to sign with one that has run out
    data = signer.sign(jpeg())
    while datetime.now(UTC) <= signer.certificate.not_valid_after_utc + timedelta(seconds=1):
        time.sleep(0.1)
    found = read(data, trust)
    assert (found.state, found.integrity, found.bound) == ("Invalid", Integrity.INTACT, Bound.MATCHES)
    assert (found.expired, found.vouched) == (True, False)
    sign = signs(data, trust)["c2pa.generator.unvouched"]
    assert "has run out" in sign.says
    assert "the content is intact" in sign.says


def test_changed_content_is_said_in_words_that_accuse_nobody(authority: Authority, trust: TrustLists) -> None:
    data = bytearray(authority.signer("Some Service").sign(jpeg()))
    data[-20] ^= 1
    found = read(bytes(data), trust)
    assert (found.state, found.bound, found.vouched) == ("Invalid", Bound.DIFFERS, False)
    said = signs(bytes(data), trust)
    assert said["c2pa.content_differs"].claim is Claim.EDITED
    assert said["c2pa.generator.unvouched"].forgeable_by is ForgeableBy.ANYONE
    assert "c2pa.generator" not in said
    assert not any("tamper" in sign.says.lower() for sign in said.values())


def test_a_credential_moved_onto_another_picture_loses_its_signer(authority: Authority, trust: TrustLists) -> None:
    signed = authority.signer("Garden Pictures", "garden").sign(jpeg(1), parameters={"made.from": "text"})
    start = signed.index(b"\xff\xeb")
    end = start + 2 + int.from_bytes(signed[start + 2 : start + 4])
    moved = jpeg(7)[:2] + signed[start:end] + jpeg(7)[2:]
    assert [sign for sign in signs(moved, trust).values() if sign.forgeable_by is not ForgeableBy.ANYONE] == []
    assert "c2pa.content_differs" in signs(moved, trust)


def test_saving_again_removes_it(authority: Authority, trust: TrustLists) -> None:
    assert signs(jpeg(), trust) == {}


def test_a_denied_serial_number_is_not_believed(authority: Authority) -> None:
    signer = authority.signer("Some Service")
    trust = TrustLists(official=authority.pem, denied_serials=(signer.serial,))
    data = signer.sign(jpeg())
    assert read(data, trust).denied
    assert "ruled out" in signs(data, trust)["c2pa.generator.unvouched"].says


def test_the_interim_list_is_a_class_of_its_own(authority: Authority) -> None:
    interim = Authority.new("Old Root")
    trust = TrustLists(official=authority.pem, interim=interim.pem, closed_generators=(SERVICE,))
    signer = interim.signer("Garden Pictures", "garden")
    data = signer.sign(jpeg(), parameters={"made.from": "text"})
    assert read(data, trust).trust is TrustClass.INTERIM
    sign = signs(data, trust)["c2pa.generator.text_only_interim"]
    assert "the interim list (frozen)" in sign.says
    assert sign.strength.low < 3


def test_a_time_stamping_authority_vouches_for_no_signer(authority: Authority) -> None:
    other = Authority.new("Clock Root")
    trust = TrustLists(official=authority.pem, time_stamps=other.pem)
    assert read(other.signer().sign(jpeg()), trust).trust is None


# --- who may say what ---


def test_a_closed_generator_that_made_it_from_text_is_the_strongest(authority: Authority, trust: TrustLists) -> None:
    data = authority.signer("Garden Pictures", "garden").sign(jpeg(), parameters={"made.from": "text"})
    sign = signs(data, trust)["c2pa.generator.text_only"]
    assert (sign.forgeable_by, sign.strength.low >= 3) == (ForgeableBy.KEY_HOLDER, True)


@pytest.mark.parametrize("change", ["picture went in", "no word of text", "another certificate"])
def test_and_everything_else_is_not(authority: Authority, trust: TrustLists, change: str) -> None:
    name = "other" if change == "another certificate" else "garden"
    parameters = {} if change == "no word of text" else {"made.from": "text"}
    ingredient = jpeg(5) if change == "picture went in" else None
    data = authority.signer("Garden Pictures", name).sign(jpeg(), parameters=parameters, ingredient=ingredient)
    said = signs(data, trust)
    assert "c2pa.generator.text_only" not in said
    assert said["c2pa.generator"].forgeable_by is ForgeableBy.CUSTOMER
    assert ("c2pa.input" in said) is (change == "picture went in")


def test_a_trusted_ingredient_lends_nothing_to_the_active_manifest(authority: Authority, trust: TrustLists) -> None:
    """A genuine generated picture attached as an ingredient to a photograph signed by a stranger."""
    generated = authority.signer("Garden Pictures", "garden").sign(jpeg(1), parameters={"made.from": "text"})
    stranger = Authority.new("Somebody").signer("Somebody")
    laundered = stranger.sign(jpeg(9), opened=True, ingredient=generated)
    assert read(laundered, trust).trust is None
    said = signs(laundered, trust)
    assert {sign.claim for sign in said.values()} == {Claim.PHOTO_DERIVED}
    assert {sign.forgeable_by for sign in said.values()} == {ForgeableBy.ANYONE}
    assert "Garden" not in " ".join(sign.model_dump_json() for sign in said.values())


def test_an_interim_ingredient_does_not_change_the_class_of_an_official_signer(authority: Authority) -> None:
    interim = Authority.new("Old Root")
    trust = TrustLists(official=authority.pem, interim=interim.pem)
    inner = interim.signer("Old Camera").sign(jpeg(1), "digitalCapture")
    outer = authority.signer("Editor").sign(jpeg(2), opened=True, ingredient=inner)
    assert read(outer, trust).trust is TrustClass.OFFICIAL
    inner = authority.signer("New Camera").sign(jpeg(1), "digitalCapture")
    outer = interim.signer("Old Editor").sign(jpeg(2), opened=True, ingredient=inner)
    assert read(outer, trust).trust is TrustClass.INTERIM


@pytest.mark.parametrize(
    ("source_type", "name", "claim"),
    [
        ("trainedAlgorithmicMedia", "c2pa.generator", Claim.SYNTHETIC),
        ("compositeWithTrainedAlgorithmicMedia", "c2pa.generator_on_picture", Claim.PHOTO_DERIVED),
        ("algorithmicMedia", "c2pa.computed", Claim.SYNTHETIC),
        ("digitalCapture", "c2pa.capture", Claim.CAMERA),
        ("computationalCapture", "c2pa.capture", Claim.CAMERA),
        ("negativeFilm", "c2pa.scan", Claim.CAMERA),
        ("screenCapture", "c2pa.edited", Claim.EDITED),
        ("digitalCreation", "c2pa.silent", Claim.EDITED),
    ],
)
def test_each_source_type_says_what_it_says(
    authority: Authority, trust: TrustLists, source_type: str, name: str, claim: Claim
) -> None:
    (sign,) = signs(authority.signer().sign(jpeg(), source_type), trust).values()
    assert (sign.name, sign.claim) == (name, claim)


def test_a_source_type_counts_only_where_the_picture_was_created(authority: Authority, trust: TrustLists) -> None:
    edited = [
        {"action": "c2pa.created", "digitalSourceType": TYPES + "digitalCreation"},
        {"action": "c2pa.edited", "digitalSourceType": TYPES + "digitalCapture"},
    ]
    assert set(signs(authority.signer().sign(jpeg(), actions=edited), trust)) == {"c2pa.silent"}


def test_a_model_used_in_a_later_step_means_a_picture_was_there(authority: Authority, trust: TrustLists) -> None:
    edited = [
        {"action": "c2pa.created", "digitalSourceType": TYPES + "digitalCreation"},
        {"action": "c2pa.edited", "digitalSourceType": TYPES + "trainedAlgorithmicMedia"},
    ]
    said = signs(authority.signer().sign(jpeg(), actions=edited), trust)
    assert said["c2pa.generative_edit"].claim is Claim.PHOTO_DERIVED


@pytest.mark.parametrize(
    ("assurance", "may", "name", "forgeable_by"),
    [
        (2, True, "c2pa.capture.device", ForgeableBy.KEY_HOLDER),
        (1, True, "c2pa.capture", ForgeableBy.CUSTOMER),
        (1, False, "c2pa.capture.unvouched", ForgeableBy.ANYONE),
    ],
)
def test_the_product_list_says_how_far_a_capture_is_believed(
    authority: Authority, assurance: int, may: bool, name: str, forgeable_by: ForgeableBy
) -> None:
    product = Product(organisation="Lens Co", common_name="Lens", assurance=assurance, may_claim_capture=may)
    trust = TrustLists(official=authority.pem, products=(product,))
    (sign,) = signs(authority.signer("Lens Co", "Lens").sign(jpeg(), "digitalCapture"), trust).values()
    assert (sign.name, sign.forgeable_by) == (name, forgeable_by)


def test_the_weakest_of_products_with_one_subject_counts(authority: Authority) -> None:
    products = tuple(
        Product(organisation="Lens Co", common_name="Lens", unit=str(n), assurance=n, may_claim_capture=True)
        for n in (2, 1)
    )
    trust = TrustLists(official=authority.pem, products=products)
    assert "c2pa.capture" in signs(authority.signer("Lens Co", "Lens").sign(jpeg(), "digitalCapture"), trust)


def test_the_tool_with_its_version_and_the_list_with_its_date_stand_in_every_sign(authority: Authority) -> None:
    trust = TrustLists(official=authority.pem)
    (sign,) = signs(authority.signer().sign(jpeg()), trust).values()
    assert sign.source.tool == "c2pa-python"
    assert "c2pa-rs" in sign.source.version
    assert sign.facts["reader_state"] == "Trusted"


def test_no_thumbnail_leaves_the_file(authority: Authority, trust: TrustLists) -> None:
    data = authority.signer().sign(jpeg(), thumbnail=True)
    assert b"c2pa.thumbnail" in data
    assert "thumbnail" not in " ".join(sign.model_dump_json() for sign in signs(data, trust).values())


def test_an_ingredient_that_looks_different_is_a_sign_of_its_own(authority: Authority, trust: TrustLists) -> None:
    signer = authority.signer()
    other = signer.sign(jpeg(3), opened=True, ingredient=jpeg(9), thumbnail=True)
    same = signer.sign(jpeg(3), opened=True, ingredient=jpeg(3), thumbnail=True)
    assert signs(other, trust)["c2pa.other_picture"].claim is Claim.PHOTO_DERIVED
    assert "c2pa.other_picture" not in signs(same, trust)
    assert not [s for s in examine_bytes(other, trust, pixels=False) if s.name == "c2pa.other_picture"]


# --- a second reader ---


def install_second_reader(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    """A stand-in for the second reader, which need not be installed here; collects the options it was called with."""
    options: list[str] = []

    def verify_bytes(_data: bytes, _media_type: str, options_json: str) -> str:
        options.append(options_json)
        if answer == "raises":
            raise ValueError("no such format")
        return answer

    monkeypatch.setitem(sys.modules, "encypher_c2pa", SimpleNamespace(verify_bytes=verify_bytes))
    return options


def test_a_second_reader_that_agrees_changes_nothing_but_the_facts(
    authority: Authority, trust: TrustLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = authority.signer().sign(jpeg())
    (alone,) = signs(data, trust).values()
    options = install_second_reader(monkeypatch, '{"integrity": "valid", "hard_binding": "match"}')
    (both,) = signs(data, trust).values()
    assert str(both.facts["second_reader"]).startswith("encypher-c2pa")  # with its version, where it is installed
    assert both.facts == {**alone.facts, "second_reader": both.facts["second_reader"], "readers_agree": True}
    assert json.loads(options[0])["online"] is False
    assert json.loads(options[0])["telemetry"] == {"enabled": False}


@pytest.mark.parametrize(
    "answer",
    ['{"integrity": "valid", "hard_binding": "mismatch"}', '{"integrity": "invalid"}', "[]", "nonsense", "raises"],
)
def test_when_two_readers_disagree_nobody_is_believed(
    authority: Authority, trust: TrustLists, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    data = authority.signer("Garden Pictures", "garden").sign(jpeg(), parameters={"made.from": "text"})
    install_second_reader(monkeypatch, answer)
    said = signs(data, trust)
    assert set(said) == {"c2pa.readers_disagree", "c2pa.generator.unvouched"}
    assert said["c2pa.readers_disagree"].claim is Claim.UNREADABLE
    assert "two readers disagree" in said["c2pa.generator.unvouched"].says


def test_without_a_credential_the_second_reader_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    options = install_second_reader(monkeypatch, "raises")
    assert signs(jpeg()) == {}
    assert options == []


# --- public files, in the states that the reference measured ---


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("c2pa/adobe-20220124-A.jpg", set()),
        ("c2pa/adobe-20220124-C.jpg", {"c2pa.silent"}),
        ("c2pa/adobe-20220124-CA.jpg", {"c2pa.input.unvouched"}),
        ("c2pa/adobe-20220124-CICA.jpg", {"c2pa.recorded_input.unvouched", OTHER}),
        ("c2pa/adobe-20220124-CIE-sig-CA.jpg", {"c2pa.recorded_input.unvouched", OTHER}),
        ("c2pa/adobe-20220124-E-clm-CAICAI.jpg", {"c2pa.record_broken", "c2pa.input.unvouched", OTHER}),
        ("c2pa/adobe-20220124-E-dat-CA.jpg", {"c2pa.content_differs", "c2pa.input.unvouched"}),
        ("c2pa/adobe-20220124-E-sig-CA.jpg", {"c2pa.record_broken", "c2pa.input.unvouched"}),
        ("c2pa/adobe-20220124-E-uri-CA.jpg", {"c2pa.record_broken", "c2pa.input.unvouched"}),
        ("c2pa/adobe-20220124-E-uri-CIE-sig-CA.jpg", {"c2pa.recorded_input.unvouched", OTHER}),
        ("c2pa/adobe-20220124-XCA.jpg", {"c2pa.content_differs", "c2pa.input.unvouched"}),
        ("c2pa/adobe-20220124-XCI.jpg", {"c2pa.content_differs", "c2pa.input.unvouched", OTHER}),
        ("c2pa/nikon-20221019-building.jpeg", {"c2pa.camera_data.unvouched"}),
        ("c2pa/truepic-20230212-library.jpg", {"c2pa.content_unclear", "c2pa.camera_data.unvouched"}),
        ("c2pa/adobe-20240110-single_manifest_store.pdf", {"c2pa.generative_edit", "c2pa.recorded_input"}),
        ("c2pa-python/C.jpg", {"c2pa.computed.unvouched"}),
        ("c2pa-python/C_with_CAWG_data.jpg", {"c2pa.capture.unvouched"}),
        ("c2pa-python/cloud.jpg", {"c2pa.unreadable"}),
        ("c2pa-python/video1.mp4", {"c2pa.recorded_input.unvouched"}),
    ],
)
def test_public_files(public_pictures: Path, lists: TrustLists, file: str, names: set[str]) -> None:
    said = signs((public_pictures / file).read_bytes(), lists)
    assert {name for name in said if name.startswith("c2pa.")} == names


def test_nikons_genuine_file_is_expired_and_intact(public_pictures: Path, lists: TrustLists) -> None:
    data = (public_pictures / "c2pa/nikon-20221019-building.jpeg").read_bytes()
    found = read(data, lists)
    assert (found.state, found.integrity, found.bound) == ("Invalid", Integrity.INTACT, Bound.MATCHES)
    assert found.expired
    assert "has run out" in signs(data, lists)["c2pa.camera_data.unvouched"].says


def test_the_interim_list_and_its_date_are_named(public_pictures: Path, lists: TrustLists) -> None:
    data = (public_pictures / "c2pa/adobe-20240110-single_manifest_store.pdf").read_bytes()
    assert (read(data, lists).trust, read(data).trust) == (TrustClass.INTERIM, None)
    sign = signs(data, lists)["c2pa.generative_edit"]
    assert sign.source.list_date == "2026-01-01"
    assert sign.says.startswith("A valid signature of Adobe Inc., listed by the interim list (frozen), ")
    # The stamp of this older record is from an authority that stands on no list: the time is told as a claim.
    assert sign.facts["claimed_time"] == "2023-11-27T17:46:19+00:00"
    assert "signed_at" not in sign.facts


def test_a_time_is_vouched_for_only_by_a_listed_authority(public_pictures: Path, lists: TrustLists) -> None:
    data = (public_pictures / "c2pa-python/C_with_CAWG_data.jpg").read_bytes()
    known, unknown = (signs(data, trust)["c2pa.capture.unvouched"].facts for trust in (lists, NO_TRUST))
    assert known["signed_at"] == unknown["claimed_time"] == "2025-07-29T23:13:49+00:00"


def test_an_ingredients_trouble_is_not_the_files_own(public_pictures: Path, lists: TrustLists) -> None:
    found = read((public_pictures / "c2pa/adobe-20220124-E-uri-CIE-sig-CA.jpg").read_bytes(), lists)
    assert (found.state, found.integrity, found.bound) == ("Invalid", Integrity.INTACT, Bound.MATCHES)
    assert found.ingredient_trouble


# --- no host, and nothing that is there is called absent ---


def remote_only() -> bytes:
    packet = xmp_packet(
        "", 'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="https://manifests.example/one.c2pa"'
    )
    return jpeg_with(xmp_segment(packet))


def test_a_credential_at_an_address_is_unreadable_and_the_host_is_a_lead() -> None:
    (sign,) = signs(remote_only()).values()
    assert (sign.claim, sign.name) == (Claim.UNREADABLE, "c2pa.unreadable")
    assert sign.facts == {"remote_host": "manifests.example"}


def test_a_damaged_credential_is_unreadable_and_not_absent(authority: Authority) -> None:
    data = bytearray(authority.signer().sign(jpeg()))
    at = data.index(b"c2pa.claim")
    data[at - 60 : at - 20] = bytes(40)
    assert isinstance(read_credential(bytes(data), container_of(bytes(data)), NO_TRUST), NotReadable)


_TRACED = """
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from firstlight.origin.examination import examine_bytes
for name in sys.argv[1:]:
    print([sign.name for sign in examine_bytes(Path(name).read_bytes())])
"""


def test_no_connection_is_tried_below_python_either(tmp_path: Path, public_pictures: Path) -> None:
    """The reader is compiled code that no guard in Python sees: the kernel is asked what it did."""
    strace = shutil.which("strace")
    probe = [strace, "-f", "-qq", "-e", "trace=network", "-o", str(tmp_path / "probe"), "true"] if strace else ["false"]
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("strace is not at hand or not permitted here")
    remote = tmp_path / "remote.jpg"
    remote.write_bytes(remote_only())
    files = [remote, *(public_pictures / "c2pa-python" / name for name in ("cloud.jpg", "C_with_CAWG_data.jpg"))]
    trace = tmp_path / "trace"
    watch = [str(strace), "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,bind", "-o", str(trace)]
    command = [*watch, sys.executable, "-c", _TRACED, *map(str, files)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("c2pa.") == 3
    assert "AF_INET" not in trace.read_text()  # a host is asked for by way of one of these, its name included


def test_the_answer_is_the_same_without_any_network(tmp_path: Path) -> None:
    """In a network namespace of its own the process has no host to reach, and says the same."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("network namespaces are not permitted here")
    file = tmp_path / "remote.jpg"
    file.write_bytes(remote_only())
    command = [unshare, "-rn", sys.executable, "-c", _TRACED, str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.stdout == "['c2pa.unreadable']\n", done.stderr


def test_a_file_that_names_no_credential_is_not_said_to_hold_one() -> None:
    broken = b"\xff\xd8\xff\xe1\xff\xffExif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + b"\x01" * 1000
    said = [sign.says for sign in examine_bytes(broken) if sign.family is Family.C2PA]
    assert not [text for text in said if "There is a content credential" in text]
    named = [sign.says for sign in examine_bytes(broken + b"c2pa") if sign.family is Family.C2PA]
    assert all("content credential" in text for text in named)
