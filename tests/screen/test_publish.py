"""The report: its account, its page, and everything that checking it notices."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from firstlight.banks import Library
from firstlight.clock import FixedClock
from firstlight.custody import KeySealer
from firstlight.custody.note import Ed25519Signer
from firstlight.errors import InputError, IntegrityError, NotFoundError
from firstlight.media import Cage
from firstlight.screen import runs
from firstlight.screen.evidence import read_evidence, write_evidence
from firstlight.screen.page import as_page
from firstlight.screen.publish import previous_report, verify_report, write_report
from firstlight.screen.report import ScreenReport, hits_in, make_report, percent
from firstlight.screen.selftest import resizes_of, self_test, wilson
from firstlight.screen.shard import Settings, Tally
from screen.making import SEALER, Here, lists_of, picture, screened, side_file, tar_of

SIGNER = Ed25519Signer("example.org/custody", bytes(range(32)))


@pytest.fixture
def out(tmp_path: Path, cage: Cage, library: Library, clock: FixedClock) -> Path:
    source = tmp_path / "set"
    source.mkdir()
    tar_of([("3.jpg", picture(3)), ("<b>.jpg", picture(3)), ("4.jpg", picture(4)), ("5.jpg", b"")], source / "a.tar")
    (source / "b.tar").write_bytes(b"<script>" * 100)
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    screened(settings, cage, source)
    return settings.out


def _report(out: Path, **more: object) -> ScreenReport:
    made = datetime(2026, 3, 1, tzinfo=UTC)
    return make_report(out, data_set="<set>", made=made, software="test", sealer=SEALER, **more)  # type: ignore[arg-type]


def test_the_account_adds_up_and_says_what_it_cannot_speak_of(out: Path) -> None:
    report = _report(out)
    assert report.coverage.adds_up
    assert (report.coverage.members, report.coverage.screened, report.coverage.candidates) == (4, 3, 4)
    assert not report.complete
    assert [one.shard for one in report.missing] == ["b.tar"]
    assert report.found is not None
    assert (report.found.members, report.found.distinct, report.found.exact) == (2, 1, 2)
    assert "Known material found in data: 2 members, 1 different." in report.headline
    assert "100 %" in report.headline  # the empty file has bytes, and they were compared
    assert report.fresh_until is not None


def test_the_report_points_at_no_member_and_holds_no_hash_of_the_list(out: Path, library: Library) -> None:
    report = _report(out)
    write_report(out, report, SIGNER)
    shared = b"".join((out / name).read_bytes() for name in ("report.json", "report.html", "card.md", "croissant.json"))
    entry = library.entry("known", "three")
    for secret in ("3.jpg", "4.jpg", "three", str(out.parent), entry.md5, entry.sha256, entry.pdq):
        assert secret is not None
        assert secret.encode() not in shared


class _Tags(HTMLParser):
    """Which elements and addresses a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


def test_the_page_loads_nothing_runs_nothing_and_escapes_what_came_in(out: Path, cage: Cage) -> None:
    recall = self_test(cage, [picture(3)], [("border", 256), ("none", 0)], material="one <picture>", threshold=31)
    page = as_page(_report(out, recall=recall))
    seen = _Tags()
    seen.feed(page)
    assert not seen.tags & {"script", "iframe", "link", "img", "object", "b", "set", "picture"}
    assert seen.addresses == []
    assert "svg" in seen.tags
    assert "&lt;set&gt;" in page
    assert "one &lt;picture&gt;" in page


def test_a_whole_report_verifies_and_its_words_say_so(out: Path) -> None:
    digest = write_report(out, _report(out), SIGNER)
    found = verify_report(out, SIGNER.verifier.vkey)
    assert found.holds
    assert found.report == digest == previous_report(out)
    assert verify_report(out / "report.json", SIGNER.verifier.vkey).holds
    assert found.checks[1].says == "Report, page, card and Croissant card are what example.org/custody signed."
    for name in ("report.html", "card.md", "croissant.json"):
        (out / name).unlink()
    assert verify_report(out, SIGNER.verifier.vkey).checks[1].says == "The report is what example.org/custody signed."


def _change_count(out: Path) -> None:
    document = json.loads((out / "report.json").read_bytes())
    document["coverage"]["screened"] += 1
    (out / "report.json").write_text(json.dumps(document))


def _change_result(out: Path) -> None:
    [one, *_] = sorted((out / "shards").iterdir())
    one.write_bytes(one.read_bytes() + b"x")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_change_count, "exactly one place"),
        (lambda out: (out / "report.html").write_text("<p>All is well.</p>"), "another page"),
        (lambda out: (out / "card.md").write_text("All is well."), "another card"),
        (lambda out: (out / "croissant.json").write_text("{}"), "another Croissant card"),
        (lambda out: (out / "report.note").unlink(), "not signed"),
        (lambda out: (out / "report.note").write_bytes((out / "report.note").read_bytes().replace(b"a", b"b")), ""),
        (lambda out: next((out / "shards").iterdir()).unlink(), "not those it was made of"),
        (_change_result, "not those it was made of"),
    ],
    ids=["count", "page", "card", "croissant", "unsigned", "note", "result-gone", "result-changed"],
)
def test_every_change_is_noticed(out: Path, change: object, says: str) -> None:
    write_report(out, _report(out), SIGNER)
    change(out)  # type: ignore[operator]
    found = verify_report(out, SIGNER.verifier.vkey)
    assert not found.holds
    assert any(says in check.says and check.holds is False for check in found.checks)


def test_another_key_is_not_believed(out: Path) -> None:
    write_report(out, _report(out), SIGNER)
    other = Ed25519Signer("example.org/custody", bytes(32)).verifier.vkey
    assert not verify_report(out, other).holds


def test_shards_that_were_compared_with_fewer_lists_are_said(
    tmp_path: Path, cage: Cage, library: Library, clock: FixedClock
) -> None:
    for name in ("a", "b", "c"):
        tar_of([("4.jpg", picture(4))], tmp_path / f"{name}.tar")
    sources = [str(tmp_path / f"{name}.tar") for name in ("a", "b", "c")]
    for part, banks in enumerate((("known", "tinned"), ("known",))):
        settings = Settings(tmp_path / "out", lists_of(library, *banks, clock=clock))
        runs.prepare(settings, sources, keep=True)
        runs.run(settings, Here(cage), part=(part, 2))
    [found] = _report(tmp_path / "out").findings
    assert (found.code, found.count, found.examples) == ("fewer-lists", 1, ("b.tar",))


def test_an_empty_key_is_a_mistake_and_not_the_key_that_came_along(out: Path) -> None:
    write_report(out, _report(out), SIGNER)
    with pytest.raises(InputError, match="no Ed25519 note key"):
        verify_report(out, "")


def test_what_is_no_report_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no report"):
        verify_report(tmp_path)
    (tmp_path / "report.json").write_text('{"kind": "something"}')
    with pytest.raises(InputError, match="This is no report of a screening"):
        verify_report(tmp_path)


def test_the_evidence_opens_with_the_home_alone_and_shows_a_cut(out: Path, tmp_path: Path) -> None:
    path = tmp_path / "evidence"
    hits = list(hits_in(out, SEALER))
    assert write_evidence(path, iter(hits * 700), SEALER) == 1400
    assert list(read_evidence(path, SEALER)) == hits * 700
    assert b"3.jpg" not in path.read_bytes()
    with pytest.raises(IntegrityError, match="does not open"):
        list(read_evidence(path, KeySealer(bytes(32))))
    data = path.read_bytes()
    for cut in (0, 5, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(IntegrityError):
            list(read_evidence(path, SEALER))


def test_the_hits_can_be_encrypted_for_an_agency(out: Path) -> None:
    pyrage = pytest.importorskip("pyrage")
    from firstlight.screen.evidence import encrypt_for

    key = pyrage.x25519.Identity.generate()
    opened = pyrage.decrypt(encrypt_for([str(key.to_public())], hits_in(out, SEALER)), [key])
    assert [json.loads(line)["member"] for line in opened.splitlines()] == ["3.jpg", "<b>.jpg"]
    with pytest.raises(InputError, match="is no age key"):
        encrypt_for(["age1nonsense"], [])


def test_the_self_test_replays_what_the_data_set_shows(cage: Cage) -> None:
    bordered = Tally(ident="x", place="x", name="x", members=9, screened=9, obstacles={2: 8, 0: 1}, shrunk={256: 8})
    assert resizes_of([bordered]) == (("border", 256), ("none", 0))
    assert resizes_of([bordered.model_copy(update={"obstacles": {4: 9}, "shrunk": {512: 9}})]) == (("crop", 512),)
    assert resizes_of([bordered.model_copy(update={"obstacles": {0: 9}, "shrunk": {512: 9}})]) == (("keep", 512),)
    pictures = [picture(seed) for seed in range(3, 9)]
    ways = [("border", 256), ("crop", 128), ("none", 0)]
    made = self_test(cage, [*pictures, b"no picture"], ways, material="drawn", threshold=31)  # type: ignore[arg-type]
    found = {(one.resize, one.channel): one.recall for one in made.expected}
    assert found["none", "pdq"] == 1.0
    assert found["border", "pdq"] == 0.0
    assert found["border", "unbordered"] > 0.8
    assert found["crop", "pdq"] < 0.5
    assert all(one.low <= one.recall <= one.high for one in made.expected)


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    assert percent(999_999, 1_000_000) == "99.99 %"
    assert percent(1, 1_000_000) == "0.01 %"
    assert (percent(5, 5), percent(0, 5), percent(1, 2), percent(0, 0)) == ("100 %", "0 %", "50.0 %", "none")
    assert wilson(0, 0) == (0.0, 1.0)


def test_side_files_are_told_as_skipped(tmp_path: Path, cage: Cage) -> None:
    (tmp_path / "set").mkdir()
    tar_of([("4.jpg", picture(4)), ("4.json", side_file(url="u"))], tmp_path / "set" / "a.tar")
    settings = Settings(tmp_path / "out")
    screened(settings, cage, tmp_path / "set")
    report = make_report(settings.out, data_set="x", made=datetime(2026, 3, 1, tzinfo=UTC), software="t", sealer=SEALER)
    assert report.found is None
    assert report.headline.endswith("No list was looked at.")
    assert [(one.code, one.count) for one in report.coverage.skipped] == [("side-file", 1)]


def test_a_name_that_is_no_utf8_is_screened_hit_and_reported(
    tmp_path: Path, cage: Cage, library: Library, clock: FixedClock
) -> None:
    folder = tmp_path / os.fsdecode(b"s\xe9t")
    folder.mkdir()
    (folder / os.fsdecode(b"\xe9")).write_bytes(picture(3))  # without an extension, which is a finding
    settings = Settings(tmp_path / "out", lists_of(library, "known", clock=clock))
    done = screened(settings, cage, folder)
    assert (done.left, done.trouble) == (0, ())
    [hit] = hits_in(settings.out, SEALER)
    assert hit.member == "\\udce9"
    report = make_report(settings.out, data_set="x", made=clock.now(), software="tests", sealer=SEALER)
    assert [one.code for one in report.findings] == ["no-extension"]
    assert write_report(settings.out, report, None)
    (settings.results / next(settings.results.iterdir()).name).unlink()
    report = make_report(settings.out, data_set="x", made=clock.now(), software="tests", sealer=SEALER)
    assert write_report(settings.out, report, None)
