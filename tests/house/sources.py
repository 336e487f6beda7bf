"""The source tree as the house tests see it: files, rooms, imports, public names; read, never imported."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "firstlight"

_DOTTED = re.compile(r"firstlight(\.[A-Za-z_]\w*)+(:\w+)?")


@dataclass(frozen=True, slots=True)
class Import:
    """One import: who, on which line, what. `what` is dotted and absolute."""

    path: Path
    line: int
    what: str

    @property
    def room(self) -> str:
        """The room it reaches into; empty for a package that is not ours and for names of the package itself."""
        parts = self.what.split(":")[0].split(".")
        return parts[1] if parts[0] == "firstlight" and len(parts) > 1 and not parts[1].startswith("__") else ""

    @property
    def top(self) -> str:
        """The top-level package."""
        return self.what.split(".")[0]

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.what}"


def modules() -> list[Path]:
    """Every Python file of the package, in order."""
    return sorted(PACKAGE.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def room_of(path: Path) -> str:
    """The room (folder or single module) of the package that a file belongs to; empty for `__init__` at the top."""
    top = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if top in ("__init__", "__main__") else top


def dotted_name(path: Path) -> list[str]:
    """The parts of the module's dotted name."""
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports_of(path: Path, tree: ast.Module | None = None) -> Iterator[Import]:
    """Every import of a file: inside functions, under `TYPE_CHECKING` and as a dotted name in a text too."""
    package = dotted_name(path) if path.name == "__init__.py" else dotted_name(path)[:-1]
    for node in ast.walk(tree if tree is not None else tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            for alias in node.names:
                yield Import(path, node.lineno, ".".join([*base, *filter(None, [node.module]), alias.name]))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
            found = Import(path, node.lineno, node.value)
            if (PACKAGE / found.room).is_dir() or (PACKAGE / f"{found.room}.py").is_file():  # else a file's name or so
                yield found


def public_names() -> dict[str, list[str]]:
    """`__all__` of each room and of each single module at the top, sorted; a room without one has no public names."""
    out: dict[str, list[str]] = {}
    for path in modules():
        depth = len(path.relative_to(PACKAGE).parts)
        if (depth == 1 and path.name != "__init__.py") or (depth == 2 and path.name == "__init__.py"):
            names = declared_names(path)
            if names:
                out[room_of(path)] = sorted(names)
    return out


def declared_names(path: Path) -> list[str]:
    """What the file's `__all__` lists."""
    for node in tree_of(path).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
            value = getattr(node, "value", None)
            return list(ast.literal_eval(value)) if value is not None else []
    return []


def definition_of(path: Path, name: str, depth: int = 0) -> tuple[Path, ast.stmt] | None:
    """Where a name that this file offers is defined as a class or function, followed through re-exports."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return path, node
    if depth > 5:
        return None
    for found in imports_of(path):
        parts = found.what.split(".")
        if parts[-1] == name and parts[0] == "firstlight":
            target = PACKAGE.joinpath(*parts[1:-1])
            for candidate in (target.with_suffix(".py"), target / "__init__.py"):
                if candidate.is_file() and candidate != path:
                    return definition_of(candidate, name, depth + 1)
    return None


def tracked_files() -> list[Path]:
    """Every file that git tracks (or would, once added); all files outside hidden folders where git is not at hand."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT, capture_output=True, check=True, text=True,
        ).stdout.split("\0")  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        listed = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if not any(x.startswith(".") for x in p.parts)]
    return [ROOT / name for name in sorted(filter(None, listed)) if (ROOT / name).is_file()]


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def table_rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first Markdown table under a heading, without its head; backticks are removed."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]
