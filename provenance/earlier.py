"""Earlier: whether something registered was registered before, by its stored codes; no media is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from provenance.evidence import Record
from provenance.fingerprint.code import PDQ256
from provenance.ledger.store import Store
from provenance.match.find import Finder
from provenance.match.near import NearCodes
from provenance.media.asset import Kind
from provenance.registered import NO_PROOF, record_text

#: Most earlier registrations that are named.
MOST: Final = 8


class Earlier:
    """Finds what was registered before with codes as near as those of copies are.

    Codes alone confirm nothing: what they lead to is worth a look, or a note to its publisher.

    Args:
        store: The registry.
        codes: Its codes of pictures.
        finder: Has the codes of films and recordings.
    """

    def __init__(self, store: Store, codes: NearCodes, finder: Finder) -> None:
        self._store, self._codes, self._finder = store, codes, finder

    def before(self, record: Record) -> tuple[Record, ...]:
        """Return registrations before ``record`` that look or sound like it, oldest first."""
        if record.redacted:
            return ()
        like = self._pictures(record) if record.media_type.kind is Kind.IMAGE else self._finder.like(record)
        records = [self._store.record(asset_id) for asset_id in like]
        before = (one for one in records if one.index < record.index and one.digest != record.digest)
        return tuple(sorted(before, key=lambda one: one.index))[:MOST]

    def _pictures(self, record: Record) -> list[str]:
        stored = self._store.fingerprints(record.asset_id)
        code = next((one.value for one in stored if one.algorithm == PDQ256.name), None)
        if code is None:
            return []
        return [one.asset_id for one in self._codes.near(PDQ256.name, code, PDQ256.radius)]


def note_on(before: Sequence[Record]) -> tuple[str, ...]:
    """Return what the publisher of something is told of others' earlier registrations; empty where there are none."""
    if not before:
        return ()
    names = "; ".join(record_text(one) for one in before[:3])
    text = f"by its codes this was registered before: {names}. It is registered too, and both are shown with copies"
    return (f"{text}, the earlier one first. {NO_PROOF}",)
