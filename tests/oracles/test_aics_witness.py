"""A witness by others (aics-witness, Python 3.12) judges our log: it cosigns growth, refuses fork and rollback.

It needs Python 3.12, so it is looked for as a command: ``pip install aics-witness`` in an environment of that
version, and its ``bin`` on PATH.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time

import pytest

from provenance.errors import ConflictError
from provenance.ledger.checkpoint import NoteVerifier
from provenance.ledger.cosign import collect
from provenance.ledger.policy import Policy
from provenance.ledger.witness import Submission
from provenance.web import Web
from tests.ledger_made import ORIGIN, SIGNER
from tests.unit.test_witness import FORK, MINE

WITNESS = shutil.which("aics-witness")
pytestmark = pytest.mark.skipif(
    WITNESS is None, reason="aics-witness is not on PATH (it needs Python 3.12 in an environment of its own)"
)


@pytest.fixture
def witness(tmp_path):
    """A running foreign witness that knows our log; gives its address and verifier key."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = str(tmp_path / "witness.json")

    def command(*arguments: str) -> str:
        return subprocess.run(
            [WITNESS, *arguments, "--config", config], check=True, capture_output=True, text=True
        ).stdout

    command("init", "--name", "foreign.example/w")
    command("add-log", "--origin", ORIGIN, "--vkey", SIGNER.vkey)
    [vkey] = [word for word in command("status").split() if word.startswith("foreign.example/w+")]
    process = subprocess.Popen([WITNESS, "serve", "--config", config, "--listen", f"127.0.0.1:{port}"])
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}", vkey
    process.terminate()
    process.wait()


def test_growth_is_cosigned_and_its_cosignatures_verify_here(witness):
    url, vkey = witness
    policy = Policy.parse(f"log {SIGNER.vkey}\nwitness w {vkey} {url}\nquorum w\n")
    with Web() as web:
        for size, guess in ((3, 0), (20, 3), (40, 7), (40, 40)):
            found = collect(web, policy, MINE.note(size), guess, MINE.prove, SIGNER.verifier)
            assert found.refusals == ()
            assert policy.check(found.note) == MINE.point(size)


def test_fork_is_422_and_rollback_409(witness):
    url, vkey = witness
    policy = Policy.parse(f"log {SIGNER.vkey}\nwitness w {vkey} {url}\nquorum w\n")
    assert NoteVerifier.parse(vkey).name == "foreign.example/w"
    with Web() as web:

        def status(submission: Submission) -> tuple[int, bytes]:
            answer = web.send("POST", f"{url}/add-checkpoint", submission.format().encode(), 10_000)
            return answer.status, answer.body

        collect(web, policy, MINE.note(20), 0, MINE.prove, SIGNER.verifier)
        fork = Submission(20, tuple(FORK.prove(20, 40)), FORK.note(40))
        assert status(fork)[0] == 422
        assert status(Submission(0, (), MINE.note(10))) == (409, b"20\n")
        assert json.loads(status(Submission(0, (), MINE.note(10)))[1]) == 20
        for history, size in ((FORK, 40), (FORK, 20), (MINE, 10)):
            found = collect(web, policy, history.note(size), 20, history.prove, SIGNER.verifier)
            assert [type(each.error) for each in found.refusals] == [ConflictError]
