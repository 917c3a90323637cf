"""Registrations in words: which asset, how it stands, and which other registrations show the same content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from provenance.evidence import Comparison, Match, Reason, Record, RecordStatus, Transformation
from provenance.media.asset import Kind
from provenance.wording import difference_text, span_text

#: Neutral words: who registered first need not be who made it.
NO_PROOF: Final = "First registered is not proof of ownership."
#: What of the copy is in a registration of another medium, or in another part of it.
_PART: Final = {
    Kind.AUDIO: "The sound is also that of the registered recording",
    Kind.VIDEO: "The same content is also part of the registered film",
    Kind.IMAGE: "It also shows the registered picture",
}


def record_text(record: Record) -> str:
    """Return a registered asset in words: title, publisher, time of registration, entry number."""
    when = record.registered_at.strftime("%Y-%m-%d %H:%MZ")
    if record.redacted:
        return f"entry {record.index} (redacted, registered {when})"
    through = f", account {record.account}" if record.account else ""
    return f"“{record.title}” ({record.publisher}{through}, registered {when}, entry {record.index})"


def other_reasons(best: Match, others: Sequence[Match], leads: Sequence[Match]) -> Iterator[Reason]:
    """Yield what each further match is; that first seen is not ownership is said once.

    Args:
        best: The match that the verdict speaks of.
        others: The further ones.
        leads: The strongest match at each place of the copy.
    """
    said = False
    for other in others:
        made = _other_reason(other, best, apart=other in leads)
        if made.code == "registry.earlier" and not said:
            made, said = replace(made, text=f"{made.text} {NO_PROOF}"), True
        yield made


def _other_reason(other: Match, best: Match, *, apart: bool) -> Reason:
    """Return what a further match is: another picture in the copy, the same content again, or a look-alike.

    Args:
        other: The further match.
        best: The match that the verdict speaks of.
        apart: Whether ``other`` lies at another place of the copy.
    """
    name = record_text(other.record)
    if _namesake(other.record, best.record):
        name += (
            f", whose certificate {other.record.certificate_sha256.value.hex()[:8]} is not the first one's"
        )
    if not other.confirmed:
        return Reason("registry.other-match", f"Also resembles {name}.")
    if apart and other.transformation is not None:
        return _elsewhere(other, other.transformation, name)
    if apart or not best.confirmed or other.record.media_type.kind is not best.record.media_type.kind:
        text = f"{_PART[other.record.media_type.kind]} {name}{_when(other)}."
        return Reason("registry.other-match", f"{text}{_stands(other.record)}")
    found = "" if _differences(best) else _differences(other)
    content, besides = ("similar", f"; this copy differs from it: {found}") if found else ("the same", "")
    if other.record.index < best.record.index:
        text = f"An earlier registration of {content} content exists: {name}{besides}."
        return Reason("registry.earlier", f"{text}{_stands(other.record)}")
    text = f"A later registration of {content} content exists too: {name}{besides}."
    return Reason("registry.later", f"{text}{_stands(other.record)}")


def _when(match: Match) -> str:
    """Return which stretches of the copy a match explains, as a clause; empty for pictures."""
    segments = match.alignment.segments if match.alignment is not None else ()
    spans = dict.fromkeys(span_text(one.copy) for one in segments if one.copy.length_s)
    return f", {' and '.join(list(spans)[:3])}" if spans else ""


def _elsewhere(other: Match, made: Transformation, name: str) -> Reason:
    place = made.place
    text = f"Also shows {name}, in the part at {place.x:.0%}, {place.y:.0%} (size {place.w:.0%} by {place.h:.0%})."
    found = _differences(other)
    outcome = f" Differences: {found}." if found else " No difference was found in it."
    return Reason("registry.further-original", f"{text}{_stands(other.record)} {made.sentence}{outcome}")


def _differences(match: Match) -> str:
    differences = match.comparison.differences if isinstance(match.comparison, Comparison) else ()
    return "; ".join(difference_text(one) for one in differences[:3])


def _stands(record: Record) -> str:
    """Return how a further registration stands, as a sentence after a space; empty where nothing is against it."""
    said = next(status_reasons(record), None)
    if said is None or record.status is RecordStatus.ACTIVE:
        return ""
    return f" {said.text}"


def disputed_text(record: Record) -> str:
    """Return by whom a registration is disputed, when and why, as a sentence."""
    by = f" by {record.status_by}" if record.status_by else ""
    # Customers of one service may share the name of its publisher.
    through = f" (account {record.status_account})" if by and record.status_account else ""
    when = f" on {record.status_at:%Y-%m-%d}" if record.status_at is not None else ""
    return f"The registration is disputed{by}{through}{when}{because(record)}."


def _namesake(one: Record, other: Record) -> bool:
    return one.publisher == other.publisher and one.certificate_sha256 != other.certificate_sha256


def because(record: Record) -> str:
    """Return the words of the entry that gave a registration its status, as a clause; empty where there are none."""
    return f": {record.status_reason}" if record.status_reason else ""


def status_reasons(record: Record) -> Iterator[Reason]:
    """Yield how a registration stands: withdrawn, disputed, replaced, erased, declared as generated."""
    if record.status is RecordStatus.WITHDRAWN:
        replaced = f" It was replaced by {record.replaced_by}." if record.replaced_by else ""
        yield Reason("record.withdrawn", f"The publisher withdrew it{because(record)}.{replaced}")
    elif record.status is RecordStatus.DISPUTED:
        replaced = f" The publisher replaced it by {record.replaced_by}." if record.replaced_by else ""
        yield Reason("record.disputed", f"{disputed_text(record)}{replaced}")
    elif record.status is RecordStatus.SUPERSEDED:
        yield Reason("record.superseded", f"The publisher replaced it by {record.replaced_by}.")
    if record.redacted:
        yield Reason("record.redacted", "The publisher erased its title, names and stored picture and sound.")
    if record.source_type.synthetic:
        model = f" by {record.model}" if record.model else ""
        yield Reason("record.synthetic", f"The publisher registered it as generated content{model}.")
