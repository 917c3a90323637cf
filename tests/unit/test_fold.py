"""The fold of statuses: what each kind of later entry does to each earlier standing."""

from __future__ import annotations

import itertools

import pytest

from provenance.digest import Digest
from provenance.ledger.cose import key_bytes, split
from provenance.ledger.entry import ABOUT_ASSETS, MAX_LEAF_BYTES, EntryType
from provenance.ledger.fold import Standing, fold
from provenance.ledger.registration import examine
from provenance.record import RecordStatus
from tests.ledger_made import ORGANISATION, PUBLISHER_KEY, registration, seed, statement

OLD, NEW = (str(Digest(seed(each))) for each in ("old", "new"))


def entry(kind: EntryType, reason: str = "why", *more: str):
    if kind is EntryType.SUPERSEDE:
        made = registration(2, kind=kind, refs=[Digest.parse(OLD)])
    else:
        made = statement(kind, *(OLD, *more)[: 0 if kind not in ABOUT_ASSETS else 2], reason=reason)
    return examine(
        made, split(made.leaf, MAX_LEAF_BYTES), key_bytes(PUBLISHER_KEY.public_key()), ORGANISATION
    )


@pytest.mark.parametrize(
    ("before", "kind", "after"),
    [
        (RecordStatus.ACTIVE, EntryType.DISPUTE, RecordStatus.DISPUTED),
        (RecordStatus.ACTIVE, EntryType.SUPERSEDE, RecordStatus.SUPERSEDED),
        (RecordStatus.ACTIVE, EntryType.WITHDRAW, RecordStatus.WITHDRAWN),
        (RecordStatus.DISPUTED, EntryType.SUPERSEDE, RecordStatus.DISPUTED),
        (RecordStatus.SUPERSEDED, EntryType.DISPUTE, RecordStatus.DISPUTED),
        (RecordStatus.DISPUTED, EntryType.WITHDRAW, RecordStatus.WITHDRAWN),
        (RecordStatus.SUPERSEDED, EntryType.WITHDRAW, RecordStatus.WITHDRAWN),
        (RecordStatus.WITHDRAWN, EntryType.DISPUTE, RecordStatus.WITHDRAWN),
        (RecordStatus.WITHDRAWN, EntryType.SUPERSEDE, RecordStatus.WITHDRAWN),
        (RecordStatus.DISPUTED, EntryType.REDACT, RecordStatus.DISPUTED),
    ],
)
def test_each_kind_over_each_status(before, kind, after):
    assert fold(Standing(before), entry(kind)).status is after


def test_a_dispute_does_not_hide_the_replacement():
    superseded = fold(Standing(), entry(EntryType.SUPERSEDE))
    disputed = fold(superseded, entry(EntryType.DISPUTE, "ours"))
    assert (disputed.status, disputed.reason) == (RecordStatus.DISPUTED, "ours")
    assert disputed.replaced_by == superseded.replaced_by is not None
    again = fold(fold(Standing(), entry(EntryType.DISPUTE, "ours")), entry(EntryType.SUPERSEDE))
    assert again == disputed


def test_a_withdrawal_is_final():
    withdrawn = fold(Standing(), entry(EntryType.WITHDRAW, "wrong", NEW))
    assert (withdrawn.status, withdrawn.reason, withdrawn.replaced_by) == (
        RecordStatus.WITHDRAWN,
        "wrong",
        NEW,
    )
    for kind in (EntryType.DISPUTE, EntryType.SUPERSEDE):
        assert fold(withdrawn, entry(kind)) == withdrawn


def test_a_redaction_takes_the_words_and_leaves_the_status():
    assert fold(Standing(RecordStatus.DISPUTED, "ours"), entry(EntryType.REDACT)).reason == ""


@pytest.mark.parametrize("kind", [EntryType.POLICY, EntryType.KEY_ROTATION, EntryType.REVOKE_KEY])
def test_statements_about_other_things_change_nothing(kind):
    for status, reason in itertools.product(RecordStatus, ("", "why")):
        standing = Standing(status, reason, NEW)
        assert fold(standing, entry(kind)) == standing
