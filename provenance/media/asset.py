"""Assets: media files as values, with the type sniffed from their content."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from provenance.digest import BLOCK_BYTES, Digest
from provenance.errors import InputError, LimitError, MediaError, UnsupportedError
from provenance.settings import Limits

#: Bytes of the head of a file that :func:`sniff` looks at.
SNIFF_BYTES = 4096
_ID3_HEAD = 10


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


_READABLE = "JPEG, PNG, WebP, TIFF, GIF, AVIF, HEIC, MP4, MOV, WebM, MKV, AVI, WAV, MP3, M4A, FLAC and Ogg"

# Leading bytes that decide a type by themselves. Sources: the formats' own specifications.
_MAGIC = (
    (b"\xff\xd8\xff", MediaType.JPEG),
    (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
    (b"GIF87a", MediaType.GIF),
    (b"GIF89a", MediaType.GIF),
    (b"fLaC", MediaType.FLAC),
    (b"OggS", MediaType.OGG),
    (b"ID3", MediaType.MP3),
)
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_RIFF = {b"WAVE": MediaType.WAV, b"WEBP": MediaType.WEBP, b"AVI ": MediaType.AVI}
# Brands of ISO/IEC 14496-12 files (registry: mp4ra.org). The first one listed in the file that is known wins.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), MediaType.AVIF),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), MediaType.HEIC),
    **dict.fromkeys((b"M4A ", b"M4B ", b"F4A "), MediaType.M4A),
    b"qt  ": MediaType.MOV,
    **dict.fromkeys(
        (b"isom", b"avc1", b"mp41", b"mp42", b"M4V ", b"M4VH", b"M4VP", b"dash", b"f4v ", b"MSNV", b"cmfc"),
        MediaType.MP4,
    ),
}
_BRAND_FAMILY = re.compile(rb"iso[2-9a-c]|3g[gp2e][0-9a-z]|3gp[0-9]")
_OLD_MOVIE = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
# What refused content looks like, so that the refusal can say so.
_FOREIGN = (
    (b"%PDF-", "a PDF document"),
    (b"8BPS", "a Photoshop picture (PSD)"),
    (b"%!PS", "PostScript or EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"),
    (b"\x01\x00\x09\x00\x00", "a Windows metafile (WMF)"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE document or FlashPix picture"),
    (b"PK\x03\x04", "a ZIP archive or Office document"),
    (b"\x1f\x8b", "gzip data"),
    (b"#EXTM3U", "a playlist (M3U8)"),
    (b"ffconcat", "a playlist (ffconcat)"),
    (b"BM", "a BMP picture"),
    (b"\x00\x00\x01\x00", "an icon (ICO)"),
    (b"FLV\x01", "Flash video (FLV)"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (ASF)"),
    (b"\x00\x00\x01\xba", "an MPEG programme stream"),
    (b"FORM", "AIFF sound"),
    (b"wvpk", "WavPack sound"),
    (b"MThd", "MIDI"),
    (b"RF64", "RF64 sound"),
    (b"RIFX", "big-endian RIFF"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#!", "a script"),
)
_MARKUP = (
    (re.compile(rb"(?s)\s*<.{0,1000}?<?svg[\s>]", re.IGNORECASE), "an SVG drawing, which can carry scripts"),
    (re.compile(rb"\s*<(!doctype html|html|head|body|script|iframe|!--)", re.IGNORECASE), "HTML"),
    (re.compile(rb"\s*<\?xml", re.IGNORECASE), "XML"),
)
_DOCTYPE = re.compile(rb"\x42\x82[\x84-\x90](webm|matroska)")
_DOCTYPES = {b"webm": MediaType.WEBM, b"matroska": MediaType.MKV}


def sniff(head: bytes) -> MediaType:
    """Return the media type of a file that begins with ``head``; names and declarations play no part.

    Args:
        head: The first ``SNIFF_BYTES`` of the file, or all of a shorter one.

    Raises:
        MediaError: ``head`` is empty.
        UnsupportedError: The content is of no type the product reads; the message says what it looks like.

    Source: security.md SR-13.
    """
    if not head:
        raise MediaError("expected media, found an empty file", hint="check that the file was copied whole")
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    found = _container(head) or (MediaType.MP3 if _is_mp3_frame(head) else None)
    if found is not None:
        return found
    raise UnsupportedError(
        f"expected one of the media types read, found {_foreign(head)}", hint=f"types read: {_READABLE}"
    )


def sniff_file(file: BinaryIO) -> MediaType:
    """Return the media type of an open file as :func:`sniff` does, seeing through an ID3 tag before FLAC.

    The engine puts the manifest of FLAC into such a tag, which MP3 begins with too. Moves the position of ``file``.

    Raises:
        MediaError: The file is empty.
        UnsupportedError: The content is of no type the product reads.
    """
    file.seek(0)
    head = file.read(SNIFF_BYTES)
    found = sniff(head)
    if head.startswith(b"ID3") and len(head) >= _ID3_HEAD:
        file.seek(_ID3_HEAD + id3_length(head))
        return MediaType.FLAC if file.read(4) == b"fLaC" else found
    return found


def id3_length(head: bytes) -> int:
    """Return the bytes of an ID3v2 tag after its head of ten: seven bits a byte. Source: ID3v2.4.0, 3.1."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(head[6:_ID3_HEAD], (21, 14, 7, 0), strict=True))


def _container(head: bytes) -> MediaType | None:
    if head.startswith(_TIFF):
        return None if head[8:10] == b"CR" else MediaType.TIFF
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        found = _DOCTYPE.search(head[:256])
        return _DOCTYPES[found.group(1)] if found else None
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    return MediaType.MOV if head[4:8] in _OLD_MOVIE else None


def _by_brand(head: bytes) -> MediaType | None:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    for brand in brands:
        if brand in _BRANDS:
            return _BRANDS[brand]
        if _BRAND_FAMILY.fullmatch(brand):
            return MediaType.MP4
    return None


def _is_mp3_frame(head: bytes) -> bool:
    """Whether an MPEG audio layer III frame header stands at the start (ISO/IEC 11172-3, 2.4.1.3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bitrate not in (0, 15) and rate != 3


def _foreign(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf")
    if head.startswith(_TIFF):
        return "a camera raw file"
    if head[4:8] == b"ftyp":
        return f"an ISO media file of the unknown brand {head[8:12].decode('ascii', 'replace')!r}"
    for pattern, name in _MARKUP:
        if pattern.match(text):
            return name
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            return name
    return f"content that begins {head[:8].hex(' ')}"


# What browsers and tools write for the same type. application/octet-stream declares nothing.
_ALIASES = {
    "image/jpg": MediaType.JPEG,
    "image/pjpeg": MediaType.JPEG,
    "image/heif": MediaType.HEIC,
    "video/avi": MediaType.AVI,
    "video/matroska": MediaType.MKV,
    "audio/x-wav": MediaType.WAV,
    "audio/wave": MediaType.WAV,
    "audio/vnd.wave": MediaType.WAV,
    "audio/mp3": MediaType.MP3,
    "audio/x-m4a": MediaType.M4A,
    "audio/m4a": MediaType.M4A,
    "audio/x-flac": MediaType.FLAC,
    "audio/opus": MediaType.OGG,
    "application/ogg": MediaType.OGG,
    "audio/webm": MediaType.WEBM,
}
# One container, several names: the brand alone does not say whether there is a picture track.
_SAME_CONTAINER = (
    {MediaType.MP4, MediaType.M4A, MediaType.MOV},
    {MediaType.WEBM, MediaType.MKV},
)
_EXTENSIONS = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif", "mpo"), MediaType.JPEG),
    **dict.fromkeys(("png", "apng"), MediaType.PNG),
    "webp": MediaType.WEBP,
    **dict.fromkeys(("tif", "tiff", "dng"), MediaType.TIFF),
    "gif": MediaType.GIF,
    "avif": MediaType.AVIF,
    **dict.fromkeys(("heic", "heif", "hif"), MediaType.HEIC),
    **dict.fromkeys(("mp4", "m4v", "3gp", "3g2", "f4v"), MediaType.MP4),
    **dict.fromkeys(("mov", "qt"), MediaType.MOV),
    "webm": MediaType.WEBM,
    **dict.fromkeys(("mkv", "mka"), MediaType.MKV),
    "avi": MediaType.AVI,
    "wav": MediaType.WAV,
    "mp3": MediaType.MP3,
    **dict.fromkeys(("m4a", "m4b"), MediaType.M4A),
    "flac": MediaType.FLAC,
    **dict.fromkeys(("ogg", "oga", "opus"), MediaType.OGG),
}


def check_declared(media_type: MediaType, declared: str) -> None:
    """Refuse a declaration (a ``Content-Type``) that names another type than the content has.

    Raises:
        UnsupportedError: ``declared`` names another type. Parameters, case and common aliases do not matter;
            an empty declaration and ``application/octet-stream`` declare nothing.
    """
    name = declared.split(";", 1)[0].strip().lower()
    if name in ("", "application/octet-stream", media_type.value):
        return
    known = _ALIASES.get(name)
    if known is None and name in list(MediaType):
        known = MediaType(name)
    if known == media_type or any({known, media_type} <= names for names in _SAME_CONTAINER):
        return
    raise UnsupportedError(
        f"declared as {name[:80]!r}, but the content is {media_type.value}",
        hint=f"declare it as {media_type.value}",
    )


def extension_note(path: Path, media_type: MediaType) -> str | None:
    """Return a sentence where the extension promises another type than the content has, else None."""
    known = _EXTENSIONS.get(path.suffix.lower().removeprefix("."))
    if known is None or known == media_type or any({known, media_type} <= names for names in _SAME_CONTAINER):
        return None
    return f"the name ends in {path.suffix}, but the content is {media_type.value}"


def open_asset(path: Path, limits: Limits, declared: str | None = None) -> Asset:
    """Return the asset at ``path``, its digest taken in one pass of bounded memory.

    Args:
        path: A regular file.
        limits: Its ``picture_bytes`` and ``media_bytes`` apply, by the sniffed kind.
        declared: The media type somebody says it has.

    Raises:
        InputError: No such file, a folder, a device, or no permission.
        MediaError: The file is empty.
        UnsupportedError: The content is of no type that is read, or not of the declared type.
        LimitError: The file is larger than its kind may be.
    """
    with open(_open_regular(path), "rb", buffering=0) as file:
        media_type = sniff_file(file)
        if declared is not None:
            check_declared(media_type, declared)
        size, digest = _measure(file, byte_limit(media_type, limits))
    return Asset(path, media_type, size, digest)


def _open_regular(path: Path) -> int:
    try:
        # Without O_NONBLOCK the opening of a named pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as cause:
        raise InputError(f"no such file: {path}", hint="check the spelling of the path") from cause
    except PermissionError as cause:
        raise InputError(f"no permission to read {path}", hint="run as a user who may read it") from cause
    except (OSError, ValueError) as cause:
        raise InputError(f"{path} cannot be opened: {cause}", hint="name a regular media file") from cause
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise InputError(f"expected a media file, found the folder {path}", hint="name the files in it")
    raise InputError(f"expected a regular file, found a device or pipe: {path}")


def byte_limit(media_type: MediaType, limits: Limits) -> int:
    """Return how many bytes a file of ``media_type`` may have."""
    return limits.picture_bytes if media_type.kind is Kind.IMAGE else limits.media_bytes


def _measure(file: BinaryIO, max_bytes: int) -> tuple[int, Digest]:
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    state = hashlib.sha256()
    count = 0
    # The count is checked as well: a file can grow while it is read.
    while size <= max_bytes and count <= max_bytes and (block := file.read(BLOCK_BYTES)):
        state.update(block)
        count += len(block)
    if max(size, count) > max_bytes:
        raise LimitError(
            f"expected at most {max_bytes} bytes, found {max(size, count)}",
            hint="reduce the file; an operator may raise picture_bytes or media_bytes",
        )
    return count, Digest(state.digest())
