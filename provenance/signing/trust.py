"""Who is trusted, decided here: named lists, and the standing of a credential from the engine's codes.

The engine's own summary is not enough. ``Valid`` does not mean trusted; a root listed for time stamps makes
a claim signer ``Trusted``; a good manifest hides a failing ingredient (all measured with c2pa-rs 0.91.3). So
the standing is decided from the codes, the list the engine names, the leaf's own extensions and every
ingredient.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.serialization import Encoding

from provenance.digest import Digest
from provenance.errors import ConfigError, FormatError, KeyMaterialError
from provenance.evidence import CredentialState, IngredientState, StatusCode
from provenance.signing.certificates import is_test_certificate, parse_certificates

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
#: The largest public list holds 30 roots in 60 kB.
_MAX_LIST_BYTES = 4 << 20
_FIELDS: Mapping[str, type] = {
    "name": str,
    "kind": str,
    "source": str,
    "date": date,
    "version": int,
    "sha256": str,
    "pem": str,
}

#: The content is not the signed one, though the claim itself may hold.
UNBINDING = frozenset(
    f"assertion.{kind}.mismatch" for kind in ("dataHash", "bmffHash", "boxesHash", "collectionHash")
) | {"assertion.boxesHash.unknownBox"}
#: The manifest itself was changed or never was whole. Source: C2PA Technical Specification 2.2, 15.2.2.
TAMPERING = frozenset(
    {
        "assertion.action.ingredientMismatch",
        "assertion.action.malformed",
        "assertion.action.missing",
        "assertion.action.redacted",
        "assertion.action.redactionMismatch",
        "assertion.action.softBindingMissing",
        "assertion.bmffHash.malformed",
        "assertion.boxesHash.malformed",
        "assertion.cbor.invalid",
        "assertion.cloud-data.actions",
        "assertion.cloud-data.hardBinding",
        "assertion.cloud-data.labelMismatch",
        "assertion.cloud-data.malformed",
        "assertion.collectionHash.incorrectFileCount",
        "assertion.collectionHash.invalidURI",
        "assertion.collectionHash.malformed",
        "assertion.dataHash.malformed",
        "assertion.dataHash.redacted",
        "assertion.external-reference.malformed",
        "assertion.hashedURI.mismatch",
        "assertion.inaccessible",
        "assertion.ingredient.malformed",
        "assertion.json.invalid",
        "assertion.metadata.disallowed",
        "assertion.missing",
        "assertion.multipleHardBindings",
        "assertion.notRedacted",
        "assertion.outsideManifest",
        "assertion.selfRedacted",
        "assertion.timestamp.malformed",
        "assertion.undeclared",
        "claim.cbor.invalid",
        "claim.hardBindings.missing",
        "claim.malformed",
        "claim.missing",
        "claim.multiple",
        "claim.required.missing",
        "claimSignature.mismatch",
        "claimSignature.missing",
        "hashedURI.mismatch",
        "hashedURI.missing",
        "ingredient.claimSignature.mismatch",
        "ingredient.claimSignature.missing",
        "ingredient.hashedURI.mismatch",
        "ingredient.malformed",
        "ingredient.manifest.mismatch",
        "ingredient.manifest.missing",
        "manifest.compressed.invalid",
        "manifest.inaccessible",
        "manifest.multipleParents",
        "manifest.structure.invalid",
        "manifest.unreferenced",
        "manifest.update.invalid",
        "manifest.update.wrongParents",
    }
)
REVOKING = frozenset({"signingCredential.revoked", "signingCredential.ocsp.revoked"})
EXPIRING = frozenset({"signingCredential.expired", "claimSignature.outsideValidity"})
#: The certificate is on no list, or is not one that a list could hold (use, key size, path).
UNRECOGNIZING = frozenset({"signingCredential.untrusted", "signingCredential.invalid"})
#: A further identity (CAWG) whose issuer is on no list. It is not shown, so it changes no standing.
OTHER_IDENTITY = frozenset({"cawg.x509.credential.untrusted", "cawg.ica.untrusted_issuer"})
_TRUSTED, _VALIDATED = "signingCredential.trusted", "claimSignature.validated"
_BINDING = frozenset(
    f"assertion.{kind}.match" for kind in ("dataHash", "bmffHash", "boxesHash", "collectionHash")
)
#: The last words: the certificate's own name, which anybody chooses, stands before them.
_LISTED_IN = re.compile(r".*, trust list: (\S+)", re.DOTALL)


class TrustKind(StrEnum):
    """What the certificates of a list are named for: roots that vouch, or certificates known to be misused."""

    MANIFEST = "manifest"
    TSA = "tsa"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class TrustList:
    """A named list of roots, as kept in one file.

    Attributes:
        name: Lower-case letters, digits and hyphens, at most 40.
        kind: What its certificates are named for.
        source: Where it was taken from.
        date: Day of the list.
        version: Grows with every update of the same name, from 1.
        pem: The certificates, PEM: roots, or under a notice whichever of a chain it is about.
    """

    name: str
    kind: TrustKind
    source: str
    date: date
    version: int
    pem: str

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None or self.version < 1 or "'''" in self.pem:
            raise ValueError(
                f"a trust list has a short lower-case name and a version from 1, not {self.name!r}"
            )

    @property
    def sha256(self) -> Digest:
        """Digest of the PEM text: what two installations compare."""
        return Digest.of(self.pem.encode("utf-8"))

    @property
    def uri(self) -> str:
        """The name under which the engine reports this list."""
        return f"urn:provenance:trust:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the list spelled by ``text`` (TOML, see docs/formats.md).

        Raises:
            FormatError: It is no TOML, a field is missing, unknown or of another type, or the PEM text does
                not have the digest that stands beside it.
            KeyMaterialError: The PEM text holds no certificate that can be parsed.
        """
        try:
            fields = _typed(tomllib.loads(text))
            digest = Digest.parse(fields.pop("sha256"))
            made = cls(**{**fields, "kind": TrustKind(fields["kind"])})
        except ValueError as cause:
            raise FormatError(
                f"expected a trust list, found: {cause}", hint="see docs/formats.md, trust lists"
            ) from cause
        if made.sha256 != digest:
            raise FormatError(
                f"expected roots with digest {digest}, found {made.sha256}",
                hint="the list was changed or damaged; fetch it again and compare its digest",
            )
        parse_certificates(made.pem.encode("utf-8"))
        return made

    def to_toml(self) -> str:
        """Return the list as :meth:`parse` reads it."""
        return (
            f"name = {json.dumps(self.name)}\nkind = {json.dumps(self.kind.value)}\n"
            f"source = {json.dumps(self.source)}\ndate = {self.date.isoformat()}\nversion = {self.version}\n"
            f"sha256 = {json.dumps(str(self.sha256))}\npem = '''\n{self.pem}'''\n"
        )


def load_trust_lists(folder: Path, *, environment: str) -> tuple[TrustList, ...]:
    """Return the lists in ``folder`` (files ``NAME.toml``), sorted by name.

    Args:
        folder: The folder ``trust`` beside the keys; a missing one is an empty one: nobody is trusted.
        environment: ``development`` or ``production``; production refuses TEST roots (SR-35).

    Raises:
        ConfigError: A file cannot be read, or its name differs from the list's.
        FormatError: A file is no trust list or does not have its digest.
        KeyMaterialError: A list holds a TEST root and this is production.
    """
    found = []
    for path in sorted(folder.glob("*.toml")):
        try:
            with path.open("rb") as file:
                text = file.read(_MAX_LIST_BYTES).decode("utf-8")
        except (OSError, UnicodeDecodeError) as cause:
            raise ConfigError(
                f"expected a readable trust list at {path}: {cause}", hint="remove it"
            ) from cause
        one = TrustList.parse(text)
        if one.name != path.stem:
            raise ConfigError(
                f"expected the list named {path.stem} in {path}, found {one.name}", hint="rename the file"
            )
        found.append(one)
    if environment == "production":
        for one in found:
            if one.kind is not TrustKind.NOTICE:
                _refuse_test(one)
    return tuple(found)


def plain_trust(lists: Iterable[TrustList]) -> dict[str, Any]:
    """Return ``lists`` as plain values: what a media worker gets with each file."""
    return {
        "lists": [
            {
                "name": one.name,
                "kind": one.kind.value,
                "uri": one.uri,
                "pem": one.pem,
                "source": one.source,
                "date": str(one.date),
            }
            for one in lists
        ]
    }


def listed_name(trust: Mapping[str, Any], uri: object, kind: TrustKind) -> str | None:
    """Return the name of the list of ``kind`` known to the engine as ``uri``, or ``None``.

    This is what keeps a time-stamp root from vouching for a signer: the engine does not enforce kinds.
    """
    named = [one["name"] for one in trust["lists"] if one["uri"] == uri and one["kind"] == kind.value]
    return str(named[0]) if len(named) == 1 else None


def notice_in(trust: Mapping[str, Any], chain: Sequence[bytes]) -> str | None:
    """Return, as a phrase for people, the notice that a certificate of ``chain`` is under, or ``None``.

    Signatures of a stolen key or of a camera that signs what it did not take verify like any other; only those who
    were told can know it. Source: security.md, case 69.

    Args:
        trust: The plain trust lists.
        chain: Certificates, DER, leaf first.
    """
    for one in trust["lists"]:
        if one["kind"] == TrustKind.NOTICE.value:
            named = {each.public_bytes(Encoding.DER) for each in parse_certificates(one["pem"].encode())}
            if not named.isdisjoint(chain):
                return (
                    f"the signer's certificates are under the notice “{one['name']}” of {one['date']} "
                    f"({one['source']})"
                )
    return None


def list_in(explanation: str) -> str | None:
    """Return the list URI at the end of the engine's explanation of a time stamp (``…, trust list: URI``)."""
    found = _LISTED_IN.fullmatch(explanation)
    return found.group(1) if found else None


def decide(
    codes: Sequence[StatusCode], *, listed: bool, tier: str | None, ingredients: IngredientState
) -> CredentialState:
    """Return how a manifest stands; the first rule that applies wins.

    1. a code of the manifest's own wholeness failed, or an ingredient did: ``tampered``;
    2. the certificate is revoked: ``revoked``;
    3. a failure that this version does not know, or the claim signature was not confirmed: ``inconclusive``;
    4. the binding to the content failed: ``unbound``;
    5. no binding was confirmed: ``inconclusive``;
    6. the certificate was expired: ``expired``;
    7. the issuer is on a manifest list, and the leaf may sign claims: ``trusted``;
    8. otherwise: ``unrecognized``.

    Args:
        codes: All codes of the active manifest.
        listed: Whether the engine names one of our manifest lists.
        tier: ``c2pa`` or ``legacy``; ``None`` where the leaf may not sign claims or could not be read.
        ingredients: Worst state of the ingredients.
    """
    failures = {one.code for one in codes if one.outcome == "failure"} - OTHER_IDENTITY
    successes = {one.code for one in codes if one.outcome == "success"}
    failed = ingredients is IngredientState.FAILED
    unknown = failures - UNBINDING - EXPIRING - UNRECOGNIZING
    vouched = listed and tier is not None and not failures and _TRUSTED in successes
    rules = (
        (bool(failures & TAMPERING) or failed, CredentialState.TAMPERED),
        (bool(failures & REVOKING), CredentialState.REVOKED),
        (bool(unknown) or _VALIDATED not in successes, CredentialState.INCONCLUSIVE),
        (bool(failures & UNBINDING), CredentialState.UNBOUND),
        (not successes & _BINDING, CredentialState.INCONCLUSIVE),
        (bool(failures & EXPIRING), CredentialState.EXPIRED),
        (vouched, CredentialState.TRUSTED),
    )
    return next((state for applies, state in rules if applies), CredentialState.UNRECOGNIZED)


def judge_ingredients(report: Mapping[str, Any]) -> IngredientState:
    """Return the worst state of the ingredients of a worker's report (SR-09).

    What the signer recorded and what the engine finds now both count. An ingredient holds only while it
    carries a manifest whose issuer is trusted now.
    """
    worst = IngredientState.NONE
    if any(outcome == "failure" for _, outcome, *_ in report["stray"]):
        return IngredientState.FAILED
    for one in report["ingredients"]:
        state = _ingredient(one)
        if state is IngredientState.FAILED:
            return state
        if worst is not IngredientState.UNRECOGNIZED:
            worst = state
    return worst


def _ingredient(one: Mapping[str, Any]) -> IngredientState:
    recorded = {code for code, outcome, *_ in one["recorded"] if outcome == "failure"}
    now = {code for code, outcome, *_ in one["now"] if outcome == "failure"}
    if (recorded | now) - UNRECOGNIZING - OTHER_IDENTITY:
        return IngredientState.FAILED
    trusted_now = any(code == _TRUSTED and outcome == "success" for code, outcome, *_ in one["now"])
    trusted_then = any(code == _TRUSTED and outcome == "success" for code, outcome, *_ in one["recorded"])
    if one["present"] and not now and (trusted_now or (trusted_then and not recorded)):
        return IngredientState.HELD
    return IngredientState.UNRECOGNIZED


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    if fields.keys() != _FIELDS.keys():
        raise ValueError(f"the fields {sorted(fields)!s:.200} instead of {sorted(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if type(fields[name]) is not kind:
            raise ValueError(f"{name} is no {kind.__name__}")
    return fields


def _refuse_test(one: TrustList) -> None:
    for root in parse_certificates(one.pem.encode("utf-8")):
        if is_test_certificate(root):
            raise KeyMaterialError(
                f"expected production roots in trust list {one.name}, found one whose name says TEST",
                hint=f"remove {one.name}.toml from the trust folder, or set environment = development",
            )
