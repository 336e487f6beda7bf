"""Plots as shapes in a box of fixed size: what a template draws as SVG, beside the table with the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firstlight.casework.figures import Waits
from firstlight.cybertip.statistics import COLUMNS, LABELS, ReportStatistics
from firstlight.triage import AuditEstimate
from firstlight.web.console.words import hours

WIDTH, HEIGHT = 640, 220
NARROW = 400
"""The width of what stands in half a page, so that its words are as large there as those of a whole one."""
LEFT, TOP, BOTTOM = 44, 12, 28


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of column `series`, with the words that a pointer finds on it."""

    x: float
    y: float
    width: float
    height: float
    series: int
    says: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a place; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Plot:
    """Shapes in a box of `width` by `height`."""

    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]
    width: int = WIDTH
    height: int = HEIGHT


def months(statistics: ReportStatistics, *, most: int = 24) -> Plot | None:
    """Reports by month, stacked by what their word on machines rests on: the last two years at most."""
    shown = statistics.months[-most:]
    if not shown:
        return None
    top = max(month.reports for month in shown) or 1
    step = (WIDTH - LEFT) / len(shown)
    bars, labels = [], [Label(LEFT - 6, TOP + 10, f"{top:,}", "end"), Label(LEFT - 6, HEIGHT - BOTTOM, "0", "end")]
    room = HEIGHT - TOP - BOTTOM
    for place, month in enumerate(shown):
        x, y = LEFT + place * step + step * 0.15, float(HEIGHT - BOTTOM)
        for series, count in enumerate(month.by_basis):
            if count:
                height = room * count / top
                y -= height
                says = f"{month.month}: {count:,} {LABELS[COLUMNS[series]]}"
                bars.append(
                    Bar(round(x, 1), round(y, 1), round(min(step * 0.7, 60), 1), round(height, 1), series, says)
                )
        if place % max(1, len(shown) // 8) == 0:
            labels.append(Label(round(x + min(step * 0.35, 30), 1), HEIGHT - 8, month.month))
    return Plot(tuple(bars), tuple(labels))


def waits(rows: Sequence[Waits]) -> Plot | None:
    """The wait of each level: the median as a full bar, nine of ten as a pale one behind it."""
    if not rows:
        return None
    top = max(row.nine_of_ten for row in rows) or 1.0
    line, left, right = 46, 80, 100
    room = NARROW - left - right
    bars, labels = [], []
    for place, row in enumerate(rows):
        y = place * line + 8
        for value, height, series in ((row.nine_of_ten, 24, 7), (row.median, 12, 0)):
            width = max(2.0, room * value / top)
            name = "nine of ten within" if series else "half within"
            bars.append(Bar(left, y + (24 - height) / 2, round(width, 1), height, series, f"{name} {value:g} hours"))
        labels.append(Label(left - 10, y + 17, row.level.value, "end"))
        long = left + max(2.0, room * row.nine_of_ten / top)
        labels.append(Label(round(long + 8, 1), y + 17, hours(row.nine_of_ten), "start"))
    return Plot(tuple(bars), tuple(labels), width=NARROW, height=len(rows) * line)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval on a line from 0 to 100 %, in the units of a plot."""

    low: float
    at: float
    high: float
    width: int = NARROW


def interval(audit: AuditEstimate) -> Interval | None:
    """The audit's estimate of what the rest hides; nothing while nothing was audited."""
    if not audit.audited:
        return None
    return Interval(
        low=round(audit.share_low * NARROW, 1),
        at=round(audit.share * NARROW, 1),
        high=round(audit.share_high * NARROW, 1),
    )
