"""Models by their fingerprints: what outlives re-saving, what a header says, what is refused."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from firstlight.errors import FirstlightError, InputError, LimitError, StateError
from firstlight.gate import modelfile
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


def lora(seed: int, names: tuple[str, str] = ("lora_down", "lora_up"), *, rank: int = 4) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(seed)
    out = {}
    for n in range(5):
        down, up = random.normal(size=(rank, 60 + n)), random.normal(size=(50, rank))
        out[f"block.{n}.{names[0]}.weight"] = down.astype(np.float32)
        out[f"block.{n}.{names[1]}.weight"] = up.astype(np.float32)
    return out


def split_anew(own: dict[str, NDArray[Any]], seed: int) -> dict[str, NDArray[Any]]:
    """The same products from other factors: turned within the rank, and scaled from one factor to the other."""
    random = np.random.default_rng(seed)
    out = {}
    for n in range(5):
        turn = random.normal(size=(4, 4)) * 3
        out[f"block.{n}.lora_down.weight"] = (turn @ own[f"block.{n}.lora_down.weight"]).astype(np.float32)
        up = own[f"block.{n}.lora_up.weight"] @ np.linalg.inv(turn)
        out[f"block.{n}.lora_up.weight"] = (7.5 * up).astype(np.float32)
    return out


def test_a_loras_product_outlives_another_split_scale_precision_and_names(tmp_path: Path) -> None:
    own = lora(1)
    first = model_record(save(tmp_path / "a", own))
    split = model_record(save(tmp_path / "b", split_anew(own, 2)))
    assert bits(split.sketch, first.sketch) > 80, "by its factors it is another model"
    assert bits(split.product, first.product) <= 4
    half = {name: one.astype(np.float16) for name, one in split_anew(own, 3).items()}
    assert bits(model_record(save(tmp_path / "c", half)).product, first.product) <= 8
    for words in (("lora_A", "lora_B"), ("lora_A.default", "lora_B.default"), ("lora.down", "lora.up")):
        renamed = model_record(save(tmp_path / "d", lora(1, words)))
        assert renamed.product == first.product, words
    assert bits(model_record(save(tmp_path / "e", lora(9))).product, first.product) > 80
    listed = read_blocklist("\n".join(first.blocklist_lines()).encode(), "list")
    assert model_record(tmp_path / "b", blocklist=listed).blocked == ("product",)
    assert model_record(tmp_path / "e", blocklist=listed).blocked == ()


def test_factors_that_do_not_fit_have_no_product(tmp_path: Path) -> None:
    down, up = np.ones((4, 8), np.float32), np.ones((8, 5), np.float32)
    for pair in ((down, up), (down, np.ones(4, np.float32)), (down.astype(np.int32), np.ones((8, 4), np.float32))):
        path = save(tmp_path / "a", {"x.lora_down.weight": pair[0], "x.lora_up.weight": pair[1]})
        assert model_record(path).product == ""
    assert model_record(save(tmp_path / "b", weights(1))).product == ""
    conv = {"x.lora_down.weight": np.ones((4, 3, 3, 3)), "x.lora_up.weight": np.ones((9, 4, 1, 1))}
    assert model_record(save(tmp_path / "c", {name: one.astype(np.float32) for name, one in conv.items()})).product


def test_a_file_is_named_as_model_hubs_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "m", weights(1))
    found = model_record(path)
    assert found.crc32 == f"{zlib.crc32(path.read_bytes()):08x}"
    listed = read_blocklist(f"crc32:{found.crc32.upper()}\n".encode(), "list")
    assert model_record(path, blocklist=listed).blocked == ("crc32",)
    by_blake3 = read_blocklist(b"blake3:" + b"ab" * 32, "list")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "blake3", None)
        assert model_record(path).blake3 == ""
        with pytest.raises(StateError, match="BLAKE3"):  # never passed as if it had been compared
            model_record(path, blocklist=by_blake3)
    blake3 = pytest.importorskip("blake3")
    assert found.blake3 == blake3.blake3(path.read_bytes()).hexdigest()
    listed = read_blocklist(f"blake3:{found.blake3}".encode(), "list")
    assert model_record(path, blocklist=listed).blocked == ("blake3",)
    assert model_record(path, blocklist=by_blake3).blocked == ()


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


def _with_header(path: Path, header: str, data: bytes = b"") -> Path:
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + data)
    return path


@pytest.mark.parametrize(
    "entry",
    [
        '"w": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 4]}',
        '"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e999]}',
        '"w": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 4]}',
        r'"\ud800": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}',
    ],
)
def test_numbers_and_names_that_are_none_are_damage(tmp_path: Path, entry: str) -> None:
    with pytest.raises(InputError, match="is damaged"):
        model_record(_with_header(tmp_path / "m", f"{{{entry}}}", bytes(4)))


def test_a_copy_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, copy = save(tmp_path / "a", weights(1)), tmp_path / "b"
    monkeypatch.setattr(modelfile, "_PIECE", 1000)
    for ends in (OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()):
        with monkeypatch.context() as patch:
            patch.setattr(modelfile, "opened", lambda _, ends=ends: _Breaking(path.read_bytes(), ends))
            with pytest.raises((InputError, KeyboardInterrupt)):
                with_screening(path, copy, Screening(report_sha256="ab" * 32))
        assert not copy.exists()
    with_screening(path, copy, Screening(report_sha256="ab" * 32))


class _Breaking(io.BytesIO):
    """A file that ends the program in its middle."""

    def __init__(self, data: bytes, ends: BaseException) -> None:
        super().__init__(data)
        self._ends = ends

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 20_000:
            raise self._ends
        return super().read(size)
