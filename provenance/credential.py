"""What a C2PA manifest says and how it stands after validation: values only.

Text that comes out of the file is a claim and stays inside :class:`Claims`; names taken from a verified
certificate are facts only while the credential is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from provenance.digest import Digest
from provenance.record import SourceType


class CredentialState(StrEnum):
    """How the embedded C2PA manifest stands after validation and our own trust decision."""

    ABSENT = "absent"
    REMOTE = "remote"  # named in the file but kept elsewhere; never fetched
    TRUSTED = "trusted"  # holds, bound to these bytes, issuer on a manifest trust list
    UNRECOGNIZED = "unrecognized"  # holds and is bound, issuer on no list
    UNBOUND = "unbound"  # the claim holds, but these bytes are not the ones it was made for
    TAMPERED = "tampered"  # claim, assertion, signature or ingredient was changed
    REVOKED = "revoked"
    EXPIRED = "expired"  # certificate expired and no trusted time says it was used before
    INCONCLUSIVE = "inconclusive"  # damaged beyond reading, or a status code this version does not know


class Revocation(StrEnum):
    """What is known about the certificate's revocation."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StatusCode:
    """One validation result of the C2PA engine, kept as it was given.

    Attributes:
        code: For example ``assertion.dataHash.mismatch``.
        outcome: ``success``, ``informational`` or ``failure``.
        where: JUMBF address it speaks of, cleaned; may be empty.
        explanation: The engine's text, cleaned; may be empty.
    """

    code: str
    outcome: str
    where: str = ""
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Claims:
    """What the manifest says of itself. Unchecked text by the signer; shown as claims.

    Attributes:
        title: Claimed title.
        author: Claimed author.
        generator: Claimed tool (claim generator).
        model: Claimed generating model (software agent of a created action).
        source_types: Digital source types of the actions, in order.
        when: Claimed time of the first action, as written.
        training: Claimed training and data-mining permissions, name -> use.
    """

    title: str | None = None
    author: str | None = None
    generator: str | None = None
    model: str | None = None
    source_types: tuple[SourceType, ...] = ()
    when: str | None = None
    training: tuple[tuple[str, str], ...] = ()


class IngredientState(StrEnum):
    """The worst of the manifest's ingredients."""

    NONE = "none"
    HELD = "held"
    UNRECOGNIZED = "unrecognized"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Credential:
    """The embedded C2PA manifest, read and validated.

    Attributes:
        state: How it stands.
        issuer: Organisation in the signing certificate; a fact only while ``state`` is trusted.
        common_name: Common name in the signing certificate.
        certificate_sha256: SHA-256 of the DER leaf certificate.
        trust_list: Name of the manifest trust list that holds the issuer's root.
        tier: ``c2pa`` if the leaf carries the claim-signing EKU, else ``legacy``.
        manifest_id: URN of the active manifest.
        bound_digest: Hash of the hard-bound bytes, set only when the engine confirmed the binding.
        claims: What the manifest says of itself.
        ingredients: Worst state of the ingredients.
        ingredient_ids: Manifest URNs of the ingredients, for declared derivation.
        revocation: What is known of revocation.
        signed_at: Time of a trusted timestamp, never a claimed date.
        codes: All codes of the engine.
        notes: Sentences a reader should see, for example unbound bytes or odd dates.
    """

    state: CredentialState
    issuer: str | None = None
    common_name: str | None = None
    certificate_sha256: Digest | None = None
    trust_list: str | None = None
    tier: str | None = None
    manifest_id: str | None = None
    bound_digest: bytes | None = None
    claims: Claims = field(default_factory=Claims)
    ingredients: IngredientState = IngredientState.NONE
    ingredient_ids: tuple[str, ...] = ()
    revocation: Revocation = Revocation.UNKNOWN
    signed_at: datetime | None = None
    codes: tuple[StatusCode, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the manifest is cryptographically whole and bound to these bytes."""
        return self.state in (CredentialState.TRUSTED, CredentialState.UNRECOGNIZED)
