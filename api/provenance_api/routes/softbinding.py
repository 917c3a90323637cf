"""C2PA Soft Binding Resolution API 2.4: find manifests that copies have lost, keep manifests, prove it.

Source: C2PA Soft Binding API 2.4 (Decoupled), with the paths and parameters of its version 1.0.0.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from provenance.errors import FormatError, ProvenanceError, UnavailableError
from provenance.fingerprint.iscc import SOFT_BINDING_ALGORITHM
from provenance_api import openapi
from provenance_api.auth import Fetching, StoringBindings, StoringManifests
from provenance_api.bodies import strict_body
from provenance_api.fetching import fetched
from provenance_api.softbinding_schemas import (
    Algorithm,
    BindingIn,
    BindingQuery,
    Capabilities,
    Discovery,
    ManifestReceipt,
    QueryResult,
    ReferenceQuery,
    ServiceStatus,
    StoredManifest,
    Supported,
    SupportedAlgorithms,
    Value,
    VerifiedReceipt,
)
from provenance_api.standard import SPECIFICATION, WELL_KNOWN
from provenance_api.uploads import Deposited, Received
from provenance_api.wiring import Wired, base_url

router = APIRouter(tags=["soft binding"])
#: Longest query string of a GET; longer values are sent by POST. Source: RFC 9110, 4.1, recommends 8,000 octets.
MAX_QUERY: Final = 8_000
#: Most manifests of one answer, whatever was asked for.
MAX_RESULTS: Final = 100

Limit = Annotated[int, Query(alias="maxResults", ge=1)]
ManifestPath = Annotated[str, Path(description="Identifier of the active manifest, a C2PA URN.")]


@router.get("/v1/matches/byBinding", responses=openapi.answer(414, "Query too long; use POST"))
def by_binding(
    caller: Fetching,
    request: Request,
    wiring: Wired,
    alg: Annotated[Algorithm, Query()],
    value: Annotated[str, Query(min_length=1)],
    limit: Limit = 10,
) -> QueryResult:
    """Return the manifests that a soft binding leads to."""
    if len(request.url.query) > MAX_QUERY:
        raise HTTPException(414, "expected a shorter query; send the value by POST")
    found = wiring.installation.resolver.by_binding(alg, value, wiring.seen_by(caller))
    return QueryResult.of(found, min(limit, MAX_RESULTS))


@router.post("/v1/matches/byBinding", openapi_extra=openapi.json_body(BindingQuery))
def by_large_binding(
    caller: Fetching,
    asked: Annotated[BindingQuery, Depends(strict_body(BindingQuery))],
    wiring: Wired,
    limit: Limit = 10,
) -> QueryResult:
    """Return the manifests that a soft binding leads to; for values too long for an address."""
    found = wiring.installation.resolver.by_binding(asked.alg, asked.value, wiring.seen_by(caller))
    return QueryResult.of(found, min(limit, MAX_RESULTS))


@router.post("/v1/matches/byContent", openapi_extra=openapi.MEDIA_BODY)
def by_content(
    caller: Fetching,
    upload: Received,
    wiring: Wired,
    alg: Annotated[Algorithm | None, Query()] = None,
    limit: Limit = 10,
    hint_alg: Annotated[Algorithm | None, Query(alias="hintAlg")] = None,
    hint_value: Annotated[Value | None, Query(alias="hintValue")] = None,
) -> QueryResult:
    """Return the manifests of the registered originals of a picture, film or recording."""
    hint = (hint_alg, hint_value) if hint_alg is not None and hint_value is not None else None
    found = wiring.resolve(upload.path, upload.declared, alg, hint, caller)
    return QueryResult.of(found, min(limit, MAX_RESULTS))


@router.post("/v1/matches/byReference", openapi_extra=openapi.json_body(ReferenceQuery),
             responses=openapi.answer(502, "The address gave no usable answer"))  # fmt: skip
def by_reference(
    caller: Fetching,
    asked: Annotated[ReferenceQuery, Depends(strict_body(ReferenceQuery))],
    wiring: Wired,
    alg: Annotated[Algorithm | None, Query()] = None,
    limit: Limit = 10,
    hint_alg: Annotated[Algorithm | None, Query(alias="hintAlg")] = None,
    hint_value: Annotated[Value | None, Query(alias="hintValue")] = None,
) -> QueryResult:
    """Fetch a copy and return the manifests of its registered originals; off unless the operator wants it.

    A ``region`` is refused: the whole copy is matched here.
    """
    if asked.region:
        raise FormatError("expected no region, because the whole copy is matched here, found one")
    hint = (hint_alg, hint_value) if hint_alg is not None and hint_value is not None else None
    with fetched(wiring, asked.referenceUrl, max_bytes=asked.assetLength) as upload:
        found = wiring.resolve(upload.path, upload.declared, alg, hint, caller)
    return QueryResult.of(found, min(limit, MAX_RESULTS))


@router.post("/v1/manifests", openapi_extra=openapi.MANIFEST_BODY)
def store_manifest(
    caller: StoringManifests,
    upload: Deposited,
    request: Request,
    wiring: Wired,
    *,
    with_receipt: Annotated[bool, Query(alias="returnReceipt")] = False,
) -> Response:
    """Keep a manifest store; it is read in a worker, and what cannot be read is kept as unvalidated."""
    kept = wiring.installation.custody.take_in(upload.path, caller.tenant)
    wiring.installation.access.note(caller, "manifest.store", kept.manifest_id, kept.validation)
    receipt = None
    if with_receipt:
        proof = wiring.installation.custody.receipt_of(kept.manifest_id, wiring.seen_by(caller))
        receipt = ManifestReceipt.of(kept.manifest_id, proof, base_url(request))
    made = StoredManifest(manifestId=kept.manifest_id, receipt=receipt)
    return openapi.reply(made, headers={"Manifest-Validation": kept.validation})


@router.get("/v1/manifests/{manifest_id:path}/receipts", response_model_exclude_none=True)
def receipt(caller: Fetching, manifest_id: ManifestPath, request: Request, wiring: Wired) -> VerifiedReceipt:
    """Return the proof that a manifest store is kept here, under the newest checkpoint of the log."""
    proof = wiring.installation.custody.receipt_of(manifest_id, wiring.seen_by(caller))
    wiring.check_custody(proof.format(), manifest_id)
    return VerifiedReceipt.fresh(manifest_id, proof, base_url(request))


@router.post(
    "/v1/manifests/{manifest_id:path}/receipts",
    openapi_extra=openapi.json_body(ManifestReceipt),
    response_model_exclude_none=True,
)
def check_receipt(
    caller: Fetching,
    manifest_id: ManifestPath,
    given: Annotated[ManifestReceipt, Depends(strict_body(ManifestReceipt))],
    wiring: Wired,
) -> VerifiedReceipt:
    """Return a receipt with whether it holds for this manifest under the key of this log."""
    wiring.installation.custody.receipt_of(manifest_id, wiring.seen_by(caller))
    error = wiring.receipt_error(given, manifest_id)
    made = given.model_dump(by_alias=True) | {"verified": error is None, "error": error}
    return VerifiedReceipt.model_validate(made)


@router.get("/v1/manifests/{manifest_id:path}", response_class=Response, responses=openapi.MANIFEST)
def manifest(
    caller: Fetching,
    manifest_id: ManifestPath,
    wiring: Wired,
    *,
    active_only: Annotated[bool, Query(alias="returnActiveManifest")] = False,
) -> Response:
    """Return a manifest store, or its active manifest alone; what it says was not checked against any copy."""
    seen = wiring.seen_by(caller)
    content, standing = wiring.installation.custody.store_of(manifest_id, seen, active_only=active_only)
    headers = {"Manifest-Validation": standing, "Content-Disposition": "attachment"}
    return Response(content, media_type="application/c2pa", headers=headers)


@router.delete("/v1/manifests/{manifest_id:path}", status_code=204)
def delete_manifest(caller: StoringManifests, manifest_id: ManifestPath, wiring: Wired) -> None:
    """Forget a deposited manifest store and its bindings."""
    wiring.installation.custody.remove(manifest_id, caller.tenant)
    wiring.installation.access.note(caller, "manifest.delete", manifest_id, "done")


@router.post("/v1/bindings", status_code=204, openapi_extra=openapi.json_body(BindingIn))
def bind(
    caller: StoringBindings, asked: Annotated[BindingIn, Depends(strict_body(BindingIn))], wiring: Wired
) -> None:
    """Let a soft binding value lead to a manifest of the caller."""
    wiring.installation.custody.bind(asked.bindingValue, asked.manifestId, caller.tenant, asked.alg)
    wiring.installation.access.note(caller, "binding.store", asked.manifestId, "done")


@router.put("/v1/bindings", status_code=204, openapi_extra=openapi.json_body(BindingIn))
def rebind(
    caller: StoringBindings, asked: Annotated[BindingIn, Depends(strict_body(BindingIn))], wiring: Wired
) -> None:
    """Let a stored soft binding value lead to another manifest of the caller."""
    wiring.installation.custody.rebind(asked.bindingValue, asked.manifestId, caller.tenant, asked.alg)
    wiring.installation.access.note(caller, "binding.change", asked.manifestId, "done")


@router.get("/v1/services/supportedAlgorithms")
async def supported_algorithms() -> SupportedAlgorithms:
    """Return the algorithms whose values are compared here."""
    return SupportedAlgorithms(watermarks=(), fingerprints=(Supported(alg=SOFT_BINDING_ALGORITHM),))


@router.get("/v1/services/capabilities")
async def capabilities(wiring: Wired) -> Capabilities:
    """Return which optional parts of the specification are offered."""
    return Capabilities(c2paSpecificationVersion=SPECIFICATION, supportedCapabilities=wiring.capabilities)


@router.get("/v1/services/status")
def status(wiring: Wired) -> ServiceStatus:
    """Return whether registry and workers answer."""
    standing: Literal["ok", "degraded", "down"] = "ok"
    try:
        wiring.installation.store.counts()
        _ = wiring.installation.pool.isolation
    except UnavailableError:
        standing = "degraded"
    except ProvenanceError:
        standing = "down"
    return ServiceStatus(status=standing, timestamp=datetime.now(UTC).replace(microsecond=0))


@router.get(WELL_KNOWN)
async def discovery(request: Request) -> Discovery:
    """Return where the API is."""
    api = f"{base_url(request)}/v1"
    made: dict[str, Any] = {"apiEndpoint": api, "c2paSpecificationVersion": SPECIFICATION}
    services = f"{api}/services"
    return Discovery(
        **made, capabilitiesEndpoint=f"{services}/capabilities", statusEndpoint=f"{services}/status"
    )
