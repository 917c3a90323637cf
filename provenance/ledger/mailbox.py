"""What several processes over one database share: the lease on appending, and batches that wait for its holder.

Time is the database's, so that clocks of machines need not agree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from provenance.errors import FormatError, ProvenanceError, every_error
from provenance.ledger.cose import decode, encode
from provenance.ledger.database import reading, writing
from provenance.ledger.entry import MAX_LEAF_BYTES, Payload
from provenance.ledger.registration import Registration, StoredFingerprint, StoredReference
from provenance.ledger.tables import LEASE, PENDING

#: Largest waiting batch, bytes: references of films take megabytes.
_MAX_BATCH_BYTES: Final = 1 << 30
#: Present time in microseconds since 1970, as each database says it.
_NOW_US: Final = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
}


class Mailbox:
    """The lease and the waiting batches of one database.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- lease ---

    def hold(self, holder: str, seconds: float) -> bool:
        """Take or keep the lease for ``seconds``; return whether ``holder`` has it now.

        Raises:
            StorageError: The database cannot be written.
        """
        with writing(self._engine) as connection:
            now = _now(connection)
            change = (
                LEASE.update()
                .where(LEASE.c.lease_id == 1, sa.or_(LEASE.c.holder == holder, LEASE.c.until_us < now))
                .values(holder=holder, until_us=now + int(seconds * 1e6))
            )
            return connection.execute(change).rowcount == 1

    def release(self, holder: str) -> None:
        """Give the lease back if ``holder`` has it."""
        with writing(self._engine) as connection:
            connection.execute(LEASE.update().where(LEASE.c.holder == holder).values(until_us=0))

    # --- batches ---

    def post(self, batch: Sequence[Registration]) -> bytes:
        """Leave ``batch`` for the holder of the lease; return its key. Posting it again changes nothing.

        Raises:
            StorageError: The database cannot be written.
        """
        key = key_of(batch)
        with writing(self._engine) as connection:
            connection.execute(PENDING.delete().where(PENDING.c.batch == key, PENDING.c.refusal.is_not(None)))
            if connection.execute(sa.select(PENDING.c.id).where(PENDING.c.batch == key)).first() is None:
                connection.execute(PENDING.insert(), {"batch": key, "body": _pack(batch), "refusal": None})
        return key

    def waits(self, key: bytes) -> bool:
        """Return whether the batch ``key`` still waits; False when it was appended or taken back.

        Raises:
            ProvenanceError: The holder refused it: the very error that it met.
        """
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(PENDING.c.refusal).where(PENDING.c.batch == key)).first()
        if row is None:
            return False
        if row.refusal is not None:
            self.take_back(key)
            raise _error(row.refusal)
        return True

    def take_back(self, key: bytes) -> None:
        """Remove the batch ``key``."""
        with writing(self._engine) as connection:
            connection.execute(PENDING.delete().where(PENDING.c.batch == key))

    def waiting(self, limit: int) -> list[tuple[bytes, list[Registration]]]:
        """Return the oldest waiting batches with their keys, at most ``limit``.

        Raises:
            FormatError: A row is damaged.
        """
        query = sa.select(PENDING.c.batch, PENDING.c.body).where(PENDING.c.refusal.is_(None))
        with reading(self._engine) as connection:
            rows = list(connection.execute(query.order_by(PENDING.c.id).limit(limit)))
        return [(row.batch, _unpack(row.body)) for row in rows]

    def refuse(self, key: bytes, error: ProvenanceError) -> None:
        """Tell whoever posted the batch ``key`` why it was not appended."""
        words = json.dumps({"code": error.code, "message": error.message, "hint": error.hint})
        with writing(self._engine) as connection:
            connection.execute(PENDING.update().where(PENDING.c.batch == key).values(refusal=words))


def key_of(batch: Sequence[Registration]) -> bytes:
    """Return the name of a batch: SHA-256 over the SHA-256 of each leaf."""
    return hashlib.sha256(b"".join(hashlib.sha256(each.leaf).digest() for each in batch)).digest()


def _now(connection: Connection) -> int:
    return int(connection.execute(sa.text(f"SELECT {_NOW_US[connection.dialect.name]}")).scalar_one())


def _error(words: str) -> ProvenanceError:
    told = json.loads(words)
    kinds = {kind.code: kind for kind in every_error()}
    return kinds[told["code"]](told["message"], hint=told["hint"])


def _pack(batch: Sequence[Registration]) -> bytes:
    return encode(
        [
            [
                each.leaf,
                None if each.payload is None else [each.payload.salt, each.payload.to_cbor()],
                [[f.algorithm, f.value, f.time_s, f.quality] for f in each.fingerprints],
                [[r.kind, r.blob, r.time_s] for r in each.references],
            ]
            for each in batch
        ]
    )


def _unpack(body: bytes) -> list[Registration]:
    try:
        return [
            Registration(
                leaf[:MAX_LEAF_BYTES],
                None if payload is None else Payload.from_cbor(*payload),
                tuple(StoredFingerprint(*each) for each in codes),
                tuple(StoredReference(*each) for each in blobs),
            )
            for leaf, payload, codes, blobs in decode(body, _MAX_BATCH_BYTES)  # type: ignore[attr-defined]
        ]
    except (TypeError, ValueError) as cause:
        raise FormatError(f"expected a waiting batch, found other bytes: {cause}") from cause
