"""The same store on PostgreSQL: all of it works, and several processes keep one history."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from provenance.digest import Digest
from provenance.errors import BusyError, ConfigError, ConflictError, LedgerError, NotFoundError, StorageError
from provenance.evidence import RecordStatus
from provenance.ledger import writer as writer_module
from provenance.ledger.database import writing
from provenance.ledger.entry import EntryType
from provenance.ledger.highwater import HighWater
from provenance.ledger.receipt import check_receipt
from provenance.ledger.registration import StoredFingerprint, StoredReference
from provenance.ledger.store import Store
from tests.ledger_made import (
    SIGNER,
    file_digest,
    make_log,
    make_store_at,
    register,
    registration,
    seed,
    statement,
)
from tests.postgres import fresh_url, server


@pytest.fixture
def url():
    return fresh_url()


@pytest.fixture
def store(url):
    made = make_store_at(url)
    yield made
    made.close()


@pytest.fixture
def log(store):
    return make_log(store)


def test_everything_that_is_registered_is_found_again(log, store):
    film = registration(
        700,
        codes=[StoredFingerprint("pdq256-v1", seed("frame", n), n / 2, n) for n in range(3)],
        pictures=[StoredReference("frames", b"\x00\xff", 0.5), StoredReference("logmel", bytes(70_000))],
    )
    receipts = register(log, *range(300)) + log.append([film])
    for number, receipt in ((0, receipts[0]), (299, receipts[299]), (700, receipts[300])):
        check_receipt(receipt.format(), file_digest(number), SIGNER.vkey)
        assert log.receipt(receipt.asset_id) == log.prove(receipt.index)
    record = store.record(receipts[5].asset_id)
    assert store.by_digest(file_digest(5)) == store.by_bound(seed("bound", 5)) == (record,)
    assert store.by_manifest("urn:c2pa:00000005") == store.by_phash(seed("phash", 5)[:8]) == (record,)
    asset = receipts[300].asset_id
    assert store.fingerprints(asset) == film.fingerprints
    assert store.references(asset) == film.references
    assert [each[2:] for each in store.codes_after("pdq256-v1", 299)] == [
        (n / 2, seed("frame", n)) for n in range(3)
    ]
    assert store.counts().fingerprints == 603
    assert log.audit().assets == 301


def test_statuses_fold_and_erasure_erases(log, store):
    first, second = (each.asset_id for each in register(log, 1, 2))
    log.append([statement(EntryType.WITHDRAW, first, second, reason="wrong caption")])
    log.append([statement(EntryType.REDACT, second)])
    found = store.record(first)
    assert (found.status, found.status_reason, found.replaced_by) == (
        RecordStatus.WITHDRAWN,
        "wrong caption",
        second,
    )
    assert store.record(second).title == ""
    assert not store.references(second)
    assert log.audit().redacted == 1


@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize(("table", "column"), [("log_entry", "idx"), ("log_checkpoint", "size")])
def test_the_database_itself_refuses_changes(log, store, change, table, column):
    """SR-29, even at the SQL prompt."""
    register(log, 1)
    with pytest.raises(LedgerError, match="append-only"), writing(store._engine) as connection:
        connection.exec_driver_sql(change.format(table, column, column))


def race(url, writers: int, rounds: int) -> int:
    """Let several logs, each over its own connections, append at once; returns what was appended."""
    stores = [Store.open(url) for _ in range(writers)]
    logs = [make_log(each) for each in stores]
    start = threading.Barrier(writers)

    def work(which: int) -> list[int]:
        start.wait(10)
        first = which * 10_000
        return [
            receipt.index
            for turn in range(rounds)
            for receipt in register(logs[which], *range(first + turn * 9, first + turn * 9 + 1 + turn % 9))
        ]

    with ThreadPoolExecutor(writers) as pool:
        places = [each for made in pool.map(work, range(writers)) for each in made]
    assert sorted(places) == list(range(len(places))), "a gap or a place that was given twice"
    for each in stores:
        each.close()
    return len(places)


def test_racing_writers_keep_one_history(url, log):
    assert log.audit().size + race(url, 4, 12) == log.audit().size


def test_the_heads_comparison_is_enough_where_the_lock_is_not(url, log, monkeypatch):
    """Databases that speak PostgreSQL may lock at best effort: the primary keys and the comparison decide."""
    monkeypatch.setattr(writer_module.Writer, "head", lambda self: writer_module.read_head(self._connection))
    size = race(url, 3, 8)
    assert log.audit().size == size


def test_a_writer_that_is_always_beaten_says_so(log, monkeypatch):
    def beaten(*_):
        raise BusyError("beaten", hint="try again")

    with monkeypatch.context() as patch:
        patch.setattr(writer_module.Writer, "advance", beaten)
        patch.setattr("provenance.ledger.log._PAUSE_S", 0)
        with pytest.raises(BusyError):
            register(log, 1)
    assert register(log, 1)[0].index == 0


def test_a_leaf_is_added_once_however_many_ask(url, log):
    others = [Store.open(url) for _ in range(3)]
    logs = [make_log(each) for each in others]
    with ThreadPoolExecutor(6) as pool:
        receipts = list(pool.map(lambda n: register(logs[n % 3], 7)[0], range(24)))
    assert {each.index for each in receipts} == {0}
    assert log.audit().size == 1
    for each in others:
        each.close()


def test_a_restarted_server_is_found_again(log, store):
    """Connections of before the crash are dead; what was acknowledged is there."""
    receipt = register(log, 1)[0]
    server().kill()
    with pytest.raises(StorageError) as caught:
        register(log, 2)
    assert "connection" in caught.value.hint or "database server" in caught.value.hint
    server().start()
    assert log.prove(0) == receipt
    assert register(log, 2)[0].index == 1
    assert log.audit().size == 2


def test_a_restored_backup_is_refused(url, store, log, tmp_path):
    """Case 105: the mark lies outside the database, so it knows more than its backup."""
    mark = HighWater(tmp_path / "mark", SIGNER.verifier)
    guarded = make_log(store, high_water=mark)
    register(guarded, 1)
    store._engine.dispose()
    backup = server().copy(url)
    register(guarded, 2)
    restored = Store.open(backup)
    with pytest.raises(ConflictError, match="old backup"):
        make_log(restored, high_water=mark)
    forked = make_log(restored)
    register(forked, 3, 4)
    with pytest.raises(ConflictError, match="another history"):
        make_log(restored, high_water=mark)
    restored.close()


def test_a_database_without_tables_or_server_is_told(url):
    with pytest.raises(NotFoundError, match="none"):
        Store.open(url)
    with pytest.raises(StorageError):
        Store.open("postgresql+psycopg://nobody@/none?host=/nowhere")
    with pytest.raises(ConfigError, match="database_url"):
        Store.open("postgresql+asyncpg://host/db")


def test_a_supersession_refers_to_its_predecessor(log, store):
    old = register(log, 1)[0].asset_id
    new = log.append([registration(2, kind=EntryType.SUPERSEDE, refs=[Digest.parse(old)])])[0].asset_id
    assert store.record(old).replaced_by == new
