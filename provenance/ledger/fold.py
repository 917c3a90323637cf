"""The status of an asset: the fold of all entries that speak of it, oldest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from provenance.digest import Digest
from provenance.ledger.entry import EntryType
from provenance.ledger.registration import Examined
from provenance.record import Record, RecordStatus

#: Status that an entry gives to the asset it speaks of first.
_STATUS_OF: Final = {
    EntryType.WITHDRAW: RecordStatus.WITHDRAWN,
    EntryType.DISPUTE: RecordStatus.DISPUTED,
    EntryType.SUPERSEDE: RecordStatus.SUPERSEDED,
}
#: Statuses over which a later one is written: withdrawn over all, superseded last.
_OVERRIDES: Final = {
    RecordStatus.WITHDRAWN: frozenset(RecordStatus),
    RecordStatus.DISPUTED: frozenset(RecordStatus) - {RecordStatus.WITHDRAWN},
    RecordStatus.SUPERSEDED: frozenset((RecordStatus.ACTIVE, RecordStatus.SUPERSEDED)),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an asset stands.

    Attributes:
        status: Its status.
        reason: The words of the entry that gave it.
        replaced_by: asset_id of what its publisher named instead.
        by: Organisation whose entry gave the status.
        at: When that entry was declared, aware UTC.
        entry: Leaf hash of that entry; None where it was not noted.
    """

    status: RecordStatus = RecordStatus.ACTIVE
    reason: str = ""
    replaced_by: str | None = None
    by: str = ""
    at: datetime | None = None
    entry: bytes | None = None


def fold(standing: Standing, later: Examined) -> Standing:
    """Return how the asset that ``later`` speaks of first stands after it.

    A replacement is kept under a dispute: whoever disputes must not hide what the publisher named instead.
    A withdrawal is final: nothing but another withdrawal changes what it said.
    """
    kind, refs, payload = later.entry.type, later.entry.refs, later.registration.payload
    if kind is EntryType.REDACT:
        return replace(standing, reason="", by="")
    if kind not in _STATUS_OF:
        return standing
    status, after = _STATUS_OF[kind], standing
    if kind is EntryType.SUPERSEDE and standing.status is not RecordStatus.WITHDRAWN:
        after = replace(after, replaced_by=str(Digest(later.leaf_hash)))
    elif kind is EntryType.WITHDRAW and len(refs) > 1:
        after = replace(after, replaced_by=str(refs[1]))
    if standing.status in _OVERRIDES[status]:
        after = replace(
            after,
            status=status,
            reason=payload.reason if payload else "",
            by=payload.publisher if payload else "",
            at=later.entry.declared_at,
            entry=later.leaf_hash,
        )
    return after


def standing_of(record: Record) -> Standing:
    """Return how a registered asset stands by its record."""
    entry = None if record.status_entry is None else Digest.parse(record.status_entry).value
    return Standing(
        record.status, record.status_reason, record.replaced_by, record.status_by, record.status_at, entry
    )
