"""As a new user would try it: register, kill -9, restart, verify offline, then change the database by hand.

The words that fsck and monitor say are those of docs/audit.md.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from provenance_cli.main import main
from tests.fakes.pictures import encoded, photograph

AUDIT = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")
PROGRAM = [sys.executable, "-c", "from provenance_cli.main import main; main()"]


def provenance(folder: Path, *arguments: object) -> Result:
    """Run a command as if in ``folder``; in this process, because starting another takes seconds."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return CliRunner().invoke(main, [str(each) for each in arguments])
    finally:
        os.chdir(before)


class Service:
    """`provenance serve` in a process group of its own, so that it can be killed with its workers."""

    def __init__(self, folder: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = f"http://127.0.0.1:{self.port}/log"
        self.process = subprocess.Popen(
            [*PROGRAM, "serve", "--port", str(self.port)],
            cwd=folder,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.stderr.read().decode()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the service did not start")

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """An asset registered while the service ran; everything was then killed."""
    folder = tmp_path_factory.mktemp("story")
    assert provenance(folder, "init", "--dev", "--organisation", "Example News").exit_code == 0
    (folder / "photo.jpg").write_bytes(encoded(photograph(), quality=92))
    service = Service(folder)
    signed = provenance(folder, "sign", "photo.jpg", "--quiet")
    service.kill()
    assert signed.exit_code == 0, signed.stderr
    return folder


@pytest.fixture
def folder(story, tmp_path):
    shutil.copytree(story, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_after_a_kill_the_receipt_verifies_offline_and_the_log_goes_on(folder):
    service = Service(folder)
    try:
        verified = provenance(
            folder, "receipt", "verify", "photo.signed.jpg.tlog-proof", "photo.signed.jpg", "--offline"
        )
        assert verified.exit_code == 0, verified.stderr
        assert provenance(folder, "ledger", "fsck").exit_code == 0
        again = provenance(folder, "sign", "photo.jpg", "-o", "again.jpg", "--quiet")
        assert again.exit_code == 0, again.stderr
        watched = provenance(folder, "ledger", "monitor", service.log, "--state", "watch")
        assert "2 entries, consistent; checked entries 0 to 1" in watched.stdout
    finally:
        service.kill()


def change(folder: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "registry.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_row_changed_by_hand_is_named_by_fsck_and_monitor(folder):
    """Case 107."""
    row = "UPDATE log_entry SET body = x'00' WHERE idx = 0"
    with pytest.raises(sqlite3.IntegrityError, match="log_entry is append-only"):
        change(folder, row)
    assert row in AUDIT
    service = Service(folder)
    try:
        assert provenance(folder, "ledger", "monitor", service.log, "--state", "watch").exit_code == 0
        change(folder, "DROP TRIGGER log_entry_no_update", row)

        found = provenance(folder, "ledger", "fsck")
        assert found.exit_code == 3
        assert "entry 0: expected leaf hash" in found.stderr
        assert "entry 0: expected leaf hash" in AUDIT

        seen = provenance(folder, "ledger", "monitor", service.log, "--state", "watch", "--recheck")
        alarm = "▲ entry: entry 0: its bytes are not those that the signed tree has"
        assert (seen.exit_code, seen.stdout.strip()) == (3, alarm)
        assert alarm in AUDIT
    finally:
        service.kill()


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE asset SET title = 'another'"], "entry 0: expected a registry row"),
        (["UPDATE asset SET status = 'withdrawn'"], "entry 0: expected the status"),
        (["UPDATE payload SET salt = zeroblob(16)"], "entry 0: expected the payload"),
        (["UPDATE log_tile SET data = zeroblob(32)"], "last tile of level 0"),
        (["UPDATE log_head SET size = 0, note = ''"], "expected root"),
        (["DELETE FROM fingerprint"], "entry 0: expected the fingerprints"),
        (
            ["DROP TRIGGER log_checkpoint_no_delete", "DELETE FROM log_checkpoint"],
            "expected the checkpoint of size 1",
        ),
    ],
)
def test_whatever_else_is_changed_is_found_by_fsck(folder, statements, said):
    change(folder, *statements)
    found = provenance(folder, "ledger", "fsck")
    assert found.exit_code != 0, found.stdout
    assert said in found.stderr
