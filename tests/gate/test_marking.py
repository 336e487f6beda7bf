"""Marks: made, read back by our own reader and a second one, with nothing in them that should not be."""

from __future__ import annotations

import io
import json
import shutil
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from casework.making import jpeg, picture, png
from custody.time_authority import Authority
from firstlight.errors import InputError, StateError, UpstreamError
from firstlight.gate.authority import WARNING, DevelopmentKeys, development_keys, write_keys
from firstlight.gate.checks import Prompt
from firstlight.gate.guard import Guard
from firstlight.gate.marking import Marker, Model, SigningKey, WatermarkProgram
from firstlight.gate.pictures import look_at
from firstlight.gate.pipeline import Gate, Made
from firstlight.gate.source_type_mark import packet, with_source_type
from firstlight.media import Cage
from firstlight.origin.credentials import settings
from firstlight.origin.examination import examine_bytes
from firstlight.origin.indicator import Claim
from firstlight.origin.trust import TrustLists

MODEL = Model("garden", "1", "ab" * 32)


@pytest.fixture(scope="module")
def keys() -> DevelopmentKeys:
    return development_keys(datetime.now(UTC))


@pytest.fixture(scope="module")
def marker(keys: DevelopmentKeys) -> Marker:
    return Marker(SigningKey(keys.chain, "es256", key=keys.key), generator="example", version="2")


def encoded(seed: int, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture(seed).save(out, kind, **options)
    return out.getvalue()


def manifest_of(data: bytes, media_type: str, keys: DevelopmentKeys) -> dict[str, Any]:
    import c2pa

    context = c2pa.Context.from_dict(settings(TrustLists(official=keys.root.decode())))
    with c2pa.Reader(media_type, io.BytesIO(data), context=context) as reader:
        store: dict[str, Any] = json.loads(reader.json())
    assert store["validation_state"] == "Trusted", store.get("validation_results")
    found: dict[str, Any] = store["manifests"][store["active_manifest"]]
    return found


def actions_of(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return next(a["data"]["actions"] for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (jpeg(1), "image/jpeg"),
        (png(1), "image/png"),
        (encoded(1, "WEBP"), "image/webp"),
        (encoded(1, "WEBP", lossless=True), "image/webp"),
        (encoded(1, "AVIF"), "image/avif"),
    ],
)
def test_what_words_alone_have_made_is_created_and_trusted(
    data: bytes, media_type: str, cage: Cage, marker: Marker, keys: DevelopmentKeys
) -> None:
    seen = look_at(cage, data)
    marked = marker.mark(seen, MODEL)
    manifest = manifest_of(marked, media_type, keys)
    (created,) = actions_of(manifest)
    assert created["action"] == "c2pa.created"
    assert created["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert created["softwareAgent"]["name"] == "garden"
    assert created["softwareAgent"]["org.firstlight.model_sha256"] == "ab" * 32
    assert not manifest.get("ingredients")
    assert "thumbnail" not in json.dumps(manifest)
    assert len(marked) - len(data) < 20_000
    again = look_at(cage, marked)
    assert again.hash.pdq.hex == seen.hash.pdq.hex, "no pixel was touched"
    with Image.open(io.BytesIO(marked)) as image, Image.open(io.BytesIO(data)) as before:
        assert image.convert("RGB").tobytes() == before.convert("RGB").tobytes()


def test_our_own_reader_and_the_second_one_agree(cage: Cage, marker: Marker, keys: DevelopmentKeys) -> None:
    encypher = pytest.importorskip("encypher_c2pa")
    marked = marker.mark(look_at(cage, png(1)), MODEL)
    found = {one.name: one for one in examine_bytes(marked, TrustLists(official=keys.root.decode()))}
    assert any(one.claim is Claim.SYNTHETIC and name.startswith("c2pa.") for name, one in found.items())
    assert any(name.startswith("metadata.source_type") for name in found), "the IPTC mark is read too"
    assert not any(one.claim in (Claim.CONFLICT, Claim.PHOTO_DERIVED) for one in found.values())
    report = json.loads(encypher.verify_bytes(marked, "image/png", json.dumps({"no_default_trust": True})))
    assert (report["integrity"], report["hard_binding"]) == ("valid", "match")


def test_a_photograph_that_went_in_is_the_parent_and_raises(cage: Cage, marker: Marker, keys: DevelopmentKeys) -> None:
    photo, mask = look_at(cage, jpeg(5)), look_at(cage, png(6))
    marked = marker.mark(look_at(cage, png(1)), MODEL, inputs=[photo, mask])
    manifest = manifest_of(marked, "image/png", keys)
    assert [action["action"] for action in actions_of(manifest)] == ["c2pa.opened", "c2pa.edited"]
    assert all(a["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia") for a in actions_of(manifest))
    assert [one["relationship"] for one in manifest["ingredients"]] == ["parentOf", "inputTo"]
    assert jpeg(5)[200:400] not in marked, "no copy of the photograph travels along"
    claims = {one.claim for one in examine_bytes(marked, TrustLists(official=keys.root.decode()))}
    assert Claim.PHOTO_DERIVED in claims


def a_time_authority(folder: Path) -> Authority:
    """As for checkpoints, with a certificate below a root: credentials ask for that."""
    authority = Authority(folder)
    now = datetime.now(UTC)
    root_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in ("Test root", "Test authority")]

    def certificate(subject: x509.Name, of: ec.EllipticCurvePrivateKey, *, issues: bool) -> x509.Certificate:
        usage = dict.fromkeys(
            (
                *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"),
                *("encipher_only", "decipher_only"),
            ),
            False,
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(names[0])
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=issues, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not issues,
                    key_cert_sign=issues,
                    **usage,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(of.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )
        if not issues:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return builder.sign(root_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    (folder / "tsa.pem").write_bytes(certificate(names[1], key, issues=False).public_bytes(pem))
    (folder / "root.pem").write_bytes(certificate(names[0], root_key, issues=True).public_bytes(pem))
    (folder / "tsa.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    conf = folder / "conf"
    conf.write_text(conf.read_text().replace("digests =", f"certs = {folder}/root.pem\ndigests ="))
    return authority


class _TimeAuthority(BaseHTTPRequestHandler):
    authority: Authority
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        query = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.authority.answer(query)
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


def test_trusted_time_is_in_the_mark(cage: Cage, keys: DevelopmentKeys, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl is not at hand")
    handler = type("Handler", (_TimeAuthority,), {"authority": a_time_authority(tmp_path / "tsa")})
    signing = SigningKey(keys.chain, "es256", key=keys.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/tsa"
        marker = Marker(signing, generator="e", version="1", time_authority=url)
        assert marker.has_time
        marked = marker.mark(look_at(cage, png(1)), MODEL)
        server.shutdown()
    assert _TimeAuthority.asked == ["/tsa"]
    assert "time" in manifest_of(marked, "image/png", keys)["signature_info"]
    with pytest.raises(UpstreamError, match="time authority"):
        marker.mark(look_at(cage, png(1)), MODEL)  # it does not answer any more


def test_a_changed_byte_shows(cage: Cage, marker: Marker, keys: DevelopmentKeys) -> None:
    marked = bytearray(marker.mark(look_at(cage, png(1)), MODEL))
    marked[-40] ^= 1
    with pytest.raises(AssertionError):
        manifest_of(bytes(marked), "image/png", keys)


def test_a_key_elsewhere_signs_by_callback(cage: Cage, keys: DevelopmentKeys) -> None:
    private = serialization.load_pem_private_key(keys.key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    asked: list[int] = []

    def sign(data: bytes) -> bytes:
        asked.append(len(data))
        r, s = decode_dss_signature(private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    marker = Marker(SigningKey(keys.chain, "es256", sign=sign), generator="example", version="2")
    manifest_of(marker.mark(look_at(cage, png(1)), MODEL), "image/png", keys)
    assert asked


def test_a_certificate_that_ran_out_signs_nothing(cage: Cage) -> None:
    old = development_keys(datetime.now(UTC) - timedelta(days=300))
    marker = Marker(SigningKey(old.chain, "es256", key=old.key), generator="example", version="2")
    with pytest.raises(StateError):
        marker.mark(look_at(cage, png(1)), MODEL)


def test_keys_are_loaded_together_or_not_at_all(tmp_path: Path, keys: DevelopmentKeys) -> None:
    write_keys(tmp_path / "keys", keys)
    folder = tmp_path / "keys"
    assert SigningKey.load(folder / "chain.pem", folder / "key.pem").algorithm == "es256"
    assert (folder / "key.pem").stat().st_mode & 0o077 == 0
    with pytest.raises(StateError):
        write_keys(folder, keys)
    (tmp_path / "other.pem").write_bytes(development_keys(datetime.now(UTC)).key)
    for chain, key in (("chain.pem", "../other.pem"), ("key.pem", "key.pem"), ("chain.pem", "nowhere")):
        with pytest.raises(InputError):
            SigningKey.load(folder / chain, folder / key)


def test_development_keys_say_what_they_are(keys: DevelopmentKeys, cage: Cage, marker: Marker) -> None:
    manifest = manifest_of(marker.mark(look_at(cage, png(1)), MODEL), "image/png", keys)
    assert WARNING in json.dumps(manifest["signature_info"])


def test_a_kind_that_carries_no_credential_is_not_marked(cage: Cage, marker: Marker) -> None:
    with pytest.raises(InputError):
        marker.mark(look_at(cage, encoded(1, "BMP")), MODEL)


def test_the_watermark_comes_before_the_signature(cage: Cage, keys: DevelopmentKeys, tmp_path: Path) -> None:
    program = tmp_path / "mark"
    program.write_text("#!/bin/sh\ncat >/dev/null\ncat " + str(tmp_path / "marked.png"))
    program.chmod(0o700)
    (tmp_path / "marked.png").write_bytes(png(9))
    signing = SigningKey(keys.chain, "es256", key=keys.key)
    mark = WatermarkProgram((str(program),))
    marked = Marker(signing, generator="e", version="1", watermark=mark).mark(look_at(cage, png(1)), MODEL)
    manifest_of(marked, "image/png", keys)
    assert look_at(cage, marked).hash.pdq.hex == look_at(cage, png(9)).hash.pdq.hex
    for command in (("/bin/false",), ("/bin/true",), ("/nowhere",)):
        with pytest.raises(UpstreamError):
            WatermarkProgram(command)(png(1), "image/png")


@pytest.mark.parametrize("data", [jpeg(1), png(1), encoded(1, "WEBP"), encoded(1, "WEBP", lossless=True)])
def test_the_source_type_is_added_once_and_changes_nothing_else(data: bytes) -> None:
    marked = with_source_type(data, "trainedAlgorithmicMedia")
    assert packet("trainedAlgorithmicMedia") in marked
    assert with_source_type(marked, "trainedAlgorithmicMedia") == marked
    with Image.open(io.BytesIO(marked)) as image, Image.open(io.BytesIO(data)) as before:
        assert image.tobytes() == before.tobytes()
        assert "trainedAlgorithmicMedia" in str(image.getxmp() or image.info)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + b"\x00" * 8, b"RIFF\x00\x00\x00\x00WEBP", b"GIF89a"]
)
def test_a_stump_of_a_picture_breaks_nothing(data: bytes) -> None:
    with_source_type(data, "trainedAlgorithmicMedia")


@pytest.mark.parametrize(("data", "media_type"), [(jpeg(1), "image/jpeg"), (png(1), "image/png")])
@pytest.mark.parametrize("case", ["words alone", "broken", "from a picture", "from a picture, broken"])
def test_a_credential_of_the_generators_own_is_replaced_or_kept_as_parent(
    data: bytes, media_type: str, case: str, cage: Cage, marker: Marker, keys: DevelopmentKeys
) -> None:
    own = development_keys(datetime.now(UTC))
    inner = Marker(SigningKey(own.chain, "es256", key=own.key), generator="inner", version="1")
    from_picture = "picture" in case
    signed = inner.mark(look_at(cage, data), MODEL, inputs=[look_at(cage, jpeg(5))] if from_picture else ())
    if "broken" in case:
        signed = with_source_type(signed, "digitalCapture")  # other bytes than those that were signed
    made: list[Made] = []
    with Guard(cage) as guard:
        gate = Gate(guard, marker=marker, remember=made.append)
        out = gate.let_out(signed, gate.let_in(Prompt("a lake"), model=Model("outer"))).data
        other = gate.let_out(signed, gate.let_in(Prompt("a lake"), model=Model("outer"), inputs=[jpeg(6)])).data
    manifest = manifest_of(out, media_type, keys)
    assert manifest["claim_generator_info"][0]["name"] == "example"
    claims = {one.claim for one in examine_bytes(out, TrustLists(official=keys.root.decode()))}
    assert made[0].hidden_input is from_picture
    assert made[1].hidden_input is False, "what went in was seen"
    if from_picture:
        assert [action["action"] for action in actions_of(manifest)] == ["c2pa.opened", "c2pa.edited"]
        assert manifest["ingredients"][0]["active_manifest"], "it is kept"
        assert Claim.PHOTO_DERIVED in claims
    else:
        assert [action["action"] for action in actions_of(manifest)] == ["c2pa.created"]
        assert not manifest.get("ingredients")
        assert Claim.PHOTO_DERIVED not in claims
    parents = manifest_of(other, media_type, keys)["ingredients"]
    assert [one["title"] for one in parents] == ["input 1"], "the picture that was seen going in, and no other"
    for one in (signed, out, other):
        assert look_at(cage, one).hash.pdq.hex == look_at(cage, data).hash.pdq.hex, "it can be read, pixels untouched"
