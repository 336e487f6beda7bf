"""Every package is named with its purpose, reason and licence, and the licence is the one that the package states."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

import pytest

from house import sources

PERMISSIVE = frozenset(
    {"0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT",
     "MIT-0", "MIT-CMU", "PSF-2.0", "Zlib"}
)  # fmt: skip
EXCEPTIONS = frozenset({"certifi", "hypothesis", "pillow-heif", "psycopg"})

# How packages that state no SPDX expression word their licence, in old metadata fields.
_OLD_WORDS = {
    "Apache-2.0": r"apache",
    "CC0-1.0": r"public domain|cc0",
    "BSD-2-Clause": r"\bbsd",
    "BSD-3-Clause": r"\bbsd",
    "ISC": r"\bisc",
    "MIT": r"\bmit\b|DFSG approved",
    "MIT-0": r"\bmit",
    "MPL-2.0": r"mpl|mozilla",
    "PSF-2.0": r"psf|python software foundation",
    "Zlib": r"zlib|without any express or implied warranty|acknowledgment in the product documentation",
}

DOCUMENT = (sources.ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
CORE = {row[0]: row for row in sources.table_rows(DOCUMENT, "Core")}
BROUGHT = {row[0]: row for row in sources.table_rows(DOCUMENT, "Brought along")}
EXTRAS = {row[0]: row for row in sources.table_rows(DOCUMENT, "Extras")}
TOOLS = {row[0]: row for row in sources.table_rows(DOCUMENT, "For building and checking")}
LICENCES = {name: row[-1] for rows in (CORE, BROUGHT, EXTRAS, TOOLS) for name, row in rows.items()}


def names_in(requirements: list[str]) -> set[str]:
    """The package names of requirements as pyproject writes them."""
    return {re.split(r"[\s<>=!~;\[]", each, maxsplit=1)[0].lower().replace("_", "-") for each in requirements}


def locked(name: str) -> set[str]:
    """The packages that a lock file holds."""
    text = (sources.ROOT / "lock" / f"{name}.txt").read_text(encoding="utf-8")
    return {line.split("==")[0] for line in text.splitlines() if re.match(r"[a-z0-9]", line)}


def test_the_tables_are_what_pyproject_asks_for() -> None:
    project = sources.project()
    groups = project["dependency-groups"]
    assert set(CORE) == names_in(project["project"]["dependencies"])
    extras = {name: names_in(needs) for name, needs in project["project"]["optional-dependencies"].items()}
    assert set(EXTRAS) == set().union(*extras.values())
    assert all(f"[{name}]" in EXTRAS[package][1] for name, needs in extras.items() for package in needs)
    assert set(EXTRAS) <= names_in(groups["dev"]), "the tests run with every extra"
    assert set(TOOLS) == names_in(groups["dev"] + groups["build"] + groups["reference"]) - set(EXTRAS)


def test_what_is_brought_along_is_named_too() -> None:
    only_for_tools = {"packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}  # needed by hatchling
    assert set(BROUGHT) == locked("core") - set(CORE) - set(TOOLS) - only_for_tools


def test_the_lock_files_hold_exact_versions_with_digests_and_name_no_index() -> None:
    for name in ("core", "dev", "reference"):
        text = (sources.ROOT / "lock" / f"{name}.txt").read_text(encoding="utf-8")
        blocks = re.split(r"\n(?=[a-z0-9])", text.split("make lock\n", 1)[1])
        assert len(blocks) > (0 if name == "reference" else 30)
        for block in blocks:
            assert re.match(r"[a-z0-9.-]+==[0-9][0-9a-z.]*( ;.*)? \\\n", block), block[:80]
            assert "--hash=sha256:" in block
        assert "://" not in text
    assert locked("core") <= locked("dev")


def test_the_lock_files_answer_what_pyproject_asks_for() -> None:
    project = sources.project()
    groups = project["dependency-groups"]
    assert names_in(project["project"]["dependencies"] + groups["build"]) <= locked("core")
    assert names_in(groups["dev"]) <= locked("dev")
    assert names_in(groups["reference"]) == locked("reference")


@pytest.mark.parametrize("name", sorted(LICENCES))
def test_every_licence_is_permissive_or_a_named_exception(name: str) -> None:
    parts = set(re.split(r" (?:AND|OR) ", LICENCES[name]))
    assert parts <= PERMISSIVE or name in EXCEPTIONS, f"{name}: {LICENCES[name]}"


@pytest.mark.parametrize("name", sorted(LICENCES))
def test_every_licence_is_the_one_that_the_installed_package_states(name: str) -> None:
    try:
        package = distribution(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed on this platform, or not in this environment")
    stated = package.metadata["License-Expression"]
    if stated:
        assert stated == LICENCES[name]
        return
    words = old_words(package)
    for part in re.split(r" (?:AND|OR) ", LICENCES[name]):
        assert re.search(_OLD_WORDS[part], words, re.IGNORECASE), f"{name} states {words[:200]!r}"


def old_words(package: Distribution) -> str:
    """What a package says of its licence in the fields and files that came before SPDX expressions."""
    classifiers = [c for c in package.metadata.get_all("Classifier") or [] if c.startswith("License")]
    words = " ".join([package.metadata["License"] or "", *classifiers]).strip()
    if words:
        return words
    files = [f for f in package.files or [] if "licen" in str(f).lower()]
    return " ".join(f.read_text(encoding="utf-8") for f in files)


def test_every_exception_is_explained() -> None:
    section = DOCUMENT.split("\n## Exceptions\n")[1]
    assert set(re.findall(r"^- `([a-z0-9-]+)`", section, re.MULTILINE)) == EXCEPTIONS


def test_every_row_says_what_for_and_why() -> None:
    for row in [*CORE.values(), *EXTRAS.values(), *TOOLS.values()]:
        assert len(row) == 4
        assert all(len(cell.split()) >= 2 for cell in row[1:3]), row


def test_no_test_needs_what_only_a_compiler_can_build() -> None:
    """The group `reference` comes as source; tests reach for it by `pytest.importorskip` and skip without it."""
    names = names_in(sources.project()["dependency-groups"]["reference"])
    direct = re.compile(rf"^\s*(?:import|from) (?:{'|'.join(sorted(names))})\b", re.MULTILINE)
    tests = sorted((sources.ROOT / "tests").rglob("*.py"))
    assert not [str(path) for path in tests if direct.search(path.read_text(encoding="utf-8"))]
