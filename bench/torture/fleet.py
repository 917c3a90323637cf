"""A service of several processes over one PostgreSQL: two that answer requests and one that does jobs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Self

import httpx

from bench.postgres import Server
from provenance.service.access import Access, Scope
from provenance.service.schema import open_database
from provenance.setup import initialise

#: The processes; the server of the database is one of those that are killed.
ANSWERING: Final = ("api-1", "api-2")
WORKER: Final = "worker"
DATABASE: Final = "database"
VICTIMS: Final = (*ANSWERING, WORKER, DATABASE)
#: Time within which a process must be there, seconds: the machine may be busy.
_PATIENCE_S: Final = 90.0
#: Short, so that jobs of a killed worker are soon done by the next one.
LEASE_S: Final = 4.0
#: What a worker says when it begins.
_TAKING: Final = "taking jobs with"
_PROGRAM: Final = (sys.executable, "-c", "from provenance_cli.main import main; main()")


class Fleet:
    """The processes; a context manager that ends them.

    Args:
        server: Holds the registry.
        folder: For keys, spool and logs; empty.

    Attributes:
        settings: Of the installation.
        ports: Of the processes that answer, by name.
        authorisation: Header of a caller who may do everything.
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self._server, self._folder = server, folder
        self.settings = initialise(folder, "TEST Torture", database_url=server.database(folder.name))
        self.ports = {name: _free_port() for name in ANSWERING}
        self._said = 0
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        database = open_database(self.settings.database)
        scopes = frozenset((Scope.VERIFY, Scope.PUBLISH))
        _, key = Access(database).create("torture", "", scopes, None)
        database.dispose()
        self.authorisation = {"Authorization": f"Bearer {key}"}

    def __enter__(self) -> Self:
        for name in (*ANSWERING, WORKER):
            self._start(name)
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill(self, name: str) -> None:
        """SIGKILL one of :data:`VICTIMS`, its main process alone."""
        if name == DATABASE:
            self._server.kill()
            return
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def start(self, name: str) -> None:
        """Start what was killed; :meth:`wait` waits until it works."""
        if name == DATABASE:
            self._server.start()
        else:
            self._start(name)

    def _start(self, name: str) -> None:
        task = ["worker", "--threads", "2"] if name == WORKER else ["serve", "--port", str(self.ports[name])]
        chosen = {
            "PROVENANCE_DETECTOR": "none",
            "PROVENANCE_JOBS": "elsewhere",
            "PROVENANCE_JOB_LEASE_S": str(LEASE_S),
            "PROVENANCE_WORKERS": "1",
        }
        with self.log(name).open("ab") as log:
            if name == WORKER:
                self._said = self.log(name).read_text().count(_TAKING)
            self._running[name] = subprocess.Popen(
                [*_PROGRAM, "--config", str(self._folder / "provenance.toml"), *task],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | chosen,
            )

    def log(self, name: str) -> Path:
        """Return the file with everything that a process said."""
        return self._folder / f"{name}.log"

    def wait(self) -> None:
        """Wait until every process works; one that ended by itself is started again, as systemd does.

        Raises:
            TimeoutError: One does not work.
        """
        for name in list(self._running):
            deadline = time.monotonic() + _PATIENCE_S
            while not self._works(name):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{name} does not work:\n{self.log(name).read_text()[-2000:]}")
                if self._running[name].poll() is not None:
                    self._start(name)
                time.sleep(0.1)

    def _works(self, name: str) -> bool:
        if name == WORKER:
            return self.log(name).read_text().count(_TAKING) > self._said
        return _ready(self.ports[name])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).is_success
    except httpx.TransportError:
        return False
