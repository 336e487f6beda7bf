"""A slot for learned detectors: a model the operator brings, with a card that says what it is and what it is worth.

None comes with this program. A score never says more than a factor of about three (half a unit of log10) unless the
operator has calibrated the model on material of their own and says so in the card; outside the domain of that
calibration the detector abstains. Scores are for the reviewer after a first view of their own.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from firstlight.errors import Fact, InputError, IntegrityError, NotFoundError
from firstlight.origin.indicator import Basis, Binding, Claim, Family, ForgeableBy, Indicator, Source, Strength
from firstlight.origin.statement import Kind, Statement
from firstlight.values import Sha256Hex, Value

CAP: Final = 0.5
"""log10 of the likelihood ratio that a score without local calibration may reach, either way."""

CALIBRATED_CAP: Final = 1.0
"""The same with local calibration: the best published detectors reach a factor of ten on their own ground."""

MIN_CALIBRATION: Final = 1_000
"""Pictures of each class below which a calibration cannot tell a rate of one in a hundred."""


def _said(name: str, claim: Claim, says: str) -> Statement:
    return Statement(
        name=f"learned.{name}",
        claim=claim,
        strength=Strength(low=0, high=CAP, basis=Basis.PUBLISHED),
        forgeable_by=ForgeableBy.ANYONE,
        binding=Binding.PIXELS,
        family=Family.LEARNED,
        says=says,
        does_not_say="How the picture was made: such detectors are wrong on a quarter and more of pictures they were "
        "not taught with, and re-saving changes their answer.",
    )


MACHINE: Final = _said("machine", Claim.SYNTHETIC, "The detector {model} leans to a machine-made picture.")
CAMERA: Final = _said("camera", Claim.CAMERA, "The detector {model} leans to a photograph.")

KIND: Final = Kind(
    name="learned_detector",
    title="Learned detectors",
    reads="the score of a model that the operator brings (ONNX), by the card beside it; none comes with the program",
    statements=(MACHINE, CAMERA),
)


class Calibration(Value):
    """What the operator has measured on their own pictures: `log10_lr = slope * (score - neutral)`, within limits."""

    on: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
    camera_pictures: Annotated[int, Field(ge=MIN_CALIBRATION)]
    machine_pictures: Annotated[int, Field(ge=MIN_CALIBRATION)]
    slope: Annotated[float, Field(gt=0, le=100)]
    neutral: Annotated[float, Field(ge=0, le=1)]
    error: Annotated[float, Field(ge=0, le=2, description="half the width of the 95 % interval, in log10")]
    min_side: Annotated[int, Field(ge=1, description="pictures smaller than this were not in it")]


class ModelCard(Value):
    """What a model is: read from a TOML file that lies beside it."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,31}$")]
    licence: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    source: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    sha256: Sha256Hex
    side: Annotated[int, Field(ge=32, le=1024, description="the model sees a square of this many pixels")]
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    output: Literal["probability", "logit"] = "probability"
    machine_is_high: bool = True
    calibration: Calibration | None = None

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if min(self.deviation) <= 0:
            msg = "deviation has to be above 0"
            raise ValueError(msg)
        return self


class Scores(Protocol):
    """A model that is loaded: it gives a picture's RGB bytes, row by row, a score from 0 to 1."""

    def score(self, rgb: bytes, width: int, height: int) -> float:
        """The score of one picture."""
        ...


def read_card(path: Path) -> ModelCard:
    """The card, after checking that the model beside it is the one it describes.

    Raises:
        NotFoundError: the card or the model is not there.
        InputError: the card does not say what it has to.
        IntegrityError: the model is another one.
    """
    try:
        card = ModelCard.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        digest = _digest(path.parent / card.file)
    except OSError as e:
        raise NotFoundError(
            f"The model card {path.name} or its model cannot be read.", hint="The model has to lie beside its card."
        ) from e
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the card"
        hint = "Give name, version, licence, source, file, sha256 and side; calibration only if you made one."
        raise InputError(f"The model card {path.name} is not right: {where}: {first['msg']}.", hint=hint) from e
    except ValueError as e:
        raise InputError(f"The model card {path.name} is no TOML.", hint="See docs/origin.md for an example.") from e
    if digest != card.sha256:
        raise IntegrityError(
            f"The model {card.file} is not the one that its card describes.",
            hint="Put the right model beside the card, or write a new card and calibrate anew.",
        )
    return card


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_score(score: float, card: ModelCard, *, width: int, height: int) -> Indicator | None:
    """What a score says, capped; None when it says nothing or lies outside the domain of the calibration."""
    if not 0 <= score <= 1:
        return None
    score = score if card.machine_is_high else 1 - score
    calibration = card.calibration
    if calibration is None:
        low, high = (0.0, CAP * (2 * score - 1)) if score >= 0.5 else (CAP * (2 * score - 1), 0.0)
    elif min(width, height) < calibration.min_side:
        return None
    else:
        middle = calibration.slope * (score - calibration.neutral)
        low, high = (_capped(middle - calibration.error), _capped(middle + calibration.error))
    if low < 0 < high or low == high == 0:
        return None
    statement = MACHINE if high > 0 else CAMERA
    if high <= 0:
        low, high = -high, -low
    basis = Basis.PUBLISHED if calibration is None else Basis.MEASURED
    strength = Strength(low=abs(round(low, 3)), high=abs(round(high, 3)), basis=basis)
    source = Source(tool=card.name, version=card.version, list_date=calibration.date if calibration else "")
    facts: dict[str, Fact] = {"score": round(score, 4), "calibrated": calibration is not None, "licence": card.licence}
    found = statement.indicator(source, model=f"{card.name} {card.version}", facts=facts)
    return found.model_copy(update={"strength": strength})


def _capped(value: float) -> float:
    return max(-CALIBRATED_CAP, min(value, CALIBRATED_CAP))


def detect(rgb: bytes, width: int, height: int, *, model: Scores, card: ModelCard) -> list[Indicator]:
    """What a loaded model says about a picture."""
    found = of_score(model.score(rgb, width, height), card, width=width, height=height)
    return [] if found is None else [found]
