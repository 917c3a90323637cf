"""Units: which owners have ISCC units near those of a query; one exact index for each kind of unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from provenance.fingerprint.code import ISCC_IMAGE
from provenance.fingerprint.iscc import UNIT_BITS, Unit, UnitKind
from provenance.match.index import CodeIndex

#: Bits up to which a unit counts as found. Pictures: the measured radius of the image code. Sound and bytes
#: take the same figure, which nobody measured here; an instance code is a digest and must agree in all bits.
RADII: Final = {
    UnitKind.CONTENT_IMAGE: ISCC_IMAGE.radius,
    UnitKind.CONTENT_AUDIO: ISCC_IMAGE.radius,
    UnitKind.DATA: ISCC_IMAGE.radius,
    UnitKind.INSTANCE: 0,
}


class UnitBook:
    """Units by kind, each with the name of its owner. Not thread-safe."""

    def __init__(self) -> None:
        self._owners: dict[UnitKind, list[str]] = {kind: [] for kind in RADII}
        self._indexes = {kind: CodeIndex() for kind in RADII}

    def add(self, kind: UnitKind, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take in ``(owner, body)`` of units of one kind, 32 bytes each."""
        listed = list(rows)
        if listed:
            codes = np.frombuffer(b"".join(body for _, body in listed), np.uint8).reshape(len(listed), -1)
            self._indexes[kind].add(codes)
            self._owners[kind] += [owner for owner, _ in listed]

    def near(self, units: Sequence[Unit]) -> dict[str, int]:
        """Return owners with a unit within its radius, each with the fewest bits that differ (0 to 256)."""
        best: dict[str, int] = {}
        for unit in units:
            if unit.kind not in RADII:
                continue
            for found in self._indexes[unit.kind].within(unit.body, RADII[unit.kind]):
                owner = self._owners[unit.kind][found.position]
                best[owner] = min(found.distance, best.get(owner, UNIT_BITS))
        return best
