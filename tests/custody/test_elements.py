from __future__ import annotations

from pathlib import Path

import pytest

from custody.conftest import small_case
from firstlight.clock import FixedClock
from firstlight.custody import CustodyLog, PackageContents
from firstlight.custody.certificate import BLANK, draft_certificate
from firstlight.custody.contents import CaseFact, FactKind, SystemFacts
from firstlight.custody.elements import ElementsTable, worksheet
from firstlight.errors import InputError


@pytest.fixture
def contents(log: CustodyLog, clock: FixedClock) -> PackageContents:
    return small_case(log, clock)


def test_the_shipped_table_has_two_jurisdictions_and_uses_the_whole_vocabulary() -> None:
    table = ElementsTable.load()
    assert {one.law.split(":")[0] for one in table.category} == {"United States", "England and Wales"}
    used = {k for c in table.category for e in c.element for k in (*e.speaks_for, *e.speaks_against)}
    assert used == set(FactKind) - {FactKind.OTHER}
    for category in table.category:
        for element in category.element:
            assert element.missing
            assert not set(element.speaks_for) & set(element.speaks_against)


def test_no_fact_is_ever_dropped(contents: PackageContents) -> None:
    facts = tuple(CaseFact(kind=kind, says=f"fact about {kind}", record="uploads.json") for kind in FactKind)
    text = worksheet(contents.model_copy(update={"facts": facts}), ElementsTable.load()).decode()
    for fact in facts:
        assert fact.says in text
    assert text.index("speak to none") < text.index("fact about other")


def test_what_speaks_against_stands_beside_what_speaks_for(contents: PackageContents) -> None:
    facts = (
        CaseFact(kind=FactKind.KNOWN_NEAR, says="near an entry of a known series", file="ab" * 32),
        CaseFact(kind=FactKind.GENERATION_RECORD, says="a generator's record exists", record="job.json"),
    )
    text = worksheet(contents.model_copy(update={"facts": facts}), ElementsTable.load()).decode()
    first = text[text.index("A real child was used") :].split("\n2. ")[0]
    assert first.index("near an entry") < first.index("Against:") < first.index("a generator's record")
    assert "(generation-record, data/records/job.json)" in first
    assert "Missing" not in first
    assert "Missing:" in text


def test_what_is_looked_for_first_has_a_place_of_its_own(contents: PackageContents) -> None:
    facts = (
        CaseFact(kind=FactKind.INPUT_PHOTOGRAPH, says="an input photograph is named"),
        CaseFact(kind=FactKind.KNOWN_NEAR, says="near an entry of a known series"),
        CaseFact(kind=FactKind.RECIPIENT_MINOR, says="the receiver is said to be 14"),
    )
    text = worksheet(contents.model_copy(update={"facts": facts}), ElementsTable.load()).decode()
    before = text[: text.index("A real child was used")]
    places = [before.index(one) for one in ("From an input", facts[0].says, "in known series", facts[1].says)]
    assert [*places, before.index("Conduct:"), before.index(facts[2].says)] == sorted(
        [*places, before.index("Conduct:"), before.index(facts[2].says)]
    )


def test_words_alone_have_their_offence_too() -> None:
    laws = " ".join(one.law for one in ElementsTable.load().category)
    for section in ("2251", "2252A(a)(7)", "2256(8)(B)", "1466A", "2252A(a)(3)(B)", "2422(b)", "1470", "875"):
        assert section in laws


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version = 1", "category"),
        ("version = ", "no TOML"),
        (
            'version = 1\n[[category]]\nid="a"\ntitle="t"\nlaw="l"\n[[category.element]]\nsays="s"\nfor=["nonsense"]',
            "for",
        ),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "table.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=why):
        ElementsTable.load(path)
    with pytest.raises(InputError, match="Cannot read"):
        ElementsTable.load(tmp_path / "missing.toml")


def test_the_certificate_leaves_to_the_custodian_what_only_they_can_say(contents: PackageContents) -> None:
    text = draft_certificate(contents, "2026-03-01T12:00:00.000000Z", "key").decode()
    assert text.startswith("DRAFT - NOT SIGNED")
    assert text.count(BLANK) >= 12
    assert contents.files[0].digests.sha256 in text
    for conclusion in ("accurate and reliable", "was viewed", "is authentic", "proves"):
        assert conclusion not in text
    system = SystemFacts(
        software="Firstlight",
        version="1",
        config_sha256="ab" * 32,
        lists=("vegetables of 1 March",),
        self_tests=("ok",),
    )
    filled = draft_certificate(contents.model_copy(update={"system": system}), "now", "key").decode()
    assert "Software: Firstlight 1" in filled
    assert "Hash list in use: vegetables of 1 March" in filled
    assert filled.count(BLANK) == text.count(BLANK) - 2
