"""Triage: copies are bundled, signs of a real child come first, and nothing an uploader can forge lowers anything."""

from firstlight.triage.bundle import Bundler, Joined, Member, NearestHashes, Placement, Unit, units
from firstlight.triage.facts import FACTS, Context, ContextFact, Stater
from firstlight.triage.lanes import Exposure, Lane, Place, Queue, WaitBound, Waiting, arrange, lane_at, longest_wait
from firstlight.triage.priority import Confirmation, Priority, prioritise
from firstlight.triage.rebundle import Bundles, bundle_all
from firstlight.triage.table import OriginSignal, PriorityTable

__all__ = [
    "FACTS",
    "Bundler",
    "Bundles",
    "Confirmation",
    "Context",
    "ContextFact",
    "Exposure",
    "Joined",
    "Lane",
    "Member",
    "NearestHashes",
    "OriginSignal",
    "Place",
    "Placement",
    "Priority",
    "PriorityTable",
    "Queue",
    "Stater",
    "Unit",
    "WaitBound",
    "Waiting",
    "arrange",
    "bundle_all",
    "lane_at",
    "longest_wait",
    "prioritise",
    "units",
]
