"""Signed notes, checkpoints and proofs as text, in the C2SP formats that other languages' verifiers read.

A note is a text with signature lines under it (signed-note v1, Ed25519); a checkpoint is a note that states a log's
name, size and root (tlog-checkpoint v1); a proof file holds an entry's place, its inclusion proof and the checkpoint
that it leads to (tlog-proof v1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from firstlight.custody import merkle
from firstlight.errors import InputError, IntegrityError

ED25519 = 0x01
"""The signature type of plain Ed25519 notes."""

MAX_NOTE_SIZE = 64 * 1024
"""Bytes of a note that are read at all: a checkpoint with sixteen signatures has 3 kB."""

MAX_SIGNATURES = 100
"""Signature lines that are looked at: enough for every witness, too few to keep a reader busy."""

MAX_PROOF_HASHES = 64
"""A tree of 2**64 leaves is 64 nodes high."""

PROOF_HEADER = "c2sp.org/tlog-proof@v1"

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_DASH = "\u2014"


def _bad(what: str) -> IntegrityError:
    return IntegrityError(what, code="integrity.note")


def checked_key_name(name: str) -> str:
    """The name, if it can name a key: not empty, no spaces, no plus sign, no control characters.

    Raises:
        InputError: it cannot.
    """
    if not name or "+" in name or not name.isprintable() or any(c.isspace() for c in name):
        raise InputError(
            f"{name!r} cannot name a log.", hint="Use something like example.org/custody: no spaces, no plus sign."
        )
    return name


def key_id(name: str, public_key: bytes, kind: int = ED25519) -> bytes:
    """The four bytes that, with the name, say which key signed, and by which type of signature."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A public key whose signatures on notes are believed."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes before each of its signatures."""
        return key_id(self.name, self.public_key)

    @property
    def vkey(self) -> str:
        """The key as one line of text: `name+id+key`, as other verifiers take it."""
        encoded = base64.b64encode(bytes([ED25519]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def from_vkey(cls, text: str) -> NoteVerifier:
        """The key that a line of text holds.

        Raises:
            InputError: it is no Ed25519 note key, or its id belongs to another key.
        """
        name, _, rest = text.strip().partition("+")
        ident, _, encoded = rest.partition("+")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as e:
            raise InputError("This is no note key: its base64 is damaged.") from e
        if len(raw) != 33 or raw[0] != ED25519:
            raise InputError("This is no Ed25519 note key.", hint="It looks like example.org/custody+1a2b3c4d+AY…")
        key = cls(checked_key_name(name), raw[1:])
        if key.key_id.hex() != ident:
            raise InputError("This note key is damaged: its id does not belong to it.")
        return key

    def accepts(self, signature: bytes, text: bytes) -> bool:
        """Whether this key signed the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


class NoteSigner(Protocol):
    """Signs notes. The key itself may live elsewhere."""

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        ...

    def sign(self, text: bytes) -> bytes:
        """64 bytes: the Ed25519 signature of the text."""
        ...


class Ed25519Signer:
    """A signer that holds its key in memory."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._verifier = NoteVerifier(checked_key_name(name), self._key.public_key().public_bytes_raw())

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return self._verifier

    def sign(self, text: bytes) -> bytes:
        """64 bytes: the Ed25519 signature of the text."""
        return self._key.sign(text)


def sign_note(text: str, *signers: NoteSigner) -> bytes:
    """The text with one signature line of each signer under it.

    Raises:
        InputError: the text cannot be a note: it does not end a line, or holds control characters.
    """
    body = text.encode()
    if not text.endswith("\n") or any(ord(c) < 0x20 and c != "\n" for c in text):
        raise InputError("A note ends with a newline and holds no control characters.")
    lines = [_signature_line(signer, body) for signer in signers]
    return body + b"\n" + "".join(lines).encode()


def _signature_line(signer: NoteSigner, body: bytes) -> str:
    key = signer.verifier
    return f"{_DASH} {key.name} {base64.b64encode(key.key_id + signer.sign(body)).decode()}\n"


def open_note(data: bytes, *trusted: NoteVerifier) -> str:
    """The text of a note that at least one trusted key signed and no trusted key is misquoted on.

    Signatures of other keys are passed over, which lets a log change its key and witnesses sign along.

    Raises:
        IntegrityError: the note is malformed, no trusted key signed it, or a trusted key's signature is false.
    """
    text, signatures = note_parts(data)
    good = False
    for name, raw in signatures:
        for key in trusted:
            if key.name == name and key.key_id == raw[:4]:
                if not key.accepts(raw[4:], text.encode()):
                    raise _bad(f"The signature of {name} on this note is false: the text is not what was signed.")
                good = True
    if not good:
        raise _bad("No trusted key signed this note.")
    return text


def note_parts(data: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text, and name and bytes of each signature under it; nothing is verified.

    Raises:
        IntegrityError: it is no note.
    """
    if len(data) > MAX_NOTE_SIZE:
        raise _bad(f"This note is longer than {MAX_NOTE_SIZE} bytes.")
    try:
        whole = data.decode()
    except UnicodeDecodeError as e:
        raise _bad("This note is not UTF-8 text.") from e
    if any(ord(c) < 0x20 and c != "\n" for c in whole):
        raise _bad("This note holds control characters.")
    at = whole.rfind("\n\n")
    if at < 0 or not whole.endswith("\n"):
        raise _bad("This note has no signatures.")
    lines = whole[at + 2 :].split("\n")[:-1]
    if not lines or len(lines) > MAX_SIGNATURES:
        raise _bad(f"This note has {len(lines)} signature lines.")
    return whole[: at + 1], [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    raw = _base64(encoded, "a signature")
    if dash != _DASH or not name or len(raw) < 5:
        raise _bad("A signature line of this note is malformed.")
    return name, raw


def _base64(text: str, what: str) -> bytes:
    """Strict: one text for one value, so that nothing can hide in the spare bits."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as e:
        raise _bad(f"The base64 of {what} is damaged.") from e
    if base64.b64encode(raw).decode() != text:
        raise _bad(f"The base64 of {what} is not in its one proper form.")
    return raw


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log states about itself at one size."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text: origin, size, root."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """The checkpoint that a note's text states; extension lines are passed over.

        Raises:
            IntegrityError: the text is no checkpoint.
        """
        lines = text.split("\n")
        if len(lines) < 4 or any(not line for line in lines[:-1]) or lines[-1]:
            raise _bad("This note is no checkpoint: it needs an origin, a size and a root.")
        origin, size, encoded = lines[:3]
        if not _NUMBER.fullmatch(size):
            raise _bad(f"{size!r} is no size of a log.")
        root = _base64(encoded, "the root")
        if len(root) != merkle.HASH_SIZE:
            raise _bad("The root of this checkpoint is not 32 bytes.")
        return cls(origin, int(size), root)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with the note that carries its signatures."""

    checkpoint: Checkpoint
    note: bytes

    @property
    def size(self) -> int:
        """How many entries it covers."""
        return self.checkpoint.size

    @classmethod
    def open(cls, note: bytes, *trusted: NoteVerifier) -> SignedCheckpoint:
        """The checkpoint of a note that a trusted key signed.

        Raises:
            IntegrityError: it is no checkpoint, or no trusted key signed it, or it names another log than its key.
        """
        checkpoint = Checkpoint.from_text(open_note(note, *trusted))
        if checkpoint.origin not in {key.name for key in trusted}:
            raise _bad(f"This checkpoint is of the log {checkpoint.origin}, which is not one of those trusted.")
        return cls(checkpoint, note)


@dataclass(frozen=True, slots=True)
class TlogProof:
    """That an entry stands in a log: its place, its inclusion proof, the checkpoint. Can be checked offline."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def to_bytes(self) -> bytes:
        """The proof as a `.tlog-proof` file."""
        lines = [PROOF_HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(one).decode() for one in self.hashes]
        return "\n".join([*lines, "", ""]).encode() + self.checkpoint

    @classmethod
    def from_bytes(cls, data: bytes) -> TlogProof:
        """The proof that a file holds; nothing is verified yet.

        Raises:
            IntegrityError: it holds something else.
        """
        if len(data) > MAX_NOTE_SIZE * 2:
            raise _bad("This proof is too long to be one.")
        head, gap, checkpoint = data.partition(b"\n\n")
        try:
            lines = head.decode().split("\n")
        except UnicodeDecodeError as e:
            raise _bad("This proof is not UTF-8 text.") from e
        if not gap or lines.pop(0) != PROOF_HEADER:
            raise _bad(f"This is no proof: it does not begin with {PROOF_HEADER}.")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = _base64(lines.pop(0)[6:], "the extra data")
        word, _, number = (lines.pop(0) if lines else "").partition(" ")
        if word != "index" or not _NUMBER.fullmatch(number):
            raise _bad("This proof does not say which entry it is of.")
        return cls(int(number), _hashes(lines), checkpoint, extra)

    def check(self, leaf: bytes, *trusted: NoteVerifier) -> Checkpoint:
        """The signed checkpoint, if the leaf's bytes stand at this place of the log it describes.

        Raises:
            IntegrityError: they do not, or no trusted key signed the checkpoint.
        """
        checkpoint = SignedCheckpoint.open(self.checkpoint, *trusted).checkpoint
        hashed = merkle.leaf_hash(leaf)
        merkle.check_inclusion(hashed, self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > MAX_PROOF_HASHES:
        raise _bad(f"No inclusion proof has {len(lines)} hashes.")
    hashes = tuple(_base64(line, "a proof hash") for line in lines)
    if any(len(one) != merkle.HASH_SIZE for one in hashes):
        raise _bad("A hash of this proof is not 32 bytes.")
    return hashes
