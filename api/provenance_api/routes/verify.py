"""Checking a file, and its report for an hour afterwards."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, Response

from provenance.checking import problem_of
from provenance.errors import NotFoundError
from provenance.report.html import report_html
from provenance.report.timeline import evidence_timeline
from provenance.service.access import Caller
from provenance.service.jobs import JobState
from provenance_api import openapi
from provenance_api.auth import Verifying
from provenance_api.bodies import strict_body
from provenance_api.fetching import fetched
from provenance_api.job_schemas import JobOut
from provenance_api.prefer import Preference, Preferred
from provenance_api.problems import failure
from provenance_api.registry_schemas import AddressIn
from provenance_api.schemas import ReportOut
from provenance_api.uploads import Received, Upload
from provenance_api.wiring import Wired, Wiring

router = APIRouter(prefix="/v1", tags=["verify"])
#: The name of a kept report in an address.
ReportName = Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$")]
#: Which original of a collage, in the order of the report.
MapNumber = Annotated[int, Query(ge=1, le=1000)]
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_BODY: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "name",
            "in": "query",
            "schema": {"type": "string"},
            "description": "Name to show for a raw body; never used as a path.",
        }
    ],
    "requestBody": {
        "required": True,
        "description": "The media file itself, or a form with the file in the field `file`.",
        "content": {
            "application/octet-stream": _BINARY,
            "image/*": _BINARY,
            "video/*": _BINARY,
            "audio/*": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _BINARY["schema"]},
                }
            },
        },
    },
}


_UPSTREAM: Final = openapi.answer(502, "The address gave no usable answer")
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "model": JobOut,
        "description": "Handed in as a job",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "The job"}},
    }
}
#: Media type of drawings. The policy of all API answers (no script, no style, sandboxed) covers them.
SVG: Final = "image/svg+xml"
_DRAWING: Final = {
    "schema": {"type": "string"},
    "example": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 260" role="img">…</svg>',
}
_DRAWN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The drawing, without script or anything to be fetched", "content": {SVG: _DRAWING}},
    304: {"description": "As the client has it"},
}


@router.post("/verify", openapi_extra=_BODY, response_model=ReportOut, responses=_ANSWERS)
def verify(
    caller: Verifying, upload: Received, preferred: Preferred, request: Request, wiring: Wired
) -> Response:
    """Check a picture at once, a film or recording as a job; the file is deleted when the check is over.

    ``Prefer: wait=N`` waits up to 30 seconds for a job, ``Prefer: respond-async`` for none. A job that fails
    meanwhile is answered like a picture that cannot be read.
    """
    return _answer(caller, upload, preferred, request, wiring)


@router.post("/verify/url", response_model=ReportOut, responses=_ANSWERS | _UPSTREAM,
             openapi_extra=openapi.json_body(AddressIn))  # fmt: skip
def verify_url(
    caller: Verifying,
    asked: Annotated[AddressIn, Depends(strict_body(AddressIn))],
    preferred: Preferred,
    request: Request,
    wiring: Wired,
) -> Response:
    """Fetch a file and check it like an upload; off unless the operator turned it on."""
    with fetched(wiring, asked.url, asked.name) as upload:
        return _answer(caller, upload, preferred, request, wiring)


def _answer(
    caller: Caller, upload: Upload, preferred: Preference, request: Request, wiring: Wiring
) -> Response:
    """Return the report of a picture, or the job that checks another file."""
    if upload.is_picture and not preferred.asynchronous:
        report = wiring.check(upload.checked, caller)
        return openapi.reply(ReportOut.from_domain(report, wiring.shelf.put(report)), exclude_none=False)
    job = wiring.wait(wiring.check_later(upload.checked, caller), preferred.wait_s)
    if job.state is JobState.DONE:
        out = ReportOut.from_domain(wiring.report(job.id), job.id)
        return openapi.reply(out, headers=preferred.applied, exclude_none=False)
    if job.state is JobState.FAILED:
        return failure(request, job.id, problem_of(job))
    headers = {"Location": f"/v1/jobs/{job.id}", "Retry-After": "2"} | preferred.applied
    return openapi.reply(JobOut.from_domain(job), 202, headers, exclude_none=False)


@router.get("/reports/{name}")
def report(name: ReportName, wiring: Wired) -> ReportOut:
    """Return a report again; reports are kept for up to an hour."""
    return ReportOut.from_domain(wiring.report(name), name)


@router.get("/reports/{name}/report.html", response_class=HTMLResponse)
def report_file(name: ReportName, wiring: Wired) -> Response:
    """Return a report as one HTML file that needs nothing else, to keep or to print."""
    document = report_html(wiring.report(name), standalone=True)
    disposition = 'attachment; filename="provenance-report.html"'
    return HTMLResponse(document, headers={"Content-Disposition": disposition})


@router.get(
    "/reports/{name}/map.png", response_class=Response, responses={200: {"content": {"image/png": {}}}}
)
def report_map(name: ReportName, wiring: Wired, match: MapNumber = 1) -> Response:
    """Return the copy beside a registered original with the differences marked; of a collage, one for each."""
    report = wiring.report(name)
    count = len(report.map_titles)
    if match > count:
        raise NotFoundError(f"expected a difference picture, this report has {count or 'none'}")
    return Response(report.map_at(match - 1), media_type="image/png")


@router.get("/reports/{name}/timeline.svg", response_class=Response, responses=_DRAWN)
def report_timeline(name: ReportName, wiring: Wired, request: Request) -> Response:
    """Return film or sound beside its registered original over time: what is the same, what differs, what is missing.

    One pair of lanes for the picture and one for the sound, with the seconds that differ hatched and numbered; the
    same in words is in the drawing's description and in the report's ``alignment`` and ``comparison``.
    """
    drawn = evidence_timeline(wiring.report(name).evidence)
    if drawn is None:
        raise NotFoundError("expected a film or recording with a registered original, this report has none")
    # Its name leads to the copy's verdict: a browser may keep it, a cache between must not.
    return openapi.tagged_content(drawn.encode(), SVG, request, cached="private, no-cache")
