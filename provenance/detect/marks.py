"""Declared marks: what a file's own fields say about synthesis, who could have written it, and what contradicts.

Pure: fields in, marks out. A mark is a claim. A field counts only where a tool or a standard gives it one
meaning; a picture that merely mentions a generator in its caption carries no mark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from provenance.detect.generators import named_generator
from provenance.detect.watermark import Watermark
from provenance.evidence import Credential, Mark, Record, SourceType
from provenance.media.asset import MediaType
from provenance.media.metadata import Field, Place, by_name, local_name

#: Longest text of a mark, characters; prompts run to thousands, a reader needs the start.
MAX_SAYS: Final = 240
#: Types whose pixels are stored without loss: the pixel watermark survives nothing else.
LOSSLESS: Final = (MediaType.PNG, MediaType.TIFF)
#: Most pixels of a picture searched for the watermark: generators that write it make up to 2048 x 2048.
WATERMARK_PIXELS: Final = 2048 * 2048
_ANYBODY: Final = "anybody with a metadata editor"
_TOOL: Final = "the generating tool, or anybody with a metadata editor"


def marks_of(fields: Sequence[Field]) -> tuple[Mark, ...]:
    """Return the marks that the fields of one file amount to, each once, in a fixed order.

    Args:
        fields: Text fields of the file, as :func:`provenance.media.metadata.read_fields` gives them.
    """
    found: dict[tuple[str, str], Mark] = {}
    for reader in _READERS:
        for mark in reader(fields):
            found.setdefault((mark.kind, mark.says), mark)
    return tuple(found.values())


def of_watermark(found: Watermark | None) -> tuple[Mark, ...]:
    """Return the mark that a watermark in the pixels amounts to, none where none was read."""
    if found is None:
        return ()
    part = ", in a part cut out of a larger picture" if found.cropped else ""
    says = f"{found.generator} watermark in the pixels, {found.right} of {found.bits} bits{part}"
    author = "the generating tool, or somebody who runs the watermark's public program"
    return (Mark("sd-watermark", says, True, True, found.generator, author, forgeable=True),)


def conflicts(marks: Sequence[Mark], credential: Credential, record: Record | None) -> tuple[str, ...]:
    """Return, as sentences without a full stop, where marks and other evidence tell different stories.

    Args:
        marks: Marks of the file.
        credential: Its credential; its claims are compared only while it holds.
        record: The registered asset that the file was confirmed to be a copy of, or None.
    """
    made = []
    saying = [mark for mark in marks if mark.synthetic]
    declared = credential.claims.source_types if credential.holds else ()
    if saying and declared and not any(kind.synthetic for kind in declared):
        made.append(
            f"the Content Credentials declare {declared[0].value}, "
            f"but the file also carries a mark of synthesis ({saying[0].kind})"
        )
    if saying and record is not None and not record.source_type.synthetic:
        made.append(
            f"the file carries a mark of synthesis ({saying[0].kind}), but the registered record of the same "
            f"content declares {record.source_type.value}; anybody can add such a mark"
        )
    captured = [mark for mark in marks if mark.kind == "iptc-digital-source-type" and not mark.synthetic]
    if saying and captured:
        made.append(f"one field declares {captured[0].says}, another declares synthesis ({saying[0].kind})")
    models = list(dict.fromkeys(mark.model for mark in saying if mark.model))
    if len(models) > 1:
        made.append(f"the marks name different generators: {' and '.join(models[:4])}")
    return tuple(made)


def _mark(kind: str, says: str, *, generator: bool, model: str | None = None) -> Mark:
    author = _TOOL if generator else _ANYBODY
    shown = None if model is None else " ".join(model.split())[:MAX_SAYS]
    return Mark(kind, " ".join(says.split())[:MAX_SAYS], True, generator, shown, author)


# --- standards -------------------------------------------------------------------------------------------

_IPTC_URI: Final = re.compile(r"https?://cv\.iptc\.org/newscodes/digitalsourcetype/([A-Za-z]{3,60})/?")


def _source_type(fields: Sequence[Field]) -> Iterator[Mark]:
    """IPTC Photo Metadata 2025.1: DigitalSourceType, by URI or by its last part."""
    for value in by_name(fields, Place.XMP, "DigitalSourceType"):
        stated = _IPTC_URI.fullmatch(value.strip())
        name = stated.group(1) if stated else value.strip()
        if name not in {one.value for one in SourceType}:
            continue
        synthetic = SourceType(name).synthetic
        yield Mark("iptc-digital-source-type", name, synthetic, generator=False)


def _ai_system(fields: Sequence[Field]) -> Iterator[Mark]:
    """IPTC Photo Metadata 2025.1: AISystemUsed names the generator."""
    for value in by_name(fields, Place.XMP, "AISystemUsed"):
        if value.strip():
            text = f"AI system used: {value}"
            yield _mark("iptc-ai-system", text, generator=False, model=value)


def _tc260(fields: Sequence[Field]) -> Iterator[Mark]:
    """China's labelling rule GB 45438-2025: a JSON value AIGC with Label 1 (is), 2 (may be), 3 (suspected)."""
    words = {"1": "is generated", "2": "may be generated", "3": "is suspected to be generated"}
    for field in fields:
        stated = _aigc(field)
        label = str(stated.get("Label", ""))
        if label in words:
            producer = str(stated.get("ContentProducer", "")).strip()
            text = f"AIGC label {label}: content {words[label]}" + (
                f", producer {producer}" if producer else ""
            )
            yield _mark("tc260-aigc", text, generator=False)


def _aigc(field: Field) -> dict[str, Any]:
    """Return the label of a field named AIGC, or of a JSON text that holds one; empty where there is none."""
    if local_name(field.name).upper() == "AIGC":
        return _json(field.value)
    if '"AIGC"' not in field.value[:4096]:
        return {}
    inner = _json(field.value).get("AIGC")
    if isinstance(inner, str):
        return _json(inner)
    return inner if isinstance(inner, dict) else {}


# --- generation parameters -------------------------------------------------------------------------------

_A1111: Final = re.compile(r"\bSteps: \d+, .*\b(?:Sampler|CFG scale|Seed): ", re.DOTALL)
_A1111_MODEL: Final = re.compile(r"\bModel: ([^,\n]{1,120})")


def _parameters(fields: Sequence[Field]) -> Iterator[Mark]:
    """Stable Diffusion web UIs: ``parameters`` in PNG, the user comment in JPEG and WebP."""
    texts = by_name(fields, Place.TEXT, "parameters") + by_name(fields, Place.EXIF, "UserComment")
    for text in texts:
        if _A1111.search(text[:65536]):
            model = _A1111_MODEL.search(text[:65536])
            name = model.group(1) if model else None
            says = f"generation parameters of a Stable Diffusion web UI: {text}"
            yield _mark("sd-parameters", says, generator=True, model=name or "Stable Diffusion")
        elif isinstance(_json(text).get("sui_image_params"), dict):
            yield _mark("sd-parameters", "generation parameters of SwarmUI", generator=True, model="SwarmUI")


def _comfyui(fields: Sequence[Field]) -> Iterator[Mark]:
    """ComfyUI: a graph of nodes with ``class_type`` in ``prompt``, or a ``workflow``; EXIF in WebP."""
    texts = [(name, value) for name in ("prompt", "workflow") for value in by_name(fields, Place.TEXT, name)]
    for name in ("Make", "Model", "ImageDescription"):
        for value in by_name(fields, Place.EXIF, name):
            key, _, rest = value.partition(":")
            if key.lower() in ("prompt", "workflow"):
                texts.append((key.lower(), rest))
    texts += [(n, v) for n in ("prompt", "workflow") for v in by_name(fields, Place.CONTAINER, n)]
    for _, text in texts:
        graph = _json(text)
        nodes = [node for node in graph.values() if isinstance(node, dict) and "class_type" in node]
        if nodes or {"nodes", "links"} <= graph.keys():
            checkpoint = _checkpoint(nodes)
            says = "a ComfyUI workflow" + (f" with the model {checkpoint}" if checkpoint else "")
            yield _mark("comfyui-workflow", says, generator=True, model=checkpoint or "ComfyUI")
            return


def _checkpoint(nodes: list[dict[str, Any]]) -> str | None:
    for node in nodes:
        inputs = node.get("inputs")
        for key in ("ckpt_name", "unet_name"):
            if isinstance(inputs, dict) and isinstance(inputs.get(key), str):
                return str(inputs[key])
    return None


def _invokeai(fields: Sequence[Field]) -> Iterator[Mark]:
    """InvokeAI: ``invokeai_metadata``, before that ``sd-metadata`` and ``Dream``."""
    for name in ("invokeai_metadata", "sd-metadata"):
        for text in by_name(fields, Place.TEXT, name):
            model = _json(text).get("model")
            named = model.get("name") or model.get("model_name") if isinstance(model, dict) else model
            says = "generation parameters of InvokeAI"
            yield _mark("invokeai", says, generator=True, model=str(named) if named else "InvokeAI")
            return
    for text in by_name(fields, Place.TEXT, "Dream"):
        if " -s" in text or " -S" in text:
            yield _mark("invokeai", f"InvokeAI prompt: {text}", generator=True, model="InvokeAI")


def _novelai(fields: Sequence[Field]) -> Iterator[Mark]:
    """NovelAI: Software is NovelAI, the model hash stands in Source."""
    if "novelai" in (value.strip().lower() for value in by_name(fields, Place.TEXT, "Software")):
        source = next(iter(by_name(fields, Place.TEXT, "Source")), "")
        yield _mark("novelai", f"Software NovelAI; {source}", generator=True, model=source or "NovelAI")


_MIDJOURNEY: Final = re.compile(r"\bJob ID: [0-9a-f]{8}-[0-9a-f-]{27}")


def _midjourney(fields: Sequence[Field]) -> Iterator[Mark]:
    """Midjourney: the prompt and a job number in the description."""
    texts = [*by_name(fields, Place.TEXT, "Description"), *by_name(fields, Place.XMP, "description")]
    texts += by_name(fields, Place.EXIF, "ImageDescription")
    for text in texts:
        if _MIDJOURNEY.search(text[:65536]):
            yield _mark("midjourney", f"Midjourney prompt: {text}", generator=True, model="Midjourney")
            return


_GROK: Final = re.compile(r"Signature: [A-Za-z0-9+/=]{40,}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _grok(fields: Sequence[Field]) -> Iterator[Mark]:
    """Grok by xAI: a signature in the description and a UUID as artist."""
    described = by_name(fields, Place.EXIF, "ImageDescription") + by_name(fields, Place.EXIF, "UserComment")
    artists = by_name(fields, Place.EXIF, "Artist")
    if any(_GROK.match(text) for text in described) and any(_UUID.fullmatch(one) for one in artists):
        yield _mark("xai-signature", "signature fields of xAI's Grok", generator=True, model="Grok")


# --- tools that name themselves --------------------------------------------------------------------------

_TOOL_FIELDS: Final = (
    (Place.EXIF, ("Software", "Make", "Model", "HostComputer")),
    (Place.XMP, ("CreatorTool", "softwareAgent")),
    (Place.IPTC, ("OriginatingProgram",)),
    (Place.TEXT, ("Software", "software")),
    (Place.CONTAINER, ("encoder", "software", "encoded_by", "generator", "com.apple.quicktime.software")),
)


def _software(fields: Sequence[Field]) -> Iterator[Mark]:
    """Fields in which a tool writes its own name."""
    for place, names in _TOOL_FIELDS:
        for name in names:
            for value in by_name(fields, place, name):
                generator = named_generator(value)
                if generator is not None:
                    says = f"{place.value} {name}: {value}"
                    yield _mark("generator-name", says, generator=True, model=generator)


def _credit(fields: Sequence[Field]) -> Iterator[Mark]:
    """Google writes a fixed credit line into what its generators make."""
    for value in [*by_name(fields, Place.XMP, "Credit"), *by_name(fields, Place.IPTC, "Credit")]:
        if value.strip().lower() in ("made with google ai", "edited with google ai"):
            yield _mark("google-ai-credit", f"credit line: {value}", generator=True, model="Google AI")


def _json(text: str) -> dict[str, Any]:
    try:
        made = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return made if isinstance(made, dict) else {}


_READERS: Final[tuple[Callable[[Sequence[Field]], Iterator[Mark]], ...]] = (
    _source_type,
    _ai_system,
    _tc260,
    _parameters,
    _comfyui,
    _invokeai,
    _novelai,
    _midjourney,
    _grok,
    _credit,
    _software,
)
