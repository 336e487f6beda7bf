"""The ledger: one record of each picture that went out, and the signed answer to "did you make this?"."""

from firstlight.gate.ledger.attest import Attestor, Question
from firstlight.gate.ledger.book import Batch, Found, Ledger
from firstlight.gate.ledger.record import GenerationRecord, Went

__all__ = ["Attestor", "Batch", "Found", "GenerationRecord", "Ledger", "Question", "Went"]
