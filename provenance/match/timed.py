"""Film and recordings: candidates -> aligned tracks -> matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Alignment, Family, Found, Geometry, Match, Segment
from provenance.examination import (
    FRAME_ALGORITHM,
    FRAME_FEATURE_REFERENCE,
    FRAME_REFERENCE,
    SOUND_ALGORITHM,
    SPECTRUM_REFERENCE,
    Examination,
    FrameTrack,
    PictureExam,
    SoundTrack,
)
from provenance.match import clips, timeline, tracks
from provenance.match.align import INLIERS
from provenance.match.candidates import FrameBook
from provenance.match.film_comparer import FilmComparer, has_picture
from provenance.match.frame_votes import FeatureBook, FilmVotes
from provenance.match.interludes import Interludes, pictured
from provenance.match.registry import Registry
from provenance.match.sounds import SoundBook
from provenance.match.still import StillFinder
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain
from provenance.settings import Limits

#: Candidates of each kind that are verified, as of pictures.
CANDIDATES: Final = 8
#: Candidates by features of frames that are placed: each costs tens of comparisons of frames.
FRAMED: Final = 4
#: Votes of local features of all frames below which a film is no candidate. Source: docs/measurements.md, film.
MIN_VOTES: Final = 8.0
#: Share of the best film's votes below which another is not looked at.
LEAST_OF_BEST: Final = 0.15
#: Frames of the copy that are aligned with stored frames, spread over the matching segments.
CHECKED_FRAMES: Final = 6


class TimedFinder:
    """Finds registered films and recordings that a copy comes from.

    Args:
        pool: Media workers.
        registry: The registry.
        limits: Limits on one file.
    """

    def __init__(self, pool: WorkerPool, registry: Registry, limits: Limits) -> None:
        self._pool, self._registry, self._limits = pool, registry, limits
        self._films, self._sounds, self._features = FrameBook(), SoundBook(), FeatureBook()
        self._stills = StillFinder(pool, registry, limits, self._films, self._features)

    def take_in(self, after: int) -> None:
        """Take in what was registered after the entry ``after``."""
        frames: dict[str, list[tuple[float, bytes]]] = {}
        for asset_id, _, time_s, code in self._registry.codes_after(FRAME_ALGORITHM, after):
            frames.setdefault(asset_id, []).append((time_s or 0.0, code))
        for asset_id, rows in frames.items():
            codes = np.frombuffer(b"".join(code for _, code in rows), np.uint8).reshape(-1, 32)
            self._films.add(asset_id, codes, np.array([time_s for time_s, _ in rows]))
            self._features.add(asset_id, self._stored(asset_id, FRAME_FEATURE_REFERENCE))
        for asset_id, _, _, packed in self._registry.codes_after(SOUND_ALGORITHM, after):
            self._sounds.add(asset_id, np.frombuffer(packed, "<u4").astype(np.uint32))

    def _stored(self, asset_id: str, kind: str) -> list[tuple[float, bytes]]:
        return [(one.time_s or 0.0, one.blob) for one in self._registry.references(asset_id, kind)]

    def find_still(self, exam: PictureExam) -> list[Match]:
        """Return the registered films that a picture is a frame of, in no order."""
        return self._stills.find(exam)

    def find(self, path: Path, examination: Examination) -> list[Match]:
        """Return the registered films and recordings that the file at ``path`` comes from, in no order.

        Args:
            path: The copy.
            examination: What was taken out of it.
        """
        pictures = self._by_codes(examination)
        framed = self._by_features(path, examination, pictures)
        heard = [] if examination.sound is None else self._sounds.vote(examination.sound.forms())
        order = [*pictures, *framed, *(one.asset_id for one in heard[:CANDIDATES])]
        matches = []
        for asset_id in dict.fromkeys(order):
            record, stored = self._registry.record(asset_id), self._tracks(asset_id)
            segments, framings = framed.get(asset_id, (pictures.get(asset_id, []), []))
            match = tracks.match_tracks(record, examination, *stored, segments)
            if match is not None and framings:
                matches.append(_with_framings(match, framings))
            elif match is not None:
                matches.append(self._with_frames(path, asset_id, match))
        return [self._with_differences(path, examination, match) for match in matches]

    def like(self, asset_id: str) -> list[str]:
        """Return the registrations, itself too, whose stored codes agree with those of ``asset_id``, nearest first."""
        track, sound = self._films.track(asset_id), self._sounds.track(asset_id)
        seen = [] if track is None else self._films.vote(track.code_array(), track.time_array())
        heard = [] if sound is None else self._sounds.vote([sound])
        return list(dict.fromkeys(one.asset_id for one in (*seen[:CANDIDATES], *heard[:CANDIDATES])))

    def _with_differences(self, path: Path, examination: Examination, match: Match) -> Match:
        """Return a match, if it is confirmed, compared with stored frames, and with what lies beside its parts told."""
        frames, duration_s = examination.frames, examination.duration_s or 0.0
        if not match.confirmed or not has_picture(match) or frames is None:
            return match
        patience_s = self._patience_s(duration_s)
        stored = self._stored(match.record.asset_id, FRAME_REFERENCE)
        track, sound = self._tracks(match.record.asset_id)
        comparer = FilmComparer(self._pool, path, patience_s)
        interludes = Interludes(self._pool, path, patience_s, frames, duration_s)
        compared, unlaid = comparer.compared(match, stored)
        pieces = interludes.pieces(match, unlaid, stored) if unlaid else []
        if unlaid and pieces != list(pictured(match)):
            # Stretches of another picture had been taken for the original's: all that rests on them is told anew.
            again = tracks.match_tracks(match.record, examination, track, sound, pieces)
            if again is None or not pieces:
                return match if again is None else again
            compared, _ = comparer.compared(tracks.with_local(again, match), stored)
        compared = tracks.clipped(compared, examination.duration_s)
        return compared if track is None else interludes.told(compared, track, stored)

    def _by_codes(self, examination: Examination) -> dict[str, list[Segment]]:
        """Return the picture segments of each film that shares whole-picture codes with the copy."""
        frames = examination.frames
        if frames is None:
            return {}
        found = {}
        copy: tuple[NDArray[np.uint8], NDArray[np.float64]] = frames.code_array(), frames.time_array()
        for one in self._films.vote(*copy)[:CANDIDATES]:
            track = self._films.track(one.asset_id)
            if track is not None:
                found[one.asset_id] = timeline.align_frames(*copy, track.code_array(), track.time_array())
        return found

    def _by_features(
        self, path: Path, examination: Examination, pictures: Mapping[str, list[Segment]]
    ) -> dict[str, tuple[list[Segment], list[clips.Framing]]]:
        """Return segments and framings of films that local features lead to, where codes leave a rest."""
        duration_s = examination.duration_s or 0.0
        covered = [segment for each in pictures.values() for segment in each]
        if examination.frames is None or clips.explained(covered, duration_s) >= clips.EXPLAINED:
            return {}
        aligner = clips.ClipAligner(self._pool, path, self._patience_s(duration_s))
        voted = self._features.vote(aligner.views(clips.view_times(duration_s)))
        found = {}
        for one in voted[:FRAMED]:
            if one.votes >= max(MIN_VOTES, voted[0].votes * LEAST_OF_BEST):
                segments, framings = self._framed(aligner, one, pictures.get(one.asset_id, []), duration_s)
                if framings:
                    found[one.asset_id] = segments, framings
        return found

    def _framed(
        self, aligner: clips.ClipAligner, votes: FilmVotes, known: list[Segment], duration_s: float
    ) -> tuple[list[Segment], list[clips.Framing]]:
        stored = self._stored(votes.asset_id, FRAME_REFERENCE)
        framings = aligner.framings(votes.places, stored)
        times = clips.place_times(votes, framings)
        tried: list[tuple[float, clips.Framing, list[Segment]]] = []
        for one in framings:
            framing, found = one, aligner.segments(one, stored, times)
            if clips.explained(found, duration_s) < clips.PLACED_SHARE:
                framing = aligner.timed(one, stored, duration_s)
                found = aligner.segments(framing, stored, times) if framing is not one else found
            sharper = framing
            if found and clips.moved(framing, sharper := aligner.sharpened(framing, found, stored)):
                found = aligner.segments(sharper, stored, times)
            tried.append((clips.explained(found, duration_s), sharper, found))
            if tried[-1][0] >= clips.EXPLAINED:
                break
        # One framing that explains most of the copy before several that explain parts of it.
        segments, told = known, list[clips.Framing]()
        for _, sharper, found in sorted(tried, key=lambda one: -one[0]):
            more = clips.merged(segments, found)
            if len(more) > len(segments):
                told.append(sharper)
            segments = more
        return aligner.certain(segments, stored), told

    def _patience_s(self, duration_s: float) -> float:
        """Return the seconds a worker may take for one look at a film: real time at the worst."""
        return self._limits.worker_seconds * 2 + duration_s

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
        pairs = tracks.frame_pairs(match, self._stored(asset_id, FRAME_REFERENCE), CHECKED_FRAMES)
        if not pairs:
            return match
        params = {"pairs": [{"time_s": time_s, "blob": blob} for time_s, blob in pairs]}
        patience_s = self._limits.worker_seconds * 2
        answers = cast("list[object]", self._pool.run("compare_frames", [path], params, timeout_s=patience_s))
        geometries = [from_plain(Geometry, answer) for answer in answers if answer is not None]
        return tracks.with_geometries(match, geometries, len(pairs))


def _with_framings(match: Match, framings: Sequence[clips.Framing]) -> Match:
    placed = sum(len(one.placed) for one in framings)
    best = max((one.geometry for one in framings), key=lambda one: one.inliers)
    method = f"local features in {placed} frames"
    found = Found(Family.LOCAL, method, float(best.inliers), float(INLIERS))
    alignment = match.alignment or Alignment()
    return replace(match, found=(*match.found, found), alignment=replace(alignment, geometry=best))
