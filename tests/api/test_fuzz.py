"""The short form of ``make fuzz-api``: edge cases of every operation, none of which may be a 5xx."""

from __future__ import annotations

from bench.fuzz_api import fuzz
from provenance.service.access import Scope


def test_edge_cases_of_every_operation_are_answered_as_documented(service, monkeypatch):
    # A tenant of its own: what is generated may name what answers have shown, and would withdraw the others' asset.
    _, key = service.app.state.wiring.installation.access.create("fuzz", "", frozenset(Scope), None)
    assert fuzz(f"http://127.0.0.1:{service.port}", key, "examples,coverage", 1, seed=7) == 0
