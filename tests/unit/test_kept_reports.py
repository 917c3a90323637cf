from __future__ import annotations

import pytest

from provenance.errors import NotFoundError
from provenance.ledger.store import Store
from provenance.service import reports as reports_module
from provenance.service.reports import Reports
from provenance.service.schema import open_database
from tests.postgres import fresh_url


@pytest.fixture(params=["sqlite", "postgresql"])
def reports(tmp_path, request):
    url = fresh_url() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'r.db'}"
    Store.create(url).close()
    engine = open_database(url)
    yield Reports(engine)
    engine.dispose()


def test_reports_are_found_by_their_names_alone(reports):
    names = [reports.put(text) for text in (b"one", b"two")]
    assert [reports.get(name) for name in names] == [b"one", b"two"]
    assert len(names[0]) == 32
    with pytest.raises(NotFoundError):
        reports.get("0" * 32)


def test_old_reports_and_too_many_are_forgotten(reports, monkeypatch):
    monkeypatch.setattr(reports_module, "MAX_REPORTS", 2)
    names = [reports.put(bytes([n])) for n in range(3)]
    with pytest.raises(NotFoundError):
        reports.get(names[0])
    assert reports.get(names[2]) == b"\x02"
    monkeypatch.setattr(reports_module, "KEEP_S", -1.0)
    with pytest.raises(NotFoundError):
        reports.get(names[2])
