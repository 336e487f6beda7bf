"""Import on the receiving side: a package, a VICS file or a folder of CyberTips becomes cases.

First it is verified, as far as its form can be. Each file that the sender tells of becomes an item that holds the
sender's statement and nothing of ours; those of one case stay together. Where it came from, and what was proven of it,
is an event of the log. Originals that a package carries for our key come in as files do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firstlight.casework import intake
from firstlight.casework.home import SERVICE, Home
from firstlight.casework.intake import Arrival
from firstlight.casework.received import cybertips, package, vics
from firstlight.casework.received.document import LARGEST, SOURCE, ReceivedCase, ReceivedFile
from firstlight.casework.upload import Upload
from firstlight.custody import EventType, inspect_package
from firstlight.errors import InputError, NotFoundError
from firstlight.hashing import digest_stream
from firstlight.media import opened
from firstlight.values import Document, Sha256Hex, Versioned

_NAME_ONE = "Name a package, a VICS file or a folder of CyberTips."

Count = Annotated[int, Field(ge=0)]


class Form(StrEnum):
    """What can be received."""

    PACKAGE = "package"
    VICS = "vics"
    CYBERTIPS = "cybertips"


class ImportReport(Document):
    """What was received and what became of it. `said` is what is proven, and what is not; `passed` was not taken."""

    title_for_people: ClassVar[str] = "import report"

    kind: Literal["import-report"] = "import-report"
    version: Versioned = 1
    form: Form
    sha256: Sha256Hex
    senders: tuple[str, ...]
    cases: Count
    received: Count
    known: Count
    originals: Count
    said: tuple[str, ...]
    passed: tuple[str, ...] = ()


def import_evidence(
    home: Home,
    path: Path,
    *,
    trusted_key: str | None = None,
    identity: Path | None = None,
    actor: str = SERVICE,
    advance: Callable[[], None] = lambda: None,
) -> ImportReport:
    """Take in what lies at `path`; `examine` then gives each case its place. It may be run again: nothing comes twice.

    Raises:
        NotFoundError: nothing is there.
        IntegrityError: a package does not verify; nothing of it is taken.
        InputError: it is nothing that can be received, or an original does not open with the key.
        MissingExtraError: originals need the library for age.
    """
    form = form_of(path)
    keys = package.identities(identity) if identity else []
    passed: tuple[str, ...] = ()
    sealed: list[Path] = []
    if form is Form.PACKAGE:
        found = inspect_package(path, trusted_key)
        cases, sealed = [package.read(path, found)], package.media(path)
        digest = _digest(path / "tagmanifest-sha256.txt")
        if sealed and not found.files:
            cases = []  # a package of originals alone: what they are is told by the bytes
    elif form is Form.VICS:
        cases, digest = list(vics.read(path)), _digest(path)
        if not cases:
            raise InputError(f"{path.name} names the VICS data model and holds no media.", hint="Ask for it again.")
    else:
        cases, skipped = cybertips.read(path)
        passed = tuple(f"{one.path.relative_to(path)}: {one.says}" for one in skipped)
        digest = _digest_of_cases(cases)
        if not cases:
            raise InputError(f"{path} holds no report that can be read.", hint=passed[0] if passed else "It is empty.")
    if sealed and identity is None:
        passed += (f"{len(sealed)} originals are encrypted; name your key with --identity to open them",)
    said = cases[0].said if cases else inspect_package(path, trusted_key).check.says
    _tell(home, form, digest, cases, said, actor)
    report = intake.receive(home, _arrivals(cases), actor=actor, advance=advance)
    opened_ = 0
    if sealed and keys:
        opened_ = _originals(home, digest, sealed, keys, actor, advance)
    return ImportReport(
        form=form,
        sha256=digest,
        senders=tuple(dict.fromkeys(one.sender for one in cases)),
        cases=len(cases),
        received=report.received,
        known=report.known,
        originals=opened_,
        said=said,
        passed=passed,
    )


def form_of(path: Path) -> Form:
    """What lies there.

    Raises:
        NotFoundError: nothing does.
        InputError: nothing that can be received.
    """
    if not path.exists():
        raise NotFoundError(
            f"There is nothing at {path}.", hint="Name a package, a VICS file or a folder of CyberTips."
        )
    if path.is_dir():
        return Form.PACKAGE if (path / "bagit.txt").is_file() else Form.CYBERTIPS
    if path.is_file() and vics.is_vics(path):
        return Form.VICS
    raise InputError(f"{path} is nothing that can be received.", hint=_NAME_ONE)


def _tell(home: Home, form: Form, digest: str, cases: list[ReceivedCase], said: tuple[str, ...], actor: str) -> None:
    """The log says what was received, from whom, and what is proven of it, before anything of it is taken."""
    with home.work() as work:
        work.record(
            EventType.INGEST,
            actor=actor,
            subject=digest,
            received=form.value,
            cases=[{"reference": one.reference, "sender": one.sender, "files": len(one.items)} for one in cases[:100]],
            count=len(cases),
            said=list(said),
        )


def _arrivals(cases: list[ReceivedCase]) -> Iterator[Arrival]:
    """One name for ever for what a case tells of a file: that of the case's own documents, so that nothing comes twice
    when more cases lie beside it the next time."""
    for case in cases:
        digest = _digest_of_cases([case])
        for one in case.items:
            with intake.in_memory(_document(one.file)) as path:
                yield Arrival(f"{SOURCE}{digest}/{one.file.number}", path, one.upload)


def _document(file: ReceivedFile) -> bytes:
    data = file.to_json()
    if len(data) <= LARGEST:
        return data
    return file.model_copy(update={"record": "larger than can be taken; it is in what was received"}).to_json()


def _originals(
    home: Home, digest: str, sealed: list[Path], keys: list[object], actor: str, advance: Callable[[], None]
) -> int:
    taken = 0
    for sha256, data in package.originals(sealed, keys):
        with intake.in_memory(data) as path:
            arrival = Arrival(f"package:{digest}/{sha256}", path, Upload(name=sha256))
            taken += intake.receive(home, [arrival], actor=actor, advance=advance).received
    return taken


def _digest(path: Path) -> str:
    with opened(path) as file:
        return digest_stream(file).sha256


def _digest_of_cases(cases: list[ReceivedCase]) -> str:
    hashed = hashlib.sha256()
    for case in cases:
        for one in case.items:
            hashed.update(hashlib.sha256(one.file.to_json()).digest())
    return hashed.hexdigest()
