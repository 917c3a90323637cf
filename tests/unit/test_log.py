"""The log: appends that are whole or absent, receipts that verify, statuses that fold."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from provenance.digest import Digest
from provenance.errors import (
    AuthorisationError,
    CheckpointError,
    FormatError,
    KeyMaterialError,
    LedgerError,
    NotFoundError,
    ReceiptError,
    UnavailableError,
)
from provenance.evidence import RecordStatus
from provenance.ledger.checkpoint import NoteSigner, open_checkpoint
from provenance.ledger.entry import EntryType
from provenance.ledger.log import MAX_BATCH, Log
from provenance.ledger.merkle import EMPTY_ROOT, check_consistency, leaf_hash
from provenance.ledger.receipt import check_receipt
from provenance.ledger.registration import Registration
from provenance.ledger.store import Store
from tests.ledger_made import (
    LOG_KEY,
    NOW,
    ORIGIN,
    PUBLISHER_KEY,
    RIVAL,
    RIVAL_KEY,
    SIGNER,
    Clock,
    file_digest,
    make_log,
    make_store,
    register,
    registration,
    statement,
    url_of,
)


@pytest.fixture
def store(tmp_path):
    made = make_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def log(store):
    return make_log(store)


def test_each_entry_of_a_batch_gets_a_receipt_that_verifies_offline(log):
    for numbers in ([0], [1, 2, 3], list(range(4, 260)), [260]):
        receipts = register(log, *numbers)
        for number, receipt in zip(numbers, receipts, strict=True):
            checked = check_receipt(receipt.format(), file_digest(number), SIGNER.vkey)
            assert checked.index == number
            assert checked.checkpoint.size == numbers[-1] + 1


def test_an_answered_append_is_in_the_database(log, tmp_path):
    """SR-27: another process that opens the file finds entry, record, tiles and checkpoint."""
    receipt = register(log, 1)[0]
    other = Store.open(url_of(tmp_path))
    reader = Log(other, ORIGIN, None, Clock(), verifier=SIGNER.verifier)
    assert reader.checkpoint() == receipt.checkpoint
    assert reader.receipt(receipt.asset_id) == receipt
    assert reader.audit().size == 1
    assert other.record(receipt.asset_id).digest == file_digest(1)
    other.close()


def test_a_leaf_that_is_there_is_not_added_again(log, store):
    first = register(log, 1, 2)
    again = register(log, 2, 3, 2)
    assert again[0] == again[2]
    assert again[0].index == first[1].index
    assert store.head().size == 3
    before = log.checkpoint()
    assert register(log, 1)[0].checkpoint == before


def test_the_same_registration_in_parallel_is_one_entry(log, store):
    """Case 96."""
    start = threading.Barrier(16)

    def once(number: int):
        if number < 16:
            start.wait(10)
        return register(log, 7)[0]

    with ThreadPoolExecutor(16) as pool:
        receipts = list(pool.map(once, range(100)))
    assert len(set(receipts)) == 1
    assert store.counts().entries == store.counts().assets == 1


def test_two_logs_over_one_database_keep_one_history(log, tmp_path):
    """The cached edge of either is stale after each append of the other."""
    other_store = Store.open(url_of(tmp_path))
    other = make_log(other_store)

    def add(item):
        which, numbers = item
        return register((log, other)[which], *numbers)

    jobs = [(n % 2, range(n * 10, n * 10 + 1 + n % 7)) for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        receipts = [each for made in pool.map(add, jobs) for each in made]
    assert sorted(each.index for each in receipts) == list(range(len(receipts)))
    assert log.audit().size == len(receipts)
    other_store.close()


def test_proofs_between_all_sizes_hold(log):
    sizes, roots = [], []
    for batch in ([0], [1], [2, 3, 4], range(5, 300), [300]):
        note = register(log, *batch)[-1].checkpoint
        found = open_checkpoint(note, SIGNER.verifier)
        sizes.append(found.size)
        roots.append(found.root)
    for i, old in enumerate(sizes):
        for j, new in enumerate(sizes[i:], i):
            check_consistency(old, new, log.consistency(old, new), roots[i], roots[j])


def test_places_outside_the_log_are_refused(log):
    register(log, 1, 2)
    for index in (-1, 2, 1 << 70):
        with pytest.raises(NotFoundError):
            log.prove(index)
    with pytest.raises(NotFoundError):
        log.consistency(1, 3)
    for old, new in ((0, 1), (2, 1), (-1, 2)):
        with pytest.raises(FormatError):
            log.consistency(old, new)
    with pytest.raises(NotFoundError):
        log.receipt("sha256:" + "0" * 64)


def test_an_empty_log_has_a_signed_checkpoint(log):
    found = open_checkpoint(log.checkpoint(), SIGNER.verifier)
    assert (found.size, found.root) == (0, EMPTY_ROOT)
    assert log.audit().size == 0


# --- who may add what ---


def test_a_bad_entry_anywhere_in_the_batch_leaves_nothing(log, store):
    bad = replace(registration(2), payload=registration(3).payload)
    with pytest.raises(FormatError, match="payload"):
        log.append([registration(1), bad])
    unknown = statement(EntryType.WITHDRAW, "sha256:" + "0" * 64)
    with pytest.raises(NotFoundError, match="registered assets"):
        log.append([registration(1), unknown])
    assert store.counts().entries == store.counts().assets == store.counts().fingerprints == 0
    assert register(log, 1)[0].index == 0


def test_what_the_entry_does_not_commit_to_is_refused(log):
    good, other = registration(1), registration(2)
    for bad in (
        replace(good, payload=None),
        replace(good, fingerprints=other.fingerprints),
        replace(good, fingerprints=good.fingerprints[::-1]),
        replace(good, references=()),
        replace(good, leaf=other.leaf),
    ):
        with pytest.raises(FormatError):
            log.append([bad])


def test_an_entry_without_the_publishers_signature_is_refused(log):
    """SR-28."""
    good = registration(1)
    with pytest.raises(ReceiptError, match="does not verify"):
        log.append([replace(good, leaf=good.leaf[:-1] + bytes([good.leaf[-1] ^ 1]))])


def test_a_key_that_was_not_admitted_is_refused(log):
    stranger = registration(1, key=LOG_KEY)
    with pytest.raises(AuthorisationError, match="admitted"):
        log.append([stranger])


def test_a_publisher_cannot_speak_in_anothers_name(log):
    with pytest.raises(AuthorisationError, match="publisher"):
        log.append([registration(1, key=RIVAL_KEY)])
    assert log.append([registration(1, key=RIVAL_KEY, organisation=RIVAL)])


def test_a_revoked_key_is_refused_from_then_on(log, store):
    register(log, 1)
    with pytest.raises(AuthorisationError, match="revoked"):
        log.append([statement(EntryType.REVOKE_KEY), registration(2)])
    log.append([statement(EntryType.REVOKE_KEY)])
    with pytest.raises(AuthorisationError, match="revoked"):
        register(log, 2)
    assert check_receipt(log.prove(0).format(), file_digest(1), SIGNER.vkey), "what it signed before stands"
    assert [key.revoked for key in store.publishers().values()].count(True) == 1
    log.append([registration(3, key=RIVAL_KEY, organisation=RIVAL)])
    log.audit()


def test_batches_have_a_length(log):
    with pytest.raises(FormatError, match="entries at a time"):
        log.append([])
    with pytest.raises(FormatError, match="entries at a time"):
        log.append([Registration(b"")] * (MAX_BATCH + 1))


# --- statuses ---


def test_a_withdrawal_is_seen_with_its_reason_and_replacement(log, store):
    old, new = (each.asset_id for each in register(log, 1, 2))
    log.append([statement(EntryType.WITHDRAW, old, new, reason="wrong caption")])
    record = store.record(old)
    assert record.status is RecordStatus.WITHDRAWN
    assert (record.status_reason, record.replaced_by) == ("wrong caption", new)
    assert store.record(new).status is RecordStatus.ACTIVE
    assert log.audit().assets == 2


def test_only_the_publisher_withdraws_but_others_dispute(log, store):
    asset = register(log, 1)[0].asset_id
    with pytest.raises(AuthorisationError, match="another key"):
        log.append([statement(EntryType.WITHDRAW, asset, key=RIVAL_KEY, organisation=RIVAL)])
    log.append([statement(EntryType.DISPUTE, asset, key=RIVAL_KEY, organisation=RIVAL, reason="ours")])
    assert store.record(asset).status is RecordStatus.DISPUTED
    log.append([statement(EntryType.WITHDRAW, asset, reason="agreed")])
    log.append([statement(EntryType.DISPUTE, asset, reason="too late")])
    record = store.record(asset)
    assert (record.status, record.status_reason) == (RecordStatus.WITHDRAWN, "agreed")
    log.audit()


def test_a_new_version_supersedes_the_old_one(log, store):
    old = log.append([registration(1)])[0].asset_id
    new = log.append([registration(2, kind=EntryType.SUPERSEDE, refs=[Digest.parse(old)])])[0].asset_id
    assert store.record(old).status is RecordStatus.SUPERSEDED
    assert store.record(old).replaced_by == new
    assert store.record(new).status is RecordStatus.ACTIVE
    log.audit()


def test_statements_may_follow_their_asset_in_one_batch(log, store):
    asset = register(log, 9)[0].asset_id
    other = registration(10)
    fresh = str(Digest(leaf_hash(other.leaf)))
    log.append([other, statement(EntryType.WITHDRAW, fresh, asset)])
    assert store.record(fresh).status is RecordStatus.WITHDRAWN


def test_a_redaction_erases_everything_personal_and_keeps_the_proof(log, store):
    """SR-30."""
    receipt = register(log, 1, 2)[0]
    asset = receipt.asset_id
    log.append([statement(EntryType.REDACT, asset)])
    record = store.record(asset)
    assert (record.title, record.publisher, record.model) == ("", "", None)
    assert store.payload(bytes.fromhex(asset[7:])) is None
    assert not store.fingerprints(asset)
    assert not store.references(asset)
    assert check_receipt(receipt.format(), file_digest(1), SIGNER.vkey)
    assert check_receipt(log.receipt(asset).format(), file_digest(1), SIGNER.vkey)
    assert register(log, 1)[0].index == 0
    assert store.payload(bytes.fromhex(asset[7:])) is None, "registering it again does not bring it back"
    assert log.audit().redacted == 1


def test_statements_that_change_no_record_are_kept(log, store):
    asset = register(log, 1)[0].asset_id
    log.append([statement(EntryType.POLICY, reason="we log"), statement(EntryType.KEY_ROTATION)])
    assert store.head().size == 3
    assert store.record(asset).status is RecordStatus.ACTIVE
    log.audit()


# --- time ---


def test_registration_time_is_the_logs_and_never_goes_back(store):
    """SR-05, SR-32."""
    clock = Clock()
    log = make_log(store, clock)
    clock.pass_time(60)
    first = register(log, 1)[0].asset_id
    clock.pass_time(-30)
    second = register(log, 2)[0].asset_id
    assert store.record(first).registered_at == NOW + timedelta(seconds=60)
    assert store.record(second).registered_at == NOW + timedelta(seconds=60)


@pytest.mark.parametrize("step", [timedelta(days=-1), timedelta(days=3650), timedelta(minutes=6)])
def test_a_clock_that_steps_stops_the_log(store, step):
    """SR-32, case 111."""
    clock = Clock()
    log = make_log(store, clock)
    register(log, 1)
    before = log.checkpoint()
    clock.now += step
    with pytest.raises(UnavailableError, match="clock"):
        register(log, 2)
    assert log.checkpoint() == before
    clock.now -= step
    register(log, 2)


def test_a_clock_behind_the_log_is_refused_at_the_next_start(store):
    register(make_log(store), 1)
    late = make_log(store, Clock(NOW - timedelta(days=1)))
    with pytest.raises(UnavailableError, match="clock"):
        register(late, 2)


# --- keys ---


def test_a_log_without_its_key_reads_but_does_not_append(log, store):
    register(log, 1)
    reader = Log(store, ORIGIN, None, Clock(), verifier=SIGNER.verifier)
    assert reader.prove(0) == log.prove(0)
    with pytest.raises(KeyMaterialError):
        register(reader, 2)
    with pytest.raises(KeyMaterialError):
        Log(store, ORIGIN, None, Clock())
    with pytest.raises(KeyMaterialError):
        Log(store, "other.example", SIGNER, Clock())


def test_a_database_of_another_log_or_key_is_refused(log, store):
    register(log, 1)
    with pytest.raises(CheckpointError):
        Log(store, ORIGIN, NoteSigner(ORIGIN, RIVAL_KEY), Clock())
    with pytest.raises(CheckpointError):
        Log(store, "other.example", NoteSigner("other.example", LOG_KEY), Clock())


def test_a_key_is_admitted_for_one_name_and_not_again_after_its_revocation(log, store):
    store.admit(PUBLISHER_KEY.public_key(), "TEST Gazette")
    with pytest.raises(LedgerError, match="TEST Gazette"):
        store.admit(PUBLISHER_KEY.public_key(), "TEST Herald")
    log.append([statement(EntryType.REVOKE_KEY)])
    with pytest.raises(LedgerError, match="revoked"):
        store.admit(PUBLISHER_KEY.public_key(), "TEST Gazette")
