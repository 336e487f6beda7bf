"""The receiving side: what others sent becomes cases that rank as others do, and stays a statement of its sender."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from casework.making import case_of, jpeg, look_at, new_home, put, report_it, take_in, upload
from firstlight.banks import NewEntry
from firstlight.casework import acts, banking, cases, examine, filing, importing, preserve, reconcile
from firstlight.casework.home import Home
from firstlight.casework.importing import Form
from firstlight.custody import EventType, verify_package
from firstlight.custody.files import unseen_folder
from firstlight.cybertip import Draft, to_xml
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError
from firstlight.media import Cage
from firstlight.values import BankPurpose

FILES = {"a.jpg": jpeg(1), "b.jpg": jpeg(2)}


@pytest.fixture
def sender(home: Home, cage: Cage, tmp_path: Path) -> Home:
    """A service with a case of one picture that it is about to report."""
    take_in(home, cage, [put(tmp_path / "in", FILES)], default=upload("u1", ip="192.0.2.7", port=4711))
    look_at(home, 1)
    report_it(home, 1)
    return home


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Home]:
    """An agency whose bank knows the sender's first picture by its MD5."""
    with new_home(tmp_path / "agency") as home:
        banking.create_bank(home, "series", BankPurpose.KNOWN)
        banking.add_hashes(home, "series", [NewEntry(md5=hashlib.md5(FILES["a.jpg"]).hexdigest())])
        yield home


def taken(home: Home, cage: Cage, path: Path, **more: Any) -> importing.ImportReport:
    report = importing.import_evidence(home, path, **more)
    examine.examine(home, cage)
    account = reconcile.reconcile(home, originals=True)
    assert account.adds_up, account.discrepancies
    return report


def exported(home: Home, tmp_path: Path) -> Path:
    return Path(preserve.export(home, 1, tmp_path / "out").folder)


def test_an_export_leaves_alone_what_another_home_is_writing_there(sender: Home, tmp_path: Path) -> None:
    left = tmp_path / "out" / ".firstlight-case-1-8.partial"
    left.mkdir(parents=True)
    with unseen_folder(tmp_path / "out" / ".firstlight-case-1-9.partial") as others:
        (others / "half").write_bytes(b"x")
        exported(sender, tmp_path)
        assert (others / "half").read_bytes() == b"x"
    assert not left.exists()


def test_a_package_becomes_a_case_once_and_the_log_says_what_was_proven(
    sender: Home, receiver: Home, cage: Cage, tmp_path: Path
) -> None:
    package = exported(sender, tmp_path)
    key = sender.keyring.log_signer().verifier.vkey
    report = taken(receiver, cage, package, trusted_key=key, actor="ada")
    assert (report.form, report.cases, report.received, report.senders) == (Form.PACKAGE, 1, 1, ("Example Photos",))
    assert "The log's key is the one that you gave." in report.said
    (place,) = cases.queue(receiver).places
    view = cases.show(receiver, place.case)
    verdict = "\n".join(view.items[0].verdict.lines())
    assert "series" in verdict
    assert "The file itself is not here: " in verdict
    assert "statements of its sender" in verdict
    assert "opened" not in verdict + view.says
    assert view.items[0].account == "u1"
    with receiver.look() as work:
        told = [
            e.event for e in work.log.entries(types=[EventType.INGEST]) if e.event and "received" in e.event.payload
        ]
    assert [(one.actor, one.payload["received"], one.payload["count"]) for one in told] == [("ada", "package", 1)]
    again = taken(receiver, cage, package)
    assert (again.received, again.known) == (0, 1)


def test_what_the_sender_calls_urgent_comes_first_here_too(
    home: Home, receiver: Home, cage: Cage, tmp_path: Path
) -> None:
    """One case asks to be read at once, in a package and as a tip, and another says that it is live."""
    about = {"a.jpg": upload("u1"), "b.jpg": upload("u2", context={"facts": ["live"]})}
    take_in(home, cage, [put(tmp_path / "in", FILES)], about)
    asked, live = case_of(home, "a.jpg"), case_of(home, "b.jpg")
    report_it(home, asked, escalation="They meet on Friday.")
    report_it(home, live)
    for case in (asked, live):
        taken(receiver, cage, Path(preserve.export(home, case, tmp_path / "out").folder))
    (draft,) = filing.draft(home, asked)
    taken(receiver, cage, put(tmp_path / "tips", {"report-555.xml": to_xml(draft.draft.report)}))
    places = cases.queue(receiver).places
    assert [place.level.value for place in places] == ["immediate"] * 3
    said = [place.says for place in places]
    assert sum("asks for it to be read at once" in one for one in said) == 2, said
    assert sum("live" in one for one in said) == 1, said


def test_a_package_that_does_not_verify_is_not_taken(sender: Home, receiver: Home, cage: Cage, tmp_path: Path) -> None:
    package = exported(sender, tmp_path)
    record = package / "data/records/item-1.json"
    record.write_bytes(record.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="does not verify"):
        importing.import_evidence(receiver, package)
    assert cases.queue(receiver).places == ()


def test_the_senders_statements_never_become_ours(sender: Home, receiver: Home, cage: Cage, tmp_path: Path) -> None:
    taken(receiver, cage, exported(sender, tmp_path))
    report_it(receiver, 1, [1])
    with pytest.raises(StateError, match="received from somebody else"):
        filing.draft(receiver, 1)
    package = Path(preserve.export(receiver, 1, tmp_path / "again").folder)
    assert verify_package(package).ok
    (file,) = json.loads((package / "data/interchange/files.json").read_text())
    assert file["viewed"] == [], "a viewing by the sender is no viewing of ours"


@pytest.mark.parametrize("name", ["vics-2.0.json", "vics-1.3.json"])
def test_our_own_vics_files_become_cases(sender: Home, receiver: Home, cage: Cage, tmp_path: Path, name: str) -> None:
    path = exported(sender, tmp_path) / "data/interchange" / name
    report = taken(receiver, cage, path)
    assert (report.form, report.cases, report.received) == (Form.VICS, 1, 1)
    assert report.said[0].startswith("NOT PROVED: anything")


def vics(folder: Path, *cases_: dict[str, Any], mark: bool = True) -> Path:
    header = "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Cases"
    text = json.dumps({"odata.metadata": header, "value": list(cases_)})
    path = folder / "case.json"
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.encode())
    return path


def test_several_cases_with_hashes_in_any_form_stay_apart_and_together(
    receiver: Home, cage: Cage, tmp_path: Path
) -> None:
    media = [
        {
            "MediaID": 1,
            "MD5": "A" * 32,
            "SHA1": "b" * 40,
            "IsSuspected": "true",
            "MediaFiles": [{"FileName": "x\x1b.jpg"}],
        },
        {
            "MediaID": 2,
            "MD5": "no hash",
            "MediaSize": "many",
            "AlternativeHashes": [{"HashName": "SHA-256", "HashValue": "C" * 64}],
        },
        "no medium",
    ]
    path = vics(
        tmp_path,
        {"CaseNumber": "7/26", "ContactOrganization": "An agency", "Media": media},
        {"CaseID": "8", "Media": []},
    )
    report = taken(receiver, cage, path)
    assert (report.cases, report.received, report.senders) == (2, 3, ("An agency", "not named"))
    sizes = sorted(place.items for place in cases.queue(receiver).places)
    assert sizes == [1, 2]
    names = {item.name for place in cases.queue(receiver).places for item in cases.show(receiver, place.case).items}
    assert "x\\x1b.jpg" in names


def test_cybertips_become_cases_and_what_is_none_is_told(
    sender: Home, receiver: Home, cage: Cage, tmp_path: Path
) -> None:
    folder = tmp_path / "tips"
    (drafted,) = filing.draft(sender, 1)
    put(
        folder,
        {
            "5000000001.json": drafted.draft.to_json(),
            "report-5000000002.xml": to_xml(drafted.draft.report),
            "letter.pdf": b"%PDF",
            "broken.xml": b"<report>",
            "other.json": b"{}",
        },
    )
    report = taken(receiver, cage, folder)
    assert (report.form, report.cases, report.received) == (Form.CYBERTIPS, 2, 3)
    assert sorted(line.split(":")[0] for line in report.passed) == ["broken.xml", "letter.pdf", "other.json"]
    assert Draft.from_json((folder / "5000000001.json").read_bytes()) == drafted.draft
    places = cases.queue(receiver).places
    assert sorted(place.items for place in places) == [1, 2]
    accounts = {item.account for place in places for item in cases.show(receiver, place.case).items}
    assert accounts == {"u1"}
    put(folder, {"5000000003.json": drafted.draft.to_json()})
    more = taken(receiver, cage, folder)
    assert (more.received, more.known) == (2, 3)


def test_originals_open_with_the_agencys_key_alone(sender: Home, receiver: Home, cage: Cage, tmp_path: Path) -> None:
    age: Any = pytest.importorskip("pyrage", reason="the extra age is not installed")
    mine, other = age.x25519.Identity.generate(), age.x25519.Identity.generate()
    for name, one in (("mine", mine), ("other", other)):
        (tmp_path / name).write_text(f"# created: {datetime.now(UTC)}\n{one}\n")
    to = [str(mine.to_public())]
    asked = preserve.export_with_media(sender, 1, tmp_path / "out", to, actor="ada")
    acts.approve(sender, asked.act_sha256, actor="bea")
    done = preserve.export_with_media(sender, 1, tmp_path / "out", to, actor="ada")
    assert done.media is not None
    assert done.approved_by == "bea"
    bag = Path(done.media.folder)
    closed = taken(receiver, cage, bag)
    assert (closed.originals, "encrypted" in closed.passed[0]) == (0, True)
    with pytest.raises(InputError, match="does not open with this key"):
        importing.import_evidence(receiver, bag, identity=tmp_path / "other")
    opened = taken(receiver, cage, bag, identity=tmp_path / "mine")
    assert opened.originals == 1
    items = [item for place in cases.queue(receiver).places for item in cases.show(receiver, place.case).items]
    assert [(one.sha256, one.media_type) for one in items] == [
        (hashlib.sha256(FILES["a.jpg"]).hexdigest(), "image/jpeg")
    ]
    assert taken(receiver, cage, bag, identity=tmp_path / "mine").originals == 0
    (tmp_path / "none").write_text("no key\n")
    with pytest.raises(InputError, match="holds no age key"):
        importing.import_evidence(receiver, bag, identity=tmp_path / "none")


def test_what_is_nothing_that_can_be_received_is_told(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        importing.import_evidence(home, tmp_path / "missing")
    (tmp_path / "x.txt").write_text("words")
    with pytest.raises(InputError, match="nothing that can be received"):
        importing.import_evidence(home, tmp_path / "x.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no report"):
        importing.import_evidence(home, tmp_path / "empty")
    path = vics(tmp_path)
    with pytest.raises(InputError, match="no media"):
        importing.import_evidence(home, path)
    path.write_bytes(path.read_bytes()[:-4] + b"[")
    with pytest.raises(InputError, match="broken"):
        importing.import_evidence(home, path)
