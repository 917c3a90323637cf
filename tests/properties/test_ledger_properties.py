"""Every proof verifies, and no flipped bit survives."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import CheckpointError, FormatError, ProofError, ReceiptError, VerificationError
from provenance.ledger.checkpoint import open_checkpoint
from provenance.ledger.cose import check_message, decode, key_bytes, split
from provenance.ledger.entry import Entry, open_entry, sign_entry
from provenance.ledger.merkle import (
    check_consistency,
    check_inclusion,
    edge_root,
    grow,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
)
from provenance.ledger.receipt import Receipt, check_receipt
from tests.ledger_made import (
    PUBLISHER_KEY,
    SIGNER,
    file_digest,
    make_log,
    make_store,
    register,
    registration,
)


def tree(size: int) -> tuple[list[bytes], object]:
    """Leaf hashes and a node reader over them that remembers what it computed."""
    leaves = [hashlib.sha256(number.to_bytes(4)).digest() for number in range(size)]
    known: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        if (level, index) not in known:
            known[level, index] = node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))
        return known[level, index]

    return leaves, node


LEAVES, NODE = tree(66_000)


def root(size: int) -> bytes:
    return edge_root(grow((), 0, LEAVES[:size])[0], size)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_every_inclusion_proof_verifies_and_no_changed_one(data):
    size = data.draw(st.integers(1, 3000) | st.sampled_from([65_535, 65_536, 65_537, 66_000]))
    index = data.draw(st.integers(0, size - 1))
    proof, top = prove_inclusion(index, size, NODE), root(size)
    check_inclusion(LEAVES[index], index, size, proof, top)
    if proof:
        place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        proof[place] = flipped(proof[place], bit)
        with pytest.raises(ProofError):
            check_inclusion(LEAVES[index], index, size, proof, top)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_every_consistency_proof_verifies_and_no_changed_one(data):
    new = data.draw(st.integers(1, 3000) | st.sampled_from([65_535, 65_536, 65_537, 66_000]))
    old = data.draw(st.integers(1, new))
    proof, tops = prove_consistency(old, new, NODE), (root(old), root(new))
    check_consistency(old, new, proof, *tops)
    bit = data.draw(st.integers(0, 255))
    with pytest.raises(ProofError):
        check_consistency(old, new, proof, flipped(tops[0], bit), tops[1])
    with pytest.raises(ProofError):
        check_consistency(old, new, proof, tops[0], flipped(tops[1], bit))
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        proof[place] = flipped(proof[place], bit)
        with pytest.raises(ProofError):
            check_consistency(old, new, proof, *tops)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_growth_does_not_depend_on_the_steps(steps):
    edge, size, tiles = (), 0, {}
    for step in steps:
        edge, made = grow(edge, size, LEAVES[size : size + step])
        size += step
        tiles |= {(level, number): content for level, number, content in made}
    whole, made = grow((), 0, LEAVES[:size])
    assert edge == whole
    assert tiles == {(level, number): content for level, number, content in made}


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_every_flipped_bit_of_a_leaf_fails():
    leaf = registration(1).leaf
    key = PUBLISHER_KEY.public_key()
    for bit in range(len(leaf) * 8):
        with pytest.raises((FormatError, VerificationError)):
            open_entry(flipped(leaf, bit), key)


def test_every_flipped_bit_of_a_receipt_fails(tmp_path):
    """Entry, key, index, proof, root and signature: the whole text is covered."""
    store = make_store(tmp_path)
    content = register(make_log(store), *range(5))[3].format().encode()
    store.close()
    check_receipt(content.decode(), file_digest(3), SIGNER.vkey)
    for bit in range(len(content) * 8):
        text = flipped(content, bit).decode(errors="surrogateescape")
        with pytest.raises(VerificationError):
            check_receipt(text, file_digest(3), SIGNER.vkey)


@pytest.fixture(scope="module")
def receipt(tmp_path_factory):
    store = make_store(tmp_path_factory.mktemp("log"))
    made = register(make_log(store), *range(5))[3]
    store.close()
    return made


def check(receipt: Receipt) -> None:
    check_receipt(receipt.format(), file_digest(3), SIGNER.vkey)


def test_every_flipped_bit_of_a_part_fails_with_that_parts_error(receipt):
    """What was changed is told: the entry or its proof, the publisher's key, the log's checkpoint."""
    check(receipt)
    for bit in range(len(receipt.leaf) * 8):
        with pytest.raises(ProofError):  # it is no longer the leaf that the tree holds
            check(replace(receipt, leaf=flipped(receipt.leaf, bit)))
    for place, proof in enumerate(receipt.proof):
        for bit in range(256):
            changed = (*receipt.proof[:place], flipped(proof, bit), *receipt.proof[place + 1 :])
            with pytest.raises(ProofError):
                check(replace(receipt, proof=changed))
    for bit in range(len(receipt.publisher_key) * 8):
        with pytest.raises(ReceiptError):
            check(replace(receipt, publisher_key=flipped(receipt.publisher_key, bit)))
    for index in (0, 1, 2, 4):
        with pytest.raises(ProofError):
            check(replace(receipt, index=index))


def test_every_flipped_bit_of_a_checkpoint_fails_as_one(receipt):
    """Origin, size, root, key name, key id and signature: nothing of the note may change."""
    note = receipt.checkpoint.encode()
    for bit in range(len(note) * 8):
        changed = flipped(note, bit).decode("utf-8", errors="replace")
        with pytest.raises((CheckpointError, ReceiptError)):  # a blank line that moves is no receipt any more
            check(replace(receipt, checkpoint=changed))
        with pytest.raises(CheckpointError):
            open_checkpoint(changed, SIGNER.verifier)


@pytest.mark.parametrize(
    "key", [PUBLISHER_KEY, ec.generate_private_key(ec.SECP256R1())], ids=["ed25519", "p256"]
)
def test_every_flipped_bit_of_an_entry_or_its_signature_fails(key):
    leaf = sign_entry(Entry.from_cbor(split(registration(1).leaf, 65_535).payload), key)
    parts, public = split(leaf, 65_535), key_bytes(key.public_key())
    check_message(parts, public)
    for name in ("payload", "signature", "protected"):
        content = getattr(parts, name)
        for bit in range(len(content) * 8):
            with pytest.raises(ReceiptError):
                check_message(replace(parts, **{name: flipped(content, bit)}), public)


def test_every_shortened_receipt_fails(tmp_path):
    store = make_store(tmp_path)
    text = register(make_log(store), *range(5))[3].format()
    store.close()
    for length in range(len(text)):
        with pytest.raises(VerificationError):
            check_receipt(text[:length], file_digest(3), SIGNER.vkey)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    for read in (lambda: decode(content, 200), lambda: Entry.from_cbor(content)):
        try:
            read()
        except FormatError:
            continue


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_refused_as_a_receipt(text):
    for candidate in (text, "c2sp.org/tlog-proof@v1\n" + text):
        with pytest.raises(VerificationError):
            Receipt.parse(candidate)


def test_a_leaf_is_never_a_node():
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)
