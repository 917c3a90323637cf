"""Where faces are in a picture: only user of the face network. It recognises nobody.

The network is BlazeFace, full-range model of MediaPipe (weights/README.md), run by OpenCV. It sees a square of 192
pixels, so a picture is shown to it whole and in overlapping quarters, where smaller faces are large enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import FormatError

#: SHA-256 of the weights.
WEIGHTS_SHA256: Final = "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3"
#: Score from which something is a face. Source: docs/measurements.md#alteration: 7 of 7 portraits, 2 of 71
#: wallpapers without people.
SCORE: Final = 0.6
#: Smallest face, pixels: below it the finds of the wallpapers begin.
SIDE_PX: Final = 16
# Side of the network's input and its grid of cells. Source: MediaPipe, face_detection_full_range.pbtxt.
_INPUT_PX, _CELLS = 192, 48
# Outputs: per cell 16 numbers (centre, size, six points) in input pixels, and a score before the logistic.
_BOXES, _SCORES = "reshaped_regressor_face_4", "reshaped_classifier_face_4"
# Overlap (intersection over union) from which two finds are one face.
_SAME = 0.3
# How far a face may reach beyond the square it is seen in, share of the square.
_REACH = 0.1

Rgb = NDArray[np.uint8]
#: Left, top, width, height as fractions of the picture.
Face = tuple[float, float, float, float]


def find_faces(rgb: Rgb, near: Sequence[Face] | None = None) -> tuple[Face, ...]:
    """Return the faces of a picture, best score first; boxes reach from brow to chin.

    Args:
        rgb: uint8, shape (h, w, 3), upright.
        near: Parts of the picture, as fractions. Faces that touch none of them may be left out: looking at a square
            costs five milliseconds.

    Raises:
        FormatError: The weights that came with the package are damaged.
    """
    height, width = rgb.shape[:2]
    boxes, scores = [], []
    for left, top, side in _windows(width, height):
        if near is not None and not any(_touches((left, top, side), one, width, height) for one in near):
            continue
        square = np.zeros((side, side, 3), np.uint8)
        part = rgb[top : top + side, left : left + side]
        square[: part.shape[0], : part.shape[1]] = part
        for (x, y, w, h), score in _seen(square):
            if min(w, h) * side >= SIDE_PX:
                boxes.append((left + x * side, top + y * side, w * side, h * side))
                scores.append(score)
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes, scores, SCORE, _SAME)).ravel() if boxes else ()
    return tuple(_within(boxes[int(i)], width, height) for i in kept)


def warm_up() -> None:
    """Load the network while the file system is still there; see :mod:`provenance.media.worker`.

    Raises:
        FormatError: The weights that came with the package are damaged.
    """
    _network()


@cache
def _network() -> cv2.dnn.Net:
    with as_file(files("provenance.media").joinpath("weights/face_detection_full_range.tflite")) as path:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != WEIGHTS_SHA256:
            raise FormatError(
                f"expected the face network's weights with SHA-256 {WEIGHTS_SHA256}, found {found}",
                hint="install the package again",
            )
        # By path and with the classic engine: from a buffer, and with the newer engine, OpenCV 5.0 gives only
        # one of the two outputs.
        return cv2.dnn.readNetFromTFLite(str(path), cv2.dnn.ENGINE_CLASSIC)


def _windows(width: int, height: int) -> Iterator[tuple[int, int, int]]:
    """Yield left, top and side of the squares that are looked at: the whole, then overlapping parts."""
    longest = max(width, height)
    yield 0, 0, longest
    side = max(longest // 2, min(_INPUT_PX, longest))
    if side == longest:
        return
    step = side * 3 // 5
    for top in range(0, max(height - side * 2 // 5, 1), step):
        for left in range(0, max(width - side * 2 // 5, 1), step):
            yield max(min(left, width - side), 0), max(min(top, height - side), 0), side


def _touches(window: tuple[int, int, int], part: Face, width: int, height: int) -> bool:
    left, top, side = window
    x, y, w, h = part[0] * width, part[1] * height, part[2] * width, part[3] * height
    reach = _REACH * side
    across = left - reach <= x + w and x <= left + side + reach
    return across and top - reach <= y + h and y <= top + side + reach


def _seen(square: Rgb) -> list[tuple[Face, float]]:
    """Return boxes (fractions of the square) and scores of what the network sees in it."""
    network = _network()
    # Inputs of -1 to 1. Source: MediaPipe, face_detection_full_range.pbtxt.
    network.setInput(cv2.dnn.blobFromImage(square, 1 / 127.5, (_INPUT_PX, _INPUT_PX), (127.5, 127.5, 127.5)))
    outputs, logits = network.forward((_BOXES, _SCORES))
    scores = 1 / (1 + np.exp(-np.clip(logits.ravel(), -80, 80)))
    found = []
    for cell in np.flatnonzero(scores > SCORE):
        middle = (np.array([cell % _CELLS, cell // _CELLS]) + 0.5) / _CELLS
        x, y, w, h = outputs.reshape(-1, 16)[cell, :4] / _INPUT_PX
        left, top = middle[0] + x - w / 2, middle[1] + y - h / 2
        found.append(((float(left), float(top), float(w), float(h)), float(scores[cell])))
    return found


def _within(box: Face, width: int, height: int) -> Face:
    left, top = max(box[0] / width, 0.0), max(box[1] / height, 0.0)
    right, below = min((box[0] + box[2]) / width, 1.0), min((box[1] + box[3]) / height, 1.0)
    return left, top, max(right - left, 0.0), max(below - top, 0.0)
