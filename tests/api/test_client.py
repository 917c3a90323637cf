"""The client of the library against the real service."""

from __future__ import annotations

import pytest

from provenance.client import Client
from provenance.digest import Digest
from provenance.errors import InputError
from provenance.ledger.checkpoint import LogKeys
from provenance.web import Web


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
