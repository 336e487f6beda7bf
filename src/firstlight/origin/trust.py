"""Whom to believe about content credentials: the operator's trust lists, each with its date and digest.

Two classes that are never mixed: the *official* list of the C2PA, and the *interim* list that was frozen on
1 January 2026 and speaks for older files with less weight. Nothing is fetched: the operator names files.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from pydantic import Field

from firstlight.errors import InputError, NotFoundError
from firstlight.values import Sha256Hex, Value


class TrustClass(StrEnum):
    """Which list a signer's certificate leads to."""

    OFFICIAL = "official"
    INTERIM = "interim"


class ListFile(Value):
    """One list as it was read: where it came from, its date in the operator's words, its digest, how much it holds."""

    name: str
    sha256: Sha256Hex
    date: str = ""
    entries: int


class Product(Value):
    """What the conforming-product list says of the products that sign with one subject."""

    organisation: str
    common_name: str
    unit: str = ""
    assurance: int
    may_claim_capture: bool


class ClosedGenerator(Value):
    """A generator whose certificate signs nothing but its own output.

    `parameter` and `value` are what its created action carries when only text went in; without them the generator
    might have been given a photograph, and its signature is weighed like anybody's.
    """

    organisation: str
    common_name: str
    parameter: str
    value: str


FIREFLY: Final = ClosedGenerator(
    organisation="Adobe Inc.", common_name="firefly-prod", parameter="firefly.operation", value="text_to_image"
)


class TrustLists(Value):
    """The lists in force. Empty lists are allowed: then no signer is trusted, and that is said."""

    official: str = Field(default="", repr=False)
    time_stamps: str = Field(default="", repr=False)
    interim: str = Field(default="", repr=False)
    products: tuple[Product, ...] = Field(default=(), repr=False)
    closed_generators: tuple[ClosedGenerator, ...] = (FIREFLY,)
    denied_serials: tuple[str, ...] = ()
    files: tuple[ListFile, ...] = ()

    @classmethod
    def load(
        cls,
        *,
        official: Path | None = None,
        time_stamps: Path | None = None,
        interim: Path | None = None,
        products: Path | None = None,
        denied_serials: Path | None = None,
        dates: dict[str, str] | None = None,
    ) -> TrustLists:
        """The lists in these files. `dates` gives the date of each list by its name, such as `{"official": "..."}`.

        `official`, `time_stamps` and `interim` are PEM files; `products` is the C2PA's JSON of conforming products;
        `denied_serials` has one certificate serial number in hexadecimal digits a line.

        Raises:
            NotFoundError: a named file is not there or cannot be read.
            InputError: a file is not what it should be.
        """
        files: list[ListFile] = []
        dates = dates or {}

        def read(name: str, path: Path | None) -> str:
            if path is None:
                return ""
            raw = _content(path)
            text = _text(raw, path)
            files.append(
                ListFile(
                    name=name,
                    sha256=hashlib.sha256(raw).hexdigest(),
                    date=dates.get(name, ""),
                    entries=_entries(name, text, path),
                )
            )
            return text

        texts = {
            "official": read("official", official),
            "time_stamps": read("time_stamps", time_stamps),
            "interim": read("interim", interim),
            "products": read("products", products),
            "denied_serials": read("denied_serials", denied_serials),
        }
        return cls(
            official=texts["official"],
            time_stamps=texts["time_stamps"],
            interim=texts["interim"],
            products=_products(texts["products"]),
            denied_serials=tuple(sorted(_serials(texts["denied_serials"]))),
            files=tuple(files),
        )

    def date_of(self, name: str) -> str:
        """The date of a list, else the start of its digest, else nothing: what an indicator names as its list."""
        file = next((file for file in self.files if file.name == name), None)
        if file is None:
            return ""
        return file.date or f"sha256:{file.sha256[:16]}"

    def product(self, organisation: str, common_name: str) -> Product | None:
        """The weakest conforming product with this subject: several share one, and the certificate does not say."""
        found = [p for p in self.products if p.organisation == organisation and p.common_name == common_name]
        if not found:
            return None
        return min(found, key=lambda product: (product.assurance, product.may_claim_capture))

    def closed_generator(self, organisation: str, common_name: str) -> ClosedGenerator | None:
        """The closed generator with this subject."""
        for generator in self.closed_generators:
            if (generator.organisation, generator.common_name) == (organisation, common_name):
                return generator
        return None


NO_TRUST: Final = TrustLists()
"""No lists at all: every signer is a stranger."""


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise NotFoundError(
            f"The trust list {path.name} cannot be read.", hint="Check the path and its permissions."
        ) from e


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise InputError(
            f"The trust list {path.name} is no text.", hint="It has to be a PEM, JSON or text file."
        ) from e


def _entries(name: str, text: str, path: Path) -> int:
    """How many entries a list holds.

    Raises:
        InputError: none, or one that is damaged.
    """
    if name == "products":
        return len(_json_list(text))
    if name == "denied_serials":
        return len(_serials(text))
    try:
        return len(x509.load_pem_x509_certificates(text.encode()))
    except ValueError as e:
        raise InputError(
            f"The trust list {path.name} holds no certificates that can be read.", hint="It has to be a PEM file."
        ) from e


def _json_list(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise InputError(
            "The product list is no JSON.", hint="It has to be the C2PA's list of conforming products as published."
        ) from e
    if not isinstance(found, list):
        raise InputError(
            "The product list is no list.", hint="It has to be the C2PA's list of conforming products as published."
        )
    return found


_CAPTURE_SIGNALS: Final = {"capturedMedia", "capturedMediaStitched"}


def _products(text: str) -> tuple[Product, ...]:
    if not text:
        return ()
    out = []
    for record in _json_list(text):
        product = record.get("product") if isinstance(record, dict) else None
        if not isinstance(product, dict) or product.get("productType") != "generatorProduct":
            continue
        if record.get("status") != "conformant":
            continue
        subject, assurance = product.get("DN") or {}, product.get("assurance") or {}
        barred = (product.get("disallowedSignals") or {}).get("inception") or []
        out.append(
            Product(
                organisation=str(subject.get("O") or "").strip(),
                common_name=str(subject.get("CN") or "").strip(),
                unit=str(subject.get("OU") or "").strip(),
                assurance=int(assurance.get("maxAssuranceLevel") or 0),
                may_claim_capture=not _CAPTURE_SIGNALS & set(barred),
            )
        )
    return tuple(out)


def _serials(text: str) -> set[str]:
    lines = (line.split("#", 1)[0].strip().lower().replace(":", "") for line in text.splitlines())
    serials = {line.lstrip("0") for line in lines if line}
    for serial in serials:
        if not all(digit in "0123456789abcdef" for digit in serial):
            raise InputError(
                "The list of denied serial numbers holds something else.",
                hint="Write one serial number in hexadecimal digits a line; # begins a comment.",
            )
    return serials
