"""The report in the form of a data set's card: a block of Markdown, and fields of its Croissant description."""

from __future__ import annotations

import json
from typing import Any

from firstlight.clock import to_text
from firstlight.screen.report import ScreenReport


def as_card(report: ScreenReport, digest: str) -> str:
    """A section for a data-set or model card. `digest` is the SHA-256 of report.json, by which the report is found."""
    lists = "; ".join(
        f"{bank.name} ({bank.purpose.value}, {bank.entries:,} {'entry' if bank.entries == 1 else 'entries'})"
        for bank in (report.lists[-1].banks if report.lists else ())
    )
    fresh = to_text(report.fresh_until) if report.fresh_until is not None else "not compared with any list"
    rows = [
        ("Result", report.headline),
        ("Fresh up to", fresh),
        ("Lists", lists or "none"),
        ("Members", f"{report.coverage.members:,} in {report.shards_done:,} of {report.shards:,} shards"),
        ("Made", f"{to_text(report.made)} by {report.software}"),
        ("Report", f"sha256:{digest}"),
    ]
    table = "\n".join(f"| {name} | {_cell(value)} |" for name, value in rows)
    return (
        "## Screening for known material\n\n"
        f"| | |\n|---|---|\n{table}\n\n"
        f'A finding means "{report.finding}" and says nothing about how the material was made. Nothing found means '
        "nothing found of these lists, by the ways that the report names.\n"
    )


def as_croissant(report: ScreenReport, digest: str) -> str:
    """Fields to be merged into the data set's Croissant file (responsible-AI vocabulary), as JSON."""
    fields: dict[str, Any] = {
        "@context": {"rai": "http://mlcommons.org/croissant/RAI/", "sc": "https://schema.org/"},
        "rai:dataManipulationProtocol": f"Screened for known abuse material. {report.headline}",
        "rai:dataLimitations": "Only what is in the named lists can have been found, by the ways in the report.",
        "rai:dataReleaseMaintenancePlan": "Kept hashes are compared again when the lists grow.",
        "sc:subjectOf": {
            "@type": "sc:Report",
            "sc:identifier": f"sha256:{digest}",
            "sc:dateCreated": to_text(report.made),
            "sc:temporalCoverage": to_text(report.fresh_until) if report.fresh_until is not None else None,
            "sc:creator": report.software,
        },
    }
    return json.dumps(fields, indent=2, ensure_ascii=True) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
