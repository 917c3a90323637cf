"""Ownership: through which tenant an asset was registered, and which assets only their tenant is shown."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.ledger.database import asking, reading, writing
from provenance.service.tables import OWNER, UNLISTED, Database

#: Tenant of everything that was registered at the command line, and of an installation with one customer.
DEFAULT_TENANT: Final = "default"
#: Of ``asset_id``; built once, since every hit of a look-up asks it.
_UNLISTED_OF: Final = sa.select(UNLISTED.c.tenant).where(UNLISTED.c.asset_id == sa.bindparam("asset_id"))


def account_secret(key: Ed25519PrivateKey) -> bytes:
    """Return a secret that only who holds the publisher's key can make; accounts have other names after its change."""
    return hmac.digest(key.private_bytes_raw(), b"names of accounts", "sha256")


class Ownership:
    """Who registered what, and who sees it.

    Args:
        database: From :func:`provenance.service.schema.open_database`.
        secret: Gives what keeps the names of tenants from being guessed by their accounts' names.
    """

    def __init__(self, database: Database, secret: Callable[[], bytes] = bytes) -> None:
        self._database, self._secret = database, secret

    def claim(self, asset_id: str, tenant: str, *, listed: bool) -> None:
        """Note the tenant of a new asset; an unlisted one is shown to nobody else."""
        with writing(self._database) as connection:
            if connection.execute(sa.select(OWNER.c.tenant).where(OWNER.c.asset_id == asset_id)).first():
                return
            connection.execute(OWNER.insert(), {"asset_id": asset_id, "tenant": tenant})
            if not listed:
                connection.execute(UNLISTED.insert(), {"asset_id": asset_id, "tenant": tenant})

    def owner(self, asset_id: str) -> str:
        """Return the tenant of an asset."""
        with reading(self._database) as connection:
            found: str | None = connection.execute(
                sa.select(OWNER.c.tenant).where(OWNER.c.asset_id == asset_id)
            ).scalar()
        return found if found is not None else DEFAULT_TENANT

    def account(self, name: str) -> str:
        """Return the neutral name of the tenant of an asset or statement: 8 hex digits that say nothing of its name.

        Args:
            name: asset_id, or the entry_id of a statement.

        Returns:
            Empty for the default tenant.
        """
        tenant = self.owner(name)
        return (
            ""
            if tenant == DEFAULT_TENANT
            else hmac.digest(self._secret(), tenant.encode(), "sha256")[:4].hex()
        )

    def seen_by(self, tenant: str) -> Callable[[str], bool]:
        """Return whether ``tenant`` may see an asset, as a function of the asset's name."""

        def seen(asset_id: str) -> bool:
            with asking(self._database) as connection:
                owner: str | None = connection.execute(_UNLISTED_OF, {"asset_id": asset_id}).scalar()
            return owner is None or owner == tenant

        return seen
