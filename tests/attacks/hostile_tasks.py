"""Tasks a taken-over parser might run; loaded by media workers in the tests."""
# Each attempt is one system call, spelled as one.
# ruff: noqa: PTH102, PTH108, PTH115, PTH116, PTH123, PTH208

import ctypes
import os
import resource
import signal
import socket
import threading
import time

from provenance.errors import MediaError


def echo(job):
    return dict(job.params)


def read(job):
    return job.files[0].read()


def write(job):
    return job.files[1].write(job.files[0].read())


def ask(job):
    return [job.call(job.params["name"], job.params["data"]) for _ in range(job.params.get("times", 1))]


def refuse(job):
    raise MediaError("expected a picture, found a poem", hint="try prose")


def stumble(job):
    raise ZeroDivisionError("a bug")


def unplain(job):
    return object()


def big(job):
    return b"x" * job.params["bytes"]


def hang(job):
    while True:
        pass


def sleep(job):
    time.sleep(job.params["s"])
    return os.getpid()


def pid(job):
    return [os.getpid(), os.getppid(), os.getuid()]


def environment(job):
    return dict(os.environ)


def crash(job):
    ctypes.string_at(0)


def threads(job):
    found = []
    made = [threading.Thread(target=lambda i=i: found.append(i)) for i in range(4)]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()
    return sorted(found)


def allocate(job):
    return len(bytearray(job.params["bytes"]))


def raw_reply(job):
    job.channel._sock.sendall(job.params["frame"])
    time.sleep(30)


def _try_open():
    with open("/etc/passwd", "rb") as file:
        return file.read()


def _try_write():
    with open("/tmp/escaped", "wb") as file:
        return file.write(b"x")


def _memory_of_parent():
    with open(f"/proc/{os.getppid()}/mem", "rb") as file:
        return file.read(1)


_ATTEMPTS = {
    "open": _try_open,
    "write": _try_write,
    "parent memory": _memory_of_parent,
    "listdir": lambda: os.listdir("/"),
    "stat": lambda: os.stat("/etc/passwd"),
    "readlink": lambda: os.readlink("/proc/self/exe"),
    "fork": os.fork,
    "kill parent": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "setuid": lambda: os.setuid(0) if os.getuid() else os.setuid(1),
    "unlink": lambda: os.unlink("/tmp/x"),
    "mkdir": lambda: os.mkdir("/tmp/escaped"),
    "chdir": lambda: os.chdir("/tmp"),
    "memfd": lambda: os.memfd_create("x"),
    "pipe": os.pipe,
    "raise limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "unix socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "ptrace": lambda: ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0),
}


def attempt(job):
    try:
        _ATTEMPTS[job.params["what"]]()
    except OSError as cause:
        return f"refused {cause.errno}"
    return "ESCAPED"


TASKS = {
    f.__name__: f
    for f in (
        echo, read, write, ask, refuse, stumble, unplain, big, hang, sleep, pid, environment, crash, threads,
        allocate, raw_reply, attempt,
    )
}  # fmt: skip
