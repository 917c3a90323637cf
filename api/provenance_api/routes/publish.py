"""Publishing: sign and register, fetch the signed file, withdraw, dispute."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from provenance.errors import AuthorisationError, ConflictError
from provenance_api import openapi, signing
from provenance_api.auth import Publishing
from provenance_api.bodies import strict_body
from provenance_api.once import IdempotencyKey, content_digest, once
from provenance_api.publish_schemas import DisputeIn, RegisteredOut, StatementOut, WithdrawalIn
from provenance_api.uploads import Received
from provenance_api.wiring import Wired, Wiring

router = APIRouter(prefix="/v1", tags=["publish"])
_CONFLICT = openapi.answer(409, "The Idempotency-Key belongs to another request")
_SAID = openapi.answer(
    409, "It was said before or makes no sense, or the Idempotency-Key belongs to another request"
)


@router.post("/assets", status_code=201, response_model=RegisteredOut, openapi_extra=openapi.MEDIA_BODY,
             responses=_CONFLICT)  # fmt: skip
def register(
    caller: Publishing,
    wish: Annotated[signing.Wish, Depends()],
    upload: Received,
    request: Request,
    wiring: Wired,
    key: IdempotencyKey = None,
) -> Response:
    """Sign a file, register it, and return its record and receipt; the signed bytes are fetched next."""

    def make() -> Response:
        signing.count(request, wiring, caller)
        return signing.registered(signing.sign(wiring, caller, upload, wish))

    return once(wiring, request, caller, key, upload.digest, make)


@router.post("/sign", response_class=Response, openapi_extra=openapi.MEDIA_BODY, responses=openapi.FILE)
def sign(
    caller: Publishing,
    wish: Annotated[signing.Wish, Depends()],
    upload: Received,
    request: Request,
    wiring: Wired,
    key: IdempotencyKey = None,
) -> Response:
    """Sign a file, register it, and return the signed bytes; ``Asset-Id`` names the registration."""
    made = register(caller, wish, upload, request, wiring, key)
    asset_id = made.headers["location"].rsplit("/", 1)[1]
    return signing.signed_file(wiring, caller, asset_id)


@router.get("/assets/{asset_id}/file", response_class=Response, responses=openapi.FILE)
def signed_file(caller: Publishing, asset_id: str, wiring: Wired) -> Response:
    """Return the bytes of an asset that the caller's tenant signed within the day."""
    return signing.signed_file(wiring, caller, asset_id)


@router.post("/assets/{asset_id}/withdrawal", status_code=201, response_model=StatementOut,
             openapi_extra=openapi.json_body(WithdrawalIn), responses=_SAID)  # fmt: skip
def withdraw(
    caller: Publishing,
    asset_id: str,
    asked: Annotated[WithdrawalIn, Depends(strict_body(WithdrawalIn))],
    request: Request,
    wiring: Wired,
    key: IdempotencyKey = None,
) -> Response:
    """Say in the log that an asset of the caller's tenant is withdrawn; its entry stays."""

    def make() -> Response:
        _own(wiring, caller.tenant, wiring.record(asset_id, caller).asset_id)
        receipt = wiring.installation.statements.withdraw(asset_id, asked.reason, asked.replaced_by).receipt
        wiring.installation.access.note(caller, "asset.withdraw", asset_id, "done")
        out = StatementOut.from_domain(receipt, wiring.record(asset_id, caller))
        return openapi.reply(out, 201, exclude_none=False)

    return once(wiring, request, caller, key, content_digest(asked), make)


@router.post("/assets/{asset_id}/dispute", status_code=201, response_model=StatementOut,
             openapi_extra=openapi.json_body(DisputeIn), responses=_SAID)  # fmt: skip
def dispute(
    caller: Publishing,
    asset_id: str,
    asked: Annotated[DisputeIn, Depends(strict_body(DisputeIn))],
    request: Request,
    wiring: Wired,
    key: IdempotencyKey = None,
) -> Response:
    """Say in the log that the caller disputes an asset; both views are shown from then on."""

    def make() -> Response:
        record = wiring.record(asset_id, caller)
        if wiring.installation.ownership.owner(record.asset_id) == caller.tenant:
            raise ConflictError(
                "expected an asset of another tenant, found the caller's own", hint="withdraw or supersede it"
            )
        receipt = wiring.installation.statements.dispute(asset_id, asked.reason).receipt
        wiring.installation.ownership.claim(receipt.asset_id, caller.tenant, listed=True)
        wiring.installation.access.note(caller, "asset.dispute", asset_id, "done")
        out = StatementOut.from_domain(receipt, wiring.record(asset_id, caller))
        return openapi.reply(out, 201, exclude_none=False)

    return once(wiring, request, caller, key, content_digest(asked), make)


def _own(wiring: Wiring, tenant: str, asset_id: str) -> None:
    if wiring.installation.ownership.owner(asset_id) != tenant:
        raise AuthorisationError("expected an asset of the caller's tenant, found another's")
