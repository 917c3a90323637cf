"""Pictures of the answer: the copy with numbered marks, the registered original beside it, and where they differ."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from provenance.errors import FormatError, MediaError
from provenance.evidence import Box, Comparison, Difference, DifferenceKind, Geometry
from provenance.match import warp
from provenance.match.compare import Field
from provenance.plain import from_plain, to_plain
from provenance.wording import difference_text

#: Width of each panel, pixels, and its greatest height: two beside each other are legible on a page 1,000 pixels
#: wide, and at a third of that their lettering still is.
PANEL_PX: Final = 480
PANEL_HEIGHT_PX: Final = 640
#: Strength at which the heat is full, standard deviations above clean copies; it begins at a third of it.
FULL_HEAT: Final = 12.0
_MARGIN, _TITLE, _LINE = 16, 40, 26
_TITLE_FONT, _TEXT_FONT = 22, 19
_LETTERS = 46  # that fit into a panel's width at the size of the text
#: Bytes of the panels of one sketch: all of the largest ones.
SKETCH_BYTES: Final = 8 * PANEL_PX * PANEL_HEIGHT_PX
_GROUND, _INK, _QUIET = (250, 250, 247), (27, 29, 33), (90, 94, 102)
#: Outline of a mark by kind; the number and the words say the same, so nothing depends on the colour.
_COLOUR: Final = {DifferenceKind.OVERLAY: (29, 78, 137)}
_ALTERED: Final = (166, 38, 31)
_HATCH_PX = 9
# A sketch: magic, width and height of a panel as it is shown and as it is laid, whether there is heat, bytes of what
# differs as JSON; then that, and the planes row by row.
_SKETCH = struct.Struct(">4sHHHH?I")
_MAGIC, _PNG = b"SKT1", b"\x89PNG"
_BEYOND = (225, 225, 222)

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Panels:
    """Where the parts of a sheet stand.

    Attributes:
        size: Width and height of a panel, pixels.
        places: Left and top of the copy, the original and the heat.
        legend: Left and top of the words.
        sheet: Width and height of the whole.
    """

    size: tuple[int, int]
    places: tuple[tuple[int, int], ...]
    legend: tuple[int, int]
    sheet: tuple[int, int]


def sketch(
    copy_rgb: Rgb,
    reference_rgb: Rgb,
    geometry: Geometry,
    comparison: Comparison,
    field: Field | None = None,
    most_bytes: int = SKETCH_BYTES,
) -> bytes:
    """Return what :func:`drawn` makes the picture of: what differs, and the panels' pixels as they are.

    Most pictures of answers are never looked at, and drawing one costs five times what this does. Whoever draws it
    decodes no picture, so that a worker may hand it over.

    Args:
        copy_rgb: uint8, shape (h, w, 3).
        reference_rgb: uint8, shape (h, w, 3).
        geometry: How the copy lies in the reference.
        comparison: What differs; boxes are fractions of the copy.
        field: Strength of the difference on the reference's grid.
        most_bytes: Room for the panels' pixels; where it is too little they are laid smaller and drawn larger again.
    """
    full = _panel_size(copy_rgb.shape)
    scale = min(1.0, math.sqrt(most_bytes / (full[0] * full[1] * (6 if field is None else 8))))
    size = (max(int(full[0] * scale), 1), max(int(full[1] * scale), 1))
    shrinks = size[0] < copy_rgb.shape[1]
    copy = cv2.resize(copy_rgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    planes = [np.asarray(copy, np.uint8), as_copy(reference_rgb, geometry, size)]
    if field is not None:
        heat = np.clip((field.strength / FULL_HEAT - 1 / 3) * 1.5, 0, 1) * 255
        planes.append(as_copy(heat, geometry, size, (0, 0, 0)))
        planes.append(as_copy(field.seen, geometry, size, (0, 0, 0), cv2.INTER_NEAREST))
    words = json.dumps(to_plain(replace(comparison, drawing=None))).encode()
    head = _SKETCH.pack(_MAGIC, *full, *size, field is not None, len(words))
    return b"".join([head, words, *(plane.tobytes() for plane in planes)])


def drawn(made: bytes) -> bytes:
    """Return the picture of the answer as PNG; what is one already, as it is.

    Above, the copy and the same part of the original with numbered differences; below, words. With a field the copy is
    shown again in grey, under the strength of its difference from the original, hatched where nothing was compared.

    Args:
        made: What :func:`sketch` returned, or a PNG.

    Raises:
        FormatError: ``made`` is neither.
        MediaError: The picture cannot be encoded.
    """
    if made.startswith(_PNG):
        return made
    comparison, planes = _taken_apart(made)
    copy, *rest = planes
    heat = len(rest) > 1
    shown, titles = [copy, rest[0]], ["this copy", "registered original, same part"]
    if heat:
        shown.append(_heated(copy, *rest[1:]))
        titles.append("where they differ")
    lines = _legend(comparison)
    panels = _laid_out((copy.shape[1], copy.shape[0]), len(lines), heat=heat)
    canvas = Image.new("RGB", panels.sheet, _GROUND)
    pen = ImageDraw.Draw(canvas)
    for picture, title, (left, top) in zip(shown, titles, panels.places, strict=True):
        canvas.paste(Image.fromarray(picture), (left, top))
        pen.text((left, top - 31), title, fill=_INK, font=ImageFont.load_default(_TITLE_FONT))
        for number, difference in enumerate(comparison.differences, 1):
            if difference.box is not None:
                mark(pen, difference.box, (left, top), panels.size, number, _colour(difference))
    _write(pen, lines, panels.legend, heat=heat)
    return png(np.asarray(canvas))


def _taken_apart(made: bytes) -> tuple[Comparison, list[Rgb]]:
    """Return what differs, and the panels: copy, original, and heat and what was seen where they are known.

    Raises:
        FormatError: It is no sketch.
    """
    if len(made) >= _SKETCH.size:
        magic, *full, width, height, heated, words = _SKETCH.unpack_from(made)
        depths = [3, 3, 1, 1] if heated else [3, 3]
        start = _SKETCH.size + words
        whole = len(made) == start + sum(depths) * width * height
        fits = 0 < width <= full[0] <= PANEL_PX and 0 < height <= full[1] <= PANEL_HEIGHT_PX
        if magic == _MAGIC and whole and fits:
            planes = []
            for depth in depths:
                plane = np.frombuffer(made, np.uint8, depth * width * height, start)
                shaped = plane.reshape((height, width, 3) if depth == 3 else (height, width))
                planes.append(_enlarged(shaped, (full[0], full[1])))
                start += len(plane)
            try:
                return from_plain(Comparison, json.loads(made[_SKETCH.size : _SKETCH.size + words])), planes
            except ValueError as cause:
                raise FormatError(
                    "expected what differs in a picture of the answer, found no JSON"
                ) from cause
    raise FormatError(f"expected the parts of a picture of the answer, found {made[:4]!r}")


def _enlarged(plane: Rgb, size: tuple[int, int]) -> Rgb:
    if size == (plane.shape[1], plane.shape[0]):
        return plane
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _panel_size(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = min(PANEL_PX / shape[1], PANEL_HEIGHT_PX / shape[0])
    return max(round(shape[1] * scale), 1), max(round(shape[0] * scale), 1)


def _laid_out(size: tuple[int, int], lines: int, *, heat: bool) -> _Panels:
    """Return two panels above; below, the heat with the words beside it, or the words alone."""
    right, below = PANEL_PX + 2 * _MARGIN, _TITLE + size[1] + _TITLE
    places = [(_MARGIN, _TITLE), (right, _TITLE)]
    words = (lines + (2 if heat else 0)) * _LINE
    if heat:
        places.append((_MARGIN, below))
        legend, bottom = (right, below), below + max(size[1], words)
    else:
        legend, bottom = (_MARGIN, below - _TITLE + _MARGIN), below - _TITLE + _MARGIN + words
    return _Panels(size, tuple(places), legend, (2 * PANEL_PX + 3 * _MARGIN, bottom + _MARGIN))


def _colour(difference: Difference) -> tuple[int, int, int]:
    return _COLOUR.get(difference.kind, _ALTERED)


# --- panels ----------------------------------------------------------------------------------------------


def as_copy(
    plane: NDArray[np.generic],
    geometry: Geometry,
    size: tuple[int, int],
    beyond: tuple[int, int, int] = _BEYOND,
    flags: int = cv2.INTER_LINEAR,
) -> Rgb:
    """Return what lies on the reference's grid as the copy shows it; what the original does not have is grey.

    Args:
        plane: Shape (h, w) or (h, w, 3), 0..255: the reference, or a value for each of its pixels.
        geometry: How the copy lies in the reference.
        size: Width and height of the panel, pixels.
        beyond: Value of what lies outside the reference.
        flags: Interpolation of OpenCV.
    """
    height, width = plane.shape[:2]
    onto = warp.to_pixels(width, height) @ warp.matrix_of(geometry) @ np.linalg.inv(warp.to_pixels(*size))
    shown = cv2.warpPerspective(
        plane.astype(np.uint8), onto, size, flags=flags | cv2.WARP_INVERSE_MAP, borderValue=beyond
    )
    return np.asarray(shown, np.uint8)


def _heated(copy: Rgb, laid: Rgb, known: Rgb) -> Rgb:
    """Return the copy in pale grey under the strength of the difference, hatched where nothing is known.

    Args:
        copy: uint8, shape (h, w, 3).
        laid: uint8, shape (h, w): the strength, 255 is :data:`FULL_HEAT`.
        known: uint8, shape (h, w): 0 where nothing is known.
    """
    grey = 110 + cv2.cvtColor(copy, cv2.COLOR_RGB2GRAY).astype(np.float32) * 0.5
    colours = cv2.applyColorMap(255 - laid, cv2.COLORMAP_INFERNO)[:, :, ::-1]
    share = np.clip(laid.astype(np.float32) / 255 * 2, 0, 0.85)[..., None]
    made = grey[..., None] * (1 - share) + colours * share
    seen = known > 0
    rows, columns = np.indices(seen.shape)
    stripes = (rows + columns) % _HATCH_PX < 2
    made[~seen & stripes] = _QUIET
    return np.clip(made, 0, 255).astype(np.uint8)


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
    # The number stands outside where there is room: inside it would cover what it points at.
    above = top - 24 if top - 24 >= at[1] else top
    wide = 14 + 10 * len(str(number))
    pen.rectangle((left, above, left + wide, above + 24), fill=colour, outline=(255, 255, 255))
    pen.text((left + 7, above + 2), str(number), fill=(255, 255, 255), font=ImageFont.load_default(18))


# --- words -----------------------------------------------------------------------------------------------


def _legend(comparison: Comparison) -> list[tuple[str, tuple[int, int, int]]]:
    """Return the lines of the words with their colours; long sentences take several."""
    lines = []
    for number, one in enumerate(comparison.differences, 1):
        text = f"{number}  {difference_text(one)} ({one.kind.value})"
        lines += [(line, _colour(one)) for line in wrap(text, _LETTERS, subsequent_indent="    ")]
    if not lines:
        share = f"{comparison.compared:.0%}"
        text = f"no difference found in the {share} of the copy that was compared"
        lines += [(line, _INK) for line in wrap(text, _LETTERS)]
    for gap in comparison.not_compared:
        text = "not compared: " + gap.removeprefix("picture: ")
        lines += [(line, _QUIET) for line in wrap(text, _LETTERS, subsequent_indent="    ")]
    return lines


def _write(
    pen: ImageDraw.ImageDraw,
    lines: list[tuple[str, tuple[int, int, int]]],
    at: tuple[int, int],
    *,
    heat: bool,
) -> None:
    font, (left, top) = ImageFont.load_default(_TEXT_FONT), at
    for line, colour in lines:
        pen.text((left, top), line, fill=colour, font=font)
        top += _LINE
    if not heat:
        return
    top += _LINE // 2
    scale = cv2.applyColorMap(np.arange(255, -1, -1, dtype=np.uint8)[None], cv2.COLORMAP_INFERNO)[0, :, ::-1]
    for step in range(120):
        shade = tuple(int(value) for value in scale[step * 255 // 119])
        pen.line((left + step, top + 3, left + step, top + 19), fill=shade)
    least = FULL_HEAT / 3
    pen.text(
        (left + 130, top), f"{least:.0f} to {FULL_HEAT:.0f} sd above clean copies", fill=_QUIET, font=font
    )


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
