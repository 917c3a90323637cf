"""Group commit: many submissions, one commit, each answered for itself and only after it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from provenance.errors import (
    AuthorisationError,
    BusyError,
    FormatError,
    NotFoundError,
    StorageError,
    UnavailableError,
)
from provenance.ledger.entry import EntryType
from provenance.ledger.intake import MOST, Intake
from provenance.ledger.receipt import check_receipt
from provenance.ledger.registration import Registration
from tests.ledger_made import SIGNER, file_digest, make_log, make_store, registration, statement

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
def intake(log):
    made = Intake(log)
    yield made
    made.close()


class Held:
    """A log whose commits wait until they are let go, or fail."""

    def __init__(self, log, error: Exception | None = None) -> None:
        self.log, self.error = log, error
        self.go, self.commits = threading.Event(), []

    def examine(self, batch):
        return self.log.examine(batch)

    def commit(self, examined):
        self.commits.append(len(examined))
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        return self.log.commit(examined)


def test_each_of_many_submitters_gets_its_own_receipt_and_few_commits_are_made(store, intake):
    numbers = range(200)
    with ThreadPoolExecutor(32) as pool:
        receipts = list(pool.map(lambda n: intake.append([registration(n)])[0], numbers))
    for number, receipt in zip(numbers, receipts, strict=True):
        check_receipt(receipt.format(), file_digest(number), SIGNER.vkey)
    assert {each.index for each in receipts} == set(numbers)
    assert len(store.checkpoints()) < 100


def test_an_answer_comes_only_after_the_commit(log, store):
    """SR-27."""
    held = Held(log)
    intake = Intake(held)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(intake.append, [registration(1)])
        time.sleep(0.05)
        assert not answer.done()
        assert store.head().size == 0
        held.go.set()
        receipt = answer.result(10)[0]
        assert store.head().note == receipt.checkpoint
    intake.close()


def test_what_is_refused_is_told_to_its_submitter_only(log, store):
    held = Held(log)
    intake = Intake(held)
    bad = statement(EntryType.WITHDRAW, UNKNOWN)
    with ThreadPoolExecutor(12) as pool:
        first = pool.submit(intake.append, [registration(100)])
        time.sleep(0.05)  # the first is being committed; the others gather behind it
        batches = [[registration(n)] for n in range(10)]
        batches[3] = [registration(3), bad]
        answers = [pool.submit(intake.append, batch) for batch in batches]
        time.sleep(0.1)
        held.go.set()
        assert first.result(10)[0].index == 0
        with pytest.raises(NotFoundError):
            answers.pop(3).result(10)
        assert {each.result(10)[0].index for each in answers} == set(range(1, 10))
    intake.close()
    assert max(held.commits) > 2, "they must have been committed together for this to mean anything"
    assert not store.by_digest(file_digest(3)), "a submission is added whole or not at all"
    log.audit()


def test_what_can_be_seen_beforehand_is_refused_beforehand(intake):
    with pytest.raises(FormatError):
        intake.append([replace(registration(1), payload=None)])
    with pytest.raises(AuthorisationError):
        intake.append([registration(1, organisation="TEST Another")])
    for size in (0, MOST + 1):
        with pytest.raises(FormatError, match="at a time"):
            intake.append([Registration(b"")] * size)


def test_too_much_waiting_is_refused_and_nothing_of_it_is_kept(log, store):
    """SR-23: the queue is bounded."""
    held = Held(log)
    intake = Intake(held, room=3)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(intake.append, [registration(1)])
        while not held.commits:
            time.sleep(0.001)
        second = pool.submit(intake.append, [registration(2), registration(3)])
        while intake._held < 2:
            time.sleep(0.001)
        with pytest.raises(BusyError, match="to wait") as caught:
            intake.append([registration(4), registration(5)])
        assert caught.value.hint
        held.go.set()
        assert [first.result(10)[0].index, *(each.index for each in second.result(10))] == [0, 1, 2]
    assert intake.append([registration(6)])[0].index == 3
    intake.close()
    assert not store.by_digest(file_digest(4))


def test_a_disk_that_fails_is_told_to_all_at_once(log):
    held = Held(log, StorageError("full"))
    intake = Intake(held)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(intake.append, [registration(n)]) for n in range(8)]
        time.sleep(0.1)
        held.go.set()
        for answer in answers:
            with pytest.raises(StorageError):
                answer.result(10)
    intake.close()
    assert len(held.commits) <= 2, "a failing disk is not asked again for each of them"


def test_closing_answers_what_waits_and_takes_nothing_more(log):
    held = Held(log)
    intake = Intake(held)
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(intake.append, [registration(1)])
        while not held.commits:
            time.sleep(0.001)
        closing = pool.submit(intake.close)
        held.go.set()
        assert answer.result(10)[0].index == 0
        closing.result(10)
    with pytest.raises(UnavailableError, match="closing"):
        intake.append([registration(2)])
