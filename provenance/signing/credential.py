"""From a media worker's report to a :class:`~provenance.evidence.Credential`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from provenance.digest import Digest
from provenance.evidence import (
    Claims,
    Credential,
    CredentialState,
    IngredientState,
    Revocation,
    SourceType,
    StatusCode,
)
from provenance.signing.certificates import name_of, tier_of
from provenance.signing.chain import fault_of
from provenance.signing.trust import (
    OTHER_IDENTITY,
    REVOKING,
    TrustKind,
    decide,
    judge_ingredients,
    list_in,
    listed_name,
    notice_in,
)

#: A claimed date may be this far ahead of our clock before it is remarked upon. Source: security.md SR-05.
_CLOCK_TOLERANCE = timedelta(minutes=5)
_GOOD_REVOCATION = "signingCredential.ocsp.notRevoked"
#: Share of a file outside its manifest that may be left out of the signature: room for metadata that is written
#: later, too little for what is shown. Source: security.md, case 61.
MAX_LEFT_OUT = 0.01
_EXTRA_EXCLUSIONS = "assertion.dataHash.additionalExclusionsPresent"
_HOLDING = (CredentialState.TRUSTED, CredentialState.UNRECOGNIZED)
_CAPTURES = frozenset(
    {
        SourceType.DIGITAL_CAPTURE,
        SourceType.COMPUTATIONAL_CAPTURE,
        SourceType.NEGATIVE_FILM,
        SourceType.POSITIVE_FILM,
        SourceType.PRINT,
    }
)


def credential_from(report: Mapping[str, Any], trust: Mapping[str, Any], *, now: datetime) -> Credential:
    """Return the credential that ``report`` describes, with its standing decided by our own rules.

    Args:
        report: From :func:`provenance.signing.manifest.read_manifest`.
        trust: The plain trust lists that were given to it.
        now: Present time, aware UTC, against which claimed dates are held.
    """
    if report["found"] == "remote":
        note = "the file names credentials kept elsewhere; they were not fetched"
        return Credential(CredentialState.REMOTE, notes=(note, *_problem(report)))
    if report["found"] == "absent":
        return Credential(CredentialState.ABSENT, notes=_problem(report))
    if report["found"] == "unreadable":
        note = "the file carries credentials, but its structure is too damaged to check them"
        return Credential(CredentialState.INCONCLUSIVE, notes=(note, *_problem(report)))
    codes = tuple(StatusCode(*code) for code in _all_codes(report))
    active = codes[: len(report["codes"])]
    leaf = _leaf(report)
    tier = tier_of(leaf) if leaf is not None else None
    trust_list = listed_name(trust, report["list_uri"], TrustKind.MANIFEST)
    ingredients = judge_ingredients(report)
    signed_at = _signed_at(report, active, trust)
    fault, notice = fault_of(report["chain"]), notice_in(trust, report["chain"])
    decided = decide(active, listed=trust_list is not None, tier=tier, ingredients=ingredients)
    state = _narrowed(decided, report, leaf, fault, signed_at or now)
    if notice is not None and state is CredentialState.TRUSTED:
        state = CredentialState.INCONCLUSIVE
    organisation, common_name = name_of(leaf) if leaf is not None else (None, None)
    credential = Credential(
        state=state,
        issuer=organisation,
        common_name=common_name,
        certificate_sha256=Digest(leaf.fingerprint(hashes.SHA256())) if leaf is not None else None,
        trust_list=trust_list,
        tier=tier,
        manifest_id=report["manifest_id"],
        bound_digest=None if state is CredentialState.TAMPERED or _bare(report) else report["bound"],
        claims=_claims(report["claims"]),
        ingredients=ingredients,
        ingredient_ids=tuple(one["id"] for one in report["ingredients"] if one["id"]),
        revocation=_revocation(active),
        signed_at=signed_at,
        codes=codes,
    )
    notes = _notes(report, credential, leaf, now)
    return replace(credential, notes=(*notes, *(text for text in (fault, notice) if text is not None)))


def _narrowed(
    state: CredentialState,
    report: Mapping[str, Any],
    leaf: x509.Certificate | None,
    fault: str | None,
    at: datetime,
) -> CredentialState:
    """Return ``state`` after what the engine does not look at."""
    if state in _HOLDING and (leaf is None or report["too_deep"] or _bare(report)):
        # Without the certificate nobody can be named, and what was not followed or not covered was not checked.
        return CredentialState.INCONCLUSIVE
    if state is CredentialState.TRUSTED and fault is not None:
        return CredentialState.UNRECOGNIZED
    if state is CredentialState.TRUSTED and leaf is not None and leaf.not_valid_after_utc < at:
        return CredentialState.EXPIRED  # The engine lets any root tell the time, whatever it is listed for.
    return state


def _bare(report: Mapping[str, Any]) -> bool:
    return bool(report["left_out"] > MAX_LEFT_OUT)


def _all_codes(report: Mapping[str, Any]) -> list[list[str]]:
    below = [code for one in report["ingredients"] for part in ("recorded", "now") for code in one[part]]
    return [*report["codes"], *below, *report["stray"]]


def _problem(report: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"the C2PA engine says: {report['error']}",) if report["error"] else ()


def _leaf(report: Mapping[str, Any]) -> x509.Certificate | None:
    if not report["chain"]:
        return None
    try:
        leaf = x509.load_der_x509_certificate(report["chain"][0])
    except ValueError:
        return None
    # The certificate shown must be the one the engine checked.
    return leaf if str(leaf.serial_number) == report["serial"] else None


def _revocation(codes: tuple[StatusCode, ...]) -> Revocation:
    names = {one.code for one in codes}
    if names & REVOKING:
        return Revocation.REVOKED
    good = any(one.code == _GOOD_REVOCATION and one.outcome == "success" for one in codes)
    return Revocation.GOOD if good else Revocation.UNKNOWN


def _signed_at(
    report: Mapping[str, Any], codes: tuple[StatusCode, ...], trust: Mapping[str, Any]
) -> datetime | None:
    trusted = [one for one in codes if one.code == "timeStamp.trusted" and one.outcome == "success"]
    if len(trusted) != 1 or not isinstance(report["time"], str):
        return None
    if listed_name(trust, list_in(trusted[0].explanation), TrustKind.TSA) is None:
        return None
    return _time(report["time"])


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _claims(found: Mapping[str, Any]) -> Claims:
    actions = found["actions"]
    prefixes = (
        "http://cv.iptc.org/newscodes/digitalsourcetype/",
        "https://cv.iptc.org/newscodes/digitalsourcetype/",
    )
    names = [
        (action["source_type"] or "").removeprefix(prefixes[0]).removeprefix(prefixes[1])
        for action in actions
    ]
    known = {member.value: member for member in SourceType}
    declaring = [one for one in actions if one["source_type"] and one["agent"]]
    return Claims(
        title=found["title"],
        author=", ".join(found["authors"]) or None,
        generator=found["generator"],
        model=declaring[0]["agent"] if declaring else None,
        source_types=tuple(known[name] for name in names if name in known),
        when=next((action["when"] for action in actions if action["when"]), None),
        training=tuple((use, allowed) for use, allowed in found["training"]),
    )


def _notes(
    report: Mapping[str, Any], credential: Credential, leaf: x509.Certificate | None, now: datetime
) -> tuple[str, ...]:
    names = {one.code for one in credential.codes}
    kinds = set(credential.claims.source_types)
    stamped = any(name.startswith("timeStamp.") for name in names)
    remarks = (
        (leaf is None, "the signing certificate could not be read from the manifest"),
        (
            leaf is not None and credential.tier is None,
            "the signing certificate is not made for signing claims",
        ),
        (
            credential.tier == "legacy",
            "the signing certificate is of the older kind, without the C2PA claim-signing use",
        ),
        (
            stamped and credential.signed_at is None,
            "the file carries a time stamp that no listed authority confirms; its time is not shown",
        ),
        (bool(OTHER_IDENTITY & names), "the file names a further identity that was not checked"),
        (
            _bare(report),
            f"the signature leaves out {report['left_out']:.0%} of the file, so it does not hold for all that is shown",
        ),
        (
            _EXTRA_EXCLUSIONS in names,
            "the signature leaves out further bytes of the file besides the manifest",
        ),
        (
            any(kind.synthetic for kind in kinds) and bool(_CAPTURES & kinds),
            "contradictory claims: captured and generated at once",
        ),
        (
            credential.ingredients is IngredientState.FAILED,
            "the credentials of something this work was made from do not hold",
        ),
        (
            credential.ingredients is IngredientState.UNRECOGNIZED,
            "something this work was made from has no recognised credentials",
        ),
        (report["too_deep"], "the chain of works this was made from is too long to be followed"),
    )
    found = [text for applies, text in remarks if applies]
    return (*_problem(report), *found, *_date_notes(credential.claims.when, leaf, now))


def _date_notes(claimed: str | None, leaf: x509.Certificate | None, now: datetime) -> tuple[str, ...]:
    if claimed is None:
        return ()
    when = _time(claimed)
    if when is None:
        return ("the claimed date cannot be read as a date",)
    if when > now + _CLOCK_TOLERANCE:
        return ("the claimed date lies in the future",)
    if leaf is not None and when < leaf.not_valid_before_utc - _CLOCK_TOLERANCE:
        return ("the claimed date lies before the signing certificate was issued",)
    return ()
