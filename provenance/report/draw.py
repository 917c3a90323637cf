"""Pictures of the answer: the copy with numbered marks beside the registered original's reference."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from provenance.errors import MediaError
from provenance.evidence import Box, Comparison, DifferenceKind, Geometry
from provenance.match import warp

#: Width of each of the two pictures, pixels: legible on a page 1,000 pixels wide.
PANEL_PX: Final = 480
_MARGIN, _HEAD, _FOOT = 16, 34, 30
_GROUND, _INK, _QUIET = (250, 250, 247), (27, 29, 33), (90, 94, 102)
#: Outline of a mark by kind; the number and the words say the same, so nothing depends on the colour.
_COLOUR: Final = {DifferenceKind.OVERLAY: (29, 78, 137)}
_ALTERED: Final = (166, 38, 31)

Rgb = NDArray[np.uint8]


def map_png(copy_rgb: Rgb, reference_rgb: Rgb, geometry: Geometry, comparison: Comparison) -> bytes:
    """Return a PNG: left the copy with numbered differences, right the same part of the registered original.

    Args:
        copy_rgb: uint8, shape (h, w, 3).
        reference_rgb: uint8, shape (h, w, 3).
        geometry: How the copy lies in the reference.
        comparison: What differs; boxes are fractions of the copy.

    Raises:
        MediaError: The picture cannot be encoded.
    """
    height, width = copy_rgb.shape[:2]
    scale = PANEL_PX / width
    size = (PANEL_PX, max(round(height * scale), 1))
    copy = cv2.resize(copy_rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    original = as_copy(reference_rgb, geometry, size)
    canvas = Image.new("RGB", (2 * PANEL_PX + 3 * _MARGIN, size[1] + _HEAD + _FOOT), _GROUND)
    right = PANEL_PX + 2 * _MARGIN
    canvas.paste(Image.fromarray(np.asarray(copy, np.uint8)), (_MARGIN, _HEAD))
    canvas.paste(Image.fromarray(original), (right, _HEAD))
    pen = ImageDraw.Draw(canvas)
    font, small = ImageFont.load_default(15), ImageFont.load_default(13)
    pen.text((_MARGIN, 9), "this copy", fill=_INK, font=font)
    pen.text((right, 9), "registered original, same part", fill=_INK, font=font)
    for number, difference in enumerate(comparison.differences, 1):
        if difference.box is not None:
            colour = _COLOUR.get(difference.kind, _ALTERED)
            for left in (_MARGIN, right):
                mark(pen, difference.box, (left, _HEAD), size, number, colour)
    words = "; ".join(f"{number} {one.kind.value}" for number, one in enumerate(comparison.differences, 1))
    text = words or f"no difference found in the {comparison.compared:.0%} of the copy that was compared"
    pen.text((_MARGIN, size[1] + _HEAD + 8), text[:130], fill=_QUIET, font=small)
    return png(np.asarray(canvas))


def as_copy(reference_rgb: Rgb, geometry: Geometry, size: tuple[int, int]) -> Rgb:
    """Return the reference as the copy shows it; parts the original does not have are light grey."""
    height, width = reference_rgb.shape[:2]
    onto = warp.to_pixels(width, height) @ warp.matrix_of(geometry) @ np.linalg.inv(warp.to_pixels(*size))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shown = cv2.warpPerspective(reference_rgb, onto, size, flags=flags, borderValue=(225, 225, 222))
    return np.asarray(shown, np.uint8)


def mark(
    pen: ImageDraw.ImageDraw,
    box: Box,
    at: tuple[int, int],
    size: tuple[int, int],
    number: int,
    colour: tuple[int, int, int],
) -> None:
    """Draw a numbered box: an outline on a light one, so that it shows on any ground."""
    left, top = at[0] + box.x * size[0], at[1] + box.y * size[1]
    edges = (left, top, left + max(box.w * size[0], 6), top + max(box.h * size[1], 6))
    pen.rectangle(edges, outline=(255, 255, 255), width=5)
    pen.rectangle((edges[0] + 1, edges[1] + 1, edges[2] - 1, edges[3] - 1), outline=colour, width=3)
    pen.rectangle((left, top, left + 20, top + 20), fill=colour)
    pen.text((left + 6, top + 2), str(number), fill=(255, 255, 255), font=ImageFont.load_default(14))


def png(pixels: Rgb) -> bytes:
    """Return a picture, uint8 (h, w, 3), as a PNG.

    Raises:
        MediaError: It cannot be encoded.
    """
    made, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not made:
        raise MediaError(
            "the picture of the answer could not be encoded", hint="this is a bug, please report it"
        )
    return content.tobytes()
