"""References: the compact stored picture of a registered asset, enough to align and compare a copy.

A reference is one lossy WebP picture in its simplest container (``RIFF``, ``WEBP``, one ``VP8`` chunk).
Opening checks the stated size before a decoder sees the bytes: a registry may be a stranger's.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import FormatError, UnmatchableError

#: Longest side of a stored picture, pixels. Source: docs/measurements.md, difference maps: alignment and
#: detection rise from 256 px on, and a 512 px WebP is 20 to 40 kB.
SIDE_PX: Final = 512
#: Most bytes of a stored picture; with 200 local features (7.2 kB) and codes an asset stays under 64 kB.
PICTURE_BYTES: Final = 48_000
#: Longest side of a stored film frame, pixels.
FRAME_SIDE_PX: Final = 256
#: Most bytes of a stored film frame: at two a second 7200 x 2.4 kB = 17 MB an hour, within the 26 MB budget.
FRAME_BYTES: Final = 2_400

# WebP qualities tried, best first. Above 90 the file doubles and the residual against a copy barely falls.
_QUALITIES = (90, 82, 74, 66, 58, 50, 40, 30, 20)
# Factor by which a picture shrinks where no quality fits (noise); below a quarter of the side nothing helps.
_SHRINK = 0.8
# RIFF header, WEBP, chunk name and size, 3 bytes frame tag, 3 bytes start code, width, height.
# Source: WebP container specification and RFC 6386 section 9.1.
_HEAD = struct.Struct("<4sI4s4sI3s3sHH")
_START_CODE = b"\x9d\x01\x2a"

Rgb = NDArray[np.uint8]


def make_reference(rgb: Rgb) -> bytes:
    """Return the stored picture of an asset: colour WebP, long side at most 512 pixels, at most 48 kB.

    Args:
        rgb: uint8, shape (height, width, 3), upright, sRGB.

    Raises:
        FormatError: ``rgb`` has another shape or type.
        UnmatchableError: The picture is too narrow to be stored (a side under one pixel after scaling).
    """
    return _packed(rgb, SIDE_PX, PICTURE_BYTES)


def make_frame_reference(rgb: Rgb) -> bytes:
    """Return the stored picture of one film frame: colour WebP, long side at most 256 pixels, at most 2.4 kB.

    Args:
        rgb: uint8, shape (height, width, 3), upright, sRGB.

    Raises:
        FormatError: ``rgb`` has another shape or type.
        UnmatchableError: The frame is too narrow to be stored.
    """
    return _packed(rgb, FRAME_SIDE_PX, FRAME_BYTES)


def open_reference(stored: bytes) -> Rgb:
    """Return the picture that :func:`make_reference` or :func:`make_frame_reference` stored.

    Args:
        stored: At most 48,000 bytes.

    Returns:
        uint8, shape (height, width, 3), sides at most 512.

    Raises:
        FormatError: ``stored`` is not a reference of this form, too large, or damaged.
    """
    if not _HEAD.size <= len(stored) <= PICTURE_BYTES:
        raise FormatError(
            f"expected a reference of {_HEAD.size} to {PICTURE_BYTES} bytes, found {len(stored)}",
            hint="the stored reference is damaged; register the asset again",
        )
    riff, length, form, chunk, _, _, start, width, height = _HEAD.unpack_from(stored)
    names = (riff, form, chunk, start) == (b"RIFF", b"WEBP", b"VP8 ", _START_CODE)
    # The upper two bits of each size ask for scaling, which references never do.
    if not names or length + 8 != len(stored) or not (1 <= width <= SIDE_PX and 1 <= height <= SIDE_PX):
        raise FormatError(
            f"expected a lossy WebP of at most {SIDE_PX} pixels a side, found {stored[:4]!r} "
            f"stating {width} x {height}",
            hint="the stored reference is damaged; register the asset again",
        )
    decoded = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None or decoded.shape != (height, width, 3):
        raise FormatError(
            "expected a reference that decodes, found damaged WebP data",
            hint="the stored reference is damaged; register the asset again",
        )
    return np.ascontiguousarray(decoded[:, :, ::-1], np.uint8)


def shrunk(rgb: Rgb, side_px: int) -> Rgb:
    """Return the picture with its longer side at most ``side_px`` pixels; a smaller picture as it is.

    Args:
        rgb: uint8, shape (height, width, 3).
        side_px: At least 1.

    Raises:
        FormatError: ``rgb`` has another shape or type.
        UnmatchableError: The shorter side would be under one pixel.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise FormatError(f"expected uint8 RGB of shape (h, w, 3), found {rgb.dtype} {rgb.shape}")
    height, width = rgb.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return rgb
    size = (round(width * scale), round(height * scale))
    if min(size) < 1:
        raise UnmatchableError(
            f"picture is too narrow to be compared: {width} x {height} pixels",
            hint="exact digests still find it",
        )
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _packed(rgb: Rgb, side_px: int, limit: int) -> bytes:
    side = side_px
    while True:
        small = shrunk(rgb, side)
        made: dict[int, bytes] = {}

        def size(place: int, small: Rgb = small, made: dict[int, bytes] = made) -> int:
            made[place] = _encoded(small, _QUALITIES[place])
            return -len(made[place])

        # Sizes fall with the quality, so the best one that fits is found by halving.
        best = bisect_left(range(len(_QUALITIES)), -limit, key=size)
        if best < len(_QUALITIES):
            return made[best] if best in made else _encoded(small, _QUALITIES[best])
        side = int(max(small.shape[:2]) * _SHRINK)


def _encoded(rgb: Rgb, quality: int) -> bytes:
    done, stored = cv2.imencode(
        ".webp", np.ascontiguousarray(rgb[:, :, ::-1]), [cv2.IMWRITE_WEBP_QUALITY, quality]
    )
    if not done:
        raise FormatError(f"expected a WebP encoder in OpenCV, found none (OpenCV {cv2.__version__})")
    return bytes(stored)
