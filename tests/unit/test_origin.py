"""Generators of registered assets, as their publishers declared them."""

from __future__ import annotations

from dataclasses import replace

from provenance.detect.origin import UNNAMED, by_model
from provenance.record import RecordStatus, SourceType
from tests.fakes.reports import RECORD


def test_assets_are_gathered_by_declared_model():
    made = replace(RECORD, source_type=SourceType.TRAINED_ALGORITHMIC)
    records = [
        replace(made, model="Painter 2", index=3),
        replace(made, model="painter 2", index=1, status=RecordStatus.WITHDRAWN, publisher="Other"),
        replace(made, model=None, index=4),
        replace(RECORD, index=5, model=None),
    ]
    first, second = by_model(records)
    assert [one.index for one in first.records] == [1, 3]
    assert (first.not_active, first.publishers) == (1, ("Other", RECORD.publisher))
    assert second.model == UNNAMED
