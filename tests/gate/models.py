"""A model that scores brightness, so that scorers can be tested with the real runtime and without a real model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest


def a_brightness_model(folder: Path) -> Path:
    """The card of a model whose score is the mean of what it sees."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("ReduceMean", ["pixels"], ["score"], keepdims=0)],
        "brightness",
        [onnx.helper.make_tensor_value_info("pixels", kind, [1, 3, 32, 32])],
        [onnx.helper.make_tensor_value_info("score", kind, [])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    data = model.SerializeToString()
    (folder / "brightness.onnx").write_bytes(data)
    card = folder / "brightness.toml"
    card.write_text(
        'name = "brightness"\nversion = "1"\nlicence = "MIT"\nsource = "a test"\nfile = "brightness.onnx"\n'
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"\nside = 32\n'
        "mean = [0.0, 0.0, 0.0]\ndeviation = [1.0, 1.0, 1.0]\n"
    )
    return card
