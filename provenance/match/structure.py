"""Structure: where copy and original both show marks, and not the same ones.

Lettering of a few pixels' height fills too little of a block to raise its energy, but nothing that copying does
makes one sharp mark out of another.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

#: Contrast that contradicts, grey levels and standard deviations of the copy's own noise, at which a place counts
#: as 1. Source: docs/measurements.md, alteration: in 118 clean copies at most 15 levels with 4.3 deviations.
LEVELS: Final = 12.0
DEVIATIONS: Final = 6.5
# Width of a window, pixels: the height of a line of writing that a reference can still show.
_WINDOW_PX = 11

Plane = NDArray[np.float32]


def contradiction(shown: Plane, expected: Plane, sigma: Plane) -> Plane:
    """Return how strongly marks of the copy contradict those of the original, float32, shape (h, w); 1 is much.

    It is the lesser of the two contrasts in the window around each pixel, times one less their correlation: where
    only one of the two has marks, it is small.

    Args:
        shown: float32, shape (h, w): luma of the copy, 0..255.
        expected: float32, shape (h, w): luma of the original in the copy's tone and blur.
        sigma: float32, shape (h, w): noise of the copy, grey levels.
    """
    window = (_WINDOW_PX, _WINDOW_PX)
    means = [cv2.blur(plane, window) for plane in (shown, expected)]
    own, other = (
        np.maximum(cv2.blur(plane * plane, window) - mean * mean, 0)
        for plane, mean in zip((shown, expected), means, strict=True)
    )
    both = cv2.blur(shown * expected, window) - means[0] * means[1]
    alike = both / np.sqrt(own * other + 1)
    off = np.sqrt(np.minimum(own, other)) * np.clip(1 - alike, 0, 1.5)
    return np.asarray(off / np.maximum(LEVELS, DEVIATIONS * sigma), np.float32)
