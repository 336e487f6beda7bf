"""A dossier holds every fact of the case, harmlessly, and is never overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from html import escape
from pathlib import Path

import pytest

from firstlight.clock import FixedClock
from firstlight.cybertip import AiBasis, CaseFacts, OriginClaim
from firstlight.cybertip.dossier import dossier_page, write_dossier
from firstlight.cybertip.drafting.facts import Account, Contact
from firstlight.cybertip.record import Generation
from firstlight.errors import InputError
from firstlight.values import Value


def leaves(value: object) -> Iterator[str]:
    """Every text and number that is set, below the top of the document."""
    if isinstance(value, Value):
        for name, part in value:
            if name not in ("kind", "version"):
                yield from leaves(part)
    elif isinstance(value, tuple):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, Enum):
        yield str(value.value)
    elif isinstance(value, datetime):
        yield value.strftime("%Y-%m-%d %H:%M:%S UTC")
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
        yield str(value)


def full(case: CaseFacts) -> CaseFacts:
    """The case with more in it."""
    claim = OriginClaim(basis=AiBasis.GENERATED_HERE, says="Job 17 made it.", source="ledger")
    file = case.files[0].model_copy(
        update={"origin_claims": (claim,), "generation": Generation(seed="0042", prompt="a <quay>")}
    )
    child = Account(identifier="child-8", age=11, emails=(Contact(value="c@example.org"),), prior_reports=(77,))
    return case.model_copy(update={"files": (file, case.files[1]), "victims": (child,), "escalation": "He & she meet."})


def test_every_fact_stands_in_it(case: CaseFacts, clock: FixedClock) -> None:
    page = dossier_page(full(case), at=clock.now(), reference="2026-17")
    missing = [leaf for leaf in leaves(full(case)) if escape(leaf) not in page]
    assert missing == []


def test_what_is_urgent_comes_first_and_only_then(case: CaseFacts, clock: FixedClock) -> None:
    page = dossier_page(full(case), at=clock.now(), reference="2026-17")
    assert page.index("To be read at once") < page.index("What happened") < page.index("File 2")
    assert "To be read at once" not in dossier_page(case, at=clock.now(), reference="2026-17")


def test_nothing_in_it_runs_or_loads(case: CaseFacts, clock: FixedClock) -> None:
    nasty = case.model_copy(update={"narrative": '<script>x</script><img src="http://example.com/a">'})
    page = dossier_page(nasty, at=clock.now(), reference="<b>")
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page


def test_it_is_written_once_and_for_its_owner_alone(tmp_path: Path, case: CaseFacts, clock: FixedClock) -> None:
    folder = tmp_path / "dossier"
    note = write_dossier(case, folder, at=clock.now(), reference="2026-17")
    assert sorted(p.name for p in folder.iterdir()) == sorted(note.files)
    assert {oct(p.stat().st_mode & 0o777) for p in (folder, *folder.iterdir())} == {"0o700", "0o600"}
    assert CaseFacts.from_json((folder / "facts.json").read_bytes()) == case
    with pytest.raises(InputError, match="already there"):
        write_dossier(case, folder, at=clock.now(), reference="2026-17")
