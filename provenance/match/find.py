"""Find: candidates -> verified matches. Two independent families and an alignment confirm a match.

The registry is asked through :class:`provenance.match.registry.Registry`; media is looked at by the workers only.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Final, cast

import numpy as np

from provenance.evidence import Comparison, Geometry, Match
from provenance.examination import (
    FRAME_ALGORITHM,
    FRAME_REFERENCE,
    SOUND_ALGORITHM,
    SPECTRUM_REFERENCE,
    Examination,
    FrameTrack,
    SoundTrack,
)
from provenance.match import tracks
from provenance.match.candidates import FrameBook
from provenance.match.picture_finder import PictureFinder
from provenance.match.registry import Registry
from provenance.match.sounds import SoundBook
from provenance.media.asset import Kind, MediaType
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain
from provenance.settings import Limits

#: Candidates of each kind that are verified.
CANDIDATES: Final = 8
#: Frames of the copy that are aligned with stored frames, spread over the matching segments.
CHECKED_FRAMES: Final = 6


class Finder:
    """Finds registered assets that a copy comes from; its look-up books follow the ledger.

    Args:
        pool: Media workers.
        registry: The registry.
        limits: Limits on one file.
    """

    def __init__(self, pool: WorkerPool, registry: Registry, limits: Limits) -> None:
        self._pool, self._registry, self._limits = pool, registry, limits
        self._pictures = PictureFinder(pool, registry, limits)
        self._films, self._sounds = FrameBook(), SoundBook()
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
        self._pictures.take_in(after)
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
            matches = self._pictures.find(path, media_type, examination.picture)
        else:
            matches = self._find_timed(path, examination)
        return tuple(sorted(matches, key=_rank))

    # --- film and sound ----------------------------------------------------------------------------------

    def _find_timed(self, path: Path, examination: Examination) -> list[Match]:
        candidates: dict[str, None] = {}
        if examination.frames is not None:
            voted = self._films.vote(examination.frames.code_array(), examination.frames.time_array())
            candidates |= dict.fromkeys(one.asset_id for one in voted[:CANDIDATES])
        if examination.sound is not None:
            voted = self._sounds.vote(examination.sound.forms())
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


def _rank(match: Match) -> tuple[bool, int, float]:
    compared = match.comparison.compared if isinstance(match.comparison, Comparison) else 0.0
    return (not match.confirmed, -len(match.found), -compared)
