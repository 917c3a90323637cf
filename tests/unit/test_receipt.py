"""Receipts: checkable offline, for one file, against one log."""

from __future__ import annotations

import base64
from dataclasses import replace

import cbor2
import pytest

from provenance.digest import Digest
from provenance.errors import CheckpointError, ProofError, ReceiptError
from provenance.ledger.checkpoint import Checkpoint, NoteSigner, open_checkpoint, sign_checkpoint
from provenance.ledger.cose import key_thumbprint
from provenance.ledger.merkle import leaf_hash, node_hash
from provenance.ledger.receipt import MAX_RECEIPT, Receipt, check_receipt
from tests.ledger_made import (
    LOG_KEY,
    ORIGIN,
    PUBLISHER_KEY,
    RIVAL_KEY,
    SIGNER,
    file_digest,
    registration,
)

MINE = registration(1).leaf
OTHER = registration(2).leaf
ROOT = node_hash(leaf_hash(OTHER), leaf_hash(MINE))
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 2, ROOT), SIGNER)
PUBLIC = PUBLISHER_KEY.public_key().public_bytes_raw()
RECEIPT = Receipt(MINE, PUBLIC, 1, (leaf_hash(OTHER),), NOTE)
TEXT = RECEIPT.format()
KNOWN = frozenset({key_thumbprint(PUBLISHER_KEY.public_key())})


def test_a_receipt_proves_its_file():
    checked = check_receipt(TEXT, file_digest(1), SIGNER.vkey, KNOWN)
    assert checked.asset_id == RECEIPT.asset_id == str(Digest(leaf_hash(MINE)))
    assert checked.entry.asset == file_digest(1)
    assert checked.publisher in KNOWN
    assert (checked.index, checked.checkpoint) == (1, open_checkpoint(NOTE, SIGNER.verifier))
    assert check_receipt(TEXT, file_digest(1), SIGNER.vkey) == checked


def test_the_text_is_that_of_the_specification():
    lines = TEXT.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ")
    assert lines[2:5] == ["index 1", base64.b64encode(leaf_hash(OTHER)).decode(), ""]
    assert "\n".join(lines[5:]) == NOTE
    assert Receipt.parse(TEXT) == RECEIPT


def test_a_receipt_for_another_file_is_refused():
    with pytest.raises(ReceiptError, match=r"another file|found one for"):
        check_receipt(TEXT, file_digest(2), SIGNER.vkey, KNOWN)


def test_another_log_is_refused():
    with pytest.raises(CheckpointError):
        check_receipt(TEXT, file_digest(1), NoteSigner(ORIGIN, RIVAL_KEY).vkey, KNOWN)
    with pytest.raises(CheckpointError, match=r"belongs|found one of"):
        check_receipt(TEXT, file_digest(1), NoteSigner("other.example", LOG_KEY).vkey, KNOWN)


def test_an_entry_that_is_not_in_the_tree_is_refused():
    forged = replace(RECEIPT, leaf=registration(3).leaf)
    with pytest.raises(ProofError):
        check_receipt(forged.format(), file_digest(3), SIGNER.vkey, KNOWN)


def test_an_entry_the_publisher_did_not_sign_is_refused():
    """SR-28: a log that invents a registration cannot make a receipt for it."""
    parts = list(cbor2.loads(MINE).value)
    parts[3] = bytes(64)
    invented = cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True)
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, leaf_hash(invented)), SIGNER)
    with pytest.raises(ReceiptError, match="publisher's signature"):
        check_receipt(Receipt(invented, PUBLIC, 0, (), note).format(), file_digest(1), SIGNER.vkey, KNOWN)


def test_an_unknown_publisher_is_refused_where_publishers_are_named():
    with pytest.raises(ReceiptError, match="accepted publisher"):
        check_receipt(TEXT, file_digest(1), SIGNER.vkey, frozenset({key_thumbprint(RIVAL_KEY.public_key())}))
    with pytest.raises(ReceiptError, match="accepted publisher"):
        check_receipt(TEXT, file_digest(1), SIGNER.vkey, frozenset())


def test_a_leaf_that_is_no_entry_is_refused():
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, leaf_hash(b"words")), SIGNER)
    with pytest.raises(ReceiptError, match="ledger entry"):
        check_receipt(Receipt(b"words", PUBLIC, 0, (), note).format(), file_digest(1), SIGNER.vkey)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("extra ", "Extra "),
        TEXT.replace("index 1", "index 01"),
        TEXT.replace("index 1", "index -1"),
        TEXT.replace("index 1", f"index {1 << 63}"),
        TEXT.replace("index 1\n", "index 1\n" + "A" * 43 + "=\n" * 64),
        TEXT.replace("index 1\n", "index 1\nAAAA\n"),
        TEXT.replace("index 1\n", "index 1\nnot base64\n"),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n\n", "\n", 1),
        TEXT.replace("extra ", "extra  "),
        "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 0\n\n" + NOTE,
        "x" * (MAX_RECEIPT + 1),
    ],
)
def test_any_other_spelling_is_refused(text):
    with pytest.raises(ReceiptError):
        Receipt.parse(text)
