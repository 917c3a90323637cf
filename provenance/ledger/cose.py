"""Publisher keys, and COSE_Sign1 in one spelling: what makes a ledger entry the publisher's own.

A signed message is deterministic CBOR (RFC 8949 section 4.2) of tag 18, with algorithm and key id in the
protected header and nothing in the unprotected one, so that nobody can make a second spelling of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance.digest import Digest
from provenance.errors import FormatError, KeyMaterialError, ReceiptError

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
PublicKey = Ed25519PublicKey | EllipticCurvePublicKey

#: Deepest nesting that any of our values has is 4 (SR-20 allows 64).
_MAX_DEPTH: Final = 8
#: COSE_Sign1 tag and header labels. Source: RFC 9052 sections 2 and 3.1.
_SIGN1: Final = 18
_ALG: Final = 1
_KID: Final = 4
#: Algorithm numbers. Source: RFC 9053 sections 2.1 and 2.2.
_EDDSA: Final = -8
_ES256: Final = -7
#: Order of P-256. Source: FIPS 186-5 / SP 800-186 section 3.2.1.3.
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SIGNATURE_BYTES: Final = 64
#: Our protected header has 39 bytes.
_MAX_HEADER: Final = 64
_ED25519_BYTES: Final = 32
_P256_BYTES: Final = 65


def encode(value: object) -> bytes:
    """Return ``value`` as deterministic CBOR.

    Source: RFC 8949 section 4.2.1. All our map keys are integers 0..23, for which cbor2's canonical order
    (length first) and the bytewise order of the clause are the same.
    """
    return cbor2.dumps(value, canonical=True)


def decode(content: bytes, max_bytes: int) -> object:
    """Return the value of deterministic CBOR; any other spelling of it is refused (SR-20).

    Raises:
        FormatError: Too long, not CBOR, not deterministic, too deep, or followed by more bytes.
    """
    if len(content) > max_bytes:
        raise FormatError(f"expected at most {max_bytes} bytes of CBOR, found {len(content)}")
    try:
        value: object = cbor2.loads(
            content, max_depth=_MAX_DEPTH, allow_indefinite=False, allow_duplicate_keys=False
        )
        same = cbor2.dumps(value, canonical=True) == content
    except (cbor2.CBORError, TypeError, ValueError, OverflowError, RecursionError) as cause:
        raise FormatError(f"expected CBOR, found other bytes: {cause}") from cause
    if not same:
        raise FormatError("expected deterministic CBOR, found another spelling (RFC 8949 section 4.2)")
    return value


# --- keys ------------------------------------------------------------------------------------------------


def key_bytes(key: PublicKey) -> bytes:
    """Return the raw public key: 32 bytes of Ed25519, or 65 bytes of an uncompressed P-256 point.

    Raises:
        KeyMaterialError: Another curve.
    """
    if isinstance(key, Ed25519PublicKey):
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if not isinstance(key.curve, SECP256R1):
        raise KeyMaterialError(f"expected Ed25519 or P-256, found {key.curve.name}", hint="make another key")
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@lru_cache(maxsize=1024)
def key_from_bytes(content: bytes) -> PublicKey:
    """Return the public key that :func:`key_bytes` wrote; kept, since publishers are few and entries many.

    Raises:
        FormatError: Another length, or not a point of the curve.
    """
    try:
        if len(content) == _ED25519_BYTES:
            return Ed25519PublicKey.from_public_bytes(content)
        if len(content) == _P256_BYTES:
            return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), content)
    except ValueError as cause:
        raise FormatError(f"expected a point of P-256: {cause}") from cause
    raise FormatError(f"expected a public key of 32 or 65 bytes, found {len(content)}")


def key_thumbprint(key: PublicKey) -> Digest:
    """Return the SHA-256 of the raw public key: how entries name their publisher."""
    return Digest.of(key_bytes(key))


# --- messages --------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _protected(raw: bytes) -> bytes:
    algorithm = _EDDSA if len(raw) == _ED25519_BYTES else _ES256
    return encode({_ALG: algorithm, _KID: Digest.of(raw).value})


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    # Source: RFC 9052 section 4.4, Sig_structure without external data.
    return encode(["Signature1", protected, b"", payload])


def sign(payload: bytes, key: PrivateKey) -> bytes:
    """Return the COSE_Sign1 of ``payload`` by ``key`` (EdDSA or ES256).

    Raises:
        KeyMaterialError: An elliptic curve other than P-256.
    """
    protected = _protected(key_bytes(key.public_key()))
    message = _to_be_signed(protected, payload)
    if isinstance(key, Ed25519PrivateKey):
        signature = key.sign(message)
    else:
        r, s = decode_dss_signature(key.sign(message, ECDSA(hashes.SHA256())))
        # Of the two signatures (r, s) and (r, n - s) only the lower is accepted, see open_message.
        signature = r.to_bytes(32, "big") + min(s, _P256_ORDER - s).to_bytes(32, "big")
    return encode(cbor2.CBORTag(_SIGN1, [protected, {}, payload, signature]))


@dataclass(frozen=True, slots=True)
class Message:
    """A COSE_Sign1 in its parts; nothing is checked but the spelling.

    Attributes:
        kid: Thumbprint of the key that it names.
        protected: Protected header.
        payload: What was signed.
        signature: 64 bytes.
    """

    kid: Digest
    protected: bytes
    payload: bytes
    signature: bytes


@lru_cache(maxsize=1024)
def _kid(protected: bytes) -> Digest | None:
    """Return the key id in a protected header, or None for any other header; publishers are few."""
    header = decode(protected, _MAX_HEADER)
    kid = header.get(_KID) if isinstance(header, dict) and set(header) == {_ALG, _KID} else None
    return Digest(kid) if isinstance(kid, bytes) and len(kid) == 32 else None


def split(message: bytes, max_bytes: int) -> Message:
    """Return the parts of ``message``, all unchecked.

    Raises:
        FormatError: Not a COSE_Sign1 in our spelling.
    """
    value = decode(message, max_bytes)
    parts = value.value if isinstance(value, cbor2.CBORTag) and value.tag == _SIGN1 else None
    # cbor2 gives arrays inside a tag as list or tuple, depending on where they stand.
    if not isinstance(parts, list | tuple) or len(parts) != 4:
        raise FormatError("expected a COSE_Sign1 of four parts, found another message")
    protected, unprotected, payload, signature = parts
    if not (type(protected) is type(payload) is type(signature) is bytes) or unprotected != {}:
        raise FormatError("expected a COSE_Sign1 with an empty unprotected header and a payload within")
    kid = _kid(protected)
    if kid is None or len(signature) != _SIGNATURE_BYTES:
        raise FormatError("expected algorithm, 32-byte key id and 64-byte signature, found another header")
    return Message(kid, protected, payload, signature)


def check_message(message: Message, raw: bytes) -> None:
    """Return if ``message`` is signed by the key that :func:`key_bytes` writes as ``raw``.

    Raises:
        FormatError: Not a key.
        ReceiptError: Signed by another key, changed, or an ES256 signature in its second spelling.
    """
    if message.protected != _protected(raw):
        raise ReceiptError(
            f"expected an entry signed by key {Digest.of(raw).value.hex()[:16]}, "
            f"found one that names {message.kid.value.hex()[:16]}",
            hint="the entry belongs to another publisher",
        )
    content, signature = _to_be_signed(message.protected, message.payload), message.signature
    key = key_from_bytes(raw)
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, content)
        else:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            if s > _P256_ORDER // 2:  # otherwise anybody could register the same entry under a second hash
                raise ReceiptError("expected the lower of the two ES256 signatures, found the upper")
            key.verify(encode_dss_signature(r, s), content, ECDSA(hashes.SHA256()))
    except InvalidSignature as cause:
        raise ReceiptError(
            "expected the publisher's signature over the entry, found one that does not verify",
            hint="the entry was changed after it was signed",
        ) from cause


def open_message(message: bytes, key: PublicKey, max_bytes: int) -> bytes:
    """Return the payload of ``message`` after checking the signature by ``key``.

    Raises:
        FormatError: Not a COSE_Sign1 in our spelling.
        ReceiptError: Signed by another key, changed, or an ES256 signature in its second spelling.
    """
    parts = split(message, max_bytes)
    check_message(parts, key_bytes(key))
    return parts.payload
