"""The page of the simulator: what it received, in what state it is, and what was asked; without any script."""

from __future__ import annotations

from datetime import datetime
from html import escape

from firstlight.cybertip.model.values import text_of_time
from firstlight.cybertip.simulator.reports import LogLine, ReportState, StoredReport
from firstlight.cybertip.simulator.service import Service

MAX_REPORTS, MAX_LINES = 100, 200
"""A page is for looking at the latest; the rest stays in the service."""

_STYLE = (
    "body{font:14px/1.4 sans-serif;margin:1.5em;max-width:80em}table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #ccc;padding:.25em .6em;text-align:left;vertical-align:top}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f6f6;padding:.6em}"
    ".finished{color:#1e6b2e}.open{color:#8a5a00}.retracted,.expired{color:#777}.fault{color:#a11}"
)


def page_of(service: Service) -> bytes:
    """The page as it is now."""
    reports, log = service.reports(), service.log()
    counts = {state: sum(r.state is state for r in reports) for state in ReportState}
    counted = ", ".join(f"{n} {state}" for state, n in counts.items())
    shown, lines = reports[-MAX_REPORTS:][::-1], log[-MAX_LINES:][::-1]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>Simulated reporting service</title><style>{_STYLE}</style></head><body>",
        "<h1>Simulated reporting service</h1>",
        "<p>Nothing that is sent here leaves this machine. Files are digested and not kept.</p>",
        f"<p>{len(reports)} reports: {counted}. Schema {escape(service.knobs.schema_in_force.name)}.</p>",
        *(f'<p class="fault">Filed more than once: {", ".join(map(str, n))}.</p>' for n in service.doubles()),
        "<h2>Reports</h2>",
        *(_report(r) for r in shown),
        "<h2>Requests</h2><table><tr><th>#<th>time<th>request<th>outcome<th>scripted fault<th>Request-ID</tr>",
        *(_line(entry) for entry in lines),
        "</table></body></html>",
    ]
    return "\n".join(parts).encode()


def _time(at: datetime | None) -> str:
    return "" if at is None else text_of_time(at)


def _report(report: StoredReport) -> str:
    until = f", expires {_time(report.expires_at)}" if report.state is ReportState.OPEN else ""
    done = f", finished {_time(report.finished_at)}" if report.finished_at else ""
    rows = "".join(
        f"<tr><td>{escape(f.file_id)}<td>{escape(f.name)}<td>{f.size}<td>{escape(f.md5)}<td>{_document(f.details)}</tr>"
        for f in report.files.values()
    )
    files = f"<table><tr><th>file<th>name<th>bytes<th>MD5<th>details</tr>{rows}</table>" if rows else "<p>No files.</p>"
    return (
        f'<h3 class="{report.state}">{report.report_id}: {report.state}</h3>'
        f"<p>Opened {_time(report.opened_at)} by {escape(report.user)}{until}{done}"
        f"{', batched' if report.batched else ''}.</p>{files}{_document(report.xml)}"
    )


def _document(xml: str | None) -> str:
    if xml is None:
        return "not described"
    return f"<details><summary>document</summary><pre>{escape(xml)}</pre></details>"


def _line(entry: LogLine) -> str:
    return (
        f"<tr><td>{entry.number}<td>{_time(entry.at)}<td>{escape(entry.method)} {escape(entry.path)}"
        f"<td>{escape(entry.outcome)}{f'<br>{escape(entry.says)}' if entry.says else ''}"
        f'<td class="fault">{escape(entry.fault)}<td>{escape(entry.request_id)}</tr>'
    )
