"""What every answer carries, and how often one address may ask."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
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
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:  # the process edge: a bug in one request must not end the others
            _log.exception("request %s failed", request_id)
            if started:
                raise
            await bug(Request(scope))(scope, receive, sending)


class Rates:
    """Token buckets, one for each address: bursts are fine, floods get 429 (SR-23).

    Args:
        per_minute: Tokens that come back in a minute.
        burst: Tokens of a full bucket.
        clock: Monotonic seconds.
    """

    #: Buckets kept; the one unused for longest goes first, and had time to fill up again.
    MAX_ADDRESSES: Final = 10_000

    def __init__(
        self, per_minute: float = 120, burst: float = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = per_minute / 60, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, address: str) -> float:
        """Take a token of ``address``; return 0, or the seconds until there is one."""
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.pop(address, (self._burst, now))
            tokens = min(self._burst, tokens + (now - since) * self._rate)
            allowed = tokens >= 1
            self._buckets[address] = (tokens - 1 if allowed else tokens, now)
            if len(self._buckets) > self.MAX_ADDRESSES:
                self._buckets.popitem(last=False)
            return 0.0 if allowed else (1 - tokens) / self._rate


async def limited(request: Request) -> None:
    """Refuse an address that asks too often; a dependency of every route that costs work.

    Raises:
        HTTPException: 429 with ``Retry-After``.
    """
    rates: Rates = request.app.state.rates
    address = request.client.host if request.client is not None else "unknown"
    if wait_s := rates.take(address):
        detail = "expected fewer requests from this address; wait before the next"
        raise HTTPException(429, detail, {"Retry-After": str(int(wait_s) + 1)})
