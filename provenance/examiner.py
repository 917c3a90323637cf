"""Examining files in workers: whole where they are short, long films in parts, quick looks first.

A long film is cut into parts of a few minutes, so that a worker's memory does not grow with it, both workers
have work, progress is known, and a part whose worker dies is tried once more and then stated as missing; the
other parts stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Final

from provenance.errors import InputError, ProvenanceError, UnavailableError, UnmatchableError, WorkerError
from provenance.examination import Examination, FrameTrack, SoundTrack
from provenance.media.asset import Kind, MediaType
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain
from provenance.settings import Limits

#: Length of a part, seconds. Source: docs/measurements.md, long films.
PART_S: Final = 240.0
#: Length from which films are taken in parts, and in tiers when they are verified.
LONG_S: Final = 600.0
#: Tries of one part.
TRIES: Final = 2

#: Told the stage, and seconds of media done and in all.
Tell = Callable[[str, float, float], None]
#: Takes a stored reference as the worker gives it.
Keep = Callable[[object], None]


def silent(_stage: str, _done_s: float, _total_s: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a film that is examined by one job, seconds."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Outline:
    """What the headers of a film or recording say.

    Attributes:
        width: Upright width, pixels, or None without picture.
        height: Upright height, pixels, or None.
        duration_s: Length, seconds.
        picture: Whether there is a film track.
        sound: Whether there is a sound track.
        notes: What a reader should know.
    """

    width: int | None
    height: int | None
    duration_s: float
    picture: bool
    sound: bool
    notes: tuple[str, ...]


class Examiner:
    """Examines files; looks at media in workers only. Thread-safe.

    Args:
        pool: Media workers.
        limits: Limits on one file.
    """

    def __init__(self, pool: WorkerPool, limits: Limits) -> None:
        self._pool, self._limits = pool, limits

    def outline(self, path: Path, media_type: MediaType) -> Outline | None:
        """Return what the headers say of a film or recording; None of a picture."""
        if media_type.kind is Kind.IMAGE:
            return None
        answer = self._pool.run("probe", [path], {"media_type": media_type.value})
        return from_plain(Outline, answer)

    def whole(
        self,
        path: Path,
        media_type: MediaType,
        patience_s: float,
        *,
        keep: Keep | None = None,
        tell: Tell = silent,
    ) -> Examination:
        """Return the examination of a file; of a long film, joined from its parts.

        Args:
            path: The file.
            media_type: Its type.
            patience_s: Seconds one worker may take for a file that is not cut into parts.
            keep: Takes stored references in order of time; given for registration.
            tell: Told how far it is.

        Raises:
            InputError: The file cannot be read.
            UnavailableError: A worker died or ran out of time over a file that is not cut into parts.
        """
        outline = self.outline(path, media_type)
        if outline is None or not outline.picture or outline.duration_s < LONG_S:
            params = {"media_type": media_type.value, "register": keep is not None}
            callbacks = {"keep": lambda one: None if keep is None else keep(one)}
            answer = self._pool.run("examine", [path], params, timeout_s=patience_s, callbacks=callbacks)
            return from_plain(Examination, answer)
        sound, refusals = self._sound(path, outline, register=keep is not None)
        return self.joined(path, outline, sound, refusals, parts(outline.duration_s), keep=keep, tell=tell)

    def quick(self, path: Path, outline: Outline, tell: Tell = silent) -> Examination:
        """Return the examination of a long film by its sound and its key frames alone."""
        tell("sound and key frames", 0.0, outline.duration_s)
        with ThreadPoolExecutor(2) as threads:
            heard = threads.submit(self._sound, path, outline, register=False)
            seen = threads.submit(self._part, path, Part(0.0, outline.duration_s), None, keys=True)
            (sound, refusals), (frames, gap) = heard.result(), seen.result()
        return _examination(outline, frames, sound, (*refusals, *([gap] if gap else [])))

    def joined(
        self,
        path: Path,
        outline: Outline,
        sound: SoundTrack | None,
        refusals: Sequence[str],
        wanted: Sequence[Part],
        *,
        keep: Keep | None = None,
        tell: Tell = silent,
    ) -> Examination:
        """Return the examination of a film whose ``wanted`` parts are decoded in full.

        Args:
            path: The film.
            outline: What its headers say.
            sound: Its sound, examined before.
            refusals: Why parts of that cannot be matched.
            wanted: Parts of its picture, ascending.
            keep: Takes stored references in order of time; given for registration.
            tell: Told how far it is.
        """
        kept: list[list[object]] = [[] for _ in wanted]
        done_s, lock = 0.0, Lock()

        def work(number: int) -> tuple[FrameTrack | None, str]:
            nonlocal done_s
            into = None if keep is None else kept[number]
            found = self._part(path, wanted[number], into, keys=False)
            with lock:
                done_s += wanted[number].end_s - wanted[number].start_s
                tell("decoding", done_s, sum(one.end_s - one.start_s for one in wanted))
            return found

        with ThreadPoolExecutor(max(1, self._limits.workers)) as threads:
            found = list(threads.map(work, range(len(wanted))))
        for one in (one for each in kept for one in each):
            if keep is not None:
                keep(one)
        gaps = tuple(gap for _, gap in found if gap)
        track = _track([frames for frames, _ in found if frames is not None])
        return _examination(outline, track, sound, (*refusals, *gaps))

    def _part(
        self, path: Path, part: Part, kept: list[object] | None, *, keys: bool
    ) -> tuple[FrameTrack | None, str]:
        """Return the codes of a part, and why there are none; a worker that dies is replaced once."""
        params = {"start_s": part.start_s, "end_s": part.end_s, "register": kept is not None, "keys": keys}
        patience_s = self._limits.worker_seconds + (part.end_s - part.start_s)
        cause: ProvenanceError | None = None
        for _ in range(TRIES):
            fresh: list[object] = []
            callbacks = {"keep": fresh.append}
            try:
                answer = self._pool.run(
                    "examine_part", [path], params, timeout_s=patience_s, callbacks=callbacks
                )
            except InputError as error:
                cause = error
                break
            except (UnavailableError, WorkerError) as error:
                cause = error
                continue
            if kept is not None:
                kept += fresh
            return (None if answer is None else from_plain(FrameTrack, answer)), ""
        message = cause.message if cause is not None else "unknown"
        return None, f"picture: {part.start_s:.0f} to {part.end_s:.0f} s could not be looked at: {message}"

    def _sound(
        self, path: Path, outline: Outline, *, register: bool
    ) -> tuple[SoundTrack | None, tuple[str, ...]]:
        if not outline.sound:
            return None, ()
        patience_s = self._limits.worker_seconds + outline.duration_s
        cause: ProvenanceError | None = None
        for _ in range(TRIES):
            try:
                answer = self._pool.run("examine_sound", [path], {"register": register}, timeout_s=patience_s)
            except (UnmatchableError, InputError) as error:
                cause = error
                break
            except (UnavailableError, WorkerError) as error:
                cause = error
                continue
            return from_plain(SoundTrack, answer), ()
        return None, (f"sound: {cause.message if cause is not None else 'unknown'}",)


def parts(duration_s: float) -> list[Part]:
    """Return the parts of a film of that length."""
    starts = [number * PART_S for number in range(max(1, int(-(-duration_s // PART_S))))]
    made = [Part(start, min(start + PART_S, duration_s)) for start in starts]
    # The last one is open: headers may state less than there is.
    made[-1] = replace(made[-1], end_s=made[-1].end_s + PART_S)
    return made


def _track(found: Sequence[FrameTrack]) -> FrameTrack | None:
    if not found:
        return None
    return FrameTrack(b"".join(one.codes for one in found), b"".join(one.times for one in found))


def _examination(
    outline: Outline, frames: FrameTrack | None, sound: SoundTrack | None, refusals: Sequence[str]
) -> Examination:
    return Examination(
        outline.width,
        outline.height,
        outline.duration_s,
        None,
        frames,
        sound,
        refusals=tuple(refusals),
        notes=outline.notes,
    )
