"""The OpenAPI document: the generated one with every problem that a route may answer, in its own form."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from provenance_api.openapi import PROBLEM_SCHEMA
from provenance_api.problems import MEDIA_TYPE
from provenance_api.standard import is_standard

_REFERENCE: Final = {"$ref": "#/components/schemas/Problem"}
#: Problems of every route, those of routes with a body, and those that only the own interface has.
_ALWAYS: Final = {
    "400": "The request is not valid",
    "401": "Credentials are missing or not accepted",
    "403": "The caller lacks the scope, or the thing is somebody else's",
    "404": "There is no such thing",
    "414": "The address is too long",
    "429": "Too many requests; see Retry-After",
    "500": "A bug; the instance finds it in the log",
    "503": "Not possible now; see Retry-After",
}
_WITH_BODY: Final = {
    "408": "The body came too slowly",
    "413": "The body is too long",
    "415": "The body is of another type than declared or accepted",
}
_OWN: Final = {"422": "A value has another form than expected"}
_OWN_WITH_BODY: Final = {"409": "The Idempotency-Key belongs to another request, or the ledger refused"}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of ``app``."""
    made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    made["openapi"] = "3.1.0"
    components = made.setdefault("components", {}).setdefault("schemas", {})
    components["Problem"] = PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    for path, methods in made["paths"].items():
        for operation in methods.values():
            _complete(path, operation)
    return made


def _complete(path: str, operation: dict[str, Any]) -> None:
    standard, has_body = is_standard(path), "requestBody" in operation
    told = _ALWAYS | (_WITH_BODY if has_body else {}) | ({} if standard else _OWN)
    told |= _OWN_WITH_BODY if has_body and not standard else {}
    answers = operation["responses"]
    if standard:
        answers.pop("422", None)
    media_type = "application/json" if standard else MEDIA_TYPE
    for status, description in told.items():
        answers.setdefault(status, {"description": description})
    for status, answer in answers.items():
        if status >= "400" and not (path == "/readyz" and status == "503"):
            answer["content"] = {media_type: {"schema": _REFERENCE}}
