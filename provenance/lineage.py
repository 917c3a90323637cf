"""Lineage: whether a copy is what a registered work was made from, told by the manifests kept with that work.

A newsroom signs what its camera signed before; the camera's manifest is a parent within the newsroom's. Whoever
verifies the camera's file then meets credentials of another signer over registered content, which would be a
conflict if the registered work did not itself vouch for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from provenance.errors import CredentialError
from provenance.evidence import Credential, Match
from provenance.signing.jumbf import read_boxes

#: Gives the manifest store kept with a registered asset, or None where there is none.
StoreOf = Callable[[str], bytes | None]


def with_sources(matches: Sequence[Match], credential: Credential, store_of: StoreOf) -> tuple[Match, ...]:
    """Return ``matches`` with those marked, and first, whose registered work names the copy's manifest as a source.

    Args:
        matches: What the copy comes from.
        credential: The copy's own.
        store_of: Gives kept manifest stores.

    Raises:
        StorageError: The registry cannot be read.
    """
    if not credential.holds:
        return tuple(matches)
    marked = [
        replace(one, source=names(store_of(one.record.asset_id), credential))
        if one.confirmed and not one.identical
        else one
        for one in matches
    ]
    return tuple(sorted(marked, key=lambda one: not one.source))


def names(store: bytes | None, credential: Credential) -> bool:
    """Return whether a kept manifest store holds the manifest of ``credential`` as one of its sources.

    The identifier alone proves nothing, since a signer chooses it: the certificate that signed the copy must be
    the one in the kept manifest.
    """
    if store is None or credential.manifest_id is None or credential.certificate_sha256 is None:
        return False
    try:
        kept = read_boxes(store, credential.manifest_id)
    except CredentialError:  # the store holds no such manifest
        return False
    return hashlib.sha256(kept.chain[0]).digest() == credential.certificate_sha256.value
