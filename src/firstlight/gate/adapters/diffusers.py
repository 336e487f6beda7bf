"""A wrapper for diffusers pipelines: `gated(pipe, gate, model=...)` is called like the pipeline and answers like it.

Modern pipelines have no hook for a safety check, so the call itself is wrapped: prompts and input pictures are decided
before a step is computed, and pictures before they are answered. A refused picture raises; nothing is blackened.

What it cannot cover: whoever holds the bare pipeline can call it. Latents and tensors (`output_type="latent"`, "pt")
cannot be looked at and are refused, and so are callbacks that would see pictures before the gate does.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

from PIL import Image

from firstlight.errors import InputError
from firstlight.gate.checks import Prompt
from firstlight.gate.guard import Asker
from firstlight.gate.marking import Model
from firstlight.gate.pipeline import Gate

_PROMPTS: Final = ("prompt", "prompt_2", "prompt_3")
_NEGATIVES: Final = ("negative_prompt", "negative_prompt_2", "negative_prompt_3")
_MASKS: Final = ("mask_image", "mask")
_REFUSED: Final = (
    *("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "ip_adapter_image_embeds", "latents"),
    *("callback", "callback_on_step_end", "image_embeds"),
)
"""Arguments that carry what nobody can read, or that see pictures before the gate does."""


class GatedPipeline:
    """See the module. `adapters` are the SHA-256 of what was loaded into the pipeline, such as LoRA files."""

    def __init__(self, pipe: Any, gate: Gate, *, model: Model, adapters: Sequence[str] = ()) -> None:  # noqa: ANN401
        self._pipe = pipe
        self._gate = gate
        self._model = model
        self._adapters = tuple(adapters)
        self.marked: list[bytes] = []
        """The pictures of the last call as marked files: Pillow's own pictures carry no credentials."""

    def __call__(self, *args: Any, asker: Asker | None = None, **options: Any) -> Any:  # noqa: ANN401
        """Call the pipeline with keyword arguments, and answer what it answers, with pictures as Pillow has them.

        Raises:
            RefusedRequestError: what goes in or comes out is stopped.
            InputError: an argument carries what nobody can read.
        """
        if args:
            raise InputError("Give the pipeline's arguments by name.", hint='Like pipe(prompt="a lake").')
        unread = [name for name in _REFUSED if options.get(name) is not None]
        if unread or options.get("output_type", "pil") != "pil":
            what = ", ".join(unread) or f"output_type={options['output_type']!r}"
            raise InputError(f"The gate cannot look at {what}.", hint="Give words and pictures, and take pictures.")
        if not self._adapters and _has_adapters(self._pipe):
            raise InputError("The pipeline has adapters, and none is named.", hint="Give their SHA-256 as `adapters`.")
        prompt = Prompt(_words(options, _PROMPTS), _words(options, _NEGATIVES), seed=_seeds(options.get("generator")))
        pictures = _pictures({key: value for key, value in options.items() if key not in _MASKS})
        masks = _pictures({key: options[key] for key in _MASKS if key in options})
        admission = self._gate.let_in(
            prompt,
            model=self._model,
            asker=asker,
            inputs=pictures,
            masks=masks,
            adapters=self._adapters,
        )
        answer = self._pipe(**{**options, "return_dict": True, "output_type": "pil"})
        images = getattr(answer, "images", None)
        if not isinstance(images, list) or not all(isinstance(one, Image.Image) for one in images):
            raise InputError("The pipeline answers no pictures that the gate can look at.")
        released = [self._gate.let_out(_png(one), admission) for one in images]
        self.marked = [one.data for one in released]
        return answer if options.get("return_dict", True) else (images,)


def gated(pipe: Any, gate: Gate, *, model: Model, adapters: Sequence[str] = ()) -> GatedPipeline:  # noqa: ANN401
    """The pipeline with the gate around it."""
    return GatedPipeline(pipe, gate, model=model, adapters=adapters)


def _has_adapters(pipe: Any) -> bool:  # noqa: ANN401
    """Whether adapters (LoRA and such) were loaded into a part of the pipeline, as diffusers itself marks it."""
    parts = getattr(pipe, "components", None)
    return isinstance(parts, dict) and any(getattr(one, "_hf_peft_config_loaded", False) for one in parts.values())


def _words(options: dict[str, Any], names: Sequence[str]) -> str:
    out: list[str] = []
    for name in names:
        value = options.get(name)
        texts = [value] if isinstance(value, str) else list(value or ())
        if not all(isinstance(one, str) for one in texts):
            raise InputError(f"{name} is no text.", hint="Give texts.")
        out += texts
    return "\n".join(out)


def _seeds(generator: Any) -> str:  # noqa: ANN401 - a torch.Generator, or several
    """The seeds of the generators of random numbers, which is how a pipeline is given them."""
    given = generator if isinstance(generator, list | tuple) else [generator]
    return " ".join(str(one.initial_seed()) for one in given if hasattr(one, "initial_seed"))


def _pictures(options: dict[str, Any]) -> list[bytes]:
    """Every picture among the arguments; an array or tensor of pixels cannot be told from noise and is refused."""
    out: list[bytes] = []
    for name, value in options.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, Image.Image):
                out.append(_png(one))
            elif hasattr(one, "shape") and len(getattr(one, "shape", ())) >= 2:
                raise InputError(f"{name} holds an array.", hint="Give Pillow pictures.")
    return out


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)  # quick: it is made to be looked at
    return out.getvalue()
