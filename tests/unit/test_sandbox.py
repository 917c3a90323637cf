"""The worker pool keeps its promises: values in and out, deadlines, deaths, recycling, no orphans."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.errors import (
    DeadlineError,
    FormatError,
    LimitError,
    MediaError,
    StorageError,
    UnavailableError,
    WorkerError,
)
from provenance.media import sandbox
from provenance.media.sandbox import Isolation, Level, WorkerPool
from provenance.media.wire import MAX_DESCRIPTORS, MAX_FRAME_BYTES
from provenance.settings import Limits

TASKS = "tests.attacks.hostile_tasks"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(TASKS, size=1) as made:
        yield made


def pid(pool):
    return pool.run("pid")[0]


def test_plain_values_come_back_as_they_went(pool):
    value = {"a": [1, -2.5, "ä", b"\0\xff", None, True, {"b": []}]}
    assert pool.run("echo", (), value) == value


def test_every_way_to_hand_over_a_file(pool, tmp_path):
    path = tmp_path / "in"
    path.write_bytes(b"content")
    with path.open("rb") as file:
        file.read(3)  # the position of the parent does not matter
        assert pool.run("read", [file]) == b"content"
    assert pool.run("read", [path]) == b"content"
    assert pool.run("read", [(path, "rb")]) == b"content"
    assert pool.run("read", [b"content"]) == b"content"


def test_a_task_writes_to_a_file_it_is_given(pool, tmp_path):
    out = tmp_path / "out"
    assert pool.run("write", [b"content", (out, "w+b")]) == 7
    assert out.read_bytes() == b"content"
    with out.open("r+b") as file:
        pool.run("write", [b"C", file])
    assert out.read_bytes() == b"Content"


def test_file_modes_and_numbers_are_checked(pool, tmp_path):
    with pytest.raises(ValueError, match="one of"):
        pool.run("read", [(tmp_path / "x", "r")])
    with pytest.raises(ValueError, match="at most"):
        pool.run("read", [b""] * (MAX_DESCRIPTORS + 1))
    with pytest.raises(FileNotFoundError):
        pool.run("read", [tmp_path / "absent"])


def test_values_that_cannot_travel_are_refused(pool):
    with pytest.raises(FormatError):
        pool.run("echo", (), {"x": object()})
    with pytest.raises(FormatError):
        pool.run("echo", (), {"x": 1 << 70})
    with pytest.raises(FormatError):
        pool.run("echo", (), {"x": bytes(MAX_FRAME_BYTES)})
    with pytest.raises(WorkerError, match="plain"):
        pool.run("unplain")
    with pytest.raises(WorkerError, match="at most"):
        pool.run("big", (), {"bytes": MAX_FRAME_BYTES})


def test_product_errors_keep_class_text_and_hint(pool):
    before = pid(pool)
    with pytest.raises(MediaError, match="found a poem") as caught:
        pool.run("refuse")
    assert caught.value.hint == "try prose"
    assert pid(pool) == before  # a refusal is no reason to replace the worker


def test_unforeseen_errors_are_reported_and_the_worker_replaced(pool):
    before = pid(pool)
    with pytest.raises(WorkerError, match="ZeroDivisionError"):
        pool.run("stumble")
    assert pid(pool) != before
    with pytest.raises(WorkerError, match="expected a task"):
        pool.run("no such task")


def test_calls_reach_the_callbacks_and_their_answers_the_task(pool):
    asked = []

    def double(data):
        asked.append(data)
        return data * 2

    answer = pool.run("ask", (), {"name": "double", "data": b"ab", "times": 3}, callbacks={"double": double})
    assert answer == [b"abab"] * 3
    assert asked == [b"ab"] * 3


def test_an_error_of_a_callback_ends_the_job_and_is_passed_on(pool):
    class CancelledError(TimeoutError):
        pass

    def cancel(_data):
        raise CancelledError("by the user")

    before = pid(pool)
    with pytest.raises(CancelledError, match="by the user"):
        pool.run("ask", (), {"name": "stop", "data": None}, callbacks={"stop": cancel})
    assert pid(pool) != before


def test_time_in_callbacks_is_not_the_worker_s(pool):
    answer = pool.run(
        "ask",
        (),
        {"name": "slow", "data": 1},
        callbacks={"slow": lambda data: time.sleep(0.5) or data},
        timeout_s=0.3,
    )
    assert answer == [1]


def test_a_call_that_was_not_offered_ends_the_worker(pool):
    with pytest.raises(WorkerError, match="not offered"):
        pool.run("ask", (), {"name": "sign", "data": b"x"})


def test_a_job_past_its_deadline_is_killed(pool):
    before, started = pid(pool), time.monotonic()
    with pytest.raises(DeadlineError, match=r"within 0\.3 s"):
        pool.run("hang", timeout_s=0.3)
    assert time.monotonic() - started < 2
    assert pid(pool) != before


def test_case_113_each_death_is_answered_and_the_pool_refilled():
    with WorkerPool(TASKS, size=2) as pool:
        for _ in range(10):
            with pytest.raises(WorkerError, match="SIGSEGV"):
                pool.run("crash")
            assert pool.run("echo", (), {"a": 1}) == {"a": 1}


def test_a_worker_killed_from_outside_is_replaced(pool):
    victim = pid(pool)
    killer = threading.Timer(0.2, os.kill, (victim, signal.SIGKILL))
    killer.start()
    with pytest.raises(WorkerError, match="SIGKILL"):
        pool.run("sleep", (), {"s": 5.0})
    killer.join()
    assert pid(pool) != victim


def test_an_idle_worker_that_was_killed_costs_no_job(pool):
    victim = pid(pool)
    os.kill(victim, signal.SIGKILL)
    time.sleep(0.05)
    assert pid(pool) != victim


def test_memory_over_the_limit_is_a_limit_error():
    limits = replace(Limits(), worker_memory_bytes=512 << 20)
    with WorkerPool(TASKS, limits, size=1) as pool:
        before = pid(pool)
        with pytest.raises(LimitError, match="512 MiB"):
            pool.run("allocate", (), {"bytes": 1 << 30})
        assert pid(pool) != before
        assert pool.run("allocate", (), {"bytes": 64 << 20}) == 64 << 20


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff\xff\xff\xff",  # 4 GiB announced
        b"\0\0\0\1\xff",  # no CBOR
        b"\0\0\0\1\x01",  # a number where an answer belongs
        b"\0\0\0\x09\xa1\x65value\xc1\x00",  # a tag
        b"\0\0\0\x0a\xa1\x65value\xd8\x1c\x80",  # a shared reference
        b"\0\0\x01\x07\xa1\x65value" + b"\x81" * 255 + b"\x80",  # deeper than allowed
        b"\0\0\0\x0f\xa2\x65value\x01\x65value\x02",  # a key twice
        b"\0\0\0\x09\xa1\x65value\x9f\xff",  # indefinite length
        b"\0\0\0\x04\xa1\x01\x02\x00",  # a key that is no text
    ],
)
def test_sr20_case_89_nonsense_from_a_worker_is_refused(pool, frame):
    with pytest.raises(WorkerError):
        pool.run("raw_reply", (), {"frame": frame}, timeout_s=5)
    assert pool.run("echo", (), {"a": 1}) == {"a": 1}


def test_a_reply_that_stops_in_the_middle_meets_the_deadline(pool):
    with pytest.raises(DeadlineError):
        pool.run("raw_reply", (), {"frame": b"\0\0\0\x10\xa1"}, timeout_s=0.3)


def test_worn_workers_are_replaced(monkeypatch):
    monkeypatch.setattr(sandbox, "RECYCLE_AFTER", 3)
    with WorkerPool(TASKS, size=1) as pool:
        seen = [pid(pool) for _ in range(6)]
    assert len(set(seen[:3])) == len(set(seen[3:])) == 1
    assert seen[0] != seen[3]


def test_a_worker_that_keeps_much_memory_is_replaced(monkeypatch):
    """What an engine keeps of a large file must not be added to what follows."""
    with WorkerPool(TASKS, size=1) as pool:
        first = pid(pool)
        assert pid(pool) == first
        monkeypatch.setattr(sandbox, "_RECYCLE_BYTES", 1 << 20)
        assert pid(pool) == first  # the job after which it is found to hold more
        assert pid(pool) != first


def test_jobs_from_many_threads_share_the_workers():
    with WorkerPool(TASKS, size=2) as pool:
        found, errors = [], []

        def work(number):
            try:
                found.append(pool.run("echo", (), {"n": number})["n"])
            except BaseException as error:  # noqa: BLE001 - the test reports it
                errors.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert sorted(found) == list(range(40))
        assert len(pool._live) <= 2


def test_a_worker_outlives_the_thread_that_asked_for_it():
    with WorkerPool(TASKS, size=1) as pool:
        first = []
        thread = threading.Thread(target=lambda: first.append(pid(pool)))
        thread.start()
        thread.join()
        time.sleep(0.1)
        assert pid(pool) == first[0]


def test_waiting_for_a_worker_can_be_bounded():
    with WorkerPool(TASKS, size=1) as pool:
        busy = threading.Thread(target=lambda: pool.run("sleep", (), {"s": 1.0}))
        pool.run("echo")
        busy.start()
        time.sleep(0.2)
        with pytest.raises(UnavailableError, match="became free"):
            pool.run("echo", wait_s=0.1)
        busy.join()


def test_close_ends_workers_and_running_jobs():
    pool = WorkerPool(TASKS, size=1)
    victim = pid(pool)
    closer = threading.Timer(0.2, pool.close)
    closer.start()
    with pytest.raises(WorkerError, match="closed"):
        pool.run("sleep", (), {"s": 5.0})
    closer.join()
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)
    with pytest.raises(UnavailableError, match="closed"):
        pool.run("echo")


def test_workers_die_with_their_parent():
    code = (
        "import sys, os, threading, time; sys.path.insert(0, sys.argv[1])\n"
        "from provenance.media.sandbox import WorkerPool\n"
        f"pool = WorkerPool({TASKS!r}, size=1); print(pool.run('pid')[0], flush=True)\n"
        "threading.Thread(target=lambda: pool.run('hang', timeout_s=60), daemon=True).start()\n"
        "time.sleep(0.3); os._exit(0)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, timeout=30, check=True
    )
    orphan = int(found.stdout)
    for _ in range(100):
        try:
            state = Path(f"/proc/{orphan}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":  # dead, waiting for the container's init to notice
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent in an endless loop")


def test_a_module_that_does_not_load_is_named():
    with (
        WorkerPool("tests.no_such_module", size=1) as pool,
        pytest.raises(WorkerError, match="no_such_module"),
    ):
        pool.run("echo")


def test_sr11_the_isolation_level_is_reported(pool):
    assert pool.isolation == Isolation(Level.SECCOMP)


def test_sr34_nothing_of_the_parent_s_environment_reaches_a_worker(monkeypatch):
    monkeypatch.setenv("PROVENANCE_SECRET", "hunter2")
    with WorkerPool(TASKS, size=1) as pool:
        assert not any("hunter2" in value for value in pool.run("environment").values())


def test_libraries_may_use_threads(pool):
    assert pool.run("threads") == [0, 1, 2, 3]


def test_a_warm_round_trip_is_well_below_a_millisecond(pool):
    times = []
    for _ in range(300):
        started = time.perf_counter()
        pool.run("echo")
        times.append(time.perf_counter() - started)
    assert sorted(times)[100] < 1e-3  # security.md asks for 1 ms; 0.1 ms measured on a quiet machine


def test_a_full_disk_is_a_storage_error(pool):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with pytest.raises(StorageError, match="full"):
        pool.run("write", [b"x", (Path("/dev/full"), "wb")])


def test_a_pool_has_workers():
    with pytest.raises(ValueError, match="at least one"):
        WorkerPool(TASKS, size=0)
