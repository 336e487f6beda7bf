"""A certificate authority for development: it signs content credentials that nobody should believe, and says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from firstlight.custody.files import Disk, write_whole
from firstlight.errors import StateError

WARNING: Final = "DEVELOPMENT ONLY - DO NOT TRUST"
"""Stands in every name of such a certificate, so that it shows wherever one is shown."""

LASTS: Final = timedelta(days=90)
"""How long it is good: long enough to try things, too short to be forgotten in production."""

C2PA_SIGNING: Final = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
ROOT, CHAIN, KEY = "root.pem", "chain.pem", "key.pem"


@dataclass(frozen=True, slots=True)
class DevelopmentKeys:
    """What was made: the root that readers may be told to trust, the signer's chain, and its key (PEM)."""

    root: bytes
    chain: bytes
    key: bytes


def development_keys(now: datetime, *, organisation: str = "Firstlight") -> DevelopmentKeys:
    """A new root and a signer under it, good from now for `LASTS`."""
    root_key, signer_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = _name(organisation, f"{WARNING} root")
    root = (
        _certificate(root_name, root_name, root_key, now, issues=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    signer = (
        _certificate(_name(organisation, f"{WARNING} signer"), root_name, signer_key, now, issues=False)
        .add_extension(x509.ExtendedKeyUsage([C2PA_SIGNING]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(signer_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return DevelopmentKeys(
        root=root.public_bytes(pem),
        chain=signer.public_bytes(pem) + root.public_bytes(pem),
        key=signer_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def write_keys(folder: Path, keys: DevelopmentKeys) -> None:
    """Put them into a folder, for its owner alone.

    Raises:
        StateError: keys are there already.
        StorageError: the folder cannot be written.
    """
    disk = Disk()
    disk.make_folder(folder)
    for name, data in ((ROOT, keys.root), (CHAIN, keys.chain), (KEY, keys.key)):
        if (folder / name).exists():
            raise StateError(f"{folder} holds a {name} already.", hint="Choose another folder.")
        write_whole(disk, folder / name, [data])


def key_usage(*, issues: bool) -> x509.KeyUsage:
    """What the key of a certificate is for: to issue others, or to sign."""
    return x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )


def _name(organisation: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{organisation} {WARNING}"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    issues: bool,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LASTS)
        .add_extension(x509.BasicConstraints(ca=issues, path_length=None), critical=True)
        .add_extension(key_usage(issues=issues), critical=True)
    )
