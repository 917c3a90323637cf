"""What the engine does not ask of a certificate chain: keys of a safe size, and names that its authorities may give.

Measured with c2pa-rs 0.91.3: an intermediate with an RSA key of 1,024 bits vouches, and name constraints are ignored.
Signatures, validity, path length and uses are the engine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

#: Least size of an RSA key, bits. Source: C2PA Technical Specification 2.2, 13.2.1.
_RSA_BITS: Final = 2048
#: Curves of the same clause, by the names of cryptography.
_CURVES: Final = frozenset(("secp256r1", "secp384r1", "secp521r1"))
#: Certificates of one chain that are read; a chain has two to four.
MAX_CHAIN: Final = 8


def fault_of(chain: Sequence[bytes]) -> str | None:
    """Return why a chain must not vouch for its leaf, as a phrase for people, or None where nothing was found.

    Args:
        chain: Certificates, DER, leaf first; the root may be left out.
    """
    if len(chain) > MAX_CHAIN:
        return f"the certificate chain has more than {MAX_CHAIN} members"
    try:
        certificates = [x509.load_der_x509_certificate(one) for one in chain]
        if any(_weak(one) for one in certificates):
            return "a certificate of the signer's chain has a key that is too weak"
        for place, authority in enumerate(certificates[1:], start=1):
            if not _may_name(authority, (one.subject for one in certificates[:place])):
                return "a certificate of the signer's chain has a name that its authority may not give"
    except (ValueError, x509.DuplicateExtension, UnsupportedAlgorithm):
        return "a certificate of the signer's chain cannot be read"
    return None


def _weak(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size < _RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name not in _CURVES
    return not isinstance(key, ed25519.Ed25519PublicKey)


def _may_name(authority: x509.Certificate, subjects: Iterable[x509.Name]) -> bool:
    """Whether the name constraints of ``authority`` allow all ``subjects``. Source: RFC 5280, 4.2.1.10.

    Only directory names: signers of media are not named by address.
    """
    try:
        limits = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    permitted = _directories(limits.permitted_subtrees)
    excluded = _directories(limits.excluded_subtrees)
    return all(
        (not permitted or any(_within(one, tree) for tree in permitted))
        and not any(_within(one, tree) for tree in excluded)
        for one in subjects
    )


def _directories(trees: Iterable[x509.GeneralName] | None) -> list[x509.Name]:
    return [one.value for one in trees or () if isinstance(one, x509.DirectoryName)]


def _within(name: x509.Name, tree: x509.Name) -> bool:
    """Whether ``name`` begins with the parts of ``tree``."""
    return name.rdns[: len(tree.rdns)] == tree.rdns
