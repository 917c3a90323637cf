"""The short form of ``python -m bench.slow_clients``: others are answered, and slow ones are told to go."""

from __future__ import annotations

from bench.slow_clients import attack
from provenance_api import protocol, uploads
from tests.fakes.pictures import encoded, photograph


def test_slow_clients_take_nothing_from_others_cases_83_84_85(service, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_S", 1.0)
    monkeypatch.setattr(uploads, "STALL_S", 1.0)
    seen = attack(service.port, 60, 40, 4.0, encoded(photograph("coffee.png"), quality=80))
    assert set(seen.health) == {200}
    assert set(seen.checks) == {200}, "fewer slow bodies than that used to take every place for checks"
    assert set(seen.ended) == {408}
    assert not list(service.uploads.iterdir())
