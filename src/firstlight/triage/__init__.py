"""Triage: copies are bundled, signs of a real child come first, and nothing an uploader can forge lowers anything."""

from firstlight.triage.audit import AuditEstimate, clopper_pearson, drawn_for_recheck, hidden_in_the_rest
from firstlight.triage.bundle import Bundler, Joined, Member, NearestHashes, Placement, Unit, reopens, units
from firstlight.triage.explaining import RankedCase, TableDiff, diff, explain
from firstlight.triage.facts import FACTS, Context, ContextFact, Stater
from firstlight.triage.forecasting import Forecast, forecast
from firstlight.triage.lanes import Exposure, Place, Queue, Waiting, arrange
from firstlight.triage.links import Identifier, IdentifierKind, Links
from firstlight.triage.priority import Confirmation, Priority, prioritise
from firstlight.triage.rebundle import Bundles, bundle_all
from firstlight.triage.table import OriginSignal, PriorityTable
from firstlight.triage.turns import OVERLOAD, Lane, UrgentTurn, WaitBound, lane_at, longest_wait, next_lane, urgent_turn

__all__ = [
    "FACTS",
    "OVERLOAD",
    "AuditEstimate",
    "Bundler",
    "Bundles",
    "Confirmation",
    "Context",
    "ContextFact",
    "Exposure",
    "Forecast",
    "Identifier",
    "IdentifierKind",
    "Joined",
    "Lane",
    "Links",
    "Member",
    "NearestHashes",
    "OriginSignal",
    "Place",
    "Placement",
    "Priority",
    "PriorityTable",
    "Queue",
    "RankedCase",
    "Stater",
    "TableDiff",
    "Unit",
    "UrgentTurn",
    "WaitBound",
    "Waiting",
    "arrange",
    "bundle_all",
    "clopper_pearson",
    "diff",
    "drawn_for_recheck",
    "explain",
    "forecast",
    "hidden_in_the_rest",
    "lane_at",
    "longest_wait",
    "next_lane",
    "prioritise",
    "reopens",
    "units",
    "urgent_turn",
]
