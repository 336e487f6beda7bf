"""The runner of learned detectors, with a session that stands in for onnxruntime's."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from firstlight.errors import InputError, MissingExtraError
from firstlight.origin import onnx_model
from firstlight.origin.indicators.learned_detector import ModelCard, detect
from firstlight.origin.onnx_model import OnnxModel

CARD = ModelCard(
    name="garden", version="1", licence="MIT", source="a test", file="garden.onnx", sha256="0" * 64, side=32
)


class FixedSession:
    """Answers the same every time and keeps what it was shown."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.seen: dict[str, Any] = {}

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="pixels")]

    def run(self, outputs: None, inputs: dict[str, Any], /) -> list[Any]:
        self.seen = inputs
        return [np.array(self._answer)]


def test_the_model_sees_the_middle_square_normalised() -> None:
    session = FixedSession([[0.75]])
    picture = np.zeros((40, 100, 3), dtype=np.uint8)
    picture[:, 30:70] = (255, 0, 255)
    assert OnnxModel(CARD, session).score(picture.tobytes(), 100, 40) == 0.75
    seen = session.seen["pixels"]
    assert (seen.shape, seen.dtype) == ((1, 3, 32, 32), np.float32)
    assert [seen[0, plane].min() == seen[0, plane].max() == value for plane, value in enumerate((1, -1, 1))] == [
        True
    ] * 3


@pytest.mark.parametrize(("logit", "score"), [(0.0, 0.5), (100.0, 1.0), (-100.0, 0.0)])
def test_a_logit_becomes_a_probability(logit: float, score: float) -> None:
    model = OnnxModel(CARD.model_copy(update={"output": "logit"}), FixedSession([logit]))
    assert model.score(bytes(3 * 64 * 64), 64, 64) == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("answer", [[0.1, 0.9], [], [float("nan")], [1.5], [-3.0]])
def test_an_answer_that_is_no_probability_is_refused(answer: list[float]) -> None:
    with pytest.raises(InputError):
        OnnxModel(CARD, FixedSession(answer)).score(bytes(3 * 64 * 64), 64, 64)


def test_a_model_of_another_size_is_said() -> None:
    class Refusing(FixedSession):
        def run(self, outputs: None, inputs: dict[str, Any], /) -> list[Any]:
            raise RuntimeError("invalid dimensions")

    with pytest.raises(InputError, match="cannot be run on a picture of 32 pixels"):
        OnnxModel(CARD, Refusing([0.5])).score(bytes(3 * 64 * 64), 64, 64)


def test_bytes_that_are_no_such_picture_are_refused() -> None:
    for rgb, width, height in ((b"", 0, 0), (bytes(10), 2, 2)):
        with pytest.raises(InputError, match="not the RGB bytes"):
            OnnxModel(CARD, FixedSession([0.5])).score(rgb, width, height)


def test_it_fills_the_slot() -> None:
    (sign,) = detect(bytes(3 * 64 * 64), 64, 64, model=OnnxModel(CARD, FixedSession([0.9])), card=CARD)
    assert sign.name == "learned.machine"
    assert sign.strength.high < 0.5


def write_card(folder: Path, model: bytes) -> Path:
    (folder / "garden.onnx").write_bytes(model)
    card = folder / "garden.toml"
    card.write_text(
        'name = "garden"\nversion = "1"\nlicence = "MIT"\nsource = "a test"\nfile = "garden.onnx"\nside = 32\n'
        f'sha256 = "{hashlib.sha256(model).hexdigest()}"\n'
    )
    return card


def test_without_onnxruntime_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match="need onnxruntime"):
        OnnxModel.load(write_card(tmp_path, b"model"))


@pytest.mark.parametrize(
    ("version", "loads"), [("1.28.9", True), ("1.29.0", False), ("1.32.0", False), ("2.0.1", False)]
)
def test_one_that_reports_to_its_makers_is_not_loaded(
    version: str, loads: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_model, "version", lambda _name: version)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match="need onnxruntime" if loads else "reports to its makers"):
        OnnxModel.load(write_card(tmp_path, b"model"))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(InputError, match="cannot be loaded"):
        OnnxModel.load(write_card(tmp_path, b"no model"))
