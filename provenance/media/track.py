"""What is known about a film or recording before and while it is decoded: its measures, bounds and clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from provenance.errors import LimitError
from provenance.settings import Limits


@dataclass(frozen=True, slots=True)
class Probe:
    """What the headers of a media file say, within the limits.

    Attributes:
        duration_s: Length in media time, seconds; 0 for a picture.
        width: Width as displayed, pixels; 0 without a picture.
        height: Height as displayed, pixels; 0 without a picture.
        has_picture: Whether there is a picture or film track (cover pictures of recordings do not count).
        has_sound: Whether there is a sound track.
        fps: Mean frames per second; 0 where unknown or a picture.
        sample_rate: Of the first sound track, Hz; 0 without sound.
        notes: What a reader should know, as sentences without a full stop.
        tags: Name and value of the container's own tags, as written: claims.
    """

    duration_s: float
    width: int
    height: int
    has_picture: bool
    has_sound: bool
    fps: float = 0.0
    sample_rate: int = 0
    notes: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


def check_duration(duration_s: float, limits: Limits) -> None:
    """Refuse media longer than ``limits.duration_s``, or of no sensible length.

    Raises:
        LimitError: Over the limit, or not a number.
    """
    if not duration_s <= limits.duration_s:
        raise LimitError(
            f"expected at most {limits.duration_s:g} s of media, found {duration_s:.0f} s",
            hint="cut the media, or raise duration_s",
        )


def check_frame(width: int, height: int, limits: Limits) -> None:
    """Refuse frames over the limits of sides and pixels.

    Raises:
        LimitError: Over a limit.
    """
    if max(width, height) > limits.side_px or width * height > limits.pixels:
        raise LimitError(
            f"expected frames of at most {limits.side_px} pixels a side and {limits.pixels} in all, "
            f"found {width} x {height}",
            hint="reduce the film, or raise side_px and pixels",
        )


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return the size with square pixels; absurd aspects (beyond 4) are taken for damage and ignored."""
    if aspect is None or not Fraction(1, 4) <= aspect <= 4:
        return width, height
    return max(1, round(width * aspect)), height


class Ticks:
    """The times k / rate between a start (included) and an end (excluded), taken in order."""

    def __init__(self, rate_hz: float, start_s: float, end_s: float) -> None:
        self._rate, self._end, self.within_s = rate_hz, end_s, math.inf
        self._next = math.ceil(start_s * rate_hz - 1e-9)

    @property
    def done(self) -> bool:
        """Whether no tick is left."""
        return self._next / self._rate >= self._end

    def up_to(self, time_s: float) -> Iterator[float]:
        """Yield the ticks not yet taken that lie before or at ``time_s``."""
        while not self.done and self._next / self._rate <= time_s:
            yield self._next / self._rate
            self._next += 1


class Moments:
    """Given times, ascending, taken in order; those with no frame within ``within_s`` seconds have none."""

    def __init__(self, times: Sequence[float], within_s: float = math.inf) -> None:
        self._left, self.within_s = deque(times), within_s

    @property
    def done(self) -> bool:
        """Whether no moment is left."""
        return not self._left

    def up_to(self, time_s: float) -> Iterator[float]:
        """Yield the moments not yet taken that lie before or at ``time_s``."""
        while self._left and self._left[0] <= time_s:
            yield self._left.popleft()
