"""SR-11: what a taken-over parser tries from inside a worker fails, and the parent answers afterwards."""

import os
from pathlib import Path

import pytest

from provenance.errors import WorkerError
from provenance.media.sandbox import Level, WorkerPool

TASKS = "tests.attacks.hostile_tasks"
REFUSED = (
    "open", "write", "parent memory", "listdir", "stat", "readlink", "fork", "kill parent", "setuid",
    "unlink", "mkdir", "chdir", "memfd", "pipe",
)  # fmt: skip
FATAL = ("exec", "socket", "unix socket", "ptrace")


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(TASKS, size=1) as made:
        if made.isolation.level is not Level.SECCOMP:
            pytest.skip(f"no system-call filter here: {made.isolation.reason}")
        yield made


@pytest.mark.parametrize("what", REFUSED)
def test_sr11_is_not_permitted(pool, what):
    assert pool.run("attempt", (), {"what": what}) == "refused 1"
    assert pool.run("echo", (), {"a": 1}) == {"a": 1}


@pytest.mark.parametrize("what", FATAL)
def test_sr11_ends_the_worker(pool, what):
    with pytest.raises(WorkerError, match="SIGSYS"):
        pool.run("attempt", (), {"what": what})
    assert pool.run("echo", (), {"a": 1}) == {"a": 1}


def test_sr11_limits_cannot_be_raised_again(pool):
    with pytest.raises(WorkerError, match="not allowed to raise"):
        pool.run("attempt", (), {"what": "raise limit"})


def test_sr11_a_worker_of_root_is_nobody(pool):
    if os.getuid() != 0:
        pytest.skip("only root can give up root")
    worker, parent, user = pool.run("pid")
    assert (parent, user) == (os.getpid(), 65534)
    status = Path(f"/proc/{worker}/status").read_text()
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert found["CapEff"].strip("0") == ""
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"
    assert found["Groups"].strip() == ""


def test_sr11_a_worker_holds_no_descriptor_of_the_parent(pool, tmp_path):
    if os.getuid() != 0:
        pytest.skip("a worker cannot be looked into, except by root")
    with (tmp_path / "secret").open("wb") as secret:
        os.set_inheritable(secret.fileno(), True)
        with WorkerPool(TASKS, size=1) as other:
            worker = other.run("pid")[0]
            held = [str(entry.readlink()) for entry in Path(f"/proc/{worker}/fd").iterdir()]
    assert not any("secret" in name for name in held)
    assert sorted(name.split(":")[0] for name in held) == ["/dev/null"] * 3 + ["socket"]
