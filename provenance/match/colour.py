"""Colour: what a filter did to the colours and the light of an aligned copy, as a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from provenance.match import warp

#: Mean strength of the original's colours below which they say nothing, levels of Cb and Cr.
MIN_CHROMA: Final = 4.0
#: Fewest pixels that say anything.
MIN_PIXELS: Final = 256
# Luma, and the weights of blue and red beyond it. Source: ITU-R BT.601.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_CB, _CR = 0.564, 0.713


@dataclass(frozen=True, slots=True)
class Colours:
    """How the copy's colours follow from the original's.

    Attributes:
        colour: Strength of the copy's colours against the original's, 0 for shades of grey; None where the original
            has hardly any.
        tint: Colour laid over the whole, levels of Cb and Cr; None where not measurable.
        brightness: Middle change of luma, levels; None where not measurable.
    """

    colour: float | None = None
    tint: float | None = None
    brightness: float | None = None


#: Nothing could be measured.
UNKNOWN: Final = Colours()


def colours(laid: warp.Laid, reference_rgb: warp.Rgb, *, negative: bool = False) -> Colours:
    """Return how the colours of the part that both show changed.

    Args:
        laid: The copy as it lies in the reference.
        reference_rgb: uint8, shape (h, w, 3).
        negative: Whether the copy is a negative, which is turned back first.
    """
    # Every other pixel is enough for a middle.
    inside = laid.inside[::2, ::2]
    if int(inside.sum()) < MIN_PIXELS:
        return UNKNOWN
    shown = laid.pixels[::2, ::2][inside].astype(np.float32)
    known = reference_rgb[::2, ::2][inside].astype(np.float32)
    if negative:
        shown = 255 - shown
    ours, theirs = shown @ _LUMA, known @ _LUMA
    cb, cr = (shown[:, 2] - ours) * _CB, (shown[:, 0] - ours) * _CR
    cb_then, cr_then = (known[:, 2] - theirs) * _CB, (known[:, 0] - theirs) * _CR
    strength = float(np.mean(np.hypot(cb_then, cr_then)))
    # Against its own middle, so that a tint is no strength.
    blue, red = cb_then - cb_then.mean(), cr_then - cr_then.mean()
    spread = float((blue * blue + red * red).sum())
    kept = float((cb * blue + cr * red).sum()) / spread if spread > 0 else 1.0
    share = kept if strength >= MIN_CHROMA and spread / len(blue) >= MIN_CHROMA**2 / 4 else None
    by = 1.0 if share is None else min(max(share, 0.0), 1.0)
    tint = float(np.hypot(np.median(cb - by * cb_then), np.median(cr - by * cr_then)))
    return Colours(None if share is None else max(share, 0.0), tint, float(np.median(ours - theirs)))
