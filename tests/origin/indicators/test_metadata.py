"""Texts of generators, source types, labels, camera tags and traces of photographs, in files made by code."""

from __future__ import annotations

import json

import pytest

from firstlight.origin import Claim, ForgeableBy
from firstlight.origin.examination import examine_bytes
from origin.making import (
    A1111,
    exif_segment,
    itxt,
    jpeg,
    jpeg_with,
    png,
    png_with,
    segment,
    signs,
    source_type_xmp,
    text,
    tiff,
    webp,
    xmp_packet,
    xmp_segment,
    ztxt,
)

CANARY = "cabbage on a table"
GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 5}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": f"a {CANARY}"}},
}
GOOGLE = "<photoshop:Credit>Made with Google AI</photoshop:Credit>"
UUID = "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"


def unicode_comment(value: str, encoding: str) -> bytes:
    return b"UNICODE\0" + value.encode(encoding)


MARKED = {
    "a1111 in a PNG": (png_with(text("parameters", A1111)), "automatic1111"),
    "a1111 deflated": (png_with(ztxt("parameters", A1111.encode())), "automatic1111"),
    "a1111 international": (png_with(itxt("parameters", A1111.encode(), deflate=True)), "automatic1111"),
    "a1111 after the picture": (png_with(text("parameters", A1111), at_end=True), "automatic1111"),
    "a1111 UTF-16 LE": (
        jpeg_with(exif_segment(tiff(camera={0x9286: unicode_comment(A1111, "utf-16-le")}))),
        "automatic1111",
    ),
    "a1111 UTF-16 BE": (
        jpeg_with(exif_segment(tiff(camera={0x9286: unicode_comment(A1111, "utf-16-be")}))),
        "automatic1111",
    ),
    "a1111 big-endian tags": (
        jpeg_with(exif_segment(tiff(camera={0x9286: unicode_comment(A1111, "utf-16-be")}, order=">"))),
        "automatic1111",
    ),
    "a1111 ASCII": (jpeg_with(exif_segment(tiff(camera={0x9286: b"ASCII\0\0\0" + A1111.encode()}))), "automatic1111"),
    "a1111 bare": (jpeg_with(exif_segment(tiff(camera={0x9286: A1111.encode()}))), "automatic1111"),
    "a1111 in the first directory": (
        jpeg_with(exif_segment(tiff({0x9286: unicode_comment(A1111, "utf-16-le")}))),
        "automatic1111",
    ),
    "a1111 in a WebP": (webp(exif=b"Exif\0\0" + tiff(camera={0x9286: A1111.encode()})), "automatic1111"),
    "a1111 in a comment": (jpeg(comment=A1111.encode()), "automatic1111"),
    "swarmui": (png_with(text("parameters", json.dumps({"sui_image_params": {"prompt": CANARY}}))), "swarmui"),
    "comfyui prompt": (png_with(text("prompt", json.dumps(GRAPH))), "comfyui"),
    "comfyui workflow": (
        png_with(text("workflow", json.dumps({"nodes": [{"id": 1, "type": "KSampler"}]}))),
        "comfyui",
    ),
    "comfyui in a WebP": (webp(exif=tiff({0x010F: "prompt:" + json.dumps(GRAPH)})), "comfyui"),
    "invokeai": (png_with(text("invokeai_metadata", json.dumps({"positive_prompt": CANARY}))), "invokeai"),
    "fooocus": (png_with(text("fooocus_scheme", "fooocus")), "fooocus"),
    "novelai": (png_with(text("Software", "NovelAI"), text("Description", CANARY)), "novelai"),
    "midjourney": (png_with(text("Description", f"a {CANARY} --v 6 Job ID: {UUID}")), "midjourney"),
    "drawthings": (
        png_with(
            itxt(
                "XML:com.adobe.xmp",
                xmp_packet(
                    f"<exif:UserComment><rdf:Alt><rdf:li xml:lang='x-default'>"
                    f'{{"c": "{CANARY}", "sampler": "Euler", "steps": 8, "seed": 1, "scale": 4}}'
                    f"</rdf:li></rdf:Alt></exif:UserComment>"
                ),
            )
        ),
        "drawthings",
    ),
    "tensor.art": (png_with(text("generation_data", json.dumps({"models": [], "prompt": CANARY}))), "tensor-art"),
    "hugging face": (png_with(text("hf-job-id", UUID)), "hf-space"),
    "grok": (jpeg_with(exif_segment(tiff({0x013B: UUID, 0x010E: "Signature: " + "Ab3+" * 20}))), "grok"),
    "ideogram": (jpeg_with(exif_segment(tiff({0x010F: "Ideogram AI"}))), "ideogram"),
    "google": (jpeg_with(xmp_segment(xmp_packet(GOOGLE))), "google-ai"),
    "google in IIM": (
        jpeg_with(segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x18\x1c\x02\x6e\0\x13Made with Google AI")),
        "google-ai",
    ),
}


@pytest.mark.parametrize("name", MARKED)
def test_each_generators_text_is_told_by_its_form(name: str) -> None:
    data, mark = MARKED[name]
    sign = signs(data)["metadata.generator_text"]
    assert sign.facts["mark"] == mark
    assert (sign.claim, sign.forgeable_by, sign.strength.low) == (Claim.SYNTHETIC, ForgeableBy.ANYONE, 0)


@pytest.mark.parametrize("name", MARKED)
def test_no_word_of_a_text_is_repeated(name: str) -> None:
    """Instructions may name a child or be unlawful themselves: only the form that was seen is told."""
    said = " ".join(sign.model_dump_json() for sign in examine_bytes(MARKED[name][0]))
    assert "cabbage" not in said
    assert "table" not in said
    assert UUID not in said


@pytest.mark.parametrize(
    "data",
    [
        png(),
        jpeg(),
        webp(),
        png_with(text("prompt", "Please enter your name")),
        png_with(text("prompt", json.dumps({"question": "name?"}))),
        png_with(text("Comment", "Steps: 3 to the garden")),
        png_with(text("Software", "Adobe Photoshop 26")),
        png_with(text("Description", "a reverie in green")),
        png_with(text("Software", "Revere Scanner")),
        jpeg_with(exif_segment(tiff({0x010E: "Signature: J. Baker"}))),
        jpeg_with(exif_segment(tiff({0x0131: "GIMP 3"}))),
    ],
)
def test_ordinary_texts_make_no_sign(data: bytes) -> None:
    assert signs(data) == {}


def test_two_pictures_in_a_row_never_share_metadata() -> None:
    marked, camera = MARKED["a1111 UTF-16 LE"][0], jpeg(4)
    for _ in range(60):
        assert examine_bytes(marked)
        assert examine_bytes(camera) == ()


# --- traces of a photograph ---


@pytest.mark.parametrize(
    ("settings", "traces"),
    [
        (A1111, ""),
        (A1111 + ", Denoising strength: 0.5, Hires upscale: 2, Hires steps: 10", ""),
        (A1111 + ", Denoising strength: 0.75", "image to image"),
        (A1111 + ", Denoising strength: 0.4, Mask blur: 4", "image to image, inpainting"),
        (A1111 + ', ControlNet 0: "Module: canny"', "control by a picture"),
        (A1111 + ", IP-Adapter: plus", "image prompt"),
        (A1111 + ", Face Swap: on", "face swap"),
        (A1111 + ", ReActor: 1", "face swap"),
        (A1111.replace("cabbage", "cabbage <lora:garden:1>"), "trained addition"),
    ],
)
def test_settings_that_start_from_a_picture_are_traces(settings: str, traces: str) -> None:
    said = signs(png_with(text("parameters", settings)))
    if not traces:
        assert "metadata.photo_input" not in said
    else:
        assert said["metadata.photo_input"].facts["traces"] == traces
        assert said["metadata.photo_input"].claim is Claim.PHOTO_DERIVED


@pytest.mark.parametrize(
    ("node", "trace"),
    [
        ("LoadImage", "picture loaded"),
        ("LoadImageMask", "inpainting, picture loaded"),
        ("VAEEncode", "image to image"),
        ("VAEEncodeForInpaint", "image to image, inpainting"),
        ("IPAdapterUnifiedLoader", "image prompt"),
        ("ApplyInstantID", "identity of a person"),
        ("PulidFluxModelLoader", "identity of a person"),
        ("ReActorFaceSwap", "face swap"),
        ("LoraLoader", "trained addition"),
        ("ControlNetApplyAdvanced", "control by a picture"),
    ],
)
def test_nodes_of_a_graph_are_traces(node: str, trace: str) -> None:
    graph = {**GRAPH, "9": {"class_type": node, "inputs": {"image": f"{CANARY}.jpg"}}}
    sign = signs(png_with(text("prompt", json.dumps(graph))))["metadata.photo_input"]
    assert sign.facts["traces"] == trace
    assert "cabbage" not in sign.model_dump_json()


@pytest.mark.parametrize(
    ("field", "settings", "trace"),
    [
        ("parameters", {"imageToImageStrength": 0.4}, "image to image"),
        ("invokeai_metadata", {"generation_mode": "img2img"}, "image to image"),
        ("invokeai_metadata", {"ipAdapters": [{"weight": 1}]}, "image prompt"),
        ("invokeai_metadata", {"loras": []}, ""),
        ("invokeai_graph", {"nodes": {"a": {"type": "i2l"}, "b": {"type": "l2i"}, "c": 3}}, "image to image"),
        ("Comment", {"request_type": "Img2ImgRequest", "sampler": "k", "uc": "", "steps": 28}, "image to image"),
        ("parameters", {"sui_image_params": {"initimage": "x.png"}}, "image to image"),
    ],
)
def test_settings_written_as_json_are_read(field: str, settings: dict[str, object], trace: str) -> None:
    said = signs(png_with(text(field, json.dumps(settings))))
    assert (said["metadata.photo_input"].facts["traces"] if trace else "") == trace
    assert bool(trace) is ("metadata.photo_input" in said)


def test_a_midjourney_prompt_that_begins_with_an_address_is_a_trace() -> None:
    value = f"https://pictures.example/1.png a {CANARY} --cref x Job ID: {UUID}"
    sign = signs(png_with(text("Description", value)))["metadata.photo_input"]
    assert sign.facts["traces"] == "identity of a person, image prompt"
    assert "pictures.example" not in sign.model_dump_json()


def test_a_cameras_tags_beside_a_generators_text_raise() -> None:
    tags = tiff({0x010F: "Canon", 0x0110: "Canon EOS"}, {0x9286: b"ASCII\0\0\0" + A1111.encode()})
    said = signs(jpeg_with(exif_segment(tags)))
    assert said["metadata.camera_beside_generator"].claim is Claim.PHOTO_DERIVED
    assert "metadata.generator_text" in said


def test_a_telephones_edit_by_a_generator_is_a_trace() -> None:
    record = b'PhotoEditor_Re_Edit_Data{"originalPath": "x", "genAIType" : 1}'
    assert signs(jpeg() + record)["metadata.phone_ai_edit"].claim is Claim.PHOTO_DERIVED
    assert signs(jpeg() + record.replace(b"1}", b"0}")) == {}
    assert signs(jpeg() + b'{"genAIType": 1}') == {}


# --- source types, labels ---


@pytest.mark.parametrize(
    ("value", "name", "claim"),
    [
        ("trainedAlgorithmicMedia", "model", Claim.SYNTHETIC),
        ("compositeWithTrainedAlgorithmicMedia", "model_on_picture", Claim.PHOTO_DERIVED),
        ("algorithmicMedia", "computed", Claim.SYNTHETIC),
        ("digitalCapture", "captured", Claim.CAMERA),
        ("positiveFilm", "scanned", Claim.CAMERA),
        ("humanEdits", "edited", Claim.EDITED),
    ],
)
def test_a_source_type_in_xmp_is_somebodys_word(value: str, name: str, claim: Claim) -> None:
    for data in (jpeg_with(xmp_segment(source_type_xmp(value))), webp(xmp=source_type_xmp(value))):
        (sign,) = signs(data).values()
        assert (sign.name, sign.claim) == (f"metadata.source_type.{name}", claim)
        assert sign.forgeable_by is ForgeableBy.ANYONE


def test_a_source_type_that_says_nothing_makes_no_sign() -> None:
    assert signs(jpeg_with(xmp_segment(source_type_xmp("digitalCreation")))) == {}


def test_it_is_read_as_attribute_and_as_resource_too() -> None:
    address = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    resource = xmp_packet(f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{address}"/>')
    attribute = xmp_packet("", f'Iptc4xmpExt:DigitalSourceType="{address}"')
    for packet in (resource, attribute):
        assert set(signs(jpeg_with(xmp_segment(packet)))) == {"metadata.source_type.model"}


def test_fields_that_name_an_ai_system_are_seen_and_not_repeated() -> None:
    packet = xmp_packet(f"<Iptc4xmpExt:AIPromptInformation>a {CANARY}</Iptc4xmpExt:AIPromptInformation>")
    (sign,) = signs(jpeg_with(xmp_segment(packet))).values()
    assert sign.name == "metadata.source_type.ai_fields"
    assert "cabbage" not in sign.model_dump_json()


LABEL = '{"AIGC": {"Label": "1", "ContentProducer": "CODE-77"}}'


@pytest.mark.parametrize(
    "data",
    [
        png_with(text("AIGC", LABEL)),
        jpeg_with(exif_segment(tiff(camera={0x9286: b"ASCII\0\0\0" + LABEL.encode()}))),
        jpeg_with(exif_segment(tiff({0x010E: LABEL}))),
        jpeg_with(segment(0xE9, b'AIGC{"Label":"1"}')),
        jpeg_with(
            xmp_segment(
                xmp_packet(
                    "<TC260:AIGC>{&quot;Label&quot;:&quot;1&quot;}</TC260:AIGC>",
                    'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"',
                )
            )
        ),
    ],
)
def test_the_aigc_label_is_read_wherever_it_may_stand(data: bytes) -> None:
    (sign,) = signs(data).values()
    assert (sign.name, sign.facts["label"]) == ("metadata.aigc_label", "generated")
    assert "CODE-77" not in sign.model_dump_json()


# --- cameras ---


def test_a_cameras_tags_are_a_lead_that_anyone_can_forge() -> None:
    tags = tiff({0x010F: "NIKON CORPORATION", 0x0110: "Z 9"}, {0x9003: "2026:01:01 10:00:00"}, {1: "N"})
    (sign,) = signs(jpeg_with(exif_segment(tags))).values()
    assert (sign.name, sign.claim, sign.forgeable_by) == ("camera.tags", Claim.CAMERA, ForgeableBy.ANYONE)
    assert (sign.facts["make"], sign.facts["place"], sign.facts["serial_number"]) == ("Nikon", True, False)


@pytest.mark.parametrize(
    ("notes", "name"), [(b"Nikon\0\x02\x10" + bytes(80), "camera.maker_note"), (b"x" * 80, "camera.tags")]
)
def test_the_makers_own_notes_have_to_fit_the_maker(notes: bytes, name: str) -> None:
    tags = tiff({0x010F: "NIKON CORPORATION", 0x0110: "Z 9"}, {0x927C: notes})
    assert set(signs(jpeg_with(exif_segment(tags)))) == {name}


def test_an_unknown_makers_name_is_not_repeated() -> None:
    tags = tiff({0x010F: f"a {CANARY}", 0x0110: "x"})
    assert signs(jpeg_with(exif_segment(tags))) == {}
