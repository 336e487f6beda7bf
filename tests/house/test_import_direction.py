"""Rooms import only downwards, and only what the table of rooms allows."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from house import sources

BASE = frozenset({"errors", "clock", "values", "ranged", "logs", "locks"})

# Room: what it may use besides itself and the base. The order is that of the house, from the roof down.
_LIBRARY: dict[str, frozenset[str]] = {
    "cybertip": frozenset({"custody"}),
    "custody": frozenset(),
    "triage": frozenset({"origin", "index"}),
    "origin": frozenset({"media", "hashing", "banks"}),
    "banks": frozenset({"index", "hashing"}),
    "index": frozenset(),
    "hashing": frozenset({"media"}),
    "media": frozenset(),
}
_BELOW_GATE = frozenset(_LIBRARY) | {"store"}
_BELOW_CASEWORK = _BELOW_GATE | {"gate", "screen"}
_EVERYTHING = _BELOW_CASEWORK | {"casework", "cli", "web"}

MAY_USE: dict[str, frozenset[str]] = {
    "cli": _EVERYTHING,
    "web": _EVERYTHING - {"cli"},
    "casework": _BELOW_CASEWORK,
    "gate": _BELOW_GATE,
    "screen": _BELOW_GATE,
    "store": frozenset(),
    **_LIBRARY,
    "locks": frozenset({"logs"}),
    "logs": frozenset(),
    "values": frozenset(),
    "ranged": frozenset(),
    "clock": frozenset(),
    "errors": frozenset(),
}
_BASE_MAY_USE: dict[str, frozenset[str]] = {
    "locks": frozenset({"logs"}),
    "logs": frozenset({"errors", "clock"}),
    "values": frozenset({"errors", "clock"}),
    "ranged": frozenset(),
    "clock": frozenset({"errors"}),
    "errors": frozenset(),
    "": frozenset(),
}


def allowed(room: str) -> frozenset[str]:
    """What files of a room may import from the package."""
    if room in _BASE_MAY_USE:
        return _BASE_MAY_USE[room] | {room}
    return MAY_USE[room] | BASE | {room}


def breaches(found: list[sources.Import], room: str) -> list[str]:
    """The imports that point upwards or sideways, each with its file and line."""
    return [
        f"{each} ({room or 'the package itself'} may not use {each.room})"
        for each in found
        if each.room and each.room not in allowed(room)
    ]


def test_rooms_import_only_downwards() -> None:
    wrong = []
    for path in sources.modules():
        if path.name == "__main__.py":
            continue
        wrong += breaches(list(sources.imports_of(path)), sources.room_of(path))
    assert not wrong, "imports that the table of rooms forbids:\n" + "\n".join(wrong)


def test_every_room_stands_in_the_table() -> None:
    unknown = {sources.room_of(p) for p in sources.modules()} - set(MAY_USE) - {""}
    assert not unknown, f"no place in the table of rooms: {sorted(unknown)}"


def test_the_table_has_no_circle() -> None:
    left = dict(MAY_USE)
    while left:
        ground = [room for room, uses in left.items() if not (uses - {room}) & set(left)]
        assert ground, f"these rooms use each other in a circle: {sorted(left)}"
        for room in ground:
            del left[room]


def file_of(what: str) -> Path | None:
    """The file that holds what is imported; none for another package's."""
    parts = what.split(".")
    for end in range(len(parts), 1, -1):
        place = sources.PACKAGE.parent.joinpath(*parts[:end])
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    return None


def circle(imports: dict[Path, list[sources.Import]]) -> list[Path]:
    """Files that import each other in a circle, the first one also at the end; empty if there is none.

    Left out: `room.module:function` in a text, which is loaded in another process, and a room's name alone, in whose
    folder a file looks for its data.
    """
    graph: dict[Path, set[Path]] = {}
    for path, found in imports.items():
        named = {file_of(each.what) for each in found if ":" not in each.what and each.what.count(".") > 1}
        graph[path] = {file for file in named if file not in (None, path)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as e:
        return list(e.args[1])
    return []


def test_no_files_import_each_other_in_a_circle() -> None:
    around = circle({path: list(sources.imports_of(path)) for path in sources.modules()})
    assert not around, "these import each other: " + " <- ".join(str(p.relative_to(sources.PACKAGE)) for p in around)


def test_a_circle_is_seen_wherever_its_imports_stand() -> None:
    base, face = sources.PACKAGE / "origin" / "container.py", sources.PACKAGE / "origin" / "containers" / "__init__.py"
    inside = ast.parse("def f():\n    from firstlight.origin.containers import walk")
    imports = {path: list(sources.imports_of(path)) for path in sources.modules()}
    assert set(circle(imports | {base: list(sources.imports_of(base, inside))})) >= {base, face}


@pytest.mark.parametrize(
    ("statement", "room", "names"),
    [
        ("from firstlight.store import tables", "media", "store"),
        ("import firstlight.web.app", "casework", "web"),
        ("from firstlight import banks", "hashing", "banks"),
        ("from ..custody import log", "index", "custody"),
        ("def f():\n    from firstlight.casework import intake", "cybertip", "casework"),
        ("def f():\n    import_module('firstlight.cli.main')", "triage", "cli"),
        ("TASK = 'firstlight.origin.worker:examine'", "hashing", "origin"),
        ("from firstlight.values import Level", "errors", "values"),
    ],
)
def test_a_wrong_import_is_seen_wherever_it_stands(statement: str, room: str, names: str) -> None:
    path = sources.PACKAGE / room / "thing.py"
    found = list(sources.imports_of(path, ast.parse(statement)))
    assert [each.room for each in found if each.room not in allowed(room)][:1] == [names]
    line = statement.count("\n") + 1
    assert breaches(found, room)[0].startswith(f"src/firstlight/{room}/thing.py:{line}: ")


def test_right_imports_are_let_through() -> None:
    text = (
        "from firstlight.media import sniff\nfrom firstlight.errors import InputError\nfrom . import pdq\nimport numpy"
    )
    path = sources.PACKAGE / "hashing" / "thing.py"
    assert breaches(list(sources.imports_of(path, ast.parse(text))), "hashing") == []
