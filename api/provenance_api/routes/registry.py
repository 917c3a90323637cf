"""Asking the registry with hashes only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from provenance.digest import Digest
from provenance.evidence import Record
from provenance.service.access import Caller
from provenance.service.feedback import keep_feedback
from provenance_api import openapi
from provenance_api.auth import LookingUp, Verifying
from provenance_api.bodies import strict_body
from provenance_api.cursor import cursor, position
from provenance_api.registry_schemas import (
    AssetsOut,
    FeedbackIn,
    HitOut,
    LookupIn,
    LookupOut,
    PrefixOut,
    TrustListsOut,
)
from provenance_api.schemas import RecordOut
from provenance_api.wiring import Wired, Wiring

router = APIRouter(prefix="/v1", tags=["registry"])
Prefix = Annotated[str, Path(pattern="^[0-9a-f]{5}$")]
_UNCHANGED = openapi.answer(304, "As the client has it")
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": LookupIn.model_json_schema()}},
    }
}


@router.post("/lookup", response_model=LookupOut, openapi_extra=_BODY)
async def lookup(
    caller: LookingUp, asked: Annotated[LookupIn, Depends(strict_body(LookupIn))], wiring: Wired
) -> Response:
    """Return the registered assets near the given hashes, each with status and receipt."""
    hits = [
        HitOut.from_domain(text, hit)
        for text in asked.hashes
        for hit in await wiring.search(text, asked.radius, caller)
    ]
    return openapi.reply(LookupOut(hits=tuple(hits)), exclude_none=False)


@router.get("/lookup/prefix/{prefix}", response_model=PrefixOut)
async def by_prefix(caller: LookingUp, prefix: Prefix, wiring: Wired) -> Response:
    """Return every file whose SHA-256 begins with five hex digits; which of them was meant stays unsaid."""
    found = await wiring.promptly(_beginning, wiring, prefix, caller)
    return openapi.reply(PrefixOut.from_domain(prefix, found), exclude_none=False)


def _beginning(wiring: Wiring, prefix: str, caller: Caller) -> list[Record]:
    seen = wiring.seen_by(caller)
    return [one for one in wiring.installation.store.by_prefix(prefix) if seen(one.asset_id)]


@router.get("/assets")
def assets(
    caller: LookingUp,
    wiring: Wired,
    response: Response,
    sha256: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
    after: Annotated[str | None, Query(alias="cursor", max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> AssetsOut:
    """Return registered assets in the order of the log, or those of one file."""
    seen, store = wiring.seen_by(caller), wiring.installation.store
    if sha256 is not None:
        found, following = store.by_digest(Digest.parse(f"sha256:{sha256}")), None
    else:
        found = store.records_after(position(after), limit + 1)
        following = cursor(found[limit - 1].index) if len(found) > limit else None
        found = found[:limit]
    if following is not None:
        response.headers["Link"] = f'</v1/assets?limit={limit}&cursor={following}>; rel="next"'
    shown = tuple(RecordOut.from_domain(one) for one in found if seen(one.asset_id))
    return AssetsOut(assets=shown, next_cursor=following)


@router.get("/assets/{asset_id}", response_model=RecordOut, responses=_UNCHANGED)
async def asset(caller: LookingUp, asset_id: str, request: Request, wiring: Wired) -> Response:
    """Return a registered asset by its name, ``sha256:`` and the hash of its log entry."""
    found = await wiring.promptly(wiring.record, asset_id, caller)
    return openapi.tagged(RecordOut.from_domain(found), request)


@router.get("/trust-lists", response_model=TrustListsOut, responses=_UNCHANGED)
def trust_lists(request: Request, wiring: Wired) -> Response:
    """Return the trust lists that verdicts rest on."""
    return openapi.tagged(TrustListsOut.from_domain(wiring.installation.trust), request)


@router.post("/feedback", status_code=201, openapi_extra=openapi.json_body(FeedbackIn))
def feedback(
    _caller: Verifying, said: Annotated[FeedbackIn, Depends(strict_body(FeedbackIn))], wiring: Wired
) -> None:
    """Say whether a report was right; nothing about the sender is kept."""
    wiring.report(said.report)
    keep_feedback(wiring.installation.memory, said.report, said.opinion, said.text)
