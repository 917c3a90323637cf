"""The registry: what was registered is found again, from any thread, in registration order."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from provenance.digest import Digest
from provenance.errors import ConfigError, FormatError, NotFoundError, SchemaError, StorageError
from provenance.evidence import RecordStatus, SourceType
from provenance.ledger import registry as registry_module
from provenance.ledger.cose import key_thumbprint
from provenance.ledger.registration import StoredFingerprint, StoredReference
from provenance.ledger.registry import Logged
from provenance.ledger.rows import Counts
from provenance.ledger.store import Store
from provenance.media.asset import MediaType
from tests.ledger_made import (
    NOW,
    ORGANISATION,
    PUBLISHER_KEY,
    RIVAL,
    RIVAL_KEY,
    file_digest,
    make_log,
    make_store,
    register,
    registration,
    seed,
    url_of,
)


@pytest.fixture
def store(tmp_path):
    made = make_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def log(store):
    return make_log(store)


def test_a_record_says_what_was_registered(log, store):
    asset = register(log, 1)[0].asset_id
    record = store.record(asset)
    assert record.asset_id == asset
    assert record.index == 0
    assert record.digest == file_digest(1)
    assert record.media_type is MediaType.JPEG
    assert record.title == "picture 1"
    assert record.publisher == ORGANISATION
    assert record.certificate_sha256 == Digest(seed("certificate"))
    assert record.manifest_id == "urn:c2pa:00000001"
    assert record.bound_digest == seed("bound", 1)
    assert record.source_type is SourceType.DIGITAL_CAPTURE
    assert record.registered_at == NOW
    assert record.status is RecordStatus.ACTIVE
    assert (record.width, record.height, record.duration_s) == (640, 480, None)


def test_an_asset_is_found_by_each_of_its_keys(log, store):
    record = store.record(register(log, 1, 2)[0].asset_id)
    assert store.by_digest(file_digest(1)) == (record,)
    assert store.by_bound(seed("bound", 1)) == (record,)
    assert store.by_manifest("urn:c2pa:00000001") == (record,)
    assert store.by_phash(seed("phash", 1)[:8]) == (record,)
    assert store.records_after() == (record, store.record(log.prove(1).asset_id))
    assert store.records_after(0, 1)[0].index == 1


def test_a_look_up_says_how_long_the_log_was(log, store):
    first, second = (store.record(each.asset_id) for each in register(log, 1, 2))
    assert store.logged(file_digest(1)) == Logged((first,), 2)
    assert store.logged_assets([second.asset_id, "sha256:" + "0" * 64, first.asset_id]) == Logged(
        (first, second), 2
    )
    register(log, 3)
    assert store.logged(file_digest(1)).log_size == 3
    assert store.logged(file_digest(9)) == Logged((), 0)
    assert store.by_prefix(file_digest(2).value.hex()[:5]) == (second,)


def test_one_question_begins_no_transaction_and_many_see_one_state(log, store):
    """A look-up by key is one statement; what reads twice must not see a registration in between."""
    asset, begun = register(log, 1)[0].asset_id, []
    sa.event.listen(
        store._engine, "before_cursor_execute", lambda c, u, text, *_: begun.append(text.split()[0])
    )
    store.record(asset)
    store.logged(file_digest(1))
    assert begun == ["SELECT", "SELECT"]
    begun.clear()
    store.entry_at(0)
    assert begun[0] == "BEGIN"


def test_nothing_is_found_by_other_keys(log, store):
    register(log, 1)
    assert not store.by_digest(file_digest(2))
    assert not store.by_bound(b"")
    assert not store.by_manifest("urn:c2pa:%")
    assert not store.by_phash(seed("pdq", 1)), "a code of another algorithm"
    for unknown in (store.record, store.index_of, store.references, store.fingerprints):
        with pytest.raises(NotFoundError):
            unknown("sha256:" + "0" * 64)
        with pytest.raises(FormatError):
            unknown("0" * 64)


def test_a_second_claimant_is_recorded_and_both_are_shown(log, store):
    """SR-28, case 100."""
    first = log.append([registration(1)])[0].asset_id
    second = log.append([registration(1, key=RIVAL_KEY, organisation=RIVAL)])[0].asset_id
    assert [each.asset_id for each in store.by_digest(file_digest(1))] == [first, second]
    assert [each.publisher for each in store.by_digest(file_digest(1))] == [ORGANISATION, RIVAL]


def test_codes_come_in_registration_order_and_from_any_place_on(log, store, monkeypatch):
    monkeypatch.setattr(registry_module, "ROWS", 4)
    frames = tuple(StoredFingerprint("pdq256-v1", seed("frame", n), time_s=n / 2) for n in range(11))
    film = log.append([registration(1), registration(2, codes=frames), registration(3)])[1].asset_id
    codes = list(store.codes("pdq256-v1"))
    assert [index for _, index, _, _ in codes] == [0] + [1] * 11 + [2]
    assert [(time_s, value) for asset, _, time_s, value in codes if asset == film] == [
        (n / 2, seed("frame", n)) for n in range(11)
    ]
    assert list(store.codes_after("pdq256-v1", 0)) == codes[1:]
    assert list(store.codes_after("pdq256-v1", 1)) == codes[12:]
    assert not list(store.codes_after("pdq256-v1", 2))
    assert not list(store.codes("pdq256-v2"))
    assert store.fingerprints(film) == frames


def test_references_come_back_as_they_were_stored(log, store):
    kept = (
        StoredReference("frames", b"one", 0.0),
        StoredReference("logmel", bytes(100_000)),
        StoredReference("frames", b"two", 1.5),
    )
    asset = log.append([registration(1, pictures=kept)])[0].asset_id
    assert store.references(asset) == kept
    assert store.references(asset, "frames") == (kept[0], kept[2])
    assert not store.references(asset, "picture")


def test_counts_count(log, store):
    assert store.counts() == Counts(0, 0, 0, 2)
    register(log, 1, 2, 3)
    assert store.counts() == Counts(3, 3, 6, 2)
    known = store.publishers()[key_thumbprint(PUBLISHER_KEY.public_key())]
    assert (known.organisation, known.revoked) == (ORGANISATION, False)


def test_many_threads_read_while_one_writes(log, store):
    assets = [each.asset_id for each in register(log, *range(20))]

    def read(number: int) -> str:
        if number % 40 == 0:
            register(log, 1000 + number)
        return store.record(assets[number % 20]).asset_id

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(read, range(400)))
    assert found == [assets[number % 20] for number in range(400)]
    assert store.counts().entries == 30


def test_opening_is_cheap_and_rebuilds_nothing(log, store, tmp_path):
    register(log, *range(2000))
    started = time.perf_counter()
    for _ in range(10):
        Store.open(url_of(tmp_path)).close()
    assert (time.perf_counter() - started) / 10 < 0.1


def test_no_look_up_reads_a_whole_table(log, store):
    asset = register(log, 1)[0].asset_id
    asked = []
    sa.event.listen(
        store._engine,
        "before_cursor_execute",
        lambda c, cursor, text, values, *_: asked.append((text, values)),
    )
    store.record(asset)
    store.by_digest(file_digest(1))
    store.by_prefix("00000")
    store.logged(file_digest(1))
    store.logged_assets([asset, "sha256:" + "0" * 64])
    store.by_bound(b"x" * 32)
    store.by_manifest("urn")
    store.by_phash(bytes(8))
    store.references(asset, "picture")
    store.fingerprints(asset)
    store.payload(bytes(32))
    list(store.codes_after("pdq256-v1", 0))
    with store._engine.connect() as raw:
        for text, values in [each for each in asked if each[0].startswith("SELECT")]:
            plan = [row[3] for row in raw.exec_driver_sql("EXPLAIN QUERY PLAN " + text, values)]
            assert not [step for step in plan if step.startswith("SCAN")], text
            assert not [step for step in plan if step.endswith("fingerprint_stream (algorithm=?)")], text


# --- what is not a registry ---


def test_a_missing_registry_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="registry"):
        Store.open(url_of(tmp_path))


def test_creating_twice_keeps_what_is_there(log, store, tmp_path):
    register(log, 1)
    again = Store.create(url_of(tmp_path))
    assert again.counts().entries == 1
    again.close()


def test_another_schema_version_is_refused(store, tmp_path):
    with sqlite3.connect(tmp_path / "registry.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0099'")
    raw.close()
    for opening in (Store.open, Store.create):
        with pytest.raises(SchemaError, match="found 0099") as caught:
            opening(url_of(tmp_path))
        assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "registry.db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://host/db",
        "postgresql+psycopg://host",
        "mysql://host/db",
        "nosuch://x",
    ],
)
def test_other_urls_are_refused(url):
    with pytest.raises(ConfigError, match="database"):
        Store.open(url)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "registry.db").write_bytes(b"words" * 1000)
    for opening in (Store.open, Store.create):
        with pytest.raises(StorageError, match="not a database"):
            opening(url_of(tmp_path))


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(StorageError) as caught:
        Store.create(url_of(tmp_path / "nowhere"))
    assert "folder" in caught.value.hint


# --- append-only ---


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log_entry SET body = x'00' WHERE idx = 0",
        "UPDATE log_entry SET idx = 9 WHERE idx = 0",
        "DELETE FROM log_entry WHERE idx = 2",
        "DELETE FROM log_entry",
        "INSERT OR REPLACE INTO log_entry VALUES (0, x'01', x'02')",
        "INSERT OR REPLACE INTO log_entry SELECT 9, leaf_hash, x'02' FROM log_entry WHERE idx = 0",
        "UPDATE log_checkpoint SET note = ''",
        "DELETE FROM log_checkpoint",
        "INSERT OR REPLACE INTO log_checkpoint VALUES (3, '')",
    ],
)
def test_entries_and_checkpoints_cannot_be_changed_in_sql(log, store, tmp_path, change):
    register(log, 1, 2, 3)
    raw = sqlite3.connect(tmp_path / "registry.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change)
    raw.close()
    assert log.audit().size == 3
