"""Schemas of the C2PA Soft Binding Resolution API 2.4; names are those of the specification.

Input ignores fields it does not know, because the specification leaves its objects open.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from provenance.ledger.receipt import Receipt
from provenance.resolve import Resolved
from provenance.service.deposits import MAX_VALUE

#: JSON-LD names of a receipt. Source: C2PA Soft Binding API 2.4, manifest receipts.
CONTEXT = {"c2pa": "https://c2pa.org/ns/", "receipt": "https://c2pa.org/ns/manifest-receipt#"}
RECEIPT_TYPE = "org.c2pa.manifest-receipt"
#: How the proof in a receipt is spelled: the text that ``provenance receipt`` checks offline.
PROOF_ALGORITHM = "c2sp.org/tlog-proof@v1"


class Open(BaseModel):
    """An object of the specification."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


Algorithm = Annotated[str, Field(min_length=1, max_length=128, examples=["io.iscc.v0"])]
Value = Annotated[str, Field(min_length=1, max_length=MAX_VALUE)]
ManifestId = Annotated[str, Field(min_length=1, max_length=512, examples=["urn:c2pa:3f2b…"])]


class BindingQuery(Open):
    """A soft binding to resolve; ``value`` is base64."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        json_schema_extra={
            "examples": [{"alg": "io.iscc.v0", "value": "IQdVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVQ=="}]
        },
    )

    alg: Algorithm
    value: Value


class MatchedManifest(Open):
    """A manifest that a query leads to; it is fetched from this service."""

    manifestId: str  # noqa: N815 - the specification's name
    similarityScore: int = Field(ge=0, le=100)  # noqa: N815 - the specification's name


class QueryResult(Open):
    """Manifests, strongest match first."""

    matches: tuple[MatchedManifest, ...]

    @classmethod
    def of(cls, found: list[Resolved], limit: int) -> Self:
        """Return the ``limit`` strongest of ``found``."""
        return cls(
            matches=tuple(
                MatchedManifest(manifestId=one.manifest_id, similarityScore=one.score)
                for one in found[:limit]
            )
        )


class ReferenceQuery(Open):
    """A copy at an address, to be fetched and matched."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        json_schema_extra={
            "examples": [{"referenceUrl": "https://example.org/copy.jpg", "assetLength": 204800}]
        },
    )

    referenceUrl: Annotated[str, Field(min_length=1, max_length=2048)]  # noqa: N815
    assetLength: Annotated[int, Field(ge=1)]  # noqa: N815
    assetType: Annotated[str, Field(max_length=128)] | None = None  # noqa: N815
    region: list[dict[str, Any]] | None = None


class BindingIn(Open):
    """A value that shall lead to a manifest; ``alg`` is an extension that makes its form checkable."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"bindingValue": "bWFyay0x", "manifestId": "urn:c2pa:3f2b8c1e-0d4a-4b6e-9a57-2f6f0e1d2c3b"}
            ]
        },
    )

    bindingValue: Value  # noqa: N815 - the specification's name
    manifestId: ManifestId  # noqa: N815 - the specification's name
    alg: Algorithm | None = None


class Repository(Open):
    """Where a manifest is kept."""

    uri: str
    manifestId: str  # noqa: N815 - the specification's name


class Proof(Open):
    """An inclusion proof under a signed checkpoint; ``value`` is its full text."""

    model_config = ConfigDict(extra="allow", frozen=True)
    alg: str
    value: str


class Anchor(Open):
    """Where the proof comes from, and the proof."""

    uri: str
    proof: Proof
    parameters: dict[str, Any] = Field(default_factory=dict)


class ManifestReceipt(Open):
    """That a manifest store is kept here, proven by the public log."""

    context: dict[str, Any] | list[Any] | str = Field(alias="@context")
    type_: Literal["org.c2pa.manifest-receipt"] = Field(alias="@type")
    repository: Repository
    anchor: Anchor

    @classmethod
    def of(cls, manifest_id: str, receipt: Receipt, base: str) -> Self:
        """Return the ledger's ``receipt`` for a manifest of the service at ``base``."""
        return cls.model_validate(_receipt(manifest_id, receipt, base))


class VerifiedReceipt(ManifestReceipt):
    """A receipt and whether it holds under the key of this log."""

    verified: bool
    error: str | None = None

    @classmethod
    def fresh(cls, manifest_id: str, receipt: Receipt, base: str) -> Self:
        """Return a receipt that the log made just now and that was checked."""
        return cls.model_validate(_receipt(manifest_id, receipt, base) | {"verified": True})


def _receipt(manifest_id: str, receipt: Receipt, base: str) -> dict[str, Any]:
    proof = {
        "alg": PROOF_ALGORITHM,
        "value": receipt.format(),
        "index": receipt.index,
        "leaf": base64.b64encode(receipt.leaf).decode(),
        "hashes": [base64.b64encode(one).decode() for one in receipt.proof],
        "checkpoint": receipt.checkpoint,
    }
    return {
        "@context": CONTEXT,
        "@type": RECEIPT_TYPE,
        "repository": {"uri": base, "manifestId": manifest_id},
        "anchor": {
            "uri": f"{base}/v1/ledger/proof/inclusion?index={receipt.index}",
            "proof": proof,
            "parameters": {"entry": receipt.asset_id},
        },
    }


class StoredManifest(Open):
    """The identifier of a stored manifest, and its receipt where one was asked for."""

    manifestId: str  # noqa: N815 - the specification's name
    receipt: ManifestReceipt | None = None


class Supported(Open):
    """A soft binding algorithm."""

    alg: str


class SupportedAlgorithms(Open):
    """Algorithms whose values are compared here, not only found as they are."""

    watermarks: tuple[Supported, ...]
    fingerprints: tuple[Supported, ...]


class Capabilities(Open):
    """What of the specification this service offers."""

    c2paSpecificationVersion: str  # noqa: N815 - the specification's name
    supportedCapabilities: tuple[str, ...]  # noqa: N815 - the specification's name


class ServiceStatus(Open):
    """Whether the service works."""

    status: Literal["ok", "degraded", "down"]
    timestamp: datetime


class Discovery(Open):
    """Where the API is."""

    apiEndpoint: str  # noqa: N815 - the specification's name
    c2paSpecificationVersion: str  # noqa: N815 - the specification's name
    capabilitiesEndpoint: str  # noqa: N815 - the specification's name
    statusEndpoint: str  # noqa: N815 - the specification's name
