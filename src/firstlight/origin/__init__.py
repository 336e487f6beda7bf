"""Evidence of origin: indicators, and the rules that weigh them. Nothing here decides, and nothing here lowers."""

from firstlight.origin.assessment import TASK, RunsTasks, assess, examine, from_matches
from firstlight.origin.indicator import (
    Basis,
    Binding,
    Claim,
    Family,
    ForgeableBy,
    Indicator,
    Source,
    Strength,
)
from firstlight.origin.trust import NO_TRUST, TrustClass, TrustLists
from firstlight.origin.verdict import Verdict
from firstlight.origin.weighing import Support, Weighing, weigh

__all__ = [
    "NO_TRUST",
    "TASK",
    "Basis",
    "Binding",
    "Claim",
    "Family",
    "ForgeableBy",
    "Indicator",
    "RunsTasks",
    "Source",
    "Strength",
    "Support",
    "TrustClass",
    "TrustLists",
    "Verdict",
    "Weighing",
    "assess",
    "examine",
    "from_matches",
    "weigh",
]
