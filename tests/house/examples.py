"""Runs the command examples of a document and compares what they print with what the document shows.

In a document, an HTML comment on the line before a fenced `console` block says what to do with it:

    <!-- checked -->                 run each `$ command` of the block and compare its output; it has to exit with 0
    <!-- checked, exit 1 -->         the same, and the last command has to exit with 1
    <!-- checked with pictures -->   the same as the first, after drawing a few pictures into the folder `pictures`

All checked blocks of a document run in their order, in one empty folder, with one empty home. In the output that the
document shows, `...` stands for anything within a line, and a line that holds nothing else for any number of lines. A
line that ends with `\\` goes on in the next one, as in a shell. Blocks without a comment are not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECONDS_FOR_ONE_COMMAND = 240

_BLOCK = re.compile(
    r"^<!-- checked(?P<pictures> with pictures)?(?:, exit (?P<exit>\d+))? -->\n+```console\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Example:
    """One command of a document, with the lines that it is said to print and the code that it is said to exit with."""

    line: int
    command: str
    shown: tuple[str, ...]
    exit_code: int = 0
    needs_pictures: bool = False


def examples_of(text: str) -> Iterator[Example]:
    """The commands of all checked blocks, in order."""
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start("body")) + 1
        found = list(_commands(block["body"].splitlines(), first))
        for number, (line, command, shown) in enumerate(found, 1):
            code = int(block["exit"] or 0) if number == len(found) else 0
            yield Example(line, command, shown, code, bool(block["pictures"]))


def _commands(lines: list[str], first: int) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    at = 0
    while at < len(lines):
        if not lines[at].startswith("$ "):
            raise AssertionError(f"line {first + at}: a checked block has to begin with a command: {lines[at]!r}")
        start, command = at, lines[at][2:]
        while command.endswith("\\") and at + 1 < len(lines):
            at += 1
            command = command[:-1].rstrip() + " " + lines[at].removeprefix("> ").strip()
        at += 1
        shown = []
        while at < len(lines) and not lines[at].startswith("$ "):
            shown.append(lines[at])
            at += 1
        yield first + start, command, tuple(shown)


def matches(shown: tuple[str, ...], real: list[str]) -> bool:
    """Whether real output is what the document shows; white space at the end of lines does not count."""
    pattern = "".join(
        r"(?:[^\n]*\n)*?"
        if line.strip() == "..."
        else r"[^\n]*?".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ \t]*\n"
        for line in shown
    )
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in real)) is not None


def problems_of(document: Path, folder: Path) -> list[str]:
    """What is wrong with the checked examples of a document, after running them in an empty folder."""
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "LANG": "C.UTF-8",
        "COLUMNS": "120",
        "NO_COLOR": "1",
        "TZ": "UTC",
    }
    problems = []
    for example in examples_of(document.read_text(encoding="utf-8")):
        if example.needs_pictures and not (work / "pictures").exists():
            _draw(work / "pictures")
        result = subprocess.run(
            ["bash", "-c", f"exec 2>&1\n{example.command}"],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS_FOR_ONE_COMMAND,
        )
        real, where = result.stdout.splitlines(), f"{document.name}:{example.line}: $ {example.command}"
        if result.returncode != example.exit_code:
            problems.append(f"{where}\nexited with {result.returncode}, not {example.exit_code}:\n{result.stdout}")
        elif not matches(example.shown, real):
            problems.append(f"{where}\nprinted:\n{result.stdout}\nThe document shows:\n" + "\n".join(example.shown))
    return problems


def _draw(folder: Path) -> None:
    from firstlight.cli.demo.pictures import make_pictures

    make_pictures(folder, 6, 1, lambda _done, _total: None)


def commands_in(text: str) -> Iterator[tuple[int, str]]:
    """Every command in every `console` block, checked or not, with its line."""
    for block in re.finditer(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        first = text.count("\n", 0, block.start(1)) + 1
        for number, line in enumerate(block[1].splitlines()):
            if line.startswith("$ "):
                yield first + number, line[2:].strip()
