"""Go's own implementation (x/mod/sumdb) opens our notes and checks our proofs.

From Debian: ``apt-get install golang-go golang-golang-x-mod-dev``.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from provenance.ledger.checkpoint import Cosigner, LogSigner, open_checkpoint
from provenance.ledger.log import Log
from provenance.ledger.receipt import Receipt
from tests.ledger_made import NOW, ORIGIN, SIGNER, Clock, make_store, register

GOPATH = Path("/usr/share/gocode")
pytestmark = pytest.mark.skipif(
    shutil.which("go") is None or not (GOPATH / "src/golang.org/x/mod/sumdb").is_dir(),
    reason="Go and its x/mod sources are not installed (golang-go, golang-golang-x-mod-dev)",
)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    program = tmp_path_factory.mktemp("go") / "oracle"
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH),
        "GOCACHE": str(program.parent / "cache"),
        "GOFLAGS": "",
    }
    source = Path(__file__).parent / "go" / "main.go"
    subprocess.run(["go", "build", "-o", program, source], check=True, env=environment)
    return program


def ask(oracle: Path, document: dict) -> subprocess.CompletedProcess[str]:
    return subprocess.run([oracle], input=json.dumps(document), capture_output=True, text=True, check=False)


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """A log grown in uneven steps, signed by two keys; every proof of its last state."""
    store = make_store(tmp_path_factory.mktemp("log"))
    quantum = Cosigner(ORIGIN, MLDSA44PrivateKey.from_seed_bytes(bytes(32)), lambda: NOW)
    clock = Clock()
    log = Log(store, ORIGIN, LogSigner(SIGNER, (quantum,)), clock, monotonic=clock.monotonic)
    at, roots = 0, {}
    for step in (1, 1, 5, 249, 1, 3, 255, 60):
        receipt = register(log, *range(at, at + step))[-1]
        at += step
        roots[at] = open_checkpoint(receipt.checkpoint, SIGNER.verifier).root
    receipts: list[Receipt] = [log.prove(index) for index in range(at)]
    made = {
        "vkey": SIGNER.vkey,
        "note": log.checkpoint(),
        "size": at,
        "root": text(roots[at]),
        "inclusion": [
            {"index": each.index, "leaf": text(each.leaf), "hashes": [text(h) for h in each.proof]}
            for each in receipts
        ],
        "consistency": [
            {"old": old, "root": text(root), "hashes": [text(h) for h in log.consistency(old, at)]}
            for old, root in roots.items()
        ],
    }
    store.close()
    return made


def test_go_opens_the_note_and_agrees_with_every_proof(oracle, document):
    found = ask(oracle, document)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == "1 signatures, 575 inclusion, 8 consistency\n"


@pytest.mark.parametrize("part", ["note", "root", "leaf", "proof", "growth"])
def test_go_refuses_what_is_changed(oracle, document, part):
    changed = json.loads(json.dumps(document))
    other = text(bytes(32))
    if part == "note":
        changed["note"] = changed["note"].replace("\n575\n", "\n574\n")
    elif part == "root":
        changed["root"] = other
    elif part == "leaf":
        changed["inclusion"][7]["leaf"] = text(b"words")
    elif part == "proof":
        changed["inclusion"][7]["hashes"][2] = other
    else:
        changed["consistency"][2]["root"] = other
    assert ask(oracle, changed).returncode == 1
