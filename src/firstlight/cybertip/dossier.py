"""The facts of a case as a complete, readable dossier, for a hotline or police force that has no reporting interface.

It is written from the same facts as the US report and in no country's form. It holds no media: files are named by
their digests.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from html import escape
from pathlib import Path
from typing import ClassVar, Literal

from firstlight.cybertip.drafting.facts import CaseFacts
from firstlight.cybertip.drafting.words import file_words
from firstlight.cybertip.model.values import text_of_time
from firstlight.errors import InputError, StorageError
from firstlight.values import Document, Instant, Value, Versioned

PAGE, FACTS = "dossier.html", "facts.json"

_HEADINGS = {
    "conduct": "What happened",
    "channels": "Where it happened",
    "suspect": "The user reported",
    "recipients": "To whom it was sent",
    "victims": "Victims, as far as known",
    "files": "Files",
    "reporter": "Who reports",
}
_LABELS = {
    "occurred_at": "when",
    "occurred_note": "which time that is",
    "escalation": "why it is to be read at once",
    "narrative": "what the reporter says of it",
    "platform": "on which service",
    "where": "kind of channel",
    "identifier": "account",
    "events": "connections",
    "ip": "IP address",
    "at": "time",
    "port": "source port",
    "prior_reports": "earlier reports on the same account",
    "key": "named here",
    "supplemental": "context, not itself reported",
    "public": "open to the public",
    "upload": "uploaded from",
    "viewings": "seen by people of the reporter",
    "whole": "the entire file",
    "matches": "found in lists",
    "origin_claims": "what the reporter states on how it was made",
    "generation": "job of the generator",
    "company_template": "company",
    "legal_url": "legal process",
}
"""Names of facts that say more than the names of their fields."""
_SUMMARY = ("conduct", "occurred_at", "occurred_note", "platform", "escalation", "signs", "narrative")
_STYLE = (
    "body{font:15px/1.45 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
    "dt{font-weight:bold;margin-top:.5em}dd{margin:0 0 0 1.5em;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".urgent{border:3px solid #a11;padding:.6em 1em}"
    "section{border-top:1px solid #999;margin-top:1.5em}.item{margin:1em 0;padding-left:1em;border-left:3px solid #ccc}"
)


class DossierNote(Document):
    """What was written where."""

    title_for_people: ClassVar[str] = "note of a dossier"

    kind: Literal["dossier-note"] = "dossier-note"
    version: Versioned = 1
    at: Instant
    reference: str
    folder: str
    files: tuple[str, ...]


def dossier_page(case: CaseFacts, *, at: datetime, reference: str) -> str:
    """The dossier as one HTML page that needs nothing else: every fact of the case stands in it, in words."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>Dossier {escape(reference)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Dossier {escape(reference)}</h1>",
        f"<p>Written {text_of_time(at)}. All times are in UTC.</p>",
        "<p>The dossier holds no media; files are named by their digests.</p>",
        f"<p>Questions, and requests for the files, go to {escape(case.reporter.email)}.</p>",
    ]
    if case.escalation:
        parts.append(f'<p class="urgent"><strong>To be read at once.</strong> {escape(case.escalation)}</p>')
    summary = {name: getattr(case, name) for name in _SUMMARY}
    parts += _section(_HEADINGS["conduct"], _rows(summary))
    for name in ("victims", "suspect", "recipients", "channels"):
        value = getattr(case, name)
        people = value if isinstance(value, tuple) else (value,) if value is not None else ()
        parts += _section(_HEADINGS[name], _items(people))
    files: list[str] = []
    for number, file in enumerate(case.files, 1):
        words = "".join(f"<p>{escape(sentence)}</p>" for sentence in file_words(file))
        files.append(f'<h3>File {number}</h3><div class="item">{words}{"".join(_rows(dict(file)))}</div>')
    parts += _section(_HEADINGS["files"], files)
    parts += _section(_HEADINGS["reporter"], _rows(dict(case.reporter)))
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _section(heading: str, inside: list[str]) -> list[str]:
    return [f"<section><h2>{escape(heading)}</h2>", *(inside or ["<p>Nothing is known.</p>"]), "</section>"]


def _items(values: tuple[Value, ...]) -> list[str]:
    return [f'<div class="item">{"".join(_rows(dict(v)))}</div>' for v in values]


def _rows(facts: dict[str, object]) -> list[str]:
    rows = [
        f"<dt>{escape(_LABELS.get(name, name.replace('_', ' ')))}</dt><dd>{_shown(value)}</dd>"
        for name, value in facts.items()
        if value not in (None, "", ())
    ]
    return ["<dl>", *rows, "</dl>"] if rows else []


def _shown(value: object) -> str:
    if isinstance(value, Value):
        return "".join(_rows(dict(value)))
    if isinstance(value, tuple):
        return "".join(f'<div class="item">{_shown(v)}</div>' for v in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return text_of_time(value)
    if isinstance(value, StrEnum):
        return escape(value.value)
    return escape(str(value))


def write_dossier(case: CaseFacts, folder: Path, *, at: datetime, reference: str) -> DossierNote:
    """Write the dossier and its facts as JSON into a new folder that only its owner may read.

    Raises:
        InputError: the folder is already there; nothing is overwritten.
        StorageError: it cannot be written.
    """
    files = {PAGE: dossier_page(case, at=at, reference=reference).encode(), FACTS: case.to_json()}
    try:
        folder.mkdir(mode=0o700, parents=True)
        for name, data in files.items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(data)
    except FileExistsError as e:
        raise InputError(
            f"{folder} is already there.", hint="Name a new folder; a dossier is never overwritten."
        ) from e
    except OSError as e:
        raise StorageError(
            f"The dossier cannot be written to {folder}: {e.strerror}.", hint="Check the folder and the disk."
        ) from e
    return DossierNote(at=at, reference=reference, folder=str(folder), files=tuple(files))
