"""Statement: what a publisher says later about a registered asset; nothing is changed, an entry is added."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.digest import Digest
from provenance.evidence import Record
from provenance.ledger.entry import Entry, EntryType, Payload, sign_entry
from provenance.ledger.log import Log
from provenance.ledger.receipt import Receipt
from provenance.ledger.registration import Registration
from provenance.ledger.store import Store
from provenance.signing.claims import clean_text

_SALT_BYTES: Final = 16
#: Longest reason, characters.
MAX_REASON: Final = 1_000


class Statements:
    """Makes withdrawals and disputes.

    Args:
        store: The registry.
        log: The ledger.
        key: Publisher's key.
        organisation: Publisher's name, as the key was admitted for.
        clock: Current time, aware UTC.
    """

    def __init__(
        self,
        store: Store,
        log: Log,
        key: Ed25519PrivateKey,
        organisation: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._store, self._log, self._key = store, log, key
        self._organisation, self._clock = organisation, clock

    def withdraw(self, asset_id: str, reason: str, replaced_by: str | None = None) -> Receipt:
        """Say that an asset is withdrawn, and what replaces it; every later verification shows both.

        Raises:
            FormatError: An identifier is spelled otherwise.
            NotFoundError: There is no such asset.
            AuthorisationError: The asset is another publisher's.
            StorageError: It cannot be written.
        """
        refs = [self._store.record(asset_id).asset_id]
        if replaced_by is not None:
            refs.append(self._store.record(replaced_by).asset_id)
        return self._say(EntryType.WITHDRAW, refs, reason)

    def dispute(self, asset_id: str, reason: str) -> Receipt:
        """Say that this publisher disputes an asset, for example its own picture registered by somebody else.

        Raises:
            FormatError: The identifier is spelled otherwise.
            NotFoundError: There is no such asset.
            StorageError: It cannot be written.
        """
        return self._say(EntryType.DISPUTE, [self._store.record(asset_id).asset_id], reason)

    def record(self, asset_id: str) -> Record:
        """Return the asset with its present status."""
        return self._store.record(asset_id)

    def _say(self, kind: EntryType, refs: list[str], reason: str) -> Receipt:
        payload = Payload(
            salt=secrets.token_bytes(_SALT_BYTES),
            publisher=self._organisation,
            reason=clean_text(reason, limit=MAX_REASON),
        )
        entry = Entry(
            kind,
            payload=payload.commitment(),
            declared_at=self._clock().replace(microsecond=0),
            refs=tuple(Digest.parse(one) for one in refs),
        )
        [receipt] = self._log.append([Registration(sign_entry(entry, self._key), payload)])
        return receipt
