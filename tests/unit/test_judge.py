"""The judge over the whole product of evidence states, and over evidence as it is found (SR-01, SR-02)."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from provenance.digest import Digest
from provenance.evidence import (
    Alignment,
    Box,
    Channel,
    Claims,
    Comparison,
    Credential,
    CredentialState,
    Difference,
    DifferenceKind,
    Edit,
    Evidence,
    Family,
    Found,
    IngredientState,
    Mark,
    Match,
    Record,
    RecordStatus,
    Score,
    SourceType,
    Transformation,
    Unavailable,
    VerdictCode,
)
from provenance.judge import (
    Agreement,
    CompareStanding,
    Disclosure,
    Findings,
    MatchStanding,
    decide,
    findings,
    judge,
    led,
)
from provenance.media.asset import Kind, MediaType

BOOLS = (False, True)
CONFIRMED = (MatchStanding.CONFIRMED, MatchStanding.IDENTICAL)
HOLDS = (CredentialState.TRUSTED, CredentialState.UNRECOGNIZED)


def every_finding():
    product = itertools.product(
        CredentialState,
        IngredientState,
        MatchStanding,
        BOOLS,
        Agreement,
        CompareStanding,
        Disclosure,
        BOOLS,
        BOOLS,
    )
    return (Findings(*values) for values in product)


def expected(f: Findings) -> VerdictCode:
    """The table of the documentation, written a second time as plain ifs."""
    holds = f.credential in HOLDS and f.ingredients is not IngredientState.FAILED
    confirmed = f.match in CONFIRMED
    if confirmed and f.withdrawn:
        return VerdictCode.WITHDRAWN
    if f.credential in (CredentialState.TAMPERED, CredentialState.REVOKED):
        return VerdictCode.CREDENTIALS_INVALID
    if f.credential in HOLDS and not holds:
        return VerdictCode.CREDENTIALS_INVALID
    if f.credential is CredentialState.EXPIRED and f.match is not MatchStanding.IDENTICAL:
        return VerdictCode.CREDENTIALS_INVALID
    if f.credential is CredentialState.UNBOUND and not confirmed:
        return VerdictCode.CREDENTIALS_INVALID
    own = holds and f.agreement is Agreement.AGREES
    if holds and confirmed and f.agreement not in (Agreement.AGREES, Agreement.DERIVED):
        return VerdictCode.CREDENTIALS_CONFLICT
    if confirmed and not own and f.comparison is CompareStanding.ALTERED:
        return VerdictCode.ALTERED_COPY
    if confirmed and not own and f.comparison is CompareStanding.RE_EDITED:
        return VerdictCode.RE_EDITED_COPY
    if confirmed and f.asset_synthetic and f.copy_says is Disclosure.SILENT:
        return VerdictCode.DISCLOSURE_REMOVED
    if (holds or (confirmed and f.asset_synthetic)) and f.copy_says is Disclosure.DECLARED:
        return VerdictCode.DISCLOSED_SYNTHETIC
    if f.credential is CredentialState.TRUSTED and f.ingredients in (
        IngredientState.NONE,
        IngredientState.HELD,
    ):
        return VerdictCode.INTACT
    if holds:
        return VerdictCode.INTACT_UNRECOGNIZED_ISSUER
    if confirmed:
        return VerdictCode.DERIVED_COPY
    return VerdictCode.POSSIBLY_SYNTHETIC if f.suspicious else VerdictCode.NO_EVIDENCE


def test_every_combination_has_the_verdict_of_the_table():
    seen = set()
    count = 0
    for finding in every_finding():
        code = decide(finding)
        assert code is expected(finding), finding
        seen.add(code)
        count += 1
    assert count == 9 * 4 * 5 * 2 * 4 * 4 * 3 * 2 * 2
    assert seen == set(VerdictCode)


def test_sr10_the_detector_at_any_output_only_asks_for_review():
    """A tampered file gets no better and a valid one no worse: the one step is from nothing to a review."""
    for finding in every_finding():
        calm, loud = (decide(replace(finding, suspicious=value)) for value in BOOLS)
        if calm is not loud:
            assert (calm, loud) == (VerdictCode.NO_EVIDENCE, VerdictCode.POSSIBLY_SYNTHETIC)


def test_sr02_intact_needs_a_trusted_whole_manifest():
    for finding in every_finding():
        if decide(finding) is VerdictCode.INTACT:
            assert finding.credential is CredentialState.TRUSTED
            assert finding.ingredients in (IngredientState.NONE, IngredientState.HELD)


def test_sr10_detector_and_marks_change_nothing_but_possibly_synthetic():
    for finding in every_finding():
        if not finding.suspicious:
            quiet, loud = decide(finding), decide(replace(finding, suspicious=True))
            assert loud is quiet or (quiet, loud) == (VerdictCode.NO_EVIDENCE, VerdictCode.POSSIBLY_SYNTHETIC)


def test_a_lookalike_never_drives_a_rule():
    for finding in every_finding():
        if finding.match is MatchStanding.LOOKALIKE:
            assert decide(finding) is decide(replace(finding, match=MatchStanding.NONE))


# --- evidence as it is found -----------------------------------------------------------------------------

RECORD = Record(
    asset_id="sha256:" + "1" * 64,
    index=3,
    digest=Digest.of(b"asset"),
    media_type=MediaType.JPEG,
    title="Flood",
    publisher="Example News",
    certificate_sha256=Digest.of(b"leaf"),
    manifest_id="urn:c2pa:1",
    bound_digest=None,
    source_type=SourceType.DIGITAL_CAPTURE,
    model=None,
    registered_at=datetime(2026, 11, 23, 9, 14, tzinfo=UTC),
)
TWO_FAMILIES = (Found(Family.GLOBAL, "pdq256-v1", 4, 31), Found(Family.LOCAL, "ORB", 0, 9))
NO_DETECTOR = Unavailable("no detector in this version")


def match(comparison=None, record=RECORD, found=TWO_FAMILIES):
    return Match(record, found, Alignment(), comparison or Comparison(compared=1.0))


def evidence(credential=CredentialState.ABSENT, matches=(), **more):
    made = credential if isinstance(credential, Credential) else Credential(credential)
    values = {"marks": (), "score": NO_DETECTOR} | more
    return Evidence(Digest.of(b"copy"), MediaType.JPEG, Kind.IMAGE, made, matches, **values)


def difference(kind=DifferenceKind.REPLACED, **more):
    return Difference(kind, Channel.PICTURE, Box(0.4, 0.1, 0.2, 0.3), strength=9.0, **more)


def test_stripped_copy_without_difference_is_a_derived_copy():
    verdict = judge(evidence(matches=(match(),)))
    assert verdict.code is VerdictCode.DERIVED_COPY
    assert "Flood" in verdict.summary
    assert any("detector: no detector" in gap for gap in verdict.not_checked)


def test_difference_makes_an_altered_copy_and_is_described():
    verdict = judge(evidence(matches=(match(Comparison((difference(face=True),), compared=0.9)),)))
    assert verdict.code is VerdictCode.ALTERED_COPY
    assert "he face at 40%, 10%" in verdict.summary


@pytest.mark.parametrize(
    ("box", "face", "code"),
    [
        (Box(0, 0.9, 1, 0.1), False, VerdictCode.DERIVED_COPY),
        (Box(0, 0.7, 1, 0.3), False, VerdictCode.ALTERED_COPY),
        (Box(0.4, 0.2, 0.1, 0.1), True, VerdictCode.ALTERED_COPY),
    ],
)
def test_overlays_alter_only_over_a_face_or_a_fifth_of_the_picture(box, face, code):
    overlay = Difference(DifferenceKind.OVERLAY, Channel.PICTURE, box, strength=9, face=face)
    assert judge(evidence(matches=(match(Comparison((overlay,), compared=1)),))).code is code


def test_other_sound_over_genuine_picture_is_a_re_edit():
    replaced = Difference(DifferenceKind.SOUND_REPLACED, Channel.SOUND, strength=9)
    comparison = Comparison((replaced,), (Edit.OTHER_SOUND,), compared=1)
    assert judge(evidence(matches=(match(comparison),))).code is VerdictCode.RE_EDITED_COPY


def test_case101_one_family_alone_is_a_lookalike():
    found = (Found(Family.GLOBAL, "phash64-v1", 0, 0),)
    verdict = judge(evidence(matches=(match(Comparison((difference(),)), found=found),)))
    assert verdict.code is VerdictCode.NO_EVIDENCE
    assert any(reason.code == "registry.lookalike" for reason in verdict.reasons)


def test_broken_binding_with_a_matching_original_is_a_copy_and_without_one_invalid():
    assert judge(evidence(CredentialState.UNBOUND, (match(),))).code is VerdictCode.DERIVED_COPY
    assert judge(evidence(CredentialState.UNBOUND)).code is VerdictCode.CREDENTIALS_INVALID


def test_other_publisher_of_the_same_content_is_a_conflict():
    stranger = Credential(CredentialState.TRUSTED, issuer="Other", certificate_sha256=Digest.of(b"other"))
    assert judge(evidence(stranger, (match(),))).code is VerdictCode.CREDENTIALS_CONFLICT


def test_unlisted_party_cannot_borrow_the_publishers_name():
    forger = Credential(
        CredentialState.UNRECOGNIZED, issuer="Example News", certificate_sha256=Digest.of(b"x")
    )
    assert findings(evidence(forger, (match(),))).agreement is Agreement.OTHER_PUBLISHER


def test_declared_derivation_is_no_conflict():
    editor = Credential(
        CredentialState.TRUSTED,
        issuer="Other",
        certificate_sha256=Digest.of(b"o"),
        ingredient_ids=("urn:c2pa:1",),
    )
    assert judge(evidence(editor, (match(),))).code is VerdictCode.INTACT


@pytest.mark.parametrize("state", HOLDS)
def test_who_names_the_original_does_not_hide_what_was_altered(state):
    """Anybody can sign an altered copy and declare it derived: that is disclosed, and the difference stays told."""
    forger = Credential(
        state, issuer="Other", certificate_sha256=Digest.of(b"o"), ingredient_ids=("urn:c2pa:1",)
    )
    found = judge(evidence(forger, (match(Comparison((difference(),), compared=1)),)))
    assert found.code is VerdictCode.ALTERED_COPY
    assert "record.derived" in {one.code for one in found.reasons}


@pytest.mark.parametrize("state", HOLDS)
def test_an_identifier_that_another_signer_chose_is_no_agreement(state):
    forger = Credential(state, issuer="Other", certificate_sha256=Digest.of(b"o"), manifest_id="urn:c2pa:1")
    found = judge(evidence(forger, (match(Comparison((difference(),), compared=1)),)))
    assert found.code is VerdictCode.CREDENTIALS_CONFLICT


def test_new_version_by_the_same_publisher_is_not_an_altered_copy():
    own = Credential(CredentialState.TRUSTED, issuer="Example News", certificate_sha256=Digest.of(b"leaf"))
    verdict = judge(evidence(own, (match(Comparison((difference(),), compared=1)),)))
    assert verdict.code is VerdictCode.INTACT


def test_disclosure_removed_and_kept():
    record = replace(RECORD, source_type=SourceType.TRAINED_ALGORITHMIC, model="Painter 2")
    assert judge(evidence(matches=(match(record=record),))).code is VerdictCode.DISCLOSURE_REMOVED
    mark = Mark("iptc-digital-source-type", "trainedAlgorithmicMedia", synthetic=True, generator=False)
    kept = judge(evidence(matches=(match(record=record),), marks=(mark,)))
    assert kept.code is VerdictCode.DISCLOSED_SYNTHETIC
    assert "Painter 2" in kept.summary
    unread = evidence(CredentialState.REMOTE, (match(record=record),))
    assert judge(unread).code is VerdictCode.DERIVED_COPY


def test_a_forged_mark_cannot_discredit_a_registered_capture():
    mark = Mark("sd-parameters", "Steps: 20", synthetic=True, generator=True)
    assert judge(evidence(matches=(match(),), marks=(mark,))).code is VerdictCode.DERIVED_COPY
    assert judge(evidence(marks=(mark,))).code is VerdictCode.POSSIBLY_SYNTHETIC


def test_origin_that_contradicts_the_record_is_a_conflict():
    claims = Claims(source_types=(SourceType.DIGITAL_CAPTURE,))
    own = Credential(CredentialState.TRUSTED, certificate_sha256=Digest.of(b"leaf"), claims=claims)
    record = replace(RECORD, source_type=SourceType.TRAINED_ALGORITHMIC)
    assert judge(evidence(own, (match(record=record),))).code is VerdictCode.CREDENTIALS_CONFLICT


def test_withdrawn_asset_leads():
    record = replace(RECORD, status=RecordStatus.WITHDRAWN, status_reason="wrong caption")
    verdict = judge(evidence(CredentialState.TAMPERED, (match(record=record),)))
    assert verdict.code is VerdictCode.WITHDRAWN
    assert any("wrong caption" in reason.text for reason in verdict.reasons)


def test_detector_beyond_its_band_asks_for_review_only_without_a_match():
    loud = Score("d 1", 0.6, 0.5)
    assert judge(evidence(score=loud)).code is VerdictCode.POSSIBLY_SYNTHETIC
    assert judge(evidence(score=loud, matches=(match(),))).code is VerdictCode.DERIVED_COPY
    assert judge(evidence(score=Score("d 1", None, 0.5, "too small"))).code is VerdictCode.NO_EVIDENCE


ANY_SCORE = [
    Score("d 1", ratio, 0.5, raw=0.0)
    for ratio in (-math.inf, -9.0, -0.5, 0.0, 0.5, 0.51, 9.0, 300.0, math.inf, math.nan)
] + [Score("d 1", None, 0.5, "too small"), Unavailable("the worker died"), NO_DETECTOR]


@pytest.mark.parametrize("score", ANY_SCORE, ids=lambda one: str(getattr(one, "log10_lr", "unavailable")))
def test_sr10_no_score_moves_a_verdict_on_evidence(score):
    """Whatever the detector says, infinities and nonsense included: only nothing found becomes a review."""
    cases = [
        evidence(state, matches, marks=())
        for state in CredentialState
        for matches in ((), (match(),), (match(comparison=ALTERED),), Unavailable("locked"))
    ]
    for case in cases:
        calm = judge(replace(case, score=NO_DETECTOR)).code
        code = judge(replace(case, score=score)).code
        if code is not calm:
            assert (calm, code) == (VerdictCode.NO_EVIDENCE, VerdictCode.POSSIBLY_SYNTHETIC)
            assert score.log10_lr > score.band


def test_unreachable_registry_is_said_and_not_taken_for_no_match():
    verdict = judge(evidence(matches=Unavailable("the database is locked")))
    assert "registry: the database is locked" in verdict.not_checked
    assert not any(reason.code == "registry.no-match" for reason in verdict.reasons)


def test_a_verdict_is_not_a_truth_value():
    with pytest.raises(TypeError, match="not yes or no"):
        bool(judge(evidence()))


def test_words_are_findings():
    states = [evidence(state, found) for state in CredentialState for found in ((), (match(),))]
    for one in states:
        verdict = judge(one)
        text = " ".join(
            [verdict.summary, verdict.next_step, *(reason.text for reason in verdict.reasons)]
        ).lower()
        assert not {"fake", "real", "authentic", "genuine person"} & set(text.split())


# --- several originals in one copy -----------------------------------------------------------------------


def placed(box, comparison=None, record=RECORD):
    made = Transformation(box, Box(0, 0, 1, 1), 1.0, 0.0, 1.0, 1.0, False, False, 0.0, None, None)
    return replace(match(comparison, record), transformation=made)


LEFT, RIGHT = Box(0, 0, 0.5, 1), Box(0.5, 0, 0.5, 1)
ALTERED = Comparison((Difference(DifferenceKind.REPLACED, Channel.PICTURE, box=Box(0.6, 0.1, 0.2, 0.2)),))


def test_a_collage_of_genuine_pictures_is_derived():
    found = judge(evidence(matches=(placed(LEFT), placed(RIGHT))))
    assert found.code is VerdictCode.DERIVED_COPY
    assert [reason.code for reason in found.reasons].count("registry.further-original") == 1


def test_the_altered_picture_of_a_collage_leads():
    other = replace(RECORD, asset_id="sha256:" + "2" * 64, title="Harbour")
    found = judge(evidence(matches=(placed(LEFT), placed(RIGHT, ALTERED, other))))
    assert found.code is VerdictCode.ALTERED_COPY
    assert "Harbour" in found.summary
    assert any("Flood" in reason.text for reason in found.reasons)


def test_a_second_registration_at_the_same_place_does_not_alter_a_genuine_copy():
    assert judge(evidence(matches=(placed(LEFT), placed(LEFT, ALTERED)))).code is VerdictCode.DERIVED_COPY


def test_a_look_alike_elsewhere_in_the_copy_drives_nothing():
    alike = replace(placed(RIGHT, ALTERED), found=TWO_FAMILIES[:1])
    assert judge(evidence(matches=(placed(LEFT), alike))).code is VerdictCode.DERIVED_COPY


def test_leading_evidence_is_judged_as_it_stands():
    matches = (placed(LEFT), placed(RIGHT, ALTERED))
    made = led(evidence(matches=matches))
    assert made.matches == (matches[1], matches[0])
    assert led(made) == made


def test_rates_are_told_beside_a_match():
    found = (Found(Family.LOCAL, "ORB", 40, 9, 1.2e-5), Found(Family.DETAIL, "detail", 0.1, 0.5))
    [reason] = [
        one for one in judge(evidence(matches=(match(found=found),))).reasons if one.code == "registry.rate"
    ]
    assert "local features in one geometry: at most 1 in 80,000 pairs" in reason.text
