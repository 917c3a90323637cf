"""Ownership: through which tenant an asset was registered, and which assets only their tenant is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from provenance.ledger.database import asking, reading, writing
from provenance.service.tables import OWNER, UNLISTED, Database

#: Tenant of everything that was registered at the command line, and of an installation with one customer.
DEFAULT_TENANT: Final = "default"
#: Of ``asset_id``; built once, since every hit of a look-up asks it.
_UNLISTED_OF: Final = sa.select(UNLISTED.c.tenant).where(UNLISTED.c.asset_id == sa.bindparam("asset_id"))


class Ownership:
    """Who registered what, and who sees it.

    Args:
        database: From :func:`provenance.service.schema.open_database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

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

    def seen_by(self, tenant: str) -> Callable[[str], bool]:
        """Return whether ``tenant`` may see an asset, as a function of the asset's name."""

        def seen(asset_id: str) -> bool:
            with asking(self._database) as connection:
                owner: str | None = connection.execute(_UNLISTED_OF, {"asset_id": asset_id}).scalar()
            return owner is None or owner == tenant

        return seen
