"""Register: what of a signed file goes to the ledger: leaf, payload, fingerprints and references."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.digest import Digest
from provenance.examination import (
    FEATURE_REFERENCE,
    FRAME_ALGORITHM,
    MANIFEST_REFERENCE,
    PICTURE_REFERENCE,
    SOUND_ALGORITHM,
    SPECTRUM_REFERENCE,
    Examination,
)
from provenance.fingerprint import iscc
from provenance.ledger.entry import SALT_BYTES, Entry, EntryType, Payload, sign_entry
from provenance.ledger.registration import (
    Registration,
    StoredFingerprint,
    StoredReference,
    fingerprints_digest,
    references_digest,
)
from provenance.media.asset import Asset
from provenance.signing.claims import SigningRequest


@dataclass(frozen=True, slots=True)
class SignedAsset:
    """A signed file before it is registered.

    Attributes:
        asset: The signed file.
        request: What its manifest says.
        manifest: ``manifest_id``, ``store_digest``, ``claim_digest`` and ``bound_digest`` from the worker.
        store: The manifest store as embedded.
        examination: Its codes.
        frames: Stored film frames and their features, with times in seconds.
        when: Time of signing, aware UTC.
    """

    asset: Asset
    request: SigningRequest
    manifest: Mapping[str, object]
    store: bytes
    examination: Examination
    frames: tuple[StoredReference, ...]
    when: datetime


def build_registration(
    signed: SignedAsset,
    organisation: str,
    certificate: Digest,
    publisher: Ed25519PrivateKey,
    supersedes: str | None = None,
) -> Registration:
    """Return the registration of ``signed``, its leaf signed by the publisher's key.

    Args:
        signed: The signed file.
        organisation: Publisher's name.
        certificate: SHA-256 of the certificate in the manifest.
        publisher: Key that signs ledger entries.
        supersedes: asset_id of the earlier version that this one takes the place of.

    Raises:
        FormatError: ``supersedes`` is spelled otherwise.
    """
    fingerprints = (*_fingerprints(signed.examination), *_units(signed.request.soft_binding))
    references = tuple(_references(signed))
    payload = Payload(
        salt=secrets.token_bytes(SALT_BYTES),
        title=signed.request.title,
        publisher=organisation,
        model=signed.request.model,
        duration_s=signed.examination.duration_s,
        width=signed.examination.width,
        height=signed.examination.height,
        fingerprints=fingerprints_digest(fingerprints),
        references=references_digest(references),
    )
    manifest = signed.manifest
    entry = Entry(
        type=EntryType.REGISTER if supersedes is None else EntryType.SUPERSEDE,
        payload=payload.commitment(),
        declared_at=signed.when.replace(microsecond=0),
        asset=signed.asset.digest,
        manifest_store=Digest(cast("bytes", manifest["store_digest"])),
        claim=Digest(cast("bytes", manifest["claim_digest"])),
        manifest_id=str(manifest["manifest_id"]),
        certificate=certificate,
        source_type=signed.request.source_type,
        media_type=signed.asset.media_type,
        bound=cast("bytes", manifest["bound_digest"]),
        refs=() if supersedes is None else (Digest.parse(supersedes),),
    )
    return Registration(sign_entry(entry, publisher), payload, fingerprints, references)


def _fingerprints(examination: Examination) -> Iterator[StoredFingerprint]:
    if (picture := examination.picture) is not None:
        for code in picture.codes:
            yield StoredFingerprint(code.algorithm, code.value, None, code.quality)
    if (frames := examination.frames) is not None:
        for code, time_s in zip(frames.code_array(), frames.time_array().tolist(), strict=True):
            yield StoredFingerprint(FRAME_ALGORITHM, code.tobytes(), time_s)
    if (sound := examination.sound) is not None:
        yield StoredFingerprint(SOUND_ALGORITHM, sound.codes)


def _units(soft_binding: bytes | None) -> Iterator[StoredFingerprint]:
    """Yield the units of the manifest's own soft binding; a picture's content unit is stored already."""
    for unit in iscc.read_sequence(soft_binding) if soft_binding is not None else ():
        algorithm = iscc.UNIT_ALGORITHMS.get(unit.kind)
        if algorithm is not None and unit.kind is not iscc.UnitKind.CONTENT_IMAGE:
            yield StoredFingerprint(algorithm, unit.body)


def _references(signed: SignedAsset) -> Iterator[StoredReference]:
    examination = signed.examination
    if (picture := examination.picture) is not None:
        stored: Sequence[tuple[str, bytes | None]] = (
            (PICTURE_REFERENCE, picture.reference),
            (FEATURE_REFERENCE, picture.features),
        )
        yield from (StoredReference(kind, blob) for kind, blob in stored if blob is not None)
    yield from signed.frames
    if (sound := examination.sound) is not None:
        yield StoredReference(SPECTRUM_REFERENCE, sound.spectrum)
    yield StoredReference(MANIFEST_REFERENCE, signed.store)
