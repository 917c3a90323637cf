"""The short form of ``make torture-service``: of several processes over one PostgreSQL each is killed once.

SR-27, case 110: no acknowledged job and no acknowledged entry is lost.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from bench.postgres import Server
from bench.torture.fleet import VICTIMS
from bench.torture.ground import Tally
from bench.torture.service import ordeal
from tests.postgres import binaries

pytestmark = pytest.mark.slow


def test_nothing_acknowledged_is_lost_when_a_process_is_killed():
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, Server(binaries()) as server:
        folder = Path(name) / "fleet"
        folder.mkdir()
        held = ordeal(server, folder, len(VICTIMS), tally)
    assert (tally.lost, tally.changed, tally.broken) == (0, 0, 0), tally.words
    assert tally.blows == len(VICTIMS)
    assert held.jobs
    assert held.receipts
