"""Traces that a picture of somebody went into a generator. They raise, whoever wrote them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from firstlight.origin.evidence import Evidence, Text
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.indicators import camera_tags, generator_text
from firstlight.origin.statement import WEAK, WEAK_TO_MODERATE, Kind, Statement, own_source

TRACE: Final = Statement(
    name="metadata.photo_input",
    claim=Claim.PHOTO_DERIVED,
    strength=WEAK_TO_MODERATE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="The settings in the file name a step that starts from an existing picture or person: {traces}. "
    "A photograph of a child may have gone in; treat it as a real child until seen otherwise.",
    does_not_say="Whose picture went in, or that any did: nothing protects the settings.",
)

CAMERA_BESIDE: Final = Statement(
    name="metadata.camera_beside_generator",
    claim=Claim.PHOTO_DERIVED,
    strength=WEAK,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="The file carries a camera's tags and a generator's text together. Either a photograph was worked on by a "
    "generator, or one of the two was put there; treat it as a real child until seen otherwise.",
    does_not_say="Which of the two was there first.",
)

PHONE_EDIT: Final = Statement(
    name="metadata.phone_ai_edit",
    claim=Claim.PHOTO_DERIVED,
    strength=WEAK_TO_MODERATE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="The file ends with a telephone's record of an edit that used a generator. Under it lies a photograph; treat "
    "it as a real child until seen otherwise.",
    does_not_say="What the edit changed.",
)

KIND: Final = Kind(
    name="photo_input",
    title="Traces of a photograph that went in",
    reads="the generators' settings and graphs; names of people, models and files in them are never told",
    statements=(TRACE, CAMERA_BESIDE, PHONE_EDIT),
)


@dataclass(frozen=True, slots=True)
class Trace:
    """One step that starts from an existing picture or person."""

    name: str
    fits: Callable[[str], bool]


def _says(pattern: str, *, unless: str = "") -> Callable[[str], bool]:
    seen, spared = re.compile(pattern), re.compile(unless) if unless else None
    return lambda value: seen.search(value) is not None and not (spared and spared.search(value))


SETTINGS_TRACES: Final = (
    # A second, larger pass over the generator's own picture writes a denoising strength too.
    Trace("image to image", _says(r"\bDenoising strength: ?[\d.]+", unless=r"\bHires (upscale|resize|steps|upscaler)")),
    Trace("inpainting", _says(r"\bMask blur: ?\d|\bInpaint(ing)?\b|\bMasked area\b")),
    Trace("control by a picture", _says(r"\bControlNet\b")),
    Trace("image prompt", _says(r"(?i)\bIP-?Adapter\b")),
    Trace("face swap", _says(r"(?i)\broop\b|\breactor\b|\bface ?swap|\bfaceswaplab\b|\binsightface\b")),
    Trace("identity of a person", _says(r"(?i)\binstant-?id\b|\bpulid\b|\bphotomaker\b")),
    Trace("trained addition", _says(r"(?i)<lora:|<lyco:|\blora hashes:|\bTI hashes:")),
)
"""Looked for in the settings that AUTOMATIC1111 and its relatives write."""

_NODES: Final = (
    ("picture loaded", re.compile(r"^(Load|ETN_Load|LoadAndResize)\w*Image|^Image ?Load|^LoadImage", re.IGNORECASE)),
    ("image to image", re.compile(r"^VAEEncode|^InpaintModel|^ImageToLatent", re.IGNORECASE)),
    ("inpainting", re.compile(r"LoadImageMask|Inpaint", re.IGNORECASE)),
    ("image prompt", re.compile(r"IP-?Adapter|ReferenceLatent|StyleModelApply|ReduxAdvanced", re.IGNORECASE)),
    ("identity of a person", re.compile(r"Instant-?ID|PuLID|PhotoMaker", re.IGNORECASE)),
    ("face swap", re.compile(r"ReActor|Face-?Swap|roop", re.IGNORECASE)),
    ("control by a picture", re.compile(r"Control-?Net", re.IGNORECASE)),
    ("trained addition", re.compile(r"Lora", re.IGNORECASE)),
)
"""Kinds of ComfyUI nodes, from the reference's list and their usual relatives."""

_KEYS: Final = {
    "imageToImageStrength": "image to image",
    "init_image": "image to image",
    "init_image_blob": "image to image",
    "initimage": "image to image",
    "initimagecreativity": "image to image",
    "mask": "inpainting",
    "maskimage": "inpainting",
    "controlnets": "control by a picture",
    "control_layers": "control by a picture",
    "controlLayers": "control by a picture",
    "ipAdapters": "image prompt",
    "ip_adapters": "image prompt",
    "promptimages": "image prompt",
    "reference_image": "image prompt",
    "reference_image_multiple": "image prompt",
    "director_reference_images": "image prompt",
    "loras": "trained addition",
}
"""Keys of settings written as JSON. One that is empty, false or zero says nothing."""

_REQUESTS: Final = {
    "Img2ImgRequest": "image to image",
    "NativeInfillingRequest": "inpainting",
    "img2img": "image to image",
    "inpaint": "inpainting",
    "outpaint": "inpainting",
    "sdxl_img2img": "image to image",
    "sdxl_inpaint": "inpainting",
    "flux_img2img": "image to image",
    "flux_inpaint": "inpainting",
}
"""Values of `request_type` (NovelAI) and `generation_mode` (InvokeAI)."""

_INVOKEAI: Final = {
    "i2l": "image to image",
    "img2img": "image to image",
    "image": "picture loaded",
    "inpaint": "inpainting",
    "create_denoise_mask": "inpainting",
    "ip_adapter": "image prompt",
    "flux_redux": "image prompt",
    "controlnet": "control by a picture",
    "flux_controlnet": "control by a picture",
    "t2i_adapter": "control by a picture",
    "lora_loader": "trained addition",
    "lora_selector": "trained addition",
    "sdxl_lora_loader": "trained addition",
}
"""Kinds of nodes in InvokeAI's graphs, which hold their nodes by name."""

_MIDJOURNEY: Final = (
    ("image prompt", re.compile(r"^\s*(<?https?://|<https)|\s--(oref|iw)\s")),
    ("identity of a person", re.compile(r"\s--(cref|cw)\s")),
)


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for all traces in each text, for a camera's tags beside a generator's, for a telephone's edit."""
    out = []
    marks = generator_text.marks_of(evidence)
    for text in evidence.texts:
        traces = sorted(set(_traces(text)))
        if traces:
            words = ", ".join(traces)
            facts = {"traces": words, "field": text.field, "sha256": text.sha256}
            out.append(TRACE.indicator(own_source(text.where), traces=words, facts=facts))
    camera = camera_tags.maker_of(evidence)
    if marks and camera:
        out.append(CAMERA_BESIDE.indicator(own_source(camera.where), facts={"make": camera.make}))
    if _phone_edit(evidence.data):
        out.append(PHONE_EDIT.indicator(own_source("behind the picture")))
    return out


_EDIT_RECORD: Final = b"PhotoEditor_Re_Edit_Data"
_BY_GENERATOR: Final = re.compile(rb'"genAIType"\s*:\s*[1-9]')
_EDIT_REACH: Final = 1 << 18
"""Bytes of the record that are looked at; it is a short text near the end of the file."""


def _phone_edit(data: bytes) -> bool:
    """Whether Samsung's record of an edit names a generator."""
    at = data.find(_EDIT_RECORD, max(0, len(data) - _EDIT_REACH))
    return at >= 0 and _BY_GENERATOR.search(data, at) is not None


def _traces(text: Text) -> Iterator[str]:
    if generator_text.is_settings_line(text):
        yield from (trace.name for trace in SETTINGS_TRACES if trace.fits(text.value))
    if (nodes := generator_text.graph_of(text)) is not None:
        yield from (name for name, pattern in _NODES for node in nodes if pattern.search(node))
        return
    if text.field in ("Description", "ImageDescription") and "Job ID: " in text.value:
        yield from (name for name, pattern in _MIDJOURNEY if pattern.search(text.value))
    yield from _json_traces(text.json)


def _json_traces(settings: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Traces in settings written as JSON, at the top and one level below it."""
    if not isinstance(settings, dict):
        return
    if isinstance(nodes := settings.get("nodes"), dict):
        kinds = (str(node.get("type")) for node in nodes.values() if isinstance(node, dict))
        yield from (_INVOKEAI[kind] for kind in kinds if kind in _INVOKEAI)
    for level in (settings, *(value for value in settings.values() if isinstance(value, dict))):
        yield from (name for key, name in _KEYS.items() if level.get(key))
        for key in ("request_type", "generation_mode"):
            if (name := _REQUESTS.get(str(level.get(key)))) is not None:
                yield name
