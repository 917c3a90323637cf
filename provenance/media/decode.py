"""Pixels and sound out of media files; the only user of PyAV. Pictures are read in the neighbour ``picture``.

Runs in a media worker. Frames and sound come as iterators of bounded memory, on one clock: seconds since the earliest
start of any track. The sniffed type fixes the demuxer, so no playlist and no other file is opened on behalf of media.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, Final

import av
import av.error
import av.subtitles.codeccontext
import av.subtitles.stream  # PyAV imports it with the first container, when files are out of reach
import av.subtitles.subtitle
import numpy as np
import numpy.typing as npt
import pi_heif

from provenance.errors import MediaError
from provenance.media import containers
from provenance.media.asset import Kind, MediaType, sniff_file
from provenance.media.picture import (
    DECODE_PATH,
    Picture,
    Rgb,
    encode_jpeg,
    encode_png,
    encode_webp,
    picture_size,
    read_picture,
)
from provenance.media.structure import check_structure
from provenance.media.track import Moments, Probe, Ticks, check_duration, check_frame, square_size
from provenance.settings import Limits

__all__ = [
    "DECODE_PATH",
    "Picture",
    "Probe",
    "encode_jpeg",
    "encode_png",
    "encode_webp",
    "picture_size",
    "probe",
    "read_frames",
    "read_key_frames",
    "read_moments",
    "read_picture",
    "read_sound",
]

pi_heif.register_heif_opener()

#: Undecodable packets after which a track is given up; a player would stop long before.
MAX_DAMAGED_PACKETS: Final = 100
#: Decoding threads per track. Frame threads gain 1.6 with two cores (measured); slices gain nothing.
_THREADS: Final = 2
#: Seconds to step back before a wanted start, so that the frame nearest to the first tick is not missed.
_LEAD_S: Final = 1.0
#: Least time between two key frames that are looked at, seconds: films of nothing but key frames exist.
_KEY_STEP_S: Final = 0.5
#: Gap between wanted times from which the film is wound forward instead of decoded, seconds.
_WIND_S: Final = 12.0
_DEFAULT_LIMITS: Final = Limits()

Sound = npt.NDArray[np.float32]
#: Takes a sentence about something a reader should know.
Note = Callable[[str], None]


def probe(file: BinaryIO, media_type: MediaType, limits: Limits) -> Probe:
    """Return what the headers say; the position of ``file`` is undefined afterwards.

    Args:
        file: The media.
        media_type: Its sniffed type; no other demuxer is tried.
        limits: Duration, side and pixels are checked, whatever else the file holds.

    Raises:
        MediaError: The file cannot be read as ``media_type``, or holds no picture and no sound.
        LimitError: Over a limit.

    Source: security.md SR-12.
    """
    check_structure(file, media_type)
    if media_type.kind is Kind.IMAGE:
        width, height = picture_size(file, media_type, limits)
        return Probe(0.0, width, height, has_picture=True, has_sound=False)
    with containers.opened(file, media_type) as container:
        films, sounds = containers.tracks(container)
        notes = []
        if films and media_type.kind is Kind.AUDIO:
            films = []
            notes.append("the recording holds a film track as well, which was not looked at")
        if not films and not sounds:
            raise MediaError(f"expected a picture or sound track in {media_type.value}, found none")
        width, height = _checked_size(films[0], limits) if films else (0, 0)
        for kind, own in (("picture", films), ("sound", sounds)):
            if len(own) > 1:
                notes.append(f"the file holds {len(own)} {kind} tracks; only the first was looked at")
        duration_s = containers.duration(container)
        check_duration(duration_s, limits)
        return Probe(
            duration_s,
            width,
            height,
            has_picture=bool(films),
            has_sound=bool(sounds),
            fps=float(films[0].average_rate or 0) if films else 0.0,
            sample_rate=int(sounds[0].codec_context.sample_rate or 0) if sounds else 0,
            notes=tuple(notes),
            tags=tuple(container.metadata.items()),
        )


def read_frames(
    file: BinaryIO,
    rate_hz: float = 2.0,
    max_side: int = 512,
    start_s: float | None = None,
    end_s: float | None = None,
    *,
    limits: Limits = _DEFAULT_LIMITS,
    on_note: Note | None = None,
) -> Iterator[tuple[float, Rgb]]:
    """Yield for each tick k / ``rate_hz`` the frame shown nearest to it, in bounded memory.

    Where frames are further apart than ticks, the same frame is yielded again. The grid does not depend on
    ``start_s``: parts read alone equal the same parts of the whole.

    Args:
        file: The film; its type is sniffed.
        rate_hz: Ticks per second of media time.
        max_side: Longest side of the frames, pixels; smaller films are not enlarged.
        start_s: Earliest tick; default the beginning.
        end_s: First time without a tick; default the end.
        limits: Duration, side and pixels, checked on every frame.
        on_note: Told about damaged packets that were left out.

    Yields:
        Time of the tick, seconds; frame, uint8, shape (H, W, 3), upright (display matrix), square pixels.

    Raises:
        MediaError: No picture track, or nothing of it can be decoded. LimitError: Over a limit.
    """
    ticks = Ticks(rate_hz, start_s or 0.0, end_s if end_s is not None else math.inf)
    yield from _shown_at(file, ticks, start_s or 0.0, max_side, limits, on_note)


def read_moments(
    file: BinaryIO,
    times: Sequence[float],
    max_side: int = 512,
    *,
    within_s: float = math.inf,
    limits: Limits = _DEFAULT_LIMITS,
) -> Iterator[tuple[float, Rgb]]:
    """Yield for each of some times the frame shown nearest to it; see :func:`read_frames`.

    Args:
        file: The film; its type is sniffed.
        times: Seconds, ascending; those after the end have no frame. What lies close together is decoded once.
        max_side: Longest side of the frames, pixels.
        within_s: Times with no frame that near have none: a film of six frames a second shows no moment exactly.
        limits: Duration, side and pixels, checked on every frame.

    Raises:
        MediaError: No picture track, or nothing of it can be decoded. LimitError: Over a limit.
    """
    group: list[float] = []
    for at, time_s in enumerate(times):
        group.append(time_s)
        if at + 1 == len(times) or times[at + 1] - time_s > _WIND_S:
            yield from _shown_at(file, Moments(group, within_s), max(group[0], 0.0), max_side, limits, None)
            group = []


def read_key_frames(
    file: BinaryIO, max_side: int = 512, *, limits: Limits = _DEFAULT_LIMITS
) -> Iterator[tuple[float, Rgb]]:
    """Yield the key frames of a film, at most two a second: a tenth of the cost of decoding all.

    Arguments and errors are those of :func:`read_frames`.
    """
    last_s = -math.inf
    with containers.opened(file, sniff_file(file)) as container:
        films = containers.tracks(container)[0]
        if not films:
            raise MediaError("expected a film, found no picture track")
        track = films[0]
        _checked_size(track, limits)
        track.codec_context.skip_frame = "NONKEY"
        make = _FrameMaker(track, max_side, limits)
        for time_s, frame in _timed(container, track, _displayed(track), limits, None):
            if time_s - last_s >= _KEY_STEP_S:
                yield time_s, make.rgb(frame)
                last_s = time_s
        if last_s < 0:
            raise MediaError("the picture track holds no key frame that can be decoded")


def _shown_at(
    file: BinaryIO,
    ticks: Ticks | Moments,
    start_s: float,
    max_side: int,
    limits: Limits,
    on_note: Note | None,
) -> Iterator[tuple[float, Rgb]]:
    last: tuple[float, Any] | None = None
    with containers.opened(file, sniff_file(file)) as container:
        films = containers.tracks(container)[0]
        if not films:
            raise MediaError("expected a film, found no picture track")
        track, shown = films[0], _displayed(films[0])
        _checked_size(track, limits)
        _seek(container, start_s)
        make = _FrameMaker(track, max_side, limits)
        for time_s, frame in _timed(container, track, shown, limits, on_note):
            for tick in ticks.up_to(time_s):
                near_s, nearer = (time_s, frame) if last is None or time_s - tick < tick - last[0] else last
                if abs(near_s - tick) <= ticks.within_s:
                    yield tick, make.rgb(nearer)
            last = (time_s, frame)
            if ticks.done:
                return
        if last is None:
            raise MediaError("the picture track holds no frame that can be decoded")
        for tick in ticks.up_to(last[0] + min(shown / 2, ticks.within_s)):
            yield tick, make.rgb(last[1])


def read_sound(
    file: BinaryIO,
    rate_hz: int = 11_025,
    start_s: float | None = None,
    end_s: float | None = None,
    *,
    limits: Limits = _DEFAULT_LIMITS,
    on_note: Note | None = None,
) -> Iterator[Sound]:
    """Yield the first sound track as mono at ``rate_hz``, in chunks of bounded size.

    A track that starts after the picture is preceded by silence, so that sample n belongs to the time
    n / ``rate_hz`` of the clock of :func:`read_frames`.

    Args:
        file: The film or recording; its type is sniffed.
        rate_hz: Samples per second of the result.
        start_s: Time of the first sample; default 0.
        end_s: Time after the last sample; default the end.
        limits: Duration, checked on the samples themselves.
        on_note: Told about damaged packets that were left out.

    Yields:
        float32, shape (N,), mean of the channels; full scale is -1..1, lossy codecs overshoot it.

    Raises:
        MediaError: There is no sound track or nothing of it can be decoded.
        LimitError: Longer than the limit.
    """
    first, end = round((start_s or 0.0) * rate_hz), None if end_s is None else round(end_s * rate_hz)
    at = 0
    with containers.opened(file, sniff_file(file)) as container:
        _films, sounds = containers.tracks(container)
        if not sounds:
            raise MediaError("expected sound, found no sound track")
        for chunk in _mono(container, sounds[0], rate_hz, limits, on_note):
            begin, at = at, at + len(chunk)
            check_duration(at / rate_hz, limits)
            part = chunk[max(first - begin, 0) : None if end is None else max(end - begin, 0)]
            if len(part):
                yield part
            if end is not None and at >= end:
                return
    if not at:
        raise MediaError("the sound track holds nothing that can be decoded")


# --- tracks ----------------------------------------------------------------------------------------------


def _checked_size(track: Any, limits: Limits) -> tuple[int, int]:
    width, height = int(track.codec_context.width), int(track.codec_context.height)
    check_frame(width, height, limits)
    return square_size(width, height, track.codec_context.sample_aspect_ratio)


def _displayed(track: Any) -> float:
    """Seconds a frame is shown, from the mean rate; a tenth of a second where it is unknown."""
    rate = track.average_rate or track.guessed_rate
    return float(1 / rate) if rate else 0.1


def _seek(container: Any, start_s: float) -> None:
    if start_s <= _LEAD_S:
        return
    offset = int((containers.zero(container) + start_s - _LEAD_S) * av.time_base)
    # Without an index decoding begins at the beginning, and the ticks before the start are passed over.
    with contextlib.suppress(av.error.FFmpegError):
        container.seek(offset)


# --- frames ----------------------------------------------------------------------------------------------


def _packets(container: Any, track: Any, on_note: Note | None) -> Iterator[Any]:
    """Yield what ``track`` decodes to, leaving out damaged packets."""
    track.codec_context.thread_type = "FRAME"
    track.codec_context.thread_count = _THREADS
    damaged = 0
    for packet in container.demux(track):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            damaged += 1
            if damaged >= MAX_DAMAGED_PACKETS:
                break
    if damaged and on_note is not None:
        on_note(f"{damaged} damaged packets of the {track.type} track were left out")


def _timed(
    container: Any, track: Any, shown_s: float, limits: Limits, on_note: Note | None
) -> Iterator[tuple[float, Any]]:
    """Yield frames with their times, which never run backwards."""
    zero, time_s = containers.zero(container), -shown_s
    for frame in _packets(container, track, on_note):
        stamp = frame.pts if frame.pts is not None else frame.dts
        # A frame without any time stamp (some AVI files) follows its predecessor at the mean rate.
        found = time_s + shown_s if stamp is None else float(stamp * frame.time_base) - zero
        time_s = max(time_s, found)
        check_duration(time_s, limits)
        yield time_s, frame


class _FrameMaker:
    """Turns decoded frames into upright RGB arrays of bounded size; remembers the last one made."""

    def __init__(self, track: Any, max_side: int, limits: Limits) -> None:
        self._aspect = track.codec_context.sample_aspect_ratio
        self._max_side, self._limits = max_side, limits
        self._last: tuple[Any, Rgb] | None = None

    def rgb(self, frame: Any) -> Rgb:
        """Return ``frame`` as uint8, shape (H, W, 3)."""
        if self._last is not None and self._last[0] is frame:
            return self._last[1]
        check_frame(frame.width, frame.height, self._limits)
        width, height = square_size(frame.width, frame.height, self._aspect)
        scale = min(1.0, self._max_side / max(width, height))
        small = frame.reformat(
            width=max(1, round(width * scale)),
            height=max(1, round(height * scale)),
            format="rgb24",
            interpolation="AREA",
        )
        upright = np.rot90(small.to_ndarray(), k=round(frame.rotation / 90) % 4)
        made = np.ascontiguousarray(upright, np.uint8)
        self._last = (frame, made)
        return made


# --- sound -----------------------------------------------------------------------------------------------


def _mono(container: Any, track: Any, rate_hz: int, limits: Limits, on_note: Note | None) -> Iterator[Sound]:
    resampler: Any = None
    layout = None
    for frame in _packets(container, track, on_note):
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        if layout is None and frame.pts is not None and frame.time_base:
            lead_s = float(frame.pts * frame.time_base) - containers.zero(container)
            check_duration(lead_s, limits)
            yield from _silence(round(lead_s * rate_hz), rate_hz)
        if found != layout:  # recordings put together from parts change their rate or channels midway
            if resampler is not None:
                yield from _arrays(resampler.resample(None))
            # More than two channels are mixed to two by FFmpeg's weights; the mean of two keeps the level that
            # a mono version of the same sound has, where FFmpeg's own mono is 3 dB louder.
            kept = frame.layout.name if frame.layout.nb_channels <= 2 else "stereo"
            resampler, layout = av.AudioResampler(format="fltp", layout=kept, rate=rate_hz), found
        yield from _arrays(resampler.resample(frame))
    if resampler is not None:
        yield from _arrays(resampler.resample(None))


def _silence(count: int, chunk: int) -> Iterator[Sound]:
    while count > 0:
        yield np.zeros(min(count, chunk), np.float32)
        count -= chunk


def _arrays(frames: list[Any]) -> Iterator[Sound]:
    for frame in frames:
        yield frame.to_ndarray().mean(axis=0, dtype=np.float32)
