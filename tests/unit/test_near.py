"""Registered codes near one that is asked for: memory and database answer alike, and as comparing all does."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import UnavailableError
from provenance.fingerprint.code import Nearby
from provenance.ledger import banded
from provenance.ledger.database import open_engine, reading, writing
from provenance.ledger.entry import EntryType
from provenance.ledger.registration import StoredFingerprint
from provenance.ledger.schema import LEDGER, REVISION, upgrade_schemas
from provenance.ledger.store import Store
from provenance.ledger.tables import METADATA, POSTGRESQL
from provenance.match.near import CodesInMemory
from provenance.service.copying import copy_database
from tests.ledger_made import make_log, make_store, make_store_at, registration, statement, url_of
from tests.postgres import fresh_url

ALGORITHMS = ("phash64-v1", "pdq256-v1", "iscc-image-v0")
RADII = (0, 1, 7, 8, 11, 12, 15, 16, 31, 32, 47, 48, 87, 256)


def codes_of(rng, count):
    """Codes around a few centres, one to three an asset, some of them frames of films; and a sound code."""
    centres = {8: rng.bytes(8), 32: rng.bytes(32)}
    made = []
    for _ in range(count):
        own = [StoredFingerprint("chroma-v1", rng.bytes(40), None)]
        for algorithm in rng.choice(ALGORITHMS, int(rng.integers(1, 4))):
            size = 8 if algorithm == "phash64-v1" else 32
            bits = np.unpackbits(np.frombuffer(centres[size], np.uint8))
            bits[rng.choice(8 * size, int(rng.integers(0, 3 * size)), replace=False)] ^= 1
            time_s = float(rng.integers(0, 99)) / 2 if rng.random() < 0.5 else None
            own.append(StoredFingerprint(str(algorithm), np.packbits(bits).tobytes(), time_s))
        made.append(own)
    return made, centres


def by_comparing_all(assets, algorithm, code, radius):
    """The answer that the protocol promises, worked out the slow way."""
    best = []
    for asset_id, own in assets:
        near = [
            ((int.from_bytes(one.value) ^ int.from_bytes(code)).bit_count(), one.time_s)
            for one in own
            if one.algorithm == algorithm
        ]
        if near:
            distance, time_s = min(near, key=lambda each: each[0])
            if distance <= radius:
                best.append(Nearby(asset_id, distance, time_s))
    return sorted(best, key=lambda each: each.distance)


@pytest.fixture(scope="module")
def shared():
    store = make_store_at(fresh_url())
    yield store, make_log(store), itertools.count(), []
    store.close()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_database_and_memory_answer_as_comparing_all_does(shared, seed, count):
    store, log, numbers, assets = shared
    rng = np.random.default_rng(seed)
    made, centres = codes_of(rng, count)
    receipts = log.append([registration(next(numbers), codes=own, pictures=[]) for own in made])
    assets += [(receipt.asset_id, own) for receipt, own in zip(receipts, made, strict=True)]
    memory, database = CodesInMemory(store), store.banded()
    for algorithm in ALGORITHMS:
        own = [one.value for each in made for one in each if one.algorithm == algorithm]
        for code in [centres[8 if algorithm == "phash64-v1" else 32], *own[:2]]:
            for radius in RADII:
                expected = by_comparing_all(assets, algorithm, code, radius)
                assert memory.near(algorithm, code, radius) == expected
                assert database.near(algorithm, code, radius) == expected


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request, tmp_path):
    store = make_store(tmp_path) if request.param == "sqlite" else make_store_at(fresh_url())
    codes = store.banded() if store.shared else CodesInMemory(store)
    yield codes, make_log(store), store
    store.close()


def frames(*values):
    return [StoredFingerprint("pdq256-v1", value, place / 2) for place, value in enumerate(values)]


def test_an_asset_comes_once_by_its_nearest_code_and_the_first_of_equal_ones(both):
    codes, log, _ = both
    one, other = bytes(32), bytes(31) + b"\x01"
    film, later = (
        each.asset_id
        for each in log.append(
            [
                registration(1, codes=frames(other, one, one), pictures=[]),
                registration(2, codes=frames(one), pictures=[]),
            ]
        )
    )
    assert codes.near("pdq256-v1", one, 31) == [Nearby(film, 0, 0.5), Nearby(later, 0, 0.0)]
    assert codes.near("pdq256-v1", other, 31) == [Nearby(film, 0, 0.0), Nearby(later, 1, 0.0)]
    assert codes.near("iscc-image-v0", one, 31) == []


def test_what_is_registered_is_found_at_once_and_what_is_redacted_no_more(both):
    """SR-30."""
    codes, log, _ = both
    assert codes.near("pdq256-v1", bytes(32), 31) == []
    [receipt] = log.append([registration(1, codes=frames(bytes(32)), pictures=[])])
    assert [each.asset_id for each in codes.near("pdq256-v1", bytes(32), 31)] == [receipt.asset_id]
    log.append([statement(EntryType.REDACT, receipt.asset_id)])
    assert codes.near("pdq256-v1", bytes(32), 31) == []
    assert codes.near("pdq256-v1", bytes(32), 87) == []


def test_a_code_of_another_length_under_a_known_name_stops_no_registration():
    store = make_store_at(fresh_url())
    odd = [StoredFingerprint("pdq256-v1", b"short"), *frames(bytes(32))]
    [receipt] = make_log(store).append([registration(1, codes=odd, pictures=[])])
    assert [each.asset_id for each in store.banded().near("pdq256-v1", bytes(32), 0)] == [receipt.asset_id]
    store.close()


def test_readers_beside_a_writer_see_everything_that_was_registered_before(both):
    codes, log, _ = both
    done, failed = threading.Event(), []

    def ask():
        while not done.is_set():
            found = [each.distance for each in codes.near("pdq256-v1", bytes(32), 31)]
            if found != sorted(found):
                failed.append(found)

    readers = [threading.Thread(target=ask) for _ in range(3)]
    for each in readers:
        each.start()
    for number in range(30):
        log.append([registration(number, codes=frames(bytes(31) + bytes([number])), pictures=[])])
        assert len(codes.near("pdq256-v1", bytes(32), 31)) == number + 1
    done.set()
    for each in readers:
        each.join()
    assert not failed


def test_comparing_all_has_a_time_limit(monkeypatch):
    store = make_store_at(fresh_url())
    make_log(store).append([registration(1, codes=frames(*[bytes(32)] * 3000), pictures=[])])
    monkeypatch.setattr(banded, "SCAN_MS", 1)
    slow = banded._NEAREST.replace("AS near", "AS near CROSS JOIN (SELECT pg_sleep(1)) AS slow")
    monkeypatch.setattr(banded, "_NEAREST", slow)
    banded._nearest.cache_clear()
    with pytest.raises(UnavailableError) as caught:
        store.banded().near("pdq256-v1", bytes(32), 48)
    assert "47 bits" in caught.value.hint
    banded._nearest.cache_clear()
    monkeypatch.undo()
    assert len(store.banded().near("pdq256-v1", bytes(32), 48)) == 1
    store.close()


def fill(store):
    made, centres = codes_of(np.random.default_rng(5), 40)
    make_log(store).append([registration(n, codes=own, pictures=[]) for n, own in enumerate(made)])
    expected = [CodesInMemory(store).near(each, centres[32], 60) for each in ALGORITHMS[1:]]
    assert all(expected)
    return centres[32], expected


def test_an_upgrade_fills_the_table_from_what_is_registered():
    url = fresh_url()
    store = make_store_at(url)
    code, expected = fill(store)
    store.close()
    engine = open_engine(url)
    with writing(engine) as connection:
        connection.execute(sa.text("DROP TABLE code_band"))
        for column in ("status_by", "status_at_us", "status_entry"):
            connection.execute(sa.text(f"ALTER TABLE asset DROP COLUMN {column}"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0003'"))
    upgrade_schemas(engine, [LEDGER])
    with reading(engine) as connection:
        assert LEDGER.found(connection) == REVISION
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, [METADATA, POSTGRESQL]) == []
    engine.dispose()
    store = Store.open(url)
    assert [store.banded().near(each, code, 60) for each in ALGORITHMS[1:]] == expected
    assert [store.banded().near(each, code, 47) for each in ALGORITHMS[1:]] == [
        [one for one in each if one.distance <= 47] for each in expected
    ]
    store.close()


def test_a_registry_that_moves_to_postgresql_has_the_table(tmp_path):
    store = make_store(tmp_path)
    code, expected = fill(store)
    store.close()
    url = fresh_url()
    rows = copy_database(url_of(tmp_path), url)
    assert rows["code_band"] == rows["fingerprint"] - 40  # all but those of sound
    store = Store.open(url)
    assert [store.banded().near(each, code, 60) for each in ALGORITHMS[1:]] == expected
    store.close()
