"""What the service says, as schemas: closed, frozen, made from the values explicitly."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from provenance.evidence import Record
from provenance.ledger.receipt import Receipt
from provenance.ledger.rows import Counts
from provenance.media.lockdown import Isolation
from provenance.report.report import Report, report_json
from provenance.search import Hit

#: Most hashes of one look-up.
MAX_HASHES = 64


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


class SegmentOut(Closed):
    """A stretch of the copy that is a stretch of the original."""

    channel: str
    copy_: SpanOut = Field(alias="copy")
    asset: SpanOut
    speed: float
    strength: float


class AlignmentOut(Closed):
    """Which part of the copy is which part of the original."""

    geometry: GeometryOut | None
    segments: tuple[SegmentOut, ...]


class DifferenceOut(Closed):
    """A part of the copy that copying does not explain; ``strength`` in standard deviations."""

    kind: str
    channel: str
    box: BoxOut | None
    span: SpanOut | None
    asset_span: SpanOut | None
    strength: float
    face: bool


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
        )


class MatchOut(Closed):
    """A registered asset, how it was found and what differs."""

    record: RecordOut
    found: tuple[FoundOut, ...]
    alignment: AlignmentOut | None
    comparison: ComparisonOut | UnavailableOut
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


class ScoreOut(Closed):
    """A calibrated detector output; ``log10_lr`` null is an abstention."""

    detector: str
    log10_lr: float | None
    band: float
    abstained: str


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
    """Where the rest of the report is, for up to an hour."""

    self: str
    page: str
    html: str
    map: str | None

    @classmethod
    def of(cls, name: str, report: Report) -> Self:
        """Return the links of ``report``, which is kept as ``name``."""
        base = f"/v1/reports/{name}"
        return cls(
            self=base,
            page=f"/r/{name}",
            html=f"{base}/report.html",
            map=f"{base}/map.png" if report.map_png is not None else None,
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


class LookupIn(Closed):
    """Hashes to look up, spelled as ``provenance hash`` prints them; the media stays with its owner."""

    hashes: tuple[Annotated[str, Field(min_length=9, max_length=200)], ...] = Field(
        min_length=1, max_length=MAX_HASHES
    )
    radius: Annotated[int, Field(ge=0, le=256, strict=True)] | None = None


class HitOut(Closed):
    """A registered asset near a hash; ``receipt`` holds its inclusion proof as tlog-proof text."""

    hash: str
    algorithm: str
    distance: int
    bits: int
    time_s: float | None
    status: str
    record: RecordOut
    receipt: str

    @classmethod
    def from_domain(cls, text: str, hit: Hit) -> Self:
        """Return ``hit``, found by the hash ``text``, as it is shown."""
        return cls(
            hash=text,
            algorithm=hit.algorithm,
            distance=hit.distance,
            bits=hit.bits,
            time_s=hit.time_s,
            status=hit.record.status.value,
            record=RecordOut.from_domain(hit.record),
            receipt=hit.receipt,
        )


class LookupOut(Closed):
    """Everything found, for each hash nearest first."""

    hits: tuple[HitOut, ...]


class InclusionOut(Closed):
    """That an entry is in the log: hashes in base64, the leaf's sibling first, and the whole receipt."""

    asset_id: str
    index: int
    leaf: str
    hashes: tuple[str, ...]
    checkpoint: str
    receipt: str

    @classmethod
    def from_domain(cls, receipt: Receipt) -> Self:
        """Return ``receipt`` as it is shown."""
        return cls(
            asset_id=receipt.asset_id,
            index=receipt.index,
            leaf=_base64(receipt.leaf),
            hashes=tuple(_base64(one) for one in receipt.proof),
            checkpoint=receipt.checkpoint,
            receipt=receipt.format(),
        )


class ConsistencyOut(Closed):
    """That the log of size ``from`` is the beginning of the log of size ``to``; hashes in base64."""

    from_: int = Field(alias="from")
    to: int
    hashes: tuple[str, ...]

    @classmethod
    def from_domain(cls, old: int, new: int, proof: tuple[bytes, ...]) -> Self:
        """Return the proof between the sizes ``old`` and ``new`` as it is shown."""
        return cls.model_validate({"from": old, "to": new, "hashes": tuple(_base64(one) for one in proof)})


class ReadyOut(Closed):
    """Whether the service can work: its registry answers and its workers run, contained this strongly."""

    status: str
    database: str
    ledger_size: int
    assets: int
    isolation: str
    isolation_reason: str

    @classmethod
    def from_domain(cls, counts: Counts, isolation: Isolation) -> Self:
        """Return the state of registry and workers as it is shown."""
        return cls(
            status="ready",
            database="ok",
            ledger_size=counts.entries,
            assets=counts.assets,
            isolation=isolation.level.value,
            isolation_reason=isolation.reason,
        )


class HealthOut(Closed):
    """That the process answers."""

    status: str


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
