"""Reports and records as the service says them: closed, frozen, made from the values explicitly."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from provenance.evidence import Record
from provenance.report.report import Report, report_json
from provenance.report.timeline import evidence_timeline


class Closed(BaseModel):
    """A schema without further fields, whose values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UnavailableOut(Closed):
    """Something that could not be looked at, and why."""

    reason: str


class BoxOut(Closed):
    """A rectangle of the upright picture, fractions of its width and height."""

    x: float
    y: float
    w: float
    h: float


class SpanOut(Closed):
    """A stretch of media time, seconds."""

    start_s: float
    end_s: float


class GeometryOut(Closed):
    """How the copy's picture lies in the original's; ``matrix`` is row-major 3x3, copy to original."""

    matrix: tuple[float, ...]
    mirrored: bool
    crop: BoxOut
    rotation_deg: float
    scale: float
    inliers: int
    agreement: float
    negative: bool


class SegmentOut(Closed):
    """A stretch of the copy that is a stretch of the original; ``speed`` below 0 runs backwards, 0 is a still.

    ``uncertain_s`` is by how many seconds its place may be off, because other moments look the same.
    """

    channel: str
    copy_: SpanOut = Field(alias="copy")
    asset: SpanOut
    speed: float
    strength: float
    pitch: float
    geometry: GeometryOut | None
    uncertain_s: float


class AlignmentOut(Closed):
    """Which part of the copy is which part of the original."""

    geometry: GeometryOut | None
    segments: tuple[SegmentOut, ...]


class DifferenceOut(Closed):
    """A part of the copy that copying does not explain; ``strength`` in standard deviations.

    ``share`` is the part of the copy's picture that differs, 0..1, where it was measured.
    """

    kind: str
    channel: str
    box: BoxOut | None
    span: SpanOut | None
    asset_span: SpanOut | None
    strength: float
    face: bool
    share: float | None


class ComparisonOut(Closed):
    """The copy compared with the original; ``compared`` is the share of the copy, 0..1."""

    differences: tuple[DifferenceOut, ...]
    edits: tuple[str, ...]
    compared: float
    not_compared: tuple[str, ...]


class FoundOut(Closed):
    """One way in which a registered asset was found."""

    family: str
    method: str
    distance: float
    threshold: float
    false_match_rate: float | None


class RecordOut(Closed):
    """A registered asset. ``title``, ``source_type`` and ``model`` are what its publisher declared."""

    asset_id: str
    index: int
    digest: str
    media_type: str
    title: str
    publisher: str
    certificate_sha256: str
    manifest_id: str
    bound_digest: str | None
    source_type: str
    model: str | None
    registered_at: datetime
    status: str
    status_reason: str
    replaced_by: str | None
    duration_s: float | None
    width: int | None
    height: int | None
    status_by: str
    status_at: datetime | None
    status_entry: str | None
    account: str
    status_account: str

    @classmethod
    def from_domain(cls, record: Record) -> Self:
        """Return ``record`` as it is shown."""
        return cls(
            asset_id=record.asset_id,
            index=record.index,
            digest=str(record.digest),
            media_type=record.media_type.value,
            title=record.title,
            publisher=record.publisher,
            certificate_sha256=str(record.certificate_sha256),
            manifest_id=record.manifest_id,
            bound_digest=record.bound_digest.hex() if record.bound_digest is not None else None,
            source_type=record.source_type.value,
            model=record.model,
            registered_at=record.registered_at,
            status=record.status.value,
            status_reason=record.status_reason,
            replaced_by=record.replaced_by,
            duration_s=record.duration_s,
            width=record.width,
            height=record.height,
            status_by=record.status_by,
            status_at=record.status_at,
            status_entry=record.status_entry,
            account=record.account,
            status_account=record.status_account,
        )


class TransformationOut(Closed):
    """What was done to the original to make the copy; boxes as in :class:`BoxOut`, ``sentence`` says it in words."""

    place: BoxOut
    shown: BoxOut
    shown_share: float
    rotation_deg: float
    scale: float
    stretch: float
    mirrored: bool
    negative: bool
    perspective: float
    jpeg_quality: int | None
    sharpness: float | None
    overlays: tuple[BoxOut, ...]
    colour: float | None
    tint: float | None
    brightness: float | None
    sentence: str


class MatchOut(Closed):
    """A registered asset, how it was found and what differs."""

    record: RecordOut
    found: tuple[FoundOut, ...]
    alignment: AlignmentOut | None
    comparison: ComparisonOut | UnavailableOut
    transformation: TransformationOut | None
    source: bool
    confirmed: bool
    identical: bool


class StatusCodeOut(Closed):
    """One result of the C2PA engine, as it was given."""

    code: str
    outcome: str
    where: str
    explanation: str


class ClaimsOut(Closed):
    """What the manifest says of itself; claims, not facts."""

    title: str | None
    author: str | None
    generator: str | None
    model: str | None
    source_types: tuple[str, ...]
    when: str | None
    training: tuple[tuple[str, str], ...]


class CredentialOut(Closed):
    """The embedded C2PA manifest; ``issuer`` is a fact only while ``state`` is ``trusted``."""

    state: str
    issuer: str | None
    common_name: str | None
    certificate_sha256: str | None
    trust_list: str | None
    tier: str | None
    manifest_id: str | None
    bound_digest: str | None
    claims: ClaimsOut
    ingredients: str
    ingredient_ids: tuple[str, ...]
    revocation: str
    signed_at: datetime | None
    codes: tuple[StatusCodeOut, ...]
    notes: tuple[str, ...]


class MarkOut(Closed):
    """A declaration or watermark of synthesis found in the file."""

    kind: str
    says: str
    synthetic: bool
    generator: bool
    model: str | None
    author: str
    forgeable: bool


class ScoreOut(Closed):
    """A calibrated detector output; ``log10_lr`` null is an abstention."""

    detector: str
    log10_lr: float | None
    band: float
    abstained: str
    false_positive_rate: float | None
    operating_range: str
    untested: tuple[str, ...]
    raw: float | None


class ReasonOut(Closed):
    """A finding with a stable code."""

    code: str
    text: str


class VerdictOut(Closed):
    """The answer."""

    code: str
    confidence: str
    summary: str
    next_step: str


class InputOut(Closed):
    """The file that was checked."""

    sha256: str
    type: str
    kind: str


class LinksOut(Closed):
    """Where the rest of the report is, for up to an hour; ``timeline`` is of film and sound that was found."""

    self: str
    page: str
    html: str
    map: str | None
    timeline: str | None

    @classmethod
    def of(cls, name: str, report: Report) -> Self:
        """Return the links of ``report``, which is kept as ``name``."""
        base = f"/v1/reports/{name}"
        return cls(
            self=base,
            page=f"/r/{name}",
            html=f"{base}/report.html",
            map=f"{base}/map.png" if report.has_map else None,
            timeline=f"{base}/timeline.svg" if evidence_timeline(report.evidence) is not None else None,
        )


class ReportOut(Closed):
    """A report: verdict, reasons, all evidence, and what was not checked."""

    schema_: str = Field(alias="schema")
    name: str
    checked_at: datetime
    elapsed_s: float
    input: InputOut
    verdict: VerdictOut
    reasons: tuple[ReasonOut, ...]
    not_checked: tuple[str, ...]
    credential: CredentialOut
    matches: tuple[MatchOut, ...] | UnavailableOut
    marks: tuple[MarkOut, ...] | UnavailableOut
    detector: ScoreOut | UnavailableOut
    has_map: bool
    engines: dict[str, str]
    links: LinksOut

    @classmethod
    def from_domain(cls, report: Report, name: str) -> Self:
        """Return ``report``, kept as ``name``, as it is shown."""
        made: dict[str, Any] = report_json(report)
        return cls.model_validate(made | {"links": LinksOut.of(name, report)})
