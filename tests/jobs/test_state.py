"""Statements about registered assets: who may make them, what they change, what an erasure leaves."""

from __future__ import annotations

import pytest

from provenance.errors import AuthorisationError, ConflictError, FormatError, NotFoundError
from provenance.evidence import RecordStatus
from provenance.ledger.entry import EntryType
from provenance.ledger.receipt import check_receipt
from provenance.ledger.registration import StoredReference
from provenance.registered import disputed_text
from provenance.statement import Statements
from tests.ledger_made import (
    NOW,
    ORGANISATION,
    PUBLISHER_KEY,
    RIVAL,
    RIVAL_KEY,
    SIGNER,
    file_digest,
    make_log,
    make_store,
    make_store_at,
    register,
    registration,
)
from tests.postgres import fresh_url

UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture
def store(tmp_path):
    made = make_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def log(store):
    return make_log(store)


@pytest.fixture
def ours(store, log):
    return Statements(store, log, PUBLISHER_KEY, ORGANISATION, lambda: NOW)


@pytest.fixture
def theirs(store, log):
    return Statements(store, log, RIVAL_KEY, RIVAL, lambda: NOW)


def test_a_withdrawal_says_why_and_what_instead(log, ours, store):
    old, new = (each.asset_id for each in register(log, 1, 2))
    stated = ours.withdraw(old, " wrong caption ", new)
    assert stated.kind is EntryType.WITHDRAW
    assert stated.record == store.record(old)
    assert (stated.record.status, stated.record.status_reason) == (RecordStatus.WITHDRAWN, "wrong caption")
    assert stated.record.replaced_by == new
    assert log.prove(2).leaf == stated.receipt.leaf


def test_an_asset_is_withdrawn_once_and_a_replacement_may_be_named_after_it(log, ours, store):
    old, new = (each.asset_id for each in register(log, 1, 2))
    ours.withdraw(old, "wrong caption")
    with pytest.raises(ConflictError, match="not withdrawn yet"):
        ours.withdraw(old, "again")
    assert ours.withdraw(old, "wrong caption", new).record.replaced_by == new
    with pytest.raises(ConflictError):
        ours.withdraw(old, "wrong caption", new)
    assert log.audit().size == 4


def test_only_its_publisher_withdraws_and_redacts_an_asset_but_anybody_disputes_it(log, ours, theirs, store):
    asset = register(log, 1)[0].asset_id
    with pytest.raises(AuthorisationError, match="another key"):
        theirs.withdraw(asset, "ours")
    with pytest.raises(AuthorisationError, match="another key"):
        theirs.redact(asset)
    assert theirs.dispute(asset, "ours").record.status is RecordStatus.DISPUTED
    assert ours.withdraw(asset, "agreed").record.status is RecordStatus.WITHDRAWN
    log.audit()


def test_a_record_says_who_disputed_it_when_and_in_which_entry(log, theirs, ours, store):
    asset = register(log, 1)[0].asset_id
    stated = theirs.dispute(asset, "ours")
    record = store.record(asset)
    assert (record.status_by, record.status_at) == (RIVAL, NOW.replace(microsecond=0))
    assert record.status_entry == stated.receipt.asset_id
    assert disputed_text(record) == f"The registration is disputed by {RIVAL} on {NOW:%Y-%m-%d}: ours."
    log.audit()
    ours.redact(asset)
    assert store.record(asset).status_by == ""
    log.audit()


def test_first_seen_is_not_ownership(log, theirs, store):
    """SR-28, case 100: both registrations of one file are kept and shown; each stands for itself."""
    first = register(log, 1)[0].asset_id
    second = log.append([registration(1, key=RIVAL_KEY, organisation=RIVAL)])[0].asset_id
    theirs.dispute(first, "ours")
    assert [(each.asset_id, each.status) for each in store.by_digest(file_digest(1))] == [
        (first, RecordStatus.DISPUTED),
        (second, RecordStatus.ACTIVE),
    ]


def test_statements_need_words_and_a_registered_asset(log, ours):
    asset = register(log, 1)[0].asset_id
    for reason in ("", " \t", "x" * 1001, "\x00"):
        with pytest.raises(FormatError):
            ours.withdraw(asset, reason)
    with pytest.raises(NotFoundError):
        ours.dispute(UNKNOWN, "why")
    with pytest.raises(FormatError):
        ours.dispute("nothing", "why")
    with pytest.raises(FormatError, match="about keys"):
        ours.announce(EntryType.WITHDRAW, "why")
    assert log.audit().size == 1


def test_a_revoked_key_says_nothing_more(log, ours):
    asset = register(log, 1)[0].asset_id
    ours.announce(EntryType.KEY_ROTATION, "new key from May")
    ours.revoke_key("stolen")
    with pytest.raises(AuthorisationError, match="revoked"):
        ours.withdraw(asset, "too late")
    assert log.audit().size == 3


SECRET = b"a face that somebody wants to be forgotten"


def test_an_erasure_leaves_nothing_in_the_database_file_and_every_proof_valid(log, ours, store, tmp_path):
    """SR-30: deleted rows must not stay readable in unused pages or in the write-ahead log."""
    picture = (StoredReference("picture", SECRET * 300),)
    receipt = log.append([registration(1, pictures=picture)])[0]
    others = register(log, *range(2, 12))
    title = store.record(receipt.asset_id).title.encode()
    before = b"".join(each.read_bytes() for each in tmp_path.glob("registry.db*"))
    assert SECRET in before
    assert title + b"\x00" in before or title in before
    stated = ours.redact(receipt.asset_id)
    assert stated.record.redacted
    after = b"".join(each.read_bytes() for each in tmp_path.glob("registry.db*"))
    assert SECRET not in after
    assert b"picture 1TEST Gazette" not in after
    check_receipt(receipt.format(), file_digest(1), SIGNER.vkey)
    check_receipt(log.prove(0).format(), file_digest(1), SIGNER.vkey)
    check_receipt(log.receipt(others[3].asset_id).format(), file_digest(5), SIGNER.vkey)
    assert log.audit().redacted == 1


def test_an_erasure_works_on_postgresql():
    store = make_store_at(fresh_url())
    log = make_log(store)
    asset = register(log, 1)[0].asset_id
    ours = Statements(store, log, PUBLISHER_KEY, ORGANISATION, lambda: NOW)
    assert ours.redact(asset).record.redacted
    assert store.counts().fingerprints == 0
    assert log.audit().redacted == 1
    store.close()
