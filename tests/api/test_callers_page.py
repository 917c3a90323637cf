"""docs/callers.md, run as a new caller would: every shell block and every Python block, in their order."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.service.access import Scope
from tests.api.test_job_routes import recording
from tests.fakes.pictures import encoded, photograph

PAGE = Path(__file__).parents[2] / "docs" / "callers.md"
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(service, tmp_path_factory):
    made = tmp_path_factory.mktemp("caller")
    (made / "photo.jpg").write_bytes(encoded(photograph("motorcycle_left.png"), quality=92))
    (made / "talk.wav").write_bytes(recording())
    _, key = service.app.state.wiring.installation.access.create("default", "", frozenset(Scope), None)
    (made / "env").write_text(f"http://127.0.0.1:{service.port}\n{key}\n")
    return made


def test_there_are_blocks_of_both_kinds():
    assert {kind for kind, _ in BLOCKS} == {"sh", "python"}
    assert len(BLOCKS) >= 10


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "jq", "bash"))), reason="needs curl, jq and bash")
def test_the_shell_blocks_run(service, folder):
    base, key = (folder / "env").read_text().split()
    program = Path(sys.executable).with_name("provenance")
    config = service.app.state.settings.root / "provenance.toml"
    head = f'set -euo pipefail\nBASE="{base}"\nKEY="{key}"\n'
    head += f'provenance() {{ "{program}" --config "{config}" "$@"; }}\n'
    from_installation = "\n".join(text for kind, text in BLOCKS if kind == "sh")
    ran = subprocess.run(
        ["bash", "-c", head + from_installation],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]


def test_the_python_blocks_run(folder):
    base, key = (folder / "env").read_text().split()
    program = f"BASE, KEY = {base!r}, {key!r}\n" + "\n".join(
        text for kind, text in BLOCKS if kind == "python"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
