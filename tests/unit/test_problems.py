from __future__ import annotations

import pytest

from provenance.errors import NotFoundError, ProvenanceError, every_error
from provenance_api.problems import TABLE
from provenance_api.rates import Rates
from provenance_api.shelf import MemoryShelf


@pytest.mark.parametrize("error", every_error())
def test_every_error_has_a_kind(error):
    kind = TABLE[error]
    assert 400 <= kind.status < 600
    assert kind.title[0].isupper()
    assert not kind.title.endswith(".")


def test_the_table_names_no_other_errors():
    assert set(TABLE) == set(every_error())


@pytest.mark.parametrize("error", every_error())
def test_texts_about_the_installation_stay_inside_sr25(error):
    if TABLE[error].status == 500 or error.__name__ in (
        "ConfigError",
        "KeyMaterialError",
        "StorageError",
        "SchemaError",
    ):
        assert not TABLE[error].told
    assert TABLE[ProvenanceError].status == 500


def test_rates_give_tokens_back_with_time():
    now = [0.0]
    rates = Rates(per_minute=60, burst=2, clock=lambda: now[0])
    assert [(rates.take("a").left, rates.take("a").wait_s) for _ in "1"] == [(1, 0)]
    assert rates.take("a").wait_s == pytest.approx(1)
    assert rates.take("b").wait_s == 0
    now[0] = 1.0
    assert rates.take("a").wait_s == 0
    assert rates.policy("key") == '"key";q=2;w=2'


def test_rates_keep_a_bounded_number_of_addresses(monkeypatch):
    monkeypatch.setattr(Rates, "MAX_NAMES", 10)
    rates = Rates()
    for number in range(100):
        rates.take(str(number))
    assert len(rates._buckets) == 10


class Kept:
    def __init__(self, size):
        self.map_png = b"x" * size


def test_the_shelf_forgets_by_time_number_and_size():
    now = [0.0]
    shelf = MemoryShelf(keep_s=10, max_reports=3, max_bytes=100, clock=lambda: now[0])
    names = [shelf.put(Kept(10)) for _ in range(4)]
    with pytest.raises(NotFoundError):
        shelf.get(names[0])
    assert shelf.get(names[3])
    shelf.put(Kept(95))
    with pytest.raises(NotFoundError):
        shelf.get(names[3])
    last = shelf.put(Kept(1))
    now[0] = 10.0
    with pytest.raises(NotFoundError):
        shelf.get(last)
    assert len(set(names)) == 4
    assert all(len(name) == 32 for name in names)
