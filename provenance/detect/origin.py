"""Model of origin: which generators the registered assets were declared to be made with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from provenance.record import Record, RecordStatus

#: Shown for content declared synthetic whose publisher did not name the model.
UNNAMED = "(not named)"


@dataclass(frozen=True, slots=True)
class ModelAssets:
    """What is registered of one generator.

    Attributes:
        model: Its name as the publishers declared it.
        records: Its assets, in order of registration.
    """

    model: str
    records: tuple[Record, ...]

    @property
    def publishers(self) -> tuple[str, ...]:
        """Who registered them, each once, in order of their first asset."""
        return tuple(dict.fromkeys(one.publisher for one in self.records))

    @property
    def first(self) -> datetime:
        """Time of the first registration."""
        return self.records[0].registered_at

    @property
    def last(self) -> datetime:
        """Time of the last registration."""
        return self.records[-1].registered_at

    @property
    def not_active(self) -> int:
        """How many were withdrawn, disputed or superseded."""
        return sum(one.status is not RecordStatus.ACTIVE for one in self.records)


def by_model(records: Iterable[Record]) -> tuple[ModelAssets, ...]:
    """Return the synthetic assets by declared model, most assets first; names differing in case are one."""
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.source_type.synthetic or record.model:
            found.setdefault((record.model or UNNAMED).casefold(), []).append(record)
    made = [
        ModelAssets(rows[0].model or UNNAMED, tuple(sorted(rows, key=lambda one: one.index)))
        for rows in found.values()
    ]
    return tuple(sorted(made, key=lambda one: (-len(one.records), one.model.casefold())))
