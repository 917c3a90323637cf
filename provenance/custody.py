"""Custody: keep the manifest stores of others, prove it by a ledger entry, and hand every store out again.

1. A worker reads the store: its identifier, whether its signature verifies, its soft bindings.
2. A ``deposit`` entry commits to digest and identifier; it says nothing of what the manifest says.
3. The bytes are kept exactly as they came. Bytes that are no C2PA manifest are kept too, as unvalidated.

A store that was registered by publishing is kept with its asset and cannot be deleted, only withdrawn.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.digest import Digest
from provenance.errors import (
    AuthorisationError,
    FormatError,
    InputError,
    MediaError,
    NotFoundError,
    UnavailableError,
)
from provenance.evidence import Record, RecordStatus
from provenance.examination import MANIFEST_REFERENCE
from provenance.fingerprint.iscc import SOFT_BINDING_ALGORITHM
from provenance.ledger.entry import Entry, EntryType, sign_entry
from provenance.ledger.log import Log
from provenance.ledger.receipt import Receipt
from provenance.ledger.registration import Registration
from provenance.ledger.store import Store
from provenance.media.sandbox import WorkerPool
from provenance.resolve import Seen, parse_value
from provenance.service.deposits import MAX_VALUE, Binding, Deposit, Deposits, Validation
from provenance.service.ownership import Ownership

#: Identifiers of manifests, also those of older versions with a vendor before or behind the URN.
#: Source: C2PA Technical Specification 2.2, 8.1 (unique identifiers).
_MANIFEST_ID: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,64}:)?urn:(?:c2pa|uuid):[!-~]{1,400}", re.ASCII)


class Custody:
    """Takes manifest stores in and hands them out.

    Args:
        pool: Media workers.
        store: The registry.
        log: The ledger.
        deposits: Where deposits and bindings are kept.
        ownership: Who may see and bind what.
        key: Signs the entries of deposits.
        clock: Current time, aware UTC.
    """

    def __init__(
        self,
        pool: WorkerPool,
        store: Store,
        log: Log,
        deposits: Deposits,
        ownership: Ownership,
        key: Ed25519PrivateKey,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool, self._store, self._log, self._deposits = pool, store, log, deposits
        self._ownership, self._key, self._clock = ownership, key, clock

    def take_in(self, path: Path, tenant: str) -> Deposit:
        """Keep the manifest store at ``path``; the same bytes again give the deposit that is there.

        Raises:
            MediaError: The file is empty.
            FormatError: Another store with the same identifier is kept here.
            StorageError: It cannot be written.
        """
        content = path.read_bytes()
        if not content:
            raise MediaError("expected a C2PA manifest store, found an empty body")
        found, validation = self._inspect(path)
        manifest_id = str(found.get("manifest_id", ""))
        if validation is Validation.UNVALIDATED or not is_manifest_id(manifest_id):
            manifest_id, validation = f"urn:c2pa:{uuid.uuid4()}", Validation.UNVALIDATED
        digest, held = Digest.of(content), self._deposits.find(manifest_id)
        if held is not None and (held.digest, held.tenant) == (digest, tenant):
            return held
        if held is not None or self._store.by_manifest(manifest_id):
            raise FormatError(
                "expected a manifest store of a new identifier, found one that is kept here already",
                hint="stores are never overwritten; delete yours first",
            )
        asset_id = self._enter(manifest_id, digest)
        deposit = Deposit(manifest_id, tenant, digest, content, validation, asset_id)
        said = cast("list[list[str]]", found.get("bindings", []))
        mine = [
            Binding(value, algorithm, manifest_id, tenant)
            for algorithm, value in said
            if validation is Validation.SIGNED and is_value(value, algorithm)
        ]
        self._deposits.put(deposit, mine)
        return deposit

    def _inspect(self, path: Path) -> tuple[Mapping[str, Any], Validation]:
        try:
            found = cast("Mapping[str, Any]", self._pool.run("inspect_store", [path]))
        except (InputError, UnavailableError):
            # A store that kills or stalls its reader is not C2PA as far as anybody here can tell.
            return {}, Validation.UNVALIDATED
        if found["found"] != "manifest":
            return found, Validation.UNVALIDATED
        holds = bool(found["signed"]) and not found["failures"]
        return found, Validation.SIGNED if holds else Validation.FAILED

    def _enter(self, manifest_id: str, digest: Digest) -> str:
        when = self._clock().replace(microsecond=0)
        entry = Entry(
            EntryType.DEPOSIT,
            payload=None,
            declared_at=when,
            manifest_store=digest,
            manifest_id=manifest_id,
        )
        [receipt] = self._log.append([Registration(sign_entry(entry, self._key))])
        return receipt.asset_id

    def remove(self, manifest_id: str, tenant: str) -> None:
        """Forget a deposit of ``tenant`` and the bindings to it.

        Raises:
            FormatError: Not an identifier of a manifest.
            NotFoundError: There is no such manifest.
            AuthorisationError: It belongs to somebody else, or to a registered asset.
        """
        check_manifest_id(manifest_id)
        held = self._deposits.find(manifest_id)
        if held is None:
            self._record(manifest_id, self._ownership.seen_by(tenant))
            raise AuthorisationError(
                "expected a deposited manifest, found that of a registered asset",
                hint="withdraw the asset; its entry and manifest stay",
            )
        if held.tenant != tenant:
            raise AuthorisationError("expected a manifest that the caller deposited, found somebody else's")
        self._deposits.remove(manifest_id)

    def store_of(self, manifest_id: str, seen: Seen, *, active_only: bool) -> tuple[bytes, str]:
        """Return a manifest store and what is known of it: ``registered`` or a :class:`Validation`.

        Args:
            manifest_id: Identifier of its active manifest.
            seen: Whether the caller may see the asset of that name.
            active_only: Return a store with the active manifest alone.

        Raises:
            FormatError: Not an identifier of a manifest.
            NotFoundError: There is no such manifest.
        """
        check_manifest_id(manifest_id)
        held = self._deposits.find(manifest_id)
        if held is not None:
            content, standing = held.store, held.validation.value
        else:
            record = self._record(manifest_id, seen)
            kept = self._store.references(record.asset_id, MANIFEST_REFERENCE)
            if not kept:
                raise _absent()
            content, standing = kept[0].blob, "registered"
        if active_only and standing != Validation.UNVALIDATED:
            content = self._active(content)
        return content, standing

    def _active(self, content: bytes) -> bytes:
        with TemporaryFile() as source, TemporaryFile() as target:
            source.write(content)
            source.flush()
            source.seek(0)
            self._pool.run("active_manifest", [source, target])
            target.seek(0)
            return target.read()

    def receipt_of(self, manifest_id: str, seen: Seen) -> Receipt:
        """Return the ledger's receipt for a manifest store against the newest checkpoint.

        Raises:
            FormatError: Not an identifier of a manifest.
            NotFoundError: There is no such manifest.
        """
        check_manifest_id(manifest_id)
        held = self._deposits.find(manifest_id)
        return self._log.receipt(
            held.asset_id if held is not None else self._record(manifest_id, seen).asset_id
        )

    def _record(self, manifest_id: str, seen: Seen) -> Record:
        """Return the newest active registration with this manifest, else the newest."""
        records = [one for one in self._store.by_manifest(manifest_id) if seen(one.asset_id)]
        if not records:
            raise _absent()
        return max(records, key=lambda one: (one.status is RecordStatus.ACTIVE, one.index))

    def bind(self, value: str, manifest_id: str, tenant: str, algorithm: str | None = None) -> None:
        """Let a soft binding value lead to a manifest of ``tenant``; see :meth:`rebind` for the errors."""
        self._deposits.bind(self._binding(value, manifest_id, tenant, algorithm))

    def rebind(self, value: str, manifest_id: str, tenant: str, algorithm: str | None = None) -> None:
        """Let a soft binding value that is stored lead to another manifest of ``tenant``.

        Raises:
            FormatError: Not an identifier of a manifest, or not a value.
            NotFoundError: There is no such manifest, or no such value to change.
            AuthorisationError: The manifest is somebody else's.
        """
        self._deposits.rebind(self._binding(value, manifest_id, tenant, algorithm))

    def _binding(self, value: str, manifest_id: str, tenant: str, algorithm: str | None) -> Binding:
        check_manifest_id(manifest_id)
        held = self._deposits.find(manifest_id)
        if held is not None:
            owner = held.tenant
        else:
            owner = self._ownership.owner(self._record(manifest_id, self._ownership.seen_by(tenant)).asset_id)
        if owner != tenant:
            raise AuthorisationError("expected a manifest of the caller, found somebody else's")
        if algorithm is None and is_value(value, SOFT_BINDING_ALGORITHM):
            algorithm = SOFT_BINDING_ALGORITHM
        if not is_value(value, algorithm):
            raise FormatError(
                f"expected a soft binding value of 1 to {MAX_VALUE} printable characters, found another"
            )
        return Binding(value, algorithm, manifest_id, tenant)


def is_manifest_id(text: str) -> bool:
    """Return whether ``text`` is spelled as the identifier of a manifest."""
    return _MANIFEST_ID.fullmatch(text) is not None


def check_manifest_id(text: str) -> None:
    """Return if ``text`` is spelled as the identifier of a manifest; raises FormatError."""
    if not is_manifest_id(text):
        raise FormatError("expected the identifier of a C2PA manifest, urn:c2pa:…, found another text")


def is_value(value: str, algorithm: str | None) -> bool:
    """Return whether ``value`` can be kept as a soft binding of ``algorithm``; of unknown ones any text can."""
    if not 0 < len(value) <= MAX_VALUE or not value.isprintable():
        return False
    if algorithm != SOFT_BINDING_ALGORITHM:
        return True
    try:
        parse_value(value)
    except FormatError:
        return False
    return True


def _absent() -> NotFoundError:
    return NotFoundError("expected a manifest that is kept here, found none of this identifier")
