"""Models by their fingerprints: what outlives re-saving, what a header says, what is refused."""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from firstlight.errors import FirstlightError, InputError, LimitError
from firstlight.gate.modelfile import SCREENING, Screening, model_record, read_blocklist, with_screening
from gate.vegetables import rules

_KINDS = {"float64": "F64", "float32": "F32", "float16": "F16", "uint16": "BF16", "int32": "I32"}


def save(path: Path, tensors: dict[str, NDArray[Any]], metadata: dict[str, str] | None = None) -> Path:
    """A safetensors file; a uint16 tensor stands for bfloat16."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name, tensor in tensors.items():
        raw = tensor.tobytes()
        header[name] = {
            "dtype": _KINDS[str(tensor.dtype)],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def weights(seed: int, layers: int = 6) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(seed)
    return {f"block.{n}.weight": random.normal(size=(40, 50 + n)).astype(np.float32) for n in range(layers)}


def bf16(tensor: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((tensor.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16))


def bits(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


def test_a_file_is_named_as_elsewhere(tmp_path: Path) -> None:
    path = save(tmp_path / "m.safetensors", weights(1), {"ss_sd_model_hash": "abc", "other": "x"})
    found = model_record(path)
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.auto_v2 == found.sha256[:10]
    assert found.auto_v3 == hashlib.sha256(data[8 + length :]).hexdigest()[:12]
    assert (found.size, found.count, found.is_adapter) == (len(data), 6, False)
    assert found.says == {"ss_sd_model_hash": "abc"}


def test_fingerprints_outlive_other_headers_orders_and_names(tmp_path: Path) -> None:
    own = weights(1)
    first = model_record(save(tmp_path / "a", own))
    resaved = model_record(save(tmp_path / "b", dict(reversed(own.items())), {"edited": "yes"}))
    renamed = model_record(save(tmp_path / "c", {f"model.{name}": one for name, one in own.items()}))
    other = model_record(save(tmp_path / "d", weights(2)))
    assert resaved.sha256 != first.sha256
    assert (resaved.tensors, resaved.contents, resaved.sketch) == (first.tensors, first.contents, first.sketch)
    assert (renamed.tensors != first.tensors, renamed.contents) == (True, first.contents)
    assert other.tensors != first.tensors
    assert other.contents != first.contents
    assert bits(other.sketch, first.sketch) > 80


def test_the_sketch_outlives_another_precision(tmp_path: Path) -> None:
    own = weights(3)
    first = model_record(save(tmp_path / "a", own))
    half = model_record(save(tmp_path / "b", {name: one.astype(np.float16) for name, one in own.items()}))
    brain = model_record(save(tmp_path / "c", {name: bf16(one) for name, one in own.items()}))
    assert half.contents != first.contents
    assert bits(half.sketch, first.sketch) <= 4
    assert bits(brain.sketch, first.sketch) <= 12
    listed = read_blocklist(f"sketch:{first.sketch}".encode(), "list")
    assert model_record(tmp_path / "b", blocklist=listed).blocked == ("sketch",)
    assert model_record(save(tmp_path / "d", weights(4)), blocklist=listed).blocked == ()


def test_a_blocklist_finds_a_model_by_any_fingerprint(tmp_path: Path) -> None:
    path = save(tmp_path / "a", weights(1))
    own = model_record(path)
    for line in (*own.blocklist_lines(), own.sha256.upper(), f"auto_v2:{own.auto_v2}  # removed in March"):
        listed = read_blocklist(f"# models\n\n{line}\n".encode(), "list")
        assert model_record(path, blocklist=listed).blocked
    for wrong in ("sha256:abc", "name:x", "hello", "sha256:" + "g" * 64):
        with pytest.raises(InputError, match="line 2"):
            read_blocklist(f"\n{wrong}".encode(), "list")


def test_tags_are_counted_by_rule_and_not_told(tmp_path: Path) -> None:
    tags = {"ss_tag_frequency": json.dumps({"10_photos": {"carrot in a cellar": 7, "a lake": 3, "thyme": 1}})}
    found = model_record(save(tmp_path / "a", weights(1), tags), rules=rules())
    assert [(hit.rule, hit.tags) for hit in found.tag_hits] == [("r1", 1), ("r2", 1)]
    assert found.traces == ("ss_tag_frequency",)
    assert b"carrot" not in found.to_json()
    lora = model_record(save(tmp_path / "b", {"lora_unet_x.lora_down.weight": np.ones((2, 2), np.float32)}))
    assert lora.is_adapter


def test_a_model_names_the_screening_it_rests_on(tmp_path: Path) -> None:
    path = save(tmp_path / "a", weights(1), {"ss_sd_model_hash": "abc"})
    before = model_record(path)
    with_screening(path, tmp_path / "b", Screening(report_sha256="ab" * 32, lists_of="2026-02-01", by="Ada"))
    after = model_record(tmp_path / "b")
    assert after.screening == Screening(report_sha256="ab" * 32, lists_of="2026-02-01", by="Ada")
    assert (after.tensors, after.auto_v3, after.says) == (before.tensors, before.auto_v3, before.says)
    assert before.screening is None
    with pytest.raises(InputError):
        with_screening(path, tmp_path / "b", Screening(report_sha256="ab" * 32))
    with pytest.raises(InputError):
        model_record(save(tmp_path / "c", weights(1), {SCREENING: "{}"}))


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"\x80\x02}", b"\x80\x05}"])
def test_what_runs_code_is_not_opened(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "m.ckpt"
    path.write_bytes(head + bytes(100))
    with pytest.raises(InputError) as caught:
        model_record(path)
    assert caught.value.diagnostics().code == "input.unsafe-model"


def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path: Path) -> None:
    for length in (0x0280, 0x0480):
        text = json.dumps({"__metadata__": {"pad": "x" * (length - 31)}}).encode()
        text += b" " * (length - len(text))
        path = tmp_path / f"{length}"
        path.write_bytes(struct.pack("<Q", length) + text)
        assert model_record(path).count == 0


def test_headers_that_lie_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    for header in (
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 9]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 80000]}},
        {"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, -8]}},
        {"a": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 8]}},
        {"a": 7},
        [1],
    ):
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(64))
        with pytest.raises(InputError):
            model_record(path)
    path.write_bytes(struct.pack("<Q", 2**40))
    with pytest.raises(LimitError):
        model_record(path)


@given(data=st.binary(max_size=200))
def test_rubbish_is_an_error_of_ours(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "rubbish"
    path.write_bytes(data)
    with contextlib.suppress(FirstlightError):
        model_record(path)
