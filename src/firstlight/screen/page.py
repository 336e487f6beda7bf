"""The report as one HTML page: no script, nothing loaded from anywhere, plots as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Final

from firstlight.clock import to_text
from firstlight.screen.report import Counted, ScreenReport, percent
from firstlight.screen.selftest import Expected

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--quiet:#566273;--rule:#d7dde5;--track:#e8ecf1;--line:#1c2430;
--a:#2f6f8f;--b:#8a5a00;--c:#8b95a3}
@media (prefers-color-scheme:dark){:root{--ink:#e3e8ef;--paper:#14181f;--quiet:#9aa7b8;--rule:#333d4a;--track:#28303b;
--line:#fff;--a:#4f9dc4;--b:#c98a1b;--c:#6d7886}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:56rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2rem}
h1{overflow-wrap:anywhere}.wide{overflow-x:auto}.wide+.wide{margin-top:1.2rem}
table{border-collapse:collapse;width:100%}td{overflow-wrap:break-word;max-width:24rem}td:first-child{min-width:7rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--rule)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.when{white-space:nowrap}
.lead{font-size:1.15rem}.quiet{color:var(--quiet)}
svg{display:block;width:100%;margin:.6rem 0}svg text{fill:var(--ink);font-size:14px}code{font-size:.85em;
overflow-wrap:anywhere}
.t{fill:var(--track)}.a{fill:var(--a)}.b{fill:var(--b)}.c{fill:var(--c)}line{stroke:var(--line);stroke-width:2}
.mark{border-left:4px solid var(--b);padding-left:.8rem}
"""
_BAR_HEIGHT: Final = 26
_TRACK: Final = 82
"""Of the width, in percent: plots are as wide as the page, and their texts keep their size on a phone."""
_CLASSES: Final = "abc"


def as_page(report: ScreenReport) -> str:
    """The page; the same report is always the same page."""
    cover = report.coverage
    unreadable, skipped = sum(c.count for c in cover.unreadable), sum(c.count for c in cover.skipped)
    account = (
        f"{cover.members:,} members = {cover.screened:,} screened + {unreadable:,} unreadable + {skipped:,} skipped, "
        f"in {report.shards_done:,} of {report.shards:,} shards."
    )
    check = (
        f"It belongs to the results <code>{report.results}</code>. The file <code>report.note</code> beside it is "
        "signed; <code>firstlight screen verify</code> with the folder of the report checks it."
    )
    parts = [
        f"<h1>Screening of {escape(report.data_set)}</h1>",
        f'<p class="quiet">{_when(report.made)} by {escape(report.software)}</p>',
        f'<p class="lead">{escape(report.headline)}</p>',
        _meaning(report),
        "<h2>What came in</h2>",
        _stack((("screened", cover.screened), ("unreadable", unreadable), ("skipped", skipped))),
        f"<p>{account}</p>",
        _counts("Unreadable, by reason", cover.unreadable),
        _counts("Skipped, by reason", cover.skipped),
        "<h2>How they could be compared</h2>",
        f"<p>A member counts where at least one way was open. Of {cover.candidates:,} pictures:</p>",
        _bars([(one.says, one.count) for one in cover.channels], cover.candidates),
        _counts("What stood in the way", [one for one in cover.obstacles if one.count]),
        _recall(report),
        _found(report),
        _origin(report),
        _lists(report),
        _findings(report),
        _missing(report),
        "<h2>How to check this page</h2>",
        f"<p>{check}</p>",
    ]
    title = f"Screening of {escape(report.data_set)}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n<body>\n'
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


def _when(at: datetime) -> str:
    """A time to the second; the report itself has it exactly."""
    return f"{to_text(at)[:19].replace('T', ' ')} UTC"


def _meaning(report: ScreenReport) -> str:
    fresh = (
        f"Entries that the lists got after {_when(report.fresh_until)} were not looked for."
        if report.fresh_until is not None
        else "Not all of it was compared with a list."
    )
    return (
        f'<p class="mark">A finding here means "{escape(report.finding)}", and nothing about how the material was '
        f"made. Nothing found means nothing found of these lists, by the ways below. {fresh}</p>"
    )


def _counts(title: str, rows: Sequence[Counted]) -> str:
    if not rows:
        return ""
    body = "".join(f'<tr><td>{escape(one.says)}</td><td class="n">{one.count:,}</td></tr>' for one in rows)
    head = f'<tr><th>{escape(title)}</th><th class="n">members</th></tr>'
    return _table(head, body)


def _table(head: str, body: str) -> str:
    """A table that is moved sideways by itself where the page is too narrow for it."""
    head = f"<thead>{head}</thead>" if head else ""
    return f'<div class="wide"><table>{head}<tbody>{body}</tbody></table></div>'


def _stack(parts: Iterable[tuple[str, int]]) -> str:
    """One bar that shows how a whole divides."""
    known = [(name, count) for name, count in parts if count]
    whole = sum(count for _, count in known) or 1
    at, out = 0.0, []
    for place, (name, count) in enumerate(known):
        width = 100 * count / whole
        out.append(
            f'<rect x="{at:.2f}%" y="0" width="{width:.2f}%" height="28" class="{_CLASSES[place % 3]}">'
            f"<title>{escape(name)}: {count:,}</title></rect>"
        )
        at += width
    label = ", ".join(f"{name} {percent(count, whole)}" for name, count in known)
    return f'{_svg(28, "".join(out), label)}<p class="quiet">{escape(label)}</p>'


def _bars(rows: Sequence[tuple[str, int]], whole: int) -> str:
    out = [_bar(place, name, count / (whole or 1), percent(count, whole)) for place, (name, count) in enumerate(rows)]
    label = "; ".join(f"{name}: {percent(count, whole)}" for name, count in rows)
    return _svg(2 * _BAR_HEIGHT * max(1, len(rows)), "".join(out), label)


def _bar(place: int, name: str, share: float, says: str, over: str = "") -> str:
    """One bar of a plot on its track, with its name above and its share beside; `over` is drawn upon it."""
    y = place * 2 * _BAR_HEIGHT
    return (
        f'<text x="0" y="{y + 15}">{escape(name)}</text>'
        f'<rect x="0" y="{y + 21}" width="{_TRACK}%" height="18" class="t"/>'
        f'<rect x="0" y="{y + 21}" width="{_TRACK * share:.2f}%" height="18" class="a"/>'
        f'{over}<text x="{_TRACK + 1}%" y="{y + 35}">{escape(says)}</text>'
    )


def _svg(height: int, inner: str, label: str) -> str:
    return f'<svg height="{height}" role="img" aria-label="{escape(label)}">{inner}</svg>'


def _recall(report: ScreenReport) -> str:
    if report.recall is None or not report.recall.expected:
        return ""
    rows = report.recall.expected
    names = [f"{_resize_words(one)}, {_channel_words(one)}" for one in rows]
    out = []
    for place, (one, name) in enumerate(zip(rows, names, strict=True)):
        y = place * 2 * _BAR_HEIGHT + 30
        bounds = f'<line x1="{_TRACK * one.low:.2f}%" x2="{_TRACK * one.high:.2f}%" y1="{y}" y2="{y}"/>'
        out.append(_bar(place, name, one.recall, percent(one.found, one.pictures), bounds))
    label = "; ".join(f"{name}: {percent(one.found, one.pictures)}" for name, one in zip(names, rows, strict=True))
    return (
        "<h2>What recall to expect by pixels</h2>"
        f"<p>The resizing of this data set, replayed on {escape(report.recall.material)}; found is what lies within "
        f"{report.recall.threshold} of 256 bits. The thin line is where the true share lies with 95 % confidence, for "
        "pictures like these. Digests find exact copies always, and nothing else.</p>"
        + _svg(2 * _BAR_HEIGHT * len(rows), "".join(out), label)
    )


def _resize_words(one: Expected) -> str:
    side = f"{one.side} pixels"
    return {
        "none": "stored at full size",
        "keep": f"longer side {side}",
        "border": f"padded to {side}",
        "crop": f"cut to a square of {side}",
    }[one.resize]


def _channel_words(one: Expected) -> str:
    return "inside the borders" if one.channel == "unbordered" else "whole picture"


def _found(report: ScreenReport) -> str:
    if report.found is None:
        return ""
    rows = [("members", report.found.members), ("different files", report.found.distinct)]
    rows += [("whose bytes are listed", report.found.exact)]
    rows += [(f'in the list "{bank}"', count) for bank, count in sorted(report.found.by_bank.items())]
    if report.since is not None:
        rows += [("no hit any more, since the report before", report.since.gone)]
        rows += [("new, since the report before", report.since.new)]
    body = "".join(f'<tr><td>{escape(name)}</td><td class="n">{count:,}</td></tr>' for name, count in rows)
    return f"<h2>{escape(report.finding.capitalize())}</h2>{_table('', body)}"


def _origin(report: ScreenReport) -> str:
    if report.origin is None:
        return ""
    found = report.origin
    rows = "".join(
        f"<tr><td>{escape(one.title)}</td><td><code>{escape(one.name)}</code></td><td>{escape(one.claim)}</td>"
        f'<td class="n">{one.count:,}</td></tr>'
        for one in found.signs
    )
    says = (
        f"{found.examined:,} pictures were examined; {found.with_signs:,} carry a sign. A sign is what a file says of "
        "itself, and most can be planted or removed by anyone. A picture without one is not said to be a photograph."
    )
    head = '<th>sign</th><th>name</th><th>speaks of</th><th class="n">pictures</th>'
    table = _table(f"<tr>{head}</tr>", rows) if rows else ""
    return f"<h2>Signs of origin</h2><p>{says}</p>{table}"


def _lists(report: ScreenReport) -> str:
    if not report.lists:
        return ""
    rows = [
        f"<tr><td>{escape(bank.name)}</td><td>{escape(bank.purpose.value)}</td>"
        f'<td>{escape(bank.owner)}</td><td class="n">{bank.entries:,}</td>'
        f'<td class="n">{bank.threshold}</td><td class="when">{_when(state.at)}</td></tr>'
        for state in report.lists
        for bank in state.banks
    ]
    head = "<th>list</th><th>purpose</th><th>owner</th><th class=n>entries</th><th class=n>bits</th><th>as of</th>"
    return f"<h2>The lists</h2>{_table(f'<tr>{head}</tr>', ''.join(rows))}"


def _findings(report: ScreenReport) -> str:
    if not report.findings:
        return ""
    rows = [
        f'<tr><td>{escape(one.says)}</td><td class="n">{one.count:,}</td>'
        f"<td>{escape(', '.join(one.examples[:5]))}</td></tr>"
        for one in report.findings
    ]
    head = '<th>finding</th><th class="n">times</th><th>for example in</th>'
    return f"<h2>About the shards</h2>{_table(f'<tr>{head}</tr>', ''.join(rows))}"


def _missing(report: ScreenReport) -> str:
    if not report.missing:
        return ""
    rows = "".join(f"<tr><td>{escape(one.shard)}</td><td>{escape(one.why)}</td></tr>" for one in report.missing)
    return f"<h2>What this report cannot speak of</h2>{_table('', rows)}"
