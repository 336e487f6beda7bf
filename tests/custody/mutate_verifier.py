"""Mutation testing of the package verifier: a verifier that accepts everything passes every happy test.

Run by hand from the root of the repository:  PYTHONPATH=src:tests python tests/custody/mutate_verifier.py

Each mutant is the verifier with one small change (a comparison turned, a condition negated, a check taken out, a
number off by one, ...). It is killed if it says anything else than the real one about the good package or any of the
bad ones, about signatures, or about points of the curve. Survivors are printed; the exit code is 1 if there are any.
"""

from __future__ import annotations

import ast
import copy
import signal
import sys
import tempfile
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from custody.bad import second_parties
from custody.bad_packages import CHEATS
from custody.conftest import fixed_entropy, small_case
from custody.ed25519_vectors import points, vectors
from custody.forger import Forger
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, Keyring, MemoryLeafStore, export_package
from firstlight.custody.packing import verifier_source
from firstlight.custody.timestamp import Stamp

SECONDS_A_MUTANT = 30
"""Of CPU time: a mutant that loops is as dead as one that answers wrongly."""

EQUIVALENT = {
    "MAX_TEXT = 256 * 1024 * 1024": "the exact limit does not matter, only that there is one",
    "path.stat().st_size > MAX_TEXT": "as above",
    "MAX_LINE = 8 * 1024 * 1024": "as above",
    "for block in iter(lambda: stream.read(1024 * 1024), b''):": "the size of a read does not matter",
    "super().__init__(where + ': ' + what)": "only `main` prints the exception itself, for a key that was mistyped",
    "ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)": "P + 1 divides down to the same exponent",
    "BASE = typing.cast('Point', point_from(bytes.fromhex('58' + '66' * 31)))": "a 33rd byte is not looked at",
    "x = pow(x2, (P + 3) // 8, P)": "P + 4 divides down to the same exponent",
}
"""Statements and expressions whose mutants cannot be told apart by any answer, and why."""

Case = tuple[Path, str | None]


def packages(base: Path) -> list[Case]:
    """The good package (with and without its key) and every bad one."""
    clock = FixedClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    ring = Keyring.create(base / "keys", "example.org/custody", entropy=fixed_entropy())
    store = MemoryLeafStore()
    log = CustodyLog(store, ring.log_signer(), clock, sealers=ring.event_sealer, entropy=fixed_entropy(b"s"))
    good = Path(export_package(small_case(log, clock), base, log, clock, actor="u-1").folder)
    signer = ring.log_signer()
    cases: list[Case] = [(good, None), (good, signer.verifier.vkey)]
    for cheat in CHEATS:
        forged = Forger(good, base / "bad" / cheat.name, signer)
        cheat.act(forged)
        cases.append((forged.folder, signer.verifier.vkey if cheat.key_given else None))
    cases.append((base / "missing", None))
    (base / "stamped").mkdir()
    contents = small_case(log, clock)
    store.forget([2])
    report = export_package(contents, base / "stamped", log, clock, actor="u-1", stamp=_stamp)
    cases.append((Path(report.folder), None))
    both = Forger(good, base / "both", signer)
    second_parties.witness(both, second_parties.true_line(both))
    second_parties.stamp(both, second_parties.answer(both.read(second_parties.AT_CHECKPOINT)))
    cases.append((both.folder, None))
    return cases


def _stamp(note: bytes) -> Stamp:
    return Stamp(second_parties.answer(note), b"certificates")


def answers(source: str | ast.Module, cases: list[Case]) -> Iterator[object]:
    """What a verifier says about each package, one after the other."""
    module = types.ModuleType("mutant")
    module.__file__ = "mutant"
    exec(compile(source, "mutant", "exec"), module.__dict__)
    for data, _ in points():
        yield module.point_from(data)
    for key, message, signature, _ in vectors():
        yield module.ed25519_accepts(key, message, signature)
    for folder, trusted in cases:
        try:
            yield module.verify(folder, trusted)
        except module.DiffersError as found:
            yield (found.where, found.what)


OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
}


def mutations(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Small changes to one node of the syntax tree."""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[i] = OPPOSITE[type(op)]()
            yield "comparison", changed
    elif isinstance(node, ast.BoolOp):
        yield "and/or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for i in range(len(node.values)):
            rest = [value for j, value in enumerate(node.values) if j != i]
            yield "operand dropped", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not dropped", node.operand
    elif isinstance(node, ast.Raise):
        yield "check taken out", ast.Pass()
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield "arithmetic", ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield "bool", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield "number + 1", ast.Constant(node.value + 1)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "call taken out", ast.Pass()
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sorted":
        yield "not sorted", ast.Call(ast.Name("list", ast.Load()), node.args, [])


class _Put(ast.NodeTransformer):
    def __init__(self, number: int, new: ast.AST) -> None:
        self.left = number
        self.new = new

    def visit(self, node: ast.AST) -> Any:
        if self.left == 0:
            self.left = -1
            return ast.copy_location(self.new, node)
        self.left -= 1
        return self.generic_visit(node)


def numbered(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in the order in which a transformer meets them."""
    yield node
    for child in ast.iter_child_nodes(node):
        yield from numbered(child)


def mutants(source: str) -> Iterator[tuple[str, ast.Module]]:
    """Every mutant of everything but `main`, with words for what was changed and where."""
    tree = ast.parse(source)
    inside_main = {id(n) for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == "main" for n in ast.walk(f)}
    guard = {id(n) for n in ast.walk(tree.body[-1])}
    harmless = {
        id(n)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.stmt) and ast.unparse(statement).split("\n")[0] in EQUIVALENT
        for n in ast.walk(statement.iter if isinstance(statement, ast.For) else statement)
    }
    harmless |= {id(n) for n in ast.walk(tree) if isinstance(n, ast.expr) and ast.unparse(n) in EQUIVALENT}
    for number, node in enumerate(numbered(tree)):
        if id(node) in inside_main | guard | harmless:
            continue
        for kind, new in mutations(node):
            mutated = _Put(number, copy.deepcopy(new)).visit(copy.deepcopy(tree))
            line = getattr(node, "lineno", 0)
            yield f"line {line}: {kind}: {ast.unparse(node)!r}", ast.fix_missing_locations(mutated)


def killed(mutant: ast.Module, expected: list[object], cases: list[Case]) -> bool:
    """Whether the mutant gives itself away."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS_A_MUTANT)
    try:
        return any(got != want for got, want in zip(answers(mutant, cases), expected, strict=True))
    except (Exception, TimeoutError):  # noqa: BLE001 - a mutant may die of anything, and is dead then
        return True
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_long(*_: object) -> None:
    raise TimeoutError


def main() -> int:
    """Run all mutants; print the survivors and the score."""
    signal.signal(signal.SIGPROF, _too_long)
    source = verifier_source().decode()
    with tempfile.TemporaryDirectory() as base:
        cases = packages(Path(base))
        expected = list(answers(source, cases))
        survivors, count = [], 0
        for words, mutant in mutants(source):
            count += 1
            if not killed(mutant, expected, cases):
                survivors.append(words)
                print("SURVIVED", words, flush=True)
    print(f"{count} mutants, {count - len(survivors)} killed, {len(survivors)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
