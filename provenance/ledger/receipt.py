"""Receipts: the proof, checkable offline, that a publisher's entry is in the log.

The text is a C2SP tlog-proof; its extra line carries the leaf and the publisher's public key, so that nothing
but the log's verifier key (and the publishers one knows) is needed to check it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from provenance.digest import Digest
from provenance.errors import FormatError, ReceiptError
from provenance.ledger.checkpoint import (
    Checkpoint,
    LogKeys,
    LogVerifier,
    NoteVerifier,
    open_signed,
)
from provenance.ledger.cose import decode, encode, key_from_bytes, key_thumbprint
from provenance.ledger.entry import MAX_LEAF_BYTES, Entry, Fields, open_entry
from provenance.ledger.merkle import HASH_BYTES, MAX_SIZE, check_inclusion, leaf_hash
from provenance.ledger.note import MAX_NOTE_BYTES, decode_base64

#: First line. Source: C2SP tlog-proof, "Format".
_HEADER: Final = "c2sp.org/tlog-proof@v1"
#: File name ending. Source: C2SP tlog-proof, which recommends it.
RECEIPT_SUFFIX: Final = ".tlog-proof"
_MAX_EXTRA: Final = MAX_LEAF_BYTES + 256
#: Longest receipt, characters: the leaf in base64, 63 proof lines, the note.
MAX_RECEIPT: Final = _MAX_EXTRA * 4 // 3 + 63 * 45 + MAX_NOTE_BYTES + 256
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A leaf, its place in the log and the signed tree head it was proven against.

    Attributes:
        leaf: COSE_Sign1 of the entry.
        publisher_key: Raw public key of the publisher, 32 bytes (Ed25519) or 65 (P-256).
        index: Zero-based position.
        proof: Inclusion proof, the leaf's sibling first, 32 bytes each.
        checkpoint: Signed note.
    """

    leaf: bytes
    publisher_key: bytes
    index: int
    proof: tuple[bytes, ...]
    checkpoint: str

    @property
    def asset_id(self) -> str:
        """Public name of the registration: ``sha256:`` and the leaf hash."""
        return str(Digest(leaf_hash(self.leaf)))

    def format(self) -> str:
        """Return the tlog-proof text."""
        extra = base64.b64encode(encode({1: self.leaf, 2: self.publisher_key})).decode()
        lines = [_HEADER, f"extra {extra}", f"index {self.index}"]
        lines += [base64.b64encode(each).decode() for each in self.proof]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the receipt that :meth:`format` wrote; nothing is checked but the spelling.

        Raises:
            ReceiptError: Spelled otherwise, or too long.
        """
        hint = f"a receipt is a {RECEIPT_SUFFIX} file as written by the log"
        if len(text) > MAX_RECEIPT:
            raise ReceiptError(f"expected a receipt of at most {MAX_RECEIPT} characters", hint=hint)
        head, blank, note = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or len(lines) < 3 or lines[0] != _HEADER or not lines[1].startswith("extra "):
            raise ReceiptError(
                f"expected {_HEADER}, an extra line, an index, proof and checkpoint", hint=hint
            )
        index = _INDEX.fullmatch(lines[2])
        if index is None or int(index.group(1)) >= MAX_SIZE or len(lines) > 3 + 63:
            raise ReceiptError("expected an index and at most 63 hashes, found other lines", hint=hint)
        try:
            extra = decode(decode_base64(lines[1].removeprefix("extra ")), _MAX_EXTRA)
            fields = Fields(extra, frozenset((1, 2)), "receipt")
            proof = tuple(decode_base64(line) for line in lines[3:])
            leaf, key = fields.need(1, bytes), fields.need(2, bytes)
        except (ValueError, FormatError) as cause:
            raise ReceiptError(f"expected a receipt in its one spelling: {cause}", hint=hint) from cause
        if any(len(each) != HASH_BYTES for each in proof):
            raise ReceiptError("expected proof hashes of 32 bytes, found another length", hint=hint)
        return cls(leaf, key, int(index.group(1)), proof, note)


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """What a receipt proves.

    Attributes:
        asset_id: ``sha256:`` of the leaf.
        entry: What the publisher signed.
        publisher: Thumbprint of the publisher's key.
        index: Position in the log.
        checkpoint: The tree head that includes it.
        log_keys: Keys of the log that signed the tree head.
    """

    asset_id: str
    entry: Entry
    publisher: Digest
    index: int
    checkpoint: Checkpoint
    log_keys: tuple[NoteVerifier, ...]


def check_receipt(
    receipt_text: str,
    file_digest: Digest,
    log: LogVerifier | str,
    publisher_keys: Collection[Digest] | None = None,
) -> CheckedReceipt:
    """Return what the receipt proves about the file, checked without a network.

    Args:
        receipt_text: tlog-proof text.
        file_digest: SHA-256 of the file it should be for.
        log: Keys of the log, from a source other than the receipt; as text one verifier key a line.
        publisher_keys: Thumbprints of the publisher keys that are accepted; ``None`` accepts whatever key
            the log admitted, so that the log alone vouches for the publisher.

    Raises:
        CheckpointError: The tree head is not signed by a key of ``log``.
        ProofError: The entry is not in that tree.
        ReceiptError: Malformed, for another file, or not signed by an accepted publisher key.
    """
    return check_for_file(_check(receipt_text, log), file_digest, publisher_keys)


def check_for_file(
    checked: CheckedReceipt, file_digest: Digest, publisher_keys: Collection[Digest] | None
) -> CheckedReceipt:
    """Return ``checked`` if it speaks of the file, by an accepted publisher; arguments as above.

    Raises:
        ReceiptError: It does not.
    """
    if publisher_keys is not None and checked.publisher not in publisher_keys:
        raise ReceiptError(
            f"expected an entry by an accepted publisher, found key {checked.publisher}",
            hint="add the publisher's key if you know it to be theirs",
        )
    if checked.entry.asset != file_digest:
        raise ReceiptError(
            f"expected a receipt for {file_digest}, found one for {checked.entry.asset}",
            hint="this receipt belongs to another file; a copy has the receipt of its original",
        )
    return checked


def check_manifest_receipt(receipt_text: str, manifest_id: str, log: LogVerifier | str) -> CheckedReceipt:
    """Return what the receipt proves about a manifest: registered with an asset, or deposited.

    Raises:
        CheckpointError: The tree head is not signed by a key of ``log``.
        ProofError: The entry is not in that tree.
        ReceiptError: Malformed, or for another manifest.
    """
    checked = _check(receipt_text, log)
    if checked.entry.manifest_id != manifest_id:
        raise ReceiptError("expected a receipt for this manifest, found one for another")
    return checked


def _check(receipt_text: str, log: LogVerifier | str) -> CheckedReceipt:
    receipt = Receipt.parse(receipt_text)
    keys = LogKeys.parse(log) if isinstance(log, str) else log
    checkpoint, signers = open_signed(receipt.checkpoint, keys)
    leaf = leaf_hash(receipt.leaf)
    check_inclusion(leaf, receipt.index, checkpoint.size, receipt.proof, checkpoint.root)
    entry, publisher = check_leaf(receipt.leaf, receipt.publisher_key)
    return CheckedReceipt(str(Digest(leaf)), entry, publisher, receipt.index, checkpoint, signers)


def check_leaf(leaf: bytes, publisher_key: bytes) -> tuple[Entry, Digest]:
    """Return the entry in ``leaf`` and the thumbprint of the key, if that key signed it.

    Raises:
        ReceiptError: No entry, or not signed by this key.
    """
    try:
        key = key_from_bytes(publisher_key)
        return open_entry(leaf, key), key_thumbprint(key)
    except FormatError as cause:
        raise ReceiptError(f"expected a receipt with a ledger entry: {cause}") from cause
