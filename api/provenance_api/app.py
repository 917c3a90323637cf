"""The service: ``uvicorn --factory provenance_api.app:create_app``."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from provenance.settings import Settings
from provenance.setup import Installation
from provenance.web import Web
from provenance_api import problems
from provenance_api.guard import Edge
from provenance_api.rates import Rates
from provenance_api.routes import health, ledger, pages, registry, softbinding, tiles, verify
from provenance_api.shelf import Shelf
from provenance_api.wiring import Places, Wiring
from provenance_api.witnessing import Witnessing

#: Checks admitted for each media worker: one at work, some waiting for it.
PLACES_PER_WORKER = 8


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the service for the installation of ``settings``.

    Args:
        settings: Places and limits; default: the file named by ``PROVENANCE_CONFIG``, else
            ``provenance.toml`` in the working folder, with the ``PROVENANCE_*`` environment.

    Raises:
        ConfigError: No usable configuration. Missing keys or another database version stop the start-up.
    """
    used = settings if settings is not None else load_settings()
    app = FastAPI(
        title="Content Provenance",
        summary="Verify media, ask the registry, check the log.",
        version=version("content-provenance"),
        docs_url=None,  # both load scripts from elsewhere; /reference lists the same routes
        redoc_url=None,
        lifespan=_lifespan,
    )
    limits = used.limits
    app.state.settings = used
    app.state.rates = Rates(limits.requests_per_minute, limits.request_burst)
    app.state.key_rates = Rates(limits.key_requests_per_minute, limits.key_request_burst)
    app.add_middleware(Edge)
    problems.install(app)
    for part in (verify, registry, softbinding, ledger, tiles, health, pages):
        app.include_router(part.router)
    return app


def load_settings() -> Settings:
    """Return the settings that file and environment give; raises ConfigError."""
    named = os.environ.get("PROVENANCE_CONFIG")
    return Settings.load(os.environ, Path(named) if named else None)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the installation, and on the way out close it and remove what is left of uploads."""
    settings: Settings = app.state.settings
    with tempfile.TemporaryDirectory(prefix="provenance-uploads-") as folder:
        installation = await run_in_threadpool(_open, settings)
        try:
            places = Places(settings.limits.workers * PLACES_PER_WORKER)
            app.state.wiring = Wiring(installation, Shelf(), places, Path(folder), threading.Lock())
            async with _witnessed(installation):
                yield
        finally:
            await run_in_threadpool(installation.close)


@asynccontextmanager
async def _witnessed(installation: Installation) -> AsyncIterator[None]:
    """Keep the witnesses of the log up to date, where a policy names any."""
    cosigning = installation.cosigning
    if cosigning is None:
        yield
        return
    witnessing = Witnessing(cosigning, Web())
    try:
        await run_in_threadpool(witnessing.start)
        yield
    finally:
        await run_in_threadpool(witnessing.stop)


def _open(settings: Settings) -> Installation:
    """Return the open installation with its jobs made, so that unfit keys stop the start, not a request."""
    installation = Installation.open(settings)
    try:
        _ = installation.verifier, installation.searcher, installation.custody, installation.resolver
        _ = installation.access, installation.anonymous, installation.tokens
    except BaseException:
        installation.close()
        raise
    return installation
