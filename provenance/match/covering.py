"""Covering: which differences lie on a face. Altered faces are what forgeries are made for, so they are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from provenance.evidence import Box, Comparison, Difference

#: Share of a face that a difference must cover to be called the face's.
OF_FACE: Final = 0.15
#: Share of a difference that must lie on a face to be called the face's: an eye, a mouth.
OF_DIFFERENCE: Final = 0.5


def with_faces(comparison: Comparison, faces: Sequence[Box]) -> Comparison:
    """Return the comparison with the differences that lie on a face marked as such.

    Args:
        comparison: What differs.
        faces: Faces of the copy and of the original, in fractions of the copy.
    """
    marked = (replace(one, face=one.face or _on_face(one, faces)) for one in comparison.differences)
    return replace(comparison, differences=tuple(marked))


def bare(comparison: Comparison) -> tuple[Box, ...]:
    """Return the boxes of the differences that are on no face as far as is known."""
    return tuple(one.box for one in comparison.differences if one.box is not None and not one.face)


def _on_face(difference: Difference, faces: Sequence[Box]) -> bool:
    if (box := difference.box) is None:
        return False
    for face in faces:
        shared = _shared(box, face)
        if shared > 0 and (shared >= OF_FACE * face.area or shared >= OF_DIFFERENCE * box.area):
            return True
    return False


def _shared(one: Box, other: Box) -> float:
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    return max(width, 0.0) * max(height, 0.0)
