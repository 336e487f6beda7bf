"""What a simulation answers: one document, and its rendering as a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from typing import ClassVar, Literal
from xml.sax.saxutils import escape

from firstlight.values import Document, Sha256Hex, Value, Versioned


class PolicyResult(Value):
    """One policy in one scenario, all seeds taken together. Waits are in hours, shares 0 to 1."""

    policy: str
    says: str
    urgent_median: float
    urgent_p95: float
    urgent_within_hour: float
    child_within_hour: float
    child_within_day: float
    longest: float
    views: float


class ScenarioResult(Value):
    """One scenario. `bound` is the printed bound on our longest wait in hours; `bound_kept` that it held in turns."""

    scenario: str
    says: str
    flood: bool
    items: float
    urgent: int
    results: tuple[PolicyResult, ...]
    bound: float | None
    bound_kept: bool

    def of(self, policy: str) -> PolicyResult:
        """The result of this policy."""
        return next(result for result in self.results if result.policy == policy)

    @property
    def best_other(self) -> PolicyResult:
        """The other policy with the shortest p95 of urgent items."""
        return min((r for r in self.results if r.policy != "ours"), key=lambda r: r.urgent_p95)

    @property
    def times_better_than_fifo(self) -> float:
        """How many times shorter our urgent p95 is than that of first come, first served with the same bundles."""
        return self.of("fifo").urgent_p95 / max(self.of("ours").urgent_p95, 1e-9)


class SimulationReport(Document):
    """What a simulation answers. It is a model: the shapes matter, not the digits."""

    title_for_people: ClassVar[str] = "simulation report"

    kind: Literal["triage-simulation"] = "triage-simulation"
    version: Versioned = 1
    table_version: str
    table_sha256: Sha256Hex
    seeds: tuple[int, ...]
    scenarios: tuple[ScenarioResult, ...]


class SensitivityPoint(Value):
    """One value of one assumed rate. `best` is the policy with the shortest urgent p95 there."""

    value: float
    ours_p95: float
    best: str
    best_p95: float
    times_better_than_fifo: float


class Sensitivity(Value):
    """What happens to the result when one assumed rate is another."""

    scenario: str
    rate: str
    assumed: float
    points: tuple[SensitivityPoint, ...]

    @property
    def says(self) -> str:
        """Where ours stops being best, or 20 times better than first come, first served."""
        lost = [f"{p.value:g} ({p.best})" for p in self.points if p.best != "ours"]
        under = [f"{p.value:g}" for p in self.points if p.times_better_than_fifo < GOAL_OVER_FIFO]
        text = f"Ours is not best at {', '.join(lost)}." if lost else "Ours is best at every value tried."
        if under:
            text += f" It is less than {GOAL_OVER_FIFO:g} times better than fifo at {', '.join(under)}."
        return text


GOAL_OVER_FIFO = 20.0
"""How many times shorter than first come, first served the urgent p95 is to be in a flood."""

CAVEAT = (
    "A model, not a measurement: arrivals, speeds and most of what is seen are assumed, and copies cost nobody a look. "
    "The shapes matter, not the digits."
)


def hours(value: float) -> str:
    """Hours as people read them."""
    if value < 1 / 60:
        return f"{value * 3600:.0f} s"
    return f"{value * 60:.1f} min" if value < 2 else f"{value:.1f} h"


def as_table(report: SimulationReport) -> str:
    """The report as a Markdown table per scenario."""
    lines = [CAVEAT, ""]
    for scenario in report.scenarios:
        lines += [
            f"### {scenario.scenario}",
            "",
            f"{scenario.says} {scenario.items:.0f} items, {scenario.urgent} urgent ones over all seeds.",
            "",
            "| policy | urgent median | urgent p95 | urgent <= 1 h | child <= 1 h | child <= 24 h | longest | views |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for r in scenario.results:
            lines.append(
                f"| {r.policy} | {hours(r.urgent_median)} | {hours(r.urgent_p95)} | {r.urgent_within_hour:.0%} "
                f"| {r.child_within_hour:.0%} | {r.child_within_day:.0%} | {hours(r.longest)} | {r.views:.0f} |"
            )
        lines += ["", _verdict(scenario), ""]
    return "\n".join(lines)


def _verdict(scenario: ScenarioResult) -> str:
    ours, other = scenario.of("ours"), scenario.best_other
    best = "no worse than" if ours.urgent_p95 <= other.urgent_p95 else "**worse than**"
    text = (
        f"Ours is {best} the best other policy here ({other.policy}), and "
        f"{scenario.times_better_than_fifo:.1f} times better than fifo."
    )
    if scenario.bound is None:
        return text + " No bound on the wait holds: immediate items alone fill the capacity."
    held = "held" if scenario.bound_kept and ours.longest <= scenario.bound else "**did not hold**"
    return text + f" The bound on the longest wait was {hours(scenario.bound)}, and it {held}."


def sensitivity_table(runs: Sequence[Sensitivity]) -> str:
    """The sensitivity runs as Markdown tables, each with where ours stops being best."""
    lines: list[str] = []
    for run in runs:
        lines += [
            f"### {run.scenario}: {run.rate} (assumed {run.assumed:g})",
            "",
            "| value | ours: urgent p95 | shortest of all | times better than fifo |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {p.value:g} | {hours(p.ours_p95)} | {p.best} ({hours(p.best_p95)}) | {p.times_better_than_fifo:.1f} |"
            for p in run.points
        ]
        lines += ["", run.says, ""]
    return "\n".join(lines)


_SHAPES = ("circle", "square", "up", "down", "diamond", "plus", "cross")
_COLOURS = ("#0b6e4f", "#444444", "#9a9a9a", "#b5651d", "#a11d33", "#5b3f9e", "#1f6fb2")
_LEFT, _RIGHT, _ROW, _TOP = 190, 30, 34, 70
_WIDTH = 900
_ABOUT = 'aria-labelledby="t d" font-family="sans-serif" font-size="12"'
_DECADES = (1 / 60, 10 / 60, 1.0, 10.0, 100.0)


def as_svg(report: SimulationReport) -> str:
    """The urgent p95 of every policy in every scenario on a logarithmic axis, as a self-contained SVG.

    Policies differ by shape as well as by colour, and the picture carries its own description.
    """
    policies = list(dict.fromkeys(r.policy for s in report.scenarios for r in s.results))
    height = _TOP + _ROW * len(report.scenarios) + 50
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" role="img" {_ABOUT}>',
        '<title id="t">Wait of urgent items (p95) by scenario and policy</title>',
        f'<desc id="d">{escape(CAVEAT)}</desc>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for i, policy in enumerate(policies):
        left, top = 20 + (i % 4) * 215, 18 + (i // 4) * 20
        out.append(_mark(_SHAPES[i % 7], left, top, _COLOURS[i % 7]))
        out.append(f'<text x="{left + 12}" y="{top + 4}">{escape(policy)}</text>')
    bottom = _TOP + _ROW * len(report.scenarios)
    for value in _DECADES:
        x = _across(value)
        out.append(f'<line x1="{x:.1f}" y1="{_TOP - 10}" x2="{x:.1f}" y2="{bottom}" stroke="#dddddd"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{hours(value)}</text>')
    for row, scenario in enumerate(report.scenarios):
        y = _TOP + _ROW * row + _ROW / 2
        out.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="#eeeeee"/>')
        out.append(f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(scenario.scenario)}</text>')
        for result in reversed(scenario.results):
            i = policies.index(result.policy)
            out.append(_mark(_SHAPES[i % 7], _across(result.urgent_p95), y, _COLOURS[i % 7]))
    axis = "wait of urgent items, 95th percentile (logarithmic); left is better"
    out.append(f'<text x="{_LEFT}" y="{bottom + 38}">{axis}</text>')
    return "\n".join([*out, "</svg>", ""])


def _across(value: float) -> float:
    low, high = log10(_DECADES[0]) - 0.3, log10(_DECADES[-1]) + 0.6
    share = (log10(max(value, 1e-3)) - low) / (high - low)
    return _LEFT + min(max(share, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT)


def _mark(shape: str, x: float, y: float, colour: str) -> str:
    points = {
        "square": "-5,-5 5,-5 5,5 -5,5",
        "up": "0,-6 6,5 -6,5",
        "down": "0,6 6,-5 -6,-5",
        "diamond": "0,-7 7,0 0,7 -7,0",
        "plus": "-2,-6 2,-6 2,-2 6,-2 6,2 2,2 2,6 -2,6 -2,2 -6,2 -6,-2 -2,-2",
        "cross": "-6,-4 -4,-6 0,-2 4,-6 6,-4 2,0 6,4 4,6 0,2 -4,6 -6,4 -2,0",
    }
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}"/>'
    return f'<polygon transform="translate({x:.1f} {y:.1f})" points="{points[shape]}" fill="{colour}"/>'
