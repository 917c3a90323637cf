"""What is asked of the registry and what registry, log and service answer, as schemas."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field

from provenance.evidence import Record
from provenance.ledger.receipt import Receipt
from provenance.search import Hit
from provenance.signing.trust import TrustList
from provenance_api.schemas import Closed, RecordOut

#: Most hashes of one look-up.
MAX_HASHES = 64
#: Least entries of an answer about a prefix. Source: security.md SR-31.
MIN_ENTRIES = 50


class LookupIn(Closed):
    """Hashes to look up, spelled as ``provenance hash`` prints them; the media stays with its owner."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"hashes": ["sha256:" + "3a" * 32, "pdq256-v1:" + "0f" * 32], "radius": 20}]
        },
    )

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


class SuffixOut(Closed):
    """A file whose digest begins as asked; ``asset_id`` null is padding and names no file."""

    suffix: str
    asset_id: str | None
    status: str | None


class PrefixOut(Closed):
    """Everything under a prefix, padded and in random order, so that the size of the answer says little."""

    prefix: str
    entries: tuple[SuffixOut, ...]

    @classmethod
    def from_domain(cls, prefix: str, records: Iterable[Record]) -> Self:
        """Return the files under ``prefix`` among at least :data:`MIN_ENTRIES` entries."""
        cut = len("sha256:") + len(prefix)
        entries = [
            SuffixOut(suffix=str(one.digest)[cut:], asset_id=one.asset_id, status=one.status.value)
            for one in records
        ]
        for _ in range(MIN_ENTRIES - len(entries)):
            made_up = secrets.token_hex(32)[len(prefix) :]
            entries.append(SuffixOut(suffix=made_up, asset_id=None, status=None))
        secrets.SystemRandom().shuffle(entries)
        return cls(prefix=prefix, entries=tuple(entries))


class AssetsOut(Closed):
    """Registered assets in the order of the log; ``next_cursor`` leads on, null at the end."""

    assets: tuple[RecordOut, ...]
    next_cursor: str | None


class TrustListOut(Closed):
    """A list of anchors that verdicts of this service rest on."""

    name: str
    kind: str
    source: str
    date: str
    sha256: str


class TrustListsOut(Closed):
    """All trust lists in use."""

    trust_lists: tuple[TrustListOut, ...]

    @classmethod
    def from_domain(cls, lists: Iterable[TrustList]) -> Self:
        """Return the lists as they are shown."""
        return cls(
            trust_lists=tuple(
                TrustListOut(
                    name=one.name,
                    kind=one.kind.value,
                    source=one.source,
                    date=str(one.date),
                    sha256=str(one.sha256),
                )
                for one in lists
            )
        )


class AddressIn(Closed):
    """An address to fetch a file from: https, port 443, a public name."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"url": "https://example.org/clip.mp4"}]}
    )

    url: Annotated[str, Field(min_length=1, max_length=2_048, examples=["https://example.org/clip.mp4"])]
    name: Annotated[str, Field(max_length=1_024)] = ""


class FeedbackIn(Closed):
    """What somebody thinks of a report."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"report": "0123456789abcdef" * 2, "opinion": "wrong", "text": "the caption bar is ours"}
            ]
        },
    )

    report: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    opinion: Literal["right", "wrong", "unclear"]
    text: Annotated[str, Field(max_length=2_000)] = ""


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


class CheckOut(Closed):
    """One thing the service needs."""

    name: str
    ok: bool
    reason: str


class ReadyOut(Closed):
    """Whether the service can work, with a reason for each thing it needs."""

    status: Literal["ready", "not ready"]
    checks: tuple[CheckOut, ...]
    ledger_size: int | None
    isolation: str | None

    @classmethod
    def of(cls, checks: list[CheckOut], ledger_size: int | None, isolation: str | None) -> Self:
        """Return the answer that ``checks`` amount to."""
        standing: Literal["ready", "not ready"] = "ready" if all(one.ok for one in checks) else "not ready"
        return cls(status=standing, checks=tuple(checks), ledger_size=ledger_size, isolation=isolation)


class HealthOut(Closed):
    """That the process answers."""

    status: str


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
