"""What publishers send and get: signing, registrations, withdrawals and disputes."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field

from provenance.evidence import Record
from provenance.ledger.receipt import Receipt
from provenance.statement import MAX_REASON
from provenance_api.schemas import Closed, RecordOut

Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON)]
AssetId = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$", examples=["sha256:" + "3a" * 32])]


class RegisteredOut(Closed):
    """A registered asset with its receipt as tlog-proof text; ``signed_file`` fetches the signed bytes."""

    record: RecordOut
    receipt: str
    notes: tuple[str, ...]
    signed_file: str


class WithdrawalIn(Closed):
    """Why an asset is withdrawn, and what replaces it."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "wrong caption"}]}
    )

    reason: Reason
    replaced_by: AssetId | None = None


class DisputeIn(Closed):
    """Why an asset is disputed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "this is our photograph"}]}
    )

    reason: Reason


class StatementOut(Closed):
    """A statement that is in the log now, and the asset with its present status."""

    entry: str
    receipt: str
    record: RecordOut

    @classmethod
    def from_domain(cls, receipt: Receipt, record: Record) -> Self:
        """Return the statement proven by ``receipt`` about ``record``."""
        return cls(entry=receipt.asset_id, receipt=receipt.format(), record=RecordOut.from_domain(record))
