"""What every answer carries: request id, security headers, the state of the caller's budget."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Final

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from provenance_api.logs import request_id, trace_id
from provenance_api.metrics import Metrics
from provenance_api.page import is_page
from provenance_api.problems import bug

_log = logging.getLogger(__name__)

#: Answers to programs load nothing and may be framed by nobody. Source: security.md SR-17.
API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
#: The page loads its own files only and runs no inline script or style.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: Ids that clients may bring: long enough to be theirs alone, short enough for a log line.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
#: Source: W3C Trace Context, 3.2, traceparent of version 00.
_TRACE: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def security_headers(path: str, request_id: str) -> dict[str, str]:
    """Return what every answer for ``path`` carries: the policy, the request's id and the fixed headers."""
    policy = PAGE_POLICY if is_page(path) else API_POLICY
    return _FIXED | {"Content-Security-Policy": policy, "X-Request-Id": request_id}


class Edge:
    """ASGI middleware around everything: request id, security headers, and an answer to every bug.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``scope``, adding the headers to whatever is sent."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        named, started, status, since = _identify(scope), False, 0, time.perf_counter()
        added = security_headers(scope["path"], named)

        async def sending(message: Message) -> None:
            nonlocal started, status
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(added)
                headers.setdefault("Cache-Control", "no-store")
                headers.update(scope["state"].get("budget", {}))
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:  # the process edge: a bug in one request must not end the others
            _log.exception("request %s failed", named)
            if started:
                raise
            await bug(Request(scope))(scope, receive, sending)
        finally:
            _tell(scope, status, time.perf_counter() - since)


def _identify(scope: Scope) -> str:
    """Give the request its id: the client's, where it has the form of one, else a new one."""
    headers = dict(scope["headers"])
    said = headers.get(b"x-request-id", b"").decode("latin-1")
    named = said if _REQUEST_ID.fullmatch(said) else str(uuid.uuid4())
    traced = _TRACE.fullmatch(headers.get(b"traceparent", b"").decode("latin-1"))
    scope.setdefault("state", {})["request_id"] = named
    request_id.set(named)
    trace_id.set(traced.group(1) if traced is not None else "")
    return named


def _tell(scope: Scope, status: int, seconds: float) -> None:
    """Log and count an answer by the template of its route, which holds no identifier."""
    template = getattr(scope.get("route"), "path_format", "unknown")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    metrics: Metrics = scope["app"].state.metrics
    metrics.answered(method, template, status, seconds)
    facts = {"method": method, "route": template, "status": status, "seconds": round(seconds, 4)}
    _log.info("answered", extra={"facts": facts})
