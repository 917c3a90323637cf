"""The public log: its newest signed head, and proofs anybody can check without trusting this service."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import PlainTextResponse

from provenance.errors import FormatError
from provenance.ledger.cose_receipt import make_cose_receipt
from provenance.ledger.renew import witnessed
from provenance_api.openapi import BINARY
from provenance_api.registry_schemas import ConsistencyOut, InclusionOut
from provenance_api.wiring import Wired

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])
#: Largest size or index that the log can have: a signed 64-bit integer in every database.
MAX_SIZE: Final = (1 << 63) - 1
#: Source: RFC 9052 section 11.3.1.
COSE_TYPE: Final = 'application/cose; cose-type="cose-sign1"'
_RECEIPTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The receipt",
        "content": {"text/plain": {"schema": {"type": "string"}}, "application/cose": BINARY},
    }
}
Size = Annotated[int, Query(ge=1, le=MAX_SIZE)]


@router.get("/checkpoint", response_class=PlainTextResponse)
def checkpoint(wiring: Wired) -> str:
    """Return the newest signed tree head, a C2SP checkpoint."""
    return wiring.installation.log.checkpoint()


@router.get("/keys", response_class=PlainTextResponse)
def keys(wiring: Wired) -> str:
    """Return the verifier keys of the log, one a line, the current one first; compare them with another source."""
    return "".join(f"{each.vkey}\n" for each in wiring.installation.note_signer.verifier.keys)


@router.get("/receipts/{asset_id}", responses=_RECEIPTS, response_class=Response)
def receipt(
    wiring: Wired,
    asset_id: Annotated[str, Path(max_length=100)],
    form: Annotated[Literal["tlog-proof", "cose"], Query(alias="format")] = "tlog-proof",
) -> Response:
    """Return the receipt of an entry: a C2SP tlog-proof, witnessed where witnesses have seen it, or RFC 9942."""
    installation = wiring.installation
    made = installation.log.receipt(asset_id)
    if form == "cose":
        statement = make_cose_receipt(made, installation.settings.origin, installation.keys.ledger)
        return Response(statement.format(), media_type=COSE_TYPE)
    return PlainTextResponse(witnessed(made, installation.store).format())


@router.get("/proof/inclusion")
def inclusion(
    wiring: Wired,
    asset_id: Annotated[str | None, Query(max_length=100)] = None,
    index: Annotated[int | None, Query(ge=0, le=MAX_SIZE)] = None,
) -> InclusionOut:
    """Return the proof that an entry, named by asset or by index, is in the log."""
    log = wiring.installation.log
    if asset_id is not None and index is None:
        return InclusionOut.from_domain(log.receipt(asset_id))
    if index is not None and asset_id is None:
        return InclusionOut.from_domain(log.prove(index))
    raise FormatError("expected either asset_id or index", hint="name one entry in one way")


@router.get("/proof/consistency")
def consistency(
    wiring: Wired, old: Annotated[int, Query(alias="from", ge=1, le=MAX_SIZE)], to: Size
) -> ConsistencyOut:
    """Return the proof that the log of size ``from`` is the beginning of the log of size ``to``."""
    return ConsistencyOut.from_domain(old, to, wiring.installation.log.consistency(old, to))
