from __future__ import annotations

import json
import threading
import time

import pytest

from provenance.errors import LimitError, NotFoundError, StorageError, UnavailableError
from provenance.ledger.database import conninfo_of, reading, writing
from provenance.ledger.store import Store
from provenance.service import jobs as jobs_module
from provenance.service import queue as queue_module
from provenance.service.doer import Doer
from provenance.service.jobs import MAX_TRIES, Jobs, JobState
from provenance.service.queue import Queue, QueueRunner
from provenance.service.runner import Runner
from provenance.service.schema import open_database
from tests.postgres import fresh_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(tmp_path, request):
    url = fresh_url() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'r.db'}"
    Store.create(url).close()
    engine = open_database(url)
    yield engine
    engine.dispose()


def _jobs(database, max_waiting):
    shared = database.dialect.name == "postgresql"
    return Jobs(database, max_waiting, Queue() if shared else None)


def _engine(jobs, work, threads, over=lambda _: None):
    """The engine of this database, as an installation chooses it."""
    if jobs._queue is None:
        return Runner(jobs, work, threads, over)
    return QueueRunner(jobs, work, threads, over, conninfo=conninfo_of(jobs._database))


@pytest.fixture
def jobs(database):
    return _jobs(database, 3)


def _silent(monkeypatch, jobs):
    """Let leases end the moment they are given: whoever took a job is taken for dead."""
    monkeypatch.setattr(jobs, "lease_s", -1.0)


def test_jobs_are_taken_in_order_and_once(jobs):
    first, second = jobs.add("a", "t", {"n": 1}), jobs.add("a", "t", {"n": 2})
    assert [jobs.claim("w").id, jobs.claim("w").id] == [first.id, second.id]
    assert jobs.claim("w") is None
    assert jobs.waiting() == 2


def test_a_job_ends_with_its_result(jobs):
    jobs.add("a", "t", {})
    job = jobs.claim("w")
    assert (job.state, job.tries) == (JobState.RUNNING, 1)
    assert jobs.renew(job, "w", stage="half", percent=50.0)
    assert (jobs.find(job.id).stage, jobs.find(job.id).percent) == ("half", 50.0)
    jobs.finish(job, "w", b"result")
    assert (jobs.find(job.id).state, jobs.find(job.id).result) == (JobState.DONE, b"result")
    assert not jobs.renew(job, "w")


def test_a_job_of_a_dead_worker_is_taken_up(jobs, monkeypatch):
    jobs.add("a", "t", {})
    with monkeypatch.context() as patch:
        _silent(patch, jobs)
        lost = jobs.claim("dead")
    again = jobs.claim("alive")
    assert (again.id, again.tries) == (lost.id, 2)
    jobs.finish(lost, "dead", b"too late")
    assert jobs.find(lost.id).state is JobState.RUNNING, "the dead worker no longer owns it"


def test_poison_stops_after_three_tries(jobs, monkeypatch):
    poison = jobs.add("a", "t", {})
    _silent(monkeypatch, jobs)
    for _ in range(MAX_TRIES):
        assert jobs.claim("w").id == poison.id
    assert jobs.claim("w") is None
    ended = jobs.find(poison.id)
    assert (ended.state, json.loads(ended.problem)["code"]) == (JobState.FAILED, "job-given-up")


def test_the_queue_is_bounded_sr23(jobs):
    for _ in range(3):
        jobs.add("a", "t", {})
    with pytest.raises(UnavailableError, match="queue is full"):
        jobs.add("a", "t", {})


def test_a_job_whose_file_a_cancellation_took_away_is_no_error(jobs, caplog):
    job = jobs.add("a", "t", {})

    def work(job, tell):
        jobs.cancel(job.id)
        raise FileNotFoundError("the spooled file")

    over = []
    with caplog.at_level("INFO"):
        Doer(jobs, {"a": work}, over.append).do(jobs.claim("w"), "w")
    assert jobs.find(job.id).state is JobState.CANCELLED
    assert [one.id for one in over] == [job.id]
    assert {record.levelname for record in caplog.records} == {"INFO"}
    assert not any(record.exc_info for record in caplog.records)


def test_cancelled_jobs_stay_cancelled(jobs):
    waiting, running = jobs.add("a", "t", {}), None
    jobs.cancel(waiting.id)
    assert jobs.claim("w") is None
    jobs.add("a", "t", {})
    running = jobs.claim("w")
    jobs.cancel(running.id)
    assert not jobs.renew(running, "w")
    jobs.finish(running, "w", b"")
    jobs.put_back(running, "w")
    assert jobs.find(running.id).state is JobState.CANCELLED
    with pytest.raises(NotFoundError):
        jobs.cancel("0" * 32)


def test_old_jobs_are_forgotten(jobs, monkeypatch):
    old = jobs.add("a", "t", {})
    jobs.finish(jobs.claim("w"), "w", b"")
    monkeypatch.setattr(jobs_module, "KEEP_S", -1.0)
    new = jobs.add("a", "t", {})
    assert jobs.forget_old() == [new.id]
    with pytest.raises(NotFoundError):
        jobs.find(old.id)


def _until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_runner_works_and_reports_failures(jobs):
    def work(job, tell):
        tell("half", 50.0, "{}")
        if job.params["bad"]:
            raise LimitError("expected less, found more", hint="send less")
        return b"good"

    runner = _engine(jobs, {"a": work}, threads=2)
    good, bad = jobs.add("a", "t", {"bad": False}), jobs.add("a", "t", {"bad": True})
    runner.start()
    try:
        _until(lambda: jobs.find(good.id).state.over and jobs.find(bad.id).state.over)
    finally:
        runner.stop(10)
    assert jobs.find(good.id).result == b"good"
    assert json.loads(jobs.find(bad.id).problem) == {
        "code": "limit-exceeded",
        "detail": "expected less, found more",
        "hint": "send less",
    }


def test_a_runner_that_stops_loses_no_job_and_counts_no_try(jobs):
    begun, go_on = threading.Event(), threading.Event()

    def work(job, tell):
        begun.set()
        go_on.wait(10)
        tell("next", 50.0, "")
        return b""

    job = jobs.add("a", "t", {})
    runner = _engine(jobs, {"a": work}, threads=1)
    runner.start()
    begun.wait(10)
    stopping = threading.Thread(target=runner.stop, args=(10,))
    stopping.start()
    _until(runner._doer.stopping.is_set)
    go_on.set()
    stopping.join()
    assert (jobs.find(job.id).state, jobs.find(job.id).tries) == (JobState.WAITING, 0)


def test_two_workers_never_take_the_same_job(database):
    jobs = _jobs(database, 256)
    made = {jobs.add("a", "t", {}).id for _ in range(40)}
    taken: list[str] = []

    def take(name):
        while (job := jobs.claim(name)) is not None:
            taken.append(job.id)

    threads = [threading.Thread(target=take, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 40
    assert set(taken) == made


def test_a_job_named_twice_is_done_once(jobs):
    job = jobs.add("a", "t", {})
    assert jobs.take(job.id, "w").tries == 1
    assert jobs.take(job.id, "v") is None, "somebody works on it"
    jobs.finish(jobs.find(job.id), "w", b"")
    assert jobs.take(job.id, "v") is None, "it is over"
    assert jobs.take("0" * 32, "v") is None


def _done(jobs, *ids):
    return all(jobs.find(each).state is JobState.DONE for each in ids)


def _run_until_done(jobs, work, *ids):
    """Let a fresh engine do the jobs."""
    engine = _engine(jobs, {"a": work}, threads=2)
    engine.start()
    try:
        _until(lambda: _done(jobs, *ids))
    finally:
        engine.stop(10)


def test_jobs_whose_workers_died_are_done_by_others(jobs, monkeypatch):
    monkeypatch.setattr(queue_module, "RESCUE_S", 0.1)
    taken, waiting = jobs.add("a", "t", {}), jobs.add("a", "t", {})
    with monkeypatch.context() as patch:
        _silent(patch, jobs)
        jobs.take(taken.id, "dead")
    _run_until_done(jobs, lambda *_: b"good", taken.id, waiting.id)
    assert jobs.find(taken.id).tries == 2


def test_jobs_that_no_message_names_are_done(database, monkeypatch):
    """Rows of an older program, or of a registry that was moved here."""
    monkeypatch.setattr(queue_module, "RESCUE_S", 0.1)
    orphans = [Jobs(database).add("a", "t", {}).id for _ in range(3)]
    _run_until_done(_jobs(database, 9), lambda *_: b"good", *orphans)


def test_poison_ends_in_the_queue_too(jobs, monkeypatch):
    monkeypatch.setattr(queue_module, "RESCUE_S", 0.1)
    poison, tries = jobs.add("a", "t", {}), []
    with monkeypatch.context() as patch:
        _silent(patch, jobs)
        for _ in range(MAX_TRIES):
            assert jobs.take(poison.id, "dead") is not None
    engine = _engine(jobs, {"a": lambda *_: tries.append(1) or b""}, threads=1)
    engine.start()
    try:
        _until(lambda: jobs.find(poison.id).state.over)
    finally:
        engine.stop(10)
    assert jobs.find(poison.id).state is JobState.FAILED
    assert json.loads(jobs.find(poison.id).problem)["code"] == "job-given-up"
    assert not tries


def test_an_engine_that_was_put_off_leaves_the_job_to_the_next(jobs):
    """What a stopping service puts back is taken up at once, not when a lease has run out."""
    begun, go_on = threading.Event(), threading.Event()

    def work(job, tell):
        begun.set()
        go_on.wait(10)
        tell("next", 50.0, "")
        return b"good"

    job = jobs.add("a", "t", {})
    first = _engine(jobs, {"a": work}, threads=1)
    first.start()
    begun.wait(10)
    stopping = threading.Thread(target=first.stop, args=(10,))
    stopping.start()
    _until(first._doer.stopping.is_set)
    go_on.set()
    stopping.join()
    _run_until_done(jobs, lambda *_: b"good", job.id)
    assert jobs.find(job.id).tries == 1


def test_workers_on_postgresql_hear_of_jobs_and_survive_lost_connections(monkeypatch):
    url = fresh_url()
    Store.create(url).close()
    database = open_database(url)
    jobs = _jobs(database, 9)
    engine = _engine(jobs, {"a": lambda *_: b"good"}, threads=2)
    engine.start()
    try:
        first = jobs.add("a", "t", {}).id
        _until(lambda: _done(jobs, first))
        _until(lambda: _messages(database) == 0)
        monkeypatch.setattr(queue_module, "_PAUSE_S", 0.1)
        with writing(database) as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        second = jobs.add("a", "t", {}).id
        _until(lambda: _done(jobs, second), 20.0)
    finally:
        engine.stop(10)
        database.dispose()


def _messages(database):
    with reading(database) as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs").scalar_one()


def test_a_job_that_met_a_lost_database_is_tried_again_and_given_up_in_the_end(jobs, monkeypatch):
    """The file is not at fault, so that a restart of the database loses no job; a disk that stays full ends it."""
    monkeypatch.setattr(queue_module, "RESCUE_S", 0.1)
    monkeypatch.setattr(jobs, "lease_s", 0.3)
    tries = {"now and then": 0, "always": 0}

    def work(job, _tell):
        tries[job.params["when"]] += 1
        if job.params["when"] == "always" or tries["now and then"] < 2:
            raise StorageError("expected room on the disk, found none")
        return b"good"

    sometimes, always = (jobs.add("a", "t", {"when": each}) for each in tries)
    engine = _engine(jobs, {"a": work}, threads=2)
    engine.start()
    try:
        _until(lambda: all(jobs.find(each.id).state.over for each in (sometimes, always)), 20.0)
    finally:
        engine.stop(10)
    assert jobs.find(sometimes.id).state is JobState.DONE
    assert json.loads(jobs.find(always.id).problem)["code"] == StorageError.code
    assert tries == {"now and then": 2, "always": MAX_TRIES}
