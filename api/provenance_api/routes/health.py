"""Whether the process answers, whether it can work, and its figures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from provenance.errors import ProvenanceError
from provenance_api import openapi
from provenance_api.readiness import findings
from provenance_api.registry_schemas import HealthOut, ReadyOut
from provenance_api.wiring import Wired

router = APIRouter(tags=["health"])
_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": ReadyOut, "description": "Not ready; the checks say why"}
}
_FIGURES = openapi.answer(200, "Figures in the Prometheus text format", "text/plain")


@router.get("/healthz")
async def alive() -> HealthOut:
    """Return ``ok`` while the process answers; looks at nothing else, so it answers under load too."""
    return HealthOut(status="ok")


@router.get("/readyz", response_model=ReadyOut, responses=_NOT_READY)
def ready(wiring: Wired) -> Response:
    """Return what the service needs and whether it has it; status 503 where something is missing."""
    checks = findings(wiring)
    try:
        size: int | None = wiring.installation.store.head().size
        isolation: str | None = wiring.installation.pool.isolation.level.value
    except ProvenanceError:
        size, isolation = None, None
    out = ReadyOut.of(checks, size, isolation)
    status = 200 if out.status == "ready" else 503
    headers = {} if status == 200 else {"Retry-After": "10"}
    return openapi.reply(out, status, headers, exclude_none=False)


@router.get("/metrics", response_class=Response, responses=_FIGURES)
def metrics(request: Request) -> Response:
    """Return the figures of this process; a proxy should keep them from strangers."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
