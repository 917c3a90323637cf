"""Newer proofs for entries that are proven already."""

from __future__ import annotations

from dataclasses import replace

from provenance.errors import ConflictError, ProofError
from provenance.ledger.checkpoint import Checkpoint, LogVerifier, open_checkpoint
from provenance.ledger.merkle import check_inclusion, leaf_hash
from provenance.ledger.note import SignedNote
from provenance.ledger.policy import Policy
from provenance.ledger.prover import Prover
from provenance.ledger.receipt import Receipt
from provenance.ledger.source import TileSource, read_note
from provenance.ledger.store import Store
from provenance.ledger.verified import VerifiedTiles


def witnessed(receipt: Receipt, store: Store) -> Receipt:
    """Return ``receipt`` against the newest checkpoint that witnesses cosigned, if that includes its entry.

    Args:
        receipt: Just made by the log.
        store: The log's database.

    Raises:
        StorageError: It cannot be read.
    """
    note = store.cosigned()
    if note is None:
        return receipt
    size = Checkpoint.parse(SignedNote.parse(note).text).size
    if receipt.index >= size:  # the witnesses have not seen it yet
        return receipt
    proof = Prover(store.tile).inclusion((receipt.index,), size)[receipt.index]
    return replace(receipt, proof=proof, checkpoint=note)


def renew(
    receipt_text: str, source: TileSource, keys: LogVerifier, policy: Policy | None = None
) -> tuple[str, Checkpoint]:
    """Return the receipt of the same entry against the newest checkpoint of ``source``, and that checkpoint.

    Args:
        receipt_text: tlog-proof text.
        source: The receipt's log, from anywhere; every tile is checked.
        keys: Keys of the log.
        policy: Witnesses that must have cosigned the newest checkpoint; None asks for none.

    Raises:
        ReceiptError: Not a receipt.
        CheckpointError: Its checkpoint or the newest one is not signed by ``keys``, or not witnessed.
        ConflictError: The log does not continue the one of the receipt.
        ProofError: The log's tiles do not hold, or the receipt's entry is not in it.
        UnavailableError: The log cannot be read now.
    """
    receipt = Receipt.parse(receipt_text)
    then = open_checkpoint(receipt.checkpoint, keys)
    leaf = leaf_hash(receipt.leaf)
    check_inclusion(leaf, receipt.index, then.size, receipt.proof, then.root)
    note = read_note(source)
    now = open_checkpoint(note, keys)
    if policy is not None:
        policy.check_quorum(note)
    tiles = VerifiedTiles(source, now)
    try:
        tiles.check_continues(then)
    except ProofError as cause:
        raise ConflictError(
            f"expected the log to continue the {then.size} entries of the receipt: {cause.message}",
            hint="keep the receipt as it is: with the log's checkpoint it proves two histories",
        ) from cause
    proof = tiles.inclusion(receipt.index)
    check_inclusion(leaf, receipt.index, now.size, proof, now.root)
    return replace(receipt, proof=proof, checkpoint=note).format(), now
