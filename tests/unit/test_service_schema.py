"""The service's tables: made at once or by migrations, and upgraded with all that is in them.

``tests/vectors/registry-0003.sql`` was dumped from a registry of a program that knew no migrations of the
service's tables yet: three assets, one of them withdrawn, and something in every table.
"""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from provenance.errors import NotFoundError, SchemaError
from provenance.ledger.database import open_engine, reading, writing
from provenance.ledger.schema import REVISION as LEDGER_REVISION
from provenance.ledger.store import Store
from provenance.service.access import Access
from provenance.service.deposits import Deposits
from provenance.service.jobs import Jobs, JobState
from provenance.service.queue import Queue
from provenance.service.schema import REVISION, open_database, upgrade_database
from provenance.service.tables import METADATA, VERSION
from tests.ledger_made import make_log, url_of
from tests.postgres import fresh_url

VECTORS = Path(__file__).parent.parent / "vectors"
KEY = "prov_ottl6b2h_csE9oE6PVZ7I7DEmCw7Ljd-NwcdqqKP7S59Wdygg49A"
DONE, WAITING = "e5055e17192157dd9ba21ce93a4796e6", "6d55850aef1e5ddf0d6ecb059f9db340"
LATER = {VERSION.name, "kept_report"}
TABLES = sorted(set(METADATA.tables) - LATER)


def restored(folder, name):
    raw = sqlite3.connect(folder / "registry.db")
    raw.executescript((VECTORS / name).read_text())
    raw.execute("PRAGMA journal_mode=WAL")
    raw.close()
    return folder


@pytest.fixture
def old(tmp_path):
    return restored(tmp_path, "registry-0003.sql")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(tmp_path, request):
    made = fresh_url() if request.param == "postgresql" else url_of(tmp_path)
    Store.create(made).close()
    return made


def contents(folder) -> dict[str, list[tuple[object, ...]]]:
    raw = sqlite3.connect(folder / "registry.db")
    found = {name: raw.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in TABLES}
    raw.close()
    return found


def differences(url) -> list[object]:
    engine = open_engine(url)
    with reading(engine) as connection:
        ours = {
            "include_name": lambda name, kind, _: kind != "table" or name in METADATA.tables,
            "compare_type": True,
            "version_table": VERSION.name,
        }
        found = compare_metadata(MigrationContext.configure(connection, opts=ours), METADATA)
    engine.dispose()
    return [each for each in found if each != ("add_table", VERSION)]


def unversioned(url):
    """A registry of this version whose service tables are of the program that knew no migrations of them."""
    Store.open(url).close()  # it is current
    engine = open_engine(url)
    with writing(engine) as connection:
        METADATA.create_all(
            connection, [table for name, table in METADATA.tables.items() if name not in LATER]
        )
    return engine


def test_an_old_registry_is_refused_until_it_is_upgraded(old):
    """Both sets are old: the one that is looked at first is named, and one upgrade brings both up to date."""
    with pytest.raises(SchemaError, match=rf"\(ledger and registry\).*{LEDGER_REVISION}.*0003") as caught:
        open_database(url_of(old))
    assert "db upgrade" in caught.value.hint
    upgrade_database(url_of(old))
    open_database(url_of(old)).dispose()


def test_unversioned_service_tables_are_refused_until_they_are_upgraded(url):
    unversioned(url).dispose()
    with pytest.raises(SchemaError, match=rf"\(service\).*{REVISION}.*found 0000") as caught:
        open_database(url)
    assert "db upgrade" in caught.value.hint
    assert [each.before for each in upgrade_database(url)] == [LEDGER_REVISION, "0000"]
    open_database(url).dispose()
    assert differences(url) == []


def test_an_upgrade_keeps_keys_jobs_deposits_and_everything_else(old):
    before = contents(old)
    assert all(before.values()), "the dump has something in every table"
    done = {each.title: (each.before, each.after) for each in upgrade_database(url_of(old))}
    assert done == {"ledger and registry": ("0003", LEDGER_REVISION), "service": ("0000", REVISION)}
    assert contents(old) == before
    database = open_database(url_of(old))
    assert Access(database).caller(KEY).tenant == "gazette"
    jobs = Jobs(database)
    assert (jobs.find(DONE).state, jobs.find(DONE).result) == (JobState.DONE, b"result")
    assert jobs.claim("w").id == WAITING
    assert Deposits(database).find("urn:c2pa:1").store == b"a manifest store"
    database.dispose()
    store = Store.open(url_of(old))
    assert make_log(store).audit().size == 4
    store.close()


def test_upgraded_tables_are_those_of_a_new_database(old):
    upgrade_database(url_of(old))
    assert differences(url_of(old)) == []


def test_the_first_release_gets_the_service_tables_too(tmp_path):
    url = url_of(restored(tmp_path, "registry-0001.sql"))
    done = upgrade_database(url)
    assert [each.before for each in done] == ["0001", None]
    open_database(url).dispose()
    assert differences(url) == []


def test_new_tables_are_those_the_program_works_with(url):
    open_database(url).dispose()
    assert differences(url) == []
    assert [each.before for each in upgrade_database(url)] == [LEDGER_REVISION, REVISION]


def test_unversioned_tables_on_postgresql_get_the_queue_and_its_jobs():
    """Databases of the program that kept jobs in the table alone; its tables were made when first needed."""
    url = fresh_url()
    Store.create(url).close()
    engine = unversioned(url)
    waiting = Jobs(engine).add("verify", "", {}).id
    upgrade_database(url)
    assert differences(url) == []
    jobs = Jobs(engine, queue=Queue())
    assert [jobs.queue_again(()), jobs.queue_again((waiting,)), jobs.queue_again(())] == [1, 0, 0]
    engine.dispose()


def test_processes_that_start_together_make_the_tables_once(url):
    start = threading.Barrier(4)

    def open_one(_number):
        start.wait(10)
        open_database(url).dispose()

    with ThreadPoolExecutor(4) as together:
        list(together.map(open_one, range(4)))
    assert differences(url) == []


def test_newer_tables_and_missing_registries_are_not_touched(tmp_path, url):
    engine = open_database(url)
    with writing(engine) as connection:
        connection.execute(VERSION.update().values(version_num="9999"))
    engine.dispose()
    with pytest.raises(SchemaError, match="9999"):
        open_database(url)
    with pytest.raises(SchemaError, match="9999") as caught:
        upgrade_database(url)
    assert "newer" in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError):
        upgrade_database(url_of(tmp_path / "empty"))
