"""What is acknowledged survives kills, full disks and torn files; what is not leaves no trace."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from provenance.errors import LedgerError, ProvenanceError, StorageError, VerificationError
from provenance.ledger import log as log_module
from provenance.ledger.checkpoint import open_checkpoint
from provenance.ledger.store import Store
from provenance.ledger.writer import Writer
from tests.ledger_made import SIGNER, file_digest, make_log, make_store, register, url_of


def in_child(work: Callable[[Callable[[str], None]], None]) -> tuple[int, int]:
    """Run ``work(say)`` in a forked process; what it says is read from the returned pipe."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        status = 1
        with contextlib.suppress(BaseException):
            work(lambda line: os.write(into, line.encode() + b"\n") and None)
            status = 0
        os._exit(status)
    os.close(into)
    return child, out


def everything(out: int) -> list[str]:
    with os.fdopen(out, "rb") as pipe:
        return pipe.read().decode().splitlines()


def check_whole(folder, acknowledged: set[tuple[int, bytes]]) -> int:
    """Run the full check; every acknowledged size must have its root. Returns the size of the log."""
    store = Store.open(url_of(folder))
    found = make_log(store).audit()
    kept = {open_checkpoint(note, SIGNER.verifier) for _, note in store.checkpoints()}
    assert acknowledged <= {(each.size, each.root) for each in kept}
    store.close()
    return found.size


def write_until_killed(folder, first: int, say: Callable[[str], None]) -> None:
    store = Store.open(url_of(folder))
    log = make_log(store)
    say("ready")
    rng = random.Random(first)
    while True:
        count = rng.choice([1, 1, 3, 17, 40])
        receipt = register(log, *range(first, first + count))[-1]
        first += count
        point = open_checkpoint(receipt.checkpoint, SIGNER.verifier)
        say(f"{point.size} {point.root.hex()}")


@pytest.mark.parametrize("writers", [1, 2])
def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path, writers):
    """SR-27: SIGKILL at random moments, in rounds over one log."""
    make_store(tmp_path).close()
    rng = random.Random(writers)
    acknowledged: set[tuple[int, bytes]] = set()
    size = 0
    for turn in range(10 if writers == 1 else 5):
        children = [
            in_child(lambda say, n=turn * 4 + w: write_until_killed(tmp_path, n * 100_000, say))
            for w in range(writers)
        ]
        for _, out in children:
            assert os.read(out, 6) == b"ready\n"
        time.sleep(rng.uniform(0.02, 0.25))
        for child, _ in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for _, out in children:
            said = [line.split() for line in everything(out)]
            whole = {(int(at), bytes.fromhex(root)) for at, root in (each for each in said if len(each) == 2)}
            assert not whole & acknowledged, "two answers with the same end"
            acknowledged |= whole
    size = check_whole(tmp_path, acknowledged)
    assert acknowledged, "some appends must have been acknowledged for the test to mean anything"
    assert size >= max(at for at, _ in acknowledged)


# --- the disk ---


def fill(folder, log) -> list[tuple[int, bytes]]:
    """Append until the disk is full; returns what was acknowledged."""
    acknowledged = []

    def go_on():
        for turn in range(10_000):
            note = register(log, *range(turn * 50, turn * 50 + 50))[-1].checkpoint
            point = open_checkpoint(note, SIGNER.verifier)
            acknowledged.append((point.size, point.root))

    with pytest.raises(StorageError) as caught:
        go_on()
    assert "full" in str(caught.value)
    assert caught.value.hint
    assert acknowledged
    return acknowledged


def test_a_full_database_refuses_and_keeps_what_it_acknowledged(tmp_path):
    """SR-33, case 109."""
    store = make_store(tmp_path)
    sa.event.listen(store._engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count=200"))
    store._engine.dispose()
    log = make_log(store)
    acknowledged = fill(tmp_path, log)
    assert store.counts().entries == acknowledged[-1][0]
    assert store.by_digest(file_digest(0)), "reads go on"
    store.close()
    assert check_whole(tmp_path, set(acknowledged)) == acknowledged[-1][0]


def test_a_full_disk_refuses_and_works_again_when_there_is_room(tmp_path):
    """SR-33, case 109, on a file system of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs privileges")
    try:
        (disk / "ballast").write_bytes(bytes(200_000))
        store = make_store(disk)
        log = make_log(store)
        acknowledged = fill(disk, log)
        (disk / "ballast").unlink()
        note = register(log, 1_000_000)[0].checkpoint
        assert open_checkpoint(note, SIGNER.verifier).size == acknowledged[-1][0] + 1
        store.close()
        assert check_whole(disk, set(acknowledged)) == acknowledged[-1][0] + 1
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_read_only_database_is_read_and_not_written(tmp_path):
    store = make_store(tmp_path)
    receipt = register(make_log(store), 1)[0]
    store.close()
    reader = Store.open(f"sqlite:///file:{tmp_path}/registry.db?mode=ro&uri=true")
    log = make_log(reader)
    assert log.prove(0) == receipt
    with pytest.raises(StorageError, match="readonly") as caught:
        register(log, 2)
    assert "writable" in caught.value.hint
    reader.close()


def test_a_lock_that_is_not_released_is_an_error_not_a_hang(tmp_path):
    store = make_store(tmp_path)
    log = make_log(store)
    register(log, 1)
    sa.event.listen(store._engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=50"))
    store._engine.dispose()
    holder = sqlite3.connect(tmp_path / "registry.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"):
        register(log, 2)
    assert log.prove(0), "reads go on"
    holder.execute("ROLLBACK")
    holder.close()
    assert register(log, 2)[0].index == 1
    store.close()


# --- each write of the append ---


@pytest.mark.parametrize("step", ["indexes", "insert", "fold", "advance", "sign", "commit"])
def test_a_failure_at_any_step_leaves_the_log_as_it_was(tmp_path, monkeypatch, step):
    store = make_store(tmp_path)
    log = make_log(store)
    register(log, *range(300))
    before = (store.head(), store.counts())

    def fail(*_args, **_options):
        raise LedgerError("injected")

    with monkeypatch.context() as patch:
        if step == "sign":
            patch.setattr(log_module, "sign_checkpoint", fail)
        elif step == "commit":
            raw = sqlite3.connect(tmp_path / "registry.db")
            raw.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
            raw.execute("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
            raw.execute("CREATE TRIGGER bad AFTER UPDATE ON log_head BEGIN INSERT INTO child VALUES (7); END")
            raw.commit()
            raw.close()
            sa.event.listen(store._engine, "connect", lambda c, _: c.execute("PRAGMA foreign_keys=ON"))
            store._engine.dispose()
        else:
            patch.setattr(Writer, step, fail)
        with pytest.raises(LedgerError):
            register(log, 300, 301)
    if step == "commit":
        raw = sqlite3.connect(tmp_path / "registry.db")
        raw.execute("DROP TRIGGER bad")
        raw.commit()
        raw.close()
    assert (store.head(), store.counts()) == before
    assert [each.index for each in register(log, 300, 301)] == [300, 301]
    log.audit()
    store.close()


def test_dropping_the_cached_edge_at_random_changes_nothing(tmp_path):
    store = make_store(tmp_path)
    log = make_log(store)
    rng = random.Random(7)
    size = 0
    while size < 600:
        count = rng.choice([1, 2, 60])
        if rng.random() < 0.5:
            log._edge = None
        register(log, *range(size, size + count))
        size += count
    assert log.audit().size == size
    store.close()


# --- torn files ---


def test_a_torn_write_ahead_log_is_recovered_or_refused(tmp_path):
    """Case 108: cut at any byte, the log is a whole earlier one, or is refused; never something else."""
    source = tmp_path / "source"
    source.mkdir()
    make_store(source).close()
    keeper = sqlite3.connect(source / "registry.db")
    keeper.execute(
        "SELECT * FROM log_head"
    ).fetchall()  # an open reader keeps the last writer from folding it in
    keeper.execute("PRAGMA wal_autocheckpoint=0")
    store = Store.open(url_of(source))
    log = make_log(store)
    points = {0}
    for number in range(6):
        points.add(open_checkpoint(register(log, number)[0].checkpoint, SIGNER.verifier).size)
    wal = (source / "registry.db-wal").read_bytes()
    assert wal
    rng = random.Random(3)
    sizes = set()
    for turn, length in enumerate([0, len(wal), *sorted(rng.randrange(len(wal)) for _ in range(40))]):
        folder = tmp_path / f"torn{turn}"
        folder.mkdir()
        shutil.copyfile(source / "registry.db", folder / "registry.db")
        (folder / "registry.db-wal").write_bytes(wal[:length])
        try:
            sizes.add(check_whole(folder, set()))
        except (StorageError, VerificationError):
            continue
    assert sizes <= points
    assert max(points) in sizes, "the whole file must be recovered"
    store.close()
    keeper.close()


def test_a_flipped_byte_in_the_database_file_is_never_taken_for_whole(tmp_path):
    """Damage of log or registry is found; damage of unused bytes changes no answer."""
    source = tmp_path / "source"
    source.mkdir()
    store = make_store(source)
    wanted = register(make_log(store), *range(5))
    records = store.records_after()
    with store._engine.connect() as raw:
        raw.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    content = (source / "registry.db").read_bytes()
    rng = random.Random(11)
    for turn in range(60):
        folder = tmp_path / f"flip{turn}"
        folder.mkdir()
        changed = bytearray(content)
        changed[rng.randrange(100, len(content))] ^= 1 << rng.randrange(8)
        (folder / "registry.db").write_bytes(changed)
        with contextlib.suppress(ProvenanceError):
            damaged = Store.open(url_of(folder))
            log = make_log(damaged)
            log.audit()
            assert [log.prove(index) for index in range(5)] == wanted
            assert damaged.records_after() == records
            damaged.close()
