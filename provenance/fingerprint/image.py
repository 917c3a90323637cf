"""Whole-picture codes: phash64 and PDQ, and the forms of a query picture that are tried.

A picture that is too small or too flat is refused with a reason instead of getting a code that many other
pictures share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import imagehash
import numpy as np
import pdqhash

# imagehash imports this only when first called; a locked media worker cannot open it any more by then.
import scipy.fftpack  # type: ignore[import-untyped]  # noqa: F401
from numpy.typing import NDArray
from PIL import Image

from provenance.errors import FormatError, UnmatchableError
from provenance.fingerprint.code import PDQ256, PHASH64, Fingerprint

#: Shortest side, pixels, that gets a code. Source: PDQ works on a 64 x 64 reduction of the picture; a smaller
#: picture repeats its pixels there and its code says more about the enlargement than about the content.
MIN_SIDE_PX: Final = 64
#: Lowest PDQ quality, 0..100, that gets a code. Source: PDQ's own advice; at 49 and below, unrelated flat
#: pictures share codes (docs/measurements.md, picture codes).
MIN_QUALITY: Final = 50
#: Set bits of a phash64 that is a picture's own. Source: SR-29: outside, the code belongs to flat pictures.
SET_BITS: Final = range(12, 53)
# Both sides, pixels, of the picture PDQ is computed from, and part of the algorithm's version. PDQ smooths
# with a box of (side + 127) // 128 pixels and takes every (side / 64)th one: at an odd multiple of 64 with an
# odd box both are symmetric. Measured, medians of 18 pictures: a mirrored copy has the mirrored code exactly
# (18 bits off at 512), a copy at half the size is 2 bits off (17 at 512); PDQ of the picture at its own size
# is 8 bits off, so that codes of other programs stay comparable.
_PDQ_SIDE_PX = 320
# Longer side, pixels, beyond which a picture is reduced before anything else: what large pictures cost.
_WORK_SIDE_PX = 1024

# A border row holds one colour: at most 1 in 100 pixels further than 24 levels from the outermost row's
# median. 24 levels is what JPEG quality 30 leaves around a sharp edge of a bar.
_BORDER_LEVELS = 24
_BORDER_SHARE = 0.01
# Trimming less than a fiftieth of a side changes a code less than re-encoding does; a picture of which less
# than a fifth remains is a small thing on a plain ground, not a picture with a border.
_MIN_TRIM = 0.02
_MIN_REST = 0.2
_BORDER_BLOCK = 16

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which the query may show an asset, and the code to look up for it.

    The query shows the asset mirrored left to right (where ``mirrored``), then turned clockwise by
    ``quarter_turns`` times 90 degrees, then as a negative (where ``negative``), then with a plain border
    around it (where ``trimmed``).

    Attributes:
        fingerprint: PDQ of the asset if the query is in this form.
        mirrored: Whether the query is mirrored.
        quarter_turns: Clockwise quarter turns of the query, 0..3.
        negative: Whether the query's tones are inverted.
        trimmed: Whether a border was taken off the query first.
    """

    fingerprint: Fingerprint
    mirrored: bool = False
    quarter_turns: int = 0
    negative: bool = False
    trimmed: bool = False

    @property
    def name(self) -> str:
        """What was done to the asset, for readers: ``as it is`` or, for example, ``mirrored, rotated 90``."""
        words = [
            "mirrored" if self.mirrored else "",
            f"rotated {90 * self.quarter_turns}" if self.quarter_turns else "",
            "negative" if self.negative else "",
            "border trimmed" if self.trimmed else "",
        ]
        return ", ".join(word for word in words if word) or "as it is"


# The transformations of pdqhash.compute_dihedral in its order, each as the (mirrored, quarter turns) of a
# query that it undoes: as it is, turned anticlockwise, upside down, clockwise, flipped top to bottom, flipped
# left to right, transposed, transposed across the other diagonal. The order is held by a test on turned
# pictures.
_DIHEDRAL: Final = (
    (False, 0),
    (False, 1),
    (False, 2),
    (False, 3),
    (True, 2),
    (True, 0),
    (True, 3),
    (True, 1),
)


def check_picture(rgb: Rgb) -> None:
    """Check that an array is a picture large enough for a code.

    Raises:
        FormatError: Not uint8 of shape (height, width, 3).
        UnmatchableError: A side is under :data:`MIN_SIDE_PX`.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise FormatError(f"expected uint8 RGB of shape (h, w, 3), found {rgb.dtype} {rgb.shape}")
    height, width = rgb.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise UnmatchableError(
            f"picture is too small to be fingerprinted: {width} x {height} pixels, "
            f"at least {MIN_SIDE_PX} x {MIN_SIDE_PX} needed",
            hint="exact digests still find it",
        )


def phash64(rgb: Rgb) -> Fingerprint:
    """Return the 64-bit DCT code of a picture, equal to ``imagehash.phash`` of the same pixels.

    Args:
        rgb: uint8, shape (height, width, 3), upright.

    Returns:
        Fingerprint ``phash64-v1``; its hex digits are those ``str(imagehash.phash(picture))`` gives.

    Raises:
        FormatError: ``rgb`` has another shape or type.
        UnmatchableError: The picture is too small, or so flat that its code has under 12 or over 52 set bits.
    """
    check_picture(rgb)
    bits = imagehash.phash(Image.fromarray(rgb)).hash
    if int(bits.sum()) not in SET_BITS:
        raise UnmatchableError(
            f"picture is too flat to be fingerprinted: {int(bits.sum())} of 64 bits set, "
            f"{SET_BITS.start} to {SET_BITS.stop - 1} needed",
            hint="exact digests still find it",
        )
    return Fingerprint(PHASH64.name, np.packbits(bits.ravel()).tobytes())


def pdq(rgb: Rgb) -> tuple[Fingerprint, int]:
    """Return the PDQ code of a picture and its quality.

    Args:
        rgb: uint8, shape (height, width, 3), upright.

    Returns:
        Fingerprint ``pdq256-v1`` and PDQ's quality, :data:`MIN_QUALITY` to 100.

    Raises:
        FormatError: ``rgb`` has another shape or type.
        UnmatchableError: The picture is too small, or its quality is under :data:`MIN_QUALITY`.
    """
    check_picture(rgb)
    bits, quality = pdqhash.compute(_square(_reduced(rgb)))
    _check_quality(quality)
    return _packed(bits), quality


def pdq_forms(rgb: Rgb) -> tuple[Form, ...]:
    """Return the PDQ codes to look up for a query picture, in all forms it may have been brought into.

    Eight turned and mirrored forms, the same eight without a plain border where there is one, and the
    negative of each unturned one. A border whose content alone is flat, or a flat whole around a good
    content, drops only its own forms.

    Args:
        rgb: uint8, shape (height, width, 3), upright.

    Returns:
        8 to 20 forms, the plain one first.

    Raises:
        FormatError: ``rgb`` has another shape or type.
        UnmatchableError: The picture is too small or, with and without its border, too flat.
    """
    check_picture(rgb)
    whole = _reduced(rgb)
    left, top, right, bottom = trim_border(whole)
    inner = whole[top:bottom, left:right]
    refused: UnmatchableError | None = None
    forms: list[Form] = []
    for picture in (whole,) if inner.shape == whole.shape else (whole, inner):
        try:
            check_picture(rgb if picture is whole else picture)
            forms += _forms(picture, trimmed=picture is inner)
        except UnmatchableError as cause:
            refused = refused or cause
    if refused is not None and not forms:
        raise refused
    return tuple(forms)


def trim_border(rgb: Rgb) -> tuple[int, int, int, int]:
    """Return the part of a picture inside a plain border or letterbox.

    Args:
        rgb: uint8, shape (height, width, 3).

    Returns:
        left, top, right, bottom in pixels, right and bottom exclusive; the whole picture where there is no
        border of at least a fiftieth of a side, or where less than a fifth of a side would remain.
    """
    height, width = rgb.shape[:2]
    small = _reduced(rgb)
    rows = _plain_rows(small)
    columns = _plain_rows(small[rows[0] : small.shape[0] - rows[1]].transpose(1, 0, 2))
    # One pixel of the reduced picture more: the outermost one mixes border and content.
    cuts = [cut + 1 if cut else 0 for cut in (*columns, *rows)]
    scale = height / small.shape[0], width / small.shape[1]
    left, right = (round(cut * scale[1]) for cut in cuts[:2])
    top, bottom = (round(cut * scale[0]) for cut in cuts[2:])
    if left + right < _MIN_TRIM * width:
        left = right = 0
    if top + bottom < _MIN_TRIM * height:
        top = bottom = 0
    if width - left - right < _MIN_REST * width or height - top - bottom < _MIN_REST * height:
        return 0, 0, width, height
    return left, top, width - right, height - bottom


def _plain_rows(picture: Rgb) -> tuple[int, int]:
    """Return how many rows at the top and at the bottom hold nothing but their outermost row's colour."""
    return _plain_start(picture), _plain_start(picture[::-1])


def _plain_start(picture: Rgb) -> int:
    colour = np.median(picture[0], axis=0).astype(np.int16)
    # In blocks, since most pictures have no border and the first row says so.
    for start in range(0, len(picture), _BORDER_BLOCK):
        block = picture[start : start + _BORDER_BLOCK].astype(np.int16)
        off = np.abs(block - colour).max(axis=2) > _BORDER_LEVELS
        content = np.flatnonzero(off.mean(axis=1) > _BORDER_SHARE)
        if len(content):
            return start + int(content[0])
    return 0


def _reduced(rgb: Rgb) -> Rgb:
    height, width = rgb.shape[:2]
    scale = _WORK_SIDE_PX / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _square(picture: Rgb) -> Rgb:
    """Return the picture at 320 x 320: averaged along a side that shrinks, interpolated where it grows."""
    height, width = picture.shape[:2]
    side = _PDQ_SIDE_PX
    shrunk = cv2.resize(picture, (min(width, side), min(height, side)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def _forms(picture: Rgb, *, trimmed: bool) -> list[Form]:
    codes, quality = pdqhash.compute_dihedral(_square(picture))
    _check_quality(quality)
    forms = [
        Form(_packed(bits), mirrored, turns, trimmed=trimmed)
        for bits, (mirrored, turns) in zip(codes, _DIHEDRAL, strict=True)
    ]
    # Inverting the tones inverts every DCT coefficient against the median, so every bit (measured: 256 of
    # 256); turned negatives are left out, each further form adds to the false matches of all.
    forms += [
        Form(_packed(1 - bits), mirrored, turns, negative=True, trimmed=trimmed)
        for bits, (mirrored, turns) in zip(codes, _DIHEDRAL, strict=True)
        if turns == 0
    ]
    return forms


def _packed(bits: NDArray[np.int64]) -> Fingerprint:
    return Fingerprint(PDQ256.name, np.packbits(bits.astype(np.uint8)).tobytes())


def _check_quality(quality: int) -> None:
    if quality < MIN_QUALITY:
        raise UnmatchableError(
            f"picture is too flat to be fingerprinted: PDQ quality {quality} of 100, "
            f"at least {MIN_QUALITY} needed",
            hint="exact digests still find it",
        )
