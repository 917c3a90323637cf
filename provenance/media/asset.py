"""Assets: media files as values, with the type sniffed from their content."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from provenance.digest import Digest


class Kind(StrEnum):
    """The medium of an asset."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class MediaType(StrEnum):
    """The media types the product reads, by their IANA names; the value is what C2PA is told."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    TIFF = "image/tiff"
    GIF = "image/gif"
    AVIF = "image/avif"
    HEIC = "image/heic"
    MP4 = "video/mp4"
    MOV = "video/quicktime"
    WEBM = "video/webm"
    MKV = "video/x-matroska"
    AVI = "video/x-msvideo"
    WAV = "audio/wav"
    MP3 = "audio/mpeg"
    M4A = "audio/mp4"
    FLAC = "audio/flac"
    OGG = "audio/ogg"

    @property
    def kind(self) -> Kind:
        """The medium, which is the first half of the name."""
        return Kind(self.value.split("/", 1)[0])


@dataclass(frozen=True, slots=True)
class Asset:
    """A media file that was looked at.

    Attributes:
        path: Where it lies.
        media_type: Its type, sniffed from the content.
        size: Its length in bytes.
        digest: SHA-256 of all its bytes.
    """

    path: Path
    media_type: MediaType
    size: int
    digest: Digest
