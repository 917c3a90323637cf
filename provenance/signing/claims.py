"""What a publisher says about an asset, as a C2PA manifest definition. Pure: no engine, no clock, no keys."""

from __future__ import annotations

import base64
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version
from typing import Any

from provenance.errors import InputError, LimitError
from provenance.evidence import SourceType

#: Longest text taken from or written into a manifest, characters. Source: security.md SR-18.
MAX_TEXT = 1024
#: Longest soft-binding value, bytes: the longest ISCC is below 100; more would be a covert channel.
MAX_SOFT_BINDING = 1024
#: The only open fingerprint of the C2PA soft-binding list that covers picture, film and sound.
SOFT_BINDING_ALGORITHM = "io.iscc.v0"
#: Name of the tool in every manifest.
GENERATOR = "content-provenance"
#: Actions assertion of claim version 2. Source: C2PA Technical Specification 2.1, 18.15.
ACTIONS_LABEL = "c2pa.actions.v2"
METADATA_LABEL = "cawg.metadata"
TRAINING_LABEL = "cawg.training-mining"
SOFT_BINDING_LABEL = "c2pa.soft-binding"
#: Uses named by the CAWG training and data mining assertion 1.1, section 2.
TRAINING_USES = ("cawg.ai_training", "cawg.ai_generative_training", "cawg.ai_inference", "cawg.data_mining")
#: Bidirectional controls reorder what a reader sees (CVE-2021-42574); separators break lines in logs.
_REMOVED = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_SPACES = frozenset("\t\n\v\f\r\x85\u2028\u2029")


class TrainingPolicy(StrEnum):
    """What the publisher allows for AI training and data mining; applies to all four uses."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "notAllowed"


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What the publisher says about one asset. All text is cleaned by :func:`clean_text`.

    Attributes:
        title: Title, 1..1024 characters.
        source_type: How the content came to be.
        author: Author, or None.
        model: Generating model; demanded for content declared synthetic unless ``no_model_reason`` is given.
        no_model_reason: Why the model is not named; stands in the manifest.
        training: Permission for training and data mining, or None to say nothing.
        soft_binding: Value of the ``io.iscc.v0`` soft binding, 1..1024 bytes, or None.

    Raises:
        InputError: A text is empty after cleaning, the model of synthetic content is neither named nor
            declined, or both were given.
        LimitError: A text or the soft binding is too long.
    """

    title: str
    source_type: SourceType
    author: str | None = None
    model: str | None = None
    no_model_reason: str | None = None
    training: TrainingPolicy | None = None
    soft_binding: bytes | None = None

    def __post_init__(self) -> None:
        for name in ("title", "author", "model", "no_model_reason"):
            text = getattr(self, name)
            if text is not None:
                object.__setattr__(self, name, _checked(name, text))
        if self.model is not None and self.no_model_reason is not None:
            raise InputError(
                "expected a model or a reason for not naming it, found both",
                hint="give --model NAME or --no-model-reason TEXT, not both",
            )
        if self.source_type.synthetic and self.model is None and self.no_model_reason is None:
            raise InputError(
                f"expected the generating model of {self.source_type.value} content, found none",
                hint="give --model NAME, or --no-model-reason TEXT to say why it is not named",
            )
        if self.soft_binding is not None and not 0 < len(self.soft_binding) <= MAX_SOFT_BINDING:
            raise LimitError(
                f"expected a soft binding of 1 to {MAX_SOFT_BINDING} bytes, found {len(self.soft_binding)}",
                hint="give the ISCC of the file",
            )


def clean_text(text: str, *, limit: int = MAX_TEXT) -> str:
    """Return ``text`` safe to show: NFC, no controls, no bidirectional overrides, no lone surrogates.

    Line breaks and tabs become single spaces, other C0 and C1 controls, bidirectional controls and lone
    surrogates vanish, and what is longer than ``limit`` ends in an ellipsis. Markup stays as it is: escaping
    belongs to whoever writes HTML, CSV or a terminal.

    Args:
        text: Any text, most of all text out of a media file.
        limit: Most characters of the result.

    Source: security.md SR-18; Unicode Technical Report 36, section 2.
    """
    # A hostile file may hold megabytes: normalising is bounded to what could still be shown (NFC never turns
    # more than 18 characters into one; 32 leaves room).
    bounded = text[: limit * 32]
    kept = []
    for char in bounded:
        if char in _SPACES:
            kept.append(" ")
        elif char not in _REMOVED and unicodedata.category(char) not in ("Cc", "Cs"):
            kept.append(char)
    cleaned = unicodedata.normalize("NFC", "".join(kept)).strip()
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def build_definition(request: SigningRequest, when: datetime) -> dict[str, Any]:
    """Return the manifest definition of ``request`` in the engine's JSON form.

    Args:
        request: What the publisher says.
        when: Claimed time of the action, aware UTC; it is shown as a claim, never as proof of time.

    Returns:
        A definition for a new work, claim version 2. :func:`as_edit` turns it into one for a work that
        already carries credentials.
    """
    assertions = [_actions(request, when), _metadata(request)]
    if request.training is not None:
        entries = {use: {"use": request.training.value} for use in TRAINING_USES}
        assertions.append(_assertion(TRAINING_LABEL, {"entries": entries}))
    if request.soft_binding is not None:
        value = base64.b64encode(request.soft_binding).decode("ascii")
        block = {"scope": {}, "value": value}
        assertions.append(_assertion(SOFT_BINDING_LABEL, {"alg": SOFT_BINDING_ALGORITHM, "blocks": [block]}))
    return {
        "claim_version": 2,
        "claim_generator_info": [{"name": GENERATOR, "version": version(GENERATOR)}],
        "title": request.title,
        "assertions": assertions,
    }


def as_edit(definition: dict[str, Any]) -> dict[str, Any]:
    """Return ``definition`` for a source that already carries a manifest.

    The engine puts ``c2pa.opened`` with the earlier manifest as parent first; what was declared as creation
    becomes an edit. Without this the earlier manifest would vanish (measured with c2pa-rs 0.91.3).
    """
    assertions = []
    for assertion in definition["assertions"]:
        if assertion["label"] != ACTIONS_LABEL:
            assertions.append(assertion)
            continue
        actions = [
            {**action, "action": "c2pa.edited"} if action["action"] == "c2pa.created" else action
            for action in assertion["data"]["actions"]
        ]
        assertions.append({**assertion, "data": {**assertion["data"], "actions": actions}})
    return {**definition, "assertions": assertions}


def _checked(name: str, text: str) -> str:
    # A publisher's text is never shortened silently; text that others wrote is (clean_text).
    cleaned = clean_text(text, limit=len(text) * 4 + 1)
    if not cleaned:
        raise InputError(f"expected text for {name}, found none", hint=f"give a {name} or leave it out")
    if len(cleaned) > MAX_TEXT:
        raise LimitError(
            f"expected at most {MAX_TEXT} characters for {name}, found {len(cleaned)}",
            hint=f"shorten the {name}",
        )
    return cleaned


def _assertion(label: str, content: dict[str, Any]) -> dict[str, Any]:
    # "created" attributes the assertion to the signer; without it the engine files it as gathered hearsay.
    return {"label": label, "created": True, "data": content}


def _actions(request: SigningRequest, when: datetime) -> dict[str, Any]:
    action: dict[str, Any] = {
        "action": "c2pa.created",
        "when": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "digitalSourceType": request.source_type.uri,
    }
    if request.model is not None:
        action["softwareAgent"] = {"name": request.model}
    if request.no_model_reason is not None:
        action["description"] = f"model not named: {request.no_model_reason}"
    return _assertion(ACTIONS_LABEL, {"actions": [action]})


def _metadata(request: SigningRequest) -> dict[str, Any]:
    content: dict[str, Any] = {
        "@context": {"dc": "http://purl.org/dc/elements/1.1/"},
        "dc:title": request.title,
    }
    if request.author is not None:
        content["dc:creator"] = [request.author]
    return _assertion(METADATA_LABEL, content)
