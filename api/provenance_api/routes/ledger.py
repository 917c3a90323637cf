"""The public log: its newest signed head, and proofs anybody can check without trusting this service."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse

from provenance.errors import FormatError
from provenance_api.registry_schemas import ConsistencyOut, InclusionOut
from provenance_api.wiring import Wired

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])
#: Largest size or index that the log can have: a signed 64-bit integer in every database.
MAX_SIZE: Final = (1 << 63) - 1
Size = Annotated[int, Query(ge=1, le=MAX_SIZE)]


@router.get("/checkpoint", response_class=PlainTextResponse)
def checkpoint(wiring: Wired) -> str:
    """Return the newest signed tree head, a C2SP checkpoint."""
    return wiring.installation.log.checkpoint()


@router.get("/keys", response_class=PlainTextResponse)
def keys(wiring: Wired) -> str:
    """Return the verifier keys of the log, one a line, the current one first; compare them with another source."""
    return "".join(f"{each.vkey}\n" for each in wiring.installation.note_signer.verifier.keys)


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
