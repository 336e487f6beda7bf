"""INTERPOL tables, python-threatexchange, SQLite sets, base64 PDQ."""

from __future__ import annotations

import base64
import enum
import json
import pickle
import sqlite3
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.banks import Library
from firstlight.banks.importers import FORMATS
from firstlight.errors import InputError

Digest = Callable[[str, str], str]


def test_interpol_tables(library: Library, tmp_path: Path, digest: Digest) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;"
        "Number of submissions;File Available;Media Type;Baseline\n"
        f"{digest('md5', 'carrot').upper()};{digest('sha1', 'carrot')};AAAA;77;y;No;f;roots;3;y;Image;TRUE\n"
        ";;;78;;;;;;;;\n"
    )
    report = library.import_list("roots", path)
    assert (report.format, report.added, report.skipped) == ("interpol-csv", 1, 1)
    entry = library.entry("roots", "77")
    assert entry.categories == ("interpol-baseline", "distributed", "series:roots")
    assert entry.original["PhotoDNA"] == "AAAA"


def test_threatexchange_export_and_local_files(library: Library, tmp_path: Path, digest: Digest) -> None:
    export = tmp_path / "collab.csv"
    export.write_text(
        "signal_type,signal_str,collab,category,tags\n"
        f"pdq,{digest('sha256', 'carrot')},Sample,POSITIVE_CLASS,orange long\n"
        f"video_md5,{digest('md5', 'beet')},Sample,WORTH_INVESTIGATING,\n"
        f"pdq,{digest('sha256', 'leek')},Sample,NEGATIVE_CLASS,\n"
        "raw_text,some words,Sample,POSITIVE_CLASS,\n"
    )
    report = library.import_list("roots", export)
    assert (report.format, report.added, report.skipped) == ("threatexchange", 2, 2)
    assert {e.categories for e in library.entries("roots")} == {("orange", "long"), ()}

    local = tmp_path / "signals.txt"
    local.write_text(f"pdq {digest('sha256', 'carrot')}\nurl https://example.org\nnonsense\n")
    report = library.import_list("roots", local)
    assert (report.format, report.came, report.skipped) == ("threatexchange", 3, 2)


def test_the_state_of_a_collaboration_is_read(
    library: Library, tmp_path: Path, digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pickles as the tool writes them: data classes and enumerations of a module that is not there to be read with."""
    module = types.ModuleType("threatexchange_stand_in")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def shaped(name: str, **values: object) -> object:
        made = getattr(module, name, None) or type(name, (), {"__module__": module.__name__, "__qualname__": name})
        setattr(module, name, made)
        one = made()
        vars(one).update(values)
        return one

    class Kind(enum.Enum):
        PDQ = "ImagePDQ"
        GONE = "Withdrawn"

    Kind.__module__, Kind.__qualname__ = module.__name__, "Kind"
    module.Kind = Kind  # type: ignore[attr-defined]

    def entry(ident: str, deleted: bool = False) -> object:
        prints = {"md5": digest("md5", ident), "pdna": "opaque"}
        return shaped("Entry", id=ident, member_id=42, deleted=deleted, classification="A1", fingerprints=prints)

    updates = {
        ("pdq", digest("sha256", "carrot")): shaped("Metadata"),
        ("raw_text", "words"): shaped("Metadata"),
        "42-leek": entry("leek"),
        "42-kale": entry("kale", deleted=True),
        ("x", "y"): shaped("Record", signalType=Kind.PDQ, hashValue=digest("sha256", "beet"), hashStatus=Kind.PDQ),
        ("x", "z"): shaped("Record", signalType=Kind.PDQ, hashValue=digest("sha256", "chard"), hashStatus=Kind.GONE),
    }
    state = tmp_path / "Sample.state.pickle"
    state.write_bytes(pickle.dumps(shaped("FetchDelta", updates=updates, checkpoint=None)))
    monkeypatch.undo()
    report = library.import_list("roots", state)
    assert (report.format, report.came, report.added, report.skipped) == ("threatexchange", 6, 3, 1)
    assert library.entry("roots", "42:leek").categories == ("A1",)


class Payload:
    """What a hostile pickle does."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.witness), "w"))


@pytest.mark.parametrize("make", ["call", "build", "memo", "extension", "cut", "deep"])
def test_a_hostile_pickle_runs_nothing_and_takes_nothing(library: Library, tmp_path: Path, make: str) -> None:
    state, witness = tmp_path / "Sample.state.pickle", tmp_path / "ran"
    state.write_bytes(
        {
            "call": pickle.dumps(Payload(witness)),
            "build": pickle.dumps({"updates": [Payload(witness)] * 3}),
            "memo": b"\x80\x04Nr\xff\xff\xff\x7f.",  # a place so far out that the reader in C takes 16 GiB for it
            "extension": b"\x80\x02\x82\x01.",
            "cut": pickle.dumps({"updates": {}})[:-5],
            "deep": b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
        }[make]
    )
    with pytest.raises(InputError, match="pickle"):
        library.import_list("roots", state)
    assert not witness.exists()


def test_nsrl_and_autopsy_sets(library: Library, tmp_path: Path, digest: Digest) -> None:
    nsrl, kdb = tmp_path / "RDS_minimal.db", tmp_path / "set.kdb"
    with sqlite3.connect(nsrl) as database:
        database.execute("CREATE TABLE FILE (sha256 TEXT, sha1 TEXT, md5 TEXT, file_name TEXT, package_id INTEGER)")
        row = (digest("sha256", "carrot").upper(), digest("sha1", "carrot").upper(), digest("md5", "carrot").upper())
        database.executemany("INSERT INTO FILE VALUES (?, ?, ?, 'carrot', ?)", [(*row, 1), (*row, 2)])
    database.close()
    with sqlite3.connect(kdb) as database:
        database.execute("CREATE TABLE hashes (id INTEGER, md5 BLOB, sha1 BLOB, sha2_256 BLOB, database_id INTEGER)")
        database.execute("INSERT INTO hashes VALUES (1, ?, NULL, NULL, 1)", (bytes.fromhex(digest("md5", "beet")),))
        database.execute("INSERT INTO hashes VALUES (2, NULL, NULL, NULL, 1)")
    database.close()
    report = library.import_list("roots", nsrl)
    assert (report.format, report.added, report.repeated) == ("nsrl", 1, 1)
    report = library.import_list("roots", kdb)
    assert (report.format, report.added, report.skipped) == ("autopsy", 1, 1)
    assert {e.md5 for e in library.entries("roots")} == {digest("md5", "carrot"), digest("md5", "beet")}
    with pytest.raises(InputError, match="no table 'FILE'"):
        library.import_list("roots", kdb, "nsrl")
    nsrl.write_bytes(nsrl.read_bytes()[:4096] + b"\xff" * 4096)
    with pytest.raises(InputError, match=r"SQLite|any known format"):
        library.import_list("roots", nsrl)


def test_base64_lines_and_answers(library: Library, tmp_path: Path, digest: Digest) -> None:
    def encoded(name: str) -> str:
        return base64.b64encode(bytes.fromhex(digest("sha256", name))).decode()

    lines = tmp_path / "hashes.txt"
    lines.write_text(f"{encoded('carrot')}\n\n{encoded('carrot')[:-4]}\nä\n")
    report = library.import_list("roots", lines)
    assert (report.format, report.came, report.added, report.skipped) == ("arachnid", 3, 1, 2)
    assert [e.pdq for e in library.entries("roots")] == [digest("sha256", "carrot")]

    answers = tmp_path / "answers.json"
    answers.write_text(
        json.dumps(
            {
                "scanned_hashes": {
                    encoded("beet"): {"classification": "csam", "match_type": "near"},
                    encoded("leek"): None,
                    encoded("kale"): {"classification": "no-known-match"},
                }
            }
        )
    )
    report = library.import_list("roots", answers)
    assert (report.added, report.skipped) == (1, 2)
    assert [e.categories for e in library.entries("roots") if e.pdq == digest("sha256", "beet")] == [("csam",)]
    answers.write_text('{"scanned_hashes": 3}')
    with pytest.raises(InputError, match="no object"):
        library.import_list("roots", answers)


def test_every_format_says_what_it_reads() -> None:
    assert len({importer.says for importer in FORMATS.values()}) == len(FORMATS)
    for name, importer in FORMATS.items():
        assert importer.name == name
        assert (type(importer).__doc__ or "").strip()
