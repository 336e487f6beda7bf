"""The checker of documents' examples: it sees what differs, and lets through what was left open."""

from __future__ import annotations

from pathlib import Path

import pytest

from house.examples import commands_in, examples_of, matches, problems_of


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("a\nb", "a\nb", True),
        ("a\nb", "a\nb\nc", False),
        ("a\n...", "a\nb\nc", True),
        ("a\n...\nc", "a\nc", True),
        ("a\n...\nc", "a\nb", False),
        ("took ... s", "took 1.5 s", True),
        ("took ... s", "took 1.5 min", False),
        ("took ... s", "took 1\n2 s", False),
        ("a", "a   ", True),
        ("", "", True),
        ("[x] (y)*", "[x] (y)*", True),
    ],
)
def test_output_is_compared_with_gaps(shown: str, real: str, same: bool) -> None:
    assert matches(tuple(shown.splitlines()), real.splitlines()) is same


def document(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    (folder / "run").mkdir()
    return path


def test_a_right_document_has_no_problem(tmp_path: Path) -> None:
    page = document(
        tmp_path,
        "# x\n\n<!-- checked -->\n```console\n$ echo carrot > basket\n$ cat \\\n    basket\ncarrot\n```\n"
        "\n<!-- checked, exit 3 -->\n\n```console\n$ ls\nbasket\n$ echo bye; exit 3\nb...\n```\n"
        "\n```console\n$ rm --no-such-thing\n```\n",
    )
    assert problems_of(page, tmp_path / "run") == []


@pytest.mark.parametrize(
    ("block", "word"),
    [
        ("<!-- checked -->\n```console\n$ echo leek\ncarrot\n```\n", "printed:\nleek"),
        ("<!-- checked -->\n```console\n$ exit 2\n```\n", "exited with 2, not 0"),
        ("<!-- checked, exit 1 -->\n```console\n$ true\n```\n", "exited with 0, not 1"),
        ("<!-- checked, exit 1 -->\n```console\n$ false\n$ false\n```\n", "exited with 1, not 0"),
    ],
)
def test_a_wrong_one_is_shown_with_its_line(tmp_path: Path, block: str, word: str) -> None:
    problems = problems_of(document(tmp_path, "\n\n" + block), tmp_path / "run")
    assert len(problems) == 1
    assert problems[0].startswith("page.md:5: $ ")
    assert word in problems[0]


def test_examples_see_no_settings_of_the_machine(tmp_path: Path) -> None:
    page = document(tmp_path, "<!-- checked -->\n```console\n$ cd; pwd; ls -A; echo $FIRSTLIGHT_HOME\n...home\n\n```\n")
    assert problems_of(page, tmp_path / "run") == []


def test_a_block_that_begins_with_output_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="begin with a command"):
        list(examples_of("<!-- checked -->\n```console\ncarrot\n```\n"))


def test_pictures_are_drawn_where_asked(tmp_path: Path) -> None:
    page = document(
        tmp_path, "<!-- checked with pictures -->\n```console\n$ ls pictures\ncamera...\n...\npicture-0005.jpg\n```\n"
    )
    assert problems_of(page, tmp_path / "run") == []


def test_all_commands_are_found() -> None:
    text = "```console\n$ make demo\nout\n$ make test\n```\ntext\n```python\n$ no\n```\n"
    assert list(commands_in(text)) == [(2, "make demo"), (4, "make test")]
