"""Documents cannot drift: links lead somewhere, commands exist, tables and examples are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from firstlight.errors import FirstlightError
from house import sources
from house.examples import commands_in, examples_of, problems_of
from house.test_import_direction import BASE, MAY_USE

PAGES = [path for path in sources.tracked_files() if path.suffix == ".md"]
NAMES = [str(path.relative_to(sources.ROOT)) for path in PAGES]


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        file = (page.parent / place).resolve() if place else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors_of(file)):
            broken.append(target)
    assert not broken


def test_every_page_is_reached_from_the_readme() -> None:
    seen, todo = set(), [sources.ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page.is_dir():  # a folder is linked where its list of pages is meant
            todo += page.glob("*.md")
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target):
                todo.append((page.parent / target).resolve())
    unreached = {page for page in PAGES if page.is_relative_to(sources.ROOT / "docs")} - seen
    assert not unreached


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|docs|scripts|lock|benchmarks)/[\w./-]+)`", page.read_text(encoding="utf-8"))
    assert not [name for name in named if not (sources.ROOT / name).exists()]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (sources.ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)", text))
    named |= {words[1] for _, line in commands_in(text) if len(words := shlex.split(line)) > 1 and words[0] == "make"}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_exists(page: Path) -> None:
    """Also where an example is not run: the words after `firstlight` lead to a command."""
    main = pytest.importorskip("firstlight.cli.main")
    typer_main = pytest.importorskip("typer.main")
    root = typer_main.get_command(main.app_for([]))
    text = page.read_text(encoding="utf-8")
    named = [line for _, line in commands_in(text)] + re.findall(r"`((?:[\w./]*/)?firstlight [a-z][^`]*)`", text)
    missing = []
    for line in set(named):
        words = line.split()
        if Path(words[0]).name == "firstlight" and not _leads_to_a_command(root, words[1:]):
            missing.append(line)
    assert not missing


def _leads_to_a_command(command: Any, words: list[str]) -> bool:
    """Whether the words name a command; groups hold `commands`, and what follows a command is its own affair."""
    for word in words:
        below = getattr(command, "commands", None)
        if below is None or word.startswith("-"):
            return True
        if word not in below:
            return hasattr(command, "default")  # what is no command is an argument of the one that needs no name
        command = below[word]
    return True


CHECKED = [page for page in PAGES if any(examples_of(page.read_text(encoding="utf-8")))]


@pytest.mark.timeout(1200)  # a dozen commands, each a process of its own, perhaps on a busy machine
@pytest.mark.parametrize("page", CHECKED, ids=[str(page.relative_to(sources.ROOT)) for page in CHECKED])
def test_examples_print_what_the_document_shows(page: Path, tmp_path: Path) -> None:
    pytest.importorskip("firstlight.cli.main")
    problems = problems_of(page, tmp_path)
    assert not problems, "\n\n".join(problems)


def test_the_table_of_rooms_is_the_one_that_is_enforced() -> None:
    text = (sources.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown: dict[str, frozenset[str]] = {}
    rooms_so_far: list[str] = []
    for cells in reversed(sources.table_rows(text, "Rooms")):
        names = [name.strip().removesuffix(".py").rstrip("/") for name in cells[0].split(",")]
        uses = cells[2]
        if uses == "everything below":
            may = frozenset(rooms_so_far) - BASE
        else:
            may = frozenset(name.strip() for name in uses.split(",")) - {"values", "nothing"}
        for name in names:
            shown[name] = may
        rooms_so_far += names
    real = {room: uses - {room, "web", "cli"} for room, uses in MAY_USE.items()}
    assert shown == real


def test_the_exit_codes_are_those_of_the_errors() -> None:
    text = (sources.ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    shown = {row[0]: int(row[2]) for row in sources.table_rows(text, "Errors by code")}

    def below(kind: type[FirstlightError]) -> set[type[FirstlightError]]:
        return {kind, *(each for sub in kind.__subclasses__() for each in below(sub))}

    real = {kind.code: kind.exit_code for kind in below(FirstlightError) if kind.__module__ == "firstlight.errors"}
    assert shown == real


def test_the_settings_are_those_of_the_code() -> None:
    module = pytest.importorskip("firstlight.casework.settings")
    text = (sources.ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    shown = {row[0] for row in sources.table_rows(text, "Settings")}
    real = {
        f"{section}.{name}"
        for section, field in module.Settings.model_fields.items()
        for name in field.annotation.model_fields
    }
    assert shown == real


def test_every_environment_variable_is_named() -> None:
    text = (sources.ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    shown = {row[0] for row in sources.table_rows(text, "Environment")}
    read = {
        name
        for path in sources.modules()
        for name in re.findall(r"""["'](FIRSTLIGHT_[A-Z_]+)["']""", path.read_text(encoding="utf-8"))
    }
    assert read <= shown
