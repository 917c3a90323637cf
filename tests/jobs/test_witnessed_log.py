"""A log with two live witnesses: its checkpoints are cosigned, published and demanded; a rollback is noticed."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner

from provenance.errors import ConflictError
from provenance.ledger.checkpoint import cosigned_by
from provenance.settings import Settings
from provenance.setup import HIGH_WATER_NAME, Installation, initialise
from provenance.web import Web
from provenance_api.witnessing import Witnessing
from provenance_cli.ledger_witness import _witness
from provenance_cli.main import main
from provenance_cli.witness_app import WitnessApp
from tests.ledger_made import registration


def run(*arguments: object) -> str:
    found = CliRunner().invoke(main, [str(each) for each in arguments])
    assert found.exit_code == 0, found.output
    return found.output


class Server:
    """A witness made and served as the command does."""

    def __init__(self, folder: Path, vkeys: Path):
        self.line = run("ledger", "witness", "init", folder, "--name", f"w.example/{folder.name}").split(
            "\n"
        )[1]
        run("ledger", "witness", "add", folder, vkeys)
        self.folder = folder
        witness, _, origins = _witness(folder)
        self.server = uvicorn.Server(uvicorn.Config(WitnessApp(witness, origins), port=0, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """An installation with three entries and a policy that demands one of two witnesses."""
    folder = tmp_path_factory.mktemp("witnessed")
    settings = initialise(folder / "home", "TEST News")
    vkeys = settings.keys_folder / "ledger-key.vkey"
    servers = [Server(folder / name, vkeys) for name in ("north", "south")]
    lines = [f"log {each}" for each in vkeys.read_text().split()]
    for each in servers:
        _, _, vkey = each.line.split(" ")
        lines.append(f"witness {each.folder.name} {vkey} {each.url}")
    lines += ["group both 1 north south", "quorum both", ""]
    (settings.keys_folder / "witnesses.policy").write_text("\n".join(lines))
    yield folder, settings, servers
    for each in servers:
        each.server.should_exit = True
        each.thread.join()


def append(settings: Settings, *numbers: int) -> str:
    with Installation.open(settings) as installation:
        key = installation.keys.publisher
        batch = [registration(n, key=key, organisation="TEST News") for n in numbers]
        return installation.log.append(batch)[0].format()


def test_the_life_of_a_witnessed_log(scene, monkeypatch, tmp_path):
    folder, settings, servers = scene
    monkeypatch.chdir(folder / "home")
    early = append(settings, 1, 2, 3)
    Path("one.tlog-proof").write_text(early)
    backup = tmp_path / "backup.db"
    shutil.copy("registry.db", backup)

    # Nobody has seen the log yet: a reader who demands a witness is refused.
    refused = CliRunner().invoke(
        main, ["receipt", "verify", "one.tlog-proof", "provenance.toml", "--policy", "keys/witnesses.policy"]
    )
    assert refused.exit_code == 3
    assert "quorum both" in refused.output

    assert "cosigned by north, south" in run("ledger", "witness", "ask")
    assert "3" in run("ledger", "witness", "state", servers[0].folder)
    assert "the witnesses cosigned this log at 3 entries" in run("ledger", "fsck", "--tree")
    run("receipt", "upgrade", "one.tlog-proof", "--policy", "keys/witnesses.policy")
    run(
        "ledger",
        "monitor",
        write_mirror(tmp_path),
        "--state",
        tmp_path / "s",
        "--policy",
        "keys/witnesses.policy",
    )

    # The log grows; what is published stays the witnessed checkpoint until they agree again.
    append(settings, *range(4, 10))
    with Installation.open(settings) as installation:
        assert installation.published.read("checkpoint", 1 << 17).split(b"\n")[1] == b"3"
        assert installation.cosigning.due()
        witnessing = Witnessing(installation.cosigning, Web(), every_s=0.05)
        witnessing.start()
        append_more = [registration(20, key=installation.keys.publisher, organisation="TEST News")]
        installation.log.append(append_more)
        deadline = time.monotonic() + 20
        while installation.cosigning.due() and time.monotonic() < deadline:
            time.sleep(0.02)
        witnessing.stop()
        note = installation.published.read("checkpoint", 1 << 17).decode()
        assert note.split("\n")[1] == "10"
        keys = [each.key for each in installation.cosigning.policy.witnesses.values()]
        assert len(cosigned_by(note, keys)) == 2

    # Case 105: the backup is restored and the mark beside it is lost; the witnesses remember.
    shutil.copy(backup, "registry.db")
    Path(HIGH_WATER_NAME).unlink()
    with Installation.open(settings) as installation:
        witnessing = Witnessing(installation.cosigning, Web())
        with pytest.raises(ConflictError, match="10 entries"):
            witnessing.start()
        witnessing.stop()
    asked = CliRunner().invoke(main, ["ledger", "witness", "ask"])
    assert asked.exit_code == 1
    assert "old copy" in asked.output


def write_mirror(folder: Path) -> Path:
    run("ledger", "mirror", folder / "mirror")
    return folder / "mirror"


def test_a_witness_answers_only_what_it_should(scene):
    _, _, servers = scene
    with Web() as web:
        url = servers[0].url
        assert web.send("GET", f"{url}/", None, 1000).status == 404
        assert web.send("GET", f"{url}/add-checkpoint", None, 1000).status == 405
        assert web.send("POST", f"{url}/add-checkpoint", b"words", 1000).status == 400
        assert web.send("POST", f"{url}/add-checkpoint", b"x" * 300_000, 1000).status == 413
        assert web.send("GET", f"{url}/{'0' * 64}/checkpoint", None, 1000).status == 404
