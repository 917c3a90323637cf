"""The high-water mark: an old backup or another history is refused (case 105)."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from provenance.errors import CheckpointError, ConflictError, StorageError
from provenance.ledger.checkpoint import NoteSigner, open_checkpoint
from provenance.ledger.highwater import HighWater
from tests.ledger_made import ORIGIN, RIVAL_KEY, SIGNER, make_log, make_store, register


@pytest.fixture
def mark(tmp_path):
    return HighWater(tmp_path / "mark", SIGNER.verifier)


def backed_up(tmp_path, name: str) -> None:
    source, target = (sqlite3.connect(tmp_path / each) for each in ("registry.db", name))
    source.backup(target)
    source.close()
    target.close()


def put_back(tmp_path, name: str) -> None:
    for ending in ("", "-wal", "-shm"):
        (tmp_path / f"registry.db{ending}").unlink(missing_ok=True)
    shutil.copyfile(tmp_path / name, tmp_path / "registry.db")


def test_the_mark_follows_the_log(tmp_path, mark):
    store = make_store(tmp_path)
    log = make_log(store, high_water=mark)
    assert mark.read() is None
    for numbers in ([1], [2, 3]):
        note = register(log, *numbers)[0].checkpoint
        assert mark.read() == open_checkpoint(note, SIGNER.verifier)
    make_log(store, high_water=mark)
    store.close()


def test_an_old_backup_is_refused_at_start(tmp_path, mark):
    """Case 105."""
    store = make_store(tmp_path)
    log = make_log(store, high_water=mark)
    register(log, 1, 2)
    backed_up(tmp_path, "old.db")
    register(log, 3)
    store.close()
    put_back(tmp_path, "old.db")
    restored = make_store(tmp_path)
    with pytest.raises(ConflictError, match="old backup"):
        make_log(restored, high_water=mark)
    restored.close()


def test_a_backup_restored_under_a_running_log_is_refused_at_the_next_append(tmp_path, mark):
    """Case 105: nothing is signed, so there is no second history to be shown."""
    store = make_store(tmp_path)
    log = make_log(store, high_water=mark)
    register(log, 1)
    backed_up(tmp_path, "old.db")
    register(log, 2)
    store._engine.dispose()
    put_back(tmp_path, "old.db")
    with pytest.raises(ConflictError, match="old backup"):
        register(log, 3)
    assert store.head().size == 1
    store.close()


def test_another_history_is_refused(tmp_path, mark):
    store = make_store(tmp_path)
    log = make_log(store)
    register(log, 1)
    backed_up(tmp_path, "old.db")
    mark.raise_to(register(log, 2)[0].checkpoint)
    store.close()
    for numbers in ([3], [3, 4], [3, 4, 5]):
        put_back(tmp_path, "old.db")
        forked = make_store(tmp_path)
        register(make_log(forked), *numbers)
        with pytest.raises(ConflictError, match="another history"):
            make_log(forked, high_water=mark)
        forked.close()


def test_a_log_that_only_grew_since_is_accepted(tmp_path, mark):
    store = make_store(tmp_path)
    log = make_log(store)
    mark.raise_to(register(log, *range(3))[0].checkpoint)
    register(log, *range(3, 40))
    make_log(store, high_water=mark)
    store.close()


def test_the_mark_never_falls(tmp_path, mark):
    store = make_store(tmp_path)
    log = make_log(store)
    low, high = (register(log, number)[0].checkpoint for number in (1, 2))
    mark.raise_to(high)
    mark.raise_to(low)
    assert mark.read().size == 2
    store.close()


def test_a_mark_of_another_log_is_refused(tmp_path, mark):
    store = make_store(tmp_path)
    register(make_log(store), 1)
    for content in ("words", NoteSigner(ORIGIN, RIVAL_KEY).sign("x\n")):
        (tmp_path / "mark").write_text(content)
        with pytest.raises(CheckpointError):
            make_log(store, high_water=mark)
    store.close()


def test_a_mark_that_cannot_be_written_is_an_error(tmp_path):
    store = make_store(tmp_path)
    mark = HighWater(tmp_path / "nowhere" / "mark", SIGNER.verifier)
    log = make_log(store, high_water=mark)
    with pytest.raises(StorageError, match="high-water"):
        register(log, 1)
    store.close()
