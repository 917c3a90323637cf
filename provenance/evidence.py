"""What was found about a copy: values only, no behaviour that looks anything up.

Coordinates are fractions of the upright picture (0..1), times are seconds of media time. Text that comes out
of a media file is a claim and stays inside :class:`Claims`; only names taken from a verified certificate or
from the registry are facts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NoReturn

from provenance.digest import Digest
from provenance.media.asset import Kind, MediaType


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Something that could not be looked at.

    Attributes:
        reason: Why, as a clause that follows "not checked: ".
    """

    reason: str


# --- credentials -----------------------------------------------------------------------------------------


class CredentialState(StrEnum):
    """How the embedded C2PA manifest stands after validation and our own trust decision."""

    ABSENT = "absent"
    REMOTE = "remote"  # named in the file but kept elsewhere; never fetched
    TRUSTED = "trusted"  # holds, bound to these bytes, issuer on a manifest trust list
    UNRECOGNIZED = "unrecognized"  # holds and is bound, issuer on no list
    UNBOUND = "unbound"  # the claim holds, but these bytes are not the ones it was made for
    TAMPERED = "tampered"  # claim, assertion, signature or ingredient was changed
    REVOKED = "revoked"
    EXPIRED = "expired"  # certificate expired and no trusted time says it was used before
    INCONCLUSIVE = "inconclusive"  # damaged beyond reading, or a status code this version does not know


class Revocation(StrEnum):
    """What is known about the certificate's revocation."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


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


@dataclass(frozen=True, slots=True)
class StatusCode:
    """One validation result of the C2PA engine, kept as it was given.

    Attributes:
        code: For example ``assertion.dataHash.mismatch``.
        outcome: ``success``, ``informational`` or ``failure``.
        where: JUMBF address it speaks of, cleaned; may be empty.
        explanation: The engine's text, cleaned; may be empty.
    """

    code: str
    outcome: str
    where: str = ""
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Claims:
    """What the manifest says of itself. Unchecked text by the signer; shown as claims.

    Attributes:
        title: Claimed title.
        author: Claimed author.
        generator: Claimed tool (claim generator).
        model: Claimed generating model (software agent of a created action).
        source_types: Digital source types of the actions, in order.
        when: Claimed time of the first action, as written.
        training: Claimed training and data-mining permissions, name -> use.
    """

    title: str | None = None
    author: str | None = None
    generator: str | None = None
    model: str | None = None
    source_types: tuple[SourceType, ...] = ()
    when: str | None = None
    training: tuple[tuple[str, str], ...] = ()


class IngredientState(StrEnum):
    """The worst of the manifest's ingredients."""

    NONE = "none"
    HELD = "held"
    UNRECOGNIZED = "unrecognized"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Credential:
    """The embedded C2PA manifest, read and validated.

    Attributes:
        state: How it stands.
        issuer: Organisation in the signing certificate; a fact only while ``state`` is trusted.
        common_name: Common name in the signing certificate.
        certificate_sha256: SHA-256 of the DER leaf certificate.
        trust_list: Name of the manifest trust list that holds the issuer's root.
        tier: ``c2pa`` if the leaf carries the claim-signing EKU, else ``legacy``.
        manifest_id: URN of the active manifest.
        bound_digest: Hash of the hard-bound bytes, set only when the engine confirmed the binding.
        claims: What the manifest says of itself.
        ingredients: Worst state of the ingredients.
        ingredient_ids: Manifest URNs of the ingredients, for declared derivation.
        revocation: What is known of revocation.
        signed_at: Time of a trusted timestamp, never a claimed date.
        codes: All codes of the engine.
        notes: Sentences a reader should see, for example unbound bytes or odd dates.
    """

    state: CredentialState
    issuer: str | None = None
    common_name: str | None = None
    certificate_sha256: Digest | None = None
    trust_list: str | None = None
    tier: str | None = None
    manifest_id: str | None = None
    bound_digest: bytes | None = None
    claims: Claims = field(default_factory=Claims)
    ingredients: IngredientState = IngredientState.NONE
    ingredient_ids: tuple[str, ...] = ()
    revocation: Revocation = Revocation.UNKNOWN
    signed_at: datetime | None = None
    codes: tuple[StatusCode, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the manifest is cryptographically whole and bound to these bytes."""
        return self.state in (CredentialState.TRUSTED, CredentialState.UNRECOGNIZED)


# --- matches ---------------------------------------------------------------------------------------------


class Family(StrEnum):
    """Independent ways to find a registered asset. Two of them, or DIGEST, or BOUND, confirm a match."""

    DIGEST = "digest"  # the same bytes
    BOUND = "bound"  # the same hard-bound bytes under the same manifest
    GLOBAL = "global"  # whole-picture codes: PDQ, ISCC, phash64
    LOCAL = "local"  # local features with geometry
    SOUND = "sound"  # sound codes aligned in time
    SPECTRUM = "spectrum"  # stored log-mel reference along the alignment


@dataclass(frozen=True, slots=True)
class Found:
    """One way in which the asset was found.

    Attributes:
        family: The method's family.
        method: For example ``pdq256-v1 mirrored`` or ``ORB + homography``.
        distance: In the method's unit; lower is nearer.
        threshold: Distance up to which it counts.
        false_match_rate: Measured rate per compared pair at that threshold; None where not measured.
    """

    family: Family
    method: str
    distance: float
    threshold: float
    false_match_rate: float | None = None


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


# --- alignment and differences ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the upright picture, as fractions of its width and height."""

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        """Share of the picture, 0..1."""
        return self.w * self.h


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of media time, seconds."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the copy's picture lies in the asset's.

    Attributes:
        matrix: Row-major 3x3 homography from copy fractions to asset fractions.
        mirrored: Whether the copy is mirrored.
        crop: The part of the asset that the copy shows.
        rotation_deg: Rotation of the copy against the asset, degrees clockwise.
        scale: Copy pixels per asset pixel along the width.
        inliers: Local features that agree with the matrix.
    """

    matrix: tuple[float, float, float, float, float, float, float, float, float]
    mirrored: bool
    crop: Box
    rotation_deg: float
    scale: float
    inliers: int


class Channel(StrEnum):
    """What a segment or difference speaks of."""

    PICTURE = "picture"
    SOUND = "sound"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the copy that is a stretch of the asset.

    Attributes:
        channel: Picture or sound.
        copy: Where in the copy.
        asset: Where in the asset.
        speed: Asset seconds per copy second.
        strength: 0..1, share of compared units that agree.
    """

    channel: Channel
    copy: Span
    asset: Span
    speed: float
    strength: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which part of the copy is which part of the asset: geometry for pictures, segments for time."""

    geometry: Geometry | None = None
    segments: tuple[Segment, ...] = ()


class DifferenceKind(StrEnum):
    """What a difference looks like."""

    REPLACED = "replaced"
    REMOVED = "removed"
    WARPED = "warped"
    OVERLAY = "overlay"
    SOUND_REPLACED = "sound-replaced"  # another sound track over the genuine picture
    SOUND_DIFFERS = "sound-differs"  # seconds that differ within genuine sound
    PICTURE_REPLACED = "picture-replaced"  # another picture over the genuine sound


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of the copy that re-encoding, resizing and cropping do not explain.

    Attributes:
        kind: What it looks like.
        channel: Picture or sound.
        box: Where in the copy's picture.
        span: When in the copy.
        asset_span: When in the asset.
        strength: Standard deviations above what clean copies show.
        face: Whether it covers a face.
    """

    kind: DifferenceKind
    channel: Channel
    box: Box | None = None
    span: Span | None = None
    asset_span: Span | None = None
    strength: float = 0.0
    face: bool = False


class Edit(StrEnum):
    """How a copy was re-edited though its parts are genuine."""

    CUT = "cut"
    REORDERED = "reordered"
    SPEED = "speed"
    OTHER_SOUND = "other-sound"
    OTHER_PICTURE = "other-picture"
    SOUND_SHIFTED = "sound-shifted"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The copy compared with the asset along the alignment.

    Attributes:
        differences: Regions and spans that differ; overlays included.
        edits: How the order of genuine parts was changed.
        compared: Share of the copy that could be compared, 0..1.
        not_compared: What could not, and why, as sentences.
        map_png: Picture of the answer (copy with marked differences beside the reference), or None.
    """

    differences: tuple[Difference, ...] = ()
    edits: tuple[Edit, ...] = ()
    compared: float = 0.0
    not_compared: tuple[str, ...] = ()
    map_png: bytes | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A registered asset and how it was found in the copy.

    Attributes:
        record: The asset.
        found: Every way it was found, strongest first.
        alignment: Which part of the copy is which part of the asset; None where not aligned.
        comparison: What differs; ``Unavailable`` where it could not be compared.
    """

    record: Record
    found: tuple[Found, ...]
    alignment: Alignment | None = None
    comparison: Comparison | Unavailable = field(default_factory=lambda: Unavailable("not compared yet"))

    @property
    def identical(self) -> bool:
        """Whether the copy has the same bytes, or the same hard-bound bytes, as the asset."""
        return any(f.family in (Family.DIGEST, Family.BOUND) for f in self.found)

    @property
    def confirmed(self) -> bool:
        """Whether it may drive the verdict: identical, or two independent families and an alignment."""
        families = {f.family for f in self.found}
        return self.identical or (len(families) >= 2 and self.alignment is not None)


# --- synthesis -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """A declaration or watermark of synthesis found in the file.

    Attributes:
        kind: For example ``iptc-digital-source-type``.
        says: What it says, cleaned text.
        synthetic: Whether it declares synthesis.
        generator: Whether it is a generator's own mark rather than a label anybody may write.
    """

    kind: str
    says: str
    synthetic: bool
    generator: bool


@dataclass(frozen=True, slots=True)
class Score:
    """A calibrated detector output.

    Attributes:
        detector: Detector name and version.
        log10_lr: log10 likelihood ratio (synthetic : not); None is an abstention.
        band: Absolute log10 likelihood ratio that must be passed to count.
        abstained: Why it abstained; empty otherwise.
    """

    detector: str
    log10_lr: float | None
    band: float
    abstained: str = ""


# --- all of it -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything found about one copy.

    Attributes:
        digest: SHA-256 of the copy.
        media_type: Sniffed type.
        kind: Medium.
        credential: Its embedded credential.
        matches: Registered assets found, best first; ``Unavailable`` if the registry could not be asked.
        marks: Declarations and watermarks of synthesis.
        score: Detector output.
        notes: Further findings as sentences (declared type differs, second picture in the file).
        not_checked: What was not looked at, and why.
    """

    digest: Digest
    media_type: MediaType
    kind: Kind
    credential: Credential
    matches: tuple[Match, ...] | Unavailable
    marks: tuple[Mark, ...] | Unavailable
    score: Score | Unavailable
    notes: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()

    @property
    def best(self) -> Match | None:
        """The strongest match, confirmed or not."""
        return self.matches[0] if isinstance(self.matches, tuple) and self.matches else None


class VerdictCode(StrEnum):
    """The closed list of verdicts, in the order of their rules (design.md section 4)."""

    WITHDRAWN = "withdrawn"
    CREDENTIALS_INVALID = "credentials-invalid"
    CREDENTIALS_CONFLICT = "credentials-conflict"
    ALTERED_COPY = "altered-copy"
    RE_EDITED_COPY = "re-edited-copy"
    DISCLOSURE_REMOVED = "disclosure-removed"
    DISCLOSED_SYNTHETIC = "disclosed-synthetic"
    INTACT = "intact"
    INTACT_UNRECOGNIZED_ISSUER = "intact-unrecognized-issuer"
    DERIVED_COPY = "derived-copy"
    POSSIBLY_SYNTHETIC = "possibly-synthetic"
    NO_EVIDENCE = "no-evidence"


class Confidence(StrEnum):
    """From table rules, never a float."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a verdict.

    Attributes:
        code: Stable code, for example ``credential.unbound``.
        text: The finding as a sentence.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: a code with its reasons, what was not checked and what to do next."""

    code: VerdictCode
    confidence: Confidence
    summary: str
    reasons: tuple[Reason, ...]
    not_checked: tuple[str, ...]
    next_step: str

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is not yes or no; look at its code")
