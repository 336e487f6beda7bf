"""A diffusers pipeline with the gate around its call. `python examples/diffusers_pipeline.py`

Needs `pip install diffusers transformers torch`. The pipeline is Stable Diffusion's, tiny and with random weights, so
that nothing is downloaded and what it makes is noise; put `from_pretrained(...)` in its place.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firstlight.errors import InputError
from firstlight.gate import Asker
from firstlight.gate.adapters.diffusers import gated
from firstlight.gate.http.standin import drawn
from firstlight.gate.marking import Model
from firstlight.gate.pipeline import RefusedRequestError
from stage import BAD_PROMPT, LISTED_PICTURE, armed_gate, as_picture


def main() -> None:
    from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

    parts = tiny_parts()
    with armed_gate() as house:
        model = Model("tiny", version="1")
        words = gated(quiet(StableDiffusionPipeline(**parts)), house.gate, model=model)
        pictures = gated(quiet(StableDiffusionImg2ImgPipeline(**parts)), house.gate, model=model)
        asker = Asker(account="user-17")
        options: dict[str, Any] = {"num_inference_steps": 2, "asker": asker}
        made = words(prompt="a lake", height=64, width=64, **options)
        print(f"a lake: {made.images[0].size}, marked: {b'c2pa' in words.marked[0]}")
        photograph = as_picture(drawn("a photograph")).resize((64, 64))
        made = pictures(prompt="a hat on it", image=photograph, strength=0.9, **options)
        print(f"from a photograph: {made.images[0].size}, marked: {b'c2pa' in pictures.marked[0]}")
        stopped: list[tuple[str, Callable[[], Any]]] = [
            ("a stopped prompt", lambda: words(prompt=BAD_PROMPT, **options)),
            ("a negative prompt", lambda: words(prompt="a lake", negative_prompt=BAD_PROMPT, **options)),
            ("a listed picture as input", lambda: pictures(prompt="x", image=as_picture(LISTED_PICTURE), **options)),
            ("latents", lambda: words(prompt="a lake", output_type="latent", **options)),
        ]
        for name, call in stopped:
            try:
                call()
            except (RefusedRequestError, InputError) as e:
                print(f"{name}: {e}")
        assert house.ledger is not None
        print("went in:", ", ".join(str(house.ledger.record(number).inputs) for number in range(len(house.ledger))))


def quiet(pipe: Any) -> Any:
    pipe.set_progress_bar_config(disable=True)
    return pipe


def tiny_parts() -> dict[str, Any]:
    """The parts of a Stable Diffusion pipeline, as small as they come, with random weights."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(1)
    text = CLIPTextConfig(
        hidden_size=32,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        vocab_size=600,
        projection_dim=32,
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
    )
    vae = AutoencoderKL(
        block_out_channels=(32, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
    )
    return {
        "unet": unet,
        "vae": vae,
        "text_encoder": CLIPTextModel(text),
        "tokenizer": tiny_tokenizer(),
        "scheduler": DDIMScheduler(clip_sample=False, steps_offset=1),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }


def tiny_tokenizer() -> Any:
    """A tokenizer that knows single letters."""
    from transformers import CLIPTokenizer
    from transformers.models.clip import tokenization_clip

    bytes_to_unicode = getattr(tokenization_clip, "bytes_to_unicode", None)
    letters = list((bytes_to_unicode or _letters)().values())
    tokens = [*letters, *(f"{one}</w>" for one in letters), "<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vocab.json").write_text(json.dumps({token: at for at, token in enumerate(tokens)}))
        (folder / "merges.txt").write_text("#version: 0.2\n")
        return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


def _letters() -> dict[int, str]:
    return {code: chr(code) for code in range(33, 127)}


if __name__ == "__main__":
    main()
