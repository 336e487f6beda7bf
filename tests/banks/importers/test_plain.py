"""Plain lists of hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from firstlight.banks import Library
from firstlight.clock import FixedClock
from firstlight.errors import InputError, NotFoundError
from firstlight.values import BankPurpose


def digest(kind: str, text: str) -> str:
    return hashlib.new(kind, text.encode(), usedforsecurity=False).hexdigest()


def pdq(text: str) -> str:
    """A made-up hash with half of its bits set, as PDQ hashes have."""
    bits = list(range(256))
    order = sorted(bits, key=lambda i: hashlib.sha256(f"{text}{i}".encode()).digest())
    return f"{sum(1 << i for i in order[:128]):064x}"


@pytest.fixture
def library(tmp_path: Path, clock: FixedClock) -> Iterator[Library]:
    with Library.create(tmp_path / "library", sealer=None, clock=clock) as made:
        made.create_bank("roots", BankPurpose.KNOWN)
        yield made


def put(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "list.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_hashes_are_told_apart_by_length_and_junk_by_line(library: Library, tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "\ufeff" + digest("md5", "carrot").upper() + "\r\n"
        "\r\n# a comment\r\n"
        f"{digest('sha1', 'beet')}  beet.jpg\r\n"
        f"{digest('sha256', 'leek')}\r\n"
        "not a hash\r\n"
        f"{digest('md5', 'carrot')[:-1]}\r\n"
        f"{digest('md5', 'carrot')}\r\n",
    )
    report = library.import_list("roots", path)
    assert (report.format, report.source) == ("plain", "list.txt")
    assert (report.came, report.added, report.repeated, report.skipped) == (6, 3, 1, 2)
    assert [s.line for s in report.first_skips] == [6, 7]
    assert report.first_skips[1].shown == digest("md5", "carrot")[:6] + "…"
    assert report.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    entries = list(library.entries("roots"))
    assert entries[0].md5 == digest("md5", "carrot")
    assert entries[1].sha1 == digest("sha1", "beet")
    assert (entries[2].sha256, entries[2].pdq) == (digest("sha256", "leek"), digest("sha256", "leek"))

    again = library.import_list("roots", path)
    assert (again.added, again.updated, again.unchanged, again.repeated) == (0, 0, 3, 1)
    assert again.revision == again.revision_before


@pytest.mark.parametrize(("make", "kind"), [(pdq, "pdq"), (lambda t: digest("sha256", t), "sha256")])
def test_long_lists_of_64_digits_are_told_apart_by_their_bits(
    make: object, kind: str, library: Library, tmp_path: Path
) -> None:
    library.import_list("roots", put(tmp_path, "\n".join(make(str(i)) for i in range(50))))  # type: ignore[operator]
    for entry in library.entries("roots"):
        assert list(entry.masked()) == [kind]


def test_a_short_list_of_64_digits_is_taken_as_both(library: Library, tmp_path: Path) -> None:
    library.import_list("roots", put(tmp_path, pdq("carrot")))
    (entry,) = library.entries("roots")
    assert entry.pdq == entry.sha256 == pdq("carrot")


def test_the_kind_can_be_named(library: Library, tmp_path: Path) -> None:
    report = library.import_list("roots", put(tmp_path, f"{pdq('carrot')}\n{digest('md5', 'x')}\n"), "pdq")
    assert (report.format, report.added, report.skipped) == ("pdq", 1, 1)
    (entry,) = library.entries("roots")
    assert list(entry.masked()) == ["pdq"]


def test_utf_16_and_lines_without_end_are_survived(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstlight.banks.importer.MAX_LINE", 200)
    text = f"{digest('md5', 'carrot')}\n{'x' * 1000}\n{digest('md5', 'beet')}\n"
    report = library.import_list("roots", put(tmp_path, text.encode("utf-16")))
    assert (report.added, report.skipped) == (2, 1)
    assert (report.first_skips[0].line, report.first_skips[0].why) == (2, "the line is too long")


def test_what_is_no_list_is_refused_in_words(library: Library, tmp_path: Path) -> None:
    for content in ("", "a poem\nabout carrots\n", b"\xff\xd8\xff\xe0 a picture"):
        with pytest.raises(InputError, match="does not look like a list"):
            library.import_list("roots", put(tmp_path, content))
    with pytest.raises(InputError, match="is no list format"):
        library.import_list("roots", put(tmp_path, ""), "xls")
    with pytest.raises(InputError, match="has no columns"):
        library.import_list("roots", put(tmp_path, digest("md5", "a")), "md5", {"md5": "x"})
    with pytest.raises(NotFoundError, match="no file"):
        library.import_list("roots", tmp_path / "missing.txt")
    assert library.import_list("roots", put(tmp_path, ""), "md5").came == 0
