"""Codes of two films side by side, and what the copy's picture shows where it is not the asset's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from provenance.errors import FormatError
from provenance.fingerprint.code import PDQ256
from provenance.match.path import Line

#: Distance, bits of PDQ, up to which two frames count as the same within an alignment. Source:
#: docs/measurements.md, film: the order in time allows a wider radius than single pictures.
FRAME_RADIUS: Final = 60
#: Distance, bits, from which a frame speaks against the line it is on. Source: between two stored frames of
#: fast motion a genuine one is up to 92 bits from both, 50 on average; foreign ones are 128.
FOREIGN_BITS: Final = 80
#: Distance of a second of film to the asset's, bits, mean and standard deviation over clean copies
#: (re-encoded, brighter, captioned, at other speeds). Source: 1,457 frames of 3 films, docs/measurements.md.
CLEAN_BITS: Final = 16.4
CLEAN_SPREAD_BITS: Final = 9.2
#: Least reach around a line, seconds: stored frames were half a second apart when the rest was measured.
MIN_REACH_S: Final = 0.5
#: Share of the time between stored frames from which a frame counts as between them.
BETWEEN: Final = 0.3
#: Shortest foreign stretch that is told, seconds. Source: the path over lines leaves out four frames at
#: four a second, and single frames stay unseen.
MIN_FOREIGN_S: Final = 0.9

Codes = NDArray[np.uint8]
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """Codes and times of a copy's and an asset's frames.

    Attributes:
        copy: uint64, shape (n, 4): PDQ codes of the copy as four words.
        copy_s: float64, shape (n,): their times, ascending, seconds.
        ref: uint64, shape (m, 4): PDQ codes of the asset.
        ref_s: float64, shape (m,): their times, ascending, seconds.
    """

    copy: NDArray[np.uint64]
    copy_s: Times
    ref: NDArray[np.uint64]
    ref_s: Times

    @classmethod
    def of(cls, copy_codes: Codes, copy_times: Times, ref_codes: Codes, ref_times: Times) -> Self:
        """Return both films; codes are uint8 (n, 32), times float64 (n,).

        Raises:
            FormatError: A shape, a type or the order of the times is another.
        """
        for codes, times in ((copy_codes, copy_times), (ref_codes, ref_times)):
            if codes.ndim != 2 or codes.shape[1] != PDQ256.size or codes.dtype != np.uint8:
                raise FormatError(f"expected uint8 codes of shape (n, 32), found {codes.dtype} {codes.shape}")
            if times.shape != codes.shape[:1] or not np.isfinite(times).all() or (np.diff(times) < 0).any():
                raise FormatError(f"expected {len(codes)} finite ascending times, found {times.shape}")
        return cls(
            np.ascontiguousarray(copy_codes).view(np.uint64),
            np.asarray(copy_times, np.float64),
            np.ascontiguousarray(ref_codes).view(np.uint64),
            np.asarray(ref_times, np.float64),
        )

    @property
    def copy_step(self) -> float:
        """Usual time from one frame of the copy to the next, seconds."""
        return _step(self.copy_s)

    @property
    def reach(self) -> float:
        """How far from a line, seconds of the asset, a stored frame is looked for: one stored frame.

        Not less than half a second: neighbours closer than that look alike, and votes for each would be
        told apart though they speak for one line.
        """
        return max(_step(self.ref_s), MIN_REACH_S)

    def part(self, first: int, end: int) -> Films:
        """Return the same with the copy's frames ``first`` to before ``end`` only."""
        return Films(self.copy[first:end], self.copy_s[first:end], self.ref, self.ref_s)

    def near(self, line: Line, reach: float) -> tuple[NDArray[np.float32], Times]:
        """Return distances and time errors of the stored frames within ``reach`` seconds of a line.

        Returns:
            float32 (n, k) bits, infinite where there is no frame, and float64 (n, k) seconds.
        """
        times = line.along(self.copy_s)
        first = np.searchsorted(self.ref_s, times - reach)
        last = np.searchsorted(self.ref_s, times + reach, side="right")
        width = max(1, int((last - first).max(initial=0)))
        places = first[:, None] + np.arange(width)
        valid = places < last[:, None]
        places = np.minimum(places, len(self.ref_s) - 1)
        bits = np.bitwise_count(self.copy[:, None, :] ^ self.ref[places]).sum(axis=2)
        distances = np.where(valid, bits, np.inf).astype(np.float32)
        return distances, self.ref_s[places] - times[:, None]

    def cost(self, line: Line) -> NDArray[np.float32]:
        """Return float32 (n,): bits of each frame to the nearest stored one on a line; infinite without."""
        return np.asarray(self.near(line, self.reach)[0].min(axis=1), np.float32)

    def told(self, line: Line) -> NDArray[np.float32]:
        """Return the cost on a line, float32 (n,), of which frames between stored ones say no more than nothing.

        In fast motion such a frame may be as far from both its neighbours as a foreign one. Where a film comes back
        to a scene, the other round's stored frames may lie at better moments, and would win by chance.
        """
        bits, error = self.near(line, self.reach)
        cost = np.asarray(bits.min(axis=1), np.float32)
        nearest = np.where(np.isfinite(bits), np.abs(error), np.inf).min(axis=1)
        between = nearest > BETWEEN * _step(self.ref_s)
        return np.where(between & np.isfinite(cost), np.minimum(cost, FOREIGN_BITS), cost)


def _step(times: Times) -> float:
    gaps = np.diff(times)
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if len(gaps) else 1.0
