"""Requests that must not happen twice: ``Idempotency-Key`` (SR-26)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Header, Request
from fastapi.responses import Response
from pydantic import BaseModel

from provenance.digest import Digest
from provenance.service.access import Caller
from provenance.service.replies import Reply
from provenance_api.wiring import Wiring

#: Headers of an answer that are kept with it.
_KEPT: Final = (
    "location",
    "asset-id",
    "manifest-id",
    "content-digest",
    "content-disposition",
    "link",
    "signed-file",
)
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=128,
        pattern="^[!-~]+$",
        description="Repeating a request with the same key and content gives the first answer again.",
    ),
]


def once(
    wiring: Wiring,
    request: Request,
    caller: Caller,
    key: str | None,
    content: Digest,
    make: Callable[[], Response],
) -> Response:
    """Return the answer that ``make`` gives, or the one it gave when the key was first used.

    Args:
        wiring: Where answers are kept.
        request: What was asked: method, path and query are part of what makes two requests the same.
        caller: Who asks; keys of two tenants never meet.
        key: The Idempotency-Key; None does without.
        content: Digest of the body.
        make: Does the work.

    Raises:
        ConflictError: The key was used for another request, or its request is still under way.
    """
    if key is None:
        return make()
    replies, owner = wiring.installation.replies, f"{caller.tenant}/{caller.actor}"
    said = f"{request.method} {request.url.path}?{request.url.query} {content}"
    kept = replies.begin(owner, key, Digest(hashlib.sha256(said.encode()).digest()))
    if kept is not None:
        headers = dict(kept.headers) | {"Idempotent-Replayed": "true"}
        return Response(kept.body, kept.status, headers, media_type=kept.media_type)
    try:
        made = make()
    except BaseException:
        replies.drop(owner, key)
        raise
    headers = {name: made.headers[name] for name in _KEPT if name in made.headers}
    replies.keep(owner, key, Reply(made.status_code, made.media_type or "", headers, bytes(made.body)))
    return made


def content_digest(model: BaseModel) -> Digest:
    """Return the digest of a JSON body as it was understood: spacing and order of keys do not matter."""
    return Digest.of(model.model_dump_json().encode())
