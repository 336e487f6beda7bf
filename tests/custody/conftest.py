"""What the custody tests share: fixed randomness, a keyring, a log in memory, a small case."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import JsonValue

from firstlight.clock import FixedClock
from firstlight.custody import (
    CustodyLog,
    Event,
    EventType,
    FileFacts,
    Identifier,
    Keyring,
    MemoryLeafStore,
    PackageContents,
    Summary,
    TimelineRow,
    viewings,
)
from firstlight.values import Digests


def fixed_entropy(seed: bytes = b"seed") -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    state = [0]

    def entropy(size: int) -> bytes:
        state[0] += 1
        return hashlib.shake_256(seed + state[0].to_bytes(8, "big")).digest(size)

    return entropy


def digests_of(data: bytes) -> Digests:
    return Digests(
        md5=hashlib.md5(data).hexdigest(),
        sha1=hashlib.sha1(data).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "keys", "example.org/custody", entropy=fixed_entropy())


@pytest.fixture
def store() -> MemoryLeafStore:
    return MemoryLeafStore()


@pytest.fixture
def log(store: MemoryLeafStore, keyring: Keyring, clock: FixedClock) -> CustodyLog:
    return CustodyLog(
        store,
        keyring.log_signer(),
        clock,
        sealers=keyring.event_sealer,
        software="firstlight test",
        entropy=fixed_entropy(b"salts"),
    )


PICTURE = b"the bytes of an ordinary photograph of a carrot"


def small_case(log: CustodyLog, clock: FixedClock) -> PackageContents:
    """A case of one file, with its events in the log."""
    digests = digests_of(PICTURE)
    at = clock.now()
    events: tuple[tuple[EventType, str | None, dict[str, JsonValue]], ...] = (
        (EventType.INGEST, None, {"surface": "upload"}),
        (EventType.LOGIN, None, {}),
        (EventType.ENQUEUE, "case-1", {"level": "high"}),
        (EventType.REVEAL, "case-1", {"role": "reviewer", "rendition": "grey-320", "seconds": 4, "entire": False}),
        (EventType.ENQUEUE, "case-2", {"level": "bulk"}),
        (EventType.DECIDE, "case-1", {"decision": "report"}),
    )
    for kind, case, payload in events:
        subject = None if kind is EventType.LOGIN or case == "case-2" else digests.sha256
        log.append(Event(type=kind, at=at, actor="u-1", case=case, subject=subject, payload=payload))
    return PackageContents(
        name="example-case-1",
        case="case-1",
        organisation="Example Ltd",
        summary=Summary(danger="Nobody here knows of a child in danger now.", contact="legal@example.org"),
        files=(
            FileFacts(
                digests=digests,
                media_type="image/jpeg",
                original_name="=HYPERLINK(carrot).jpg",
                received_at=at,
                found_by=("near-duplicate of an entry of the bank vegetables",),
                viewed=viewings(log, digests),
            ),
        ),
        identifiers=(Identifier(kind="ip", value="192.0.2.7", port=50000, at=at, event="upload"),),
        timeline=(TimelineRow(at=at, what="uploaded <b>", who="account 7", record="uploads.json"),),
        records={"uploads.json": {"rows": [1, 2, 3]}, "verdict.json": {"kind": "verdict"}},
        report={"cybertip.xml": b"<report/>\r\n"},
    )
