"""Checks of a file's own bookkeeping, byte by byte, before a decoder believes it.

Everything here reads bounded amounts and allocates little, whatever the file claims.
"""

from __future__ import annotations

import os
import re
import struct
from typing import BinaryIO, Final

from provenance.errors import LimitError, MediaError
from provenance.media.asset import MediaType, id3_length

#: Deepest nesting of ISO media boxes; real files reach 8 (moov/trak/mdia/minf/stbl/stsd/avc1/avcC).
MAX_BOX_DEPTH: Final = 16
#: Most boxes looked at; four hours in fragments of one second need about 150,000.
MAX_BOXES: Final = 400_000
#: Largest ID3v2 tag, bytes: room for cover pictures. Source: security.md case 37.
MAX_ID3_BYTES: Final = 16 << 20
#: Largest ICC profile, bytes; printing profiles reach about 3 MiB. Source: security.md case 22.
MAX_ICC_BYTES: Final = 4 << 20

_BOXES = frozenset(MediaType(name) for name in ("video/mp4", "video/quicktime", "audio/mp4"))
_PICTURE_BOXES = frozenset({MediaType.AVIF, MediaType.HEIC})
# Boxes that hold only boxes, ISO/IEC 14496-12.
_CONTAINERS = frozenset(
    (
        b"moov",
        b"trak",
        b"mdia",
        b"minf",
        b"stbl",
        b"edts",
        b"dinf",
        b"moof",
        b"traf",
        b"mvex",
        b"mfra",
        b"udta",
    )
)
_PADDING = b"\x00\x00\x00\x00"


def check_structure(file: BinaryIO, media_type: MediaType) -> None:
    """Refuse a file whose lengths contradict each other; leaves the position at 0.

    Raises:
        MediaError: A length points outside the file or nothing is long enough to be what it says.
        LimitError: Nested or tagged beyond what real files need.
    """
    size = file.seek(0, os.SEEK_END)
    if media_type in _BOXES or media_type in _PICTURE_BOXES:
        _check_boxes(file, size)
    elif media_type is MediaType.WAV:
        _check_riff(file, size)
    elif media_type in (MediaType.MP3, MediaType.FLAC):
        _check_id3(file)
    file.seek(0)


def _check_boxes(file: BinaryIO, size: int) -> None:
    pending = [(0, size, 0)]
    count = 0
    while pending:
        at, end, depth = pending.pop()
        if depth > MAX_BOX_DEPTH:
            raise LimitError(f"expected boxes nested at most {MAX_BOX_DEPTH} deep, found more")
        while at + 8 <= end:
            count += 1
            if count > MAX_BOXES:
                raise LimitError(f"expected at most {MAX_BOXES} boxes, found more")
            kind, content, after = _box(file, at, end)
            if kind == _PADDING and depth:  # QuickTime ends some lists with four zero bytes
                break
            if kind in _CONTAINERS:
                pending.append((content, after, depth + 1))
            at = after


def _box(file: BinaryIO, at: int, end: int) -> tuple[bytes, int, int]:
    """Return kind, start of the content and end of the box at ``at``."""
    file.seek(at)
    head = file.read(16)
    (length,), kind, header = struct.unpack(">I", head[:4]), head[4:8], 8
    if length == 1 and len(head) == 16:
        (length,) = struct.unpack(">Q", head[8:])
        header = 16
    elif length == 0 and kind in (b"mdat", _PADDING):  # reaches to the end of what it is in
        length = end - at
    if length < header or length > end - at:
        name = kind.decode("ascii", "replace")
        raise MediaError(
            f"expected a box {name!r} of {header} to {end - at} bytes at {at}, found {length}",
            hint="the file is cut short or damaged; fetch it again",
        )
    return kind, at + header, at + length


def _check_riff(file: BinaryIO, size: int) -> None:
    file.seek(4)
    (length,) = struct.unpack("<I", file.read(4).ljust(4, b"\0"))
    if length + 8 > size + 1:  # one byte of padding may be missing
        raise MediaError(
            f"expected a RIFF file of {length + 8} bytes, found {size}",
            hint="the file is cut short or damaged",
        )


def _check_id3(file: BinaryIO) -> None:
    file.seek(0)
    head = file.read(10)
    if not head.startswith(b"ID3") or len(head) < 10:
        return
    length = id3_length(head)
    if length > MAX_ID3_BYTES:
        raise LimitError(f"expected an ID3 tag of at most {MAX_ID3_BYTES} bytes, found {length}")


def gif_frames(file: BinaryIO, most: int) -> int:
    """Return the number of pictures in a GIF, counted without decoding and only up to ``most`` + 1.

    Source: GIF89a specification, sections 15 to 26.
    """
    file.seek(10)
    flags = file.read(3)
    if len(flags) < 3:
        return 0
    if flags[0] & 0x80:
        file.seek(3 * (2 << (flags[0] & 7)), os.SEEK_CUR)
    count = 0
    while count <= most:
        match file.read(1):
            case b"\x2c":
                count += 1
                packed = file.read(9)
                if len(packed) < 9:
                    break
                colours = 3 * (2 << (packed[8] & 7)) if packed[8] & 0x80 else 0
                file.seek(colours + 1, os.SEEK_CUR)
            case b"\x21":
                file.seek(1, os.SEEK_CUR)
            case _:
                break
        while (block := file.read(1)) not in (b"", b"\x00"):
            file.seek(block[0], os.SEEK_CUR)
    return count


# A marker in entropy-coded data: not a stuffed zero, not a restart, not a fill byte (ITU-T T.81, B.1.1).
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def jpeg_end(content: bytes) -> int | None:
    """Return the offset after the end-of-image marker of the JPEG at the start of ``content``.

    Segments are skipped by their length, so that a thumbnail's own end marker is not mistaken for it.
    Returns None where there is no end. Source: ITU-T T.81, annex B.
    """
    at = 2
    while (found := _MARKER.search(content, at)) is not None:
        marker, at = content[found.start() + 1], found.end()
        if marker == 0xD9:
            return at
        if marker in (0x01, 0xD8):
            continue
        length = int.from_bytes(content[at : at + 2], "big")
        if length < 2:
            return None
        at += length
    return None


def has_second_jpeg(content: bytes) -> bool:
    """Return whether another JPEG follows the end of the one ``content`` begins with."""
    end = jpeg_end(content)
    return end is not None and content.find(b"\xff\xd8\xff", end) >= 0
