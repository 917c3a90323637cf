"""Full and failing disks: a small file system that fills up, and system calls that answer EIO or ENOSPC."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.torture.ground import Ground, Tally, check
from provenance.errors import StorageError
from provenance.ledger.receipt import Receipt
from provenance.ledger.store import Store

#: Room of the file system that fills up, and of the ballast whose removal makes room again, bytes.
_DISK_BYTES = 1_400_000
_BALLAST_BYTES = 300_000


class SmallDisk:
    """A file system of its own in memory; a context manager that takes it away again.

    Args:
        place: Folder to mount it on.
        size: Its room, bytes.

    Raises:
        PermissionError: This process may not mount.
    """

    def __init__(self, place: Path, size: int) -> None:
        self.place = place
        place.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        made = subprocess.run(command, capture_output=True, check=False)
        if made.returncode:
            raise PermissionError("mounting a small file system needs privileges")

    def __enter__(self) -> Path:
        return self.place

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.place], check=True)


def full(folder: Path, times: int, tally: Tally) -> None:
    """Fill a small disk until an append is refused, check, make room, append, check; ``times`` over."""
    for _ in range(times):
        with SmallDisk(folder / secrets.token_hex(4), _DISK_BYTES) as disk:
            ballast = disk / "ballast"
            ballast.write_bytes(bytes(_BALLAST_BYTES + secrets.randbelow(100_000)))
            ground = Ground.make(f"sqlite:///{disk}/registry.db", disk)
            store = Store.open(ground.url)
            log = ground.log(store)
            held: list[Receipt] = []
            try:
                while True:
                    held += log.append(ground.batch(1 + secrets.randbelow(60)))
            except StorageError:
                tally.blows += 1
            ballast.unlink()
            held += log.append(ground.batch(3))
            store.close()
            check(ground, held, tally)


def failing(ground: Ground, calls: str, error: str, numbers: Iterable[int], tally: Tally) -> None:
    """Append with the n-th of ``calls`` failing with ``error``, then check, for each of ``numbers``.

    Args:
        ground: A registry in a SQLite file.
        calls: System calls as strace names them, for example ``fsync,fdatasync``.
        error: ``EIO`` or ``ENOSPC``.
        numbers: Which of the calls fail; what is beyond the last call ends it.
        tally: Where it is counted.
    """
    held: list[Receipt] = []
    for number in numbers:
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-P", _file(ground)]
        command += ["-P", f"{_file(ground)}-wal", "-e", f"inject={calls}:error={error}:when={number}"]
        command += [sys.executable, "-m", "bench.torture.victim", ground.url, str(ground.folder)]
        keys = ground.key.private_bytes_raw().hex() + ground.log_key.private_bytes_raw().hex()
        run = subprocess.run(command, input=keys, capture_output=True, text=True, check=False)
        if run.returncode not in (0, 3):
            tally.broken += 1
            tally.note(f"{error} at call {number} of {calls}: {run.stderr[-300:]}")
        held += [Receipt.parse(bytes.fromhex(line).decode()) for line in run.stdout.split()]
        check(ground, held, tally)
        if run.returncode == 0:  # it made fewer calls than that
            break
        tally.blows += 1


def _file(ground: Ground) -> str:
    return ground.url.removeprefix("sqlite:///")


def have_strace() -> bool:
    """Return whether system calls can be made to fail here."""
    return shutil.which("strace") is not None
