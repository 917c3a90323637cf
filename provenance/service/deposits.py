"""Deposits: manifest stores that others keep here, and the soft bindings that lead to manifests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from provenance.digest import Digest
from provenance.errors import NotFoundError
from provenance.ledger.database import Connected, reading, writing
from provenance.service.tables import BINDING, DEPOSIT, Database, now_us

#: Longest value of a soft binding, characters. A sequence of 16 ISCC units has 728.
MAX_VALUE: Final = 8_192


class Validation(StrEnum):
    """What was found in a deposited store; none of them says that anybody trusts it."""

    SIGNED = "signed"  # a C2PA manifest whose claim signature and assertions verify; its content was not seen
    FAILED = "failed"  # a C2PA manifest that fails validation
    UNVALIDATED = "unvalidated"  # not readable as C2PA


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposited manifest store.

    Attributes:
        manifest_id: Identifier of its active manifest, or a made-up one where it cannot be read.
        tenant: Who deposited it.
        digest: SHA-256 of the bytes.
        store: The bytes, exactly as they came.
        validation: What was found in it.
        asset_id: Name of the ledger entry that it was taken in custody with.
    """

    manifest_id: str
    tenant: str
    digest: Digest
    store: bytes
    validation: Validation
    asset_id: str


@dataclass(frozen=True, slots=True)
class Binding:
    """A soft binding value and where it leads.

    Attributes:
        value: As it was given, usually base64.
        algorithm: Name in the C2PA list, or None where nobody said.
        manifest_id: The manifest.
        tenant: Who made it.
    """

    value: str
    algorithm: str | None
    manifest_id: str
    tenant: str


class Deposits:
    """The deposited manifest stores and soft bindings.

    Args:
        database: From :func:`provenance.service.schema.open_database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, deposit: Deposit, bindings: Sequence[Binding]) -> None:
        """Keep a store with its own bindings.

        Raises:
            LedgerError: A store with this identifier is kept already.
            StorageError: The database cannot be written.
        """
        row = {
            "manifest_id": deposit.manifest_id,
            "tenant": deposit.tenant,
            "digest": deposit.digest.value,
            "store": deposit.store,
            "validation": deposit.validation.value,
            "asset_id": deposit.asset_id,
            "created_us": now_us(),
        }
        with writing(self._database) as connection:
            connection.execute(DEPOSIT.insert(), row)
            _bind(connection, bindings)

    def find(self, manifest_id: str) -> Deposit | None:
        """Return the deposit of that identifier, or None."""
        with reading(self._database) as connection:
            row = connection.execute(DEPOSIT.select().where(DEPOSIT.c.manifest_id == manifest_id)).first()
        if row is None:
            return None
        kind = Validation(row.validation)
        return Deposit(row.manifest_id, row.tenant, Digest(row.digest), row.store, kind, row.asset_id)

    def remove(self, manifest_id: str) -> None:
        """Forget a deposit and every binding to it; the ledger still says that it was there."""
        with writing(self._database) as connection:
            connection.execute(BINDING.delete().where(BINDING.c.manifest_id == manifest_id))
            connection.execute(DEPOSIT.delete().where(DEPOSIT.c.manifest_id == manifest_id))

    def bind(self, binding: Binding) -> None:
        """Let a value lead to one more manifest; repeating it changes nothing."""
        with writing(self._database) as connection:
            _bind(connection, (binding,))

    def rebind(self, binding: Binding) -> None:
        """Let a value of the tenant lead to this manifest and to no other.

        Raises:
            NotFoundError: The tenant has no such value.
        """
        mine = sa.and_(BINDING.c.value == binding.value, BINDING.c.tenant == binding.tenant)
        with writing(self._database) as connection:
            if not connection.execute(BINDING.delete().where(mine)).rowcount:
                raise NotFoundError("expected a soft binding value that was stored before, found none")
            _bind(connection, (binding,))

    def leading_from(self, value: str) -> list[Binding]:
        """Return the bindings with exactly this value, oldest first."""
        query = BINDING.select().where(BINDING.c.value == value).order_by(BINDING.c.id)
        with reading(self._database) as connection:
            rows = connection.execute(query).all()
        return [Binding(r.value, r.algorithm, r.manifest_id, r.tenant) for r in rows]

    def state(self) -> tuple[int, int]:
        """Return newest identifier and number of bindings: equal states mean nothing changed."""
        query = sa.select(sa.func.coalesce(sa.func.max(BINDING.c.id), 0), sa.func.count(BINDING.c.id))
        with reading(self._database) as connection:
            newest, number = connection.execute(query).one()
        return int(newest), int(number)

    def all_of(self, algorithm: str) -> list[Binding]:
        """Return every binding of an algorithm, oldest first."""
        query = BINDING.select().where(BINDING.c.algorithm == algorithm).order_by(BINDING.c.id)
        with reading(self._database) as connection:
            rows = connection.execute(query).all()
        return [Binding(r.value, r.algorithm, r.manifest_id, r.tenant) for r in rows]


def _bind(connection: Connected, bindings: Sequence[Binding]) -> None:
    for one in dict.fromkeys(bindings):
        same = (
            BINDING.c.value == one.value,
            BINDING.c.manifest_id == one.manifest_id,
            BINDING.c.tenant == one.tenant,
        )
        if connection.execute(sa.select(BINDING.c.id).where(*same)).first() is None:
            row = {
                "value": one.value,
                "algorithm": one.algorithm,
                "manifest_id": one.manifest_id,
                "tenant": one.tenant,
                "created_us": now_us(),
            }
            connection.execute(BINDING.insert(), row)
