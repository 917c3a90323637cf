"""Resolve: from a soft binding or a copy to the manifests it may have lost (C2PA Soft Binding Resolution).

What is found is a similarity: the manifest belongs to the registered or deposited original, and is never
bound to the bytes that were asked about.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from provenance.errors import FormatError
from provenance.evidence import Match, Unavailable
from provenance.fingerprint.iscc import (
    SOFT_BINDING_ALGORITHM,
    UNIT_ALGORITHMS,
    UNIT_BITS,
    Unit,
    read_sequence,
)
from provenance.ledger.store import Store
from provenance.match.near import NearCodes
from provenance.match.units import RADII, UnitBook
from provenance.media.asset import MediaType, open_asset
from provenance.media.sandbox import WorkerPool
from provenance.publish import SECONDS_PER_BYTE
from provenance.service.deposits import Deposits
from provenance.settings import Limits
from provenance.verify import Verifier

#: Name of an algorithm: reverse domain and version, as in the C2PA list.
_ALGORITHM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
#: A value that can be base64 in either alphabet; others are refused unless somebody stored them as they are.
_BASE64ISH = re.compile(r"[A-Za-z0-9+/_-]+={0,2}", re.ASCII)
#: Strength of the same value or the same bytes. Source: C2PA Soft Binding API, similarityScore.
SAME: Final = 100

Seen = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A manifest that a query leads to.

    Attributes:
        manifest_id: Its identifier.
        score: 0 (weakest) to 100 (the same value or bytes).
    """

    manifest_id: str
    score: int


class Resolver:
    """Leads from values and copies to manifests.

    Args:
        pool: Media workers.
        store: The registry.
        codes: Its codes.
        deposits: Deposited stores and bindings.
        verifier: Finds registered originals of copies.
        limits: Limits on one file.
    """

    def __init__(
        self,
        pool: WorkerPool,
        store: Store,
        codes: NearCodes,
        deposits: Deposits,
        verifier: Verifier,
        limits: Limits,
    ) -> None:
        self._pool, self._store, self._codes, self._deposits = pool, store, codes, deposits
        self._verifier, self._limits = verifier, limits
        self._bound, self._bound_state = UnitBook(), (0, 0)
        self._turn = threading.Lock()

    def by_binding(self, algorithm: str, value: str, seen: Seen) -> list[Resolved]:
        """Return the manifests that a soft binding leads to, strongest first.

        Args:
            algorithm: Name in the C2PA list. Values of algorithms unknown here are only found as they are.
            value: Base64 of the value.
            seen: Whether the caller may see the asset of that name.

        Raises:
            FormatError: Not a name, not base64, or not a value of the algorithm.
        """
        if _ALGORITHM.fullmatch(algorithm) is None:
            raise FormatError("expected the name of a soft binding algorithm, found other characters")
        best = {one.manifest_id: SAME for one in self._deposits.leading_from(value)}
        if not best and _BASE64ISH.fullmatch(value) is None:
            raise FormatError("expected the value of a soft binding in base64, found other characters")
        if algorithm == SOFT_BINDING_ALGORITHM:
            self._collect(best, self._near(parse_value(value), seen))
        return _ranked(best)

    def by_content(
        self, path: Path, declared: MediaType | None, algorithm: str | None, seen: Seen
    ) -> list[Resolved]:
        """Return the manifests of the originals that the file at ``path`` may come from, strongest first.

        Args:
            path: The copy.
            declared: Media type the sender stated.
            algorithm: Use this algorithm alone; default everything that finds originals here.
            seen: Whether the caller may see the asset of that name.

        Raises:
            FormatError: The algorithm cannot be computed here.
            InputError: The file cannot be read as media.
        """
        if algorithm not in (None, SOFT_BINDING_ALGORITHM):
            raise FormatError(
                f"expected an algorithm that is computed here, {SOFT_BINDING_ALGORITHM}, found another"
            )
        best: dict[str, int] = {}
        self._collect(best, self._near(self._units(path, declared), seen))
        if algorithm is None:
            found = self._verifier.verify(path, declared=declared, seen=seen).evidence.matches
            matches = () if isinstance(found, Unavailable) else found
            mine = (one for one in matches if one.confirmed)
            self._collect(best, ((one.record.manifest_id, _score(one)) for one in mine))
        digest = open_asset(path, self._limits, declared).digest
        own = frozenset(one.manifest_id for one in self._store.by_digest(digest))
        return _ranked(best, own)

    def _units(self, path: Path, declared: MediaType | None) -> tuple[Unit, ...]:
        asset = open_asset(path, self._limits, declared)
        patience_s = self._limits.worker_seconds + asset.size * SECONDS_PER_BYTE
        params = {"media_type": asset.media_type.value}
        value = self._pool.run("soft_binding", [path], params, timeout_s=patience_s)
        return read_sequence(cast("bytes", value)) if value is not None else ()

    def _near(self, units: tuple[Unit, ...], seen: Seen) -> Iterable[tuple[str, int]]:
        known = [unit for unit in units if unit.kind in UNIT_ALGORITHMS]
        for unit in known:
            for one in self._codes.near(UNIT_ALGORITHMS[unit.kind], unit.body, RADII[unit.kind]):
                if seen(one.asset_id):
                    yield self._store.record(one.asset_id).manifest_id, _strength(one.distance)
        with self._turn:
            self._refresh()
            bound = self._bound.near(known)
        for manifest_id, bits in bound.items():
            yield manifest_id, _strength(bits)

    def _refresh(self) -> None:
        if (state := self._deposits.state()) != self._bound_state:
            self._bound, self._bound_state = UnitBook(), state
            for one in self._deposits.all_of(SOFT_BINDING_ALGORITHM):
                for unit in parse_value(one.value):
                    if unit.kind in UNIT_ALGORITHMS:
                        self._bound.add(unit.kind, [(one.manifest_id, unit.body)])

    @staticmethod
    def _collect(best: dict[str, int], found: Iterable[tuple[str, int]]) -> None:
        for manifest_id, score in found:
            best[manifest_id] = max(score, best.get(manifest_id, 0))


def parse_value(value: str) -> tuple[Unit, ...]:
    """Return the ISCC units of an ``io.iscc.v0`` value in base64.

    Raises:
        FormatError: Not base64, or not a sequence of ISCC units.
    """
    try:
        raw = base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as cause:
        raise FormatError("expected the value of a soft binding in base64, found other characters") from cause
    return read_sequence(raw)


def _strength(bits: int) -> int:
    return round(SAME * (1 - bits / UNIT_BITS))


def _score(match: Match) -> int:
    """Return the strength of a confirmed match: 100 for the same bytes, 50 at the threshold of a method."""
    if match.identical:
        return SAME
    nearness = [1 - one.distance / (2 * one.threshold) for one in match.found if one.threshold > 0]
    return max(1, min(SAME - 1, round(SAME * max(nearness, default=0.5))))


def _ranked(best: dict[str, int], same_bytes: frozenset[str] = frozenset()) -> list[Resolved]:
    """Return manifests strongest first; of equal ones the file's own, then the ones registered earlier."""
    ordered = sorted(best.items(), key=lambda each: (-each[1], each[0] not in same_bytes))
    return [Resolved(one, score) for one, score in ordered]
