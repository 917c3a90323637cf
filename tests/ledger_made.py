"""Keys, entries and logs for the tests of the ledger; all of it is made, nothing is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.digest import Digest
from provenance.evidence import SourceType
from provenance.ledger.checkpoint import NoteSigner
from provenance.ledger.cose import PrivateKey
from provenance.ledger.entry import Entry, EntryType, Payload, sign_entry
from provenance.ledger.highwater import HighWater
from provenance.ledger.log import Log
from provenance.ledger.receipt import Receipt
from provenance.ledger.registration import (
    Registration,
    StoredFingerprint,
    StoredReference,
    fingerprints_digest,
    references_digest,
)
from provenance.ledger.store import Store
from provenance.media.asset import MediaType

ORIGIN = "log.example/test"
ORGANISATION = "TEST Gazette"
NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
LOG_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"log").digest())
PUBLISHER_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"publisher").digest())
RIVAL_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"rival").digest())
RIVAL = "TEST Herald"
SIGNER = NoteSigner(ORIGIN, LOG_KEY)


def seed(*parts: object) -> bytes:
    """32 bytes that depend on ``parts`` only."""
    return hashlib.sha256(repr(parts).encode()).digest()


def file_digest(number: int) -> Digest:
    return Digest(seed("file", number))


def registration(
    number: int,
    *,
    key: PrivateKey = PUBLISHER_KEY,
    organisation: str = ORGANISATION,
    kind: EntryType = EntryType.REGISTER,
    refs: Sequence[Digest] = (),
    codes: Sequence[StoredFingerprint] | None = None,
    pictures: Sequence[StoredReference] | None = None,
) -> Registration:
    """A registration of file ``number``; the same arguments give the same bytes."""
    if codes is None:
        codes = (
            StoredFingerprint("phash64-v1", seed("phash", number)[:8]),
            StoredFingerprint("pdq256-v1", seed("pdq", number), quality=100),
        )
    if pictures is None:
        pictures = (StoredReference("picture", seed("picture", number) * 4),)
    payload = Payload(
        salt=seed("salt", number)[:16],
        title=f"picture {number}",
        publisher=organisation,
        width=640,
        height=480,
        fingerprints=fingerprints_digest(codes),
        references=references_digest(pictures),
    )
    entry = Entry(
        kind,
        payload.commitment(),
        NOW,
        asset=file_digest(number),
        manifest_store=Digest(seed("store", number)),
        claim=Digest(seed("claim", number)),
        manifest_id=f"urn:c2pa:{number:08d}",
        certificate=Digest(seed("certificate")),
        source_type=SourceType.DIGITAL_CAPTURE,
        media_type=MediaType.JPEG,
        refs=tuple(refs),
        bound=seed("bound", number),
    )
    return Registration(sign_entry(entry, key), payload, tuple(codes), tuple(pictures))


def statement(
    kind: EntryType,
    *refs: str,
    key: PrivateKey = PUBLISHER_KEY,
    organisation: str = ORGANISATION,
    reason: str = "",
) -> Registration:
    """A withdrawal, dispute, redaction or revocation that speaks of ``refs`` (asset ids)."""
    payload = Payload(seed(kind, refs, reason)[:16], publisher=organisation, reason=reason)
    entry = Entry(kind, payload.commitment(), NOW, refs=tuple(Digest.parse(each) for each in refs))
    if kind is EntryType.REDACT:
        return Registration(sign_entry(replace(entry, payload=None), key))
    return Registration(sign_entry(entry, key), payload)


@dataclass
class Clock:
    """A clock that is moved by hand, with the steady one beside it."""

    now: datetime = NOW
    steady_s: float = 0.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.steady_s

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.steady_s += seconds


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/registry.db"


def make_store(folder: Path) -> Store:
    return make_store_at(url_of(folder))


def make_store_at(url: str) -> Store:
    store = Store.create(url)
    store.admit(PUBLISHER_KEY.public_key(), ORGANISATION)
    store.admit(RIVAL_KEY.public_key(), RIVAL)
    return store


def make_log(store: Store, clock: Clock | None = None, high_water: HighWater | None = None) -> Log:
    clock = clock or Clock()
    return Log(store, ORIGIN, SIGNER, clock, monotonic=clock.monotonic, high_water=high_water)


def register(log: Log, *numbers: int) -> list[Receipt]:
    return log.append([registration(number) for number in numbers])
