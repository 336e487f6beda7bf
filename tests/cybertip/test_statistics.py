"""Reports are counted by month and by what their AI statements rest on."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from cybertip.small_case import BYTES, digests
from firstlight.cybertip import AiBasis, Draft, MemoryRecord, OriginClaim
from firstlight.cybertip.statistics import COLUMNS, CountedReport, ReportStatistics, counted, statistics

SHA = digests(BYTES["harbour"]).sha256
AT = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)


def claims(*bases: AiBasis) -> MemoryRecord:
    """A record with statements about the first file."""
    return MemoryRecord(origin_claims={SHA: tuple(OriginClaim(basis=b, says=b.value) for b in bases)})


@pytest.mark.parametrize("basis", list(AiBasis))
def test_a_report_counts_by_its_basis(draft: Draft, basis: AiBasis) -> None:
    assert counted(draft, claims(basis), AT).basis is basis


def test_the_strongest_basis_counts_once(draft: Draft) -> None:
    assert counted(draft, claims(AiBasis.SENDER_FLAG, AiBasis.GENERATED_HERE), AT).basis is AiBasis.GENERATED_HERE


def test_a_flag_without_basis_is_unknown_and_no_flag_is_not_related(draft: Draft) -> None:
    assert counted(draft, MemoryRecord(), AT).basis is None
    first = draft.files[0]
    flagged = first.description.model_copy(update={"file_annotations": ("generativeAi",)})
    said = draft.model_copy(update={"files": (first.model_copy(update={"description": flagged}),)})
    assert counted(said, MemoryRecord(), AT).basis == "unknown"


def test_months_have_no_gaps_and_add_up() -> None:
    reports = [CountedReport(at=AT), CountedReport(at=AT, basis=AiBasis.OUTPUT_SEEN)]
    reports += [CountedReport(at=datetime(2026, 4, 1, tzinfo=UTC), basis="unknown")]
    result = statistics(reports)
    assert [(m.month, m.reports) for m in result.months] == [
        ("2026-01", 2),
        ("2026-02", 0),
        ("2026-03", 0),
        ("2026-04", 1),
    ]
    assert all(sum(m.by_basis) == m.reports for m in result.months)
    rows = list(csv.DictReader(io.StringIO(result.to_csv())))
    assert (rows[0]["output-seen"], rows[0]["not-ai-related"], rows[3]["unknown"]) == ("1", "1", "1")
    assert len(result.to_table().splitlines()) == 5
    assert ReportStatistics.from_json(result.to_json()) == result
    drawing = ET.fromstring(result.to_svg())
    assert len(drawing.findall(".//{*}rect")) == 3 + len(COLUMNS)


def test_nothing_filed_is_an_empty_table() -> None:
    empty = statistics([])
    assert empty.months == ()
    assert empty.to_csv().count("\n") == 1
    assert ET.fromstring(empty.to_svg()).tag.endswith("svg")
