"""A report as text: the verdict first, then why, what was not checked, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from provenance.evidence import Comparison, Credential, Evidence, Family, Match, Unavailable, VerdictCode
from provenance_cli.exits import VERDICTS, ExitCode
from provenance_cli.render import clean, time_text, wrapped

if TYPE_CHECKING:
    from provenance.report.report import Report

_HELD = frozenset(
    (VerdictCode.INTACT, VerdictCode.INTACT_UNRECOGNIZED_ISSUER, VerdictCode.DISCLOSED_SYNTHETIC)
)
#: Marks differ in shape, so that colour is never needed to tell them apart (WCAG 2.2, 1.4.1).
_FINDING, _HOLDS, _NEUTRAL = "▲", "●", "○"
_IN = "  "
_DEEP = "    "


def report_text(report: Report, *, verbose: bool) -> str:
    """Return a report for a person.

    Args:
        report: The report.
        verbose: Whether every match, segment and engine code is listed.
    """
    return "\n".join(_lines(report, verbose=verbose))


def _lines(report: Report, *, verbose: bool) -> Iterator[str]:
    verdict, evidence = report.verdict, report.evidence
    yield clean(report.name)
    yield f"{_IN}{headline(verdict.code)}  (confidence: {verdict.confidence.value})"
    yield wrapped(verdict.summary, _IN)
    timeline = _timeline(evidence.best)
    if timeline:
        yield ""
        yield from (f"{_IN}{line}" for line in timeline.splitlines())
    yield ""
    yield f"{_IN}Why"
    for reason in verdict.reasons:
        yield wrapped(reason.text, f"{_DEEP}  ", first=f"{_DEEP}- ")
    yield from _credential(evidence.credential)
    if verdict.not_checked:
        yield f"{_IN}Not checked"
        for gap in verdict.not_checked:
            yield wrapped(gap, f"{_DEEP}  ", first=f"{_DEEP}- ")
    yield f"{_IN}Next"
    yield wrapped(verdict.next_step, _DEEP)
    yield f"{_IN}Checked"
    yield wrapped(f"{evidence.media_type.value}, {evidence.digest}", _DEEP)
    took = f"{time_text(report.checked_at)} in {report.elapsed_s:.1f} s"
    yield wrapped(f"{took}, with " + "; ".join(f"{name} {value}" for name, value in report.engines), _DEEP)
    if verbose:
        yield from _details(evidence)


def headline(code: VerdictCode) -> str:
    """Return mark and code, coloured where the terminal shows colours; the mark's shape says the same."""
    if VERDICTS[code] is ExitCode.FINDING:
        return click.style(f"{_FINDING} {code.value}", fg="yellow", bold=True)
    if code in _HELD:
        return click.style(f"{_HOLDS} {code.value}", fg="green", bold=True)
    return click.style(f"{_NEUTRAL} {code.value}", bold=True)


def _timeline(best: Match | None) -> str:
    if best is None or best.alignment is None or not best.alignment.segments:
        return ""
    if not best.confirmed or isinstance(best.comparison, Unavailable):
        return ""
    from provenance.report.timeline import timeline_text  # noqa: PLC0415 - only for film and sound

    segments, differences = best.alignment.segments, best.comparison.differences
    ends = [one.copy.end_s for one in segments]
    ends += [one.span.end_s for one in differences if one.span is not None]
    return timeline_text(max(ends), segments, differences)


def _credential(credential: Credential) -> Iterator[str]:
    """Yield what credentials that hold say; of those that do not hold, nothing is shown as fact."""
    if not credential.holds:
        return
    claims = credential.claims
    listed = f", on the trust list {credential.trust_list}" if credential.trust_list else ", on no trust list"
    rows = [
        ("issued by", f"{credential.issuer or 'unnamed'}{listed}"),
        ("time", time_text(credential.signed_at) + " (trusted timestamp)" if credential.signed_at else None),
        ("title", claims.title),
        ("author", claims.author),
        ("origin", ", ".join(kind.value for kind in claims.source_types)),
        ("model", claims.model),
        ("made with", claims.generator),
        ("dated", claims.when),
        ("training", ", ".join(sorted({use for _, use in claims.training}))),
    ]
    yield f"{_IN}Content Credentials (all but the issuer and trusted time are the signer's claims)"
    for name, value in rows:
        if value:
            yield wrapped(value, _DEEP + " " * 11, first=f"{_DEEP}{name:<9}  ")


def _details(evidence: Evidence) -> Iterator[str]:
    for match in evidence.matches if isinstance(evidence.matches, tuple) else ():
        record = match.record
        yield f"{_IN}Match"
        yield f"{_DEEP}{record.asset_id}, entry {record.index}, {record.status.value}"
        for found in match.found:
            rate = "not measured" if found.false_match_rate is None else f"{found.false_match_rate:.0e}"
            how = (
                f"{found.distance:g} agree (at least {found.threshold:g} count"
                if found.family is Family.LOCAL
                else f"distance {found.distance:g} (up to {found.threshold:g} counts"
            )
            yield _DEEP + clean(
                f"- {found.family.value}: {found.method}, {how}; false matches per pair: {rate})"
            )
        yield from _compared(match)
    if evidence.credential.codes:
        yield f"{_IN}Engine codes"
        for one in evidence.credential.codes:
            yield _DEEP + clean(f"{one.outcome}: {one.code} {one.where}")


def _compared(match: Match) -> Iterator[str]:
    if match.transformation is not None:
        yield wrapped(match.transformation.sentence, f"{_DEEP}  ", first=f"{_DEEP}- ")
    for segment in match.alignment.segments if match.alignment is not None else ():
        yield (
            f"{_DEEP}- {segment.channel.value} {segment.copy.start_s:.2f}-{segment.copy.end_s:.2f} s is "
            f"{segment.asset.start_s:.2f}-{segment.asset.end_s:.2f} s, speed {segment.speed:.3f}, "
            f"strength {segment.strength:.2f}"
            + (f", place uncertain by up to {segment.uncertain_s:.1f} s" if segment.uncertain_s else "")
        )
    if isinstance(match.comparison, Comparison):
        yield f"{_DEEP}- compared {match.comparison.compared:.0%} of the copy"
        for one in match.comparison.differences:
            yield f"{_DEEP}- {one.channel.value} {one.kind.value}, strength {one.strength:.1f}"
