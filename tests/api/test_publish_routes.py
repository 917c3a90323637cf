"""Signing, registering, withdrawing over HTTP: scopes, tenants, quotas and requests sent twice."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import uuid

import httpx
import pytest
from PIL import Image, ImageEnhance

from provenance.digest import Digest
from provenance.ledger.receipt import check_receipt
from provenance.service.access import Scope
from provenance.signing import certificates
from provenance_api.rates import Rates
from tests import signing_media as media
from tests.attacks.test_credentials import flip, signer_of
from tests.fakes.pictures import encoded, photograph

JPEG = {"Content-Type": "image/jpeg"}


def key(service, *scopes: Scope, tenant: str) -> dict[str, str]:
    access = service.app.state.wiring.installation.access
    return {"Authorization": f"Bearer {access.create(tenant, '', frozenset(scopes), None)[1]}"}


@pytest.fixture(scope="module")
def news(service) -> dict[str, str]:
    return key(service, *Scope, tenant="news")


@pytest.fixture(scope="module")
def rival(service) -> dict[str, str]:
    return key(service, *Scope, tenant="rival")


def picture(seed: int) -> bytes:
    turned = photograph("coffee.png").rotate(20 * seed + 7).crop((140, 60, 460, 340))
    return encoded(ImageEnhance.Color(turned).enhance(0.5 + seed / 5), quality=90)


@pytest.fixture(scope="module")
def withdrawn(service, news) -> dict:
    """An asset of the tenant ``news`` that it withdraws."""
    return service.client.post(
        "/v1/assets", content=picture(1), headers=JPEG | news, params={"title": "One"}
    ).json()


def test_signing_returns_the_signed_bytes_with_names_and_digest(service, client, news):
    answer = client.post(
        "/v1/sign", content=picture(2), headers=JPEG | news, params={"title": "Two", "author": "A. Example"}
    )
    assert answer.status_code == 200, answer.text
    digest = hashlib.sha256(answer.content).digest()
    assert answer.headers["content-digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert answer.headers["content-disposition"] == "attachment"
    report = client.post("/v1/verify", content=answer.content).json()
    assert report["verdict"]["code"] == "intact"
    record = client.get(f"/v1/assets/{answer.headers['asset-id']}").json()
    assert (record["title"], record["digest"]) == ("Two", f"sha256:{digest.hex()}")
    manifest = client.get(f"/v1/manifests/{answer.headers['manifest-id']}")
    assert manifest.headers["manifest-validation"] == "registered"


def test_of_registrations_of_one_picture_each_file_resolves_to_its_own_first(client, news):
    made = [client.post("/v1/sign", content=picture(12), headers=JPEG | news) for _ in range(3)]
    for one in made:
        found = client.post("/v1/matches/byContent", content=one.content, headers=JPEG).json()["matches"]
        assert found[0] == {"manifestId": one.headers["manifest-id"], "similarityScore": 100}
        assert {each.headers["manifest-id"] for each in made} <= {each["manifestId"] for each in found}


def test_registering_returns_a_receipt_that_verifies_and_the_file_for_its_tenant(
    service, client, news, rival
):
    answer = client.post("/v1/assets", content=picture(3), headers=JPEG | news)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/v1/assets/{made['record']['asset_id']}"
    file = client.get(made["signed_file"], headers=news)
    vkey = service.app.state.wiring.installation.note_signer.vkey
    check_receipt(made["receipt"], Digest.of(file.content), vkey)
    assert client.get(made["signed_file"], headers=rival).status_code == 404
    assert client.get(made["signed_file"]).status_code == 401


def test_the_same_key_and_request_gives_the_same_answer_sr26(service, client, news):
    headers = JPEG | news | {"Idempotency-Key": uuid.uuid4().hex}
    first = client.post("/v1/assets", content=picture(4), headers=headers)
    again = client.post("/v1/assets", content=picture(4), headers=headers)
    assert first.json() == again.json()
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.headers["location"] == first.headers["location"]
    other = client.post("/v1/assets", content=picture(5), headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "conflict"), "case 95"
    titled = client.post("/v1/assets", content=picture(4), headers=headers, params={"title": "Else"})
    assert titled.status_code == 409


def test_signing_twice_with_one_key_gives_the_same_bytes_case_97(client, news):
    headers = JPEG | news | {"Idempotency-Key": uuid.uuid4().hex}
    first = client.post("/v1/sign", content=picture(6), headers=headers)
    again = client.post("/v1/sign", content=picture(6), headers=headers)
    assert first.content == again.content
    assert first.headers["asset-id"] == again.headers["asset-id"]


def test_one_request_sent_by_many_at_once_registers_once_case_96(service, news):
    headers, address = (
        JPEG | news | {"Idempotency-Key": uuid.uuid4().hex},
        f"http://127.0.0.1:{service.port}/v1/assets",
    )
    size = service.app.state.wiring.installation.store.head().size
    answers: list[int] = []

    def send():
        answers.append(httpx.post(address, content=picture(7), headers=headers, timeout=30).status_code)

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert service.app.state.wiring.installation.store.head().size == size + 1


def test_wrong_wishes_are_422(client, news):
    for params in (
        {"source": "nonsense"},
        {"source": "trainedAlgorithmicMedia"},
        {"training": "maybe"},
        {"title": "x" * 2000},
    ):
        answer = client.post("/v1/assets", content=picture(8), headers=JPEG | news, params=params)
        assert answer.status_code == 422, params
    for wrong in ("short", "with space in it", "x" * 200):
        answer = client.post(
            "/v1/assets", content=picture(8), headers=JPEG | news | {"Idempotency-Key": wrong}
        )
        assert answer.status_code == 422


def test_a_file_that_cannot_be_signed_leaves_nothing(service, client, news):
    size = service.app.state.wiring.installation.store.head().size
    assert client.post("/v1/assets", content=picture(8)[:500], headers=JPEG | news).status_code == 422
    assert client.post("/v1/assets", content=b"%PDF-1.7", headers=news).status_code == 415
    assert service.app.state.wiring.installation.store.head().size == size
    signed = service.app.state.settings.spool_folder / "signed"
    assert not [one for one in signed.iterdir() if len(one.name) != 64]


def test_a_file_declared_as_another_type_is_not_signed(client, news):
    answer = client.post("/v1/sign", content=picture(71), headers=news | {"Content-Type": "image/png"})
    assert answer.status_code == 415


def test_publishing_needs_its_scope(service, client):
    weak = key(service, Scope.VERIFY, tenant="news")
    for auth, status in (({}, 401), (weak, 403)):
        for path in ("/v1/sign", "/v1/assets"):
            assert client.post(path, content=b"x", headers=auth).status_code == status
        body = {"reason": "wrong caption"}
        assert (
            client.post(f"/v1/assets/sha256:{'0' * 64}/withdrawal", json=body, headers=auth).status_code
            == status
        )


def test_the_quota_of_signatures_is_429_and_in_the_audit_trail_case_115(service, client, news, monkeypatch):
    monkeypatch.setitem(service.app.state._state, "signatures", Rates(per_minute=0.01, burst=0.5))
    answer = client.post("/v1/assets", content=picture(9), headers=JPEG | news)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 60
    trail = service.app.state.wiring.installation.access.trail(5)
    assert ("news", "asset.sign", "quota exceeded") in {(one[1], one[3], one[5]) for one in trail}


def test_a_withdrawal_is_in_the_log_and_in_every_later_check(client, news, rival, withdrawn):
    asset_id = withdrawn["record"]["asset_id"]
    address, body = f"/v1/assets/{asset_id}/withdrawal", {"reason": "Wrong caption"}
    assert client.post(address, json=body, headers=rival).status_code == 403
    tag = client.get(f"/v1/assets/{asset_id}").headers["etag"]
    assert client.get(f"/v1/assets/{asset_id}", headers={"If-None-Match": tag}).status_code == 304
    answer = client.post(address, json=body, headers=news)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["record"]["status"], said["record"]["status_reason"]) == ("withdrawn", "Wrong caption")
    assert client.get(f"/v1/ledger/proof/inclusion?asset_id={said['entry']}").status_code == 200
    changed = client.get(f"/v1/assets/{asset_id}", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["status"]) == (200, "withdrawn")
    file = client.get(withdrawn["signed_file"], headers=news).content
    assert client.post("/v1/verify", content=file).json()["verdict"]["code"] == "withdrawn"


def test_a_dispute_is_open_to_every_publisher_case_100(client, news, rival):
    made = client.post("/v1/assets", content=picture(10), headers=JPEG | news).json()
    answer = client.post(
        f"/v1/assets/{made['record']['asset_id']}/dispute", json={"reason": "ours"}, headers=rival
    )
    assert (answer.status_code, answer.json()["record"]["status"]) == (201, "disputed")


def test_statements_that_add_nothing_are_conflicts_and_leave_the_log_as_it_is(service, client, news):
    made = client.post("/v1/assets", content=picture(14), headers=JPEG | news).json()
    address = f"/v1/assets/{made['record']['asset_id']}"
    own = client.post(f"{address}/dispute", json={"reason": "ours"}, headers=news)
    assert (own.status_code, own.json()["code"]) == (409, "conflict")
    assert client.post(f"{address}/withdrawal", json={"reason": "wrong"}, headers=news).status_code == 201
    store = service.app.state.wiring.installation.store
    size = store.head().size
    again = client.post(f"{address}/withdrawal", json={"reason": "again"}, headers=news)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert store.head().size == size


def test_a_later_registration_by_another_tenant_does_not_take_a_picture_over_case_100(client, news, rival):
    photo = encoded(photograph("rocket.jpg"), quality=92)
    first = client.post("/v1/assets", content=photo, headers=JPEG | news, params={"title": "Harbour"}).json()
    # To sign one's own picture again is nothing to be told of.
    assert client.post("/v1/assets", content=photo, headers=JPEG | news).json()["notes"] == []
    again = client.post(
        "/v1/sign", content=recompressed(photo), headers=JPEG | rival, params={"title": "Mine"}
    )
    assert again.status_code == 200
    assert again.headers["earlier-asset-id"].split(", ")[0] == first["record"]["asset_id"]
    third = client.post("/v1/assets", content=recompressed(photo, 55), headers=JPEG | rival).json()
    [note] = third["notes"]
    assert "registered before: “Harbour”" in note
    assert "not proof of ownership" in note
    copy = client.post("/v1/verify", content=recompressed(photo, 70)).json()
    assert copy["matches"][0]["record"]["asset_id"] == first["record"]["asset_id"]
    assert [one["code"] for one in copy["reasons"]].count("registry.later") == 3
    dispute = client.post(
        f"/v1/assets/{first['record']['asset_id']}/dispute", json={"reason": "we took it"}, headers=rival
    )
    assert dispute.status_code == 201
    copy = client.post("/v1/verify", content=recompressed(photo, 71)).json()
    record, later = copy["matches"][0]["record"], copy["matches"][-1]["record"]
    # One name, one certificate: only their accounts tell the two apart.
    assert record["publisher"] == later["publisher"]
    assert record["certificate_sha256"] == later["certificate_sha256"]
    assert record["account"] != later["account"] == record["status_account"]
    assert not {"news", "rival"} & {record["account"], later["account"]}
    assert f"account {record['account']}, registered" in copy["verdict"]["summary"]
    assert (
        f"disputed by {record['publisher']} (account {later['account']}) on 20" in copy["verdict"]["summary"]
    )
    own = client.post("/v1/verify", content=again.content).json()
    assert own["verdict"]["code"] == "intact"
    assert any(one["code"] == "registry.earlier" and "“Harbour”" in one["text"] for one in own["reasons"])


def recompressed(content: bytes, quality: int = 40) -> bytes:
    with Image.open(io.BytesIO(content)) as shown:
        return encoded(shown.convert("RGB"), quality=quality)


def test_wrong_statements_are_refused(client, news):
    unknown = f"/v1/assets/sha256:{'0' * 64}/withdrawal"
    assert client.post(unknown, json={"reason": "x"}, headers=news).status_code == 404
    for body in (
        {},
        {"reason": ""},
        {"reason": "x" * 5000},
        {"reason": "x", "replaced_by": "y"},
        {"reason": "x", "more": 1},
    ):
        assert client.post(unknown, json=body, headers=news).status_code == 422
    assert (
        client.post("/v1/assets/nonsense/withdrawal", json={"reason": "x"}, headers=news).status_code == 422
    )


def test_an_unlisted_asset_is_there_for_its_tenant_only_case_93(service, client, news, rival):
    made = client.post(
        "/v1/assets", content=picture(11), headers=JPEG | news, params={"listed": "false"}
    ).json()
    record, file = made["record"], client.get(made["signed_file"], headers=news).content
    digest = record["digest"]
    for auth, found in ((news, True), (rival, False), ({}, False)):
        assert client.get(f"/v1/assets/{record['asset_id']}", headers=auth).status_code == (
            200 if found else 404
        )
        hits = client.post("/v1/lookup", json={"hashes": [digest]}, headers=auth).json()["hits"]
        assert bool(hits) is found
        report = client.post("/v1/verify", content=file, headers=auth).json()
        assert (record["asset_id"] in {one["record"]["asset_id"] for one in report["matches"]}) is found
        manifest = client.get(f"/v1/manifests/{record['manifest_id']}", headers=auth)
        assert manifest.status_code == (200 if found else 404)
        prefix = client.get(f"/v1/lookup/prefix/{digest[7:12]}", headers=auth).json()
        assert (record["asset_id"] in {one["asset_id"] for one in prefix["entries"]}) is found
        content = client.post("/v1/matches/byContent", content=file, headers=JPEG | auth).json()["matches"]
        assert (record["manifest_id"] in {one["manifestId"] for one in content}) is found


def test_a_prefix_hides_what_was_meant_sr31(service, client):
    digest = service.published.record.digest
    answer = client.get(f"/v1/lookup/prefix/{str(digest)[7:12]}").json()
    assert len(answer["entries"]) >= 50
    [real] = [one for one in answer["entries"] if one["asset_id"] == service.published.record.asset_id]
    assert f"sha256:{answer['prefix']}{real['suffix']}" == str(digest)
    assert {len(one["suffix"]) for one in answer["entries"]} == {59}
    empty = client.get("/v1/lookup/prefix/00000").json()
    assert len(empty["entries"]) == 50
    for wrong in ("0000", "000000", "ABCDE", "0000g", "%25%25%25%25%25"):
        assert client.get(f"/v1/lookup/prefix/{wrong}").status_code == 422


def test_assets_are_listed_page_by_page_case_92(client, withdrawn):
    seen, address = [], "/v1/assets?limit=2"
    while address:
        answer = client.get(address)
        seen += [one["index"] for one in answer.json()["assets"]]
        link = answer.headers.get("link", "")
        address = link[1 : link.index(">")] if link else None
        assert answer.json()["assets"], "no page leads to an empty one"
    assert seen == sorted(set(seen))
    assert len(seen) >= 2
    [found] = client.get("/v1/assets", params={"sha256": withdrawn["record"]["digest"][7:]}).json()["assets"]
    assert found["asset_id"] == withdrawn["record"]["asset_id"]
    for wrong in ("c1-0-00000000", "c1--1-0", "nonsense", "c1-00-0", "' OR 1=1"):
        assert client.get("/v1/assets", params={"cursor": wrong}).status_code == 400
    for wrong in ({"limit": 0}, {"limit": 101}, {"sha256": "0" * 63}):
        assert client.get("/v1/assets", params=wrong).status_code == 422


def test_trust_lists_have_digests_and_an_etag(client):
    answer = client.get("/v1/trust-lists")
    [listed] = [one for one in answer.json()["trust_lists"] if one["kind"] == "manifest"]
    assert listed["sha256"].startswith("sha256:")
    assert client.get("/v1/trust-lists", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_feedback_is_about_a_report_that_exists(client, signed):
    name = client.post("/v1/verify", content=signed).json()["links"]["self"].rsplit("/", 1)[1]
    body = {"report": name, "opinion": "wrong", "text": "it is mine"}
    assert client.post("/v1/feedback", json=body).status_code == 201
    assert client.post("/v1/feedback", json=body | {"report": "0" * 32}).status_code == 404
    assert client.post("/v1/feedback", json=body | {"opinion": "bad"}).status_code == 422


def test_a_file_signed_elsewhere_gets_a_parent_and_a_broken_one_is_refused(client, news):
    issued = certificates.issue_test_chain("TEST Camera", media.NOW)
    before = media.sign(picture(21), keys=signer_of(issued.chain, issued.leaf_key))
    answer = client.post("/v1/sign", content=before, headers=JPEG | news)
    assert answer.status_code == 200, answer.text
    report = client.post("/v1/verify", content=answer.content).json()
    assert (report["credential"]["state"], report["credential"]["ingredients"]) == ("trusted", "unrecognized")
    named = client.post("/v1/verify", content=before).json()
    assert (named["verdict"]["code"], named["matches"][0]["source"]) == ("intact-unrecognized-issuer", True)
    refused = client.post("/v1/assets", content=flip(before, len(before) - 2_000), headers=JPEG | news)
    assert (refused.status_code, refused.json()["code"]) == (422, "credential-invalid")
    assert "own Content Credentials hold" in refused.json()["detail"]
