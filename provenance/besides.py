"""Besides: what the sentence of a verdict must not leave out, since a reader may read nothing else.

A rule speaks of one finding. What was laid over an original, what differs in a copy of a withdrawn one, and a dispute
stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provenance.evidence import (
    Comparison,
    Difference,
    DifferenceKind,
    Evidence,
    Match,
    RecordStatus,
    VerdictCode,
)
from provenance.registered import disputed_text
from provenance.wording import difference_text, region_text

#: Kinds of difference under which the original goes on.
LAID_OVER: Final = (DifferenceKind.OVERLAY, DifferenceKind.SOUND_OVERLAY, DifferenceKind.SOUND_SILENCE)
#: Verdicts under which what was laid over is the copier's: no credential that holds vouches for the copy.
_COPIED: Final = (
    VerdictCode.WITHDRAWN,
    VerdictCode.CREDENTIALS_INVALID,
    VerdictCode.ALTERED_COPY,
    VerdictCode.RE_EDITED_COPY,
    VerdictCode.DISCLOSURE_REMOVED,
    VerdictCode.DISCLOSED_SYNTHETIC,
    VerdictCode.DERIVED_COPY,
)
#: Verdicts whose own sentence does not say what differs.
_SILENT: Final = (VerdictCode.WITHDRAWN, VerdictCode.CREDENTIALS_INVALID)
_SHOWN: Final = 3


def laid_over(match: Match | None) -> tuple[Difference, ...]:
    """Return what was laid over the original, strongest first; empty where nothing was, or it was not compared."""
    return tuple(one for one in _ranked(match) if one.kind in LAID_OVER)


def disputed(evidence: Evidence) -> bool:
    """Return whether the registration that the verdict speaks of is disputed."""
    best = evidence.best
    return best is not None and best.confirmed and best.record.status is RecordStatus.DISPUTED


def agreement_sentence(match: Match | None, unbound: str) -> str:
    """Return what the comparison of a plain copy came to.

    Args:
        match: What it is a copy of.
        unbound: Clause on credentials made for other bytes, or nothing.
    """
    if match is None or not isinstance(match.comparison, Comparison):
        return f"It could not be compared with it{unbound}."
    if laid_over(match):
        return f"Something was added to it; no other significant difference was found{unbound}."
    return f"No significant difference was found{unbound}."


def also_found(code: VerdictCode, evidence: Evidence) -> str:
    """Return the sentences that follow the one of the verdict, each after a space; empty where there is nothing."""
    return "".join(f" {one}" for one in _sentences(code, evidence))


def also_next(code: VerdictCode, evidence: Evidence) -> str:
    """Return what a careful reader does besides, each sentence after a space."""
    best, more = evidence.best, []
    if best is not None and best.confirmed and code in _COPIED:
        if code in _SILENT and any(one.kind not in LAID_OVER for one in _ranked(best)):
            more.append("Do not attribute the differing parts to its publisher.")
        if laid_over(best):
            more.append("Do not attribute what was added to its publisher.")
    if disputed(evidence):
        more.append("The registration is disputed: hear both sides before you attribute it.")
    return "".join(f" {one}" for one in more)


def _sentences(code: VerdictCode, evidence: Evidence) -> Iterator[str]:
    best = evidence.best
    if best is None or not best.confirmed:
        return
    over = laid_over(best)
    others = [one for one in _ranked(best) if one.kind not in LAID_OVER]
    if code in _SILENT and others:
        yield f"This copy also differs from it: {_listed([difference_text(one) for one in others])}."
    if over and code in _COPIED and (code is not VerdictCode.ALTERED_COPY or others):
        pictures = [region_text(one) for one in over if one.kind is DifferenceKind.OVERLAY]
        if pictures:
            said = f"Text or a graphic covers {_listed(pictures)}"
            yield f"{said}: read it as the copier's addition, not the publisher's."
        for one in over:
            if one.kind is not DifferenceKind.OVERLAY:
                yield f"{difference_text(one).capitalize()}: not the publisher's."
    if disputed(evidence):
        yield disputed_text(best.record)


def _listed(texts: list[str]) -> str:
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"{'; '.join(texts[:_SHOWN])}{more}"


def _ranked(match: Match | None) -> list[Difference]:
    if match is None or not isinstance(match.comparison, Comparison):
        return []
    return sorted(match.comparison.differences, key=lambda one: -one.strength)
