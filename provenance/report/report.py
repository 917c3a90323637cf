"""A report: evidence and verdict with what a reader needs to repeat the check, as plain JSON values.

The JSON shape is documented in docs/formats.md and is the same in the command line and the service.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from provenance.digest import Digest
from provenance.evidence import Evidence, Match, Unavailable, Verdict
from provenance.report.draw import drawn

#: Version of the JSON shape; a field may be added, never renamed or removed within it.
SCHEMA = "provenance-report/1"


@dataclass(frozen=True, slots=True)
class Report:
    """One verification.

    Attributes:
        name: Name of the copy as the caller gave it, cleaned; never used as a path.
        evidence: What was found.
        verdict: The answer.
        checked_at: When, aware UTC.
        engines: Name -> version of what took part, trust lists included.
        elapsed_s: Wall time of the check, seconds.
    """

    name: str
    evidence: Evidence
    verdict: Verdict
    checked_at: datetime
    engines: tuple[tuple[str, str], ...]
    elapsed_s: float

    @property
    def has_map(self) -> bool:
        """Whether there is a picture of the answer for the best match."""
        return bool(self._mapped)

    @property
    def map_png(self) -> bytes | None:
        """The picture of the answer for the best match, if there is one; drawn each time it is asked for."""
        return self.map_at(0) if self.has_map else None

    @property
    def map_titles(self) -> tuple[str, ...]:
        """Titles of the originals that have a picture of the answer, the best match's first; nothing is drawn.

        There is none where the best match has none.
        """
        return tuple(title for title, _ in self._mapped)

    def map_at(self, place: int) -> bytes:
        """Return the picture of the answer for the original at a place of :attr:`map_titles`, PNG.

        Raises:
            IndexError: There are fewer.
        """
        return drawn(self._mapped[place][1])

    @property
    def maps(self) -> tuple[tuple[str, bytes], ...]:
        """Title of the original and picture of the answer, for each original that the copy shows."""
        return tuple((title, self.map_at(place)) for place, title in enumerate(self.map_titles))

    @property
    def _mapped(self) -> list[tuple[str, bytes]]:
        leads = [(lead.record.title, _drawing(lead)) for lead in self.evidence.leads]
        if not leads or leads[0][1] is None:
            return []
        return [(title, drawing) for title, drawing in leads if drawing is not None]


def _drawing(match: Match) -> bytes | None:
    return None if isinstance(match.comparison, Unavailable) else match.comparison.drawing


def report_json(report: Report) -> dict[str, Any]:
    """Return ``report`` as JSON values; pictures are left out, their presence is stated in ``has_map``."""
    evidence, verdict = report.evidence, report.verdict
    return {
        "schema": SCHEMA,
        "name": report.name,
        "checked_at": _plain(report.checked_at),
        "elapsed_s": round(report.elapsed_s, 3),
        "input": {
            "sha256": str(evidence.digest),
            "type": evidence.media_type.value,
            "kind": evidence.kind.value,
        },
        "verdict": {
            "code": verdict.code.value,
            "confidence": verdict.confidence.value,
            "summary": verdict.summary,
            "next_step": verdict.next_step,
        },
        "reasons": [_plain(reason) for reason in verdict.reasons],
        "not_checked": list(verdict.not_checked),
        "credential": _plain(evidence.credential),
        "matches": _plain(evidence.matches)
        if isinstance(evidence.matches, Unavailable)
        else [_match(match) for match in evidence.matches],
        "marks": _plain(evidence.marks),
        "detector": _plain(evidence.score),
        "has_map": report.has_map,
        "engines": dict(report.engines),
    }


def _match(match: Match) -> dict[str, Any]:
    made: dict[str, Any] = _plain(match)
    if match.transformation is not None:
        made["transformation"]["sentence"] = match.transformation.sentence
    made["confirmed"] = match.confirmed
    made["identical"] = match.identical
    return made


def _plain(value: object) -> Any:
    """Return ``value`` as JSON values: enums by value, digests by text, bytes by hex, pictures left out."""
    match value:
        case Enum():
            made: Any = value.value
        case Digest():
            made = str(value)
        case bytes():
            made = value.hex()
        case datetime():
            made = value.isoformat(timespec="seconds").replace("+00:00", "Z")
        case float():
            made = round(value, 6)
        case tuple():
            made = [_plain(one) for one in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            made = {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name != "drawing"}
        case _:
            made = value
    return made
