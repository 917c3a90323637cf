"""The check of the tree alone: fast, and it still names the entry that was changed."""

from __future__ import annotations

import sqlite3

import pytest

from provenance.errors import ProofError
from provenance.ledger.merkle import leaf_hash
from provenance.ledger.regrow import check_tree
from tests.ledger_made import SIGNER, make_log, make_store, register
from tests.unit.test_audit import damage


@pytest.fixture
def store(tmp_path):
    made = make_store(tmp_path)
    log = make_log(made)
    for numbers in (range(3), range(3, 258), range(258, 270)):
        register(log, *numbers)
    yield made
    made.close()


def test_a_whole_tree_passes(store):
    found = check_tree(store, SIGNER.verifier)
    assert (found.size, found.root, found.checkpoints) == (270, store.head().root, 3)


@pytest.mark.parametrize("index", [0, 2, 255, 256, 269])
def test_a_changed_entry_is_named(store, tmp_path, index):
    damage(tmp_path, f"UPDATE log_entry SET body = x'00' WHERE idx = {index}")
    with pytest.raises(ProofError, match=f"entry {index}:"):
        check_tree(store, SIGNER.verifier)


@pytest.mark.parametrize("index", [1, 255, 269])
def test_an_entry_changed_together_with_its_hash_is_found(store, tmp_path, index):
    """Whoever can write the table writes both; tiles and signed roots say no."""
    raw = sqlite3.connect(tmp_path / "registry.db")
    other = raw.execute("SELECT body FROM log_entry WHERE idx = 100").fetchone()[0] + b"x"
    raw.close()

    hashed = leaf_hash(other).hex()
    damage(
        tmp_path, f"UPDATE log_entry SET body = x'{other.hex()}', leaf_hash = x'{hashed}' WHERE idx = {index}"
    )
    with pytest.raises(ProofError):
        check_tree(store, SIGNER.verifier)


@pytest.mark.parametrize(
    "change", ["DELETE FROM log_entry WHERE idx = 100", "DELETE FROM log_entry WHERE idx = 269"]
)
def test_a_gap_is_found(store, tmp_path, change):
    damage(tmp_path, change)
    with pytest.raises(ProofError, match=r"100 next|found 269"):
        check_tree(store, SIGNER.verifier)
