"""A witness: a second signer that signs a log's checkpoint only if it grew out of the one it signed before.

It keeps one checkpoint a log and nothing of what was logged. So a log that is rolled back, cut off, or shown in two
forms to two people finds no second signature. The protocol is C2SP tlog-witness (add-checkpoint).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from firstlight.clock import Clock, SystemClock
from firstlight.custody import merkle
from firstlight.custody.cosignature import WitnessKey, WitnessSigner
from firstlight.custody.files import Disk, require_private, write_whole
from firstlight.custody.note import Checkpoint, NoteVerifier, SignedCheckpoint, note_parts, open_note
from firstlight.errors import FirstlightError, IntegrityError
from firstlight.locks import hold

LARGEST_REQUEST: Final = 128 * 1024
"""Bytes of one request: a proof has at most 63 lines, a checkpoint a few hundred bytes."""

_MAGIC = b"firstlight-witness-1\n"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a witness answers."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Witness:
    """A second signer with its key and what it has signed, in a private folder."""

    def __init__(
        self,
        folder: Path,
        name: str,
        logs: Sequence[NoteVerifier],
        *,
        clock: Clock | None = None,
        disk: Disk | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Open the witness in this folder, which is made with a new key if it is not there.

        Raises:
            StorageError: the folder cannot be used, or others could read it.
            IntegrityError: its key is damaged.
            InputError: the name cannot name a key.
        """
        self._folder = folder
        self._logs = tuple(logs)
        self._clock = clock or SystemClock()
        self._disk = disk or Disk()
        self._alone = threading.Lock()
        self._disk.make_folder(folder)
        require_private(folder)
        self._signer = WitnessSigner(name, self._seed(entropy))

    @property
    def key(self) -> WitnessKey:
        """What others check its signatures with."""
        return self._signer.key

    def add_checkpoint(self, body: bytes) -> Reply:
        """Sign a checkpoint that continues the last one; what is refused is refused with the protocol's own status."""
        try:
            old, proof, note = _parsed(body)
            checkpoint = Checkpoint.from_text(note_parts(note)[0])
        except IntegrityError as e:
            return Reply(HTTPStatus.BAD_REQUEST, _words(e))
        keys = [one for one in self._logs if one.name == checkpoint.origin]
        if not keys:
            return Reply(HTTPStatus.NOT_FOUND, b"This witness does not know this log.\n")
        try:
            open_note(note, *keys)
        except IntegrityError as e:
            return Reply(HTTPStatus.FORBIDDEN, _words(e))
        if old > checkpoint.size:
            return Reply(HTTPStatus.BAD_REQUEST, b"The old size is larger than the checkpoint's.\n")
        with self._one_at_a_time():
            return self._add(old, proof, note, checkpoint, keys)

    def _add(
        self, old: int, proof: Sequence[bytes], note: bytes, checkpoint: Checkpoint, keys: Sequence[NoteVerifier]
    ) -> Reply:
        last = self._last(checkpoint.origin, keys)
        size, root = (last.size, last.checkpoint.root) if last else (0, merkle.EMPTY_ROOT)
        if old != size or (old == checkpoint.size and root != checkpoint.root):
            return Reply(HTTPStatus.CONFLICT, b"%d\n" % size, "text/x.tlog.size")
        try:
            merkle.check_consistency(old, checkpoint.size, root, checkpoint.root, proof)
        except IntegrityError as e:
            return Reply(HTTPStatus.UNPROCESSABLE_ENTITY, _words(e))
        # Kept first: a signature that left the house and was forgotten could be followed by another of a second form.
        write_whole(self._disk, self._path(checkpoint.origin), [note], replace=True)
        text = note_parts(note)[0]
        return Reply(HTTPStatus.OK, self._signer.line(text.encode(), self._clock.now()).encode())

    def _last(self, origin: str, keys: Sequence[NoteVerifier]) -> SignedCheckpoint | None:
        path = self._path(origin)
        return SignedCheckpoint.open(self._disk.read(path), *keys) if path.exists() else None

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.checkpoint"

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Reading the last checkpoint and keeping the next is one step, for threads and for processes."""
        with self._alone, (self._folder / "lock").open("w") as lock:
            hold(lock.fileno(), fcntl.LOCK_EX, self._folder / "lock")
            yield

    def _seed(self, entropy: Callable[[int], bytes]) -> bytes:
        path = self._folder / "witness.key"
        if not path.exists():
            write_whole(self._disk, path, [_MAGIC + entropy(32)])
        data = self._disk.read(path)
        if not data.startswith(_MAGIC) or len(data) != len(_MAGIC) + 32:
            raise IntegrityError(f"{path} is no key of a witness.", hint="Restore it from its backup.")
        return data[len(_MAGIC) :]


def request_body(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """What a log sends: the size it was last signed at, the consistency proof from there, its checkpoint."""
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof), "", ""]
    return "\n".join(lines).encode() + note


def _parsed(body: bytes) -> tuple[int, list[bytes], bytes]:
    head, gap, note = body.partition(b"\n\n")
    try:
        first, *lines = head.decode().split("\n")
        proof = [base64.b64decode(line, validate=True) for line in lines]
    except (UnicodeDecodeError, binascii.Error, ValueError) as e:
        raise IntegrityError("The proof of this request is damaged.") from e
    old = _OLD.fullmatch(first)
    if not gap or old is None or len(proof) > 63 or any(len(one) != merkle.HASH_SIZE for one in proof):
        raise IntegrityError("This is no request to sign a checkpoint.")
    return int(old.group(1)), proof, note


def _words(error: FirstlightError) -> bytes:
    return error.diagnostics().message.encode() + b"\n"
