"""The slot for learned detectors: the card, the cap, the abstention."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.errors import InputError, IntegrityError, NotFoundError
from firstlight.origin import Basis, Claim, ForgeableBy
from firstlight.origin.indicators.learned_detector import (
    CALIBRATED_CAP,
    CAP,
    MIN_CALIBRATION,
    Calibration,
    ModelCard,
    detect,
    of_score,
    read_card,
)

CARD = ModelCard(
    name="garden",
    version="1",
    licence="MIT",
    source="drawn up for this test",
    file="garden.onnx",
    sha256="0" * 64,
    side=224,
)
CALIBRATION = Calibration(
    on="vegetables",
    date="2026-01-01",
    camera_pictures=5000,
    machine_pictures=5000,
    slope=4,
    neutral=0.5,
    error=0.2,
    min_side=64,
)
CALIBRATED = CARD.model_copy(update={"calibration": CALIBRATION})


class Constant:
    def __init__(self, score: float) -> None:
        self._score = score

    def score(self, rgb: bytes, width: int, height: int) -> float:
        return self._score


@given(st.floats(0, 1))
def test_without_calibration_no_score_says_more_than_the_cap(score: float) -> None:
    found = of_score(score, CARD, width=500, height=500)
    if found is not None:
        assert found.strength.low == 0
        assert 0 <= found.strength.high <= CAP
        assert found.forgeable_by is ForgeableBy.ANYONE
        assert found.claim is (Claim.SYNTHETIC if score > 0.5 else Claim.CAMERA)


@given(st.floats(0, 1), st.floats(0.1, 100), st.floats(0, 1), st.floats(0, 2))
def test_with_calibration_none_says_more_than_its_own_cap(
    score: float, slope: float, neutral: float, error: float
) -> None:
    calibration = CALIBRATION.model_copy(update={"slope": slope, "neutral": neutral, "error": error})
    card = CARD.model_copy(update={"calibration": calibration})
    found = of_score(score, card, width=500, height=500)
    if found is not None:
        assert 0 <= found.strength.low <= found.strength.high <= CALIBRATED_CAP
        assert found.strength.basis is Basis.MEASURED


def test_it_abstains_where_it_cannot_know() -> None:
    assert of_score(0.5, CARD, width=500, height=500) is None
    assert of_score(0.52, CALIBRATED, width=500, height=500) is None
    assert of_score(0.99, CALIBRATED, width=63, height=500) is None
    assert of_score(0.99, CALIBRATED, width=64, height=500) is not None
    assert of_score(float("nan"), CARD, width=500, height=500) is None
    assert of_score(1.5, CARD, width=500, height=500) is None


def test_a_model_whose_high_score_means_a_photograph_is_turned_round() -> None:
    turned = CARD.model_copy(update={"machine_is_high": False})
    (sign,) = detect(b"", 500, 500, model=Constant(1.0), card=turned)
    assert (sign.claim, sign.strength.high, sign.source.tool) == (Claim.CAMERA, CAP, "garden")
    assert detect(b"", 500, 500, model=Constant(0.5), card=turned) == []


def write(folder: Path, **changes: Any) -> Path:
    (folder / "garden.onnx").write_bytes(b"model")
    fields = {
        "name": "garden", "version": "1", "licence": "MIT", "source": "test", "file": "garden.onnx",
        "sha256": hashlib.sha256(b"model").hexdigest(), "side": 224, **changes,
    }  # fmt: skip
    card = folder / "garden.toml"
    card.write_text("\n".join(f"{key} = {value!r}" for key, value in fields.items() if value is not None))
    return card


def test_a_card_is_read_with_its_model(tmp_path: Path) -> None:
    card = read_card(write(tmp_path))
    assert (card.name, card.side, card.calibration) == ("garden", 224, None)


def test_another_model_than_the_cards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="not the one that its card describes"):
        read_card(write(tmp_path, sha256="0" * 64))


@pytest.mark.parametrize(
    "changes",
    [
        {"licence": None},
        {"side": 8},
        {"file": "../model.onnx"},
        {"more": 1},
        {"deviation": [0.0, 1.0, 1.0]},
        {"name": ""},
    ],
)
def test_a_card_that_is_not_right_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        read_card(write(tmp_path, **changes))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_card(tmp_path / "absent.toml")
    with pytest.raises(NotFoundError):
        read_card(write(tmp_path, file="absent.onnx"))
    (tmp_path / "bad.toml").write_text("= =")
    with pytest.raises(InputError, match="no TOML"):
        read_card(tmp_path / "bad.toml")


def test_a_calibration_needs_enough_pictures() -> None:
    Calibration(**{**CALIBRATION.model_dump(), "camera_pictures": MIN_CALIBRATION})
    with pytest.raises(ValueError, match="greater than or equal"):
        Calibration(**{**CALIBRATION.model_dump(), "camera_pictures": MIN_CALIBRATION - 1})
