"""The live check of a report: what it would say, and what is wrong with it, before anybody has decided."""

from __future__ import annotations

from collections.abc import Sequence

from firstlight.casework import facts, review
from firstlight.casework.filing import DraftedReport, drafted_report
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Finding
from firstlight.casework.upload import Upload
from firstlight.cybertip import check, draft_report
from firstlight.store.tables import Item


def preview(
    home: Home,
    case_number: int,
    conclusion: Conclusion,
    *,
    actor: str,
    items: Sequence[int],
    destination: str = facts.SIMULATOR,
) -> tuple[DraftedReport, ...]:
    """The reports that this conclusion would ask for, one an account, drafted and checked; nothing is kept.

    Raises:
        NotFoundError: there is no such case or item.
        InputError: the settings do not say who reports.
    """
    if conclusion.finding is not Finding.REPORT or not items:
        return ()
    decisions = review.proposed(home, case_number, conclusion, actor=actor, items=items)
    record = facts.SqlRecord(home, destination)
    made = []
    for account in _accounts(home, [decision.item for decision in decisions]):
        report = draft_report(facts.preview_facts(home, decisions, account, destination=destination))
        findings = check(report, record, at=home.clock.now())
        made.append(drafted_report(home, case_number, account, report, findings))
    return tuple(made)


def _accounts(home: Home, items: Sequence[int]) -> tuple[str, ...]:
    with home.look() as work:
        uploads = [work.session.get_one(Item, number).upload for number in items]
    return tuple(dict.fromkeys(Upload.from_json(text).account for text in uploads))
