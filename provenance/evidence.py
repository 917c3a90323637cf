"""Evidence: everything found about one copy, as values that look nothing up.

This module is the one place to import the values from; they are defined beside their own kind in
``credential``, ``record``, ``comparison`` and ``verdict``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from provenance.comparison import (
    Alignment,
    Box,
    Channel,
    Comparison,
    Difference,
    DifferenceKind,
    Edit,
    Geometry,
    Segment,
    Span,
    Unavailable,
)
from provenance.credential import Claims, Credential, CredentialState, IngredientState, Revocation, StatusCode
from provenance.digest import Digest
from provenance.media.asset import Kind, MediaType
from provenance.record import Record, RecordStatus, SourceType
from provenance.transformation import Transformation
from provenance.verdict import Confidence, Reason, Verdict, VerdictCode

__all__ = [
    "Alignment",
    "Box",
    "Channel",
    "Claims",
    "Comparison",
    "Confidence",
    "Credential",
    "CredentialState",
    "Difference",
    "DifferenceKind",
    "Edit",
    "Evidence",
    "Family",
    "Found",
    "Geometry",
    "IngredientState",
    "Mark",
    "Match",
    "Reason",
    "Record",
    "RecordStatus",
    "Revocation",
    "Score",
    "Segment",
    "SourceType",
    "Span",
    "StatusCode",
    "Transformation",
    "Unavailable",
    "Verdict",
    "VerdictCode",
]


#: Overlap (intersection over union) from which two matches lie at the same place of a copy.
SAME_PLACE = 0.5


class Family(StrEnum):
    """Independent ways to find a registered asset. Two of them, or DIGEST, or BOUND, confirm a match."""

    DIGEST = "digest"  # the same bytes
    BOUND = "bound"  # the same hard-bound bytes under the same manifest
    GLOBAL = "global"  # whole-picture codes: PDQ, ISCC, phash64
    LOCAL = "local"  # local features with geometry
    DETAIL = "detail"  # detail of the aligned pictures, block by block
    SOUND = "sound"  # sound codes aligned in time
    SPECTRUM = "spectrum"  # stored log-mel reference along the alignment


@dataclass(frozen=True, slots=True)
class Found:
    """One way in which the asset was found.

    Attributes:
        family: The method's family.
        method: For example ``pdq256-v1 mirrored`` or ``ORB + homography``.
        distance: In the method's unit; lower is nearer. For LOCAL the number of agreeing features.
        threshold: Distance up to which it counts. For LOCAL the least number that counts.
        false_match_rate: Measured rate of unrelated pairs that match as strongly; None where not measured.
    """

    family: Family
    method: str
    distance: float
    threshold: float
    false_match_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A registered asset and how it was found in the copy.

    Attributes:
        record: The asset.
        found: Every way it was found, strongest first.
        alignment: Which part of the copy is which part of the asset; None where not aligned.
        comparison: What differs; ``Unavailable`` where it could not be compared.
        transformation: What was done to the original to make the copy; None where not aligned or not a picture.
        source: Whether the asset names the copy as what it was made from.
    """

    record: Record
    found: tuple[Found, ...]
    alignment: Alignment | None = None
    comparison: Comparison | Unavailable = field(default_factory=lambda: Unavailable("not compared yet"))
    transformation: Transformation | None = None
    source: bool = False

    @property
    def identical(self) -> bool:
        """Whether the copy has the same bytes, or the same hard-bound bytes, as the asset."""
        return any(f.family in (Family.DIGEST, Family.BOUND) for f in self.found)

    @property
    def confirmed(self) -> bool:
        """Whether it may drive the verdict: identical, or two independent families and an alignment."""
        families = {f.family for f in self.found}
        return self.identical or (len(families) >= 2 and self.alignment is not None)


@dataclass(frozen=True, slots=True)
class Mark:
    """A declaration or watermark of synthesis found in the file.

    Attributes:
        kind: For example ``iptc-digital-source-type``.
        says: What it says, cleaned text.
        synthetic: Whether it declares synthesis.
        generator: Whether it is a generator's own mark rather than a label anybody may write.
        model: Generator or model it names, cleaned text, or None.
        author: Who could have written it, as a clause that follows "written by ".
        forgeable: Whether a common editor writes or removes it; false for marks in the pixels.
    """

    kind: str
    says: str
    synthetic: bool
    generator: bool
    model: str | None = None
    author: str = "anybody with a metadata editor"
    forgeable: bool = True


@dataclass(frozen=True, slots=True)
class Score:
    """A calibrated detector output.

    Attributes:
        detector: Detector name and version.
        log10_lr: log10 likelihood ratio (synthetic : not); None is an abstention.
        band: Absolute log10 likelihood ratio that must be passed to count.
        abstained: Why it abstained; empty otherwise.
        false_positive_rate: Share of real pictures beyond the band in the worst held-out source, or None.
        operating_range: What the detector was measured on, as a sentence; may be empty.
        untested: What it has never been tested on.
        raw: The model's own output, without meaning outside its card; None where it did not look.
    """

    detector: str
    log10_lr: float | None
    band: float
    abstained: str = ""
    false_positive_rate: float | None = None
    operating_range: str = ""
    untested: tuple[str, ...] = ()
    raw: float | None = None


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
        too_little: Why the copy's sound is too short, too quiet or too noisy to be told; empty where it is not.
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
    too_little: str = ""

    @property
    def best(self) -> Match | None:
        """The strongest match, confirmed or not."""
        return self.matches[0] if isinstance(self.matches, tuple) and self.matches else None

    @property
    def leads(self) -> tuple[Match, ...]:
        """The strongest match, and of the other confirmed ones the strongest at each other place of the copy.

        Two registrations of one picture lie at the same place; the pictures of a collage do not.
        """
        if not isinstance(self.matches, tuple) or not self.matches:
            return ()
        leads = [self.matches[0]]
        for match in self.matches[1:]:
            if match.confirmed and all(apart(match, lead) for lead in leads):
                leads.append(match)
        return tuple(leads)

    def lightened(self) -> Evidence:
        """Return the same evidence with the drawings of its leads only: of the other matches none is shown."""
        if not isinstance(self.matches, tuple):
            return self
        leads = self.leads
        kept = (each if any(each is one for one in leads) else _undrawn(each) for each in self.matches)
        return replace(self, matches=tuple(kept))

    def led_by(self, lead: Match) -> Evidence:
        """Return the same evidence with ``lead``, one of its matches, first."""
        others = () if isinstance(self.matches, Unavailable) else self.matches
        return replace(self, matches=(lead, *(match for match in others if match is not lead)))


def _undrawn(match: Match) -> Match:
    if isinstance(match.comparison, Comparison) and match.comparison.drawing is not None:
        return replace(match, comparison=replace(match.comparison, drawing=None))
    return match


def apart(one: Match, other: Match) -> bool:
    """Return whether two matches lie at different places of the copy, or at different times of it."""
    if _times(one) and _times(other):
        shared = sum(
            max(0.0, min(a.end_s, b.end_s) - max(a.start_s, b.start_s))
            for a in _times(one)
            for b in _times(other)
        )
        return shared < SAME_PLACE * min(sum(span.length_s for span in _times(each)) for each in (one, other))
    if one.transformation is None or other.transformation is None:
        return False
    return one.transformation.place.overlap(other.transformation.place) < SAME_PLACE


def _times(match: Match) -> list[Span]:
    """Return when the copy shows a match's original; empty of a still picture."""
    segments = match.alignment.segments if match.alignment is not None else ()
    return [one.copy for one in segments if one.channel is Channel.PICTURE and one.copy.length_s]
