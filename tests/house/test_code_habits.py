"""Habits of the code that no linter rule covers, and the linter rules that nobody may switch off."""

from __future__ import annotations

import ast
import re

from house import sources

LONGEST_FILE = 500
LONGEST_FUNCTION = 60
LONGEST_KERNEL = 90  # a compiled loop: what is split off it is a call in its innermost line, or has to be inlined again
_LISTS_BY_NATURE = ("store/migrations/versions/",)  # a migration names table after table

_KEPT_RULES = {"ANN", "B", "BLE", "DTZ", "E", "F", "PGH", "S", "T20", "TRY"}
_NOT_TO_BE_SILENCED = re.compile(r"#\s*noqa:[^#]*\b(T201|T203|DTZ\d+|S110|S112|E722)\b")
_LIBRARY_ROOMS = frozenset(
    {
        "media",
        "hashing",
        "index",
        "banks",
        "origin",
        "triage",
        "custody",
        "cybertip",
        "values",
        "ranged",
        "clock",
        "errors",
    }
)
_HANDS_ON_THE_ENVIRONMENT = ("media/_workers.py",)  # a few variables, to the interpreter that it starts for its workers
# Programs that stand alone: they are handed to others and run without this package, so they speak by themselves.
_STAND_ALONE = ("custody/verifier.py", "custody/verify.py")


def test_no_file_is_too_long_to_read() -> None:
    long = [
        f"{path.relative_to(sources.ROOT)}: {lines} lines"
        for path in sources.modules()
        if (lines := path.read_text(encoding="utf-8").count("\n")) > LONGEST_FILE
    ]
    assert not long, f"files of more than {LONGEST_FILE} lines; split them by subject:\n" + "\n".join(long)


def test_no_function_is_too_long_to_hold_in_mind() -> None:
    long = []
    for path in sources.modules():
        if path.relative_to(sources.PACKAGE).as_posix().startswith(_LISTS_BY_NATURE):
            continue
        for node in ast.walk(sources.tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                is_kernel = any(isinstance(each, ast.Name) and each.id == "kernel" for each in node.decorator_list)
                if lines > (LONGEST_KERNEL if is_kernel else LONGEST_FUNCTION):
                    long.append(f"{path.relative_to(sources.ROOT)}:{node.lineno}: {node.name}, {lines} lines")
    assert not long, f"functions of more than {LONGEST_FUNCTION} lines:\n" + "\n".join(long)


def test_the_linter_still_watches_for_prints_naive_times_and_swallowed_errors() -> None:
    lint = sources.project()["tool"]["ruff"]["lint"]
    assert set(lint["select"]) >= _KEPT_RULES
    assert not {rule for rule in lint["ignore"] if re.match(r"T20|DTZ|BLE|S110|E722", rule)}
    assert not [where for where in lint["per-file-ignores"] if where.startswith("src")]


def test_nobody_silences_those_rules() -> None:
    silenced = [
        f"{path.relative_to(sources.ROOT)}:{number}: {line.strip()}"
        for path in sources.modules()
        if not str(path).endswith(_STAND_ALONE)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _NOT_TO_BE_SILENCED.search(line)
    ]
    assert not silenced, "a rule of the house is switched off here:\n" + "\n".join(silenced)


def test_rooms_below_casework_read_no_environment_and_keep_no_global_state() -> None:
    """A library room answers from its arguments alone, so that a whole case can be built in memory."""
    wrong = []
    for path in sources.modules():
        if sources.room_of(path) not in _LIBRARY_ROOMS or str(path).endswith(_HANDS_ON_THE_ENVIRONMENT):
            continue
        for node in ast.walk(sources.tree_of(path)):
            environment = isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
            if isinstance(node, ast.Attribute | ast.Global) and (environment or isinstance(node, ast.Global)):
                wrong.append(f"{path.relative_to(sources.ROOT)}:{node.lineno}: {ast.unparse(node)}")
    assert not wrong, "library rooms take what they need by argument:\n" + "\n".join(wrong)


def test_input_is_not_checked_by_assert() -> None:
    """`python -O` removes asserts; they may only tell the type checker what is known."""
    found = [
        f"{path.relative_to(sources.ROOT)}:{node.lineno}: {ast.unparse(node)[:80]}"
        for path in sources.modules()
        for node in ast.walk(sources.tree_of(path))
        if isinstance(node, ast.Assert)
        and not ast.unparse(node.test).endswith("is not None")
        and not ast.unparse(node.test).startswith("isinstance(")
    ]
    assert not found, "raise an error of the house instead:\n" + "\n".join(found)
