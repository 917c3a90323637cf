"""Pieces of the OpenAPI document that several routes share, and replies made without response models."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
#: A problem document (RFC 9457) with the members of this service; ``error`` is that of the C2PA interface.
PROBLEM_SCHEMA: Final[dict[str, Any]] = {
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


#: Media types of a file that is sent or signed.
_MEDIA: Final = {"image/*": BINARY, "video/*": BINARY, "audio/*": BINARY}
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
        "content": _MEDIA | {"application/*": BINARY},
    }
}
MANIFEST_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/c2pa": BINARY}}
}


def answer(code: int, description: str, *media_types: str) -> dict[int | str, dict[str, Any]]:
    """Return a further answer of a route: a problem, or bytes of one of the types."""
    if not media_types:
        return {code: {"description": description}}
    return {code: {"description": description, "content": dict.fromkeys(media_types, BINARY)}}


#: A media file as an answer.
FILE: Final = answer(200, "The signed file", *_MEDIA)
FILE[200]["headers"] = {
    "Earlier-Asset-Id": {
        "description": "Registrations by other tenants before this one that are like the file by their codes",
        "schema": {"type": "string"},
    }
}


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
    return tagged_content(model.model_dump_json(by_alias=True).encode(), "application/json", request)


def tagged_content(content: bytes, media_type: str, request: Request, cached: str = "no-cache") -> Response:
    """Return ``content`` with an ETag and the Cache-Control ``cached``, or 304 where the client has it already."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": cached}
    asked = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
