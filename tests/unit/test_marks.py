"""Declared marks out of fields and out of real files, and where they contradict other evidence."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from provenance.detect import marks
from provenance.detect.generators import named_generator
from provenance.evidence import Claims, Credential, CredentialState, SourceType
from provenance.media.asset import MediaType
from provenance.media.metadata import MAX_FIELDS, Field, Place, read_fields, user_comment, xmp_fields
from provenance.settings import Limits

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" {attributes}>{elements}
</rdf:Description></rdf:RDF></x:xmpmeta>"""
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
A1111 = "a castle\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: dreamy_v8"
COMFY = json.dumps(
    {"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl.safetensors"}}}
)
AIGC = json.dumps({"Label": "1", "ContentProducer": "Example AI", "ProduceID": "7"})
JOB = "a red fox --v 6.1 Job ID: 0f3b7c1e-1b2d-4c3e-9f00-0123456789ab"


def text(name, value):
    return Field(Place.TEXT, name, value)


def exif(name, value):
    return Field(Place.EXIF, name, value)


def xmp(attributes="", elements=""):
    return xmp_fields(XMP.format(attributes=attributes, elements=elements).encode())


CASES = {
    "iptc by attribute": (
        xmp(f'Iptc4xmpExt:DigitalSourceType="{SOURCE}trainedAlgorithmicMedia"'),
        "iptc-digital-source-type",
        None,
    ),
    "iptc by element": (
        xmp(elements="<Iptc4xmpExt:DigitalSourceType>compositeSynthetic</Iptc4xmpExt:DigitalSourceType>"),
        "iptc-digital-source-type",
        None,
    ),
    "iptc by resource": (
        xmp(elements="<Iptc4xmpExt:AISystemUsed>Painter 3</Iptc4xmpExt:AISystemUsed>"),
        "iptc-ai-system",
        "Painter 3",
    ),
    "tc260 in xmp": (
        xmp(elements=f"<TC260:AIGC>{AIGC.replace(chr(34), '&quot;')}</TC260:AIGC>"),
        "tc260-aigc",
        None,
    ),
    "tc260 in png": ((text("AIGC", AIGC),), "tc260-aigc", None),
    "tc260 in a comment": (
        (exif("UserComment", json.dumps({"AIGC": json.loads(AIGC)})),),
        "tc260-aigc",
        None,
    ),
    "tc260 in a film": ((Field(Place.CONTAINER, "AIGC", AIGC),), "tc260-aigc", None),
    "web ui in png": ((text("parameters", A1111),), "sd-parameters", "dreamy_v8"),
    "web ui in jpeg": ((exif("UserComment", A1111),), "sd-parameters", "dreamy_v8"),
    "swarm": ((text("parameters", '{"sui_image_params": {"seed": 1}}'),), "sd-parameters", "SwarmUI"),
    "comfyui prompt": ((text("prompt", COMFY),), "comfyui-workflow", "sdxl.safetensors"),
    "comfyui workflow": ((text("workflow", '{"nodes": [], "links": []}'),), "comfyui-workflow", "ComfyUI"),
    "comfyui in webp": ((exif("Model", "prompt:" + COMFY),), "comfyui-workflow", "sdxl.safetensors"),
    "invokeai": ((text("invokeai_metadata", '{"model": {"name": "flux-dev"}}'),), "invokeai", "flux-dev"),
    "invokeai, early": ((text("Dream", '"a fox" -s 50 -S 123'),), "invokeai", "InvokeAI"),
    "novelai": (
        (text("Software", "NovelAI"), text("Source", "NovelAI V4 37442FCA")),
        "novelai",
        "NovelAI V4 37442FCA",
    ),
    "midjourney": ((text("Description", JOB),), "midjourney", "Midjourney"),
    "grok": (
        (
            exif("ImageDescription", "Signature: " + "A" * 60),
            exif("Artist", "0f3b7c1e-1b2d-4c3e-9f00-0123456789ab"),
        ),
        "xai-signature",
        "Grok",
    ),
    "google": (
        xmp('photoshop:Credit="Made with Google AI" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'),
        "google-ai-credit",
        "Google AI",
    ),
    "software": ((exif("Software", "Adobe Firefly 3"),), "generator-name", "Adobe Firefly"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_mark_is_read_and_says_who_could_have_written_it(name):
    fields, kind, model = CASES[name]
    [mark, *_] = [one for one in marks.marks_of(fields) if one.kind == kind]
    assert mark.synthetic
    assert mark.forgeable
    assert "anybody" in mark.author
    assert mark.model == model


@pytest.mark.parametrize(
    "field",
    [
        exif("Software", "Adobe Photoshop 27.1"),
        exif("Software", "Capture One"),
        exif("ImageDescription", "a talk about Midjourney and Stable Diffusion"),
        text("Comment", "prompt: please crop"),
        text("parameters", "exposure 1/60"),
        text("prompt", "not json"),
        text("workflow", '{"steps": 3}'),
        text("AIGC", '{"Label": "9"}'),
        text("AIGC", "[" * 100_000),
        exif("UserComment", '{"AIGC": 5}'),
        exif("Artist", "0f3b7c1e-1b2d-4c3e-9f00-0123456789ab"),
        text("Dream", "I had one"),
        exif("Software", "flux"),
    ],
)
def test_what_only_mentions_a_generator_is_no_mark(field):
    assert marks.marks_of((field,)) == ()


def test_a_captured_source_type_is_a_mark_that_declares_no_synthesis():
    [mark] = marks.marks_of(xmp(f'Iptc4xmpExt:DigitalSourceType="{SOURCE}digitalCapture"'))
    assert not mark.synthetic
    assert marks.marks_of(xmp('Iptc4xmpExt:DigitalSourceType="madeUp"')) == ()


def test_names_are_whole_words():
    assert named_generator("ComfyUI 0.3") == "ComfyUI"
    assert named_generator("xcomfyuix") is None
    assert named_generator("OpenAI-API") == "OpenAI"


def test_conflicts_are_named():
    saying = marks.marks_of((text("parameters", A1111), text("Description", JOB)))
    held = Credential(CredentialState.TRUSTED, claims=Claims(source_types=(SourceType.DIGITAL_CAPTURE,)))
    told = marks.conflicts(saying, held, None)
    assert any("declare digitalCapture" in one for one in told)
    assert any("different generators: dreamy_v8 and Midjourney" in one for one in told)
    assert marks.conflicts(saying[:1], Credential(CredentialState.ABSENT), None) == ()
    both = (*saying[:1], *marks.marks_of(xmp(f'Iptc4xmpExt:DigitalSourceType="{SOURCE}digitalCapture"')))
    assert any(
        "another declares synthesis" in one
        for one in marks.conflicts(both, Credential(CredentialState.ABSENT), None)
    )


# --- out of files ----------------------------------------------------------------------------------------


def picture():
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))


def saved(name, **options):
    file = io.BytesIO()
    picture().save(file, name, **options)
    return file


def test_png_text_is_read():
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", A1111)
    info.add_itxt("XML:com.adobe.xmp", XMP.format(attributes='xmp:CreatorTool="Adobe Firefly"', elements=""))
    fields = read_fields(saved("PNG", pnginfo=info), MediaType.PNG, Limits())
    assert {mark.kind for mark in marks.marks_of(fields)} == {"sd-parameters", "generator-name"}


@pytest.mark.parametrize(
    ("name", "kind"), [("JPEG", MediaType.JPEG), ("WEBP", MediaType.WEBP), ("AVIF", MediaType.AVIF)]
)
def test_exif_and_xmp_are_read(name, kind):
    data = Image.Exif()
    data[0x0131] = "InvokeAI"
    data.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode("utf-16-be")
    packet = XMP.format(
        attributes='Iptc4xmpExt:DigitalSourceType="trainedAlgorithmicMedia"', elements=""
    ).encode()
    fields = read_fields(saved(name, exif=data.tobytes(), xmp=packet), kind, Limits())
    found = {mark.kind for mark in marks.marks_of(fields)}
    assert found == {"generator-name", "sd-parameters", "iptc-digital-source-type"}


def test_iptc_credit_is_read():
    line = b"Made with Google AI"
    block = b"\x1c\x02\x6e" + len(line).to_bytes(2, "big") + line
    resource = b"8BIM\x04\x04\0\0" + len(block).to_bytes(4, "big") + block + b"\0" * (len(block) % 2)
    segment = b"Photoshop 3.0\0" + resource
    jpeg = saved("JPEG").getvalue()
    made = jpeg[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]
    fields = read_fields(io.BytesIO(made), MediaType.JPEG, Limits())
    assert [mark.kind for mark in marks.marks_of(fields)] == ["google-ai-credit"]


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_user_comments_of_both_byte_orders(order):
    assert user_comment(b"UNICODE\0" + "Steps: 20".encode(order)) == "Steps: 20"
    assert user_comment(b"ASCII\0\0\0plain\0") == "plain"
    assert user_comment("as text\0") == "as text"


def test_sr12_xmp_with_a_document_type_or_too_deep_is_not_followed():
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]>' + XMP.format(attributes="", elements="&b;").encode()
    assert xmp_fields(bomb) == []
    assert xmp_fields(b"<a>" * 50_000) == []
    assert xmp_fields(b"<a>" + b"x" * 2_000_000 + b"</a>") == []
    deep = b"<a>" * 500 + b"hidden" + b"</a>" * 500
    assert xmp_fields(deep) == []


def test_sr12_fields_are_bounded():
    info = PngImagePlugin.PngInfo()
    for number in range(MAX_FIELDS + 50):
        info.add_text(f"key{number}", "x")
    assert len(read_fields(saved("PNG", pnginfo=info), MediaType.PNG, Limits())) == MAX_FIELDS
