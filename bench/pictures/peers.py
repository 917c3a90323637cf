"""The peers measured beside the product: codes at a threshold, and PDQ followed by pixel SSIM after naive resizing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.pictures.product import Card
from bench.pictures.raster import Rgb, sized
from provenance.errors import UnmatchableError
from provenance.fingerprint import image, iscc
from provenance.fingerprint.code import Fingerprint

#: The codes, as the registry stores them, and their bits.
CODES: Final = {"pdq256-v1": 256, "phash64-v1": 64, "iscc-image-v0": 256}
#: Share of the bits up to which distances of wrong pairs are counted; half is chance.
NEAR: Final = 0.42
#: PDQ's published threshold.
PDQ_THRESHOLD: Final = 31
#: Side at which the naive comparison looks at both pictures.
SSIM_PX: Final = 256


def codes_of(rgb: Rgb) -> dict[str, bytes]:
    """Return the plain codes of a copy; one that a code's own rules refuse is left out."""
    makers: tuple[Callable[[Rgb], Fingerprint], ...] = (_pdq, image.phash64, iscc.image_code)
    found = {}
    for make in makers:
        try:
            code = make(rgb)
        except UnmatchableError:
            continue
        found[code.algorithm] = code.value
    return found


def _pdq(rgb: Rgb) -> Fingerprint:
    return image.pdq(rgb)[0]


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances of one copy's codes, bits.

    Attributes:
        right: To its original, by algorithm.
        wrong: How many registered strangers lie at each distance up to :data:`NEAR`, by algorithm.
    """

    right: dict[str, int]
    wrong: dict[str, dict[int, int]]


@dataclass(frozen=True, slots=True)
class Peers:
    """The codes of all registered pictures.

    Attributes:
        names: Registered pictures.
        stored: uint8 codes by algorithm, shape (n, bytes).
    """

    names: list[str]
    stored: dict[str, NDArray[np.uint8]]

    @classmethod
    def of(cls, cards: Sequence[Card]) -> Peers:
        """Return the peers' registry of cards; a card without a code holds zeros, far from everything."""
        stored = {}
        for name, bits in CODES.items():
            rows = b"".join(card.codes.get(name, bytes(bits // 8)) for card in cards)
            stored[name] = np.frombuffer(rows, np.uint8).reshape(len(cards), -1)
        return cls([card.name for card in cards], stored)

    def look_up(self, codes: Mapping[str, bytes], truth: str | None) -> Distances:
        """Return the distances of a copy's codes.

        Args:
            codes: Plain codes of the copy.
            truth: Name of its original, or None where it has none.
        """
        right: dict[str, int] = {}
        wrong: dict[str, dict[int, int]] = {}
        for name, code in codes.items():
            differing = self.stored[name] ^ np.frombuffer(code, np.uint8)
            far = np.bitwise_count(differing).sum(axis=1, dtype=np.int64)
            counts = np.bincount(far, minlength=CODES[name] + 1)
            if truth is not None:
                right[name] = int(far[self.names.index(truth)])
                counts[right[name]] -= 1
            near = counts[: int(CODES[name] * NEAR) + 1]
            wrong[name] = {int(bits): int(near[bits]) for bits in np.flatnonzero(near)}
        return Distances(right, wrong)


def lowest_ssim(one: Rgb, other: Rgb) -> float:
    """Return the lowest block mean of SSIM of two pictures squeezed to 256 x 256 luma, -1..1.

    Source: Wang et al. 2004, equation 13, Gaussian window of 1.5; blocks of 16 pixels.
    """
    a, b = (
        cv2.cvtColor(sized(rgb, SSIM_PX, SSIM_PX), cv2.COLOR_RGB2GRAY).astype(np.float64)
        for rgb in (one, other)
    )

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float64)

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ssim = (2 * ma * mb + c1) * (2 * both + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    blocks = ssim.reshape(SSIM_PX // 16, 16, SSIM_PX // 16, 16).mean(axis=(1, 3))
    return float(blocks.min())
