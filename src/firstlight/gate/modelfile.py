"""What a model file says of itself, and fingerprints that outlive re-saving. Nothing is ever run or generated.

Only safetensors files are opened: a header of JSON and raw numbers. Containers that run code when they are loaded
(pickles) are refused. What a header says is free text that anyone can write: absent is not clean.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, ClassVar, Final, Literal

from pydantic import Field

from firstlight.errors import InputError, LimitError, StateError
from firstlight.gate.matching import TermRules
from firstlight.gate.sketches import SIZES, Tensor, model_sketch, product_sketch
from firstlight.media import opened
from firstlight.values import Document, Sha256Hex, Value, Versioned

LARGEST_HEADER: Final = 100 * 2**20
"""Bytes of a header: the format's own limit."""

SKETCH_NEAR: Final = 24
"""Bits up to which two sketches are of one model: half precision turns over up to 4 of 256, unrelated models 90 and
more."""

SCREENING: Final = "firstlight.screening"
"""The header field in which a trainer names the data-set screening that the model rests on."""

_PIECE: Final = 2**22
_RUNS_CODE: Final = (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_TRACES: Final = ("ss_tag_frequency", "ss_dataset_dirs")
_TOLD: Final = (
    *("ss_num_train_images", "ss_sd_model_hash", "ss_new_sd_model_hash", "sshs_model_hash", "sshs_legacy_hash"),
    *("modelspec.title", "modelspec.architecture", "modelspec.hash_sha256", "modelspec.merged_from"),
)


class TagHit(Value):
    """How many tags of the training trace one rule spoke to. The tags themselves are not told."""

    rule: str
    tags: int


class Screening(Value):
    """The data-set screening that the model says it rests on: the digest of its report, and the date of its lists."""

    report_sha256: Sha256Hex
    lists_of: str = ""
    by: str = ""


class ModelRecord(Document):
    """A model file by its fingerprints, and what its header says.

    `sha256`, `auto_v2` and `auto_v3` are of the file as it lies there; `auto_v3` leaves the header out. `tensors` is of
    every tensor's name and numbers, whatever their order and the header; `contents` leaves the names out too; `sketch`
    stays nearly the same when the precision changes, and `product` also when a LoRA's factors are split or scaled anew
    (empty for what is no LoRA). `blake3` and `crc32` are how model hubs name the file; `blake3` is empty where its
    library is not installed.
    """

    title_for_people: ClassVar[str] = "record of a model"

    kind: Literal["model-record"] = "model-record"
    version: Versioned = 1
    file: str
    size: int
    sha256: Sha256Hex
    auto_v2: str
    auto_v3: str
    tensors: Sha256Hex
    contents: Sha256Hex
    sketch: str
    product: str = ""
    crc32: str = ""
    blake3: str = ""
    count: Annotated[int, Field(ge=0, description="tensors")]
    is_adapter: bool
    says: dict[str, str]
    traces: tuple[str, ...]
    tag_hits: tuple[TagHit, ...]
    screening: Screening | None
    blocked: tuple[str, ...]

    def blocklist_lines(self) -> tuple[str, ...]:
        """The lines by which another operator's list would recognise it."""
        return (
            f"sha256:{self.sha256}",
            f"tensors:{self.tensors}",
            f"contents:{self.contents}",
            f"sketch:{self.sketch}",
            *([f"product:{self.product}"] if self.product else []),
        )


def model_record(path: Path, *, blocklist: Iterable[str] = (), rules: TermRules | None = None) -> ModelRecord:
    """Read a model file once and say what it is.

    Raises:
        InputError: it is no safetensors file, is damaged, or is of a kind that runs code when it is loaded.
        StateError: the blocklist names models by BLAKE3, and its library is not installed.
        LimitError: its header is larger than the format allows.
    """
    with opened(path) as file:
        header, start = _header(file, path)
        whole = _WholeFile()
        behind = hashlib.sha256()
        file.seek(0)
        whole.update(file.read(start))
        for piece in iter(lambda: file.read(_PIECE), b""):
            whole.update(piece)
            behind.update(piece)
        size = file.tell()
        metadata = _metadata(header)
        tensors = sorted(_tensors(header, start, size, path), key=lambda one: one.name)
        named, plain = _digests_of(file, tensors)
        sketch, product = model_sketch(file, tensors), product_sketch(file, tensors)
    record = ModelRecord(
        file=path.name,
        size=size,
        sha256=whole.sha256.hexdigest(),
        auto_v2=whole.sha256.hexdigest()[:10],
        auto_v3=behind.hexdigest()[:12],
        tensors=named,
        contents=plain,
        sketch=sketch,
        product=product,
        crc32=f"{whole.crc32:08x}",
        blake3=whole.blake3.hexdigest() if whole.blake3 is not None else "",
        count=len(header) - ("__metadata__" in header),
        is_adapter=any("lora_" in name or ".lora" in name for name in header),
        says={name: metadata[name][:500] for name in _TOLD if name in metadata},
        traces=tuple(name for name in _TRACES if name in metadata),
        tag_hits=_tag_hits(metadata, rules) if rules is not None else (),
        screening=_screening(metadata, path),
        blocked=(),
    )
    return record.model_copy(update={"blocked": _blocked(record, blocklist)})


def with_screening(path: Path, out: Path, screening: Screening) -> None:
    """A copy of a model file whose header names the screening it rests on. Its tensors' digests stay the same.

    Raises:
        InputError: it is no safetensors file, or there is a file of the new name already.
    """
    with opened(path) as file:
        header, start = _header(file, path)
        metadata = {**_metadata(header), SCREENING: screening.model_dump_json()}
        raw = json.dumps({**header, "__metadata__": metadata}, separators=(",", ":")).encode()
        raw += b" " * (-len(raw) % 8)
        file.seek(start)
        try:
            with out.open("xb") as target, _whole_or_not(out):
                target.write(struct.pack("<Q", len(raw)) + raw)
                for piece in iter(lambda: file.read(_PIECE), b""):
                    target.write(piece)
        except FileExistsError as e:
            raise InputError(f"{out} is there already.", hint="Give another name.") from e
        except OSError as e:
            raise InputError(f"{out} cannot be written: {e.strerror}.") from e


@contextlib.contextmanager
def _whole_or_not(out: Path) -> Iterator[None]:
    """Remove what was written if it does not come to its end: half a model loads as a damaged one."""
    try:
        yield
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def read_blocklist(data: bytes, name: str) -> tuple[str, ...]:
    """The lines of a blocklist: `kind:value`, or a bare SHA-256; `#` begins a comment.

    Raises:
        InputError: a line is none; the message names its number.
    """
    out = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        text = line.partition("#")[0].strip().lower()
        if not text:
            continue
        kind, colon, value = text.partition(":")
        kind, value = (kind, value.strip()) if colon else ("sha256", kind)
        if kind not in _LENGTHS or len(value) != _LENGTHS[kind] or set(value) - set("0123456789abcdef"):
            hint = f"Lines are like sha256:...; the others are {', '.join(list(_LENGTHS)[1:])}."
            raise InputError(f"{name}, line {number} is no fingerprint of a model.", hint=hint)
        out.append(f"{kind}:{value}")
    return tuple(out)


_LENGTHS: Final = {
    "sha256": 64,
    "auto_v2": 10,
    "auto_v3": 12,
    "blake3": 64,
    "crc32": 8,
    "tensors": 64,
    "contents": 64,
    "sketch": 64,
    "product": 64,
}
_SKETCHES: Final = ("sketch", "product")


class _WholeFile:
    """The digests of a whole file, taken in one reading."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.crc32 = 0
        try:
            self.blake3: Any = importlib.import_module("blake3").blake3()
        except ImportError:
            self.blake3 = None

    def update(self, piece: bytes) -> None:
        self.sha256.update(piece)
        self.crc32 = zlib.crc32(piece, self.crc32)
        if self.blake3 is not None:
            self.blake3.update(piece)


def _blocked(record: ModelRecord, blocklist: Iterable[str]) -> tuple[str, ...]:
    """By which fingerprints a list names the model."""
    own = {kind: str(getattr(record, kind)) for kind in _LENGTHS}
    found = set()
    for line in blocklist:
        kind, _, value = line.partition(":")
        if kind == "blake3" and not record.blake3:
            hint = "pip install 'firstlight[models]'"
            raise StateError("The blocklist names models by BLAKE3, which needs a library.", hint=hint)
        if kind in _SKETCHES:
            if own[kind] and record.count and (int(value, 16) ^ int(own[kind], 16)).bit_count() <= SKETCH_NEAR:
                found.add(kind)
        elif own.get(kind) == value:
            found.add(kind)
    return tuple(sorted(found))


def _header(file: BinaryIO, path: Path) -> tuple[dict[str, Any], int]:
    """The header and where the numbers begin."""
    head = file.read(8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
    raw = file.read(length) if length <= LARGEST_HEADER else b""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and len(raw) == length:
        return found, 8 + length
    if head.startswith(_RUNS_CODE):  # only now: the length of an honest header may begin with the same bytes
        raise InputError(
            f"{path} is of a kind that runs code when it is loaded; it is not opened.",
            hint="Have it converted to safetensors where nothing can be harmed.",
            code="input.unsafe-model",
        )
    if length > LARGEST_HEADER:
        raise LimitError(f"{path} has a header of {length} bytes, or is no safetensors file.", code="limit.header")
    raise InputError(f"{path} is no safetensors file.")


def _metadata(header: Mapping[str, Any]) -> dict[str, str]:
    found = header.get("__metadata__")
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _digests_of(file: BinaryIO, tensors: Iterable[Tensor]) -> tuple[str, str]:
    """The digests of all tensors with their names and without."""
    named, plain = [], []
    for one in tensors:
        digest = hashlib.sha256(f"{one.kind} {one.shape}\n".encode())
        file.seek(one.at)
        left = one.end - one.at
        while left:
            piece = file.read(min(_PIECE, left))
            if not piece:
                raise InputError("The model file became shorter while it was read.", hint="Read it again.")
            digest.update(piece)
            left -= len(piece)
        named.append(f"{one.name}\n{digest.hexdigest()}")
        plain.append(digest.hexdigest())
    return (
        hashlib.sha256("\n".join(named).encode()).hexdigest(),
        hashlib.sha256("\n".join(sorted(plain)).encode()).hexdigest(),
    )


def _tensors(header: Mapping[str, Any], start: int, size: int, path: Path) -> Iterator[Tensor]:
    """Every tensor, checked against the file."""
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            kind, shape = str(entry["dtype"]), tuple(int(n) for n in entry["shape"])
            first, last = (int(n) for n in entry["data_offsets"])
            name.encode()
        except (TypeError, KeyError, ValueError, OverflowError) as e:
            raise InputError(f"{path} is damaged: its header describes a tensor wrongly.") from e
        expected = math.prod(shape) * SIZES[kind] if kind in SIZES else last - first
        if not 0 <= first <= last <= size - start or last - first != expected:
            raise InputError(f"{path} is damaged: a tensor lies outside of it, or is of another size.")
        yield Tensor(name, kind, shape, start + first, start + last)


def _tag_hits(metadata: Mapping[str, str], rules: TermRules) -> tuple[TagHit, ...]:
    counts: dict[str, int] = {}
    for name in _TRACES:
        for tag in _words_of(metadata.get(name, "")):
            for hit in rules.match(tag[:10_000], surface="text"):
                counts[hit.rule] = counts.get(hit.rule, 0) + 1
    return tuple(TagHit(rule=rule, tags=count) for rule, count in sorted(counts.items()))


def _words_of(text: str) -> Iterator[str]:
    """The keys of a training trace, which are folders and tags; the text itself where it is no JSON."""
    try:
        waiting: list[Any] = [json.loads(text)] if text else []
    except (ValueError, RecursionError):
        yield text
        return
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for key, value in one.items():
                yield str(key)
                waiting.append(value)
        elif isinstance(one, list):
            waiting += one


def _screening(metadata: Mapping[str, str], path: Path) -> Screening | None:
    text = metadata.get(SCREENING)
    if text is None:
        return None
    try:
        return Screening.model_validate_json(text)
    except ValueError as e:
        raise InputError(f"{path} names a screening that cannot be read.") from e
