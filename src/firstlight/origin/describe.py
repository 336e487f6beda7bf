"""The tables of the indicators as Markdown, for `docs/origin.md`: the document cannot say more than the code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from firstlight.origin.examination import KINDS
from firstlight.origin.indicator import ForgeableBy, Strength
from firstlight.origin.indicators.dwt_watermark import PAYLOADS
from firstlight.origin.indicators.generator_text import MARKS
from firstlight.origin.statement import Kind, Statement

FORGERS: Final = {
    ForgeableBy.ANYONE: "anyone",
    ForgeableBy.CUSTOMER: "a customer, or the skilled",
    ForgeableBy.KEY_HOLDER: "key holder or vendor",
    ForgeableBy.AUTHORITY: "only the authority",
}


def kinds_as_markdown(kinds: Iterable[Kind] = KINDS) -> str:
    """Every kind of indicator with its table of statements."""
    return "\n".join(_kind(kind) for kind in kinds)


def _kind(kind: Kind) -> str:
    rows = [
        f"### {kind.title}",
        "",
        f"Reads: {kind.reads}.",
        "",
        "| name | claim | strength (log10) | who can forge it | tied to | says | does not say |",
        "|---|---|---|---|---|---|---|",
        *(_row(statement) for statement in kind.statements),
        "",
    ]
    return "\n".join(rows)


def _row(statement: Statement) -> str:
    cells = (
        f"`{statement.name}`",
        statement.claim.value,
        _strength(statement.strength),
        FORGERS[statement.forgeable_by],
        statement.binding.value,
        statement.says,
        statement.does_not_say,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _strength(strength: Strength) -> str:
    return f"{strength.low:g} to {strength.high:g} ({strength.words})"


def marks_as_markdown() -> str:
    """The generators whose texts are told by their form, and the fields they are looked for in."""
    fields: dict[tuple[str, str], list[str]] = {}
    for mark in MARKS:
        fields.setdefault((mark.name, mark.who), []).extend(mark.fields)
    rows = ["| mark | written by | looked for in |", "|---|---|---|"]
    rows += [f"| `{name}` | {who} | {', '.join(dict.fromkeys(where))} |" for (name, who), where in fields.items()]
    return "\n".join(rows) + "\n"


def payloads_as_markdown() -> str:
    """The open watermarks, the bits that have to be right, and how often chance alone would do it."""
    rows = ["| payload | bits | needed | chance for fair bits |", "|---|---|---|---|"]
    rows += [f"| {p.who} | {len(p.bits)} | {p.needed} | {p.chance:.1e} |" for p in PAYLOADS]
    return "\n".join(rows) + "\n"


PARTS: Final = {"kinds": kinds_as_markdown, "marks": marks_as_markdown, "payloads": payloads_as_markdown}


def filled_in(document: str) -> str:
    """The document with the text between `<!-- NAME: begin -->` and `<!-- NAME: end -->` made anew."""
    for name, make in PARTS.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = document.partition(begin)
        _, _, after = rest.partition(end)
        document = f"{before}{begin}\n\n{make()}\n{end}{after}"
    return document
