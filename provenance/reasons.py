"""The sentences of a verdict: every finding in words, with a stable code. Findings, never judgements of truth."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.besides import LAID_OVER, agreement_sentence, also_found, also_next
from provenance.evidence import (
    Channel,
    Comparison,
    Credential,
    CredentialState,
    Evidence,
    Family,
    IngredientState,
    Match,
    Reason,
    Revocation,
    Score,
    Segment,
    Unavailable,
    VerdictCode,
)
from provenance.registered import because, other_reasons, record_text, status_reasons
from provenance.transformation import framing_text
from provenance.wording import difference_text, edit_text, segment_text

_CREDENTIAL_TEXT = {
    CredentialState.ABSENT: "No Content Credentials in this file; many platforms remove them. "
    "This alone says nothing about the content.",
    CredentialState.REMOTE: "The file names Content Credentials kept elsewhere; they were not fetched.",
    CredentialState.UNBOUND: "The Content Credentials in this file were made for other bytes: "
    "the content was changed or re-encoded after signing.",
    CredentialState.TAMPERED: "The Content Credentials in this file were changed after signing.",
    CredentialState.REVOKED: "The certificate behind the Content Credentials was revoked.",
    CredentialState.EXPIRED: "The certificate behind the Content Credentials has expired, "
    "and no trusted time shows that it was valid when used.",
    CredentialState.INCONCLUSIVE: "The Content Credentials in this file could not be read completely.",
}
_METHOD_WORDS = {
    Family.DIGEST: "the same bytes",
    Family.BOUND: "the same signed content",
    Family.GLOBAL: "whole-picture codes",
    Family.LOCAL: "local features in one geometry",
    Family.DETAIL: "detail that agrees block by block",
    Family.SOUND: "sound codes aligned in time",
    Family.SPECTRUM: "the stored sound spectrum",
}


def all_reasons(evidence: Evidence, agreement: str) -> tuple[Reason, ...]:
    """Return every finding of ``evidence`` as a reason, strongest kind of evidence first.

    Args:
        evidence: What was found.
        agreement: ``agrees``, ``derived``, ``other-publisher`` or ``other-origin``: credential against record.
    """
    return (
        *_credential_reasons(evidence.credential),
        *_agreement_reasons(evidence, agreement),
        *_match_reasons(evidence),
        *_too_little_reasons(evidence),
        *_mark_reasons(evidence),
        *(Reason("file.note", _sentence(note)) for note in evidence.notes),
    )


def _too_little_reasons(evidence: Evidence) -> Iterator[Reason]:
    """Yield why nothing can be said of the sound, unless the copy was found all the same."""
    best = evidence.best
    if evidence.too_little and (best is None or not best.confirmed):
        yield Reason(
            "sound.too-little", f"{_sentence(evidence.too_little)} This says nothing about the voice."
        )


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."


def _credential_reasons(credential: Credential) -> Iterator[Reason]:
    state = credential.state
    if state is CredentialState.TRUSTED:
        text = f"Content Credentials issued by {credential.issuer} hold and are bound to these bytes; "
        yield Reason(
            "credential.trusted", text + f"the issuer is on the trust list “{credential.trust_list}”."
        )
    elif state is CredentialState.UNRECOGNIZED:
        text = f"Content Credentials hold and are bound to these bytes; the issuer calls itself {credential.issuer}"
        yield Reason(
            "credential.unrecognized", f"{text} and is on no trust list: an unknown party signed this."
        )
    else:
        yield Reason(f"credential.{state.value}", _CREDENTIAL_TEXT[state])
    if credential.ingredients is IngredientState.FAILED:
        yield Reason(
            "credential.ingredient-failed", "A source named in the Content Credentials does not hold."
        )
    elif credential.ingredients is IngredientState.UNRECOGNIZED:
        text = "A source named in the Content Credentials was signed by an issuer on no trust list."
        yield Reason("credential.ingredient-unrecognized", text)
    if credential.holds and credential.revocation is Revocation.UNKNOWN:
        yield Reason("credential.revocation-unknown", "Revocation of the certificate was not checked.")
    if any(kind.synthetic for kind in credential.claims.source_types):
        model = f" by {credential.claims.model}" if credential.claims.model else ""
        yield Reason(
            "credential.declares-synthesis", f"The signer declares this content as generated{model}."
        )
    for note in credential.notes:
        yield Reason("credential.note", _sentence(note))


def _agreement_reasons(evidence: Evidence, agreement: str) -> Iterator[Reason]:
    best = evidence.best
    if best is None:
        return
    if best.source:
        text = f"The registered work of {best.record.publisher} names this file, by its credentials, as a source."
        yield Reason("record.source", text)
    if agreement == "other-publisher":
        text = f"The file is signed by {evidence.credential.issuer}, but the same content was registered by "
        yield Reason("record.other-publisher", text + f"{best.record.publisher}.")
    elif agreement == "derived":
        text = f"The file is signed by {evidence.credential.issuer}, and names the manifest registered by "
        yield Reason("record.derived", text + f"{best.record.publisher} as one of its ingredients.")
    elif agreement == "other-origin":
        yield Reason(
            "record.other-origin",
            f"The file declares another origin than the registered record ({best.record.source_type.value}).",
        )


def _match_reasons(evidence: Evidence) -> Iterator[Reason]:
    if isinstance(evidence.matches, Unavailable):
        return
    if not evidence.matches:
        yield Reason("registry.no-match", "No registered asset was found for this file.")
        return
    best, *others = evidence.matches
    yield _found_reason(best)
    yield from _rate_reasons(best)
    yield from status_reasons(best.record)
    if best.confirmed and not best.identical:
        yield from _comparison_reasons(best)
    yield from other_reasons(best, others, evidence.leads)


def _rate_reasons(match: Match) -> Iterator[Reason]:
    """Yield how often chance alone gives a match as strong, as far as it was measured."""
    measured = [one for one in match.found if one.false_match_rate]
    if measured:
        each = "; ".join(
            f"{_METHOD_WORDS[one.family]}: at most {rate_text(one.false_match_rate or 0)}" for one in measured
        )
        yield Reason("registry.rate", f"Measured rate of unrelated pictures that match as strongly: {each}.")


def rate_text(rate: float) -> str:
    """Return a small rate in words, for example ``1 in 60,000 pairs``."""
    return f"1 in {round(1 / rate, 1 - len(str(int(1 / rate)))):,.0f} pairs"


def _found_reason(match: Match) -> Reason:
    ways = " and ".join(dict.fromkeys(_METHOD_WORDS[one.family] for one in match.found))
    if match.identical:
        return Reason("registry.identical", f"Is the registered asset {record_text(match.record)}: {ways}.")
    if match.confirmed:
        return Reason(
            "registry.match", f"Matches the registered asset {record_text(match.record)} by {ways}."
        )
    heard = {one.family for one in match.found} == {Family.SOUND}
    like = "perhaps one voice saying similar words" if heard else "a look-alike"
    text = (
        f"Resembles the registered asset {record_text(match.record)} by {ways} only: {like}, not confirmed."
    )
    return Reason("registry.lookalike", text)


#: What a comparison of sound is known to miss. Source: docs/measurements.md, sound.
SOUND_LIMIT = (
    "In speech this tells nine of ten words of .8 s that are replaced by others of the same voice and eight of ten of .6 s; "
    "shorter words, and words that sound alike, can pass."
)


def _comparison_reasons(match: Match) -> Iterator[Reason]:
    if match.alignment is not None:
        for segment in match.alignment.segments:
            yield Reason(f"alignment.{segment.channel.value}", segment_text(segment))
        if match.transformation is not None:
            yield Reason("alignment.geometry", match.transformation.sentence)
        elif (geometry := match.alignment.geometry) is not None and (framing := framing_text(geometry)):
            yield Reason("alignment.geometry", framing)
    if not isinstance(match.comparison, Comparison):
        return
    for edit in match.comparison.edits:
        yield Reason(
            f"edit.{edit.value}", edit_text(edit, match.comparison, _segments(match)).capitalize() + "."
        )
    for difference in match.comparison.differences:
        yield Reason(f"difference.{difference.kind.value}", difference_text(difference).capitalize() + ".")
    if not match.comparison.differences and not match.comparison.edits:
        text = f"No difference found in the {match.comparison.compared:.0%} of the copy that was compared."
        heard = any(one.channel is Channel.SOUND for one in _segments(match))
        yield Reason("comparison.agrees", f"{text} {SOUND_LIMIT}" if heard else text)


def _segments(match: Match) -> tuple[Segment, ...]:
    return match.alignment.segments if match.alignment is not None else ()


def _mark_reasons(evidence: Evidence) -> Iterator[Reason]:
    for mark in evidence.marks if isinstance(evidence.marks, tuple) else ():
        yield Reason(
            f"mark.{mark.kind}", f"The file carries a mark: {mark.says}. Could be written by {mark.author}."
        )
    score = evidence.score
    if isinstance(score, Score) and score.log10_lr is not None:
        yield Reason("detector.score", _score_text(score))


def _score_text(score: Score) -> str:
    ratio, side = score.log10_lr or 0.0, "within"
    if ratio > score.band:
        side = "beyond"
    text = f"Detector {score.detector}: log10 likelihood ratio {ratio:+.2f}, {side} its band of {score.band:.2f}. "
    if side == "beyond":
        text += (
            f"In its tests such a score was about {10**ratio:.0f} times as frequent among generated pictures as "
            "among photographs. "
        )
    if score.false_positive_rate is not None:
        text += f"Of real pictures, up to {score.false_positive_rate:.1%} lie beyond the band. "
    if score.operating_range:
        text += f"Measured on {score.operating_range}. "
    if score.untested:
        text += f"Never tested on {', '.join(score.untested)}. "
    return text + "Supporting evidence only."


# --- summary and next step -------------------------------------------------------------------------------


def summary(code: VerdictCode, evidence: Evidence) -> str:
    """Return the verdict in some sentences for a person: the finding, and what must not be left out beside it."""
    return _finding(code, evidence) + also_found(code, evidence)


def _finding(code: VerdictCode, evidence: Evidence) -> str:
    best = evidence.best
    name = record_text(best.record) if best is not None else "a registered asset"
    why = because(best.record) if best is not None else ""
    issuer = evidence.credential.issuer or "an unknown party"
    invalid = _CREDENTIAL_TEXT.get(
        evidence.credential.state, "A source named in the Content Credentials does not hold."
    )
    return {
        VerdictCode.WITHDRAWN: f"Matches {name}, which its publisher has withdrawn{why}.",
        VerdictCode.CREDENTIALS_INVALID: invalid,
        VerdictCode.CREDENTIALS_CONFLICT: f"The Content Credentials hold, but contradict the registered record {name}.",
        VerdictCode.ALTERED_COPY: f"Matches {name}. {_differences_sentence(best)} The rest that was compared agrees.",
        VerdictCode.RE_EDITED_COPY: f"Matches {name}. {_edits_sentence(best)}",
        VerdictCode.DISCLOSURE_REMOVED: f"Matches {name}, registered as generated content; this copy no longer says so.",
        VerdictCode.DISCLOSED_SYNTHETIC: f"Declared as generated content{_model_clause(evidence)}. The disclosure is in place.",
        VerdictCode.INTACT: f"Unchanged since {issuer} signed it; the issuer is on a trust list.",
        VerdictCode.INTACT_UNRECOGNIZED_ISSUER: "Unchanged since it was signed; the issuer is on no trust list.",
        VerdictCode.DERIVED_COPY: f"A copy of {name}. {agreement_sentence(best, _unbound(evidence))}",
        VerdictCode.POSSIBLY_SYNTHETIC: "No registered original was found; there are signs of generated content. Needs review.",
        VerdictCode.NO_EVIDENCE: "No credentials and no confirmed registered original were found. This says nothing about the content.",
    }[code]


def _unbound(evidence: Evidence) -> str:
    unbound = evidence.credential.state is CredentialState.UNBOUND
    return ", but these are not the bytes that were signed" if unbound else ""


def _model_clause(evidence: Evidence) -> str:
    best = evidence.best
    model = evidence.credential.claims.model or (best.record.model if best is not None else None)
    return f", made with {model} (as declared)" if model else ""


def _differences_sentence(best: Match | None) -> str:
    if best is None or isinstance(best.comparison, Unavailable):
        return ""
    ranked = sorted(best.comparison.differences, key=lambda one: -one.strength)
    texts = [difference_text(one) for one in ranked if one.kind not in LAID_OVER or one.face]
    texts = texts or [difference_text(one) for one in ranked]
    shown = "; ".join(texts[:3])
    more = f"; and {len(texts) - 3} more" if len(texts) > 3 else ""
    return f"{shown[:1].upper()}{shown[1:]}{more}."


# Share of a file below which it is said how much of it is the original's: it quotes it.
_MOSTLY = 0.5


def _edits_sentence(best: Match | None) -> str:
    if best is None or isinstance(best.comparison, Unavailable):
        return ""
    words = "; ".join(edit_text(edit, best.comparison, _segments(best)) for edit in best.comparison.edits)
    share = best.comparison.compared
    part = f", {share:.0%} of this file," if share < _MOSTLY else ""
    return f"Every part that was compared{part} is the original's, but {words}."


_NEXT = {
    VerdictCode.WITHDRAWN: "Do not use it; see the publisher's reason and the replacement if one is named.",
    VerdictCode.CREDENTIALS_INVALID: "Do not rely on what the credentials say; ask the source for the original file.",
    VerdictCode.CREDENTIALS_CONFLICT: "Ask both publishers; treat neither claim as settled.",
    VerdictCode.ALTERED_COPY: "Compare with the registered original; do not attribute the differing parts to its publisher.",
    VerdictCode.RE_EDITED_COPY: "Watch the original in full before quoting this version.",
    VerdictCode.DISCLOSURE_REMOVED: "If you publish it, label it as generated content as its publisher did.",
    VerdictCode.DISCLOSED_SYNTHETIC: "Keep the disclosure when you pass it on.",
    VerdictCode.INTACT: "The signature shows who signed and that nothing changed since; judge the content by its source.",
    VerdictCode.INTACT_UNRECOGNIZED_ISSUER: "Confirm through another channel who the issuer is.",
    VerdictCode.DERIVED_COPY: "Prefer the registered original; small differences below the stated sensitivity stay possible.",
    VerdictCode.POSSIBLY_SYNTHETIC: "Have a person review it and look for the source; this is not proof.",
    VerdictCode.NO_EVIDENCE: "Look for the source; for a call or voice message, call back on a known number.",
}


def next_step(code: VerdictCode, evidence: Evidence) -> str:
    """Return what a careful reader does next."""
    if evidence.credential.state is CredentialState.REMOTE and code is VerdictCode.NO_EVIDENCE:
        return "Ask the source for a file with its credentials embedded."
    if evidence.too_little and code is VerdictCode.NO_EVIDENCE:
        return (
            "Obtain a longer or clearer recording; of a call or voice message, call back on a known number."
        )
    return _NEXT[code] + also_next(code, evidence)
