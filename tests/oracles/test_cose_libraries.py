"""Two COSE libraries by others check our RFC 9942 receipts and the publisher's signature."""

from __future__ import annotations

import cbor2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance.ledger.checkpoint import open_checkpoint
from provenance.ledger.cose_receipt import CoseReceipt, make_cose_receipt
from tests.ledger_made import LOG_KEY, ORIGIN, PUBLISHER_KEY, SIGNER, make_log, make_store, register

SIZES = (1, 2, 7, 300)


@pytest.fixture(scope="module")
def statements(tmp_path_factory):
    """Statements with proofs of several lengths, and the roots they lead to."""
    store = make_store(tmp_path_factory.mktemp("log"))
    log = make_log(store)
    made, at = [], 0
    for size in SIZES:
        register(log, *range(at, size))
        at = size
        for index in {0, size // 2, size - 1}:
            receipt = log.prove(index)
            root = open_checkpoint(receipt.checkpoint, SIGNER.verifier).root
            made.append((make_cose_receipt(receipt, ORIGIN, LOG_KEY), root))
    store.close()
    return made


def pem(key) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def changed(statement: CoseReceipt) -> bytes:
    content = bytearray(statement.receipt())
    content[-1] ^= 1
    return bytes(content)


def test_scitt_cose_agrees(statements):
    scitt = pytest.importorskip("scitt_cose", reason="pip install scitt-cose")
    for statement, _ in statements:
        leaf = statement.leaf.hex()
        found = scitt.verify_receipt(
            statement.receipt(), leaf_entry_hex=leaf, log_public_key_pem=pem(LOG_KEY)
        )
        assert found.ok, found.errors
        for receipt, entry, key in (
            (changed(statement), leaf, LOG_KEY),
            (statement.receipt(), leaf[:-2] + "00", LOG_KEY),
            (statement.receipt(), leaf, PUBLISHER_KEY),
        ):
            assert not scitt.verify_receipt(receipt, leaf_entry_hex=entry, log_public_key_pem=pem(key)).ok


def test_pycose_agrees(statements):
    messages = pytest.importorskip("pycose.messages", reason="pip install pycose")
    keys = pytest.importorskip("pycose.keys")

    def key(private):
        return keys.OKPKey(crv="ED25519", x=private.public_key().public_bytes_raw())

    def read(content):
        # Its own decode expects lists and dictionaries within tags, where cbor2 6 gives what cannot change.
        protected, unprotected, *rest = cbor2.loads(content).value
        return messages.Sign1Message.from_cose_obj([protected, dict(unprotected), *rest], True)

    for statement, root in statements:
        receipt = read(statement.receipt())
        receipt.key = key(LOG_KEY)
        assert receipt.verify_signature(detached_payload=root)
        assert not receipt.verify_signature(detached_payload=bytes(32))
        leaf = read(statement.leaf)
        leaf.key = key(PUBLISHER_KEY)
        assert leaf.verify_signature()
        whole = read(statement.format())
        whole.key = key(PUBLISHER_KEY)
        assert whole.verify_signature(), "the receipt stands in the header that is not signed"
        assert cbor2.loads(statement.format()).value[2] == leaf.payload
