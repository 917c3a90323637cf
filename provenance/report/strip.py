"""Frame strips: for each difference in a film a few moments, the copy above, the registered original below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from provenance.evidence import Difference, Geometry
from provenance.report import draw
from provenance.wording import clock, span_text

#: Width of one frame, pixels; three stand side by side.
FRAME_PX: Final = 316
#: Moments of one difference.
MOMENTS: Final = 3
_GAP, _HEAD, _LABEL = 10, 30, 20
_GROUND, _INK, _QUIET, _ALTERED = (250, 250, 247), (27, 29, 33), (74, 79, 88), (166, 38, 31)

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One moment: times in seconds, the copy's frame and the stored one, uint8 (h, w, 3)."""

    copy_s: float
    asset_s: float
    copy: Rgb
    asset: Rgb


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A difference and some of its moments, in order of time."""

    difference: Difference
    views: tuple[View, ...]


def strip_png(rows: Sequence[Row], geometry: Geometry) -> bytes:
    """Return a PNG of the moments of each difference: copy above, the same part of the original below.

    Args:
        rows: At least one; rows without a moment are left out.
        geometry: How the copy lies in the original.

    Raises:
        MediaError: The picture cannot be encoded.
    """
    shown = [row for row in rows if row.views]
    height = max((_height(view.copy) for row in shown for view in row.views), default=1)
    deep = _HEAD + 2 * (height + _LABEL) + _GAP
    width = MOMENTS * (FRAME_PX + _GAP) + _GAP
    canvas = Image.new("RGB", (width, max(1, len(shown)) * deep + _GAP), _GROUND)
    pen = ImageDraw.Draw(canvas)
    for number, row in enumerate(shown, start=1):
        _draw_row(canvas, pen, row, number, (number - 1) * deep + _GAP, height, geometry)
    return draw.png(np.asarray(canvas))


def _draw_row(
    canvas: Image.Image,
    pen: ImageDraw.ImageDraw,
    row: Row,
    number: int,
    top: int,
    height: int,
    geometry: Geometry,
) -> None:
    one = row.difference
    title, small = ImageFont.load_default(15), ImageFont.load_default(12)
    when = f", copy {span_text(one.span)}" if one.span is not None else ""
    face = "face: " if one.face else ""
    pen.text((_GAP, top + 4), f"{number}  {face}{one.kind.value}{when}", fill=_INK, font=title)
    for place, view in enumerate(row.views[:MOMENTS]):
        left = _GAP + place * (FRAME_PX + _GAP)
        size = (FRAME_PX, _height(view.copy))
        above, below = top + _HEAD, top + _HEAD + height + _LABEL
        copy = cv2.resize(view.copy, size, interpolation=cv2.INTER_AREA)
        canvas.paste(Image.fromarray(np.asarray(copy, np.uint8)), (left, above))
        canvas.paste(Image.fromarray(draw.as_copy(view.asset, geometry, size)), (left, below))
        if one.box is not None:
            for y in (above, below):
                draw.mark(pen, one.box, (left, y), size, number, _ALTERED)
        pen.text((left, above + height + 3), f"copy {clock(view.copy_s)}", fill=_QUIET, font=small)
        pen.text((left, below + height + 3), f"original {clock(view.asset_s)}", fill=_QUIET, font=small)


def _height(rgb: Rgb) -> int:
    rows, columns = rgb.shape[:2]
    return max(1, round(int(rows) * FRAME_PX / int(columns)))
