"""Containers: opening one by its sniffed type, and what its headers say of tracks, clock and length.

Uses PyAV beside :mod:`provenance.media.decode`. The demuxer is fixed by the type, so that no playlist and no
other file is ever opened on behalf of the media.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import av
import av.error
from av.stream import Disposition

from provenance.errors import LimitError, MediaError, UnsupportedError
from provenance.media.asset import MediaType

#: Most tracks of any kind in one file; films with many languages reach about 40.
MAX_TRACKS: Final = 64
_DEMUXER: Final = {
    MediaType.MP4: "mov",
    MediaType.MOV: "mov",
    MediaType.M4A: "mov",
    MediaType.WEBM: "matroska",
    MediaType.MKV: "matroska",
    MediaType.AVI: "avi",
    MediaType.WAV: "wav",
    MediaType.MP3: "mp3",
    MediaType.FLAC: "flac",
    MediaType.OGG: "ogg",
}
# "none" is no protocol: whatever a demuxer would open beside the given file object is refused.
_OPTIONS: Final = {"protocol_whitelist": "none", "enable_drefs": "0", "max_streams": str(MAX_TRACKS)}


@contextlib.contextmanager
def opened(file: BinaryIO, media_type: MediaType) -> Iterator[Any]:
    """Give the open container of a film or recording, closed at the end of the block.

    Raises:
        UnsupportedError: The type is neither film nor recording.
        MediaError: The file cannot be read as that type, here or later in the block.
    """
    if media_type not in _DEMUXER:
        raise UnsupportedError(f"expected a film or recording, found {media_type.value}")
    file.seek(0)
    try:
        with av.open(
            file, format=_DEMUXER[media_type], container_options=dict(_OPTIONS), metadata_errors="replace"
        ) as container:
            yield container
    except (
        av.error.FFmpegError,
        av.error.InvalidDataError,
        ValueError,
        IndexError,
        ArithmeticError,
    ) as cause:
        raise MediaError(
            f"{media_type.value} cannot be decoded: {cause}"[:300], hint="the file is damaged; fetch it again"
        ) from cause


def tracks(container: Any) -> tuple[list[Any], list[Any]]:
    """Return the picture tracks, without cover pictures, and the sound tracks that can be decoded.

    Raises:
        LimitError: Over :data:`MAX_TRACKS` tracks.
    """
    if len(container.streams) > MAX_TRACKS:
        raise LimitError(f"expected at most {MAX_TRACKS} tracks, found {len(container.streams)}")
    cover = Disposition.attached_pic | Disposition.timed_thumbnails
    films = [track for track in container.streams.video if not track.disposition & cover]
    decodable = [track for track in films if track.codec_context is not None]
    return decodable, [track for track in container.streams.audio if track.codec_context is not None]


def zero(container: Any) -> float:
    """Time stamp, in seconds, of the earliest start of any track: the zero of the clock."""
    return float(container.start_time or 0) / av.time_base


def duration(container: Any) -> float:
    """Return the length in seconds; where the header has none, the packets are read through."""
    if container.duration is not None and container.duration > 0:
        return float(container.duration) / av.time_base
    began, last = zero(container), 0.0
    for packet in container.demux():  # no length in the header: read the time stamps, without decoding
        if packet.pts is not None and packet.time_base:
            last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base) - began)
    return last
