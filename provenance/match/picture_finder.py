"""Finding the registered pictures that a copy shows: one, several, or none.

1. Codes and the first views bring up candidates; each is aligned and compared in a worker.
2. Where none is confirmed, further views are looked up: the negative, and other scales.
3. What the matches do not explain of the copy is looked at by itself, for further pictures in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, cast

from provenance.evidence import Alignment, Comparison, Family, Found, Geometry, Match, Transformation
from provenance.examination import (
    FEATURE_REFERENCE,
    PICTURE_REFERENCE,
    FeatureView,
    Look,
    Part,
    PictureCode,
    PictureExam,
    View,
)
from provenance.fingerprint.code import PDQ256
from provenance.match import places, rates
from provenance.match.align import INLIERS
from provenance.match.candidates import Candidate
from provenance.match.pictures import PictureBook
from provenance.match.registry import Registry
from provenance.match.suspects import Suspect
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain, to_plain
from provenance.settings import Limits

#: Candidates by features that are verified. Source: docs/measurements.md, matching: the original is among the
#: first 20 by votes in 985 of 1,000 hard attacks.
VOTED: Final = 20
#: Candidates by codes that are verified, beside those within the strict radius.
CODED: Final = 5
#: Most candidates within the strict radius: a picture registered a hundred times is compared with these.
NEAREST: Final = 8
#: Votes below which an asset that does not lead is no candidate: two stray hits are common.
MIN_VOTES: Final = 3.0
#: Candidates that lead by votes and are verified whatever these are: a smooth picture has few features.
LEADING: Final = 2
#: Pictures taken in at a time.
TAKEN_IN: Final = 4096
#: Times that the unexplained rest of a copy is looked at: a picture in a picture in a picture.
REST_ROUNDS: Final = 2


class PictureFinder:
    """Finds registered pictures; its book follows the ledger.

    Args:
        pool: Media workers.
        registry: The registry.
        limits: Limits on one file.
    """

    def __init__(self, pool: WorkerPool, registry: Registry, limits: Limits) -> None:
        self._pool, self._registry, self._limits = pool, registry, limits
        self._book = PictureBook()

    def take_in(self, after: int) -> None:
        """Take in what was registered after position ``after`` of the ledger."""
        codes = iter(self._registry.codes_after(PDQ256.name, after))
        # In blocks: all features at once would be in memory three times over.
        while block := list(islice(codes, TAKEN_IN)):
            stored = (self._registry.references(asset_id, FEATURE_REFERENCE) for asset_id, *_ in block)
            self._book.add(
                [
                    (asset_id, code, features[0].blob if features else None)
                    for (asset_id, _, _, code), features in zip(block, stored, strict=True)
                ]
            )

    @property
    def any(self) -> bool:
        """Whether any picture is registered."""
        return len(self._book) > 0

    def find(self, exam: PictureExam, *, thorough: bool = True) -> list[Match]:
        """Return the registered pictures that the copy shows, in no particular order.

        Args:
            exam: What was taken out of the copy.
            thorough: Whether further views and the unexplained rest are looked at; for one frame of a film they
                cost more than they find.
        """
        search = _Search(to_plain(exam.pixels), [], {})
        self._verify(search, exam)
        if thorough and not any(match.confirmed for match in search.found.values()):
            self._verify(search, self._look(search))
        for _ in range(REST_ROUNDS if thorough else 0):
            confirmed = [match for match in search.found.values() if match.confirmed]
            rest = places.unexplained(confirmed)
            if not confirmed or not rest:
                break
            if not self._verify(search, self._look(search, rest)):
                break
        return places.attributed(list(search.found.values()))

    # --- candidates --------------------------------------------------------------------------------------

    def _candidates(self, looked: PictureExam | Look) -> Iterable[Candidate]:
        return [*self._by_code(looked.codes), *self._by_features(looked.views)]

    def _by_code(self, codes: Sequence[PictureCode]) -> Iterable[Candidate]:
        found = self._book.by_code(codes, PDQ256.wide_radius)
        near = [one for one in found if one.distance is not None and one.distance <= PDQ256.radius]
        return [*near[:NEAREST], *found[len(near) : len(near) + CODED]]

    def _by_features(self, looked: Sequence[FeatureView]) -> Iterable[Candidate]:
        found = self._book.by_features(looked)[:VOTED]
        return [*found[:LEADING], *(one for one in found[LEADING:] if one.votes >= MIN_VOTES)]

    def _look(self, search: _Search, parts: Sequence[Part] = ()) -> Look:
        """Return what parts of the copy, or without any the copy in further views, is looked up by."""
        params: dict[str, object] = {"pixels": search.pixels}
        if parts:
            params["parts"] = [list(part) for part in parts]
        return from_plain(Look, self._pool.run("look_further", [], params, timeout_s=self._patience_s))

    # --- verification ------------------------------------------------------------------------------------

    def _verify(self, search: _Search, looked: PictureExam | Look) -> bool:
        """Align and compare candidates not found yet; return whether a new match was confirmed."""
        search.views += looked.views
        chosen: dict[str, Candidate] = {}
        for one in self._candidates(looked):
            if one.asset_id not in search.found or not search.found[one.asset_id].confirmed:
                chosen[one.asset_id] = joined(chosen.get(one.asset_id), one)
        suspects: dict[str, Suspect] = {}
        for asset_id, one in chosen.items():
            if (suspect := self._suspect(one)) is not None:
                suspects[asset_id] = suspect
        if not suspects:
            return False
        params = {
            "pixels": search.pixels,
            "views": [to_plain(one) for one in search.views],
            "suspects": [to_plain(one) for one in suspects.values()],
        }
        answers = self._pool.run("compare_picture", [], params, timeout_s=self._patience_s)
        confirmed = False
        for asset_id, answer in zip(
            suspects, cast("Sequence[Mapping[str, object] | None]", answers), strict=True
        ):
            one = chosen[asset_id]
            match = self._match(one, answer)
            if match is not None and (match.confirmed or one.asset_id not in search.found):
                search.found[one.asset_id] = match
                confirmed = confirmed or match.confirmed
        return confirmed

    def _suspect(self, one: Candidate) -> Suspect | None:
        """Return what is compared with the copy; None where it was erased since the book was read."""
        record = self._registry.record(one.asset_id)
        stored = self._registry.references(one.asset_id, PICTURE_REFERENCE)
        if not stored:
            return None
        [picture] = stored
        features = self._registry.references(one.asset_id, FEATURE_REFERENCE)
        return Suspect(
            picture.blob,
            features[0].blob if features else None,
            record.width or 1,
            record.height or 1,
            one.view or View(),
            one.distance,
        )

    def _match(self, one: Candidate, answer: Mapping[str, object] | None) -> Match | None:
        record, found = self._registry.record(one.asset_id), []
        if one.distance is not None:
            found.append(found_by_code(one.distance, one.form))
        if answer is None:
            # A code within the wide radius only is worth a look, not a word: it happens by chance.
            strict = one.distance is not None and one.distance <= PDQ256.radius
            return Match(record, tuple(found)) if strict else None
        geometry = from_plain(Geometry, answer["geometry"])
        found += found_by_geometry(geometry, one.distance)
        aligned = cast("int | None", answer["aligned_distance"])
        # The map was chosen to make the two alike: two strips of one facade came within 54 bits.
        if one.distance is None and aligned is not None and aligned <= PDQ256.radius:
            found.append(found_by_code(aligned, "after alignment"))
        comparison = from_plain(Comparison, answer["comparison"])
        comparison = replace(comparison, drawing=cast("bytes | None", answer["drawing"]))
        made = from_plain(Transformation, answer["transformation"])
        return Match(record, tuple(found), Alignment(geometry=geometry), comparison, made)

    @property
    def _patience_s(self) -> float:
        return self._limits.worker_seconds * 2


class _Search:
    """One query: the copy as plain values for the workers, the views looked at, and what was found by asset."""

    def __init__(self, pixels: object, views: list[FeatureView], found: dict[str, Match]) -> None:
        self.pixels, self.views, self.found = pixels, views, found


def joined(one: Candidate | None, other: Candidate) -> Candidate:
    """Return one candidate of two: by codes, which come first, and by features.

    A code within the strict radius knows the part of the copy; one further off may be chance, features know better.
    """
    if one is None:
        return other
    near = one.distance is not None and one.distance <= PDQ256.radius
    return replace(
        one, votes=other.votes, view=one.view if near or other.distance is not None else other.view
    )


def found_by_geometry(geometry: Geometry, bits: int | None = None) -> list[Found]:
    """Return what an alignment says: features that agree, and detail that agrees between them.

    A map by correlation of the whole proves nothing by itself. Where a code is as near as ``bits``, fine detail that
    agrees under it counts: it has more than ten periods a side, and no code sees more than eight.
    """
    found = []
    if geometry.inliers >= INLIERS:
        rate = rates.local_rate(geometry.inliers)
        inliers = float(geometry.inliers)
        found.append(Found(Family.LOCAL, "local features", inliers, float(INLIERS), rate))
    elif bits is None or bits > PDQ256.radius:
        return []
    if geometry.agreement >= rates.DETAIL_AGREEING:
        limit = 1 - rates.DETAIL_AGREEING
        rate = rates.detail_rate(geometry.agreement)
        found.append(Found(Family.DETAIL, "detail of aligned blocks", 1 - geometry.agreement, limit, rate))
    return found


def found_by_code(distance: int, form: str) -> Found:
    """Return what a code at ``distance`` bits says, in a form of the copy."""
    strict = distance <= PDQ256.radius
    threshold = PDQ256.radius if strict else PDQ256.wide_radius
    rate = PDQ256.false_match_rate if strict else PDQ256.wide_rate
    return Found(Family.GLOBAL, f"{PDQ256.name} {form}", float(distance), float(threshold), rate)
