"""Gathers what a home holds about its gate, for the conformity report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select

from firstlight.casework.gatekeeping import MODEL_CHECKED, GateFolder
from firstlight.casework.generations import check_ledger, open_ledger
from firstlight.casework.words import ATTEMPTS_SOURCE
from firstlight.custody import Event, EventType
from firstlight.gate.conformity import ConformityReport, GateFacts, Month, conformity
from firstlight.gate.ledger import Ledger, Went
from firstlight.store.tables import Filing


def answer_for(folder: GateFolder) -> ConformityReport:
    """The conformity report of this home's gate, as its log and its ledger stand; a gate may stand meanwhile."""
    home = folder.home
    with open_ledger(folder, writing=False) as ledger:
        facts = _facts(folder, ledger)
    provider = home.settings.organisation.name or "this provider"
    return conformity(facts, provider, home.clock.now())


def _facts(folder: GateFolder, ledger: Ledger) -> GateFacts:
    from firstlight.casework.generations import askers

    home = folder.home
    armed, trial = folder.armed(), folder.trial()
    flags, models, generated = _counted(ledger)
    logged = _logged(folder, generated)
    with home.look() as work:
        filings = work.session.scalar(select(func.count()).where(Filing.receipt.is_not(None))) or 0
    banks = home.library.banks()
    checked = check_ledger(folder, ledger)
    return GateFacts(
        rules=len(armed.rules.rules) if armed else 0,
        rules_false_alarms=trial.share if trial else None,
        rules_false_alarms_high=trial.share_high if trial else None,
        banks=len(banks),
        bank_entries=sum(bank.entries for bank in banks),
        records=len(ledger),
        marked=flags[Went.MARKED],
        watermarked=flags[Went.WATERMARKED],
        with_pictures=flags[Went.PICTURE],
        near_inputs=flags[Went.NEAR_INPUT],
        previews=flags[Went.PREVIEW],
        anchored=checked.anchored,
        ledger_holds=checked.holds,
        askers=len(askers(folder)),
        models_named=len(models),
        models_with_digest=sum(1 for model in models if len(model.split()[-1]) == 64),
        screenings=logged.screenings,
        models_checked=len(logged.models),
        models_found_wrong=sum(logged.models.values()),
        filings=filings,
        by_rule=dict(logged.by_rule),
        months=logged.months,
    )


def _counted(ledger: Ledger) -> tuple[Counter[Went], set[str], Counter[str]]:
    flags: Counter[Went] = Counter()
    models: set[str] = set()
    generated: Counter[str] = Counter()
    for rows in ledger.all_rows():
        flags.update({flag: int(np.count_nonzero(rows["went"] & int(flag))) for flag in Went if flag})
        models.update(ledger.model(number) for number in np.unique(rows["model"]).tolist())
        months, counts = np.unique(rows["at"].astype("datetime64[us]").astype("datetime64[M]"), return_counts=True)
        generated.update(dict(zip(months.astype(str).tolist(), counts.tolist(), strict=True)))
    return flags, models, generated


@dataclass(frozen=True, slots=True)
class _Logged:
    """What the log says. `models` maps each model that was checked to whether its last check found something."""

    months: tuple[Month, ...]
    by_rule: Counter[str]
    screenings: int
    models: dict[str, bool]


def _logged(folder: GateFolder, generated: Counter[str]) -> _Logged:
    models: dict[str, bool] = {}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    by_rule: Counter[str] = Counter()
    screenings = 0
    for event in _events(folder):
        if event.payload.get("what") == MODEL_CHECKED:
            models[event.subject or ""] = bool(event.payload.get("named_by") or event.payload.get("trouble"))
            continue
        month = counts[f"{event.at:%Y-%m}"]
        if event.type is EventType.SCREEN:
            screenings += 1
        elif event.type is EventType.INGEST:
            month["attempts_cases"] += str(event.payload.get("source", "")).startswith(ATTEMPTS_SOURCE)
        else:
            decision = event.payload.get("decision")
            found = decision if isinstance(decision, dict) else {}
            month["stopped"] += 1
            month["reviewed"] += found.get("outcome") == "review"
            held = event.payload.get("held")
            month["pictures_held"] += held if isinstance(held, int) else 0
            rules = found.get("rules")
            hits = rules if isinstance(rules, list) else []
            by_rule.update({str(hit["rule"]) for hit in hits if isinstance(hit, dict)})
    for name, number in generated.items():
        counts[name]["generated"] += number
    months = tuple(Month(month=name, **dict(counts[name])) for name in sorted(counts))
    return _Logged(months, by_rule, screenings, models)


def _events(folder: GateFolder) -> Iterator[Event]:
    kinds = (EventType.GATE, EventType.SCREEN, EventType.INGEST)
    with folder.home.look() as work:
        yield from [entry.event for entry in work.log.entries(types=kinds) if entry.event]
