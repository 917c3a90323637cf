"""Registered codes near a code that somebody asks for: one question, answered in memory or in the database."""

from __future__ import annotations

import threading
from sys import intern
from typing import Protocol

import numpy as np

from provenance.fingerprint.bands import CODE_BYTES
from provenance.fingerprint.code import Nearby
from provenance.match.column import Column
from provenance.match.index import CodeIndex
from provenance.match.registry import Registry


class NearCodes(Protocol):
    """All registered codes, asked by algorithm; both ways of answering give the same."""

    def near(self, algorithm: str, code: bytes, radius: int) -> list[Nearby]:
        """Return the assets with a code within ``radius`` bits of ``code``, without exception.

        Args:
            algorithm: Name with version; codes of different algorithms have no distance.
            code: 8 or 32 bytes, as long as the codes of the algorithm.
            radius: 0 or more bits.

        Returns:
            Each asset once, by its nearest code (of equal ones the first); nearest first, of equal ones the
            asset registered first.
        """


class CodesInMemory:
    """The codes of a registry in the memory of this process, each algorithm's read when it is first asked for.

    They follow the registry: each question sees what was registered, and not what was erased, before it. Safe to
    share between threads.

    Args:
        registry: What is registered.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._books: dict[str, _Book] = {}

    def near(self, algorithm: str, code: bytes, radius: int) -> list[Nearby]:
        """Return the assets with a code within ``radius`` bits; see :class:`NearCodes`."""
        book = self._books.setdefault(algorithm, _Book(algorithm))
        book.follow(self._registry)
        return book.near(code, radius)


class _Book:
    """All registered codes of one algorithm; 256-bit codes by the exact index, shorter ones by a scan."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._turn = threading.Lock()
        self._seen = 0
        self._held = _Held()

    def follow(self, registry: Registry) -> None:
        """Take in what was registered since, and let go of everything where something was erased (SR-30)."""
        size = registry.head().size
        if size <= self._seen:
            return
        with self._turn:
            if size <= self._seen:  # another thread was faster
                return
            held, start = self._held, self._seen
            if start and registry.redacted_between(start, size):
                held, start = _Held(), 0
            # The walk may see what is registered meanwhile; the next one would bring it again.
            rows = [row for row in registry.codes_after(self._algorithm, start - 1) if row[1] < size]
            held.add(rows)
            self._held, self._seen = held, size

    def near(self, code: bytes, radius: int) -> list[Nearby]:
        held = self._held
        best: dict[str, Nearby] = {}
        for position, distance in held.within(code, radius):
            asset_id, time_s = held.owners[position]
            best.setdefault(asset_id, Nearby(asset_id, distance, time_s))
        return list(best.values())


class _Held:
    """Codes and owners; owners are there before the codes are, so that readers need not wait."""

    def __init__(self) -> None:
        self.owners: list[tuple[str, float | None]] = []
        self._long = CodeIndex()
        self._short: Column[np.uint64] = Column(np.uint64)

    def add(self, rows: list[tuple[str, int, float | None, bytes]]) -> None:
        # One text for all codes of an asset: a film has thousands, and its name takes 120 bytes.
        self.owners += [(intern(asset_id), time_s) for asset_id, _, time_s, _ in rows]
        raw = np.frombuffer(b"".join(code for *_, code in rows), np.uint8)
        if rows and len(rows[0][-1]) == CODE_BYTES:
            self._long.add(raw.reshape(len(rows), CODE_BYTES))
        elif rows:
            self._short.extend(raw.view(np.uint64))

    def within(self, code: bytes, radius: int) -> list[tuple[int, int]]:
        """Return positions and distances, nearest first, of equal ones in the order of registration."""
        if len(code) == CODE_BYTES:
            return [(found.position, found.distance) for found in self._long.within(code, radius)]
        apart = np.bitwise_count(self._short.values() ^ np.frombuffer(code, np.uint64))
        near = np.flatnonzero(apart <= radius)
        near = near[np.argsort(apart[near], kind="stable")]
        return list(zip(near.tolist(), apart[near].tolist(), strict=True))
