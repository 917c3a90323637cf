"""Who may make which entry: decided inside the transaction that would store it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from provenance.digest import Digest
from provenance.errors import AuthorisationError, NotFoundError
from provenance.ledger.entry import ABOUT_ASSETS, EntryType
from provenance.ledger.registration import Examined
from provenance.ledger.writer import Writer

#: Entries that only the publisher of the asset may make; a dispute is open to every publisher.
_OWN_ONLY: Final = ABOUT_ASSETS - {EntryType.DISPUTE}


def authorise(fresh: Sequence[Examined], writer: Writer) -> None:
    """Return if every new entry may be made, in this order and after what the log holds.

    Raises:
        AuthorisationError: A revoked key, or another publisher's asset.
        NotFoundError: A reference to an asset that is not registered.
    """
    revoked = {thumbprint for thumbprint, key in writer.publishers().items() if key.revoked}
    registered: dict[Digest, Digest] = {}
    for each in fresh:
        kind, publisher = each.entry.type, each.publisher
        if publisher in revoked:
            raise AuthorisationError(
                "expected an entry by a publisher key in use, found one that was revoked",
                hint="make and admit a new publisher key",
            )
        if kind is EntryType.REVOKE_KEY:
            revoked.add(publisher)
        if kind in ABOUT_ASSETS:
            owners = [registered.get(ref) or writer.owner(ref.value) for ref in each.entry.refs]
            if None in owners:
                raise NotFoundError(
                    f"expected {kind} to speak of registered assets, found another reference",
                    hint="register the asset first; refer to it by its asset_id",
                )
            if kind in _OWN_ONLY and owners[0] != publisher:
                raise AuthorisationError(
                    f"expected {kind} by the publisher of the asset, found another key",
                    hint="another publisher can dispute an asset",
                )
        if kind.registers:
            registered[Digest(each.leaf_hash)] = publisher
