"""Errors as RFC 9457 problems: one table from the error tree to HTTP, and the handlers that use it."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from provenance import errors
from provenance_api.page import is_page, render
from provenance_api.standard import is_standard, status_of

_log = logging.getLogger(__name__)

#: Problem types are names, not addresses: they stay the same wherever the service runs (RFC 9457, 3.1.1).
TYPE_PREFIX: Final = "urn:content-provenance:problem:"
#: Media type of problem documents. Source: RFC 9457, section 3.
MEDIA_TYPE: Final = "application/problem+json"
#: Seconds after which a refused client may try again.
RETRY_AFTER_S: Final = 5
#: What a 401 asks for. Source: RFC 6750, section 3.
CHALLENGE: Final = 'Bearer realm="content-provenance"'
#: What passes by itself: no descriptor, memory or disk left. Case 112.
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.ENOBUFS})
_PATH = re.compile(r"(?<![\w:/.])/(?:[\w.~-]+/)+[\w.~-]+")


@dataclass(frozen=True, slots=True)
class Kind:
    """How one class of error is told to a client.

    Attributes:
        status: HTTP status.
        title: The kind of problem in words; the same for every occurrence.
        told: Whether the error's own text may leave the process. Texts about this installation (keys,
            settings, disks) hold paths and are logged only (SR-25).
    """

    status: int
    title: str
    told: bool = True


#: A worker that dies or runs out of time does so because of the file it reads: trying again does not help,
#: so it is the input that is refused.
TABLE: Final[dict[type[errors.ProvenanceError], Kind]] = {
    errors.ProvenanceError: Kind(500, "Something went wrong here", told=False),
    errors.InputError: Kind(422, "The input cannot be used"),
    errors.MediaError: Kind(422, "The file cannot be read"),
    errors.FormatError: Kind(422, "A value has another form than expected"),
    errors.UnsupportedError: Kind(415, "This type of file is not supported"),
    errors.LimitError: Kind(413, "The file is over a limit"),
    errors.UnmatchableError: Kind(422, "The content has too little to recognise"),
    errors.OutputExistsError: Kind(409, "The result exists already"),
    errors.ConfigError: Kind(500, "The service is not set up correctly", told=False),
    errors.VerificationError: Kind(422, "A check failed"),
    errors.CredentialError: Kind(422, "The Content Credentials cannot be used"),
    errors.ProofError: Kind(422, "A proof does not hold"),
    errors.CheckpointError: Kind(422, "A checkpoint does not hold"),
    errors.ReceiptError: Kind(422, "A receipt does not hold"),
    errors.LedgerError: Kind(409, "The ledger refused"),
    errors.ConflictError: Kind(409, "The same was asked or written differently before"),
    errors.NotFoundError: Kind(404, "Not found"),
    errors.SchemaError: Kind(503, "The registry has another version", told=False),
    errors.KeyMaterialError: Kind(500, "The service is not set up correctly", told=False),
    errors.AuthorisationError: Kind(403, "Not allowed"),
    errors.UnauthenticatedError: Kind(401, "Not identified"),
    errors.UnavailableError: Kind(503, "Not possible now"),
    errors.WorkerError: Kind(422, "The file could not be read safely"),
    errors.DeadlineError: Kind(422, "Reading the file takes too long"),
    errors.BusyError: Kind(503, "Too busy now"),
    errors.StorageError: Kind(503, "Not possible now", told=False),
    errors.FetchError: Kind(502, "The address gave no usable answer"),
}


def problem(
    request: Request,
    status: int,
    code: str,
    title: str,
    *,
    detail: str = "",
    hint: str = "",
    fields: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a problem: JSON for programs, a page with the same words where a person is reading.

    Args:
        request: What was asked; its id is the problem's ``instance``.
        status: HTTP status.
        code: Stable code, last part of the ``type``.
        title: The kind of problem.
        detail: What happened this time.
        hint: What to do next.
        fields: For wrong fields: ``pointer`` and ``detail`` each.
        headers: Further headers, for example ``Allow``.
    """
    status = status_of(request.url.path, status)
    made: dict[str, Any] = {"type": TYPE_PREFIX + code, "title": title, "status": status, "code": code}
    made |= {"detail": detail} if detail else {}
    made |= {"hint": hint} if hint else {}
    made |= {"errors": fields} if fields else {}
    made["instance"] = f"urn:uuid:{request.state.request_id}"
    sent = dict(headers or {}) | {"Cache-Control": "no-store"}
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        sent.setdefault("Retry-After", str(RETRY_AFTER_S))
    if is_page(request.url.path):
        shown = {"detail": "", "hint": "", "errors": []} | made
        return HTMLResponse(render("problem.html", request, problem=shown), status, sent)
    if status == HTTPStatus.UNAUTHORIZED:
        sent.setdefault("WWW-Authenticate", CHALLENGE)
    if is_standard(request.url.path):
        return JSONResponse({"error": detail or title} | made, status, sent)
    return JSONResponse(made, status, sent, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make ``app`` answer every foreseen error with a problem."""
    app.add_exception_handler(errors.ProvenanceError, _on_known)
    app.add_exception_handler(RequestValidationError, _on_fields)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(OSError, _on_system)


def _on_known(request: Request, error: Exception) -> Response:
    if not isinstance(error, errors.ProvenanceError):
        raise TypeError(f"expected a ProvenanceError, found {type(error).__name__}")
    kind = TABLE[type(error)]
    if not kind.told:
        _log.error("request %s: %s: %s", request.state.request_id, error.code, error.message)
        return problem(request, kind.status, error.code, kind.title)
    detail, hint = (_PATH.sub("the file", text) for text in (error.message, error.hint))
    return problem(request, kind.status, error.code, kind.title, detail=detail, hint=hint)


def _on_fields(request: Request, error: Exception) -> Response:
    """Name the wrong fields; never repeat their values, which may be huge or hostile."""
    found = _causes(list(error.errors())) if isinstance(error, RequestValidationError) else []
    fields = [{"pointer": "/".join(map(str, one["loc"])), "detail": one["msg"]} for one in found[:20]]
    return problem(request, 422, "fields-invalid", "The request has wrong or missing values", fields=fields)


def _causes(found: list[Any]) -> list[Any]:
    """Leave out what is wrong only because something in it is: a list is too short without its wrong members."""
    places = [tuple(one["loc"]) for one in found]
    inner = [any(len(at) > len(own) and at[: len(own)] == own for at in places) for own in places]
    return [one for one, more in zip(found, inner, strict=True) if not more]


def failure(request: Request, job_id: str, told: Mapping[str, str]) -> Response:
    """Return why a job failed (``code``, ``detail``, ``hint``) as the problem that a direct answer would be."""
    kinds = {each.code: kind for each, kind in TABLE.items()}
    kind = kinds.get(told["code"], TABLE[errors.ProvenanceError])
    return problem(
        request,
        kind.status,
        told["code"],
        kind.title,
        detail=told["detail"],
        hint=told["hint"],
        headers={"Location": f"/v1/jobs/{job_id}"},
    )


def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError(f"expected an HTTPException, found {type(error).__name__}")
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-").replace("'", "")
    detail = "" if error.detail == phrase else str(error.detail)
    headers = dict(error.headers or {})
    return problem(request, error.status_code, code, phrase, detail=detail, headers=headers)


def _on_system(request: Request, error: Exception) -> Response:
    """Ask the client to come back where the system is out of descriptors, memory or disk; other errors are bugs."""
    if not isinstance(error, OSError) or error.errno not in _EXHAUSTED:
        raise error
    _log.error("request %s: %s", request.state.request_id, error)
    return problem(request, 503, "unavailable", "Too busy now", hint="try again in a few seconds")


def _on_disconnect(_request: Request, _error: Exception) -> Response:
    """Return an answer nobody reads: the client left while sending. What was received is already gone."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def bug(request: Request) -> Response:
    """Return the problem for an error nobody foresaw: an id that finds it in the log, and nothing else."""
    return problem(
        request, 500, "bug", "Something went wrong here", detail="this is a bug; quote the instance"
    )
