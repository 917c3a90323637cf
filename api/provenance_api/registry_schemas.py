"""What is asked of the registry and what registry, log and service answer, as schemas."""

from __future__ import annotations

import base64
from typing import Annotated, Self

from pydantic import Field

from provenance.ledger.receipt import Receipt
from provenance.ledger.rows import Counts
from provenance.media.lockdown import Isolation
from provenance.search import Hit
from provenance_api.schemas import Closed, RecordOut

#: Most hashes of one look-up.
MAX_HASHES = 64


class LookupIn(Closed):
    """Hashes to look up, spelled as ``provenance hash`` prints them; the media stays with its owner."""

    hashes: tuple[Annotated[str, Field(min_length=9, max_length=200)], ...] = Field(
        min_length=1, max_length=MAX_HASHES
    )
    radius: Annotated[int, Field(ge=0, le=256, strict=True)] | None = None


class HitOut(Closed):
    """A registered asset near a hash; ``receipt`` holds its inclusion proof as tlog-proof text."""

    hash: str
    algorithm: str
    distance: int
    bits: int
    time_s: float | None
    status: str
    record: RecordOut
    receipt: str

    @classmethod
    def from_domain(cls, text: str, hit: Hit) -> Self:
        """Return ``hit``, found by the hash ``text``, as it is shown."""
        return cls(
            hash=text,
            algorithm=hit.algorithm,
            distance=hit.distance,
            bits=hit.bits,
            time_s=hit.time_s,
            status=hit.record.status.value,
            record=RecordOut.from_domain(hit.record),
            receipt=hit.receipt,
        )


class LookupOut(Closed):
    """Everything found, for each hash nearest first."""

    hits: tuple[HitOut, ...]


class InclusionOut(Closed):
    """That an entry is in the log: hashes in base64, the leaf's sibling first, and the whole receipt."""

    asset_id: str
    index: int
    leaf: str
    hashes: tuple[str, ...]
    checkpoint: str
    receipt: str

    @classmethod
    def from_domain(cls, receipt: Receipt) -> Self:
        """Return ``receipt`` as it is shown."""
        return cls(
            asset_id=receipt.asset_id,
            index=receipt.index,
            leaf=_base64(receipt.leaf),
            hashes=tuple(_base64(one) for one in receipt.proof),
            checkpoint=receipt.checkpoint,
            receipt=receipt.format(),
        )


class ConsistencyOut(Closed):
    """That the log of size ``from`` is the beginning of the log of size ``to``; hashes in base64."""

    from_: int = Field(alias="from")
    to: int
    hashes: tuple[str, ...]

    @classmethod
    def from_domain(cls, old: int, new: int, proof: tuple[bytes, ...]) -> Self:
        """Return the proof between the sizes ``old`` and ``new`` as it is shown."""
        return cls.model_validate({"from": old, "to": new, "hashes": tuple(_base64(one) for one in proof)})


class ReadyOut(Closed):
    """Whether the service can work: its registry answers and its workers run, contained this strongly."""

    status: str
    database: str
    ledger_size: int
    assets: int
    isolation: str
    isolation_reason: str

    @classmethod
    def from_domain(cls, counts: Counts, isolation: Isolation) -> Self:
        """Return the state of registry and workers as it is shown."""
        return cls(
            status="ready",
            database="ok",
            ledger_size=counts.entries,
            assets=counts.assets,
            isolation=isolation.level.value,
            isolation_reason=isolation.reason,
        )


class HealthOut(Closed):
    """That the process answers."""

    status: str


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
