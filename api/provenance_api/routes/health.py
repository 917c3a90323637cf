"""Whether the process answers, and whether it can work."""

from __future__ import annotations

from fastapi import APIRouter

from provenance_api.registry_schemas import HealthOut, ReadyOut
from provenance_api.wiring import Wired

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> HealthOut:
    """Return ``ok`` while the process answers; looks at nothing else, so it answers under load too."""
    return HealthOut(status="ok")


@router.get("/readyz")
def ready(wiring: Wired) -> ReadyOut:
    """Return how registry and workers are; a problem with status 503 where they are not usable."""
    installation = wiring.installation
    return ReadyOut.from_domain(installation.store.counts(), installation.pool.isolation)
