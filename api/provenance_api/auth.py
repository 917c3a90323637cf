"""Who asks: one dependency for API keys, OpenID Connect tokens and callers without either."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool

from provenance.errors import AuthorisationError, UnauthenticatedError
from provenance.service.access import Caller, Scope, unauthenticated
from provenance_api.rates import admit
from provenance_api.wiring import Wiring, wired

_KEY_PREFIX: Final = "prov_"
#: Seconds that accepted credentials are not looked up again: how long a revoked key may still work.
REMEMBERED_S: Final = 1.0
MAX_REMEMBERED: Final = 1_000


class _Bearer(SecurityBase):
    """The security scheme in the OpenAPI document; the check itself is :func:`caller_of`."""

    def __init__(self) -> None:
        self.model = BearerModel(description="An API key (`prov_…`) or an OpenID Connect access token.")
        self.scheme_name = "bearer"

    async def __call__(self, request: Request) -> str:
        """Return the credentials of ``request``, or an empty text."""
        kind, _, credentials = request.headers.get("authorization", "").partition(" ")
        return credentials.strip() if kind.lower() == "bearer" else kind and "?"


_bearer = _Bearer()


def caller_of(wiring: Wiring, credentials: str) -> Caller:
    """Return who holds ``credentials``; without any, the anonymous caller of this installation.

    Raises:
        UnauthenticatedError: Credentials were given and are not accepted.
    """
    if not credentials:
        return Caller("", "anonymous", wiring.installation.anonymous)
    if credentials.startswith(_KEY_PREFIX):
        return wiring.installation.access.caller(credentials)
    tokens = wiring.installation.tokens
    if tokens is None:
        raise unauthenticated()
    return tokens.caller(credentials)


async def _known(request: Request, credentials: str) -> Caller:
    """Return who holds ``credentials``, remembered for :data:`REMEMBERED_S` so that bursts cost one look-up."""
    if not credentials:
        return caller_of(wired(request), credentials)
    remembered: OrderedDict[bytes, tuple[Caller, float]] = request.app.state.callers
    name, now = hashlib.sha256(credentials.encode("utf-8", "replace")).digest(), time.monotonic()
    found = remembered.get(name)
    if found is not None and found[1] > now:
        return found[0]
    caller = await run_in_threadpool(caller_of, wired(request), credentials)
    remembered[name] = (caller, now + REMEMBERED_S)
    while len(remembered) > MAX_REMEMBERED:
        remembered.popitem(last=False)
    return caller


def needs(scope: Scope) -> Callable[[Request, str], Awaitable[Caller]]:
    """Return a dependency that lets callers with ``scope`` pass, and counts their requests.

    Its errors: UnauthenticatedError (401), AuthorisationError (403), and 429 for too many requests.
    """

    async def check(request: Request, credentials: Annotated[str, Depends(_bearer)]) -> Caller:
        """Return the caller."""
        try:
            caller = await _known(request, credentials)
        except UnauthenticatedError:
            admit(request, None)
            raise
        admit(request, caller.actor if caller.tenant else None)
        if scope not in caller.scopes:
            if caller.tenant:
                raise AuthorisationError(f"expected a caller with the scope {scope}, found one without")
            raise UnauthenticatedError(
                f"expected credentials with the scope {scope}, found none",
                hint="send Authorization: Bearer <key>",
            )
        return caller

    return check


Verifying = Annotated[Caller, Depends(needs(Scope.VERIFY))]
LookingUp = Annotated[Caller, Depends(needs(Scope.LOOKUP))]
Fetching = Annotated[Caller, Depends(needs(Scope.FETCH_MANIFESTS))]
StoringManifests = Annotated[Caller, Depends(needs(Scope.STORE_MANIFESTS))]
StoringBindings = Annotated[Caller, Depends(needs(Scope.STORE_BINDINGS))]
Publishing = Annotated[Caller, Depends(needs(Scope.PUBLISH))]
Watching = Annotated[Caller, Depends(needs(Scope.WATCH))]
