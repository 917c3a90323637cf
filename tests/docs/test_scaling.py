"""The statements of docs/scaling.md fit the tables: the registry works with them applied to a plain PostgreSQL.

There is no Citus here. ``create_distributed_table`` is stood in for by the rule by which Citus refuses tables: each
unique constraint must hold the column that rows are distributed by.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance.evidence import RecordStatus
from provenance.ledger.database import open_engine
from provenance.ledger.entry import EntryType
from provenance.ledger.tables import ASSET, BANDED, ENTRY, FINGERPRINT, REFERENCE
from tests.ledger_made import file_digest, make_log, make_store_at, register, registration, seed, statement
from tests.postgres import server

TEXT = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")
STATEMENTS = "\n".join(re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL))
_RULE = """
CREATE FUNCTION create_distributed_table(named text, by_column text, colocate_with text DEFAULT '') RETURNS void
LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (
    SELECT 1 FROM pg_index WHERE indrelid = named::regclass AND indisunique AND NOT EXISTS (
      SELECT 1 FROM pg_attribute WHERE attrelid = indrelid AND attname = by_column AND attnum = ANY (indkey))
  ) THEN RAISE EXCEPTION '%% has a unique constraint without %%', named, by_column; END IF;
  IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = named::regclass) THEN
    RAISE EXCEPTION '%% has a trigger', named; END IF;
  INSERT INTO distributed VALUES (named, by_column);
END $$
"""


@pytest.fixture(scope="module")
def spread():
    url = server().database("registry")  # the name that the document uses
    made = make_store_at(url)
    engine = open_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CREATE TABLE distributed (name text, by_column text)")
        connection.exec_driver_sql(_RULE)
        with pytest.raises(sa.exc.DBAPIError, match="unique constraint without idx"):
            connection.exec_driver_sql("SELECT create_distributed_table('asset', 'idx')")
        for each in filter(str.strip, STATEMENTS.split(";")):
            connection.exec_driver_sql(each)
        found = connection.exec_driver_sql("SELECT name, by_column FROM distributed").all()
    yield made, engine, dict(map(tuple, found))
    engine.dispose()
    made.close()


def test_all_that_grows_with_codes_and_pictures_is_distributed_by_its_entry(spread):
    *_, found = spread
    assert found == {each.name: "entry_idx" for each in (FINGERPRINT, REFERENCE, BANDED)} | {
        ASSET.name: "idx"
    }


def test_the_registry_works_with_the_changed_constraints(spread):
    store, *_ = spread
    log, before = make_log(store), store.head().size
    first, second, third = register(log, 1, 2, 3)
    assert [each.asset_id for each in store.by_digest(file_digest(2))] == [second.asset_id]
    near = store.banded().near("pdq256-v1", seed("pdq", 1), 31)
    assert [(each.asset_id, each.distance) for each in near] == [(first.asset_id, 0)]
    [picture] = store.references(first.asset_id)
    assert picture.blob == seed("picture", 1) * 4
    log.append([statement(EntryType.WITHDRAW, first.asset_id, reason="wrong")])
    assert store.record(first.asset_id).status is RecordStatus.WITHDRAWN
    log.append([statement(EntryType.REDACT, third.asset_id)])
    assert store.references(third.asset_id) == ()
    assert store.banded().near("pdq256-v1", seed("pdq", 3), 31) == []
    assert log.audit().size == before + 5


def test_the_log_keeps_registrations_apart_where_asset_no_longer_does(spread):
    store, engine, _ = spread
    log = make_log(store)
    size = store.head().size
    one, again = log.append([registration(50)])[0], log.append([registration(50)])[0]
    assert (one.index, again.index, store.head().size) == (size, size, size + 1)
    leaf = bytes.fromhex(one.asset_id.removeprefix("sha256:"))
    with pytest.raises(sa.exc.IntegrityError, match="leaf_hash"), engine.begin() as connection:
        connection.execute(ENTRY.insert(), {"idx": 900, "leaf_hash": leaf, "body": b"x"})
