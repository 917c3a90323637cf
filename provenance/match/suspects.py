"""Suspects: registered pictures that a copy may come from, aligned with as much effort as each deserves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from provenance.errors import UnmatchableError
from provenance.evidence import Geometry
from provenance.examination import View
from provenance.fingerprint import image, local
from provenance.fingerprint.code import PDQ256, distance
from provenance.match import align, detail, propose, reference, warp

#: Agreeing stored features from which SIFT is worth its cost. Source: docs/measurements.md, matching.
PROMISING: Final = 7


@dataclass(frozen=True, slots=True)
class Suspect:
    """What is known of a registered picture before it is aligned.

    Attributes:
        picture: Its stored reference.
        features: Stored form of its local features, or None where it has none.
        width: Of the registered asset, pixels.
        height: Of the registered asset, pixels.
        view: View of the copy in which it was found.
        distance: Distance of the whole-picture codes, bits, or None where it was found by features.
    """

    picture: bytes
    features: bytes | None
    width: int
    height: int
    view: View
    distance: int | None


@dataclass(frozen=True, slots=True)
class SharedPart:
    """The part that an aligned copy and its reference share.

    Attributes:
        distance: PDQ distance of the two, bits; None where the part is too small or flat for a code, or not asked.
        sharpness: Fine detail of the copy against the reference's; None where the reference has none.
    """

    distance: int | None
    sharpness: float | None


def aligned(
    aligner: align.Aligner, suspect: Suspect, opened: Callable[[], image.Rgb] | None = None
) -> Geometry | None:
    """Return how the copy lies in a suspect, or None.

    1. A picture with nearly the same code is aligned by all means.
    2. Otherwise its stored features are tried in the one view that brought it up, a matter of milliseconds;
       only where enough agree is it aligned.
    3. A picture with a code not too far is last tried by correlation of the whole.

    Args:
        aligner: The copy.
        suspect: What it may come from.
        opened: Returns the suspect's stored picture, for those who need it themselves; decoded here where absent.

    Raises:
        FormatError: The stored picture or its features are damaged.
    """
    size = (suspect.width, suspect.height)
    near = suspect.distance is not None and suspect.distance <= PDQ256.radius
    opened = opened or partial(reference.open_reference, suspect.picture)
    start = None
    if suspect.features is not None:
        start = aligner.proposed(local.Features.from_bytes(suspect.features), size, suspect.view)
    if near or start is not None:
        views = [suspect.view, *(view for view in propose.VIEWS if view != suspect.view)]
        sift = near or (start is not None and start.inliers >= PROMISING)
        return aligner.align(opened(), size, views, sift=sift, start=start)
    if suspect.distance is not None:
        return aligner.align_whole(opened(), size, suspect.view.part)
    return None


def shared_part(
    laid: warp.Laid, reference_rgb: image.Rgb, *, negative: bool = False, coded: bool = True
) -> SharedPart:
    """Return how near the part is that copy and reference share.

    What the copy does not cover is taken from the reference in both, so that only the shared part counts.

    Args:
        laid: The copy as it lies in the reference.
        reference_rgb: uint8, shape (h, w, 3).
        negative: Whether the copy is a negative.
        coded: Whether the codes of the part are wanted, twelve milliseconds.
    """
    pixels, inside = laid
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows) or not len(columns):
        return SharedPart(None, None)
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    shown = np.where(inside[..., None], 255 - pixels if negative else pixels, reference_rgb)[part]
    known = np.ascontiguousarray(reference_rgb[part])
    sharpness = detail.sharpness(np.ascontiguousarray(shown), known)
    if not coded:
        return SharedPart(None, sharpness)
    try:
        ours, theirs = (image.pdq(one)[0] for one in (np.ascontiguousarray(shown), known))
    except UnmatchableError:
        return SharedPart(None, sharpness)
    return SharedPart(distance(ours, theirs), sharpness)
