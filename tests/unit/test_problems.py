from __future__ import annotations

import pytest

from provenance.errors import ProvenanceError, every_error
from provenance_api.problems import TABLE
from provenance_api.rates import Rates


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
