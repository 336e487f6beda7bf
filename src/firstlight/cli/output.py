"""How commands speak: plain words for people, one JSON document with `--json`, errors with what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from firstlight.errors import FirstlightError, StorageError
from firstlight.values import Document, writable

DONE, FINDING, BAD_INPUT, OUR_FAULT, STOPPED, UNREAD = 0, 1, 2, 3, 130, 141
"""Exit codes: done; a finding, such as a match or a failed check; bad input; our fault; stopped by a person; nobody
reads the answer any more."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of words.")]

people = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str = "") -> None:
    """A line for people; nothing in it is read as markup."""
    with _answering():
        people.print(printable(line), markup=False)


def write(text: str) -> None:
    """A text as it is, on standard output."""
    with _answering():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def _answering() -> Iterator[None]:
    """That standard output refuses, be it a full disk, in the words of the house."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as e:
        raise StorageError(
            f"The answer cannot be written: {e.strerror}.",
            hint="Let standard output lead elsewhere. What was done is kept.",
            code="storage.answer",
        ) from e


def warn(line: str) -> None:
    """A line for people on standard error, also where the answer is JSON."""
    errors.print(f"firstlight: {one_line(line)}", markup=False)


def printable(text: str) -> str:
    """The text with everything that could move a cursor or fake a line shown as an escape."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def count(number: int, one: str, many: str = "") -> str:
    """A number of things, as people say it: "1 entry", "3 entries"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def one_line(text: str) -> str:
    """Text that came from outside, such as the name of a file, for the inside of a line: it cannot begin another."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def table(columns: Iterable[str], rows: Iterable[Iterable[object]], title: str | None = None) -> None:
    """A table for people; every cell is text."""
    headers = (Column(name, overflow="fold") for name in columns)  # what is too long is folded, never cut
    out = Table(*headers, title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        out.add_row(*(one_line(str(cell)).replace("[", "\\[") for cell in row))
    with _answering():
        people.print(out)


def answer(document: Document | dict[str, Any] | list[Any]) -> None:
    """One JSON document on standard output."""
    plain = document.model_dump(mode="json") if isinstance(document, Document) else document
    write(_as_json(plain, indent=2))


def answer_line(document: dict[str, Any]) -> None:
    """One JSON object on a line of its own, for answers that stream."""
    write(_as_json(document))


def _as_json(plain: object, indent: int | None = None) -> str:
    """The text that standard output can carry: half of a surrogate pair, as in a name that is no UTF-8, is escaped."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(plain, ensure_ascii=not unicode, indent=indent) + "\n"
    return writable(text)


def complain(error: FirstlightError, *, as_json: bool) -> None:
    """What went wrong and what to do about it: on standard error, and as a document where JSON was asked for."""
    found = error.diagnostics()
    if as_json and found.code != "storage.answer":
        answer({"error": found.as_dict()})
        return
    errors.print(f"firstlight: {one_line(found.message)}", markup=False)
    if found.hint:
        errors.print(f"  {one_line(found.hint)}", markup=False)


@contextmanager
def progress(what: str, total: int | None, *, quiet: bool = False) -> Iterator[Any]:
    """A progress bar on standard error; `advance()` it once for each thing done. Silent when it is no terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=quiet or not errors.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=total)

        def advance(by: int = 1) -> None:
            bar.advance(task, by)

        yield advance
