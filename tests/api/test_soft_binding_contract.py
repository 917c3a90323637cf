"""The contract of the C2PA Soft Binding Resolution API 2.4, asked from outside like any client would.

A twin of the black-box suites that others run: discovery, round trips, receipts, scopes, statuses and the
form of errors. Nothing here looks inside the service except to publish something that can be found.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import uuid
from datetime import datetime
from tempfile import TemporaryFile

import httpx
import pytest

from provenance.ledger.receipt import check_manifest_receipt
from provenance.publish import PublishJob
from provenance.record import SourceType
from provenance.service.access import Scope
from provenance.setup import Installation, initialise
from provenance.signing.claims import SigningRequest
from tests.fakes.pictures import encoded, photograph

C2PA = {"Content-Type": "application/c2pa"}
UNKNOWN = "urn:c2pa:00000000-0000-4000-8000-000000000000"
ISCC = "io.iscc.v0"


def _key(service, *scopes: Scope, tenant: str = "contract") -> dict[str, str]:
    access = service.app.state.wiring.installation.access
    _, text = access.create(tenant, "contract test", frozenset(scopes), None)
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture(scope="module")
def full(service) -> dict[str, str]:
    return _key(service, Scope.FETCH_MANIFESTS, Scope.STORE_MANIFESTS, Scope.STORE_BINDINGS)


@pytest.fixture(scope="module")
def fetch_only(service) -> dict[str, str]:
    return _key(service, Scope.FETCH_MANIFESTS)


@pytest.fixture(scope="module")
def manifest_store(service) -> bytes:
    """The manifest store of the published photograph, as the repository hands it out."""
    answer = service.client.get(f"/v1/manifests/{service.published.record.manifest_id}")
    assert answer.status_code == 200
    return answer.content


@pytest.fixture(scope="module")
def binding(service) -> str:
    """The io.iscc.v0 value of the published photograph, as base64."""
    pool = service.app.state.wiring.installation.pool
    value = pool.run("soft_binding", [service.published.source], {"media_type": "image/jpeg"})
    return base64.b64encode(value).decode()


def deposit(client: httpx.Client, auth: dict[str, str], content: bytes | None = None, **params: str) -> dict:
    body = content if content is not None else f"made-up store {uuid.uuid4()}".encode()
    answer = client.post("/v1/manifests", content=body, headers=C2PA | auth, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json() | {"bytes": body}


def _is_error(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    assert answer.json()["error"]


# --- discovery -------------------------------------------------------------------------------------------


def test_well_known_capabilities_and_status(client):
    known = client.get("/.well-known/c2pa-soft-binding-resolution").json()
    able = client.get("/v1/services/capabilities").json()
    assert known["c2paSpecificationVersion"] == able["c2paSpecificationVersion"] == "2.4.0"
    assert set(able["supportedCapabilities"]) >= {"queryByContent", "storeManifests", "storeBindings"}
    assert httpx.get(known["capabilitiesEndpoint"]).json() == able
    status = httpx.get(known["statusEndpoint"]).json()
    assert status["status"] == "ok"
    assert datetime.fromisoformat(status["timestamp"]).utcoffset() is not None
    assert httpx.get(f"{known['apiEndpoint']}/services/supportedAlgorithms").status_code == 200


def test_supported_algorithms_are_listed_ones(client):
    answer = client.get("/v1/services/supportedAlgorithms")
    assert answer.json() == {"watermarks": [], "fingerprints": [{"alg": ISCC}]}


# --- queries ---------------------------------------------------------------------------------------------


def test_a_binding_resolves_to_the_manifest_of_its_asset(service, client, binding):
    wanted = {"manifestId": service.published.record.manifest_id, "similarityScore": 100}
    answer = client.get("/v1/matches/byBinding", params={"alg": ISCC, "value": binding})
    assert wanted in answer.json()["matches"]  # others may have registered the same picture
    body = {"alg": ISCC, "value": binding}
    assert client.post("/v1/matches/byBinding", json=body).json() == answer.json()


def test_the_value_in_the_manifest_of_the_standard_is_the_one_that_resolves(service, client, manifest_store):
    found = _inspect(service, manifest_store)
    [[alg, value]] = found["bindings"]
    matches = client.get("/v1/matches/byBinding", params={"alg": alg, "value": value}).json()["matches"]
    assert service.published.record.manifest_id in {one["manifestId"] for one in matches}


def test_a_stripped_and_recompressed_copy_resolves_by_content(service, client):
    copy = encoded(photograph().resize((400, 400)), quality=70)
    answer = client.post("/v1/matches/byContent", content=copy, headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 200, answer.text
    scores = {one["manifestId"]: one["similarityScore"] for one in answer.json()["matches"]}
    assert 50 < scores[service.published.record.manifest_id] <= 100


@pytest.mark.parametrize("alg", [None, ISCC])
def test_the_signed_file_itself_resolves_by_content(service, client, signed, alg):
    params = {"alg": alg} if alg else {}
    headers = {"Content-Type": "image/jpeg"}
    answer = client.post("/v1/matches/byContent", content=signed, headers=headers, params=params)
    assert answer.json()["matches"][0]["manifestId"] == service.published.record.manifest_id


def test_unknown_content_resolves_to_nothing_and_a_hint_helps(client, full):
    other = encoded(photograph().rotate(37).crop((150, 150, 350, 350)), quality=80)
    kept, value = deposit(client, full), f"hint{uuid.uuid4().hex}"
    client.post("/v1/bindings", json={"bindingValue": value, "manifestId": kept["manifestId"]}, headers=full)
    headers, params = {"Content-Type": "image/jpeg"}, {"hintAlg": "com.example.mark.1", "hintValue": value}
    plain = client.post("/v1/matches/byContent", content=other, headers=headers)
    assert kept["manifestId"] not in {one["manifestId"] for one in plain.json()["matches"]}
    hinted = client.post("/v1/matches/byContent", content=other, headers=headers, params=params)
    assert {"manifestId": kept["manifestId"], "similarityScore": 100} in hinted.json()["matches"]


def test_max_results_limits_the_answer(client, full):
    value = f"many{uuid.uuid4().hex}"
    for _ in range(3):
        body = {"bindingValue": value, "manifestId": deposit(client, full)["manifestId"]}
        assert client.post("/v1/bindings", json=body, headers=full).status_code == 204
    params = {"alg": "com.example.mark.1", "value": value}
    assert len(client.get("/v1/matches/byBinding", params=params).json()["matches"]) == 3
    assert len(client.get("/v1/matches/byBinding", params=params | {"maxResults": 2}).json()["matches"]) == 2


def test_values_that_nobody_stored_give_no_matches(client):
    for alg, value in (
        (ISCC, base64.b64encode(b"\x21\x07" + b"\x55" * 32).decode()),
        ("com.example.x.1", "AAAA"),
    ):
        assert client.get("/v1/matches/byBinding", params={"alg": alg, "value": value}).json() == {
            "matches": []
        }


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"alg": ISCC},
        {"value": "AAAA"},
        {"alg": "", "value": "AAAA"},
        {"alg": "no such name", "value": "AAAA"},
        {"alg": ISCC, "value": ""},
        {"alg": ISCC, "value": "!!not base64!!"},
        {"alg": "com.example.x.1", "value": "!!not base64!!"},
        {"alg": ISCC, "value": "AAAA"},
        {"alg": ISCC, "value": "A" * 7000},
        {"alg": ISCC, "value": "AAAA", "maxResults": "0"},
        {"alg": ISCC, "value": "AAAA", "maxResults": "ten"},
    ],
)
def test_wrong_queries_are_400(client, params):
    _is_error(client.get("/v1/matches/byBinding", params=params), 400)


def test_a_query_that_is_too_long_is_414(client):
    _is_error(client.get("/v1/matches/byBinding", params={"alg": ISCC, "value": "A" * 20_000}), 414)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"alg": "io.iscc.v0"}', b'{"value": "AAAA"}', b'{"alg": 1, "value": "AAAA"}',
     b'{"alg": "io.iscc.v0", "value": "AAAA", "value": "AAAA"}', b"[" * 100_000],
)  # fmt: skip
def test_wrong_query_bodies_are_400(client, body):
    headers = {"Content-Type": "application/json"}
    _is_error(client.post("/v1/matches/byBinding", content=body, headers=headers), 400)


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/pdf", b"%PDF-1.7\n1 0 obj\n"),
        ("text/plain", b"some words"),
        ("model/gltf-binary", b"glTF\x02\x00\x00\x00"),
        ("application/octet-stream", b"%PDF-1.7\n1 0 obj\n"),
        ("image/png", encoded(photograph())),
    ],
)
def test_content_that_is_not_matched_here_is_415(client, media_type, content):
    answer = client.post("/v1/matches/byContent", content=content, headers={"Content-Type": media_type})
    _is_error(answer, 415)


def test_content_by_an_algorithm_that_is_not_computed_is_400(client, signed):
    headers, params = {"Content-Type": "image/jpeg"}, {"alg": "com.example.mark.1"}
    _is_error(client.post("/v1/matches/byContent", content=signed, headers=headers, params=params), 400)
    _is_error(client.post("/v1/matches/byContent", content=b"", headers=headers), 400, 415)


# --- manifests -------------------------------------------------------------------------------------------


def test_store_fetch_and_delete_round_trip(client, full):
    kept = deposit(client, full)
    address = f"/v1/manifests/{kept['manifestId']}"
    answer = client.get(address, headers=full)
    assert (answer.status_code, answer.content) == (200, kept["bytes"])
    assert answer.headers["content-type"] == "application/c2pa"
    assert answer.headers["manifest-validation"] == "unvalidated"
    assert client.delete(address, headers=full).status_code == 204
    _is_error(client.get(address, headers=full), 404)
    _is_error(client.delete(address, headers=full), 404)


def test_the_manifest_of_a_published_asset_is_the_embedded_one(service, client, manifest_store, signed):
    assert manifest_store[4:8] == b"jumb"
    assert manifest_store in signed or len(manifest_store) > 60_000  # JPEG splits large stores over segments
    answer = client.get(f"/v1/manifests/{service.published.record.manifest_id}")
    assert answer.headers["manifest-validation"] == "registered"


def test_the_active_manifest_alone_is_a_store_that_reads(service, client, full, manifest_store):
    wanted = service.published.record.manifest_id
    answer = client.get(f"/v1/manifests/{wanted}", params={"returnActiveManifest": "true"})
    found = _inspect(service, answer.content)
    assert (found["manifest_id"], found["signed"]) == (wanted, True)


def test_a_real_store_is_validated_on_the_way_in_and_its_own_binding_resolves(service, client, full, foreign):
    store, manifest_id = foreign
    answer = client.post("/v1/manifests", content=store, headers=C2PA | full)
    assert answer.json() == {"manifestId": manifest_id}
    assert answer.headers["manifest-validation"] == "signed"
    again = client.post("/v1/manifests", content=store, headers=C2PA | full)
    assert again.json() == {"manifestId": manifest_id}, "the same bytes again change nothing"
    [[alg, value]] = _inspect(service, store)["bindings"]
    matches = client.get("/v1/matches/byBinding", params={"alg": alg, "value": value}).json()["matches"]
    assert manifest_id in {one["manifestId"] for one in matches}


def test_a_damaged_store_is_kept_as_failed_and_never_replaces_another(client, full, manifest_store):
    swapped = manifest_store.replace(b"c2pa.signature", b"c2pa.signaturf")
    _is_error(client.post("/v1/manifests", content=swapped, headers=C2PA | full), 400)


@pytest.mark.parametrize("name", ["not-a-urn", "urn:other:1", "urn:c2pa:with%20space", "urn:c2pa:%00"])
def test_wrong_manifest_identifiers_are_400(client, full, name):
    _is_error(client.get(f"/v1/manifests/{name}"), 400)


def test_unknown_manifests_are_404(client, full):
    for address in (f"/v1/manifests/{UNKNOWN}", f"/v1/manifests/{UNKNOWN}/receipts"):
        _is_error(client.get(address, headers=full), 404)
    _is_error(client.delete(f"/v1/manifests/{UNKNOWN}", headers=full), 404)
    _is_error(client.get("/v1/manifests/urn:c2pa:conformance-does-not-exist"), 404)


def test_wrong_stores_are_refused(client, full):
    _is_error(client.post("/v1/manifests", content=b"", headers=C2PA | full), 400)
    wrong = {"Content-Type": "image/jpeg"} | full
    _is_error(client.post("/v1/manifests", content=b"x", headers=wrong), 400)


def test_a_store_that_is_announced_too_long_is_413_before_it_is_read(service, full):
    head = f"POST /v1/manifests HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 30}\r\nContent-Type: application/c2pa\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(f"{head}Authorization: {full['Authorization']}\r\n\r\n".encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_registered_manifests_cannot_be_deleted(service, client, full):
    _is_error(client.delete(f"/v1/manifests/{service.published.record.manifest_id}", headers=full), 403)


# --- bindings --------------------------------------------------------------------------------------------


def test_bind_find_rebind(client, full):
    first, second = deposit(client, full), deposit(client, full)
    value = f"conformance-binding-{uuid.uuid4().int}"
    params = {"alg": "conformance-test", "value": value}
    body = {"bindingValue": value, "manifestId": first["manifestId"]}
    created = client.post("/v1/bindings", json=body, headers=full)
    assert (created.status_code, created.content) == (204, b"")
    found = client.get("/v1/matches/byBinding", params=params, headers=full).json()["matches"]
    assert [one["manifestId"] for one in found] == [first["manifestId"]]
    changed = client.put("/v1/bindings", json=body | {"manifestId": second["manifestId"]}, headers=full)
    assert changed.status_code == 204
    found = client.get("/v1/matches/byBinding", params=params, headers=full).json()["matches"]
    assert [one["manifestId"] for one in found] == [second["manifestId"]]
    client.delete(f"/v1/manifests/{second['manifestId']}", headers=full)
    assert client.get("/v1/matches/byBinding", params=params, headers=full).json() == {"matches": []}


def test_a_bound_iscc_is_also_found_when_it_is_only_near(client, full):
    unit, kept = bytearray(b"\x21\x07" + uuid.uuid4().bytes * 2), deposit(client, full)
    value = base64.b64encode(unit).decode()
    body = {"bindingValue": value, "manifestId": kept["manifestId"]}
    assert client.post("/v1/bindings", json=body, headers=full).status_code == 204
    unit[5] ^= 0b111
    params = {"alg": ISCC, "value": base64.b64encode(unit).decode()}
    [match] = client.get("/v1/matches/byBinding", params=params).json()["matches"]
    assert match == {"manifestId": kept["manifestId"], "similarityScore": 99}


def test_bindings_to_unknown_manifests_or_values_are_404(client, full):
    kept, value = deposit(client, full), f"value{uuid.uuid4().hex}"
    _is_error(
        client.post("/v1/bindings", json={"bindingValue": value, "manifestId": UNKNOWN}, headers=full), 404
    )
    body = {"bindingValue": value, "manifestId": kept["manifestId"]}
    _is_error(client.put("/v1/bindings", json=body, headers=full), 404)


@pytest.mark.parametrize(
    "body",
    [{}, {"bindingValue": "x"}, {"manifestId": UNKNOWN}, {"bindingValue": "", "manifestId": UNKNOWN},
     {"bindingValue": "x", "manifestId": "nonsense"}, {"bindingValue": 5, "manifestId": UNKNOWN}],
)  # fmt: skip
def test_wrong_bindings_are_400(client, full, body):
    _is_error(client.post("/v1/bindings", json=body, headers=full), 400)
    _is_error(client.put("/v1/bindings", json=body, headers=full), 400)


# --- receipts --------------------------------------------------------------------------------------------


def test_a_receipt_proves_custody_by_the_log_alone(service, client, full):
    kept = deposit(client, full, returnReceipt="true")
    address, vkey = f"/v1/manifests/{kept['manifestId']}/receipts", _vkey(service)
    fetched = client.get(address, headers=full).json()
    for receipt in (kept["receipt"], fetched):
        assert receipt["@type"] == "org.c2pa.manifest-receipt"
        assert receipt["repository"]["manifestId"] == kept["manifestId"]
        checked = check_manifest_receipt(receipt["anchor"]["proof"]["value"], kept["manifestId"], vkey)
        assert checked.entry.type == "deposit"
        assert checked.entry.manifest_store.value == _sha256(kept["bytes"])
    assert fetched["verified"] is True
    verified = client.post(address, json=kept["receipt"], headers=full)
    assert (verified.status_code, verified.json()["verified"]) == (200, True)
    assert httpx.get(fetched["anchor"]["uri"]).status_code == 200


def test_published_assets_have_receipts_too(service, client):
    manifest_id = service.published.record.manifest_id
    answer = client.get(f"/v1/manifests/{manifest_id}/receipts").json()
    checked = check_manifest_receipt(answer["anchor"]["proof"]["value"], manifest_id, _vkey(service))
    assert checked.asset_id == service.published.record.asset_id


def test_receipts_that_do_not_hold_are_not_verified(client, full):
    first, second = (deposit(client, full, returnReceipt="true") for _ in range(2))
    address = f"/v1/manifests/{first['manifestId']}/receipts"
    other = client.post(address, json=second["receipt"], headers=full).json()
    assert other["verified"] is False
    assert "manifestId" in other["error"]
    moved = {**second["receipt"], "repository": first["receipt"]["repository"]}
    assert client.post(address, json=moved, headers=full).json()["verified"] is False
    proof = first["receipt"]["anchor"]["proof"]
    for value in (proof["value"].replace("index ", "index 1"), "nonsense", ""):
        anchor = {**first["receipt"]["anchor"], "proof": {**proof, "value": value}}
        answer = client.post(address, json={**first["receipt"], "anchor": anchor}, headers=full).json()
        assert answer["verified"] is False, value
        assert answer["error"]


def test_things_that_are_no_receipts_are_400(client, full):
    kept = deposit(client, full, returnReceipt="true")
    address = f"/v1/manifests/{kept['manifestId']}/receipts"
    for body in ({}, [], {**kept["receipt"], "@type": "something"}, {"@type": "org.c2pa.manifest-receipt"}):
        _is_error(client.post(address, json=body, headers=full), 400)
    unknown = client.post(f"/v1/manifests/{UNKNOWN}/receipts", json=kept["receipt"], headers=full)
    _is_error(unknown, 404)


# --- who may ---------------------------------------------------------------------------------------------


def _writes(client: httpx.Client, auth: dict[str, str]) -> list[httpx.Response]:
    body = {"bindingValue": "x", "manifestId": UNKNOWN}
    return [
        client.post("/v1/manifests", content=b"x", headers=C2PA | auth),
        client.delete(f"/v1/manifests/{UNKNOWN}", headers=auth),
        client.post("/v1/bindings", json=body, headers=auth),
        client.put("/v1/bindings", json=body, headers=auth),
    ]


@pytest.mark.parametrize(
    "auth",
    [{}, {"Authorization": "Bearer not-a-real-token"}, {"Authorization": "Basic dTpw"}, {"Authorization": "Bearer"},
     {"Authorization": f"Bearer prov_aaaaaaaa_{'A' * 43}"}],
)  # fmt: skip
def test_writes_without_accepted_credentials_are_401(client, auth):
    for answer in _writes(client, auth):
        _is_error(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_writes_without_the_scope_are_403(client, fetch_only):
    for answer in _writes(client, fetch_only):
        _is_error(answer, 403)


def test_fetching_is_open_here_and_wrong_credentials_are_still_refused(client):
    assert client.get("/v1/matches/byBinding", params={"alg": "a.b.1", "value": "AAAA"}).status_code == 200
    wrong = {"Authorization": "Bearer not-a-real-token"}
    _is_error(client.get(f"/v1/manifests/{UNKNOWN}", headers=wrong), 401)


def test_one_tenant_cannot_touch_the_manifests_of_another(service, client, full):
    kept = deposit(client, full)
    other = _key(service, *Scope, tenant="other")
    _is_error(client.delete(f"/v1/manifests/{kept['manifestId']}", headers=other), 403)
    body = {"bindingValue": "taken", "manifestId": kept["manifestId"]}
    _is_error(client.post("/v1/bindings", json=body, headers=other), 403)


def test_unknown_methods_are_405(client, full):
    _is_error(client.patch("/v1/bindings", json={}, headers=full), 405)
    _is_error(client.put("/v1/matches/byContent", headers=full), 405)


def _inspect(service, content: bytes) -> dict:
    with TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return service.app.state.wiring.installation.pool.run("inspect_store", [file])


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _vkey(service) -> str:
    return service.app.state.wiring.installation.note_signer.vkey


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> tuple[bytes, str]:
    """A manifest store of another publisher's picture, never registered here."""
    folder = tmp_path_factory.mktemp("foreign")
    source = folder / "a.png"
    source.write_bytes(encoded(photograph("chelsea.png").rotate(90).crop((60, 10, 380, 290)), form="PNG"))
    with Installation.open(initialise(folder, "Foreign TEST")) as there:
        job = PublishJob(
            source, folder / "b.png", SigningRequest(title="f", source_type=SourceType.DIGITAL_CAPTURE)
        )
        [published] = there.publisher.publish([job])
        [kept] = there.store.references(published.record.asset_id, "manifest")
    return kept.blob, published.record.manifest_id
