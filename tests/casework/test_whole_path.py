"""From a folder of pictures to a filed report and a package that a bare interpreter verifies."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from casework.making import AT_ONCE, ai_xmp, case_of, jpeg, look_at, png, put, report_it, take_in, upload
from firstlight.casework import banking, cases, filing, preserve, reconcile
from firstlight.casework.home import Home
from firstlight.casework.upload import Upload
from firstlight.custody import EventType, Stored, verify_package
from firstlight.cybertip import Client, FilingState, Simulator
from firstlight.cybertip.simulator.reports import ReportState
from firstlight.media import Cage
from firstlight.store.tables import Item
from firstlight.values import BankPurpose


def _prints(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*"))}


def test_the_whole_path(home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path) -> None:
    files = {
        "known.jpg": jpeg(1),
        "copy.jpg": jpeg(1, quality=85),
        "other.png": png(2),
        "marked.jpg": jpeg(3, xmp=ai_xmp()),
    }
    folder = put(tmp_path / "in", files | {"notes.jpg": b"these are words", "empty": b""})
    before = _prints(folder)
    banking.create_bank(home, "series", BankPurpose.KNOWN)
    banking.add_pictures(home, cage, "series", [folder / "known.jpg"])

    report = take_in(home, cage, [folder], default=upload("u17", ip="93.184.216.34", port=4711))
    assert (report.offered, report.received, report.known, report.refused) == (6, 6, 0, ())
    places = cases.queue(home).places
    assert sum(place.items for place in places) == 6
    case = case_of(home, "known.jpg")
    assert places[0].case == case == case_of(home, "copy.jpg")

    look_at(home, cases.next_unit(home, case).shown)
    while cases.show(home, case).state == "open":
        report_it(home, case)
    (drafted,) = filing.draft(home, case)
    assert drafted.findings.may_be_filed
    (filed,) = filing.file_case(home, case, client, retries=AT_ONCE)
    assert filed.state is FilingState.FINISHED
    (received,) = simulator.reports()
    assert received.state is ReportState.FINISHED
    sent = {hashlib.sha256(files[name]).hexdigest() for name in ("known.jpg", "copy.jpg")}
    assert {file.sha256 for file in received.files.values()} == sent
    assert cases.show(home, case).state == "filed"

    package = Path(preserve.export(home, case, tmp_path / "out").folder)
    assert verify_package(package).ok
    bare = subprocess.run(
        [sys.executable, "-I", "verify/verify.py", "."], cwd=package, check=False, capture_output=True
    )
    assert bare.returncode == 0, bare.stdout
    assert not any(
        data in path.read_bytes() for data in files.values() for path in package.rglob("*") if path.is_file()
    )

    account = reconcile.reconcile(home, originals=True)
    assert account.adds_up, account.discrepancies
    assert (account.came_in, account.held, account.decided, account.filed) == (6, 4, 0, 2)
    assert account.leftovers == account.unexamined == account.reports_unfinished == 0
    assert _prints(folder) == before
    with home.look() as work:
        for item in work.session.scalars(select(Item)):
            with home.vault.open(Stored.from_json(item.stored)) as original:
                assert original.read() == (folder / Upload.from_json(item.upload).name).read_bytes()
        kinds = {entry.event.type for entry in work.log.entries() if entry.event}
    assert kinds >= {
        EventType.INGEST,
        EventType.PRIORITISE,
        EventType.DECIDE,
        EventType.REPORT_FINISHED,
        EventType.EXPORT,
    }


def test_nothing_of_an_original_lies_in_the_home_in_the_clear(home: Home, cage: Cage, tmp_path: Path) -> None:
    data = png(5, Comment="a canary that nobody may read: marmalade-thistle")
    take_in(home, cage, [put(tmp_path / "in", {"a.png": data})])
    for path in home.folder.rglob("*"):
        if path.is_file():
            assert b"marmalade-thistle" not in path.read_bytes() or path.name.startswith("firstlight.sqlite3"), path
            assert data[-200:] not in path.read_bytes()
