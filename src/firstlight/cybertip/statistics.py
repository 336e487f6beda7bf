"""How many reports a month, and what the AI-related ones rest on: a flag without its basis is counted as unknown."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal
from xml.sax.saxutils import escape

from firstlight.clock import in_utc
from firstlight.cybertip.model.annotations import FileAnnotation
from firstlight.cybertip.model.report import Draft
from firstlight.cybertip.record import AiBasis, Record
from firstlight.values import Document, Instant, Value, Versioned

UNKNOWN = "unknown"
NOT_RELATED = "not-ai-related"
COLUMNS = (*(b.value for b in AiBasis), UNKNOWN, NOT_RELATED)
"""The order is that of strength: a report with several bases counts under the first."""

_COLOURS = ("#1b4f72", "#2e86c1", "#b9770e", "#7d6608", "#148f77", "#884ea0", "#7b7d7d", "#d5d8dc")
LABELS = {
    AiBasis.GENERATED_HERE.value: "generated here",
    AiBasis.OUTPUT_SEEN.value: "output seen",
    AiBasis.KNOWN_IN_TRAINING_DATA.value: "known file in training data",
    AiBasis.UPLOADED_AS_INPUT.value: "uploaded as input",
    AiBasis.PROMPTED_FOR.value: "prompted for",
    AiBasis.SENDER_FLAG.value: "sender's flag only",
    UNKNOWN: "unknown basis",
    NOT_RELATED: "not AI-related",
}
"""The columns in words."""


class CountedReport(Value):
    """A finished report as it is counted: when it was finished, and the basis of what it says about AI, if anything."""

    at: Instant
    basis: AiBasis | Literal["unknown"] | None = None


def counted(draft: Draft, record: Record, at: Instant) -> CountedReport:
    """How a filed draft counts: by the strongest recorded basis of any of its files."""
    bases = {c.basis for f in draft.files for c in record.origin_claims(f.digests.sha256)}
    first = next((b for b in AiBasis if b in bases), None)
    if first is not None:
        return CountedReport(at=at, basis=first)
    flagged = any(f.description.is_annotated(FileAnnotation.GENERATIVE_AI) for f in draft.files)
    return CountedReport(at=at, basis="unknown" if flagged else None)


class Month(Value):
    """The reports of one month (`2026-03`, in UTC), by basis in the order of `COLUMNS`."""

    month: str
    reports: int
    by_basis: tuple[int, ...]


class ReportStatistics(Document):
    """Reports by month, without gaps between the first month and the last."""

    title_for_people: ClassVar[str] = "statistics of reports"

    kind: Literal["cybertip-statistics"] = "cybertip-statistics"
    version: Versioned = 1
    columns: tuple[str, ...] = COLUMNS
    months: tuple[Month, ...]

    def to_csv(self) -> str:
        """The table as CSV with a header line."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("month", "reports", *self.columns))
        writer.writerows((m.month, m.reports, *m.by_basis) for m in self.months)
        return out.getvalue()

    def to_table(self) -> str:
        """The table for people."""
        head = ("month", "reports", *(LABELS[c] for c in self.columns))
        rows = [(m.month, str(m.reports), *(str(n) for n in m.by_basis)) for m in self.months]
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in (head, *rows))

    def to_svg(self) -> str:
        """The table as a stacked bar chart, one bar a month; a picture that stands alone."""
        return _chart(self.months)


def statistics(reports: Iterable[CountedReport]) -> ReportStatistics:
    """The reports by month and basis."""
    counts: dict[str, Counter[str]] = {}
    for report in reports:
        month = in_utc(report.at).strftime("%Y-%m")
        counts.setdefault(month, Counter())[report.basis or NOT_RELATED] += 1
    months = []
    for month in _every_month(sorted(counts)):
        row = counts.get(month, Counter())
        months.append(Month(month=month, reports=row.total(), by_basis=tuple(row[c] for c in COLUMNS)))
    return ReportStatistics(months=tuple(months))


def _every_month(known: Sequence[str]) -> list[str]:
    if not known:
        return []
    first, last = (int(m[:4]) * 12 + int(m[5:]) - 1 for m in (known[0], known[-1]))
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(first, last + 1)]


_BAR, _GAP, _HEIGHT, _LEFT, _TOP, _LINE = 36, 12, 200, 60, 20, 16


def _chart(months: Sequence[Month]) -> str:
    most = max((m.reports for m in months), default=0) or 1
    width = _LEFT + max(len(months), 1) * (_BAR + _GAP) + 220
    size = f'width="{width}" height="{_TOP + _HEIGHT + 40}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11" role="img">',
        "<title>Reports by month and basis of AI-related statements</title>",
        f'<text x="{_LEFT - 6}" y="{_TOP + 4}" text-anchor="end">{most}</text>',
        f'<text x="{_LEFT - 6}" y="{_TOP + _HEIGHT}" text-anchor="end">0</text>',
    ]
    for number, month in enumerate(months):
        x, y = _LEFT + number * (_BAR + _GAP), float(_TOP + _HEIGHT)
        for name, colour, count in zip(COLUMNS, _COLOURS, month.by_basis, strict=True):
            height = _HEIGHT * count / most
            y -= height
            if count:
                title = escape(f"{month.month}: {count} {LABELS[name]}")
                parts.append(
                    f'<rect x="{x}" y="{y:.1f}" width="{_BAR}" height="{height:.1f}" fill="{colour}">'
                    f"<title>{title}</title></rect>"
                )
        parts.append(f'<text x="{x + _BAR / 2}" y="{_TOP + _HEIGHT + 14}" text-anchor="middle">{month.month}</text>')
    x = _LEFT + max(len(months), 1) * (_BAR + _GAP) + 10
    for number, (name, colour) in enumerate(zip(COLUMNS, _COLOURS, strict=True)):
        y = _TOP + number * _LINE
        parts.append(f'<rect x="{x}" y="{y}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 16}" y="{y + 9}">{escape(LABELS[name])}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
