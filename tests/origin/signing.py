"""A certificate authority for tests, and pictures signed with it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from firstlight.gate.authority import key_usage
from firstlight.origin.credentials import settings
from firstlight.origin.trust import TrustLists

C2PA_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def _name(organisation: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@dataclass
class Authority:
    """A root certificate that issues signers' certificates."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, name: str = "Test Root") -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(name, name))
            .issuer_name(_name(name, name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=900))
            .not_valid_after(now + timedelta(days=900))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(key_usage(issues=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def signer(
        self,
        organisation: str = "Test Signer",
        common_name: str = "test-signer",
        *,
        lasts: timedelta = timedelta(days=400),
        usage: ObjectIdentifier = C2PA_SIGNING,
    ) -> TestSigner:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(organisation, common_name))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=800))
            .not_valid_after(now + lasts)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(issues=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return TestSigner(key, certificate, self)


@dataclass
class TestSigner:
    """A signer's key with its certificate."""

    __test__ = False
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    authority: Authority

    @property
    def serial(self) -> str:
        return format(self.certificate.serial_number, "x")

    def sign(
        self,
        data: bytes,
        source_type: str = "trainedAlgorithmicMedia",
        *,
        media_type: str = "image/jpeg",
        parameters: dict[str, str] | None = None,
        actions: list[dict[str, Any]] | None = None,
        ingredient: bytes | None = None,
        opened: bool = False,
        thumbnail: bool = False,
    ) -> bytes:
        """The picture with a content credential of this signer."""
        import c2pa

        created: dict[str, Any] = {"action": "c2pa.created", "parameters": parameters or {}}
        if source_type:
            created["digitalSourceType"] = TYPES + source_type
        if actions is None:
            actions = [{"action": "c2pa.opened", "parameters": {"ingredientIds": ["one"]}}] if opened else [created]
        manifest = {
            "claim_generator_info": [{"name": "test", "version": "1"}],
            "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
        }
        with_thumbnails = {"builder": {"thumbnail": {"enabled": thumbnail}}}
        # The signer's own check has to accept the signer.
        own = TrustLists(official=self.authority.pem)
        context = c2pa.Context.from_dict({**settings(own), **with_thumbnails})
        chain = b"".join(
            one.public_bytes(serialization.Encoding.PEM) for one in (self.certificate, self.authority.certificate)
        )
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        out = io.BytesIO()
        with c2pa.Builder(manifest, context=context) as builder:
            if ingredient is not None:
                about = {
                    "title": "ingredient",
                    "relationship": "parentOf" if opened else "componentOf",
                    "instance_id": "one",
                }
                builder.add_ingredient(about, media_type, io.BytesIO(ingredient))
            info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None)
            with c2pa.Signer.from_info(info) as signer:
                builder.sign(signer, media_type, io.BytesIO(data), out)
        return out.getvalue()
