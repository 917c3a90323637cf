"""What is handed to the log: a signed leaf with everything that it commits to, and the check of both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from provenance.digest import Digest
from provenance.errors import AuthorisationError, FormatError
from provenance.evidence import Record
from provenance.ledger.cose import Message, check_message, encode
from provenance.ledger.entry import Entry, EntryType, Payload, commitment
from provenance.ledger.merkle import leaf_hash

#: Longest algorithm or kind name.
_MAX_NAME: Final = 32


@dataclass(frozen=True, slots=True)
class StoredFingerprint:
    """A perceptual code of a registered asset.

    Attributes:
        algorithm: Name with version, for example ``pdq256-v1``.
        value: The code.
        time_s: Where in the film or sound, seconds; ``None`` for pictures and whole recordings.
        quality: The algorithm's own quality figure, where it has one.
    """

    algorithm: str
    value: bytes
    time_s: float | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.algorithm) <= _MAX_NAME or not self.value:
            raise ValueError(f"a fingerprint has an algorithm of 1 to {_MAX_NAME} characters and a value")


@dataclass(frozen=True, slots=True)
class StoredReference:
    """A piece of the compact stored picture or sound of a registered asset.

    Attributes:
        kind: For example ``picture``, ``frames`` or ``logmel``.
        blob: Its bytes.
        time_s: Where in the film or sound, seconds; ``None`` for the whole.
    """

    kind: str
    blob: bytes
    time_s: float | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.kind) <= _MAX_NAME:
            raise ValueError(f"a reference has a kind of 1 to {_MAX_NAME} characters")


def _seconds(time_s: float | None) -> float | None:
    return None if time_s is None else float(time_s)


def fingerprints_digest(fingerprints: Sequence[StoredFingerprint]) -> Digest | None:
    """Return the SHA-256 over the fingerprints in their order, as deterministic CBOR; None for none."""
    if not fingerprints:
        return None
    return Digest.of(encode([[f.algorithm, f.value, _seconds(f.time_s), f.quality] for f in fingerprints]))


def references_digest(references: Sequence[StoredReference]) -> Digest | None:
    """Return the SHA-256 over kind, time and SHA-256 of each reference, as CBOR; None for none."""
    if not references:
        return None
    listed = [[r.kind, _seconds(r.time_s), hashlib.sha256(r.blob).digest()] for r in references]
    return Digest.of(encode(listed))


@dataclass(frozen=True, slots=True)
class Registration:
    """A leaf and what it commits to; also used for withdrawals and disputes, which have no fingerprints.

    Attributes:
        leaf: COSE_Sign1 made by :func:`provenance.ledger.entry.sign_entry`.
        payload: What the leaf's commitment was made of; ``None`` for an entry without one.
        fingerprints: Codes by which copies are found.
        references: Stored picture and sound by which copies are compared.
    """

    leaf: bytes
    payload: Payload | None = None
    fingerprints: tuple[StoredFingerprint, ...] = ()
    references: tuple[StoredReference, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """A registration whose signature and commitments were checked.

    Attributes:
        registration: As it was handed in.
        leaf_hash: RFC 9162 leaf hash.
        entry: What the leaf says.
        publisher: Thumbprint of the key that signed it.
        public: That key, raw.
        body: Canonical payload without its salt; None for an entry without one.
    """

    registration: Registration
    leaf_hash: bytes
    entry: Entry
    publisher: Digest
    public: bytes
    body: bytes | None

    def record(self, index: int, accepted: datetime) -> Record:
        """Return the registry's record of a new asset.

        Args:
            index: Position in the ledger.
            accepted: Time the log accepted it, aware UTC.

        Raises:
            FormatError: The entry registers nothing.
        """
        entry, payload = self.entry, self.registration.payload
        if (
            payload is None
            or entry.asset is None
            or entry.media_type is None
            or entry.certificate is None
            or entry.manifest_id is None
            or entry.source_type is None
        ):
            raise FormatError(f"expected an entry that registers an asset, found {entry.type}")
        return Record(
            asset_id=str(Digest(self.leaf_hash)),
            index=index,
            digest=entry.asset,
            media_type=entry.media_type,
            title=payload.title,
            publisher=payload.publisher,
            certificate_sha256=entry.certificate,
            manifest_id=entry.manifest_id,
            bound_digest=entry.bound,
            source_type=entry.source_type,
            model=payload.model,
            registered_at=accepted,
            duration_s=payload.duration_s,
            width=payload.width,
            height=payload.height,
        )


def examine(registration: Registration, message: Message, public: bytes, organisation: str) -> Examined:
    """Return the registration with its entry, after checking signature and commitments (SR-28).

    Args:
        registration: What was handed in.
        message: Its leaf in parts.
        public: Publisher key that the leaf names, raw.
        organisation: Name under which that key was admitted.

    Raises:
        FormatError: The leaf is not spelled as a leaf, or commits to another payload, other fingerprints or
            other references than were handed in.
        ReceiptError: The signature does not verify.
        AuthorisationError: The payload names another publisher than the key's.
    """
    check_message(message, public)
    entry = Entry.from_cbor(message.payload)
    payload = registration.payload
    body = None if payload is None else payload.to_cbor()
    if entry.payload != (None if payload is None or body is None else commitment(payload.salt, body)):
        raise FormatError(
            "expected the payload that the entry commits to, found another", hint="sign it anew"
        )
    if (None if payload is None else payload.fingerprints) != fingerprints_digest(registration.fingerprints):
        raise FormatError("expected the fingerprints that the payload commits to, found others")
    if (None if payload is None else payload.references) != references_digest(registration.references):
        raise FormatError("expected the references that the payload commits to, found others")
    if not entry.type.registers and (registration.fingerprints or registration.references):
        raise FormatError(f"expected fingerprints with a new asset only, found some with {entry.type}")
    if payload is not None and payload.publisher != organisation:
        raise AuthorisationError(
            f"expected the publisher {organisation!r} that this key was admitted for, "
            f"found {payload.publisher!r}",
            hint="a publisher registers in its own name only",
        )
    if entry.type is EntryType.REDACT and payload is not None:
        raise FormatError("expected a redaction without a payload: what is erased must not be named again")
    return Examined(registration, leaf_hash(registration.leaf), entry, message.kid, public, body)
