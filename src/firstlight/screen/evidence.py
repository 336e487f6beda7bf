"""The sealed evidence file: every hit with where it came from, apart from the report that can be shared.

Frames of hits, each sealed for its place in the file with the home's key: eight bytes of length, then the sealed JSON
lines. The last frame is empty, so that a file that was cut short does not look whole.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from firstlight.banks import Sealer
from firstlight.custody.age import age_keys
from firstlight.custody.files import Disk, storage_error, write_whole
from firstlight.errors import FirstlightError, IntegrityError
from firstlight.screen.hits import Hit

FRAME_HITS: Final = 1000
_LENGTH: Final = struct.Struct("<Q")
_CONTEXT: Final = b"firstlight screen evidence 1\x00"


def write_evidence(path: Path, hits: Iterable[Hit], sealer: Sealer) -> int:
    """Write the file, whole or not at all; answers how many hits are in it.

    Raises:
        StorageError: the disk refused.
    """
    count = 0

    def frames() -> Iterator[bytes]:
        nonlocal count
        for number, frame in enumerate(_frames(hits)):
            count += len(frame)
            sealed = sealer.seal(b"\n".join(hit.to_json() for hit in frame), _CONTEXT + str(number).encode())
            yield _LENGTH.pack(len(sealed)) + sealed

    write_whole(Disk(), path, frames(), replace=True)
    return count


def read_evidence(path: Path, sealer: Sealer) -> Iterator[Hit]:
    """The hits in an evidence file.

    Raises:
        IntegrityError: it was cut, changed or sealed with another key.
        StorageError: it cannot be read.
    """
    number = 0
    try:
        with path.open("rb") as file:
            while head := file.read(_LENGTH.size):
                sealed = file.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
                data = sealer.unseal(sealed, _CONTEXT + str(number).encode())
                if not data:
                    return
                yield from (Hit.from_json(line) for line in data.split(b"\n"))
                number += 1
    except OSError as e:
        raise storage_error(path, "read", e) from e
    except FirstlightError as e:
        raise _bad(path) from e
    raise _bad(path)


def encrypt_for(agency_keys: Iterable[str], hits: Iterable[Hit]) -> bytes:
    """The hits as JSON lines, encrypted with age for these public keys.

    Raises:
        MissingExtraError: the library is not installed.
        InputError: a text is no age key, or none is given.
    """
    age, recipients = age_keys(agency_keys)
    data: bytes = age.encrypt(b"".join(hit.to_json() + b"\n" for hit in hits), recipients)
    return data


def _frames(hits: Iterable[Hit]) -> Iterator[list[Hit]]:
    frame: list[Hit] = []
    for hit in hits:
        frame.append(hit)
        if len(frame) == FRAME_HITS:
            yield frame
            frame = []
    if frame:
        yield frame
    yield []


def _bad(path: Path) -> IntegrityError:
    return IntegrityError(
        f"{path} does not open: it was cut, changed, or sealed by another home.",
        hint="Make it anew from the results: firstlight screen report FOLDER",
    )
