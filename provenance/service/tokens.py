"""Tokens: OpenID Connect access tokens (JWT) as callers; signed by one issuer, for this audience only."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import jwt

from provenance.errors import ConfigError
from provenance.service.access import Caller, Scope, unauthenticated

#: Asymmetric algorithms only: with HS256 the published key would be the secret (SR-24, case 94).
ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
#: Seconds a clock may differ from the issuer's.
LEEWAY_S: Final = 30
#: Seconds after which the issuer's keys are read again, and the least between two reads for an unknown key.
KEYS_S, RETRY_S = 3600.0, 60.0
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_SCOPES: Final = {scope.value for scope in Scope}


class Tokens:
    """Checks access tokens of one issuer.

    Args:
        issuer: The ``iss`` that is accepted.
        audience: The ``aud`` that is accepted.
        tenant_claim: Claim that names the tenant.
        read_keys: Returns the issuer's JWKS document; called rarely.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        tenant_claim: str,
        read_keys: Callable[[], bytes],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer, self._audience, self._tenant_claim = issuer, audience, tenant_claim
        self._read_keys, self._clock = read_keys, clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def caller(self, text: str) -> Caller:
        """Return who the token speaks of.

        Raises:
            UnauthenticatedError: Malformed, badly signed, expired, or for another issuer or audience.
            ConfigError: The issuer's keys cannot be read as JWKS.
        """
        try:
            head = jwt.get_unverified_header(text)
            if head.get("alg") not in ALGORITHMS:
                raise unauthenticated()
            key = self._key(str(head.get("kid", "")))
            claims = jwt.decode(
                text,
                key.key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.InvalidTokenError as cause:
            raise unauthenticated() from cause
        tenant = claims.get(self._tenant_claim)
        if not isinstance(tenant, str) or _TENANT.fullmatch(tenant) is None:
            raise unauthenticated()
        return Caller(tenant, f"sub:{claims['sub']}"[:200], _scopes(claims))

    def _key(self, name: str) -> jwt.PyJWK:
        with self._lock:
            age = self._clock() - self._read_at
            if age > KEYS_S or (name not in self._keys and age > RETRY_S):
                self._keys, self._read_at = _parse(self._read_keys()), self._clock()
            found = self._keys.get(name)
        if found is None:
            raise unauthenticated()
        return found


def _scopes(claims: dict[str, Any]) -> frozenset[Scope]:
    """Return the scopes that are known here; tokens carry others, for example ``openid``."""
    said = claims.get("scope", claims.get("scp", ""))
    names = said.split() if isinstance(said, str) else said
    return frozenset(Scope(one) for one in names if isinstance(one, str) and one in _SCOPES)


def _parse(document: bytes) -> dict[str, jwt.PyJWK]:
    try:
        listed = json.loads(document)["keys"]
        made = [jwt.PyJWK.from_dict(one) for one in listed if one.get("kty") in ("RSA", "EC", "OKP")]
    except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as cause:
        raise ConfigError(
            "expected the issuer's keys as a JWKS document, found another", hint="check oidc_jwks"
        ) from cause
    return {one.key_id or "": one for one in made if one.algorithm_name in ALGORITHMS}
