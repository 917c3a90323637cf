"""What a process remembers to answer sooner: bytes by key, with one limit on all of them together."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from cachetools import LRUCache

_Key = TypeVar("_Key", bound=Hashable)


class Remembered(Generic[_Key]):
    """Bytes by key; what was unused for longest goes first. Thread-safe.

    Bytes, not objects: only they say what they take. An object is to be kept as its CBOR.

    Args:
        max_bytes: Most bytes of all values together, :data:`ENTRY_BYTES` added for each.
    """

    #: Bytes counted for an entry beside its value: key, two hash-table places and the headers of the objects. Source:
    #: measured with tracemalloc, 0.4 to 0.7 kB for a key of five parts; keys are short and of fixed length.
    ENTRY_BYTES: Final = 1024

    def __init__(self, max_bytes: int) -> None:
        self._values: LRUCache[_Key, bytes] = LRUCache(max_bytes, self._weigh)
        self._lock = threading.Lock()

    @classmethod
    def _weigh(cls, value: bytes) -> int:
        return len(value) + cls.ENTRY_BYTES

    def __len__(self) -> int:
        return len(self._values)

    @property
    def size(self) -> int:
        """Bytes counted now."""
        return int(self._values.currsize)

    def get(self, key: _Key) -> bytes | None:
        """Return what is remembered under ``key``, if it still is."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: _Key, value: bytes) -> None:
        """Remember ``value``, and forget others for it; one that is over the limit alone is not remembered."""
        if self._weigh(value) <= self._values.maxsize:
            with self._lock:
                self._values[key] = value
