"""Reports without media: evidence made by hand, judged by the real judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

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
from provenance.credential import Claims, Credential, CredentialState, Revocation, StatusCode
from provenance.digest import Digest
from provenance.evidence import Evidence, Family, Found, Mark, Match, Score
from provenance.judge import judge
from provenance.media.asset import MediaType
from provenance.record import Record, RecordStatus, SourceType
from provenance.report.report import Report

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RECORD = Record(
    asset_id=str(Digest.of(b"leaf")),
    index=4182,
    digest=Digest.of(b"original"),
    media_type=MediaType.JPEG,
    title="Flood at the old bridge",
    publisher="Example News",
    certificate_sha256=Digest.of(b"certificate"),
    manifest_id="urn:c2pa:4c1c9a3e-1d35-4b1e-9c55-0c8f3e8f2b11",
    bound_digest=bytes(32),
    source_type=SourceType.DIGITAL_CAPTURE,
    model=None,
    registered_at=datetime(2026, 11, 20, 9, 14, 7, tzinfo=UTC),
    width=4000,
    height=3000,
)
ABSENT = Credential(CredentialState.ABSENT)
TRUSTED = Credential(
    CredentialState.TRUSTED,
    issuer="Example News",
    common_name="Example News signing",
    certificate_sha256=RECORD.certificate_sha256,
    trust_list="C2PA trust list 2026-10",
    tier="c2pa",
    manifest_id=RECORD.manifest_id,
    bound_digest=bytes(32),
    claims=Claims(
        title="Flood <b>at the old bridge</b>",
        author="J. Doe",
        generator="provenance 0.1.0",
        source_types=(SourceType.DIGITAL_CAPTURE,),
        when="2026-11-20T09:10:00Z",
        training=(("c2pa.ai_training", "notAllowed"),),
    ),
    revocation=Revocation.GOOD,
    signed_at=datetime(2026, 11, 20, 9, 13, 58, tzinfo=UTC),
    codes=(StatusCode("claimSignature.validated", "success", explanation="claim signature valid"),),
)
GEOMETRY = Geometry((1.0, 0, 0, 0, 1, 0, 0, 0, 1), False, Box(0.05, 0, 0.9, 0.96), 0.0, 0.4, 143)
FACE = Difference(
    DifferenceKind.REPLACED, Channel.PICTURE, Box(0.41, 0.18, 0.17, 0.24), strength=14.2, face=True
)
SIMILAR = (
    Found(Family.GLOBAL, "pdq256-v1", 24, 31, 1.7e-5),
    Found(Family.LOCAL, "ORB + homography", 143, 9, None),
)
SAME = (Found(Family.DIGEST, "sha256", 0, 0, 0.0),)
QUIET = Score("noiseprint-1", None, 2.0, "the picture is smaller than 256 px")


def evidence(**changes: Any) -> Evidence:
    """Evidence of a picture of which nothing is known, with changes."""
    made = Evidence(
        digest=Digest.of(b"copy"),
        media_type=MediaType.JPEG,
        kind=MediaType.JPEG.kind,
        credential=ABSENT,
        matches=(),
        marks=(),
        score=QUIET,
    )
    return replace(made, **changes)


def film(map_png: bytes | None = None) -> Evidence:
    """A clip from the middle whose face and sound differ for a while."""
    record = replace(RECORD, title="Statement in full", media_type=MediaType.MP4, duration_s=724.0)
    span, there = Span(12.4, 19.0), Span(324.4, 331.0)
    alignment = Alignment(
        GEOMETRY,
        (
            Segment(Channel.PICTURE, Span(0, 23.8), Span(312.0, 335.8), 1.0, 0.97),
            Segment(Channel.PICTURE, Span(23.8, 41.2), Span(400.0, 417.4), 1.0, 0.95),
            Segment(Channel.SOUND, Span(0, 41.2), Span(312.0, 353.2), 1.0, 0.9),
        ),
    )
    differences = (
        replace(FACE, span=span, asset_span=there),
        Difference(DifferenceKind.SOUND_DIFFERS, Channel.SOUND, None, span, there, 9.1),
    )
    comparison = Comparison(differences, (Edit.CUT,), 0.93, ("subtitles: no text is read",), map_png)
    match = Match(
        record, (*SIMILAR, Found(Family.SOUND, "sound codes", 0.21, 0.338, 1e-4)), alignment, comparison
    )
    return evidence(media_type=MediaType.MP4, kind=MediaType.MP4.kind, matches=(match,))


def examples(map_png: bytes | None = None) -> dict[str, Evidence]:
    """Evidence for every verdict, by its code."""
    aligned = Alignment(GEOMETRY)
    clean = Comparison((), (), 0.94, (), map_png)
    copied = Match(RECORD, SIMILAR, aligned, clean)
    same = Match(RECORD, SAME, None, clean)
    generated = replace(
        RECORD, source_type=SourceType.TRAINED_ALGORITHMIC, model="Lumen 4", title="Sea of glass"
    )
    declared = replace(
        TRUSTED, claims=Claims(model="Lumen 4", source_types=(SourceType.TRAINED_ALGORITHMIC,))
    )
    withdrawn = replace(RECORD, status=RecordStatus.WITHDRAWN, status_reason="wrong place in the caption")
    mark = Mark("iptc-digital-source-type", "trainedAlgorithmicMedia", True, True)
    return {
        "withdrawn": evidence(matches=(replace(copied, record=withdrawn),)),
        "credentials-invalid": evidence(
            credential=Credential(CredentialState.TAMPERED, issuer="Example News")
        ),
        "credentials-conflict": evidence(
            credential=replace(
                TRUSTED, issuer="Other Desk", manifest_id="urn:x", certificate_sha256=Digest.of(b"other")
            ),
            matches=(copied,),
        ),
        "altered-copy": evidence(
            credential=Credential(CredentialState.UNBOUND),
            matches=(
                replace(
                    copied,
                    comparison=replace(clean, differences=(FACE,), not_compared=("the lower edge: cut off",)),
                ),
            ),
        ),
        "re-edited-copy": evidence(
            matches=(replace(copied, comparison=replace(clean, edits=(Edit.REORDERED,))),)
        ),
        "disclosure-removed": evidence(matches=(replace(copied, record=generated),)),
        "disclosed-synthetic": evidence(credential=declared, matches=(replace(same, record=generated),)),
        "intact": evidence(credential=TRUSTED, matches=(same,)),
        "intact-unrecognized-issuer": evidence(
            credential=replace(TRUSTED, state=CredentialState.UNRECOGNIZED, trust_list=None)
        ),
        "derived-copy": evidence(matches=(copied,)),
        "possibly-synthetic": evidence(marks=(mark,), score=Score("noiseprint-1", 2.6, 2.0)),
        "no-evidence": evidence(
            score=Unavailable("no detector is installed"), not_checked=("watermarks: no reader is installed",)
        ),
    }


def report(found: Evidence, name: str = "copy.jpg") -> Report:
    """The report on ``found``."""
    engines = (
        ("provenance", "0.1.0"),
        ("c2pa-python", "0.38.1"),
        ("trust list: C2PA 2026-10", "sha256:7c1e…"),
    )
    return Report(name, found, judge(found), NOON, engines, 0.84)
