"""The log as C2SP tlog-tiles: paths, content types, caching, and what is not there."""

from __future__ import annotations

import gzip

import pytest

from provenance.digest import Digest
from provenance.ledger.checkpoint import open_checkpoint
from provenance.ledger.cose_receipt import check_cose_receipt
from provenance.ledger.merkle import leaf_hash
from provenance.ledger.receipt import check_receipt
from provenance.ledger.tiles import TileName, unpack_bundle


def at_size(service) -> int:
    keys = service.app.state.wiring.installation.log.verifier
    return open_checkpoint(service.client.get("/log/checkpoint").text, keys).size


def test_the_checkpoint_is_text_that_is_hardly_cached(client, service):
    answer = client.get("/log/checkpoint")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=2"
    assert at_size(service) >= 1
    assert len(answer.text.splitlines()) == 6, "three lines, a blank one, Ed25519 and ML-DSA-44"


def test_tiles_and_bundles_are_bytes_that_never_change(client, service):
    width = at_size(service)
    tile = client.get("/log/" + TileName(0, 0, width).path)
    bundle = client.get("/log/" + TileName(None, 0, width).path)
    for answer in (tile, bundle):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    leaves = unpack_bundle(bundle.content, width)
    assert b"".join(map(leaf_hash, leaves)) == tile.content


def test_bundles_are_compressed_only_where_that_is_accepted(client, service):
    path = "/log/" + TileName(None, 0, at_size(service)).path
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(raw) == plain.content


def test_head_is_answered(client):
    answer = client.head("/log/checkpoint")
    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/000",
        "tile/0/000.p/255",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/x000/000.p/1",
        "tile/00/000.p/1",
        "tile/1/000.p/1",
        "tile/64/000",
        "tile/entries/000",
        "tile/entries/000.p/256",
        "tile/entries/" + "x999/" * 12 + "999",
        "tile/entries/%2e%2e/0/000.p/1",
    ],
)
def test_what_is_not_there_is_not_found(client, path):
    answer = client.get(f"/log/{path}", follow_redirects=True)
    assert answer.status_code == 404
    assert "immutable" not in answer.headers["cache-control"]


def test_a_receipt_is_had_as_tlog_proof_and_as_cose(client, service):
    digest = Digest.of(service.published.output.read_bytes())
    keys = service.app.state.wiring.installation.note_signer.verifier
    asset_id = check_receipt(service.published.receipt, digest, keys).asset_id
    plain = client.get(f"/v1/ledger/receipts/{asset_id}")
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert check_receipt(plain.text, digest, keys).asset_id == asset_id
    cose = client.get(f"/v1/ledger/receipts/{asset_id}", params={"format": "cose"})
    assert cose.headers["content-type"] == 'application/cose; cose-type="cose-sign1"'
    assert check_cose_receipt(cose.content, digest, keys).asset_id == asset_id
    assert client.get(f"/v1/ledger/receipts/sha256:{'0' * 64}").status_code == 404
    assert client.get("/v1/ledger/receipts/words").status_code == 422
    assert client.get(f"/v1/ledger/receipts/{asset_id}", params={"format": "pdf"}).status_code == 422
