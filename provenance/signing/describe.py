"""The engine's JSON reports as one plain, cleaned map. Pure; runs in a media worker.

Everything in the reports except codes comes from whoever made the file; shapes are never taken for granted.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Mapping
from typing import Any

from provenance.signing.claims import METADATA_LABEL, TRAINING_LABEL, clean_text

#: Ingredients are followed this deep. Source: security.md SR-12.
MAX_DEPTH = 32
#: Soft bindings read from one manifest; a file has a few.
MAX_SOFT_BINDINGS = 32
#: Codes of one kind and outcome that are told of one manifest: a claim may list 100,000 assertions that are not there,
#: which is as wrong as ten.
MAX_ALIKE = 64
_BINDINGS = {
    "assertion.dataHash.match": "c2pa.hash.data",
    "assertion.bmffHash.match": "c2pa.hash.bmff",
    "assertion.boxesHash.match": "c2pa.hash.boxes",
}


def describe(report: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two reports of the engine say of the active manifest and its ingredients.

    Args:
        report: The engine's summary report.
        detail: Its detailed report, which alone holds the hard binding.

    Returns:
        Keys ``state``, ``list_uri``, ``codes`` (code, outcome, address, explanation), ``manifest_id``,
        ``serial``, ``time``, ``bound`` (bytes, only if the engine confirmed the binding), ``claims``,
        ``ingredients``, ``stray`` (codes about ingredients that were not met) and ``too_deep``.
    """
    active = report["active_manifest"]
    manifest = report["manifests"][active]
    results = report.get("validation_results") or {}
    codes = _codes(results.get("activeManifest") or {})
    signature = manifest.get("signature_info") or {}
    return {
        "state": str(report.get("validation_state")),
        "list_uri": results.get("trustListUri"),
        "codes": codes,
        "manifest_id": clean_text(active),
        "serial": str(signature.get("cert_serial_number", "")),
        "time": signature.get("time"),
        "bound": _bound(codes, detail["manifests"][active].get("assertion_store") or {}),
        "claims": _claims(manifest),
        **_ingredients(report, results),
    }


#: Failures that a store without its content and without a trust list always has.
_EXPECTED_ALONE = frozenset(
    ("signingCredential.untrusted", *(code.replace(".match", ".mismatch") for code in _BINDINGS))
)


def describe_store(report: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two reports of the engine say of a manifest store that was read without its content.

    Returns:
        See :func:`provenance.signing.manifest.inspect_store`.
    """
    active = report["active_manifest"]
    codes = _codes((report.get("validation_results") or {}).get("activeManifest") or {})
    failures = [code for code, outcome, *_ in codes if outcome == "failure" and code not in _EXPECTED_ALONE]
    return {
        "found": "manifest",
        "manifest_id": clean_text(active),
        "signed": any(
            code == "claimSignature.validated" for code, outcome, *_ in codes if outcome == "success"
        ),
        "failures": failures,
        "bindings": _soft_bindings(detail["manifests"][active].get("assertion_store") or {}),
    }


def _soft_bindings(assertions: Mapping[str, Any]) -> list[list[str]]:
    found: list[list[str]] = []
    for label, assertion in assertions.items():
        if label.split("__")[0] != "c2pa.soft-binding" or not isinstance(assertion, Mapping):
            continue
        blocks = assertion.get("blocks")
        for block in blocks if isinstance(blocks, list) else ():
            value = block.get("value") if isinstance(block, Mapping) else None
            if isinstance(value, str) and isinstance(assertion.get("alg"), str):
                found.append([clean_text(assertion["alg"]), value])
    return found[:MAX_SOFT_BINDINGS]


def _codes(results: Mapping[str, Any]) -> list[list[str]]:
    """Return the codes with outcome, address and explanation; of each code the first :data:`MAX_ALIKE`."""
    found: list[list[str]] = []
    for outcome in ("success", "informational", "failure"):
        told: Counter[str] = Counter()
        for one in results.get(outcome) or []:
            code = str(one.get("code", ""))
            told[code] += 1
            if told[code] <= MAX_ALIKE:
                texts = (clean_text(str(one.get(name) or "")) for name in ("url", "explanation"))
                found.append([clean_text(code), outcome, *texts])
    return found


def _bound(codes: list[list[str]], store: Mapping[str, Any]) -> bytes | None:
    confirmed = [
        _BINDINGS[code] for code, outcome, _, _ in codes if outcome == "success" and code in _BINDINGS
    ]
    if len(confirmed) != 1:
        return None
    hashes = [
        value.get("hash")
        for label, value in store.items()
        if (label == confirmed[0] or label.startswith(confirmed[0] + ".")) and isinstance(value, dict)
    ]
    if len(hashes) != 1:
        return None
    if isinstance(hashes[0], list):
        return bytes(hashes[0])
    try:
        return base64.b64decode(str(hashes[0]), validate=True)
    except binascii.Error:
        return None


def _claims(manifest: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"actions": [], "training": [], "authors": []}
    found["title"] = _text(manifest.get("title"))
    generators = manifest.get("claim_generator_info") or [{}]
    found["generator"] = _text(
        " ".join(str(generators[0][key]) for key in ("name", "version") if key in generators[0])
        or manifest.get("claim_generator")
    )
    for assertion in manifest.get("assertions") or []:
        label, content = str(assertion.get("label", "")), assertion.get("data")
        if not isinstance(content, dict):
            continue
        if label.startswith("c2pa.actions"):
            found["actions"].extend(
                _action(one) for one in content.get("actions") or [] if isinstance(one, dict)
            )
        elif label.startswith((TRAINING_LABEL, "c2pa.training-mining")):
            entries = content.get("entries")
            found["training"].extend(_training(entries if isinstance(entries, dict) else {}))
        elif label.startswith((METADATA_LABEL, "c2pa.metadata")):
            found["authors"].extend(_names(content.get("dc:creator")))
        elif label.startswith("stds.schema-org.CreativeWork"):
            found["authors"].extend(_names(content.get("author")))
    return found


def _action(action: Mapping[str, Any]) -> dict[str, Any]:
    agent = action.get("softwareAgent")
    name = agent.get("name") if isinstance(agent, dict) else agent
    return {
        "action": _text(action.get("action")),
        "when": _text(action.get("when")),
        "source_type": _text(action.get("digitalSourceType")),
        "agent": _text(name),
    }


def _training(entries: Mapping[str, Any]) -> list[list[str]]:
    return [
        [clean_text(str(use)), clean_text(str(entry.get("use", "")))]
        for use, entry in entries.items()
        if isinstance(entry, dict)
    ]


def _names(value: Any) -> list[str]:
    many = value if isinstance(value, list) else [value]
    texts = [one.get("name") if isinstance(one, dict) else one for one in many]
    return [text for text in (_text(one) for one in texts) if text]


def _text(value: Any) -> str | None:
    return clean_text(value) or None if isinstance(value, str) else None


def _ingredients(report: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """Walk all ingredients below the active manifest and gather what was recorded and what is found now."""
    deltas: dict[str, list[list[str]]] = {}
    for one in results.get("ingredientDeltas") or []:
        uri = str(one.get("ingredientAssertionURI", ""))
        deltas.setdefault(uri, []).extend(_codes(one.get("validationDeltas") or {}))
    walked: list[dict[str, Any]] = []
    too_deep = False
    waiting = [(str(report["active_manifest"]), 1)]
    seen = {waiting[0][0]}
    while waiting:
        label, depth = waiting.pop()
        for ingredient in (report["manifests"].get(label) or {}).get("ingredients") or []:
            below = ingredient.get("active_manifest")
            address = f"self#jumbf=/c2pa/{label}/c2pa.assertions/{ingredient.get('label')}"
            recorded = (ingredient.get("validation_results") or {}).get("activeManifest") or {}
            older = [
                [clean_text(str(status.get("code", ""))), "failure", "", ""]
                for status in ingredient.get("validation_status") or []
            ]
            walked.append(
                {
                    "id": _text(below),
                    "title": _text(ingredient.get("title")),
                    "recorded": _codes(recorded) + older,
                    "now": deltas.pop(address, []),
                    "present": isinstance(below, str) and below in report["manifests"],
                }
            )
            if isinstance(below, str) and below not in seen:
                seen.add(below)
                too_deep = too_deep or depth >= MAX_DEPTH
                if depth < MAX_DEPTH:
                    waiting.append((below, depth + 1))
    # What the engine says of an ingredient that the walk did not meet still counts.
    stray = [code for codes in deltas.values() for code in codes]
    return {"ingredients": walked, "stray": stray, "too_deep": too_deep}
