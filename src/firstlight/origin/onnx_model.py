"""Runs a learned detector that the operator has brought, on a processor, with onnxruntime (an extra).

Call it in the caged worker alone: it sees the pixels of foreign files.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from firstlight.errors import InputError, MissingExtraError
from firstlight.origin.indicators.learned_detector import ModelCard, read_card

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FIRST_THAT_REPORTS = (1, 29)
"""From this version on, onnxruntime for Linux looks up a host of its makers and keeps a record of what ran in the
user's cache, even after `disable_telemetry_events()` (seen in 1.30.0 and 1.32.0; 1.28.0 has no such code)."""
_HINT = "Install it: pip install 'firstlight[detectors]'."


class Session(Protocol):
    """What is used of a session of onnxruntime."""

    def get_inputs(self) -> list[Any]:
        """The inputs of the model; each has a `name`."""
        ...

    def run(self, outputs: None, inputs: dict[str, Any], /) -> list[Any]:
        """The outputs for these inputs."""
        ...


class OnnxModel:
    """A model with its card. `score` answers from 0 to 1, in the direction the card names."""

    def __init__(self, card: ModelCard, session: Session) -> None:
        self.card = card
        self._session = session
        self._input = str(session.get_inputs()[0].name)

    @classmethod
    def load(cls, card: Path) -> Self:
        """The model beside its card, on one thread of the processor.

        Raises:
            MissingExtraError: onnxruntime is not installed, or only one that reports to its makers.
            InputError, IntegrityError: the card or the model is not right.
        """
        described = read_card(card)
        onnxruntime = _onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(
                str(card.parent / described.file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as e:
            raise InputError(
                f"The model {described.file} cannot be loaded.", hint="It has to be an ONNX model for a processor."
            ) from e
        return cls(described, session)

    def score(self, rgb: bytes, width: int, height: int) -> float:
        """The score of one picture.

        Raises:
            InputError: the bytes are not those of such a picture, or the model answers something else than one number.
        """
        import numpy as np

        if len(rgb) != width * height * 3 or not rgb:
            raise InputError("These are not the RGB bytes of a picture of that size.")
        seen = self._seen(rgb, width, height)
        try:
            answer = np.asarray(self._session.run(None, {self._input: seen})[0], dtype=np.float64)
        except Exception as e:
            raise InputError(
                f"The model {self.card.name} cannot be run on a picture of {self.card.side} pixels.",
                hint="Check the card's side: the model takes one RGB picture, planes first.",
            ) from e
        if answer.size != 1 or not np.isfinite(answer).all():
            raise InputError(
                f"The model {self.card.name} does not answer one number.", hint="Export it with a single output."
            )
        value = float(answer.reshape(-1)[0])
        if self.card.output == "logit":
            value = float(1 / (1 + np.exp(-np.clip(value, -60, 60))))
        if not 0 <= value <= 1:
            raise InputError(
                f"The model {self.card.name} answers {value:.3g}, which is no probability.",
                hint='If it answers logits, write output = "logit" into its card.',
            )
        return value

    def _seen(self, rgb: bytes, width: int, height: int) -> npt.NDArray[np.float32]:
        """What the model sees: the middle square, at its own size, normalised, one plane for each colour."""
        import numpy as np
        from PIL import Image

        side = min(width, height)
        x, y = (width - side) // 2, (height - side) // 2
        square = Image.frombytes("RGB", (width, height), rgb).crop((x, y, x + side, y + side))
        small = square.resize((self.card.side, self.card.side), Image.Resampling.BICUBIC)
        planes = np.asarray(small, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
        mean = np.array(self.card.mean, dtype=np.float32).reshape(3, 1, 1)
        deviation = np.array(self.card.deviation, dtype=np.float32).reshape(3, 1, 1)
        seen: npt.NDArray[np.float32] = ((planes - mean) / deviation)[np.newaxis]
        return seen


def _onnxruntime() -> Any:  # noqa: ANN401 - the library's module
    try:
        installed = version("onnxruntime")
        if tuple(int(part) for part in installed.split(".")[:2]) >= FIRST_THAT_REPORTS:
            raise MissingExtraError(f"onnxruntime {installed} reports to its makers; it is not loaded.", hint=_HINT)
        return importlib.import_module("onnxruntime")
    except ImportError as e:  # which a package that is not installed is as well
        raise MissingExtraError("Learned detectors need onnxruntime.", hint=_HINT) from e
