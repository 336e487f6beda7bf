"""VICS hash sets and cases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firstlight.banks import Library
from firstlight.errors import InputError

Digest = Callable[[str, str], str]
BASE = "http://github.com/ICMEC/ProjectVic/DataModels"
BASE_2 = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml"


def put(tmp_path: Path, document: dict[str, Any], *, mark: bool = False) -> Path:
    path = tmp_path / "vics.json"
    path.write_text(json.dumps(document, indent=1), encoding="utf-8-sig" if mark else "utf-8")
    return path


@pytest.mark.parametrize(
    ("key", "header", "model"),
    [
        ("odata.metadata", f"{BASE}/1.2.xml#Media", "default"),
        ("odata.metadata", f"{BASE}/1.3.xml#Media", "default"),
        ("@odata.context", f"{BASE_2}/US/$metadata#Media", "us"),
        ("@odata.context", f"{BASE_2}/UK/$metadata#Media", "uk"),
    ],
)
def test_hash_sets_of_all_versions(
    key: str, header: str, model: str, library: Library, tmp_path: Path, digest: Digest
) -> None:
    media = [
        {
            "MediaID": 1, "Category": 1, "MD5": digest("md5", "carrot").upper(), "SHA1": digest("sha1", "carrot"),
            "VictimIdentified": "true", "IsDistributed": True, "OffenderIdentified": "false", "Series": "a, b",
            "Tags": "", "Comments": "long", "PhotoDNA": "AAAA",
            "AlternativeHashes": [{"HashName": "PhotoDNA", "HashValue": "BBBB"},
                                  {"HashName": "SHA-256", "HashValue": digest("sha256", "carrot")}],
        },
        {"MediaID": 2, "Category": 0, "MD5": digest("md5", "beet")},
        {"MediaID": 3, "Category": None, "MD5": digest("md5", "leek")},
        {"MediaID": 4, "Category": 2, "MD5": ""},
    ]  # fmt: skip
    path = put(tmp_path, {key: header, "value": media}, mark=True)
    report = library.import_list("roots", path)
    zero = 1 if model != "uk" else 0
    assert (report.format, report.came, report.added, report.skipped) == ("vics-json", 4, 3 - zero, 1 + zero)
    entry = next(e for e in library.entries("roots") if e.md5 == digest("md5", "carrot"))
    assert entry.sha1 == digest("sha1", "carrot")
    assert entry.sha256 == digest("sha256", "carrot")
    assert entry.categories == (f"vics-{model}:1", "victim-identified", "distributed", "series:a", "series:b")
    assert (entry.note, entry.original["PhotoDNA"]) == ("long", "BBBB")
    assert library.import_list("roots", path).unchanged == 3 - zero


def test_cases_are_walked_and_streamed(
    library: Library, tmp_path: Path, digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.banks.importers.json_stream._BLOCK", 7)
    cases = [
        {
            "CaseID": "{1}",
            "CaseMetadata": [{"PropertyName": "x", "PropertyValue": "]}"}],
            "Media": [{"MD5": digest("md5", f"{case}-{i}"), "Category": 1, "MediaFiles": [{}]} for i in range(5)],
            "TotalMediaFiles": 12345,
        }
        for case in range(3)
    ]
    path = put(tmp_path, {"@odata.context": f"{BASE_2}/Default/$metadata#Cases", "x": 12.5, "value": cases})
    assert library.import_list("roots", path).added == 15


def test_categories_can_be_chosen(library: Library, tmp_path: Path, digest: Digest) -> None:
    media = [{"Category": n, "MD5": digest("md5", str(n))} for n in range(6)]
    path = put(tmp_path, {"odata.metadata": f"{BASE}/1.3.xml#Media", "value": media})
    assert library.import_list("roots", path, columns={"category": "0, 5"}).added == 2
    assert library.import_list("roots", path).added == 4
    with pytest.raises(InputError, match="only the categories"):
        library.import_list("roots", path, columns={"md5": "x"})


def test_broken_json_keeps_what_came_before(library: Library, tmp_path: Path, digest: Digest) -> None:
    media = [{"Category": 1, "MD5": digest("md5", str(n))} for n in range(3)]
    path = put(tmp_path, {"odata.metadata": f"{BASE}/1.3.xml#Media", "value": media})
    path.write_text(path.read_text()[:-10])
    report = library.import_list("roots", path)
    assert report.stopped is not None
    assert "JSON is broken" in report.stopped.message
    assert (report.added, library.bank("roots").entries) == (2, 2)
    path.write_text(path.read_text()[:100])
    with pytest.raises(InputError, match="JSON is broken"):
        library.import_list("roots", path)
