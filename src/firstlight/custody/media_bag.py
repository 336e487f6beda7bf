"""Originals for an investigator: each encrypted with age to the agency's own keys, in a package of their own.

Nothing in it can be opened without a key that this house never has. It takes two people: the second one approves
exactly these files, for exactly these keys. The same verifier checks it, without opening anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pydantic import JsonValue

from firstlight.clock import Clock
from firstlight.custody.age import age_keys
from firstlight.custody.approval import Act, ActKind, Approval, approval_event, require_second_person
from firstlight.custody.bag import BagWriter
from firstlight.custody.cosignature import Cosigner
from firstlight.custody.event import EventType
from firstlight.custody.files import Disk
from firstlight.custody.leaf import LogEntry
from firstlight.custody.log import CustodyLog
from firstlight.custody.packing import PackageReport, Plan, make_package
from firstlight.custody.timestamp import Stamp
from firstlight.custody.vault import Stored, Vault
from firstlight.errors import InputError, IntegrityError, RefusedError

MAX_RECIPIENTS = 20
"""Keys that one package is encrypted to; each is somebody who can open it."""

_PAGE = """Encrypted originals of {case}
============================={line}

From {organisation}, made {at}.

data/media holds {count} files, each encrypted with age (age-encryption.org) to these keys and to no other:

{recipients}

A file's name is the SHA-256 of the original. To open one, where the law lets you:

    age --decrypt -i KEYFILE data/media/NAME.age > NAME

and compare:  sha256sum NAME

The pictures may be unlawful to hold. Whoever has no authority to open them must not try.
To check this package without opening anything:  python3 -I verify/verify.py .
"""


def media_details(*, name: str, objects: Sequence[Stored], recipients: Sequence[str]) -> dict[str, JsonValue]:
    """What the act says that a second person has to approve before `export_media`: these files, for these keys."""
    return {
        "package": name,
        "recipients": [*sorted(set(recipients))],
        "files": [*sorted({one.digests.sha256 for one in objects})],
    }


def require_recipients(recipients: Sequence[str]) -> None:
    """Return if each of these is an age key.

    Raises:
        MissingExtraError: the library for age is not installed.
        InputError: one is none, or there is none, or there are too many.
    """
    if not 0 < len(set(recipients)) <= MAX_RECIPIENTS:
        raise InputError(f"Originals are given to 1 to {MAX_RECIPIENTS} keys.")
    age_keys(recipients)


def export_media(
    act: Act,
    approvals: Sequence[Approval],
    objects: Sequence[Stored],
    organisation: str,
    vault: Vault,
    into: Path,
    log: CustodyLog,
    clock: Clock,
    *,
    commit: Callable[[], None] = lambda: None,
    stamp: Callable[[bytes], Stamp | None] | None = None,
    cosigner: Cosigner | None = None,
    disk: Disk | None = None,
) -> PackageReport:
    """Write the approved originals, encrypted, as the package that the act names.

    The approval and the export become entries of the log. Each original is read from the vault, hashed on the way and
    compared with what was stored; nothing is ever written in the clear.

    Raises:
        RefusedError: no second person approved this act, or the objects are not the ones that it names.
        MissingExtraError: the library for age is not installed.
        InputError: a recipient is no age key.
        IntegrityError: an original is not what was stored; no package is made then.
        StateError, StorageError: as `export_package`.
    """
    approval = require_second_person(act, approvals, clock.now())
    names = sorted({one.digests.sha256 for one in objects})
    name, texts = _approved_details(act, names)
    age, keys = age_keys(texts)
    unique = {one.digests.sha256: one for one in objects}

    def fill(bag: BagWriter, _: Sequence[LogEntry], made_at: str) -> None:
        page = _PAGE.format(
            case=act.case,
            line="=" * len(act.case or ""),
            organisation=organisation,
            at=made_at,
            count=len(names),
            recipients="\n".join(f"    {one}" for one in texts),
        )
        bag.add("START-HERE.txt", page.encode())
        for sha256 in names:
            vault.check(unique[sha256])
            with vault.open(unique[sha256]) as reader:
                hashing = _Hashing(reader)
                bag.add_with(f"data/media/{sha256}.age", partial(age.encrypt_io, hashing, recipients=keys))
            if hashing.hexdigest() != sha256:
                raise IntegrityError(f"The original {sha256[:16]}… is not what was stored.", code="integrity.vault")

    _log_once(log, act, approval)
    plan = Plan(
        name, act.case or "", organisation, names, act.requester, {"act_sha256": act.digest(), "media": len(names)}
    )
    disk = disk or Disk()
    return make_package(plan, into, log, clock, fill, commit=commit, stamp=stamp, cosigner=cosigner, disk=disk)


def _approved_details(act: Act, names: Sequence[str]) -> tuple[str, list[str]]:
    """The package's name and its keys, if the act is of exactly these files."""
    details = act.details
    recipients, name = details.get("recipients"), details.get("package")
    if act.act is not ActKind.EXPORT_WITH_MEDIA or details.get("files") != names or not isinstance(name, str):
        raise RefusedError("These are not the files that were approved.", code="refused.second-person")
    if act.case is None or not isinstance(recipients, list) or not 0 < len(recipients) <= MAX_RECIPIENTS:
        raise RefusedError("The approved act names no case or no keys.", code="refused.second-person")
    return name, [str(one) for one in recipients]


def _log_once(log: CustodyLog, act: Act, approval: Approval) -> None:
    """Most approvals stand in the log since they were given."""
    event = approval_event(act, approval)
    if all(entry.event != event for entry in log.entries(cases=(act.case or "",), types=(EventType.APPROVE,))):
        log.append(event)


class _Hashing:
    """Hands on what is read and hashes it on the way."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hashed = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._hashed.update(data)
        return data

    def hexdigest(self) -> str:
        return self._hashed.hexdigest()
