"""Evidence of origin: indicators, and the rules that weigh them. Nothing here decides, and nothing here lowers."""

from firstlight.origin.assessment import TASK, RunsTasks, assess, examine, from_attestations, from_matches
from firstlight.origin.attestation import (
    Answer,
    Attestation,
    Inputs,
    LedgerKey,
    SignedAttestation,
    ledger_key,
    sign_attestation,
)
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
from firstlight.origin.verdict import INCOMPLETE, NOT_HERE, WORDS_ALONE, Verdict
from firstlight.origin.weighing import Support, Weighing, weigh

__all__ = [
    "INCOMPLETE",
    "NOT_HERE",
    "NO_TRUST",
    "TASK",
    "WORDS_ALONE",
    "Answer",
    "Attestation",
    "Basis",
    "Binding",
    "Claim",
    "Family",
    "ForgeableBy",
    "Indicator",
    "Inputs",
    "LedgerKey",
    "RunsTasks",
    "SignedAttestation",
    "Source",
    "Strength",
    "Support",
    "TrustClass",
    "TrustLists",
    "Verdict",
    "Weighing",
    "assess",
    "examine",
    "from_attestations",
    "from_matches",
    "ledger_key",
    "sign_attestation",
    "weigh",
]
