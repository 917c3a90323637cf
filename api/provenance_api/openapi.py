"""Pieces of the OpenAPI document that several routes share, and replies made without response models."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from provenance_api import problems

BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "code", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "hint": {"type": "string"},
        "instance": {"type": "string", "format": "uri"},
        "errors": {"type": "array", "items": {"type": "object"}},
        "error": {"type": "string"},
    },
}


def _problem(description: str, media_type: str = problems.MEDIA_TYPE) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": _PROBLEM}}}


#: Problems that every route may answer with.
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    401: _problem("Credentials are missing or not accepted"),
    403: _problem("The caller lacks the scope, or the thing is somebody else's"),
    404: _problem("There is no such thing"),
    422: _problem("A value has another form than expected"),
    429: _problem("Too many requests; see Retry-After"),
    503: _problem("Not possible now; see Retry-After"),
}
#: The same for the Soft Binding Resolution API, whose errors are plain JSON with ``error``.
STANDARD: Final[dict[int | str, dict[str, Any]]] = {
    400: _problem("The request is not valid", "application/json"),
    401: _problem("Credentials are missing or not accepted", "application/json"),
    403: _problem("The caller lacks the scope, or the thing is somebody else's", "application/json"),
    404: _problem("There is no such thing", "application/json"),
    415: _problem("The body is of another type", "application/json"),
    429: _problem("Too many requests; see Retry-After", "application/json"),
    500: _problem("Service failure", "application/json"),
    503: _problem("Not possible now; see Retry-After", "application/json"),
}
#: What a route that receives a file may answer besides.
UPLOAD: Final[dict[int | str, dict[str, Any]]] = {
    408: _problem("The body came too slowly", "application/json"),
    413: _problem("The body is too long", "application/json"),
    415: _problem("The body is of another type", "application/json"),
}
MANIFEST: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The manifest store",
        "content": {"application/c2pa": BINARY},
        "headers": {
            "Manifest-Validation": {
                "description": "registered, signed, failed or unvalidated; none of them says trusted",
                "schema": {"type": "string"},
            }
        },
    }
}
MEDIA_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The media file itself.",
        "content": {"image/*": BINARY, "audio/*": BINARY, "video/*": BINARY, "application/*": BINARY},
    }
}
MANIFEST_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/c2pa": BINARY}}
}


def status(code: int, description: str) -> dict[int | str, dict[str, Any]]:
    """Return a further answer of a route of the Soft Binding Resolution API."""
    return {code: _problem(description, "application/json")}


def answer(
    code: int, description: str, media_type: str = problems.MEDIA_TYPE
) -> dict[int | str, dict[str, Any]]:
    """Return a further answer of a route: a problem, or bytes of another type."""
    if media_type == problems.MEDIA_TYPE:
        return {code: _problem(description)}
    return {code: {"description": description, "content": {media_type: BINARY}}}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return the request body of a route that reads ``model`` strictly by itself."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def reply(
    model: BaseModel,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    exclude_none: bool = True,
) -> Response:
    """Return ``model`` as JSON; absent values are left out unless they are part of its shape."""
    content = model.model_dump_json(by_alias=True, exclude_none=exclude_none)
    return Response(content, status_code, dict(headers or {}), media_type="application/json")


def tagged(model: BaseModel, request: Request) -> Response:
    """Return ``model`` as JSON with an ETag, or 304 where the client has it already (RFC 9110, 13.1.2)."""
    content = model.model_dump_json(by_alias=True).encode()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    asked = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
