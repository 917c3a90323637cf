"""The part of the interface that others specified: C2PA Soft Binding Resolution, and how it tells errors.

Source: C2PA Soft Binding API 2.4; requests that a schema refuses are 400 there, and an error is a JSON object
with ``error``. The members of RFC 9457 stand beside it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

#: Version of the specification that the routes follow.
SPECIFICATION: Final = "2.4.0"
WELL_KNOWN: Final = "/.well-known/c2pa-soft-binding-resolution"
_PREFIXES: Final = ("/v1/matches/", "/v1/manifests", "/v1/bindings", "/v1/services/", WELL_KNOWN)
#: Statuses that the specification has no place for, and what they are told as.
_TOLD_AS: Final = {
    HTTPStatus.UNPROCESSABLE_ENTITY: HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT: HTTPStatus.BAD_REQUEST,
}


def is_standard(path: str) -> bool:
    """Return whether ``path`` belongs to the Soft Binding Resolution API."""
    return path.startswith(_PREFIXES)


def status_of(path: str, status: int) -> int:
    """Return the status that is told to a client of ``path``."""
    return _TOLD_AS.get(HTTPStatus(status), status) if is_standard(path) else status
