"""Screening as an operator does it: with the banks and keys of the home, and on the record of its custody log."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from firstlight import __version__
from firstlight.banks import Sealer
from firstlight.casework.banks_alone import SEALER, open_banks
from firstlight.casework.home import SERVICE, Home, named
from firstlight.clock import Clock
from firstlight.custody import EventType
from firstlight.custody.files import Disk, write_whole
from firstlight.errors import FirstlightError, NotFoundError, StateError
from firstlight.screen.evidence import read_evidence, write_evidence
from firstlight.screen.lists import Compared, Lists, OpenLists, state_of
from firstlight.screen.publish import CUSTODY, JSON, CustodyProof, previous_report, write_report
from firstlight.screen.report import ScreenReport, Where, hits_in, make_report
from firstlight.screen.selftest import SelfTest

EVIDENCE = "evidence.sealed"


def lists_of(home: Path, banks: tuple[str, ...]) -> OpenLists:
    """The way in which every process of a run opens these banks of this home, and nothing else of it.

    Raises:
        NotFoundError, StateError, StorageError, IntegrityError: the home cannot be used. It is opened once, here.
    """
    with Home.open(home, create=False) as there:
        _ = there.library  # made if there was none
        return partial(open_banks, there.folder, banks)


def publish(
    home: Home | None, out: Path, *, data_set: str, clock: Clock, recall: SelfTest | None, banks: tuple[str, ...] = (),
    actor: str = SERVICE,
) -> ScreenReport:  # fmt: skip
    """Make the report of a run, sign it, and write it into the custody log; the evidence is sealed beside it.

    `banks` are those that the run was compared with; they say how fresh the report is.

    Without a home the report is neither signed nor logged, and says nothing of what was found.

    Raises:
        NotFoundError: there is no run.
        IntegrityError, StorageError: a result cannot be read, or the disk refused.
    """
    named(actor)
    sealer = home.keyring.sealer(SEALER) if home is not None else None
    current = before = None
    if home is not None and sealer is not None:
        current = _as_they_are(Lists(home.library, sealer, banks, clock))
        before = _found_before(out, sealer)
    report = make_report(
        out, data_set=data_set, made=clock.now(), software=f"firstlight {__version__}", sealer=sealer, recall=recall,
        previous=previous_report(out), current=current, before=before,
    )  # fmt: skip
    digest = write_report(out, report, home.keyring.log_signer() if home is not None else None)
    if home is not None and sealer is not None:
        write_evidence(out / EVIDENCE, hits_in(out, sealer), sealer)
        proof = _logged(home, report, digest, actor)
        write_whole(Disk(), out / CUSTODY, [proof.to_json()], replace=True)
    return report


def _as_they_are(lists: Lists) -> Compared | None:
    """The lists as they are now; none where one is gone or disabled, so that results are as fresh as they were made."""
    try:
        return state_of(lists) if lists.banks else None
    except (NotFoundError, StateError):
        return None


def _found_before(out: Path, sealer: Sealer) -> set[Where] | None:
    """The members that the report in the folder counted as hits; none where its evidence is not there, whole."""
    try:
        counted = ScreenReport.from_json(Disk().read(out / JSON)).found
        before = {hit.where for hit in read_evidence(out / EVIDENCE, sealer)}
    except FirstlightError:
        return None
    return before if counted is not None and counted.members == len(before) else None


def _logged(home: Home, report: ScreenReport, digest: str, actor: str) -> CustodyProof:
    payload: dict[str, object] = {
        "report": digest,
        "says": report.headline,
        "data_set": report.data_set,
        "results": report.results,
        "members": report.coverage.members,
        "hits": report.found.members if report.found is not None else None,
    }
    with home.work() as work:
        entry = work.log.append(work.event(EventType.SCREEN, actor, None, None, payload))
        signed = work.log.checkpoint()
        proof = work.log.prove(entry.seq, signed).to_bytes().decode()
        return CustodyProof(entry=entry, proof=proof, log_key=work.log.verifier.vkey)
