from __future__ import annotations

import pytest

from provenance.digest import Digest
from provenance.ledger.checkpoint import NoteVerifier, open_checkpoint
from provenance.ledger.receipt import check_receipt
from provenance.search import hashes_of


def test_a_digest_finds_its_asset_with_a_receipt_that_verifies(service, client, signed):
    answer = client.post("/v1/lookup", json={"hashes": [str(Digest.of(signed))]})
    [hit] = answer.json()["hits"]
    assert (hit["distance"], hit["status"], hit["algorithm"]) == (0, "active", "sha256")
    checked = check_receipt(
        hit["receipt"], Digest.of(signed), service.app.state.wiring.installation.note_signer.vkey
    )
    assert checked is not None
    assert hit["record"]["asset_id"] == service.published.record.asset_id


def test_picture_codes_find_their_asset(service, client):
    pool = service.app.state.wiring.installation.pool
    hashes = hashes_of(service.published.output, pool, service.app.state.settings.limits)
    hits = client.post("/v1/lookup", json={"hashes": list(hashes), "radius": 0}).json()["hits"]
    assert {hit["hash"] for hit in hits} == set(hashes)


def test_unknown_hashes_find_nothing(client):
    assert client.post("/v1/lookup", json={"hashes": ["sha256:" + "0" * 64]}).json() == {"hits": []}


@pytest.mark.parametrize(
    "body",
    [
        {"hashes": []},
        {"hashes": ["sha256:" + "0" * 63]},
        {"hashes": ["sha256:" + "Z" * 64]},
        {"hashes": ["pdq256-v1:00"]},
        {"hashes": ["nothing-v1:0000000000"]},
        {"hashes": ["' OR 1=1 --"]},
        {"hashes": ["%_%_%_%_%_"]},
        {"hashes": ["sha256:" + "0" * 64] * 65},
        {"hashes": ["pdq256-v1:" + "0" * 64], "radius": -1},
        {"hashes": ["pdq256-v1:" + "0" * 64], "radius": 10**9},
        {"hashes": ["pdq256-v1:" + "0" * 64], "radius": 200},
        {"hashes": ["sha256:" + "0" * 64], "limit": 10**9},
        {"hashes": "sha256:" + "0" * 64},
        {},
        [],
    ],
)
def test_wrong_lookups_are_422_cases_90_91(client, body):
    answer = client.post("/v1/lookup", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_hash_is_named_once_and_its_list_is_not_called_too_short(client):
    answer = client.post("/v1/lookup", json={"hashes": ["abc"]}).json()
    assert [one["pointer"] for one in answer["errors"]] == ["body/hashes/0"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"hashes": ' + "[" * 70 + "]" * 70 + "}",
        '{"hashes": [NaN]}',
        '{"hashes": ["sha256:00"], "radius": 1e999}',
        '{"hashes": [], "hashes": ["a"]}',
        '{"hashes": ["\\ud800aaaaaaaaaa"]}',
        "{",
    ],
    ids=["deep", "71 deep", "NaN", "1e999", "duplicate key", "lone surrogate", "cut"],
)
def test_hostile_json_is_422_case_88_sr20(client, text):
    answer = client.post("/v1/lookup", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text


def test_json_must_be_declared_and_bounded(client):
    assert client.post("/v1/lookup", content=b"{}").status_code == 415
    huge = b'{"hashes": ["' + b"a" * (1 << 20) + b'"]}'
    assert (
        client.post("/v1/lookup", content=huge, headers={"Content-Type": "application/json"}).status_code
        == 413
    )


def test_an_asset_is_found_by_its_name(service, client):
    answer = client.get(f"/v1/assets/{service.published.record.asset_id}")
    assert answer.json()["publisher"] == service.published.record.publisher
    assert client.get("/v1/assets/sha256:" + "0" * 64).status_code == 404
    assert client.get("/v1/assets/whatever").status_code == 422


def test_checkpoint_opens_with_the_log_key(service, client):
    answer = client.get("/v1/ledger/checkpoint")
    assert answer.headers["content-type"].startswith("text/plain")
    vkey = service.app.state.wiring.installation.note_signer.vkey
    assert open_checkpoint(answer.text, NoteVerifier.parse(vkey)).size >= 1


def test_inclusion_by_name_and_by_index_agree(service, client, signed):
    record = service.published.record
    by_name = client.get("/v1/ledger/proof/inclusion", params={"asset_id": record.asset_id}).json()
    by_index = client.get("/v1/ledger/proof/inclusion", params={"index": record.index}).json()
    assert by_name == by_index
    check_receipt(
        by_name["receipt"], Digest.of(signed), service.app.state.wiring.installation.note_signer.vkey
    )


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("index=0&asset_id=sha256:00", 422),
        ("index=-1", 422),
        ("index=9e9", 422),
        ("index=999", 404),
        ("index=" + "9" * 30, 422),
    ],
)
def test_wrong_inclusion_queries(client, query, status):
    assert client.get(f"/v1/ledger/proof/inclusion?{query}").status_code == status


def test_consistency(client):
    answer = client.get("/v1/ledger/proof/consistency?from=1&to=1")
    assert answer.json() == {"from": 1, "to": 1, "hashes": []}


@pytest.mark.parametrize(
    ("query", "status"),
    [("from=0&to=1", 422), ("from=2&to=1", 422), ("from=1&to=10000", 404), ("from=1", 422)],
)
def test_wrong_consistency_queries(client, query, status):
    assert client.get(f"/v1/ledger/proof/consistency?{query}").status_code == status


def test_health_and_readiness(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert (ready["status"], ready["ledger_size"] >= 1) == ("ready", True)
    assert ready["isolation"] in ("seccomp", "rlimits")
    assert {one["name"] for one in ready["checks"]} == {
        "registry",
        "ledger",
        "workers",
        "keys",
        "disk",
        "queue",
    }
    assert all(one["ok"] and one["reason"] for one in ready["checks"])
