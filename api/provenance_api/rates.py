"""How often one address or one key may ask: token buckets, and what the answer says of them (SR-23)."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.exceptions import HTTPException


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of a bucket after a request.

    Attributes:
        left: Whole requests that may follow at once.
        full_s: Seconds until the bucket is full again.
        wait_s: 0 where this request passes, else seconds until one does.
    """

    left: int
    full_s: float
    wait_s: float


class Rates:
    """Token buckets, one for each name: bursts are fine, floods get 429.

    Args:
        per_minute: Tokens that come back in a minute.
        burst: Tokens of a full bucket.
        clock: Monotonic seconds.
    """

    #: Buckets kept; the one unused for longest goes first, and had time to fill up again.
    MAX_NAMES: Final = 10_000

    def __init__(
        self, per_minute: float = 120, burst: float = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_minute, self._rate, self._burst, self._clock = per_minute, per_minute / 60, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str) -> Budget:
        """Take a token of ``name``, if there is one, and return what is left."""
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.pop(name, (self._burst, now))
            tokens = min(self._burst, tokens + (now - since) * self._rate)
            allowed = tokens >= 1
            tokens -= 1 if allowed else 0
            self._buckets[name] = (tokens, now)
            if len(self._buckets) > self.MAX_NAMES:
                self._buckets.popitem(last=False)
        wait_s = 0.0 if allowed else (1 - tokens) / self._rate
        return Budget(int(tokens), (self._burst - tokens) / self._rate, wait_s)

    def policy(self, name: str) -> str:
        """Return the bucket as ``RateLimit-Policy`` says it (IETF draft ratelimit-headers-10)."""
        return f'"{name}";q={int(self._burst)};w={math.ceil(self._burst / self._rate)}'


def admit(request: Request, actor: str | None) -> None:
    """Take a token of the key or subject ``actor``, or of the address where there is none.

    Raises:
        HTTPException: 429 with ``Retry-After``.
    """
    rates: Rates = request.app.state.rates if actor is None else request.app.state.key_rates
    kind = "address" if actor is None else "key"
    address = request.client.host if request.client is not None else "unknown"
    budget = rates.take(actor if actor is not None else address)
    request.state.budget = {
        "RateLimit-Policy": rates.policy(kind),
        "RateLimit": f'"{kind}";r={budget.left};t={math.ceil(budget.full_s)}',
    }
    if budget.wait_s:
        more = "; a caller with a key has more" if actor is None else ""
        detail = f"expected fewer requests from this {kind}: wait before the next{more}"
        raise HTTPException(429, detail, {"Retry-After": str(math.ceil(budget.wait_s))})
