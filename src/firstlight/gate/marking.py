"""Marks what leaves: content credentials (C2PA), the IPTC source type, and the operator's watermark where there is one.

Only a picture that was allowed is marked. No word of a prompt and no name of an account is ever in a mark. A picture
that was made from a photograph says so: it is opened with its parent, and never called created.
"""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from firstlight.errors import InputError, StateError, UpstreamError
from firstlight.gate.pictures import SeenPicture
from firstlight.gate.source_type_mark import SOURCE_TYPES, with_source_type
from firstlight.origin.credentials import settings
from firstlight.origin.trust import TrustLists
from firstlight.values import Sha256Hex

CREATED: Final = "trainedAlgorithmicMedia"
COMPOSITE: Final = "compositeWithTrainedAlgorithmicMedia"

MARKABLE: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/avif", "image/heic", "image/tiff"})
"""Kinds of pictures that can carry a credential. Others are not let out by a gate that marks."""

WATERMARK_SECONDS: Final = 30.0

_PARENT: Final = "input"
_ALGORITHMS: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True, slots=True)
class Model:
    """What made a picture. `sha256` is the digest of the model's tensors or file; empty when it is not known."""

    name: str
    version: str = ""
    sha256: Sha256Hex | str = ""

    @property
    def words(self) -> str:
        """All that is known of it in one line, as records and reports name it."""
        return " ".join(part for part in (self.name, self.version, self.sha256) if part)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Who signs: the chain (PEM, the signer's first), and its key (PEM) or something that signs in its place.

    `sign` gets the bytes to be signed and answers the raw signature of `algorithm`, as a key in hardware does.
    """

    chain: bytes
    algorithm: str
    key: bytes | None = None
    sign: Callable[[bytes], bytes] | None = None

    @classmethod
    def load(cls, chain: Path, key: Path) -> Self:
        """A chain and its key from files.

        Raises:
            InputError: they cannot be read, are of no use for signing, or do not belong together.
        """
        try:
            chain_pem, key_pem = chain.read_bytes(), key.read_bytes()
            certificate = x509.load_pem_x509_certificates(chain_pem)[0]
            private = serialization.load_pem_private_key(key_pem, None)
        except OSError as e:
            raise InputError(f"{e.filename} cannot be read: {e.strerror}.") from e
        except (ValueError, TypeError, IndexError, UnsupportedAlgorithm) as e:
            raise InputError(
                f"{chain} and {key} are no certificate chain and private key.",
                hint="Give PEM files without a password; `firstlight gate keys` makes some for development.",
            ) from e
        if private.public_key() != certificate.public_key():
            raise InputError(f"The key {key} does not belong to the first certificate of {chain}.")
        return cls(chain_pem, _algorithm(private), key=key_pem)

    @property
    def root(self) -> str:
        """The last certificate of the chain (PEM)."""
        last = x509.load_pem_x509_certificates(self.chain)[-1]
        return last.public_bytes(serialization.Encoding.PEM).decode()


def _algorithm(key: object) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _ALGORITHMS:
        return _ALGORITHMS[key.curve.name]
    raise InputError("Credentials cannot be signed with such a key.", hint="Use P-256, P-384, P-521 or Ed25519.")


class Watermark(Protocol):
    """Puts an invisible mark into the pixels, before the picture is signed."""

    def __call__(self, data: bytes, media_type: str) -> bytes:
        """The picture with its mark, of the same kind."""
        ...


@dataclass(frozen=True, slots=True)
class WatermarkProgram:
    """A program of the operator's: it reads a picture from its input and writes it, marked, to its output."""

    command: tuple[str, ...]

    def __call__(self, data: bytes, media_type: str) -> bytes:
        """The picture with its mark.

        Raises:
            UpstreamError: the program fails, hangs or answers nothing.
        """
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own program, without a shell
                [*self.command, media_type], input=data, capture_output=True, timeout=WATERMARK_SECONDS, check=True
            )
        except (OSError, subprocess.SubprocessError) as e:
            raise UpstreamError(f"The watermark program failed: {type(e).__name__}.", code="upstream.watermark") from e
        if not done.stdout:
            raise UpstreamError("The watermark program answered nothing.", code="upstream.watermark")
        return done.stdout


class Marker:
    """Marks pictures of one generator. Thread-safe: every mark is made by a builder of its own.

    The signing library runs in this process, beside the key. It sees no picture that a caged worker has not decoded
    whole before.
    """

    def __init__(
        self,
        signing: SigningKey,
        *,
        generator: str,
        version: str,
        time_authority: str | None = None,
        watermark: Watermark | None = None,
    ) -> None:
        """Raises:
        InputError: the address of the time authority is none.
        """
        host = urlsplit(time_authority).hostname if time_authority else None
        if time_authority and not host:
            raise InputError(f"{time_authority!r} is no address of a time authority.")
        self._signing = signing
        self._generator = {"name": generator, "version": version}
        self._time_authority = time_authority
        self._watermark = watermark
        own = settings(TrustLists(official=signing.root))  # the library checks what it has signed
        own["builder"] = {"thumbnail": {"enabled": False}}  # a thumbnail is a copy of the picture
        own["core"]["allowed_network_hosts"] = [host] if host else []
        self._settings = own
        self._made: tuple[int, Any, Any] | None = None

    @property
    def has_watermark(self) -> bool:
        """Whether pixels are marked as well."""
        return self._watermark is not None

    @property
    def has_time(self) -> bool:
        """Whether marks carry trusted time, and so outlive the signer's certificate."""
        return self._time_authority is not None

    def mark(self, picture: SeenPicture, model: Model, *, inputs: Sequence[SeenPicture] = ()) -> bytes:
        """The picture with its marks. `inputs` are the pictures that went in; the first is named as its parent.

        Raises:
            InputError: a picture of this kind cannot be marked.
            UpstreamError: the watermark or the time authority failed.
            StateError: signing failed.
        """
        media_type = picture.media_type
        if media_type not in MARKABLE:
            raise InputError(
                f"Pictures of the kind {media_type} cannot be marked.", hint="Have PNG, JPEG or WebP made."
            )
        data = picture.data if self._watermark is None else self._watermark(picture.data, media_type)
        source_type = COMPOSITE if inputs else CREATED
        return self._signed(with_source_type(data, source_type), media_type, model, inputs, source_type)

    def _signed(
        self, data: bytes, media_type: str, model: Model, inputs: Sequence[SeenPicture], source_type: str
    ) -> bytes:
        import c2pa

        out = io.BytesIO()
        try:
            context, signer = self._tools()
            with c2pa.Builder(self._manifest(model, len(inputs), source_type), context=context) as builder:
                for number, one in enumerate(inputs):
                    about = {
                        "title": f"input {number + 1}",
                        "relationship": "parentOf" if number == 0 else "inputTo",
                        "instance_id": _ingredient(number),
                    }
                    builder.add_ingredient(about, one.media_type, io.BytesIO(one.data))
                builder.sign(signer, media_type, io.BytesIO(data), out)
        except c2pa.C2paError as e:
            kind = type(e).__name__
            if self._time_authority and any(word in str(e).lower() for word in ("time", "http")):
                raise UpstreamError(
                    f"The time authority did not answer as agreed ({kind}).", code="upstream.time"
                ) from e
            raise StateError(
                f"The picture could not be signed ({kind}).",
                hint="Check that the signer's certificate is good, may sign content credentials, and has not run out.",
                code="state.signing",
            ) from e
        return out.getvalue()

    def _manifest(self, model: Model, inputs: int, source_type: str) -> dict[str, Any]:
        agent = {"name": model.name, **({"version": model.version} if model.version else {})}
        if model.sha256:
            agent["org.firstlight.model_sha256"] = model.sha256
        kind = SOURCE_TYPES + source_type
        if inputs:
            opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_ingredient(0)]}}
            edited: dict[str, Any] = {"action": "c2pa.edited", "digitalSourceType": kind, "softwareAgent": agent}
            if inputs > 1:
                edited["parameters"] = {"ingredientIds": [_ingredient(n) for n in range(1, inputs)]}
            actions: list[dict[str, Any]] = [{**opened, "softwareAgent": agent, "digitalSourceType": kind}, edited]
        else:
            actions = [{"action": "c2pa.created", "digitalSourceType": kind, "softwareAgent": agent}]
        return {
            "claim_generator_info": [self._generator],
            "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
        }

    def _tools(self) -> tuple[Any, Any]:
        """The library's settings and its signer, made once in each process; several signatures may be made with them at
        the same time."""
        import c2pa

        if self._made is None or self._made[0] != os.getpid():
            self._made = os.getpid(), c2pa.Context.from_dict(self._settings), self._signer()
        return self._made[1:]

    def _signer(self) -> Any:  # noqa: ANN401 - the library has no types
        import c2pa

        signing = self._signing
        if signing.sign is not None:
            algorithm = getattr(c2pa.C2paSigningAlg, signing.algorithm.upper())
            return c2pa.Signer.from_callback(signing.sign, algorithm, signing.chain.decode(), self._time_authority)
        authority = self._time_authority.encode() if self._time_authority else None
        info = c2pa.C2paSignerInfo(
            alg=signing.algorithm.encode(), sign_cert=signing.chain, private_key=signing.key, ta_url=authority
        )
        return c2pa.Signer.from_info(info)


def _ingredient(number: int) -> str:
    return f"{_PARENT}-{number}"
