"""A registered asset as the registry knows it: values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from provenance.digest import Digest
from provenance.media.asset import MediaType


class SourceType(StrEnum):
    """IPTC digital source types (http://cv.iptc.org/newscodes/digitalsourcetype/) accepted for signing."""

    DIGITAL_CAPTURE = "digitalCapture"
    COMPUTATIONAL_CAPTURE = "computationalCapture"
    NEGATIVE_FILM = "negativeFilm"
    POSITIVE_FILM = "positiveFilm"
    PRINT = "print"
    HUMAN_EDITS = "humanEdits"
    COMPOSITE_CAPTURE = "compositeCapture"
    SCREEN_CAPTURE = "screenCapture"
    VIRTUAL_RECORDING = "virtualRecording"
    DIGITAL_CREATION = "digitalCreation"
    DATA_DRIVEN_MEDIA = "dataDrivenMedia"
    ALGORITHMIC_MEDIA = "algorithmicMedia"
    ALGORITHMICALLY_ENHANCED = "algorithmicallyEnhanced"
    COMPOSITE = "composite"
    COMPOSITE_SYNTHETIC = "compositeSynthetic"
    COMPOSITE_WITH_TRAINED = "compositeWithTrainedAlgorithmicMedia"
    TRAINED_ALGORITHMIC = "trainedAlgorithmicMedia"

    @property
    def uri(self) -> str:
        """The IPTC NewsCodes URI."""
        return f"http://cv.iptc.org/newscodes/digitalsourcetype/{self.value}"

    @property
    def synthetic(self) -> bool:
        """Whether it declares generated content (all of it or parts)."""
        return self in (
            SourceType.TRAINED_ALGORITHMIC,
            SourceType.COMPOSITE_WITH_TRAINED,
            SourceType.COMPOSITE_SYNTHETIC,
        )


class RecordStatus(StrEnum):
    """The fold of all ledger entries about an asset."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"
    DISPUTED = "disputed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Record:
    """A registered asset as the registry knows it.

    Attributes:
        asset_id: ``sha256:`` of the ledger leaf: the stable public name of the registration.
        index: Position in the ledger.
        digest: SHA-256 of the signed file.
        media_type: Type of the signed file.
        title: Title given by the publisher.
        publisher: Publisher's organisation.
        certificate_sha256: Leaf certificate that signed the file.
        manifest_id: URN of its manifest.
        bound_digest: Hash of its hard-bound bytes.
        source_type: Declared origin.
        model: Declared generating model.
        registered_at: Time the ledger accepted it, aware UTC.
        status: Fold of later entries.
        status_reason: Publisher's reason for a withdrawal or dispute.
        replaced_by: asset_id of the replacement.
        duration_s: Duration of film or sound.
        width: Width of the upright picture or frame, pixels.
        height: Height of the upright picture or frame, pixels.
        status_by: Organisation whose entry gave the status; empty for an active asset, and where it was not noted.
        status_at: When that entry was declared, aware UTC; None as above.
        status_entry: ``sha256:`` of that entry's leaf; None as above.
        account: Neutral name of the customer of a shared service through whom it was registered; empty elsewhere.
        status_account: The same of the entry that gave the status.
    """

    asset_id: str
    index: int
    digest: Digest
    media_type: MediaType
    title: str
    publisher: str
    certificate_sha256: Digest
    manifest_id: str
    bound_digest: bytes | None
    source_type: SourceType
    model: str | None
    registered_at: datetime
    status: RecordStatus = RecordStatus.ACTIVE
    status_reason: str = ""
    replaced_by: str | None = None
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    status_by: str = ""
    status_at: datetime | None = None
    status_entry: str | None = None
    account: str = ""
    status_account: str = ""

    @property
    def redacted(self) -> bool:
        """Whether title, names, fingerprints and references were erased; a registration always has a publisher."""
        return not self.publisher
