"""What finding needs of the registry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from provenance.evidence import Record


class LedgerHead(Protocol):
    """The head of the ledger, as far as finding needs it."""

    @property
    def size(self) -> int:
        """Number of entries."""


class StoredPart(Protocol):
    """A stored reference."""

    @property
    def blob(self) -> bytes:
        """Its bytes."""

    @property
    def time_s(self) -> float | None:
        """Its time in the film, seconds, or None."""


class Registry(Protocol):
    """The registered assets, their codes and stored references."""

    def head(self) -> LedgerHead:
        """Return the head of the ledger."""

    def codes_after(self, algorithm: str, index: int) -> Iterable[tuple[str, int, float | None, bytes]]:
        """Yield (asset_id, entry index, time, code) of entries after ``index``, in order of entries."""

    def redacted_between(self, start: int, stop: int) -> bool:
        """Return whether an entry from ``start`` to before ``stop`` redacts an asset."""

    def references(self, asset_id: str, kind: str) -> Sequence[StoredPart]:
        """Return the stored references of a kind with their times."""

    def record(self, asset_id: str) -> Record:
        """Return the registered asset."""
