"""Precedence: which of several registrations of one content is told first.

To be first in the log is not ownership. Yet a copy must not be attributed to whoever registered it last: of
registrations that explain a copy alike, the earliest comes first, and the later ones are told beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from provenance.evidence import (
    Channel,
    Comparison,
    Credential,
    Difference,
    Match,
    Record,
    RecordStatus,
    Span,
    apart,
)
from provenance.judge import alters

#: Share of what the stronger match explains of a copy that an earlier registration must explain too. Source: the
#: place of an original is known within half a part in 100, segments of films within half a second.
EXPLAINED: Final = 0.9
#: How much more of the copy may differ from the earlier registration: blocks at the edge of a difference come and go
#: with the compression of the stored pictures.
MORE: Final = 1.5
#: The same for copies in which little differs, share of the picture.
LEAST: Final = 0.01


class Departure(IntEnum):
    """How far a copy departs from a registration; more is worse."""

    NONE = 0
    OVERLAID = 1
    RE_EDITED = 2
    ALTERED = 3
    NOT_COMPARED = 4


def departure(match: Match) -> Departure:
    """Return how far the copy departs from what ``match`` is a match of."""
    comparison = match.comparison
    if not isinstance(comparison, Comparison):
        return Departure.NOT_COMPARED
    if any(alters(one) for one in comparison.differences):
        return Departure.ALTERED
    if comparison.edits:
        return Departure.RE_EDITED
    return Departure.OVERLAID if comparison.differences else Departure.NONE


def earliest_first(matches: Sequence[Match], credential: Credential) -> tuple[Match, ...]:
    """Return ``matches`` with the earliest registration first among those that explain the same place alike.

    A registration by the signer of the copy's own credential, where it holds, stays before others'; one that its
    publisher replaced by another one found, or withdrew and registered anew, comes after that.

    Args:
        matches: Best first.
        credential: The copy's own.
    """
    order = list(matches)
    for at, lead in enumerate(matches):
        if not lead.confirmed or any(not apart(lead, one) for one in matches[:at] if one.confirmed):
            continue
        alike = [one for one in matches if one is lead or explains_alike(one, lead)]
        places = [number for number, one in enumerate(order) if any(one is each for each in alike)]
        replaced = {one.record.asset_id for one in alike if _replaced(one, alike)}
        alike.sort(key=lambda one: _turn(one, credential, replaced))
        for number, one in zip(places, alike, strict=True):
            order[number] = one
    return tuple(order)


def _turn(match: Match, credential: Credential, replaced: set[str]) -> tuple[bool, bool, int]:
    record = match.record
    own = credential.holds and credential.certificate_sha256 == record.certificate_sha256
    return not own, record.asset_id in replaced, record.index


def _replaced(match: Match, others: Sequence[Match]) -> bool:
    """Return whether its publisher named one of the others instead, or withdrew it and registered it anew.

    What another publisher withdrew stays first: whoever registers it later does not launder it.
    """
    record = match.record
    later = [one.record for one in others if one is not match]
    named = any(one.asset_id == record.replaced_by for one in later)
    anew = record.status is RecordStatus.WITHDRAWN and any(
        one.index > record.index and one.status is not RecordStatus.WITHDRAWN and _same_publisher(one, record)
        for one in later
    )
    return named or anew


def _same_publisher(one: Record, other: Record) -> bool:
    return one.certificate_sha256 == other.certificate_sha256 and one.account == other.account


def explains_alike(one: Match, lead: Match) -> bool:
    """Return whether ``one`` explains the place of ``lead`` in the copy as well as ``lead`` does.

    Args:
        one: A match of another registration.
        lead: A confirmed match.
    """
    if not one.confirmed or one.identical or lead.identical or apart(one, lead):
        return False
    if one.record.media_type.kind is not lead.record.media_type.kind:
        return False
    if departure(one) > departure(lead) or departure(lead) is Departure.NOT_COMPARED:
        return False
    if _differing(one) > MORE * _differing(lead) + LEAST:
        return False
    return _same_place(one, lead) and all(
        _shared_s(one, lead, channel) >= EXPLAINED * _length_s(lead, channel) for channel in Channel
    )


def _same_place(one: Match, lead: Match) -> bool:
    if one.transformation is None or lead.transformation is None:
        return one.transformation is lead.transformation
    return one.transformation.place.overlap(lead.transformation.place) >= EXPLAINED


def _differing(match: Match) -> float:
    """Return how much of the copy differs: shares of the picture, and seconds of sound as shares of a minute."""
    differences = match.comparison.differences if isinstance(match.comparison, Comparison) else ()
    return sum(_size(one) for one in differences)


def _size(one: Difference) -> float:
    if one.box is not None:
        return one.box.area if one.share is None else one.share
    return one.span.length_s / 60 if one.span is not None else 0.0


def _spans(match: Match, channel: Channel) -> list[Span]:
    segments = match.alignment.segments if match.alignment is not None else ()
    return [one.copy for one in segments if one.channel is channel]


def _length_s(match: Match, channel: Channel) -> float:
    return sum(span.length_s for span in _spans(match, channel))


def _shared_s(one: Match, other: Match, channel: Channel) -> float:
    return sum(
        max(0.0, min(a.end_s, b.end_s) - max(a.start_s, b.start_s))
        for a in _spans(one, channel)
        for b in _spans(other, channel)
    )
