"""Jobs: how far, what came out, stop."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from provenance.errors import NotFoundError
from provenance.service.access import Caller
from provenance.service.jobs import Job
from provenance_api.auth import Verifying
from provenance_api.job_schemas import JobOut
from provenance_api.wiring import Wired, Wiring

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
#: Seconds between looks at a job that is followed, and between signs of life on a silent stream.
LOOK_S, ALIVE_S = 0.25, 15.0
#: Longest stream, seconds; the client connects again and loses nothing.
MAX_STREAM_S: Final = 900.0


def job_of(wiring: Wiring, caller: Caller, job_id: str) -> Job:
    """Return a job of ``caller``; that of another tenant does not exist for them.

    Raises:
        NotFoundError: There is no such job.
    """
    job = wiring.installation.jobs.find(job_id)
    if job.tenant not in ("", caller.tenant):
        raise NotFoundError("expected a job that was handed in within the hour, found none of this name")
    return job


@router.get("/{job_id}")
def job(caller: Verifying, job_id: JobId, wiring: Wired) -> JobOut:
    """Return how far a job is and, once it is over, where its report is."""
    return JobOut.from_domain(job_of(wiring, caller, job_id))


@router.delete("/{job_id}", status_code=202)
def cancel(caller: Verifying, job_id: JobId, wiring: Wired) -> JobOut:
    """Cancel a job and remove its file; one that is over stays as it is."""
    job_of(wiring, caller, job_id)
    return JobOut.from_domain(wiring.installation.checking.cancel(job_id))


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={200: {"description": "Server-sent events", "content": {"text/event-stream": {}}}},
)
async def events(caller: Verifying, job_id: JobId, wiring: Wired) -> StreamingResponse:
    """Follow a job: ``progress`` whenever something changes, then ``done``, ``failed`` or ``cancelled``."""
    first = await run_in_threadpool(job_of, wiring, caller, job_id)
    wiring.streams.enter()
    stream = _follow(wiring, first)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _follow(wiring: Wiring, job: Job) -> AsyncIterator[bytes]:
    shown, started, spoke = "", time.monotonic(), time.monotonic()
    try:
        while True:
            said = JobOut.from_domain(job).model_dump(mode="json")
            text = json.dumps(said)
            if text != shown:
                shown, spoke = text, time.monotonic()
                yield _event(job.state.value if job.state.over else "progress", said)
            if job.state.over or spoke - started > MAX_STREAM_S:
                return
            if time.monotonic() - spoke > ALIVE_S:
                spoke = time.monotonic()
                yield b": still there\n\n"
            await asyncio.sleep(LOOK_S)
            try:
                job = await run_in_threadpool(wiring.installation.jobs.find, job.id)
            except NotFoundError:
                return
    finally:
        wiring.streams.leave()


def _event(name: str, said: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(said)}\n\n".encode()
