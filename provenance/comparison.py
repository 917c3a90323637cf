"""Where a copy lies in an asset and where it differs from it: values only.

Coordinates are fractions of the upright picture (0..1), times are seconds of media time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Something that could not be looked at.

    Attributes:
        reason: Why, as a clause that follows "not checked: ".
    """

    reason: str


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

    def overlap(self, other: Box) -> float:
        """Return the shared area over the area of both together, 0..1."""
        across = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        down = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        shared = max(across, 0.0) * max(down, 0.0)
        both = self.area + other.area - shared
        return shared / both if both > 0 else 0.0


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
        inliers: Local features that agree with the matrix; 0 where it rests on correlation alone.
        agreement: Share of the shared part's textured blocks whose detail agrees, 0..1.
        negative: Whether the copy is a negative.
    """

    matrix: tuple[float, float, float, float, float, float, float, float, float]
    mirrored: bool
    crop: Box
    rotation_deg: float
    scale: float
    inliers: int
    agreement: float = 0.0
    negative: bool = False


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
        speed: Asset seconds per copy second; 0 for a still, below 0 where the copy runs backwards (``asset``
            then still goes from the earlier to the later time).
        strength: 0..1, share of compared units that agree.
        pitch: Semitones by which the copy's sound is higher, about; 0 of a picture.
        geometry: How the copy's frames lie in the asset's during this stretch; None where the whole frames
            agree, and for sound.
        uncertain_s: Seconds by which its place in the asset may be off, because other moments of the asset look the
            same: a still scene, a loop. 0 where only one place fits.
    """

    channel: Channel
    copy: Span
    asset: Span
    speed: float
    strength: float
    pitch: float = 0.0
    geometry: Geometry | None = None
    uncertain_s: float = 0.0


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
    SOUND_OVERLAY = "sound-overlay"  # music or noise added to genuine sound
    SOUND_INSERTED = "sound-inserted"  # put between parts that adjoin in the original
    SOUND_FOREIGN = "sound-foreign"  # stands before, after or between genuine parts
    SOUND_SILENCE = "sound-silence"  # a pause put in
    PICTURE_REPLACED = "picture-replaced"  # another picture over the genuine sound
    PICTURE_DIFFERS = "picture-differs"  # seconds of another picture in place of the genuine one
    PICTURE_MIRRORED = "picture-mirrored"  # seconds mirrored against the rest of the copy
    PICTURE_INSERTED = "picture-inserted"  # seconds of another picture, nothing of the original missing
    PICTURE_FOREIGN = "picture-foreign"  # other picture before, after or between genuine parts


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
        share: Share of the copy's picture that differs, 0..1: less than its box where it is no rectangle; None
            where it was not measured.
    """

    kind: DifferenceKind
    channel: Channel
    box: Box | None = None
    span: Span | None = None
    asset_span: Span | None = None
    strength: float = 0.0
    face: bool = False
    share: float | None = None


class Edit(StrEnum):
    """How a copy was re-edited though its parts are genuine."""

    CUT = "cut"
    REORDERED = "reordered"
    SPEED = "speed"
    BACKWARDS = "backwards"
    FROZEN = "frozen"  # a frame stands still
    OTHER_SOUND = "other-sound"
    OTHER_PICTURE = "other-picture"
    SOUND_SHIFTED = "sound-shifted"
    JOINED = "joined"  # with parts of another registered asset
    EXTENDED = "extended"  # by material that the original does not have, before, after or between its parts


@dataclass(frozen=True, slots=True)
class Comparison:
    """The copy compared with the asset along the alignment.

    Attributes:
        differences: Regions and spans that differ; overlays included.
        edits: How the order of genuine parts was changed.
        compared: Share of the copy that could be compared, 0..1.
        not_compared: What could not, and why, as sentences.
        drawing: What the picture of the answer (copy with marked differences beside the reference) is drawn from
            when somebody looks at it (:mod:`provenance.report.draw`), or that picture, PNG; None where there is none.
    """

    differences: tuple[Difference, ...] = ()
    edits: tuple[Edit, ...] = ()
    compared: float = 0.0
    not_compared: tuple[str, ...] = ()
    drawing: bytes | None = None
