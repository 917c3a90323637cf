"""The client of the library against the real service."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from provenance.client import Client
from provenance.digest import Digest
from provenance.errors import InputError
from provenance.ledger.checkpoint import LogKeys
from provenance.web import Web
from provenance_cli.main import main
from tests.ledger_made import SIGNER


def test_a_file_is_found_by_its_hash_and_the_proof_holds(service, tmp_path):
    digest = Digest.of(service.published.output.read_bytes())
    with Web() as web:
        client = Client(web, f"http://127.0.0.1:{service.port}", tmp_path / "state")
        [found] = client.lookup([str(digest)])
        assert found.proof.entry.asset == digest
        assert found.status == "active"
        assert client.seen() == client.checkpoint()
        assert client.check(service.published.receipt, digest).asset_id == found.proof.asset_id
        with pytest.raises(InputError):
            client.lookup(["words"])


def test_the_service_names_the_keys_of_its_log(service, client):
    keys = LogKeys.parse(client.get("/v1/ledger/keys").text)
    assert keys == service.app.state.wiring.installation.note_signer.verifier


def test_the_command_asks_by_hash_and_remembers_the_log(service, tmp_path):
    digest = str(Digest.of(service.published.output.read_bytes()))
    options = ["--service", f"http://127.0.0.1:{service.port}", "--state", str(tmp_path / "state")]
    first = CliRunner().invoke(main, ["lookup", digest, *options])
    assert first.exit_code == 0, first.output
    assert "trusting the log key that the service named: localhost/provenance+" in first.output
    assert "every receipt holds" in first.output
    again = CliRunner().invoke(main, ["lookup", digest, *options, "--format", "json"])
    [hit] = json.loads(again.stdout)["hits"]
    assert hit["file"] == digest
    assert "trusting" not in again.output
    nothing = CliRunner().invoke(main, ["lookup", "sha256:" + "0" * 64, *options])
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    wrong = CliRunner().invoke(main, ["lookup", "words-of-no-hash", *options])
    assert wrong.exit_code == 2, wrong.output
    other = tmp_path / "state" / "keys"
    other.write_text(SIGNER.vkey + "\n")
    assert CliRunner().invoke(main, ["lookup", digest, *options]).exit_code == 3


def test_an_unreachable_service_is_told(tmp_path):
    options = ["--service", "http://127.0.0.1:1", "--state", str(tmp_path)]
    assert CliRunner().invoke(main, ["lookup", "sha256:" + "0" * 64, *options]).exit_code == 8
