"""State: withdraw, dispute or redact a registered asset, or say something about keys and the log.

Nothing is changed: a statement is one more entry, signed by the publisher's key, and the status of an asset
is the fold of all entries that speak of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.digest import Digest
from provenance.errors import ConflictError, FormatError
from provenance.ledger.entry import SALT_BYTES, Entry, EntryType, Payload, sign_entry
from provenance.ledger.intake import Appender
from provenance.ledger.receipt import Receipt
from provenance.ledger.registration import Registration
from provenance.ledger.store import Store
from provenance.record import Record, RecordStatus
from provenance.signing.claims import clean_text

#: Longest reason, characters.
MAX_REASON: Final = 1_000
#: What can be said without speaking of an asset.
ABOUT_THE_LOG: Final = (EntryType.KEY_ROTATION, EntryType.POLICY)


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement that is in the ledger.

    Attributes:
        kind: What was said.
        receipt: Proof that it was.
        record: The asset it speaks of, as it stands now; None for a statement about keys or the log.
    """

    kind: EntryType
    receipt: Receipt
    record: Record | None


class Statements:
    """Makes statements in the name of one publisher.

    Args:
        store: The registry.
        ledger: Takes entries; answers with receipts once they are on disk.
        key: The publisher's key.
        organisation: Name that the key was admitted for.
        clock: Current time, aware UTC.
    """

    def __init__(
        self,
        store: Store,
        ledger: Appender,
        key: Ed25519PrivateKey,
        organisation: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._ledger, self._key = store, ledger, key
        self._organisation, self._clock = organisation, clock

    def withdraw(self, asset_id: str, reason: str, replaced_by: str | None = None) -> Stated:
        """Withdraw an asset of this publisher; every verification of a copy says so from then on.

        Args:
            asset_id: The asset.
            reason: Why, in words that everybody may read.
            replaced_by: Asset that should be used instead.

        Raises:
            FormatError: No reason, or an asset_id of another spelling.
            NotFoundError: No such asset.
            AuthorisationError: It is another publisher's; dispute it.
            ConflictError: It is withdrawn already, and there is no replacement to be added.
            UnavailableError: The ledger cannot be written now.
        """
        record = self._store.record(asset_id)
        adds = replaced_by is not None and record.replaced_by is None
        if record.status is RecordStatus.WITHDRAWN and not adds:
            raise ConflictError(
                f"expected an asset that is not withdrawn yet, entry {record.index} is",
                hint="a withdrawal is final; only a replacement can be named after it, once",
            )
        refs = (asset_id,) if replaced_by is None else (asset_id, replaced_by)
        return self._state(EntryType.WITHDRAW, refs, _worded(reason))

    def dispute(self, asset_id: str, reason: str) -> Stated:
        """Dispute an asset of any publisher; it stays what it was, and the dispute is shown with it.

        Raises:
            FormatError: No reason, or an asset_id of another spelling.
            NotFoundError: No such asset.
            UnavailableError: The ledger cannot be written now.
        """
        return self._state(EntryType.DISPUTE, (asset_id,), _worded(reason))

    def redact(self, asset_id: str) -> Stated:
        """Erase title, names, fingerprints and references of an asset; entry and proofs stay valid (SR-30).

        It cannot be undone, and the asset is not found by similarity any more. Backups made before still hold
        what was erased.

        Raises:
            FormatError: An asset_id of another spelling.
            NotFoundError: No such asset.
            AuthorisationError: It is another publisher's.
            UnavailableError: The ledger cannot be written now.
        """
        stated = self._state(EntryType.REDACT, (asset_id,), None)
        self._store.scrub()
        return stated

    def revoke_key(self, reason: str) -> Stated:
        """Revoke this publisher's own key: the ledger takes no entry by it from then on.

        Raises:
            FormatError: No reason.
            AuthorisationError: It was revoked before.
            UnavailableError: The ledger cannot be written now.
        """
        return self._state(EntryType.REVOKE_KEY, (), _worded(reason))

    def announce(self, kind: EntryType, text: str) -> Stated:
        """Put a statement about keys or the log into the ledger; it changes no record.

        Raises:
            FormatError: ``kind`` is not in :data:`ABOUT_THE_LOG`, or no text.
            UnavailableError: The ledger cannot be written now.
        """
        if kind not in ABOUT_THE_LOG:
            raise FormatError(f"expected a statement about keys or the log, found {kind}")
        return self._state(kind, (), _worded(text))

    def _state(self, kind: EntryType, refs: Sequence[str], reason: str | None) -> Stated:
        payload = None
        if reason is not None:
            payload = Payload(secrets.token_bytes(SALT_BYTES), publisher=self._organisation, reason=reason)
        entry = Entry(
            kind,
            None if payload is None else payload.commitment(),
            self._clock().replace(microsecond=0),
            refs=tuple(Digest.parse(each) for each in refs),
        )
        [receipt] = self._ledger.append([Registration(sign_entry(entry, self._key), payload)])
        return Stated(kind, receipt, self._store.record(refs[0]) if refs else None)


def _worded(reason: str) -> str:
    worded = clean_text(reason, limit=2 * MAX_REASON)
    if not 0 < len(worded) <= MAX_REASON:
        raise FormatError(
            f"expected a reason of 1 to {MAX_REASON} characters, found {len(worded)}",
            hint="say why in a few words: everybody who meets a copy reads it",
        )
    return worded
