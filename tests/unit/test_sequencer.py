"""Several processes over one database: one appends for all, and a dead one is replaced."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from provenance.errors import AuthorisationError, BusyError, NotFoundError, StorageError
from provenance.ledger import sequencer as sequencer_module
from provenance.ledger.entry import EntryType
from provenance.ledger.intake import Intake
from provenance.ledger.mailbox import Mailbox, key_of
from provenance.ledger.receipt import check_receipt
from provenance.ledger.registration import StoredFingerprint, StoredReference
from provenance.ledger.sequencer import Sequencer
from provenance.ledger.store import Store
from tests.ledger_made import (
    SIGNER,
    file_digest,
    make_log,
    make_store_at,
    registration,
    seed,
    statement,
    url_of,
)
from tests.postgres import fresh_url

UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    made = url_of(tmp_path) if request.param == "sqlite" else fresh_url()
    make_store_at(made).close()
    return made


class Process:
    """What one process of a cluster has: its own connections, log and intake."""

    def __init__(self, url: str, lease_s: float = 3.0) -> None:
        self.store = Store.open(url)
        self.log = make_log(self.store)
        self.commits = 0
        plain = self.log.commit

        def commit(examined):
            self.commits += 1
            return plain(examined)

        self.log.commit = commit
        self.sequencer = Sequencer(self.log, self.store.mailbox(), lease_s=lease_s)
        self.intake = Intake(self.sequencer)

    def die(self) -> None:
        """Stop serving without giving the lease back."""
        self.sequencer._closed.set()
        self.sequencer._thread.join()

    def close(self) -> None:
        self.intake.close()
        self.sequencer.close()
        self.store.close()


@pytest.fixture
def processes(url):
    made = [Process(url) for _ in range(3)]
    yield made
    for each in made:
        each.close()


def test_one_process_appends_for_all_and_each_gets_its_receipt(processes):
    first = processes[0].intake.append([registration(0)])[0]
    with ThreadPoolExecutor(6) as pool:
        jobs = [(processes[n % 3], n) for n in range(1, 31)]
        receipts = [first, *pool.map(lambda job: job[0].intake.append([registration(job[1])])[0], jobs)]
    for number, receipt in enumerate(receipts):
        check_receipt(receipt.format(), file_digest(number), SIGNER.vkey)
    assert sorted(each.index for each in receipts) == list(range(31))
    assert [each.commits > 0 for each in processes] == [True, False, False]
    assert processes[1].log.audit().size == 31
    assert not processes[1].store.mailbox().waiting(10), "nothing is left over"


def test_a_refusal_travels_back_to_its_submitter(processes):
    processes[0].intake.append([registration(0)])
    with pytest.raises(NotFoundError, match="registered assets") as caught:
        processes[1].intake.append([statement(EntryType.WITHDRAW, UNKNOWN)])
    assert caught.value.hint
    processes[0].intake.append([statement(EntryType.REVOKE_KEY)])
    with pytest.raises(AuthorisationError, match="revoked"):
        processes[1].intake.append([registration(1)])
    assert not processes[1].store.mailbox().waiting(10)


def test_a_dead_holder_is_replaced_after_its_lease(url):
    first, second = Process(url, 0.5), Process(url, 0.5)
    first.intake.append([registration(0)])
    first.die()
    began = time.monotonic()
    assert second.intake.append([registration(1)])[0].index == 1
    assert time.monotonic() - began < 10
    assert second.commits >= 1
    assert second.intake.append([registration(2)])[0].index == 2
    assert second.log.audit().size == 3
    second.close()
    first.store.close()


def test_a_lease_that_was_given_back_is_free_at_once(url):
    first, second = Process(url, 60), Process(url, 60)
    first.intake.append([registration(0)])
    first.close()
    assert second.intake.append([registration(1)])[0].index == 1
    second.close()


def test_two_that_both_believe_to_hold_the_lease_write_one_history(url, monkeypatch):
    """A paused process wakes up after its lease: the head's comparison keeps the history single."""
    monkeypatch.setattr(Sequencer, "_holds", lambda _: True)
    made = [Process(url) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        jobs = [(made[n % 2], n) for n in range(40)]
        receipts = list(pool.map(lambda job: job[0].intake.append([registration(job[1])])[0], jobs))
    assert sorted(each.index for each in receipts) == list(range(40))
    assert made[0].log.audit().size == 40
    for each in made:
        each.close()


def test_a_holder_that_does_not_answer_is_told_of(url, monkeypatch):
    monkeypatch.setattr(sequencer_module, "_PATIENCE_S", 0.1)
    holder = Store.open(url)
    assert holder.mailbox().hold("somebody", 60)
    process = Process(url)
    with pytest.raises(BusyError, match="within"):
        process.intake.append([registration(0)])
    assert not process.store.mailbox().waiting(10), "it was taken back"
    assert process.store.head().size == 0
    process.close()
    holder.close()


def test_what_the_database_cannot_do_now_is_tried_again(url, monkeypatch):
    first, second = Process(url), Process(url)
    first.intake.append([registration(0)])
    plain, failures = first.log.examine, [StorageError("full")] * 3

    def examine(batch):
        if failures:
            raise failures.pop()
        return plain(batch)

    monkeypatch.setattr(first.log, "examine", examine)
    assert second.intake.append([registration(1)])[0].index == 1
    assert not failures
    for each in (second, first):
        each.close()


def test_a_batch_comes_out_of_the_mailbox_as_it_went_in(url):
    store = Store.open(url)
    box: Mailbox = store.mailbox()
    film = registration(
        1,
        codes=[StoredFingerprint("pdq256-v1", seed("a"), 0.5, None), StoredFingerprint("x", b"y")],
        pictures=[StoredReference("frames", b"\x00" * 70_000, 0.5), StoredReference("logmel", b"z")],
    )
    batch = [film, statement(EntryType.REDACT, UNKNOWN), statement(EntryType.POLICY, reason="why")]
    key = box.post(batch)
    assert key == box.post(batch) == key_of(batch)
    assert box.waiting(5) == [(key, batch)]
    assert box.waits(key)
    box.take_back(key)
    assert not box.waits(key)
    store.close()
