"""What others may rely on: the public names of each room are written down, deliberate and documented."""

from __future__ import annotations

import ast
import tomllib

from house import sources

_FILE = sources.ROOT / "tests" / "house" / "public_names.toml"


def test_public_names_are_the_ones_written_down() -> None:
    written = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    real = sources.public_names()
    changes = []
    for room in sorted(written.keys() | real.keys()):
        old, new = set(written.get(room, [])), set(real.get(room, []))
        changes += [f"{room}: {name} is new" for name in sorted(new - old)]
        changes += [f"{room}: {name} is gone" for name in sorted(old - new)]
    assert not changes, "the public names changed; if that is meant, run `make names`:\n" + "\n".join(changes)


def test_public_names_are_sorted_and_named_once() -> None:
    for path in sources.modules():
        names = sources.declared_names(path)
        assert len(names) == len(set(names)), f"{path}: a name stands in __all__ twice"


def test_every_public_name_exists() -> None:
    """A name in `__all__` that nothing binds is found here and not by the first user."""
    for path in sources.modules():
        bound = _bound_names(sources.tree_of(path))
        lazy = "__getattr__" in bound
        missing = [name for name in sources.declared_names(path) if name not in bound]
        assert lazy or not missing, f"{path}: __all__ names what the file does not hold: {missing}"


def _bound_names(tree: ast.Module) -> set[str]:
    out: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                out.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                out.update((alias.asname or alias.name).split(".")[0] for alias in names)
            case ast.Name(id=name, ctx=ast.Store()):
                out.add(name)
    return out


def test_every_public_class_and_function_says_what_it_guarantees() -> None:
    silent = []
    for path in sources.modules():
        if path.name != "__init__.py" and len(path.relative_to(sources.PACKAGE).parts) > 1:
            continue
        for name in sources.declared_names(path):
            found = sources.definition_of(path, name)
            if found is not None:
                silent += [f"{found[0].relative_to(sources.ROOT)}:{line}: {what}" for line, what in _silent(found[1])]
    assert not silent, "public, but without a docstring:\n" + "\n".join(sorted(set(silent)))


def _silent(node: ast.stmt) -> list[tuple[int, str]]:
    """The definition and its public methods that have no docstring."""
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    out = [] if ast.get_docstring(node) else [(node.lineno, node.name)]
    if isinstance(node, ast.ClassDef):
        for member in node.body:
            if not isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) or member.name.startswith("_"):
                continue
            if not ast.get_docstring(member) and not _is_override(member):
                out.append((member.lineno, f"{node.name}.{member.name}"))
    return out


def _is_override(member: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """An overload or setter says nothing that its partner does not say."""
    marks = {ast.unparse(d).rsplit(".", 1)[-1] for d in member.decorator_list}
    return bool(marks & {"overload", "override", "setter"})
