"""Receipts for the world of COSE: a leaf that carries its RFC 9942 receipt, known there as a Transparent Statement.

The leaf is a COSE_Sign1 by the publisher. Its unprotected header, empty in the log, here holds the log's receipt
(and the publisher's public key, so that it can be checked offline); taking both out gives the leaf back, byte
for byte.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Self

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provenance.digest import Digest
from provenance.errors import CheckpointError, FormatError, ReceiptError
from provenance.ledger.checkpoint import (
    Checkpoint,
    LogKeys,
    LogVerifier,
    NoteSigner,
    NoteVerifier,
    open_checkpoint,
)
from provenance.ledger.cose import decode, encode
from provenance.ledger.entry import MAX_LEAF_BYTES
from provenance.ledger.merkle import MAX_SIZE, check_inclusion, inclusion_root, leaf_hash
from provenance.ledger.note import KeyType
from provenance.ledger.receipt import CheckedReceipt, Receipt, check_for_file, check_leaf

#: File name ending.
COSE_SUFFIX: Final = ".cose"
#: Largest statement: a leaf, 63 hashes and the rest of the receipt.
MAX_COSE_BYTES: Final = MAX_LEAF_BYTES + 4_096
#: COSE_Sign1, and header labels. Source: RFC 9052 section 3.1; RFC 9597; RFC 9942 section 8 (IANA).
_SIGN1: Final = 18
_ALG, _KID, _CLAIMS, _RECEIPTS, _VDS, _VDP = 1, 4, 15, 394, 395, 396
_EDDSA: Final = -8
#: Verifiable data structure RFC9162_SHA256, and the label of its inclusion proofs. Source: RFC 9942 section 5.
_RFC9162_SHA256: Final = 1
_INCLUSION: Final = -1
#: Claim "issuer". Source: RFC 8392 section 3.1.1.
_ISSUER: Final = 1
#: Our own label for the publisher's raw public key; text labels are free to use (RFC 9052 section 1.5).
_PUBLISHER_KEY: Final = "provenance.publisher-key"


@dataclass(frozen=True, slots=True)
class CoseReceipt:
    """A leaf and its COSE receipt, in their parts; nothing is checked but the spelling.

    Attributes:
        leaf: The publisher's COSE_Sign1, as it is in the log.
        publisher_key: Raw public key of the publisher.
        index: Position in the log.
        size: Size of the tree that the proof leads to.
        proof: Inclusion proof, 32 bytes each.
        protected: Protected header of the receipt.
        signature: The log's signature over the root.
    """

    leaf: bytes
    publisher_key: bytes
    index: int
    size: int
    proof: tuple[bytes, ...]
    protected: bytes
    signature: bytes

    def receipt(self) -> bytes:
        """Return the RFC 9942 receipt alone."""
        proof = encode([self.size, self.index, list(self.proof)])
        return encode(
            cbor2.CBORTag(_SIGN1, [self.protected, {_VDP: {_INCLUSION: [proof]}}, None, self.signature])
        )

    def format(self) -> bytes:
        """Return the statement with its receipt."""
        protected, _, payload, signature = _parts(self.leaf, MAX_LEAF_BYTES)
        header = {_RECEIPTS: [self.receipt()], _PUBLISHER_KEY: self.publisher_key}
        return encode(cbor2.CBORTag(_SIGN1, [protected, header, payload, signature]))

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Return the statement that :meth:`format` wrote.

        Raises:
            ReceiptError: Spelled otherwise.
        """
        try:
            return cls._parse(content)
        except (FormatError, ValueError, TypeError, LookupError) as cause:
            raise ReceiptError(
                f"expected a COSE statement with one receipt: {cause}",
                hint="`provenance receipt upgrade --format cose` writes one",
            ) from cause

    @classmethod
    def _parse(cls, content: bytes) -> Self:
        protected, header, payload, signature = _parts(content, MAX_COSE_BYTES)
        [receipt], publisher_key = header[_RECEIPTS], header[_PUBLISHER_KEY]
        leaf = encode(cbor2.CBORTag(_SIGN1, [protected, {}, payload, signature]))
        log_protected, proofs, detached, log_signature = _parts(receipt, MAX_COSE_BYTES)
        [packed] = proofs[_VDP][_INCLUSION]
        size, index, hashes = _list(decode(packed, MAX_COSE_BYTES), 3)
        made = cls(leaf, publisher_key, index, size, tuple(hashes), log_protected, log_signature)
        if not all(
            type(each) is bytes for each in (publisher_key, log_protected, log_signature, *made.proof)
        ):
            raise FormatError("bytes where bytes belong")
        if type(size) is not int or type(index) is not int or not 0 <= index < size <= MAX_SIZE:
            raise FormatError("an index below the tree's size")
        if detached is not None or made.format() != content:
            raise FormatError("one spelling, and a detached root")
        return made


def _list(value: Any, length: int) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) != length:
        raise FormatError(f"an array of {length}")
    return list(value)


def _parts(message: bytes, max_bytes: int) -> list[Any]:
    value = decode(message, max_bytes)
    if not isinstance(value, cbor2.CBORTag) or value.tag != _SIGN1:
        raise FormatError("a COSE_Sign1")
    return _list(value.value, 4)


def _protected(origin: str, public: bytes) -> bytes:
    return encode(
        {_ALG: _EDDSA, _KID: Digest.of(public).value, _CLAIMS: {_ISSUER: origin}, _VDS: _RFC9162_SHA256}
    )


def _to_be_signed(protected: bytes, root: bytes) -> bytes:
    # Source: RFC 9052 section 4.4; the payload is the detached root, RFC 9942 section 5.2.
    return encode(["Signature1", protected, b"", root])


def make_cose_receipt(receipt: Receipt, origin: str, key: Ed25519PrivateKey) -> CoseReceipt:
    """Return the entry of ``receipt`` with a COSE receipt for the same tree head.

    Only a root that this log signed before is signed again.

    Args:
        receipt: Proof against a checkpoint of this log.
        origin: Name of the log.
        key: The ledger key.

    Raises:
        CheckpointError: The receipt's checkpoint is not signed by ``key``.
        ProofError: The receipt does not hold.
    """
    point = open_checkpoint(receipt.checkpoint, NoteSigner(origin, key).verifier)
    check_inclusion(leaf_hash(receipt.leaf), receipt.index, point.size, receipt.proof, point.root)
    protected = _protected(origin, key.public_key().public_bytes_raw())
    signature = key.sign(_to_be_signed(protected, point.root))
    return CoseReceipt(
        receipt.leaf, receipt.publisher_key, receipt.index, point.size, receipt.proof, protected, signature
    )


def check_cose_receipt(
    content: bytes,
    file_digest: Digest,
    log: LogVerifier,
    publisher_keys: Collection[Digest] | None = None,
) -> CheckedReceipt:
    """Return what a statement proves about the file, as ``check_receipt`` does for a tlog-proof.

    Args:
        content: The statement.
        file_digest: SHA-256 of the file it should be for.
        log: Keys of the log, from a source other than the statement.
        publisher_keys: Thumbprints of accepted publisher keys; None accepts whatever key the log admitted.

    Raises:
        CheckpointError: The receipt is not signed by a key of ``log``.
        ProofError: The proof is longer or shorter than its place in the tree allows.
        ReceiptError: Malformed, for another file, or not signed by an accepted publisher key.
    """
    parsed = CoseReceipt.parse(content)
    root = inclusion_root(leaf_hash(parsed.leaf), parsed.index, parsed.size, parsed.proof)
    signer = _signer(parsed, root, log)
    entry, publisher = check_leaf(parsed.leaf, parsed.publisher_key)
    point = Checkpoint(log.name, parsed.size, root)
    asset_id = str(Digest(leaf_hash(parsed.leaf)))
    checked = CheckedReceipt(asset_id, entry, publisher, parsed.index, point, (signer,))
    return check_for_file(checked, file_digest, publisher_keys)


def _signer(parsed: CoseReceipt, root: bytes, log: LogVerifier) -> NoteVerifier:
    for key in log.keys if isinstance(log, LogKeys) else (log,):
        if key.kind is not KeyType.ED25519 or parsed.protected != _protected(key.name, key.public):
            continue
        message = _to_be_signed(parsed.protected, root)
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(parsed.signature, message)
        except InvalidSignature as cause:
            raise CheckpointError(
                f"expected the receipt's root to be signed by {key.label}, it is not",
                hint="the statement or its receipt was changed",
            ) from cause
        return key
    raise CheckpointError(
        f"expected a receipt by a key of {log.name}, found one by another key or log",
        hint="check the log's verifier key",
    )
