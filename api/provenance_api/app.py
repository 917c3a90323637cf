"""The service: ``uvicorn --factory provenance_api.app:create_app``."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

import anyio
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from provenance.checking import remove_old
from provenance.errors import ProvenanceError
from provenance.media.fetch import Fetcher
from provenance.settings import Settings
from provenance.setup import Installation
from provenance.sightings import Courier, Lookout
from provenance.web import Web
from provenance_api import problems
from provenance_api.document import document
from provenance_api.guard import Edge
from provenance_api.logs import log_as_json
from provenance_api.metrics import Metrics
from provenance_api.places import Places, Space, remove_orphans, upload_folder
from provenance_api.rates import Rates
from provenance_api.routes import (
    health,
    jobs,
    ledger,
    pages,
    publish,
    registry,
    softbinding,
    tiles,
    verify,
    watches,
)
from provenance_api.shelf import FolderShelf, SharedShelf
from provenance_api.signing import SIGNED
from provenance_api.wiring import Wiring
from provenance_api.witnessing import Witnessing

#: Checks admitted for each media worker: one at work, some waiting for it.
PLACES_PER_WORKER = 8
#: Bodies that may arrive at once; each is a connection and a file, and must keep up at least 4 KiB a second.
RECEIVING = 512
#: Clients that may follow a job at once.
STREAMS = 64
#: Seconds that jobs under way have to come to their next step when the service stops.
STOP_S = 10.0
#: Seconds between removals of what is over, and seconds a signed file waits to be fetched.
SWEEP_S, SIGNED_KEEP_S = 600.0, 86_400.0
_log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the service for the installation of ``settings``.

    Args:
        settings: Places and limits; default: the file named by ``PROVENANCE_CONFIG``, else
            ``provenance.toml`` in the working folder, with the ``PROVENANCE_*`` environment.

    Raises:
        ConfigError: No usable configuration. Missing keys or another database version stop the start-up.
    """
    if settings is None:
        log_as_json()  # only where this process is the service; a test or another program keeps its own logs
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
    app.state.signatures = Rates(limits.signatures_per_hour / 60, limits.signatures_per_hour)
    app.state.metrics, app.state.callers = Metrics(), OrderedDict()
    app.add_middleware(Edge)
    problems.install(app)
    described = cache(partial(document, app))
    app.openapi = described  # type: ignore[method-assign]  # the way FastAPI documents for its own document
    # Routes are tried in this order: what is asked most often comes first.
    for part in (registry, softbinding, verify, jobs, ledger, health, publish, watches, tiles, pages):
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
    installation = await run_in_threadpool(_open, settings)
    try:
        await run_in_threadpool(remove_orphans, settings.spool_folder)
        with upload_folder(settings.spool_folder) as folder:
            app.state.wiring = wiring = _wire(installation, folder)
            app.state.metrics.watch(wiring)
            installation.checking.told += [app.state.metrics.verdict, Lookout(installation.watches)]
            sweeping = asyncio.create_task(_sweep(wiring))
            try:
                async with _working(wiring), _witnessed(installation), _delivered(installation):
                    yield
            finally:
                sweeping.cancel()
    finally:
        await run_in_threadpool(installation.close)


async def _sweep(wiring: Wiring) -> None:
    """Forget what is over, again and again; a failure is logged and tried again."""
    signed = wiring.installation.settings.spool_folder / SIGNED
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            await run_in_threadpool(wiring.installation.checking.sweep)
            await run_in_threadpool(wiring.shelf.sweep)
            await run_in_threadpool(remove_old, signed, SIGNED_KEEP_S)
            await run_in_threadpool(remove_orphans, wiring.installation.settings.spool_folder)
        except (ProvenanceError, OSError) as cause:
            _log.warning("what is over cannot be removed: %s", cause)


def _wire(installation: Installation, folder: Path) -> Wiring:
    limits, checking = installation.settings.limits, installation.checking
    checking.sweep()
    return Wiring(
        installation,
        SharedShelf(installation.reports)
        if installation.store.shared
        else FolderShelf(folder.parent / "reports"),
        Places(limits.workers * PLACES_PER_WORKER),
        Places(RECEIVING, "bodies"),
        Places(STREAMS, "followed jobs"),
        Space(limits.upload_space_bytes, installation.settings.spool_folder / "jobs"),
        installation.engine(limits.workers),
        folder,
        None if installation.store.shared else anyio.CapacityLimiter(1),
    )


@asynccontextmanager
async def _working(wiring: Wiring) -> AsyncIterator[None]:
    """Do jobs in this process, unless the operator leaves them to ``provenance worker``."""
    if wiring.installation.settings.jobs == "elsewhere":
        yield
        return
    wiring.engine.start()
    try:
        yield
    finally:
        await run_in_threadpool(wiring.engine.stop, STOP_S)


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


@asynccontextmanager
async def _delivered(installation: Installation) -> AsyncIterator[None]:
    """Send sightings to the targets of watches, where the operator turned that on."""
    if installation.settings.webhooks == "off":
        yield
        return
    courier = Courier(installation.watches, Fetcher())
    courier.start()
    try:
        yield
    finally:
        await run_in_threadpool(courier.stop, STOP_S)


def _open(settings: Settings) -> Installation:
    """Return the open installation with its jobs made, so that unfit keys stop the start, not a request."""
    installation = Installation.open(settings)
    try:
        _ = installation.verifier, installation.searcher, installation.custody, installation.resolver
        _ = installation.access, installation.anonymous, installation.tokens, installation.checking
    except BaseException:
        installation.close()
        raise
    return installation
