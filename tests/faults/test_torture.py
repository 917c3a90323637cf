"""The short form of ``make torture``: every ordeal once or twice, nothing lost, changed or broken.

SR-27, SR-32, SR-33; cases 105, 108, 109, 111.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from bench.torture.campaign import SHORT, ordeals
from bench.torture.ground import Ground, Tally, check
from provenance.ledger.store import Store
from tests.postgres import server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


TITLES = [title for title, _ in ordeals(SHORT, Path(), None)]


@pytest.mark.parametrize("title", TITLES[:-1])
def test_nothing_is_lost_on_sqlite(title, folder):
    place = folder / str(TITLES.index(title))
    place.mkdir()
    endure(dict(ordeals(SHORT, place, None))[title])


@pytest.mark.parametrize("number", range(4))
def test_nothing_is_lost_on_postgresql(number, folder):
    place = folder / f"postgres{number}"
    place.mkdir()
    listed = [each for each in ordeals(SHORT, place, server()) if each[0].startswith("PostgreSQL")]
    assert len(listed) == 4
    endure(listed[number][1])


def endure(ordeal) -> None:
    if isinstance(ordeal, str):
        pytest.skip(ordeal)
    tally = Tally()
    ordeal(tally)
    assert tally.blows
    assert (tally.lost, tally.changed, tally.broken) == (0, 0, 0), tally.words


def test_the_check_notices_what_it_is_for(folder):
    """A check that cannot fail would make all of the above worthless."""
    place = folder / "proof"
    place.mkdir()
    ground = Ground.make(f"sqlite:///{place}/registry.db", place)
    store = Store.open(ground.url)
    receipts = ground.log(store).append(ground.batch(3))
    store.close()
    (place / "mark").unlink()
    other = Ground(f"sqlite:///{place}/other.db", place, ground.key, ground.log_key)
    fresh = Store.create(other.url)
    fresh.admit(ground.key.public_key(), "TEST Bench")
    other.log(fresh).append(ground.batch(2))
    fresh.close()
    tally = Tally()
    check(other, receipts, tally)
    assert tally.wrong
    assert tally.words
