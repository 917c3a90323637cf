"""The page for people; all of it works without JavaScript."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from provenance.checking import problem_of
from provenance.errors import NotFoundError
from provenance.report.html import FACES, report_html
from provenance.service.jobs import Job, JobState
from provenance_api.auth import Verifying
from provenance_api.job_schemas import JobOut
from provenance_api.page import render, static_files
from provenance_api.problems import problem
from provenance_api.routes.verify import ReportName
from provenance_api.schemas import LinksOut
from provenance_api.uploads import Received
from provenance_api.wiring import Wired

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
async def start(request: Request) -> HTMLResponse:
    """Show the form."""
    limits = request.app.state.settings.limits
    return HTMLResponse(render("start.html", request, faces=FACES, limits=limits))


@router.post("/check")
def check(caller: Verifying, upload: Received, wiring: Wired) -> RedirectResponse:
    """Check the chosen picture and go to its report; of film and sound, go to the page of their job.

    The type that a browser declares is ignored: it follows the file's name, which people get wrong.
    """
    checked = replace(upload.checked, declared=None)
    if upload.is_picture:
        name = wiring.shelf.put(wiring.check(checked, caller))
    else:
        name = wiring.check_later(checked, caller).id
    return RedirectResponse(f"/r/{name}", status_code=303)


@router.get("/r/{name}")
def result(request: Request, name: ReportName, wiring: Wired) -> Response:
    """Show a report; of a job that is not over, how far it is and what was found so far."""
    try:
        report = wiring.report(name)
    except NotFoundError:
        job = wiring.installation.jobs.find(name)
        if job.state is JobState.FAILED:
            return _failed(request, job)
        if job.state.over:
            raise
        return HTMLResponse(render("waiting.html", request, job=JobOut.from_domain(job)))
    links = LinksOut.of(name, report)
    body = report_html(report, map_href=links.map, json_href=links.self, standalone=False)
    return HTMLResponse(render("result.html", request, report=report, body=body, links=links))


def _failed(request: Request, job: Job) -> Response:
    """Return the problem that a direct answer would have been."""
    why = problem_of(job)
    title = "The file could not be checked"
    return problem(request, 422, why["code"], title, detail=why["detail"], hint=why["hint"])


@router.get("/reference")
async def reference(request: Request) -> HTMLResponse:
    """List the routes of the API for people who write programs."""
    return HTMLResponse(render("reference.html", request, api=request.app.openapi()))


@router.get("/static/{name}")
async def static(name: str, v: str = "") -> Response:
    """Return a file of the page; an address with the right version may be cached for ever."""
    found = static_files().get(name)
    if found is None:
        raise HTTPException(404)
    kept = "public, max-age=31536000, immutable" if v == found.version else "no-cache"
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": kept})
