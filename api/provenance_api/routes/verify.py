"""Checking a file, and its report for an hour afterwards."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, Response

from provenance.errors import NotFoundError
from provenance.report.html import report_html
from provenance_api.auth import Verifying
from provenance_api.schemas import ReportOut
from provenance_api.uploads import Received
from provenance_api.wiring import Wired

router = APIRouter(prefix="/v1", tags=["verify"])
#: The name of a kept report in an address.
ReportName = Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$")]
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


@router.post("/verify", openapi_extra=_BODY)
def verify(_caller: Verifying, upload: Received, wiring: Wired) -> ReportOut:
    """Check a picture, film or recording; the file is deleted before the answer is sent."""
    report = wiring.check(upload.path, upload.name, upload.declared)
    return ReportOut.from_domain(report, wiring.shelf.put(report))


@router.get("/reports/{name}")
def report(name: ReportName, wiring: Wired) -> ReportOut:
    """Return a report again; reports are kept in memory for up to an hour."""
    return ReportOut.from_domain(wiring.shelf.get(name), name)


@router.get("/reports/{name}/report.html", response_class=HTMLResponse)
def report_file(name: ReportName, wiring: Wired) -> Response:
    """Return a report as one HTML file that needs nothing else, to keep or to print."""
    document = report_html(wiring.shelf.get(name), standalone=True)
    disposition = 'attachment; filename="provenance-report.html"'
    return HTMLResponse(document, headers={"Content-Disposition": disposition})


@router.get(
    "/reports/{name}/map.png", response_class=Response, responses={200: {"content": {"image/png": {}}}}
)
def report_map(name: ReportName, wiring: Wired) -> Response:
    """Return the copy beside the registered original with the differences marked."""
    picture = wiring.shelf.get(name).map_png
    if picture is None:
        raise NotFoundError("expected a difference picture, this report has none")
    return Response(picture, media_type="image/png")
