"""Registrations of pictures that do not exist, for benches and torture of the ledger."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provenance.digest import Digest
from provenance.evidence import SourceType
from provenance.ledger.entry import Entry, EntryType, Payload, sign_entry
from provenance.ledger.merkle import leaf_hash
from provenance.ledger.registration import (
    Examined,
    Registration,
    StoredFingerprint,
    StoredReference,
    fingerprints_digest,
    references_digest,
)
from provenance.media.asset import MediaType

ORIGIN = "bench.example/log"
ORGANISATION = "TEST Bench"


def registration_of(key: Ed25519PrivateKey, reference_bytes: int) -> Registration:
    """Return a registration with random codes, and a stored picture of ``reference_bytes`` unless that is 0."""
    pictures = (StoredReference("picture", secrets.token_bytes(reference_bytes)),) if reference_bytes else ()
    codes = _codes()
    entry, payload = _made(codes, pictures)
    return Registration(sign_entry(entry, key), payload, codes, pictures)


def filler_of(
    key: Ed25519PublicKey,
    codes: Sequence[StoredFingerprint] | None = None,
    references: Sequence[StoredReference] = (),
) -> Examined:
    """Return a registration that passes for examined although nobody signed it: to grow a log quickly.

    What is measured on a log of such entries must not look at their signatures. Without ``codes`` it has two
    random ones.
    """
    codes, references = _codes() if codes is None else tuple(codes), tuple(references)
    entry, payload = _made(codes, references)
    raw = key.public_bytes_raw()
    protected = cbor2.dumps({1: -8, 4: Digest.of(raw).value}, canonical=True)
    parts = [protected, {}, entry.to_cbor(), secrets.token_bytes(64)]
    leaf = cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True)
    return Examined(
        Registration(leaf, payload, codes, references),
        leaf_hash(leaf),
        entry,
        Digest.of(raw),
        raw,
        payload.to_cbor(),
    )


def _codes() -> tuple[StoredFingerprint, ...]:
    return (
        StoredFingerprint("phash64-v1", secrets.token_bytes(8)),
        StoredFingerprint("pdq256-v1", secrets.token_bytes(32), quality=100),
    )


def _made(
    codes: tuple[StoredFingerprint, ...], references: tuple[StoredReference, ...]
) -> tuple[Entry, Payload]:
    payload = Payload(
        secrets.token_bytes(16),
        "a picture",
        ORGANISATION,
        fingerprints=fingerprints_digest(codes),
        references=references_digest(references),
    )
    entry = Entry(
        EntryType.REGISTER,
        payload.commitment(),
        datetime.now(UTC).replace(microsecond=0),
        asset=Digest(secrets.token_bytes(32)),
        manifest_store=Digest(secrets.token_bytes(32)),
        claim=Digest(secrets.token_bytes(32)),
        manifest_id=f"urn:c2pa:{secrets.token_hex(16)}",
        certificate=Digest(bytes(32)),
        source_type=SourceType.DIGITAL_CAPTURE,
        media_type=MediaType.JPEG,
        bound=secrets.token_bytes(32),
    )
    return entry, payload
