"""Asking the registry with hashes only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from provenance_api.auth import LookingUp
from provenance_api.bodies import strict_body
from provenance_api.registry_schemas import HitOut, LookupIn, LookupOut
from provenance_api.schemas import RecordOut
from provenance_api.wiring import Wired

router = APIRouter(prefix="/v1", tags=["registry"])
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": LookupIn.model_json_schema()}},
    }
}


@router.post("/lookup", openapi_extra=_BODY)
def lookup(
    _caller: LookingUp, asked: Annotated[LookupIn, Depends(strict_body(LookupIn))], wiring: Wired
) -> LookupOut:
    """Return the registered assets near the given hashes, each with status and receipt."""
    hits = [
        HitOut.from_domain(text, hit) for text in asked.hashes for hit in wiring.search(text, asked.radius)
    ]
    return LookupOut(hits=tuple(hits))


@router.get("/assets/{asset_id}")
def asset(asset_id: str, wiring: Wired) -> RecordOut:
    """Return a registered asset by its name, ``sha256:`` and the hash of its log entry."""
    return RecordOut.from_domain(wiring.installation.store.record(asset_id))
