"""The first pages of a package: plain HTML and plain text that say the same, without media and without script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from firstlight.clock import to_text
from firstlight.custody.contents import FileFacts, PackageContents, Summary

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2em .6em;text-align:left;vertical-align:top}"
    "code{word-break:break-all}"
)
NOT_SAID = "not recorded"
_LONGER = "To have it kept longer, ask the contact in writing before that day (in the US, under 18 U.S.C. 2703(f))."

_NOTES = (
    "This package holds no pictures and no other media. Nothing in it opens or runs by itself.",
    "data/records holds what machines wrote down at the time, unedited.",
    "data/report holds what was written for people: reports as sent, statements. Courts treat the two differently.",
    "SHA-256 is the identity of a file. MD5 and SHA-1 are given for matching against other lists only.",
    "A classifier's score or a near match is a lead, never a finding.",
    '"Viewed" means: the log holds a viewing of exactly this file by a person. Where none is listed, none is recorded.',
    "In CSV files an apostrophe stands before text that a spreadsheet would run as a formula.",
    "To check the package, run: python3 -I verify/verify.py . (or: sha256sum -c manifest-sha256.txt)",
)


def start_here(contents: PackageContents, made_at: str, log_key: str) -> tuple[bytes, bytes]:
    """START-HERE as HTML and as text."""
    sections = _sections(contents, made_at, log_key)
    title = f"Evidence package {contents.name}"
    return _html(title, sections), _text(title, sections)


def _sections(contents: PackageContents, made_at: str, log_key: str) -> list[tuple[str, list[str]]]:
    summary = contents.summary
    sections = [
        ("Is a child in danger now?", [summary.danger, *(line for one in summary.why for line in one.lines())]),
        ("This case", _case(contents, summary, made_at)),
        ("Files", [_file(one) for one in contents.files] or ["No files belong to this case."]),
        ("How to read this package", list(_NOTES)),
        ("The key of the log", [f"Compare this line with what {contents.organisation} publishes:", log_key]),
    ]
    for heading, lines in (("Places", summary.places), ("People", summary.roles)):
        if lines:
            sections.insert(2, (heading, list(lines)))
    return sections


def _case(contents: PackageContents, summary: Summary, made_at: str) -> list[str]:
    until = to_text(summary.preserved_until) if summary.preserved_until else NOT_SAID
    return [
        f"Case: {contents.case}",
        f"From: {contents.organisation}",
        f"Made: {made_at} (UTC, as all times here)",
        f"Reports: {', '.join(summary.report_ids) or 'none filed'}",
        f"New or known material: {summary.new_or_known or NOT_SAID}",
        f"Contact for legal process: {summary.contact or NOT_SAID}",
        f"Preserved until: {until}",
        _LONGER,
    ]


def _file(one: FileFacts) -> str:
    parts = [
        f"SHA-256 {one.digests.sha256}",
        f"{one.digests.size} bytes",
        one.media_type,
        f"named {one.original_name!r}" if one.original_name else "",
        f"received {to_text(one.received_at)}" if one.received_at else "",
        "found by " + "; ".join(one.found_by) if one.found_by else "",
        _viewings(one),
        "origin: " + "; ".join(one.origin) if one.origin else "origin: no sign was seen, which is not a sign",
        one.origin_limits,
    ]
    return ". ".join(part for part in parts if part)


def _viewings(one: FileFacts) -> str:
    if not one.viewed:
        return "no viewing by a person is recorded"
    seen = (
        f"viewed {to_text(view.at)} by {view.by}: {view.rendition}, {view.seconds:g} s, "
        + ("entire contents" if view.entire else "not the entire contents")
        for view in one.viewed
    )
    return "; ".join(seen)


def _html(title: str, sections: Iterable[tuple[str, Sequence[str]]]) -> bytes:
    body = "".join(
        f"<h2>{escape(heading)}</h2>\n" + "".join(f"<p>{escape(line)}</p>\n" for line in lines)
        for heading, lines in sections
    )
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}</body></html>\n"
    )
    return page.encode()


def _text(title: str, sections: Iterable[tuple[str, Sequence[str]]]) -> bytes:
    lines = [title, "=" * len(title), ""]
    for heading, body in sections:
        lines += [heading, "-" * len(heading), *(" ".join(line.split()) for line in body), ""]
    return "\n".join(lines).encode()
