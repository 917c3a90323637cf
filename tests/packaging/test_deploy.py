"""Files for operators: units that systemd accepts, and containers without root, shells or extra rights."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_systemd_accepts_the_unit(unit, tmp_path):
    program = tmp_path / "provenance"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    name = unit.name.replace("@", "@1") if "@" in unit.name else unit.name
    copy = tmp_path / name
    copy.write_text(unit.read_text().replace("/opt/provenance/bin/provenance", str(program)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )
    mine = [line for line in verified.stderr.splitlines() if name in line]
    assert (verified.returncode, mine) == (0, []), verified.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_the_unit_is_contained(unit, tmp_path):
    copy = tmp_path / unit.name.replace("@", "")
    copy.write_text(unit.read_text())
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=25", copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-2000:]


def test_two_units_exist():
    assert [one.name for one in UNITS] == ["provenance-worker@.service", "provenance.service"]


def test_the_container_runs_as_nobody_special_and_stops_by_signal():
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER provenance$", text, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in text
    assert "/healthz" in text
    assert "apt-get" not in text, "wheels only"


def test_compose_gives_no_extra_rights():
    text = (DEPLOY / "compose.yaml").read_text()
    assert (
        text.count("read_only: true")
        == text.count("cap_drop: [ALL]")
        == text.count("no-new-privileges:true")
        == 2
    )
    assert "127.0.0.1:8000:8000" in text
