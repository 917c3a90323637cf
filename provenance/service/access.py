"""Access: API keys, their scopes and tenants, and the audit trail of what callers changed.

A key reads ``prov_<id>_<secret>``: eight characters that name it and 256 random bits, of which only the
SHA-256 is kept. A fast digest is right here, because nobody can guess 256 bits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from provenance.errors import FormatError, NotFoundError, UnauthenticatedError
from provenance.ledger.database import reading, writing
from provenance.ledger.rows import microseconds_of, time_of
from provenance.service.tables import API_KEY, AUDIT, Database, now_us

_KEY: Final = re.compile(r"prov_([a-z2-7]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
#: Compared with when there is no such key, so that this takes as long as a wrong secret (SR-24, case 93).
_NOBODY: Final = hashlib.sha256(b"").digest()
#: How exactly the last use is kept; a write for every request would cost more than the request.
USE_STEP_US: Final = 60_000_000


class Scope(StrEnum):
    """What a caller may do. The three with a colon are those of the C2PA Soft Binding Resolution API."""

    VERIFY = "verify"  # check files, read reports and jobs
    LOOKUP = "lookup"  # ask the registry by hashes
    FETCH_MANIFESTS = "fetch:manifests"
    STORE_MANIFESTS = "store:manifests"
    STORE_BINDINGS = "store:bindings"
    PUBLISH = "publish"  # sign, register, withdraw and dispute
    WATCH = "watch"  # hear of altered copies of the tenant's assets


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        tenant: Whose assets they are; empty for anonymous callers.
        actor: The key or subject, for the audit trail; ``anonymous`` without one.
        scopes: What they may do.
    """

    tenant: str
    actor: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of an API key; the secret is not.

    Attributes:
        id: Its public name.
        tenant: Whose it is.
        label: What it is for.
        scopes: What it allows.
        created: When it was made.
        expires: When it ends, or None.
        revoked: When it was revoked, or None.
        used: When it was last used, to the minute, or None.
    """

    id: str
    tenant: str
    label: str
    scopes: frozenset[Scope]
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    used: datetime | None


def parse_scopes(text: str) -> frozenset[Scope]:
    """Return the scopes in a text of names between spaces or commas.

    Raises:
        FormatError: A name is unknown.
    """
    try:
        return frozenset(Scope(name) for name in text.replace(",", " ").split())
    except ValueError as cause:
        known = ", ".join(Scope)
        raise FormatError(
            f"expected scopes among {known}, found another", hint="see docs/callers.md"
        ) from cause


class Access:
    """API keys and the audit trail.

    Args:
        database: From :func:`provenance.service.schema.open_database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, tenant: str, label: str, scopes: frozenset[Scope], expires: datetime | None
    ) -> tuple[ApiKey, str]:
        """Return a new key and its full text, which cannot be shown again.

        Raises:
            FormatError: No scope, or a tenant that is not 1 to 64 of ``a-z 0-9 . _ -``.
        """
        if _TENANT.fullmatch(tenant) is None or not scopes:
            raise FormatError(
                "expected a tenant of 1 to 64 characters of a-z 0-9 . _ - and at least one scope, found others"
            )
        key_id = base64.b32encode(secrets.token_bytes(5)).decode().lower()
        secret = secrets.token_urlsafe(32)
        row: dict[str, Any] = {
            "id": key_id,
            "secret_sha256": _digest(secret),
            "tenant": tenant,
            "label": label,
            "scopes": " ".join(sorted(scopes)),
            "created_us": now_us(),
            "expires_us": None if expires is None else microseconds_of(expires),
            "revoked_us": None,
            "used_us": None,
        }
        with writing(self._database) as connection:
            connection.execute(API_KEY.insert(), row)
        return self._find(key_id), f"prov_{key_id}_{secret}"

    def keys(self) -> list[ApiKey]:
        """Return all keys, oldest first."""
        with reading(self._database) as connection:
            rows = connection.execute(API_KEY.select().order_by(API_KEY.c.created_us, API_KEY.c.id)).all()
        return [_api_key(row) for row in rows]

    def revoke(self, key_id: str) -> ApiKey:
        """Refuse a key from now on; repeating it changes nothing.

        Raises:
            NotFoundError: There is no such key.
        """
        self._find(key_id)
        change = API_KEY.update().where(API_KEY.c.id == key_id, API_KEY.c.revoked_us.is_(None))
        with writing(self._database) as connection:
            connection.execute(change.values(revoked_us=now_us()))
        return self._find(key_id)

    def _find(self, key_id: str) -> ApiKey:
        with reading(self._database) as connection:
            row = connection.execute(API_KEY.select().where(API_KEY.c.id == key_id)).first()
        if row is None:
            raise NotFoundError("expected the id of an API key, found none of this name")
        return _api_key(row)

    def caller(self, text: str) -> Caller:
        """Return who holds the key ``text``; unknown, wrong, expired and revoked keys get one answer.

        Raises:
            UnauthenticatedError: Not a key that is in use.
        """
        found = _KEY.fullmatch(text)
        key_id, secret = found.groups() if found is not None else ("", "")
        with reading(self._database) as connection:
            row = connection.execute(API_KEY.select().where(API_KEY.c.id == key_id)).first()
        same = hmac.compare_digest(_digest(secret), row.secret_sha256 if row is not None else _NOBODY)
        now = now_us()
        ended = row is None or row.revoked_us is not None or (row.expires_us or now + 1) <= now
        if row is None or ended or not same:
            raise unauthenticated()
        if row.used_us is None or now - row.used_us >= USE_STEP_US:
            with writing(self._database) as connection:
                connection.execute(API_KEY.update().where(API_KEY.c.id == key_id).values(used_us=now))
        return Caller(row.tenant, f"key:{key_id}", parse_scopes(row.scopes))

    def note(self, caller: Caller, action: str, target: str, outcome: str) -> None:
        """Add to the audit trail: who did what to which thing, and how it ended."""
        row = {
            "at_us": now_us(),
            "tenant": caller.tenant,
            "actor": caller.actor,
            "action": action,
            "target": target[:512],
            "outcome": outcome,
        }
        with writing(self._database) as connection:
            connection.execute(AUDIT.insert(), row)

    def trail(self, limit: int = 100) -> list[tuple[datetime, str, str, str, str, str]]:
        """Return the newest events: time, tenant, actor, action, target, outcome."""
        query = AUDIT.select().order_by(AUDIT.c.id.desc()).limit(limit)
        with reading(self._database) as connection:
            rows = connection.execute(query).all()
        return [(time_of(r.at_us), r.tenant, r.actor, r.action, r.target, r.outcome) for r in rows]


def unauthenticated() -> UnauthenticatedError:
    """Return the one error for every credential that is not accepted."""
    return UnauthenticatedError(
        "expected a valid API key or token, found another", hint="send Authorization: Bearer <key>"
    )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _api_key(row: Any) -> ApiKey:
    times = [
        None if each is None else time_of(each) for each in (row.expires_us, row.revoked_us, row.used_us)
    ]
    return ApiKey(row.id, row.tenant, row.label, parse_scopes(row.scopes), time_of(row.created_us), *times)
