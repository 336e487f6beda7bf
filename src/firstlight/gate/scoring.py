"""Learned scorers that the operator brings. A score never decides: at most it puts a picture before a person.

The models see pixels that a caged worker has decoded, never the file. No model comes with this program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from firstlight.errors import InputError
from firstlight.gate.checks import Said
from firstlight.gate.pictures import SeenPicture, square_of
from firstlight.gate.rules import Outcome
from firstlight.media import Cage
from firstlight.origin.onnx_model import OnnxModel
from firstlight.values import Reason

BUDGET = 10.0
"""Seconds for all scorers of one picture: models of this kind take milliseconds to one second on a processor."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """A model and the score from which a picture is put before a person."""

    model: OnnxModel
    review_from: float

    @classmethod
    def load(cls, card: Path, review_from: float) -> Self:
        """The model beside its card.

        Raises:
            MissingExtraError: onnxruntime is not installed.
            InputError, IntegrityError: the card, the model or the threshold is not right.
        """
        if not 0 < review_from <= 1:
            raise InputError(f"{review_from:g} is no threshold.", hint="Give a score above 0 and up to 1.")
        return cls(OnnxModel.load(card), review_from)


class ScorersCheck:
    """Scorers of which all have to reach their thresholds together.

    One scorer alone is given as a list of one; a list of two asks for their combination, such as one for what is shown
    and one for who is shown. Several such checks may stand side by side.
    """

    budget = BUDGET

    def __init__(self, name: str, cage: Cage, scorers: Sequence[Scorer]) -> None:
        if not scorers:
            raise InputError("A check by scorers needs at least one.", hint="Name a model card.")
        self.name = name
        self._cage = cage
        self._scorers = tuple(scorers)
        self._side = max(one.model.card.side for one in self._scorers)

    def check_picture(self, picture: SeenPicture) -> Said:
        """A review when every scorer reaches its threshold; the scores are told either way."""
        rgb, side = square_of(self._cage, picture.data, self._side)
        reasons = []
        reached = []
        for one in self._scorers:
            card = one.model.card
            score = one.model.score(rgb, side, side)
            score = score if card.machine_is_high else 1 - score
            reached.append(score >= one.review_from)
            reasons.append(
                Reason(
                    rule=f"gate.scorer.{self.name}",
                    says=f"The model {card.name} {card.version} gives the picture {score:.3f}; "
                    f"from {one.review_from:g} on a person looks.",
                    facts={"model": card.name, "sha256": card.sha256, "score": round(score, 4)},
                )
            )
        return Said(Outcome.REVIEW, tuple(reasons)) if all(reached) else Said()
