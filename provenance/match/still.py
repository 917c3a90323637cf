"""Stills: a picture that is one frame of a registered film, with its time code.

1. Codes of the picture near those of stored frames, and local features that stored frames share with it, say
   which films to look at and where.
2. A worker lays the picture onto the stored frames there; the frame whose detail agrees best gives the time.

Stored frames are half a second apart, so the picture may be up to a quarter of a second from the nearest: what
moved in that time cannot be told from what was altered, and is said to be open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from provenance.evidence import Alignment, Channel, Comparison, Geometry, Match, Segment, Span, Unavailable
from provenance.examination import FRAME_REFERENCE, PictureExam
from provenance.fingerprint.code import PDQ256
from provenance.match import picture_finder
from provenance.match.candidates import FrameBook
from provenance.match.frame_votes import SPAN_S, FeatureBook, FrameView
from provenance.match.registry import Registry
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain, to_plain
from provenance.settings import Limits

#: Films that a picture is laid onto.
FILMS: Final = 3
#: Stored frames of one film that it is laid onto: two stretches of four seconds, half a second apart.
FRAMES: Final = 18
#: Votes of local features below which a film is no candidate: two stray hits are common.
MIN_VOTES: Final = 4.0
#: Stored frames this near a time are looked at, seconds.
AROUND_S: Final = 1.1
#: Why differences from a stored frame say nothing.
OPEN: Final = (
    "the nearest stored frame of the film is up to a quarter of a second away, and something differs from it: what "
    "moved in that time cannot be told from what was altered; hold the picture against the film at its time code"
)


@dataclass(slots=True)
class _Candidate:
    """A film to look at: where, whether mirrored, and the nearest code."""

    times: list[tuple[float, float]]
    mirrored: bool
    distance: int | None = None
    form: str = ""


class StillFinder:
    """Finds the registered films that a picture is a frame of; looks at media in workers only.

    Args:
        pool: Media workers.
        registry: The registry.
        limits: Limits on one file.
        films: Codes of the frames of registered films.
        features: Local features of them.
    """

    def __init__(
        self, pool: WorkerPool, registry: Registry, limits: Limits, films: FrameBook, features: FeatureBook
    ) -> None:
        self._pool, self._registry, self._limits = pool, registry, limits
        self._films, self._features = films, features

    def find(self, exam: PictureExam) -> list[Match]:
        """Return the films that the picture is a frame of, in no order."""
        candidates = self._candidates(exam)
        asked: list[str] = []
        films: list[dict[str, object]] = []
        for asset_id, one in candidates.items():
            stored = [
                {"time_s": part.time_s or 0.0, "blob": part.blob}
                for part in self._registry.references(asset_id, FRAME_REFERENCE)
                if any(start_s <= (part.time_s or 0.0) <= end_s for start_s, end_s in one.times)
            ]
            middle_s = sum(one.times[0]) / 2
            stored.sort(key=lambda part: abs(cast("float", part["time_s"]) - middle_s))
            if stored:
                asked.append(asset_id)
                films.append({"mirrored": one.mirrored, "stored": stored[:FRAMES]})
        if not films:
            return []
        params = {"pixels": to_plain(exam.pixels), "films": films}
        answers = self._pool.run("place_still", [], params, timeout_s=self._limits.worker_seconds * 2)
        given = cast("Sequence[Mapping[str, object] | None]", answers)
        return [
            self._match(asset_id, candidates[asset_id], answer)
            for asset_id, answer in zip(asked, given, strict=True)
            if answer is not None
        ]

    def _candidates(self, exam: PictureExam) -> dict[str, _Candidate]:
        found: dict[str, _Candidate] = {}
        for which, bits, asset_id, time_s in self._films.near(
            [one.value for one in exam.codes], PDQ256.radius
        ):
            form, around = exam.codes[which], (time_s - AROUND_S, time_s + AROUND_S)
            best = found.get(asset_id)
            if best is None or best.distance is None or bits < best.distance:
                found[asset_id] = _Candidate([around], form.mirrored, bits, form.form)
        views = [
            FrameView(0.0, one.view.mirrored, one.features) for one in exam.views if not one.view.inverted
        ]
        for voted in self._features.vote(views)[:FILMS]:
            if voted.votes >= MIN_VOTES:
                places = [(one.asset_s, one.asset_s + SPAN_S) for one in voted.places[:2]]
                known = found.setdefault(voted.asset_id, _Candidate([], voted.places[0].mirrored))
                known.times += places
        nearest = sorted(
            found.items(), key=lambda item: item[1].distance if item[1].distance is not None else 256
        )
        return dict(nearest[:FILMS])

    def _match(self, asset_id: str, one: _Candidate, answer: Mapping[str, object]) -> Match:
        geometry, time_s = from_plain(Geometry, answer["geometry"]), float(cast("float", answer["time_s"]))
        found = []
        if one.distance is not None:
            found.append(picture_finder.found_by_code(one.distance, one.form))
        found += picture_finder.found_by_geometry(geometry, one.distance)
        aligned = cast("int | None", answer["aligned_distance"])
        if one.distance is None and aligned is not None and aligned <= PDQ256.radius:
            found.append(picture_finder.found_by_code(aligned, "after alignment"))
        moment = Span(time_s, time_s)
        segment = Segment(Channel.PICTURE, Span(0.0, 0.0), moment, 0.0, geometry.agreement, geometry=geometry)
        return Match(
            self._registry.record(asset_id),
            tuple(found),
            Alignment(geometry, (segment,)),
            _told(from_plain(Comparison, answer["comparison"])),
        )


def _told(comparison: Comparison) -> Comparison | Unavailable:
    """Return a comparison with a stored frame as far as it can be believed: agreement is, difference is not."""
    return Unavailable(OPEN) if comparison.differences else replace(comparison, drawing=None)
