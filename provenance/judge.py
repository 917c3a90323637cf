"""Evidence -> Verdict: pure and total. The first rule that applies wins.

::

     1  withdrawn                   a confirmed match was withdrawn by its publisher
     2  credentials-invalid         the manifest was tampered with, revoked, or expired without trusted time;
                                    or it is not bound to these bytes and no registered asset is confirmed
     3  credentials-conflict        the credential holds, the confirmed record says otherwise
     4  altered-copy                a confirmed match differs in a way that copying does not explain
     5  re-edited-copy              every compared part is genuine; order, speed, cuts or sound track differ, or
                                    other sound stands beside it (docs/adr/0007-added-sound.md)
     6  disclosure-removed          the confirmed asset is declared synthetic, the copy no longer says so
     7  disclosed-synthetic         the copy declares synthesis, and its credential holds or the confirmed asset
                                    is declared synthetic too
     8  intact                      trusted, bound, ingredients in order
     9  intact-unrecognized-issuer  bound, issuer (or an ingredient's issuer) on no list
    10  derived-copy                a confirmed match without significant difference
    11  possibly-synthetic          no confirmed match; a generator's mark, or the detector beyond its band
    12  no-evidence                 nothing of the above

A ledger entry for the very same bytes is a trusted time, so an expired certificate does not invalidate an
identical registered file. Rules 4 and 5 do not apply to a file whose own holding credential is by the
publisher of the matched asset: a publisher may publish a new version. Detector and generators' marks decide
in rule 11 only.

Where a copy shows several registered pictures at different places, each is judged by itself and the first rule
in this order that applies to any of them gives the verdict (docs/adr/0004-several-originals.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provenance.evidence import (
    Comparison,
    Confidence,
    Credential,
    CredentialState,
    Difference,
    DifferenceKind,
    Evidence,
    IngredientState,
    Match,
    RecordStatus,
    Score,
    Unavailable,
    Verdict,
    VerdictCode,
)
from provenance.reasons import all_reasons, next_step, summary

#: Share of the picture that overlays may cover before they count as an alteration.
#: Source: docs/adr/0002-verdicts.md.
OVERLAY_SHARE = 0.2
#: Strength above which an alteration is reported with high confidence, in standard deviations of clean
#: copies. Source: docs/measurements.md#alteration.
STRONG = 8.0
#: Share of the copy that must have been compared for high confidence in "no difference".
WELL_COMPARED = 0.8


class MatchStanding(StrEnum):
    """How far the best match goes."""

    NOT_ASKED = "not-asked"
    NONE = "none"
    LOOKALIKE = "lookalike"  # one family only: never drives a rule
    CONFIRMED = "confirmed"
    IDENTICAL = "identical"


class Agreement(StrEnum):
    """Whether the embedded credential and the registered record tell the same story."""

    AGREES = "agrees"
    DERIVED = "derived"  # by another publisher, whose manifest names the registered one as an ingredient
    OTHER_PUBLISHER = "other-publisher"
    OTHER_ORIGIN = "other-origin"


class CompareStanding(StrEnum):
    """What the comparison came to."""

    NOT_COMPARED = "not-compared"
    AGREES = "agrees"
    ALTERED = "altered"
    RE_EDITED = "re-edited"


class Disclosure(StrEnum):
    """Whether the copy says of itself that it is synthetic."""

    DECLARED = "declared"
    SILENT = "silent"
    UNKNOWN = "unknown"  # its credentials could not be read


@dataclass(frozen=True, slots=True)
class Findings:
    """Evidence reduced to what the rules look at; every combination has a verdict.

    Attributes:
        credential: State of the embedded manifest.
        ingredients: Worst ingredient.
        match: Standing of the best match.
        withdrawn: Whether that match was withdrawn.
        agreement: Credential against record.
        comparison: Outcome of the comparison with the match.
        copy_says: Whether the copy declares synthesis.
        asset_synthetic: Whether the matched asset is declared synthetic.
        suspicious: Whether a generator's mark is present or the detector is beyond its band.
    """

    credential: CredentialState
    ingredients: IngredientState
    match: MatchStanding
    withdrawn: bool
    agreement: Agreement
    comparison: CompareStanding
    copy_says: Disclosure
    asset_synthetic: bool
    suspicious: bool

    @property
    def holds(self) -> bool:
        """Whether the manifest is whole and bound to these bytes."""
        return (
            self.credential in (CredentialState.TRUSTED, CredentialState.UNRECOGNIZED)
            and self.ingredients is not IngredientState.FAILED
        )

    @property
    def confirmed(self) -> bool:
        """Whether the match may drive rules 1 and 3 to 7."""
        return self.match in (MatchStanding.CONFIRMED, MatchStanding.IDENTICAL)


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict on ``evidence``: a code by the rules above, its reasons and what was not checked."""
    evidence = led(evidence)
    found = findings(evidence)
    code = decide(found)
    return Verdict(
        code=code,
        confidence=confidence(code, found, evidence),
        summary=summary(code, evidence),
        reasons=all_reasons(evidence, found.agreement),
        not_checked=not_checked(evidence),
        next_step=next_step(code, evidence),
    )


def led(evidence: Evidence) -> Evidence:
    """Return the evidence with the match first that the verdict speaks of.

    Of several registered pictures at different places of one copy it is the one with the gravest finding.
    """
    each = [evidence.led_by(lead) for lead in evidence.leads] or [evidence]
    return min(each, key=lambda one: _ORDER[decide(findings(one))])


_ORDER = {code: place for place, code in enumerate(VerdictCode)}


def decide(found: Findings) -> VerdictCode:
    """Return the code of the first rule that applies; total over all findings."""
    own_version = found.holds and found.agreement is Agreement.AGREES
    rules: tuple[tuple[VerdictCode, bool], ...] = (
        (VerdictCode.WITHDRAWN, found.confirmed and found.withdrawn),
        (VerdictCode.CREDENTIALS_INVALID, _invalid(found)),
        (
            VerdictCode.CREDENTIALS_CONFLICT,
            found.holds
            and found.confirmed
            and found.agreement in (Agreement.OTHER_PUBLISHER, Agreement.OTHER_ORIGIN),
        ),
        (
            VerdictCode.ALTERED_COPY,
            found.confirmed and found.comparison is CompareStanding.ALTERED and not own_version,
        ),
        (
            VerdictCode.RE_EDITED_COPY,
            found.confirmed and found.comparison is CompareStanding.RE_EDITED and not own_version,
        ),
        (
            VerdictCode.DISCLOSURE_REMOVED,
            found.confirmed and found.asset_synthetic and found.copy_says is Disclosure.SILENT,
        ),
        (
            VerdictCode.DISCLOSED_SYNTHETIC,
            (found.holds or (found.confirmed and found.asset_synthetic))
            and found.copy_says is Disclosure.DECLARED,
        ),
        (VerdictCode.INTACT, _intact(found)),
        (VerdictCode.INTACT_UNRECOGNIZED_ISSUER, found.holds),
        (VerdictCode.DERIVED_COPY, found.confirmed),
        (VerdictCode.POSSIBLY_SYNTHETIC, found.suspicious),
    )
    return next((code for code, applies in rules if applies), VerdictCode.NO_EVIDENCE)


def _invalid(found: Findings) -> bool:
    match found.credential:
        case CredentialState.TAMPERED | CredentialState.REVOKED:
            return True
        case CredentialState.EXPIRED:
            return found.match is not MatchStanding.IDENTICAL
        case CredentialState.UNBOUND:
            return not found.confirmed
        case CredentialState.TRUSTED | CredentialState.UNRECOGNIZED:
            return found.ingredients is IngredientState.FAILED
        case CredentialState.ABSENT | CredentialState.REMOTE | CredentialState.INCONCLUSIVE:
            return False


def _intact(found: Findings) -> bool:
    whole = found.ingredients in (IngredientState.NONE, IngredientState.HELD)
    return found.credential is CredentialState.TRUSTED and whole


# --- evidence -> findings --------------------------------------------------------------------------------


def findings(evidence: Evidence) -> Findings:
    """Return what the rules look at, read out of ``evidence``."""
    best = evidence.best
    return Findings(
        credential=evidence.credential.state,
        ingredients=evidence.credential.ingredients,
        match=_match_standing(evidence),
        withdrawn=best is not None and best.record.status is RecordStatus.WITHDRAWN,
        agreement=_agreement(evidence.credential, best),
        comparison=_compare_standing(best),
        copy_says=_disclosure(evidence),
        asset_synthetic=best is not None and best.record.source_type.synthetic,
        suspicious=_suspicious(evidence),
    )


def _match_standing(evidence: Evidence) -> MatchStanding:
    if isinstance(evidence.matches, Unavailable):
        return MatchStanding.NOT_ASKED
    best = evidence.best
    if best is None:
        return MatchStanding.NONE
    if best.identical:
        return MatchStanding.IDENTICAL
    return MatchStanding.CONFIRMED if best.confirmed else MatchStanding.LOOKALIKE


def _agreement(credential: Credential, best: Match | None) -> Agreement:
    if best is None or not credential.holds or best.source:
        return Agreement.AGREES
    record = best.record
    # A renewed certificate counts only while a listed authority vouches for the name. The manifest's identifier
    # proves nothing: a signer chooses it.
    own = credential.certificate_sha256 == record.certificate_sha256 or (
        credential.state is CredentialState.TRUSTED and credential.issuer == record.publisher
    )
    if not own and record.manifest_id not in credential.ingredient_ids:
        return Agreement.OTHER_PUBLISHER
    declared = credential.claims.source_types
    if declared and any(kind.synthetic for kind in declared) != record.source_type.synthetic:
        return Agreement.OTHER_ORIGIN
    return Agreement.AGREES if own else Agreement.DERIVED


def _compare_standing(best: Match | None) -> CompareStanding:
    if best is None or isinstance(best.comparison, Unavailable):
        return CompareStanding.NOT_COMPARED
    comparison = best.comparison
    if any(alters(one) for one in comparison.differences) or overlay_share(comparison) > OVERLAY_SHARE:
        return CompareStanding.ALTERED
    return CompareStanding.RE_EDITED if comparison.edits else CompareStanding.AGREES


def alters(difference: Difference) -> bool:
    """Return whether ``difference`` by itself makes the copy an altered one.

    Overlays of the picture count where they cover a face, those of the sound never: nothing of the original is
    missing under them. A replaced sound or picture track, and sound or picture beside the original's, are edits, not
    alterations.
    """
    if difference.kind is DifferenceKind.OVERLAY:
        return difference.face
    return difference.kind not in (
        DifferenceKind.SOUND_OVERLAY,
        DifferenceKind.SOUND_REPLACED,
        DifferenceKind.SOUND_FOREIGN,
        DifferenceKind.SOUND_SILENCE,
        DifferenceKind.PICTURE_REPLACED,
        DifferenceKind.PICTURE_FOREIGN,
    )


def overlay_share(comparison: Comparison) -> float:
    """Return the share of the copy's picture under overlays, 0..1 (an upper bound where only boxes are known)."""
    overlays = (one for one in comparison.differences if one.kind is DifferenceKind.OVERLAY)
    return sum(one.box.area if one.share is None else one.share for one in overlays if one.box is not None)


def _disclosure(evidence: Evidence) -> Disclosure:
    marked = isinstance(evidence.marks, tuple) and any(mark.synthetic for mark in evidence.marks)
    if marked or any(kind.synthetic for kind in evidence.credential.claims.source_types):
        return Disclosure.DECLARED
    if evidence.credential.state in (CredentialState.REMOTE, CredentialState.INCONCLUSIVE):
        return Disclosure.UNKNOWN
    return Disclosure.SILENT


def _suspicious(evidence: Evidence) -> bool:
    marked = isinstance(evidence.marks, tuple) and any(m.generator and m.synthetic for m in evidence.marks)
    return marked or beyond_band(evidence.score)


def beyond_band(score: Score | Unavailable) -> bool:
    """Return whether the detector speaks and passes its own band towards synthesis."""
    return isinstance(score, Score) and score.log10_lr is not None and score.log10_lr > score.band


# --- confidence and gaps ---------------------------------------------------------------------------------


def confidence(code: VerdictCode, found: Findings, evidence: Evidence) -> Confidence:
    """Return the confidence of ``code`` by table rules: what the strongest supporting evidence allows."""
    identical = found.match is MatchStanding.IDENTICAL
    match code:
        case VerdictCode.WITHDRAWN | VerdictCode.CREDENTIALS_INVALID:
            return Confidence.HIGH
        case VerdictCode.CREDENTIALS_CONFLICT | VerdictCode.INTACT | VerdictCode.DISCLOSED_SYNTHETIC:
            return Confidence.HIGH if identical else Confidence.MEDIUM
        case VerdictCode.ALTERED_COPY | VerdictCode.RE_EDITED_COPY:
            return Confidence.HIGH if _strongest(evidence.best) >= STRONG else Confidence.MEDIUM
        case VerdictCode.DISCLOSURE_REMOVED | VerdictCode.DERIVED_COPY:
            return _confidence_of_copy(evidence.best)
        case VerdictCode.INTACT_UNRECOGNIZED_ISSUER:
            return Confidence.MEDIUM
        case VerdictCode.POSSIBLY_SYNTHETIC | VerdictCode.NO_EVIDENCE:
            return Confidence.LOW


def _strongest(best: Match | None) -> float:
    if best is None or isinstance(best.comparison, Unavailable):
        return 0.0
    return max((one.strength for one in best.comparison.differences), default=0.0)


def _confidence_of_copy(best: Match | None) -> Confidence:
    if best is not None and best.identical:
        return Confidence.HIGH
    if best is None or isinstance(best.comparison, Unavailable):
        return Confidence.LOW
    return Confidence.HIGH if best.comparison.compared >= WELL_COMPARED else Confidence.MEDIUM


def not_checked(evidence: Evidence) -> tuple[str, ...]:
    """Return every gap of the evidence as a clause: what was not looked at, and why."""
    gaps = list(evidence.not_checked)
    if isinstance(evidence.matches, Unavailable):
        gaps.append(f"registry: {evidence.matches.reason}")
    best = evidence.best
    if best is not None and isinstance(best.comparison, Unavailable):
        gaps.append(f"comparison with the registered original: {best.comparison.reason}")
    elif best is not None and isinstance(best.comparison, Comparison):
        gaps.extend(best.comparison.not_compared)
    if isinstance(evidence.marks, Unavailable):
        gaps.append(f"declared marks of synthesis: {evidence.marks.reason}")
    if isinstance(evidence.score, Unavailable):
        gaps.append(f"detector: {evidence.score.reason}")
    elif evidence.score.log10_lr is None:
        gaps.append(f"detector: abstained, {evidence.score.abstained}")
    return tuple(gaps)
