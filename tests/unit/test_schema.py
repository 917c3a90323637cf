"""Upgrades: a registry of an older version becomes one of this version, and nothing in it changes.

``tests/vectors/registry-0001.sql`` was dumped from a registry that the first release made with the keys of
``tests/ledger_made.py``: eight entries, of which one withdraws, one redacts and one supersedes.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from provenance.errors import LedgerError, NotFoundError, SchemaError
from provenance.evidence import RecordStatus
from provenance.ledger.database import open_engine, reading, writing
from provenance.ledger.receipt import check_receipt
from provenance.ledger.schema import LEDGER, REVISION, Upgrade, upgrade_schemas
from provenance.ledger.store import Store
from provenance.ledger.tables import METADATA, POSTGRESQL
from tests.ledger_made import SIGNER, file_digest, make_log, make_store, register, url_of
from tests.postgres import fresh_url

DUMP = Path(__file__).parent.parent / "vectors" / "registry-0001.sql"


@pytest.fixture
def old(tmp_path):
    raw = sqlite3.connect(tmp_path / "registry.db")
    raw.executescript(DUMP.read_text())
    raw.execute("PRAGMA journal_mode=WAL")
    raw.close()
    return tmp_path


LATER = ("status_by", "status_at_us", "status_entry")


def contents(folder) -> dict[str, list[tuple[object, ...]]]:
    raw = sqlite3.connect(folder / "registry.db")
    later = ("alembic", "log_lease", "log_pending", "log_cosigned")
    kept = [each for each in METADATA.tables if not each.startswith(later)]
    found = {}
    for name in kept:
        # Columns that later versions added are no part of what was there.
        rows = raw.execute(f"SELECT * FROM {name} ORDER BY 1, 2")
        places = [place for place, (column, *_) in enumerate(rows.description) if column not in LATER]
        found[name] = [tuple(row[place] for place in places) for row in rows]
    raw.close()
    return found


def upgrade(url) -> tuple[str | None, str]:
    engine = open_engine(url)
    try:
        [done] = upgrade_schemas(engine, [LEDGER])
    finally:
        engine.dispose()
    assert done == Upgrade("ledger and registry", done.before, REVISION)
    return done.before, done.after


def schema(folder) -> set[str]:
    raw = sqlite3.connect(folder / "registry.db")
    found = {
        (kind, name, tuple(sorted("".join(text.replace('"', "").split()).lower())))
        for kind, name, text in raw.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE type = 'trigger'"
        )
    }
    raw.close()
    return found


def test_an_older_registry_is_refused_until_it_is_upgraded(old):
    with pytest.raises(SchemaError, match="0001") as caught:
        Store.open(url_of(old))
    assert "db upgrade" in caught.value.hint


def test_an_upgrade_keeps_every_entry_proof_and_status(old):
    before = contents(old)
    assert upgrade(url_of(old)) == ("0001", REVISION)
    assert contents(old) == before
    store = Store.open(url_of(old))
    log = make_log(store)
    found = log.audit()
    assert (found.size, found.assets, found.redacted) == (8, 6, 1)
    check_receipt(log.prove(1).format(), file_digest(2), SIGNER.vkey)
    statuses = [each.status for each in store.records_after()]
    assert statuses[0] is RecordStatus.WITHDRAWN
    assert statuses[3] is RecordStatus.SUPERSEDED
    assert register(log, 20)[0].index == 8
    assert log.audit().size == 9
    store.close()


def test_upgrading_again_changes_nothing(old):
    upgrade(url_of(old))
    before = contents(old)
    assert upgrade(url_of(old)) == (REVISION, REVISION)
    assert contents(old) == before


def test_an_upgraded_registry_has_the_tables_of_a_new_one(old, tmp_path):
    upgrade(url_of(old))
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    make_store(fresh).close()
    assert schema(old) == schema(fresh)
    for folder in (old, fresh):
        engine = open_engine(url_of(folder))
        with reading(engine) as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, METADATA) == []
        engine.dispose()


def test_an_upgrade_that_fails_leaves_the_older_registry(old, monkeypatch):
    before = contents(old)
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.drop_table", lambda _: (_ for _ in ()).throw(LedgerError("injected")))
        with pytest.raises(LedgerError, match="injected"):
            upgrade(url_of(old))
    assert contents(old) == before
    with pytest.raises(SchemaError, match="0001"):
        Store.open(url_of(old))
    assert upgrade(url_of(old)) == ("0001", REVISION)


def test_a_newer_or_missing_registry_is_not_touched(tmp_path):
    with pytest.raises(NotFoundError):
        upgrade(url_of(tmp_path))
    make_store(tmp_path).close()
    engine = open_engine(url_of(tmp_path))
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SchemaError, match="9999") as caught:
        upgrade(url_of(tmp_path))
    assert "newer" in caught.value.hint


def test_postgresql_begins_with_the_newest_tables():
    url = fresh_url()
    Store.create(url).close()
    engine = open_engine(url)
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, [METADATA, POSTGRESQL]) == []
    engine.dispose()
    assert upgrade(url) == (REVISION, REVISION)
