"""Texts that image generators leave in a file: settings, graphs, job numbers, names of programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from firstlight.origin.evidence import Evidence, Text
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator
from firstlight.origin.statement import PLANTABLE, Kind, Statement, own_source

SEEN: Final = Statement(
    name="metadata.generator_text",
    claim=Claim.SYNTHETIC,
    strength=PLANTABLE,
    forgeable_by=ForgeableBy.ANYONE,
    binding=Binding.CONTAINER,
    family=Family.METADATA,
    says="A text in the file has the form that {who} writes. Nothing protects it: anyone can write it into any file.",
    does_not_say="That the picture was made by that program, or that no photograph of a child went in.",
)

KIND: Final = Kind(
    name="generator_text",
    title="Texts of image generators",
    reads="PNG text chunks, EXIF, XMP and IPTC texts, comments; only the form of a text is told, never the text",
    statements=(SEEN,),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """The form of one generator's text. `fields` empty means any field."""

    name: str
    who: str
    fits: Callable[[Text], bool]
    fields: tuple[str, ...] = ()

    def seen_in(self, text: Text) -> bool:
        """Whether the text has this form."""
        return (not self.fields or text.field in self.fields) and self.fits(text)


def _any(_text: Text) -> bool:
    return True


def _matches(pattern: str) -> Callable[[Text], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.search(text.value) is not None


_SETTINGS: Final = tuple(re.compile(p) for p in (r"\bSteps: ?\d", r"\bSampler: ?\S", r"\bCFG scale: ?\d"))


def is_settings_line(text: Text) -> bool:
    """Whether at least two of the three settings that AUTOMATIC1111 always writes stand in the text."""
    return sum(pattern.search(text.value) is not None for pattern in _SETTINGS) >= 2


def graph_of(text: Text) -> list[str] | None:
    """The kinds of the nodes of a ComfyUI graph, in either of its two forms; None when the text is no graph."""
    found = text.json
    if not isinstance(found, dict):
        return None
    nodes: Iterable[Any] = found["nodes"] if isinstance(found.get("nodes"), list) else found.values()
    kinds = [
        str(node.get("class_type") or node.get("type"))
        for node in nodes
        if isinstance(node, dict) and ("class_type" in node or ("type" in node and "id" in node))
    ]
    return kinds or None


def _is_graph(text: Text) -> bool:
    return graph_of(text) is not None


def _json_with(*keys: str) -> Callable[[Text], bool]:
    return lambda text: isinstance(text.json, dict) and all(key in text.json for key in keys)


_COMMENTS: Final = ("parameters", "UserComment", "ImageDescription", "Description", "comment", "Comment", "XPComment")
_PROGRAM: Final = ("Software", "CreatorTool", "Make", "Model", "Source", "Credit")

MARKS: Final = (
    Mark("automatic1111", "AUTOMATIC1111 and programs like it", is_settings_line, _COMMENTS),
    Mark("swarmui", "SwarmUI", _matches(r'"sui_image_params"\s*:'), _COMMENTS),
    Mark("swarmui", "SwarmUI", _any, ("sui_image_params",)),
    Mark("comfyui", "ComfyUI", _is_graph, ("prompt", "workflow", "Make", "Model", "UserComment", "ImageDescription")),
    Mark("invokeai", "InvokeAI", _any, ("invokeai_metadata", "invokeai_graph", "invokeai_workflow", "sd-metadata")),
    Mark("invokeai", "InvokeAI", _matches(r" -S ?\d+"), ("Dream",)),
    Mark("fooocus", "Fooocus", _any, ("fooocus_scheme",)),
    Mark("fooocus", "Fooocus", _json_with("base_model", "sampler", "guidance_scale"), _COMMENTS),
    Mark("drawthings", "Draw Things", _json_with("sampler", "steps", "seed", "scale"), ("UserComment",)),
    Mark("novelai", "NovelAI", _matches(r"^NovelAI"), ("Software", "Title", "Source")),
    Mark("novelai", "NovelAI", _json_with("sampler", "uc", "steps"), ("Comment", "comment")),
    Mark(
        "midjourney", "Midjourney", _matches(r"Job ID: [0-9a-f]{8}-[0-9a-f]{4}-"), ("Description", "ImageDescription")
    ),
    Mark("venice", "Venice", _json_with("imageToImageStrength"), _COMMENTS),
    Mark("venice", "Venice", _matches(r"(?i)^venice(\.ai| ai)?$"), _PROGRAM),
    Mark("ideogram", "Ideogram", _matches(r"(?i)^ideogram"), _PROGRAM),
    Mark("reve", "Reve", _matches(r"(?i)^reve( (ai|image).*|\.art|\.com)?$"), _PROGRAM),
    Mark("aphrodite", "Aphrodite", _matches(r"(?i)^aphrodite"), _PROGRAM),
    Mark("stable-diffusion", "a Stable Diffusion program", _matches(r"(?i)^stable[ -]?diffusion"), _PROGRAM),
    Mark("dall-e", "DALL-E", _matches(r"(?i)^(openai )?dall[-·. ]?e\b"), _PROGRAM),
    Mark("firefly", "Adobe Firefly", _matches(r"(?i)^adobe firefly"), _PROGRAM),
    Mark("google-ai", "Google's image services", _matches(r"^(Made|Edited) with Google AI$"), ("Credit",)),
    Mark("tensor-art", "Tensor.Art", _json_with("models", "prompt"), ("generation_data",)),
    Mark("comfyui", "ComfyUI", _any, ("ComfyScript",)),
    Mark("hf-space", "a hosted demonstration of a model", _any, ("hf-job-id",)),
    Mark("grok", "Grok", _matches(r"^Signature: [A-Za-z0-9+/]{40,}={0,2}$"), ("ImageDescription",)),
)
"""Read from public inventories of these programs; those exercised on real files are named in `docs/origin.md`."""


def marks_of(evidence: Evidence) -> list[tuple[Mark, Text]]:
    """Each generator whose form was seen, once, with the first text that has it."""
    found: dict[str, tuple[Mark, Text]] = {}
    for text in evidence.texts:
        for mark in MARKS:
            if mark.name not in found and mark.seen_in(text):
                found[mark.name] = (mark, text)
    return list(found.values())


def detect(evidence: Evidence) -> list[Indicator]:
    """One indicator for each generator whose form was seen. No word of a text leaves this function."""
    return [
        SEEN.indicator(
            own_source(text.where), who=mark.who, facts={"mark": mark.name, "field": text.field, "sha256": text.sha256}
        )
        for mark, text in marks_of(evidence)
    ]
