"""A column: values in memory that grow in number, one writer beside any number of readers."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

_FIRST_ROOM = 1024


class Column(Generic[Scalar]):
    """Values of one type, appended and never changed.

    Args:
        kind: Type of the values.
    """

    def __init__(self, kind: type[Scalar]) -> None:
        self._held: NDArray[Any] = np.zeros(_FIRST_ROOM, kind)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def extend(self, values: NDArray[Scalar]) -> None:
        """Append ``values``, shape (n,)."""
        end = self._count + len(values)
        if end > len(self._held):
            # Twice the room at a time, so that each value is moved a bounded number of times.
            grown = np.zeros(max(end, 2 * len(self._held)), self._held.dtype)
            grown[: self._count] = self._held[: self._count]
            self._held = grown
        self._held[self._count : end] = values
        self._count = end

    def values(self) -> NDArray[Scalar]:
        """Return the values so far, shape (n,), without copying them."""
        return self._held[: self._count]
