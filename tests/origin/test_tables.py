"""The tables of the indicators: whole, worded as statements, and the same in the document."""

from __future__ import annotations

import ast
import pkgutil
import string
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from firstlight.origin import Claim, Family, ForgeableBy, indicators
from firstlight.origin import statement as statements
from firstlight.origin.describe import filled_in
from firstlight.origin.examination import KINDS
from firstlight.origin.statement import Statement
from origin.documenting import DOCUMENT

ALL = [statement for kind in KINDS for statement in kind.statements]
MODULES = [
    import_module(f"{indicators.__name__}.{module.name}") for module in pkgutil.iter_modules(indicators.__path__)
]


def test_the_document_is_the_one_made_from_the_tables() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert document == filled_in(document), "docs/origin.md is old: PYTHONPATH=src:tests python -m origin.documenting"


def test_every_file_has_a_kind_that_is_listed_and_a_detector() -> None:
    for module in MODULES:
        assert module.KIND in KINDS, module.__name__
        assert callable(module.detect), module.__name__
        assert module.__name__.endswith(f".{module.KIND.name}")


def test_every_statement_of_a_file_stands_in_its_table() -> None:
    for module in MODULES:
        found = [value for value in vars(module).values() if isinstance(value, Statement)]
        for value in vars(module).values():
            if isinstance(value, dict):
                found += [inner for inner in value.values() if isinstance(inner, Statement)]
        assert {one.name for one in found} <= {one.name for one in module.KIND.statements}, module.__name__


def test_names_are_unique() -> None:
    names = [statement.name for statement in ALL]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("statement", ALL, ids=lambda statement: statement.name)
def test_a_statement_is_worded_as_one(statement: Statement) -> None:
    assert statement.says.endswith((".", "{why}"))
    assert statement.does_not_say.endswith(".")
    words = f"{statement.says} {statement.does_not_say}".lower()
    assert not any(word in words for word in ("tamper", "fake", "proves", "is ai", "not a real child"))
    fields = {name for _, name, _, _ in string.Formatter().parse(statement.says) if name}
    assert fields <= {"who", "type", "label", "make", "signer", "when", "list", "standing", "why", "what", "traces",
                      "bank", "distance", "year", "mark", "right", "bits", "model", "ledger", "key_id"}  # fmt: skip


@pytest.mark.parametrize("statement", ALL, ids=lambda statement: statement.name)
def test_strengths_keep_to_the_evidence_model(statement: Statement) -> None:
    strength = statement.strength
    assert 0 <= strength.low <= strength.high <= 6
    plantable = statement.forgeable_by is ForgeableBy.ANYONE and statement.claim in (Claim.SYNTHETIC, Claim.CAMERA)
    if plantable:
        assert strength.low == 0, "what anyone can write supports nothing where somebody had a reason to write it"
    if statement.claim is Claim.SYNTHETIC and statement.forgeable_by <= ForgeableBy.CUSTOMER:
        assert strength.high <= 2
    if statement.forgeable_by is ForgeableBy.AUTHORITY:
        assert statement.family is Family.AUTHORITY
    if statement.claim is Claim.UNREADABLE:
        assert strength.high == 0


def test_a_machines_statement_says_what_it_leaves_open() -> None:
    for statement in ALL:
        if statement.claim in (Claim.SYNTHETIC, Claim.KNOWN_SYNTHETIC) and statement.family is not Family.LEARNED:
            assert "photograph" in statement.does_not_say or "output" in statement.does_not_say, statement.name


def test_importing_the_room_loads_nothing_heavy() -> None:
    """`import firstlight.origin` must not load the reader of credentials or a decoder."""
    code = "import sys, firstlight.origin; print([m for m in ('c2pa', 'PIL') if m in sys.modules])"
    path = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path)
    assert done.stdout == "[]\n"


def test_the_room_uses_only_what_lies_below_it() -> None:
    folder = Path(statements.__file__).parent
    allowed = {"origin", "banks", "media", "hashing", "values", "errors", "clock", "__version__"}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("firstlight"):
                parts = (node.module or "").split(".")
                assert (parts[1] if len(parts) > 1 else node.names[0].name) in allowed, path


def test_every_kind_says_what_it_reads() -> None:
    assert all(kind.reads and kind.title and kind.statements for kind in KINDS)
