"""Codes of the frames of a film, collected one frame at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.errors import UnmatchableError
from provenance.fingerprint.code import PDQ256
from provenance.fingerprint.image import Rgb, pdq

#: Frames a second that are stored of a registered film. Source: docs/measurements.md, film: one a second
#: loses half of the clips that carry an overlay.
REFERENCE_RATE: Final = 2.0
#: Frames a second that are taken of a queried film; twice the stored rate bounds the time to the nearest
#: stored frame by an eighth of a second. Source: the same measurement.
QUERY_RATE: Final = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class FrameCodes:
    """PDQ codes of the frames that have one, in order of time.

    Attributes:
        codes: uint8, shape (n, 32).
        times: float64, shape (n,): seconds of media time, ascending.
        quality: uint8, shape (n,): PDQ quality, 50..100.
        seen: Frames looked at, of which ``seen - n`` were too flat.
    """

    codes: NDArray[np.uint8]
    times: NDArray[np.float64]
    quality: NDArray[np.uint8]
    seen: int

    def __len__(self) -> int:
        return len(self.times)


class FrameCollector:
    """Collects frame codes; memory grows by 41 bytes a frame and holds no picture."""

    def __init__(self) -> None:
        self._codes = bytearray()
        self._times: list[float] = []
        self._quality = bytearray()
        self._seen = 0
        self._refused = "no frame was decoded"

    def add(self, time_s: float, rgb: Rgb) -> bool:
        """Take in a frame.

        Args:
            time_s: Its time, seconds of media time, not before the previous one's.
            rgb: uint8, shape (height, width, 3), upright.

        Returns:
            Whether it has a code; black, flat and tiny frames have none.

        Raises:
            ValueError: ``time_s`` is before the previous frame's time or not a number.
            FormatError: ``rgb`` has another shape or type.
        """
        if not time_s >= (self._times[-1] if self._times else -np.inf):
            raise ValueError(f"frames come in order of time; {time_s} s follows {self._times[-1:]}")
        self._seen += 1
        try:
            found, quality = pdq(rgb)
        except UnmatchableError as cause:
            self._refused = cause.message
            return False
        self._codes += found.value
        self._times.append(time_s)
        self._quality.append(quality)
        return True

    def finish(self) -> FrameCodes:
        """Return what was collected.

        Raises:
            UnmatchableError: No frame has a code.
        """
        if not self._times:
            raise UnmatchableError(
                f"film cannot be fingerprinted: none of {self._seen} frames has a code ({self._refused})",
                hint="its sound and exact digests still find it",
            )
        return FrameCodes(
            np.frombuffer(bytes(self._codes), np.uint8).reshape(-1, PDQ256.size),
            np.array(self._times, np.float64),
            np.frombuffer(bytes(self._quality), np.uint8),
            self._seen,
        )
