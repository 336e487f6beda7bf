"""Writing a report and checking one: JSON, page and card, bound together by a signed note and an entry of a log.

`report.note` is a C2SP signed note that states the SHA-256 of the report, of the page and of the cards.
`report.custody.json` opens the entry of the custody log that names the same report, and proves its place.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar, Final, Literal

from firstlight.custody import NoteVerifier, TlogProof
from firstlight.custody.files import Disk, write_whole
from firstlight.custody.leaf import LogEntry, commitment, parse_leaf
from firstlight.custody.note import NoteSigner, open_note, sign_note
from firstlight.errors import FirstlightError, InputError, IntegrityError, NotFoundError
from firstlight.screen.card import as_card, as_croissant
from firstlight.screen.page import as_page
from firstlight.screen.report import ScreenReport, results_digest
from firstlight.values import Document, Sha256Hex, Value, Versioned

JSON, PAGE, NOTE, CARD, CROISSANT, CUSTODY = (
    "report.json", "report.html", "report.note", "card.md", "croissant.json", "report.custody.json",
)  # fmt: skip
COMPANIONS: Final = {PAGE: "page", CARD: "card", CROISSANT: "Croissant card"}
"""What lies beside a report and is signed with it, in words."""
HEADER: Final = "firstlight screening report v1"
LARGEST_REPORT: Final = 64 * 2**20


class CustodyProof(Document):
    """That a custody log holds an entry about this report: the entry, opened, and its place in the signed log."""

    title_for_people: ClassVar[str] = "custody proof of a report"

    kind: Literal["screen-custody-proof"] = "screen-custody-proof"
    version: Versioned = 1
    entry: LogEntry
    proof: str
    log_key: str


class Check(Value):
    """One thing that was checked, and whether it holds."""

    says: str
    holds: bool | None = None


class Verification(Document):
    """What became of checking a report. `holds` is false if anything that was checked does not."""

    title_for_people: ClassVar[str] = "verification of a report"

    kind: Literal["screen-verification"] = "screen-verification"
    version: Versioned = 1
    report: Sha256Hex
    headline: str
    key: str = ""
    holds: bool
    checks: tuple[Check, ...]


def write_report(out: Path, report: ScreenReport, signer: NoteSigner | None) -> str:
    """Write the report's files into the folder of the run; answers the SHA-256 of its JSON.

    Raises:
        StorageError: the disk refused.
    """
    data, page = report.to_json(), as_page(report).encode()
    digest = hashlib.sha256(data).hexdigest()
    disk = Disk()
    for name in (NOTE, CUSTODY):  # those of an earlier report would not fit
        disk.unlink(out / name)
    files = {
        JSON: data, PAGE: page, CARD: as_card(report, digest).encode(),
        CROISSANT: as_croissant(report, digest).encode(),
    }  # fmt: skip
    for name, content in files.items():
        write_whole(disk, out / name, [content], replace=True)
    if signer is not None:
        lines = "".join(f"{_line(name, content)}\n" for name, content in files.items())
        write_whole(disk, out / NOTE, [sign_note(f"{HEADER}\n{lines}", signer)], replace=True)
    return digest


def _line(name: str, content: bytes) -> str:
    """What the note says of a file."""
    return f"{name} sha256 {hashlib.sha256(content).hexdigest()}"


def previous_report(out: Path) -> str | None:
    """The SHA-256 of the report that stands in the folder of a run, if there is one."""
    path = out / JSON
    return hashlib.sha256(Disk().read(path)).hexdigest() if path.exists() else None


def verify_report(place: Path, key: str | None = None, *, results: bool = True) -> Verification:
    """Check a report: its folder, or its `report.json`. `key` is the one to be believed, as a line of text.

    Without a key the one that the report brings along is used, which shows damage and not who made it. Results are
    compared where they lie in the same folder.

    Raises:
        NotFoundError, InputError: there is no report, or it is of another kind.
    """
    folder = place if place.is_dir() else place.parent
    data = _read(folder / JSON if place.is_dir() else place)
    report = ScreenReport.from_json(data)
    digest = hashlib.sha256(data).hexdigest()
    proof = CustodyProof.from_json(_read(folder / CUSTODY)) if (folder / CUSTODY).exists() else None
    given = NoteVerifier.from_vkey(key) if key is not None else None  # an empty one is a mistake of the caller's
    trusted = given or (NoteVerifier.from_vkey(proof.log_key) if proof is not None else None)
    checks = [
        Check(says="Every member stands in exactly one place of the account.", holds=report.coverage.adds_up),
        _signature(folder, data, trusted),
        _in_log(proof, digest, trusted),
    ]
    if key is None and trusted is not None:
        checks.append(
            Check(says=f"Whose key this is was not checked: give the one you expect with --key. It is {trusted.vkey}")
        )
    checks.append(_results(folder, report) if results else Check(says="The results were not compared."))
    return Verification(
        report=digest, headline=report.headline, key=trusted.vkey if trusted is not None else "",
        holds=all(check.holds is not False for check in checks), checks=tuple(checks),
    )  # fmt: skip


def _signature(folder: Path, report: bytes, trusted: NoteVerifier | None) -> Check:
    if not (folder / NOTE).exists():
        return Check(says="The report is not signed.", holds=False)
    if trusted is None:
        return Check(says="The signature was not checked: no key is known.", holds=False)
    try:
        first, *lines = open_note(_read(folder / NOTE), trusted).splitlines() or [""]
        named = {line.partition(" ")[0] for line in lines}  # notes of the first reports do not speak of the cards
        there = [name for name in COMPANIONS if name in named and (folder / name).exists()]
        contents = {name: _read(folder / name) for name in there}
    except FirstlightError as e:
        return Check(says=e.diagnostics().message, holds=False)
    if first != HEADER or _line(JSON, report) not in lines:
        return Check(says="The note is signed, and speaks of another report than this one.", holds=False)
    for name in there:
        if _line(name, contents[name]) not in lines:
            says = f"The note is signed, and speaks of another {COMPANIONS[name]} than the one beside it."
            return Check(says=says, holds=False)
    *others, last = ("Report" if there else "The report", *(COMPANIONS[name] for name in there))
    what = f"{', '.join(others)} and {last}" if others else last
    return Check(says=f"{what} {'are' if there else 'is'} what {trusted.name} signed.", holds=True)


def _in_log(proof: CustodyProof | None, digest: str, trusted: NoteVerifier | None) -> Check:
    if proof is None:
        return Check(says="No proof of a custody log lies beside the report.")
    entry = proof.entry
    try:
        leaf = parse_leaf(entry.leaf.encode(), entry.seq)
        if entry.event is None or entry.salt is None or trusted is None:
            raise IntegrityError("The entry of the custody log is not opened.")
        if commitment(bytes.fromhex(entry.salt), entry.event.to_json()) != leaf.commitment:
            raise IntegrityError("The entry of the custody log commits to another event.")
        if entry.event.payload.get("report") != digest:
            raise IntegrityError("The entry of the custody log is about another report.")
        log_proof = TlogProof.from_bytes(proof.proof.encode())
        if log_proof.index != entry.seq:
            raise IntegrityError("The proof is of another entry of the custody log.")
        log_proof.check(entry.leaf.encode(), trusted)
    except FirstlightError as e:
        return Check(says=e.diagnostics().message, holds=False)
    return Check(says=f"It is entry {entry.seq} of the custody log {trusted.name}.", holds=True)


def _results(folder: Path, report: ScreenReport) -> Check:
    try:
        found = results_digest(folder)
    except NotFoundError:
        return Check(says="The results do not lie beside the report; they were not compared.")
    except FirstlightError as e:
        return Check(says=e.diagnostics().message, holds=False)
    if found != report.results:
        return Check(says="The results beside the report are not those it was made of.", holds=False)
    return Check(says="The results are those that the report was made of.", holds=True)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise NotFoundError(f"There is no report {path}.", hint="Name the folder of a run, or its report.json.")
    if path.stat().st_size > LARGEST_REPORT:
        raise InputError(f"{path} is too large for a report.")
    return Disk().read(path)
