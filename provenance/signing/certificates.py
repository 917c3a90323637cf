"""X.509 for claim signing: issuing a TEST chain, and reading what a leaf is allowed to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provenance.errors import InputError, KeyMaterialError

#: c2pa-kp-claimSigning. Source: c2pa-org/conformance-public, schemas/mib/oid.txt.
CLAIM_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
#: id-kp-documentSigning, RFC 9336 section 3.1.
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
#: Uses that C2PA accepted before claimSigning existed. Source: C2PA Technical Specification 2.1, 14.5.1.
LEGACY_USES = frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING})
#: Life of a leaf: the most that assurance level 2 allows. Source: C2PA certificate profile v0.2, AL2.
LEAF_LIFE = timedelta(days=90)
#: Life of the TEST root and intermediate: longer than any demonstration, so that only the leaf expires.
_AUTHORITY_LIFE = timedelta(days=3650)
#: Certificates begin a little before ``now``, so that a clock that is slightly behind accepts them.
_BACKDATING = timedelta(minutes=5)
#: Longest organisation that leaves room for the role in a common name. Source: RFC 5280, ub-common-name 64.
_MAX_ORGANISATION = 40
_TEST_WORD = re.compile(r"(?<![a-z])test", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class IssuedChain:
    """A freshly issued chain whose authority keys are already forgotten.

    Attributes:
        root: The self-signed TEST root.
        chain: Leaf first, then the intermediate; the root is left out as C2PA demands.
        leaf_key: Private key of the leaf, P-256.
    """

    root: x509.Certificate
    chain: tuple[x509.Certificate, x509.Certificate]
    leaf_key: ec.EllipticCurvePrivateKey


def issue_test_chain(organisation: str, now: datetime, *, leaf_life: timedelta = LEAF_LIFE) -> IssuedChain:
    """Return a root, an intermediate and an ES256 leaf whose every subject name says TEST.

    The keys of root and intermediate exist only inside this call: nobody can issue more under this root.

    Args:
        organisation: Publisher's name, 1..40 characters; ``TEST`` is put before it where it is missing.
        now: Present time, aware UTC; validity starts five minutes earlier.
        leaf_life: How long the leaf is valid from ``now``.

    Returns:
        The chain, in the shape of the C2PA certificate profile (assurance level 1 without its two product
        extensions and without OCSP, which only a conforming certificate authority can give).

    Raises:
        InputError: ``organisation`` is empty or longer than 40 characters.
    """
    named = organisation if _TEST_WORD.search(organisation) else f"TEST {organisation}"
    if not organisation.strip() or len(named) > _MAX_ORGANISATION:
        raise InputError(
            f"expected an organisation of 1 to {_MAX_ORGANISATION - 5} characters, found {len(organisation)}",
            hint="choose a shorter publisher name",
        )
    root_key, middle_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root_name = _name(named, f"{named} TEST root")
    middle_name = _name(named, f"{named} TEST intermediate")
    ends = now + _AUTHORITY_LIFE
    root = _authority(root_name, root_key, root_name, root_key, (now, ends), path_length=None)
    middle = _authority(middle_name, middle_key, root_name, root_key, (now, ends), path_length=0)
    builder = _certificate(
        _name(named, f"{named} TEST signer"), leaf_key, middle_name, middle_key, (now, now + leaf_life)
    )
    leaf = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, CLAIM_SIGNING]), critical=False
        )
        .sign(middle_key, hashes.SHA256())
    )
    return IssuedChain(root, (leaf, middle), leaf_key)


def is_test_certificate(certificate: x509.Certificate) -> bool:
    """Return whether subject or issuer says TEST (any case, at the start of a word).

    Production refuses such certificates (SR-35). The C2PA and vendor test authorities say it too.
    """
    names = [*certificate.subject, *certificate.issuer]
    return any(_TEST_WORD.search(str(attribute.value)) for attribute in names)


def tier_of(leaf: x509.Certificate) -> str | None:
    """Return ``c2pa`` for a claim-signing leaf, ``legacy`` for the older uses, ``None`` for anything else.

    The engine adds to its accepted uses and cannot be told to narrow them (measured with c2pa-rs 0.91.3),
    so the certificate is read here.
    """
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return None
    if CLAIM_SIGNING in uses:
        return "c2pa"
    return "legacy" if LEGACY_USES & set(uses) else None


def name_of(leaf: x509.Certificate) -> tuple[str | None, str | None]:
    """Return organisation and common name of the subject; several values of one attribute give ``None``.

    Two organisations in one name let a reader see one and a checker another, so neither is shown.
    """
    found: list[str | None] = []
    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        values = leaf.subject.get_attributes_for_oid(oid)
        found.append(str(values[0].value) if len(values) == 1 else None)
    return found[0], found[1]


def parse_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM text, in order.

    Raises:
        KeyMaterialError: The text holds no certificate or one that cannot be parsed.
    """
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as cause:
        raise KeyMaterialError(
            f"expected PEM certificates, found text that cannot be parsed: {cause}",
            hint="each certificate starts with -----BEGIN CERTIFICATE-----",
        ) from cause
    return found


def to_pem(*certificates: x509.Certificate) -> bytes:
    """Return the certificates as one PEM text, in the given order."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def _name(organisation: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            # XX is the user-assigned code that belongs to no country (ISO 3166-1, 8.1.3).
            x509.NameAttribute(NameOID.COUNTRY_NAME, "XX"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    validity: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0] - _BACKDATING)
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )


def _authority(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    validity: tuple[datetime, datetime],
    *,
    path_length: int | None,
) -> x509.Certificate:
    return (
        _certificate(subject, key, issuer, issuer_key, validity)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
