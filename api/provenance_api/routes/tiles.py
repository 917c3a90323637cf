"""The public log as static files: C2SP tlog-tiles under ``/log/``, for monitors, mirrors and witnesses."""

from __future__ import annotations

import gzip
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from provenance.ledger.note import MAX_NOTE_BYTES
from provenance.ledger.tiles import CHECKPOINT_PATH, MAX_BUNDLE_BYTES
from provenance_api import openapi
from provenance_api.wiring import Wired

router = APIRouter(prefix="/log", tags=["log"])
#: A tile never changes. Source: C2SP tlog-tiles: "immutable, so its caching headers SHOULD be long-lived".
IMMUTABLE: Final = "public, max-age=31536000, immutable"
#: The checkpoint does. Source: C2SP tlog-tiles: "prevent caching beyond a few seconds".
MUTABLE: Final = "public, max-age=2"
_BYTES: Final = openapi.answer(200, "The bytes of the tile", "application/octet-stream")


@router.head("/checkpoint", include_in_schema=False)
@router.get("/checkpoint", response_class=PlainTextResponse)
def checkpoint(wiring: Wired) -> Response:
    """Return the newest signed tree head."""
    note = wiring.installation.published.read(CHECKPOINT_PATH, MAX_NOTE_BYTES)
    return Response(note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": MUTABLE})


@router.head("/tile/entries/{path:path}", include_in_schema=False)
@router.get("/tile/entries/{path:path}", response_class=Response, responses=_BYTES)
def bundle(wiring: Wired, request: Request, path: str) -> Response:
    """Return the entries of a bundle, each with its length before it; compressed where that is accepted."""
    content = wiring.installation.published.read(f"tile/entries/{path}", MAX_BUNDLE_BYTES)
    headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, 6, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.head("/tile/{path:path}", include_in_schema=False)
@router.get("/tile/{path:path}", response_class=Response, responses=_BYTES)
def tile(wiring: Wired, path: str) -> Response:
    """Return the hashes of a tile, 32 bytes each."""
    content = wiring.installation.published.read(f"tile/{path}", MAX_BUNDLE_BYTES)
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": IMMUTABLE})
