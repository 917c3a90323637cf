"""The full check: damage of any row is found, and the entry is named (case 107)."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from provenance.errors import CheckpointError, ProofError, StorageError, VerificationError
from provenance.ledger.audit import audit
from provenance.ledger.checkpoint import NoteSigner
from provenance.ledger.entry import EntryType
from tests.ledger_made import (
    ORIGIN,
    RIVAL_KEY,
    SIGNER,
    make_log,
    make_store,
    register,
    registration,
    statement,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    made = make_store(folder)
    log = make_log(made)
    assets = [each.asset_id for each in register(log, *range(10))]
    register(log, *range(10, 300))
    log.append([statement(EntryType.WITHDRAW, assets[3], assets[4], reason="wrong")])
    log.append([statement(EntryType.REDACT, assets[5])])
    made.close()
    return folder / "registry.db"


@pytest.fixture
def store(tmp_path, template):
    shutil.copyfile(template, tmp_path / "registry.db")
    made = make_store(tmp_path)
    yield made
    made.close()


def damage(tmp_path, *changes: str) -> None:
    raw = sqlite3.connect(tmp_path / "registry.db")
    guards = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in guards:
        raw.execute(f"DROP TRIGGER {name}")
    for change in changes:
        assert raw.execute(change).rowcount > 0, "the damage must be done for the test to mean anything"
    raw.commit()
    raw.close()


def test_a_whole_log_passes_and_is_counted(store):
    found = audit(store, SIGNER.verifier)
    assert (found.size, found.checkpoints, found.assets, found.redacted) == (302, 4, 300, 1)
    assert found.root == store.head().root


@pytest.mark.parametrize("index", [0, 7, 255, 256, 301])
def test_one_flipped_bit_in_an_entry_is_found_and_named(store, tmp_path, index):
    """Case 107."""
    raw = sqlite3.connect(tmp_path / "registry.db")
    body = bytearray(raw.execute("SELECT body FROM log_entry WHERE idx = ?", (index,)).fetchone()[0])
    raw.close()
    body[len(body) // 2] ^= 0x10
    damage(tmp_path, f"UPDATE log_entry SET body = x'{body.hex()}' WHERE idx = {index}")
    with pytest.raises(ProofError, match=f"entry {index}:"):
        audit(store, SIGNER.verifier)


@pytest.mark.parametrize("text", ["CAST(body AS TEXT)", "'plain text'", "12", "1.5"])
def test_a_value_of_another_kind_in_an_entry_is_found_and_named(store, tmp_path, text):
    """SQLite keeps whatever is written: case 107 with bytes that are no UTF-8, and with no bytes at all."""
    damage(tmp_path, f"UPDATE log_entry SET body = {text} WHERE idx = 7")
    with pytest.raises(ProofError, match="entry 7:"):
        audit(store, SIGNER.verifier)


def test_a_row_that_cannot_be_read_is_named(store, tmp_path):
    damage(tmp_path, "UPDATE asset SET digest = 'words' WHERE idx = 20")
    with pytest.raises(StorageError, match="row of entry 20"):
        audit(store, SIGNER.verifier)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE log_entry SET leaf_hash = CAST(leaf_hash AS TEXT) WHERE idx = 20", "entry 20"),
        ("UPDATE log_tile SET data = CAST(data AS TEXT) WHERE level = 0 AND n = 0", "tile"),
        (
            "UPDATE payload SET body = 'words' WHERE leaf_hash = (SELECT leaf_hash FROM log_entry WHERE idx = 20)",
            "entry 20",
        ),
        ("UPDATE fingerprint SET value = CAST(value AS TEXT) WHERE entry_idx = 20", "entry 20"),
        ("UPDATE reference SET blob = 12 WHERE entry_idx = 20", "entry 20"),
        ("DELETE FROM log_entry WHERE idx = 20", "entry 20 next"),
        ("DELETE FROM log_entry WHERE idx = 301", "found 301"),
        ("UPDATE log_entry SET leaf_hash = zeroblob(32) WHERE idx = 20", "entry 20:"),
        ("UPDATE log_tile SET data = zeroblob(8192) WHERE level = 0 AND n = 0", "entry 255:"),
        ("UPDATE log_tile SET data = zeroblob(1472) WHERE level = 0 AND n = 1", "last tile of level 0"),
        ("UPDATE log_tile SET data = zeroblob(32) WHERE level = 1 AND n = 0", "last tile of level 1"),
        ("DELETE FROM payload WHERE leaf_hash = (SELECT leaf_hash FROM asset WHERE idx = 6)", "entry 6:"),
        (
            "UPDATE payload SET body = x'a0' WHERE leaf_hash = (SELECT leaf_hash FROM asset WHERE idx = 6)",
            "entry 6:",
        ),
        (
            "UPDATE payload SET salt = x'00' WHERE leaf_hash = (SELECT leaf_hash FROM asset WHERE idx = 6)",
            "entry 6:",
        ),
        ("UPDATE asset SET digest = zeroblob(32) WHERE idx = 6", "entry 6:"),
        ("UPDATE asset SET title = 'another' WHERE idx = 6", "entry 6:"),
        ("UPDATE asset SET publisher = 'another' WHERE idx = 6", "entry 6:"),
        ("UPDATE asset SET status = 'active' WHERE idx = 3", "entry 3:"),
        ("UPDATE asset SET status = 'withdrawn' WHERE idx = 7", "entry 7:"),
        ("UPDATE asset SET status_reason = 'none' WHERE idx = 3", "entry 3:"),
        ("UPDATE asset SET replaced_by = NULL WHERE idx = 3", "entry 3:"),
        ("DELETE FROM asset WHERE idx = 6", "entry 6:"),
        (
            "UPDATE fingerprint SET value = zeroblob(32) WHERE entry_idx = 6 AND algorithm = 'pdq256-v1'",
            "entry 6:",
        ),
        ("UPDATE fingerprint SET time_s = 1.0 WHERE entry_idx = 6", "entry 6:"),
        ("DELETE FROM fingerprint WHERE entry_idx = 6", "entry 6:"),
        ("UPDATE reference SET blob = x'00' WHERE entry_idx = 6", "entry 6:"),
        ("DELETE FROM reference WHERE entry_idx = 6", "entry 6:"),
        ("UPDATE publisher SET organisation = 'another'", "entry 0:"),
        ("UPDATE publisher SET public_key = zeroblob(32)", "entry 0:"),
        ("DELETE FROM publisher", "entry 0:"),
        (
            "UPDATE log_checkpoint SET note = (SELECT note FROM log_head) WHERE size = 300",
            "signed at size 300",
        ),
        ("UPDATE log_head SET root = zeroblob(32)", "expected root"),
    ],
)
def test_damage_of_any_table_is_found(store, tmp_path, change, named):
    damage(tmp_path, change)
    with pytest.raises(ProofError, match=named):
        audit(store, SIGNER.verifier)


def test_a_payload_that_vanished_without_a_redaction_is_found(store, tmp_path):
    target = "(SELECT leaf_hash FROM asset WHERE idx = 6)"
    damage(
        tmp_path,
        f"UPDATE payload SET salt = NULL, body = NULL WHERE leaf_hash = {target}",
        "DELETE FROM fingerprint WHERE entry_idx = 6",
        "DELETE FROM reference WHERE entry_idx = 6",
    )
    with pytest.raises(ProofError, match="entry 6: expected its payload"):
        audit(store, SIGNER.verifier)


def test_another_logs_key_does_not_pass(store):
    with pytest.raises(CheckpointError):
        audit(store, NoteSigner(ORIGIN, RIVAL_KEY).verifier)


def test_an_entry_added_in_sql_is_found(store, tmp_path):
    forged = registration(999)
    damage(tmp_path, f"INSERT INTO log_entry VALUES (302, x'00', x'{forged.leaf.hex()}')")
    assert audit(store, SIGNER.verifier).size == 302, "beyond the signed head it does not count"
    damage(tmp_path, "UPDATE log_head SET size = 303")
    with pytest.raises(VerificationError, match="entry 302"):
        audit(store, SIGNER.verifier)
    with pytest.raises(CheckpointError):
        make_log(store)
