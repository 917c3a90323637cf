"""What every answer carries: request id, security headers, the state of the caller's budget."""

from __future__ import annotations

import logging
import uuid
from typing import Final

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
        request_id, started = str(uuid.uuid4()), False
        scope.setdefault("state", {})["request_id"] = request_id
        added = security_headers(scope["path"], request_id)

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.update(added)
                headers.setdefault("Cache-Control", "no-store")
                headers.update(scope["state"].get("budget", {}))
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:  # the process edge: a bug in one request must not end the others
            _log.exception("request %s failed", request_id)
            if started:
                raise
            await bug(Request(scope))(scope, receive, sending)
