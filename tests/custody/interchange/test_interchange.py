from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from custody.conftest import PICTURE, digests_of, small_case
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, FileFacts, PackageContents, export_package
from firstlight.custody.interchange.case_jsonld import case_jsonld
from firstlight.custody.interchange.vics import vics_1_3, vics_2_0

_PROGRAMS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


@pytest.fixture
def contents(log: CustodyLog, clock: FixedClock) -> PackageContents:
    return small_case(log, clock)


def test_vics_2_0(contents: PackageContents) -> None:
    data = vics_2_0(contents)
    assert not data.startswith(b"\xef\xbb\xbf")
    document = json.loads(data)
    assert document["@odata.context"].endswith("/2.0.xml/Default/$metadata#Media")
    (item,) = document["value"]
    digests = digests_of(PICTURE)
    assert (item["MediaID"], item["MediaSize"], item["Category"]) == (1, len(PICTURE), 0)
    assert (item["MD5"], item["SHA1"]) == (digests.md5.upper(), digests.sha1.upper())
    assert {"HashName": "SHA256", "HashValue": digests.sha256.upper()} in item["AlternativeHashes"]
    assert item["MediaFiles"][0]["FileName"] == "=HYPERLINK(carrot).jpg"
    for unknown in ("VictimIdentified", "OffenderIdentified", "IsDistributed", "Series", "RelativeFilePath"):
        assert item[unknown] is None


def test_vics_1_3(contents: PackageContents) -> None:
    document = json.loads(vics_1_3(contents))
    assert document["odata.metadata"].endswith("/1.3.xml#Cases")
    (case,) = document["value"]
    assert case["CaseNumber"] == "case-1"
    assert case["Media"] == json.loads(vics_2_0(contents))["value"]


def test_what_is_not_known_is_null(contents: PackageContents) -> None:
    bare = contents.model_copy(update={"files": (FileFacts(digests=digests_of(b"x"), pdq="ab" * 32),)})
    (item,) = json.loads(vics_2_0(bare))["value"]
    assert item["MimeType"] is item["DateUpdated"] is item["Tags"] is item["Comments"] is None
    assert {"HashName": "PDQ", "HashValue": "AB" * 32} in item["AlternativeHashes"]


def test_case_graph(contents: PackageContents, log: CustodyLog) -> None:
    entries = list(log.entries(cases=["case-1"], subjects=contents.all_subjects()))
    data = case_jsonld(contents, entries)
    assert data == case_jsonld(contents, entries)
    graph = json.loads(data)["@graph"]
    kinds = [node["@type"] for node in graph]
    assert kinds.count("case-investigation:InvestigativeAction") == len(entries) == 4
    assert kinds.count("case-investigation:ProvenanceRecord") == kinds.count("uco-observable:File") == 1
    names = [node["@id"] for node in graph]
    assert len(set(names)) == len(names)
    for node in graph:
        for key in ("uco-action:performer", "uco-action:object", "uco-action:result"):
            if key in node:
                assert node[key]["@id"] in names
    (investigation,) = (node for node in graph if node["@type"] == "case-investigation:Investigation")
    assert {one["@id"] for one in investigation["uco-core:object"]} <= set(names)


def test_a_case_without_files_and_events_is_a_graph_too(contents: PackageContents) -> None:
    empty = contents.model_copy(update={"files": ()})
    graph = json.loads(case_jsonld(empty, []))["@graph"]
    assert [node["@type"] for node in graph] == ["uco-identity:Organization", "case-investigation:Investigation"]


def test_case_validates_against_the_ontology(
    tmp_path: Path, contents: PackageContents, log: CustodyLog, clock: FixedClock
) -> None:
    program = shutil.which("case_validate", path=_PROGRAMS)
    if program is None:
        pytest.skip("case_validate is not at hand: install case-utils and put it on the path")
    folder = Path(export_package(contents, tmp_path, log, clock, actor="u").folder)
    graph = folder / "data" / "interchange" / "case.jsonld"
    done = subprocess.run(
        [program, "--built-version", "case-1.5.0", str(graph)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "Conforms: True" in done.stdout


def test_the_archivists_own_tool_accepts_the_bag(
    tmp_path: Path, contents: PackageContents, log: CustodyLog, clock: FixedClock
) -> None:
    program = shutil.which("bagit.py", path=_PROGRAMS)
    if program is None:
        pytest.skip("bagit.py is not at hand: install bagit and put it on the path")
    folder = Path(export_package(contents, tmp_path, log, clock, actor="u").folder)
    subprocess.run([program, "--validate", str(folder)], capture_output=True, check=True)
