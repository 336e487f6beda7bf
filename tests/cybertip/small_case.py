"""The parts of the small case that every test of the room speaks about."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from firstlight.cybertip import ListMatch, PlannedFile, Rendition, Viewing
from firstlight.cybertip.drafting.facts import NetworkEvent
from firstlight.values import Digests

HAPPENED = datetime(2026, 2, 27, 18, 4, 5, tzinfo=UTC)
BYTES = {"harbour": b"a drawing of a harbour" * 4000, "log": b"10:01 hello\n10:02 hello back\n"}


def digests(data: bytes) -> Digests:
    """The digests of some bytes."""
    return Digests(
        md5=hashlib.md5(data).hexdigest(),
        sha1=hashlib.sha1(data).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )


def open_bytes(file: PlannedFile) -> BinaryIO:
    """The bytes of a file of the small case."""
    return io.BytesIO(BYTES[file.key])


VIEWING = Viewing(by="reviewer", at=HAPPENED + timedelta(hours=2), seconds=9, rendition=Rendition.GREY, whole=True)
MATCH = ListMatch(list_name="harbours", exact=False, hash_type="PDQ", distance=12)
UPLOAD = NetworkEvent(ip="93.184.216.34", at=HAPPENED, port=51515)
