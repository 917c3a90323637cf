"""A log library by others (aics-tlog, Python 3.12) audits the tree that our mirror writes.

It needs Python 3.12, so it is looked for beside the ``aics-witness`` command: ``pip install aics-tlog
aics-witness`` in an environment of that version, and its ``bin`` on PATH.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from provenance.ledger.mirror import mirror
from provenance.ledger.source import StoreSource
from tests.ledger_made import ORIGIN, SIGNER, make_log, make_store, register

WITNESS = shutil.which("aics-witness")
pytestmark = pytest.mark.skipif(
    WITNESS is None, reason="aics-tlog is looked for beside aics-witness, which is not on PATH (Python 3.12)"
)
PROGRAM = """
import json, sys
from aics_tlog import (FileSystemTileReader, audit_tiles, parse_checkpoint, parse_note, parse_vkey, read_entry,
                       verify_checkpoint)
folder, origin, vkey = sys.argv[1:]
note = parse_note(open(folder + "/checkpoint", "rb").read())
assert verify_checkpoint(note, parse_vkey(vkey), expected_origin=origin).ok
point = parse_checkpoint(note.text)
reader = FileSystemTileReader(folder)
audit_tiles(reader, point.size, point.root)
print(json.dumps({"size": point.size, "entry": read_entry(reader, 7, point.size).hex()}))
"""


def test_the_mirror_is_audited_by_others(tmp_path):
    store = make_store(tmp_path)
    log = make_log(store)
    register(log, *range(600))
    mirror(StoreSource(log, store), tmp_path / "mirror", SIGNER.verifier)
    python = Path(WITNESS).with_name("python")

    def audit() -> subprocess.CompletedProcess[str]:
        command = [python, "-c", PROGRAM, tmp_path / "mirror", ORIGIN, SIGNER.vkey]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    found = audit()
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    [(_, _, leaf)] = store.leaves(7, 8)
    assert (said["size"], said["entry"]) == (600, leaf.hex())
    store.close()
    path = tmp_path / "mirror/tile/entries/001"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert audit().returncode != 0
