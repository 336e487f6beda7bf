"""The live check of a report: what it would say, and what is wrong with it, before anybody has decided."""

from __future__ import annotations

from collections.abc import Sequence

from firstlight.casework import facts, filing, reportable, review
from firstlight.casework.filing import DraftedReport
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Finding


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
    with home.look() as work:
        groups = reportable.proposed(work, decisions)
        drafts = [filing.drafted(home, work, group, destination) for group in groups]
    return tuple(filing.checked(home, case_number, *one, destination) for one in zip(groups, drafts, strict=True))
