"""COSE receipts (RFC 9942): made for roots the log has signed, checked offline, one spelling."""

from __future__ import annotations

from dataclasses import replace

import cbor2
import pytest

from provenance.errors import CheckpointError, ProofError, ReceiptError, VerificationError
from provenance.ledger.checkpoint import LogKeys, NoteSigner, NoteVerifier
from provenance.ledger.cose import key_thumbprint
from provenance.ledger.cose_receipt import CoseReceipt, check_cose_receipt, make_cose_receipt
from provenance.ledger.merkle import leaf_hash
from provenance.ledger.note import KeyType
from provenance.ledger.receipt import check_receipt
from tests.ledger_made import LOG_KEY, ORIGIN, PUBLISHER_KEY, RIVAL_KEY, SIGNER, file_digest
from tests.unit.test_receipt import KNOWN, MINE, RECEIPT, TEXT

STATEMENT = make_cose_receipt(RECEIPT, ORIGIN, LOG_KEY)
CONTENT = STATEMENT.format()


def test_it_proves_what_the_tlog_proof_proves():
    found = check_cose_receipt(CONTENT, file_digest(1), SIGNER.verifier, KNOWN)
    assert found == check_receipt(TEXT, file_digest(1), SIGNER.vkey, KNOWN)
    assert found.log_keys == (SIGNER.verifier,)
    assert CoseReceipt.parse(CONTENT) == STATEMENT


def test_its_shape_is_that_of_rfc_9942():
    tag = cbor2.loads(CONTENT)
    header = tag.value[1]
    leaf = cbor2.loads(MINE).value
    assert (tag.tag, tag.value[0], tag.value[2], tag.value[3]) == (18, leaf[0], leaf[2], leaf[3])
    [receipt] = header[394]
    protected, unprotected, payload, signature = cbor2.loads(receipt).value
    assert cbor2.loads(protected) == {
        1: -8,
        4: key_thumbprint(LOG_KEY.public_key()).value,
        15: {1: ORIGIN},
        395: 1,
    }
    assert payload is None
    assert len(signature) == 64
    [proof] = unprotected[396][-1]
    assert cbor2.loads(proof) == [2, 1, [RECEIPT.proof[0]]]
    assert header["provenance.publisher-key"] == PUBLISHER_KEY.public_key().public_bytes_raw()
    assert leaf_hash(CoseReceipt.parse(CONTENT).leaf) == leaf_hash(MINE)


def test_only_what_the_log_signed_before_is_signed():
    with pytest.raises(CheckpointError):
        make_cose_receipt(RECEIPT, ORIGIN, RIVAL_KEY)
    with pytest.raises(ProofError):
        make_cose_receipt(replace(RECEIPT, proof=()), ORIGIN, LOG_KEY)


def test_other_files_logs_and_publishers_are_refused():
    with pytest.raises(ReceiptError, match="found one for"):
        check_cose_receipt(CONTENT, file_digest(2), SIGNER.verifier)
    with pytest.raises(CheckpointError):
        check_cose_receipt(CONTENT, file_digest(1), NoteSigner(ORIGIN, RIVAL_KEY).verifier)
    with pytest.raises(CheckpointError):
        check_cose_receipt(CONTENT, file_digest(1), NoteSigner("b.example", LOG_KEY).verifier)
    with pytest.raises(ReceiptError, match="accepted publisher"):
        check_cose_receipt(CONTENT, file_digest(1), SIGNER.verifier, frozenset())
    both = LogKeys((NoteSigner(ORIGIN, RIVAL_KEY).verifier, SIGNER.verifier))
    assert check_cose_receipt(CONTENT, file_digest(1), both)


def test_every_flipped_bit_is_noticed():
    for at in range(len(CONTENT)):
        changed = bytearray(CONTENT)
        changed[at] ^= 1 << at % 8
        with pytest.raises(VerificationError):
            check_cose_receipt(bytes(changed), file_digest(1), SIGNER.verifier)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update({394: []}),
        lambda v: v.update({394: v[394] * 2}),
        lambda v: v.pop(394),
        lambda v: v.pop("provenance.publisher-key"),
        lambda v: v.update({"provenance.publisher-key": "text"}),
        lambda v: v.update({99: 1}),
        lambda v: v.update({394: [b"words"]}),
        lambda v: v.update({394: 1}),
    ],
)
def test_any_other_header_is_refused(change):
    tag = cbor2.loads(CONTENT)
    header = dict(tag.value[1])
    change(header)
    parts = [tag.value[0], header, *tag.value[2:]]
    with pytest.raises(ReceiptError):
        CoseReceipt.parse(cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True))


@pytest.mark.parametrize("content", [b"", b"words", MINE, CONTENT + b"\0", CONTENT[:-1], bytes(100_000)])
def test_what_is_no_statement_is_refused(content):
    with pytest.raises(ReceiptError):
        CoseReceipt.parse(content)


def test_a_key_of_another_kind_is_not_the_logs():
    witness = NoteVerifier(ORIGIN, SIGNER.verifier.public, KeyType.COSIGN_ED25519)
    with pytest.raises(CheckpointError):
        check_cose_receipt(CONTENT, file_digest(1), witness)
