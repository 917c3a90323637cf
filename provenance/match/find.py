"""Find: candidates -> verified matches. Two independent families and an alignment confirm a match.

The registry is asked through :class:`Registry`; media is looked at by the workers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final, Protocol, cast

import numpy as np

from provenance.evidence import Alignment, Comparison, Family, Found, Geometry, Match, Record
from provenance.examination import (
    FEATURE_REFERENCE,
    FRAME_ALGORITHM,
    FRAME_REFERENCE,
    PICTURE_REFERENCE,
    SOUND_ALGORITHM,
    SPECTRUM_REFERENCE,
    Examination,
    FrameTrack,
    PictureExam,
    SoundTrack,
)
from provenance.fingerprint.code import PDQ256
from provenance.match import tracks
from provenance.match.align import INLIERS
from provenance.match.candidates import Candidate, FrameBook, SoundBook
from provenance.match.pictures import PictureBook
from provenance.media.asset import Kind, MediaType
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain
from provenance.settings import Limits

#: Candidates of each kind that are verified. Source: docs/measurements.md#matching: the original is among the
#: first five by votes in 98 of 100 hard attacks.
CANDIDATES: Final = 8
#: Votes of local descriptors below which an asset is no candidate: two stray hits are common.
MIN_VOTES: Final = 3.0
#: Frames of the copy that are aligned with stored frames, spread over the matching segments.
CHECKED_FRAMES: Final = 6


class LedgerHead(Protocol):
    """The head of the ledger, as far as finding needs it."""

    @property
    def size(self) -> int:
        """Number of entries."""


class StoredPart(Protocol):
    """A stored reference."""

    @property
    def blob(self) -> bytes:
        """Its bytes."""

    @property
    def time_s(self) -> float | None:
        """Its time in the film, seconds, or None."""


class Registry(Protocol):
    """What finding needs of the registry."""

    def head(self) -> LedgerHead:
        """Return the head of the ledger."""

    def codes_after(self, algorithm: str, index: int) -> Iterable[tuple[str, int, float | None, bytes]]:
        """Yield (asset_id, entry index, time, code) of entries after ``index``, in order of entries."""

    def references(self, asset_id: str, kind: str) -> Sequence[StoredPart]:
        """Return the stored references of a kind with their times."""

    def record(self, asset_id: str) -> Record:
        """Return the registered asset."""


class Finder:
    """Finds registered assets that a copy comes from; its look-up books follow the ledger.

    Args:
        pool: Media workers.
        registry: The registry.
        limits: Limits on one file.
    """

    def __init__(self, pool: WorkerPool, registry: Registry, limits: Limits) -> None:
        self._pool, self._registry, self._limits = pool, registry, limits
        self._pictures, self._films, self._sounds = PictureBook(), FrameBook(), SoundBook()
        self._seen, self._lock = 0, Lock()

    def refresh(self) -> int:
        """Take in what was registered since the last call; return the ledger size the books now cover."""
        with self._lock:
            size = self._registry.head().size
            if size > self._seen:
                self._take_in(self._seen - 1)
                self._seen = size
            return self._seen

    def _take_in(self, after: int) -> None:
        pictures = []
        for asset_id, _, _, code in self._registry.codes_after(PDQ256.name, after):
            stored = self._registry.references(asset_id, FEATURE_REFERENCE)
            pictures.append((asset_id, code, stored[0].blob if stored else None))
        self._pictures.add(pictures)
        frames: dict[str, list[tuple[float, bytes]]] = {}
        for asset_id, _, time_s, code in self._registry.codes_after(FRAME_ALGORITHM, after):
            frames.setdefault(asset_id, []).append((time_s or 0.0, code))
        for asset_id, rows in frames.items():
            codes = np.frombuffer(b"".join(code for _, code in rows), np.uint8).reshape(-1, 32)
            self._films.add(asset_id, codes, np.array([time_s for time_s, _ in rows]))
        for asset_id, _, _, packed in self._registry.codes_after(SOUND_ALGORITHM, after):
            self._sounds.add(asset_id, np.frombuffer(packed, "<u4").astype(np.uint32))

    def find(self, path: Path, media_type: MediaType, examination: Examination) -> tuple[Match, ...]:
        """Return the registered assets the copy comes from, confirmed ones first."""
        self.refresh()
        if media_type.kind is Kind.IMAGE:
            if examination.picture is None:
                return ()
            matches = self._find_picture(path, media_type, examination.picture)
        else:
            matches = self._find_timed(path, examination)
        return tuple(sorted(matches, key=_rank))

    # --- pictures ----------------------------------------------------------------------------------------

    def _find_picture(self, path: Path, media_type: MediaType, exam: PictureExam) -> list[Match]:
        forms = [(code.value, code.form) for code in exam.codes if code.algorithm == PDQ256.name]
        by_code = self._pictures.by_code(forms, PDQ256.wide_radius)[:CANDIDATES]
        views = [(view.features, view.form) for view in exam.views]
        voted = [one for one in self._pictures.by_features(views) if one.votes >= MIN_VOTES][:CANDIDATES]
        near = {one.asset_id: one for one in by_code}
        chosen = list(near.values()) + [one for one in voted if one.asset_id not in near]
        if not chosen:
            return []
        answers = self._compare_picture(path, media_type, chosen)
        made = (self._picture_match(one, answer) for one, answer in zip(chosen, answers, strict=True))
        return [match for match in made if match is not None]

    def _compare_picture(
        self, path: Path, media_type: MediaType, chosen: Sequence[Candidate]
    ) -> list[Mapping[str, object] | None]:
        candidates = []
        for one in chosen:
            record = self._registry.record(one.asset_id)
            [stored] = self._registry.references(one.asset_id, PICTURE_REFERENCE)
            candidates.append({"blob": stored.blob, "width": record.width, "height": record.height})
        params = {"media_type": media_type.value, "candidates": candidates}
        patience_s = self._limits.worker_seconds * 2
        answers = self._pool.run("compare_picture", [path], params, timeout_s=patience_s)
        return cast("list[Mapping[str, object] | None]", answers)

    def _picture_match(self, one: Candidate, answer: Mapping[str, object] | None) -> Match | None:
        record, found = self._registry.record(one.asset_id), []
        if one.distance is not None:
            found.append(_global(one.distance, one.form))
        if answer is None:
            return Match(record, tuple(found)) if found else None
        geometry = from_plain(Geometry, answer["geometry"])
        if (
            geometry.inliers >= INLIERS
        ):  # correlation alone sees what the whole-picture codes see: no family of its own
            found.append(Found(Family.LOCAL, "local features", float(geometry.inliers), float(INLIERS)))
        aligned = cast("int | None", answer["aligned_distance"])
        if one.distance is None and aligned is not None and aligned <= PDQ256.wide_radius:
            found.append(_global(aligned, "after alignment"))
        comparison = from_plain(Comparison, answer["comparison"])
        comparison = replace(comparison, map_png=cast("bytes | None", answer["map_png"]))
        return Match(record, tuple(found), Alignment(geometry=geometry), comparison)

    # --- film and sound ----------------------------------------------------------------------------------

    def _find_timed(self, path: Path, examination: Examination) -> list[Match]:
        candidates: dict[str, None] = {}
        if examination.frames is not None:
            voted = self._films.vote(examination.frames.code_array(), examination.frames.time_array())
            candidates |= dict.fromkeys(one.asset_id for one in voted[:CANDIDATES])
        if examination.sound is not None:
            voted = self._sounds.vote(examination.sound.code_array())
            candidates |= dict.fromkeys(one.asset_id for one in voted[:CANDIDATES])
        matches = []
        for asset_id in candidates:
            match = tracks.match_tracks(self._registry.record(asset_id), examination, *self._tracks(asset_id))
            if match is not None:
                matches.append(self._with_frames(path, asset_id, match))
        return matches

    def _tracks(self, asset_id: str) -> tuple[FrameTrack | None, SoundTrack | None]:
        frames = self._films.track(asset_id)
        codes = self._sounds.track(asset_id)
        if codes is None:
            return frames, None
        spectrum = b"".join(one.blob for one in self._registry.references(asset_id, SPECTRUM_REFERENCE))
        duration_s = self._registry.record(asset_id).duration_s or 0.0
        return frames, SoundTrack(codes.astype("<u4").tobytes(), spectrum, duration_s)

    def _with_frames(self, path: Path, asset_id: str, match: Match) -> Match:
        """Return the match with the geometry of frames that align, which is a family of its own."""
        stored = [
            (one.time_s or 0.0, one.blob) for one in self._registry.references(asset_id, FRAME_REFERENCE)
        ]
        pairs = tracks.frame_pairs(match, stored, CHECKED_FRAMES)
        if not pairs:
            return match
        params = {"pairs": [{"time_s": time_s, "blob": blob} for time_s, blob in pairs]}
        patience_s = self._limits.worker_seconds * 2
        answers = cast("list[object]", self._pool.run("compare_frames", [path], params, timeout_s=patience_s))
        geometries = [from_plain(Geometry, answer) for answer in answers if answer is not None]
        return tracks.with_geometries(match, geometries, len(pairs))


def _global(distance: int, form: str) -> Found:
    strict = distance <= PDQ256.radius
    threshold = PDQ256.radius if strict else PDQ256.wide_radius
    rate = PDQ256.false_match_rate if strict else PDQ256.wide_rate
    return Found(Family.GLOBAL, f"{PDQ256.name} {form}", float(distance), float(threshold), rate)


def _rank(match: Match) -> tuple[bool, int, float]:
    compared = match.comparison.compared if isinstance(match.comparison, Comparison) else 0.0
    return (not match.confirmed, -len(match.found), -compared)
