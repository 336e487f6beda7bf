"""What may not stand in any file of the repository: machines' own paths, index hosts, secrets, foreign binaries."""

from __future__ import annotations

import re

import pytest

from house import sources

# Put together from pieces, so that this file does not hold what it looks for.
_PACKAGE_HOSTS = "|".join(
    re.escape(".".join(parts))
    for parts in (
        ("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("conda", "anaconda", "org"),
        ("deb", "debian", "org"), ("proxy", "golang", "org"), ("index", "crates", "io"),
    )
)  # fmt: skip
_FORBIDDEN = {
    "a package index's host": re.compile(_PACKAGE_HOSTS),
    "a path of one machine": re.compile(r"(?<![\w.-])/(?:work|root|Users|home/[a-z]+|farm)/\w"),
    "a private key": re.compile("-----BEGIN " + r"[A-Z ]*PRIVATE KEY-----"),
    "a conflict mark": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}
_LARGEST = 200_000  # bytes; pictures and lists are drawn or written by the tests, not kept

TEXT_FILES = [
    path for path in sources.tracked_files() if path.suffix not in {".png", ".svgz", ".woff2"} and path.stat().st_size
]


@pytest.mark.parametrize("what", sorted(_FORBIDDEN))
def test_no_tracked_file_holds(what: str) -> None:
    pattern = _FORBIDDEN[what]
    found = []
    for path in TEXT_FILES:
        text = path.read_text(encoding="utf-8")
        found += [
            f"{path.relative_to(sources.ROOT)}:{text.count(chr(10), 0, hit.start()) + 1}: {hit.group()}"
            for hit in pattern.finditer(text)
        ]
    assert not found, f"{what} stands in a tracked file:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a package index's host", "see https://" + "pypi" + ".org/project/x"),
        ("a path of one machine", "in /" + "work/tmp"),
        ("a path of one machine", "'/" + "home/somebody/pictures'"),
        ("a private key", "-----BEGIN " + "EC PRIVATE KEY-----"),
        ("a conflict mark", "a\n" + "<" * 7 + " HEAD"),
    ],
)
def test_each_of_them_would_be_seen(what: str, text: str) -> None:
    assert _FORBIDDEN[what].search(text)


def test_no_tracked_file_is_large_or_a_picture() -> None:
    kept = [
        str(path.relative_to(sources.ROOT))
        for path in sources.tracked_files()
        if (path.stat().st_size > _LARGEST and path.parent.name != "lock")  # digests of every platform's files
        or path.suffix.lower() in {".jpg", ".jpeg", ".heic", ".webp", ".gif", ".tif", ".mp4"}
    ]
    assert not kept
