"""The sentence of a verdict says what stands beside it: what was laid over, what differs, a dispute."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.evidence import (
    Box,
    Channel,
    Comparison,
    Difference,
    DifferenceKind,
    RecordStatus,
    Span,
    Unavailable,
    VerdictCode,
)
from provenance.judge import judge
from provenance.report.html import face_of
from tests.fakes import reports

BAR = Difference(
    DifferenceKind.OVERLAY, Channel.PICTURE, Box(0.25, 0.85, 0.54, 0.12), strength=38.8, share=0.05
)
PASTED = Difference(DifferenceKind.REPLACED, Channel.PICTURE, Box(0.05, 0.7, 0.25, 0.13), strength=20.0)
MUSIC = Difference(DifferenceKind.SOUND_OVERLAY, Channel.SOUND, span=Span(3, 9), strength=9.0)


def found(code, *differences, **record):
    evidence = reports.examples()[code]
    [match] = evidence.matches
    if differences:
        match = replace(match, comparison=replace(match.comparison, differences=differences))
    return replace(evidence, matches=(replace(match, record=replace(match.record, **record)),))


def test_a_plain_copy_says_that_nothing_differs():
    verdict = judge(found("derived-copy"))
    assert verdict.summary.endswith("No significant difference was found.")


def test_a_copy_with_something_laid_over_says_what_and_where_and_is_not_shown_as_a_plain_copy():
    evidence = found("derived-copy", BAR)
    verdict = judge(evidence)
    assert verdict.code is VerdictCode.DERIVED_COPY
    assert "No significant difference" not in verdict.summary
    assert (
        "Text or a graphic covers a region at 25%, 85% (size 54% by 12%): read it as the copier's addition, "
        "not the publisher's."
    ) in verdict.summary
    assert "Do not attribute what was added to its publisher." in verdict.next_step
    assert face_of(reports.report(evidence)).tone == "review"
    assert face_of(reports.report(found("derived-copy"))).tone == "agree"


def test_sound_that_was_added_is_told_too():
    summary = judge(found("derived-copy", MUSIC)).summary
    assert "The sound has music, noise or an echo added to the original's from 0:03.0 to 0:09.0" in summary


def test_a_copy_of_a_withdrawn_asset_says_why_and_what_differs():
    verdict = judge(found("withdrawn", PASTED, BAR))
    assert "has withdrawn: wrong place in the caption." in verdict.summary
    assert (
        "also differs from it: a region at 5%, 70% (size 25% by 13%) differs from the original"
        in verdict.summary
    )
    assert "Text or a graphic covers" in verdict.summary
    assert "Do not attribute the differing parts to its publisher." in verdict.next_step


@pytest.mark.parametrize("code", ["derived-copy", "altered-copy", "intact", "re-edited-copy"])
def test_a_dispute_is_in_the_sentence_and_in_the_next_step(code):
    evidence = found(code, status=RecordStatus.DISPUTED, status_reason="We took it")
    verdict = judge(evidence)
    assert verdict.code.value == code
    assert "The registration is disputed: We took it." in verdict.summary
    assert "disputed: hear both sides" in verdict.next_step
    assert face_of(reports.report(evidence)).tone != "agree"


def test_what_could_not_be_compared_is_not_called_without_difference():
    evidence = found("derived-copy")
    [match] = evidence.matches
    unknown = replace(evidence, matches=(replace(match, comparison=Unavailable("no frame is near")),))
    assert "No significant difference" not in judge(unknown).summary
    assert "could not be compared" in judge(unknown).summary
    assert isinstance(match.comparison, Comparison)
