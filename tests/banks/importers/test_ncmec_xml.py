"""Answers of the hash-sharing service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.banks import Library, Standing
from firstlight.errors import InputError

NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
Digest = Callable[[str, str], str]


def page(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "entries.xml"
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<queryResult xmlns="{NAMESPACE}">{body}</queryResult>')
    return path


def image(ident: str, prints: str, *, at: str = "2026-01-01T00:00:00Z", more: str = "") -> str:
    return (
        f'<image><timestamp>{at}</timestamp><member id="42">A member</member><id>{ident}</id>'
        f"<classification>A1</classification><fingerprints>{prints}</fingerprints>{more}</image>"
    )


def gone(ident: str, at: str) -> str:
    return f'<deletedImage><member id="42">A member</member><id>{ident}</id><timestamp>{at}</timestamp></deletedImage>'


def test_entries_are_keyed_by_member_and_id(library: Library, tmp_path: Path, digest: Digest) -> None:
    prints = (
        f"<md5>{digest('md5', 'carrot').upper()}</md5><sha1/><pdna>opaque</pdna>"
        f'<pdq>{digest("sha256", "carrot")}</pdq><tmk-pdqf rel="self" href="/x"/>'
    )
    feedback = (
        '<feedback lastUpdateTimestamp="2026-01-02T00:00:00Z"><affirmativeFeedback type="Md5"/>'
        '<negativeFeedback type="Pdq"/></feedback><unknown><deep/></unknown>'
    )
    video = (
        f'<videos count="1"><video><id>a</id><member id="43">Other</member><fingerprints><md5>{digest("md5", "beet")}'
        "</md5></fingerprints></video></videos>"
    )
    path = page(
        tmp_path,
        f'<images count="2" maxTimestamp="2026-01-01T00:00:00Z">{image("a", prints, more=feedback)}'
        f"<image><id>b</id></image></images>{video}<paging><next>/x</next></paging>",
    )
    report = library.import_list("roots", path)
    assert (report.format, report.came, report.added, report.skipped) == ("ncmec-xml", 3, 2, 1)
    assert report.first_skips[0].why == "the entry has no member or no id"
    entry = library.entry("roots", "42:a")
    assert (entry.md5, entry.pdq) == (digest("md5", "carrot"), digest("sha256", "carrot"))
    assert entry.categories == ("A1",)
    assert entry.original["pdna"] == "opaque"
    assert entry.original["feedback"] == "affirmative md5; negative pdq"
    assert library.entry("roots", "43:a").md5 == digest("md5", "beet")
    assert library.import_list("roots", path).unchanged == 2


def test_the_latest_state_counts_in_whatever_order_it_comes(library: Library, tmp_path: Path, digest: Digest) -> None:
    def row(name: str, at: str) -> str:
        return image("a", f"<md5>{digest('md5', name)}</md5>", at=at)

    old, new = row("carrot", "2026-01-01T00:00:00Z"), row("beet", "2026-01-02T00:00:00Z")
    taken_back, again = gone("a", "2026-01-03T00:00:00Z"), row("leek", "2026-01-04T00:00:00Z")
    for order, standing, name in (
        ((new, old), Standing.ACTIVE, "beet"),
        ((old, new), Standing.ACTIVE, "beet"),
        ((taken_back, old), Standing.WITHDRAWN, "beet"),
        ((new, old), Standing.WITHDRAWN, "beet"),
        ((again, taken_back), Standing.ACTIVE, "leek"),
    ):
        report = None
        for _ in range(2):
            report = library.import_list("roots", page(tmp_path, f"<images>{''.join(order)}</images>"))
            entry = library.entry("roots", "42:a")
            assert (entry.standing, entry.md5) == (standing, digest("md5", name))
        assert report is not None
        assert report.revision == report.revision_before


def test_an_entry_taken_back_before_it_came_does_not_come(library: Library, tmp_path: Path, digest: Digest) -> None:
    body = gone("a", "2026-01-03T00:00:00Z") + image("a", f"<md5>{digest('md5', 'carrot')}</md5>")
    report = library.import_list("roots", page(tmp_path, f"<images>{body}</images>"))
    assert (report.came, report.added) == (2, 0)
    assert list(library.entries("roots")) == []


def test_broken_and_hostile_xml_is_refused_in_words(library: Library, tmp_path: Path, digest: Digest) -> None:
    rows = [image(name, f"<md5>{digest('md5', name)}</md5>") for name in ("carrot", "beet")]
    whole = page(tmp_path, f"<images>{''.join(rows)}</images>")
    text = whole.read_text()
    whole.write_text(text[:-20])
    report = library.import_list("roots", whole)
    assert report.stopped is not None
    assert "after record 1" in report.stopped.message
    assert report.added == 1
    whole.write_text(text[: text.index("</images>")] + "<<" + text[text.index("</images>") :])
    assert library.import_list("roots", whole).unchanged == 1
    whole.write_text('<!DOCTYPE queryResult [<!ENTITY a "aaaa">]><queryResult>&a;</queryResult>')
    with pytest.raises(InputError, match="cannot be read"):
        library.import_list("roots", whole)


def test_entries_are_found_wherever_blocks_of_the_file_end(
    library: Library, tmp_path: Path, digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        image(f"e{i}", f"<md5>{digest('md5', f'beet {i}')}</md5>", more="<unknown><deep/></unknown>") for i in range(9)
    ]
    pages = (
        f"<page><images>{''.join(rows[:4])}</images><videos/></page><page><images>{''.join(rows[4:])}</images></page>"
    )
    path = page(tmp_path, pages)  # several answers under one root
    for block in range(1, 400, 7):
        monkeypatch.setattr("firstlight.banks.importers.ncmec_xml._BLOCK", block)
        report = library.import_list("roots", path)
        assert report.added + report.unchanged == report.came == len(rows)
    assert sorted(entry.key for entry in library.entries("roots")) == [f"42:e{i}" for i in range(9)]


def test_a_document_type_behind_much_else_is_refused(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "entries.xml"
    path.write_text(
        f"<?xml version='1.0'?><!--{' ' * 600_000}--><!DOCTYPE queryResult [<!ENTITY a 'aaaa'>]><queryResult/>"
    )
    with pytest.raises(InputError, match="document type"):
        library.import_list("roots", path, "ncmec-xml")


def test_an_empty_answer_is_an_empty_list(library: Library, tmp_path: Path) -> None:
    assert library.import_list("roots", page(tmp_path, '<images count="0"/><videos count="0"/>')).came == 0
