from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from provenance.errors import FormatError, NotFoundError, UnauthenticatedError
from provenance.ledger.store import Store
from provenance.service.access import Access, Caller, Scope, parse_scopes
from provenance.service.ownership import Ownership
from provenance.service.schema import open_database
from provenance.service.tables import API_KEY
from tests.postgres import fresh_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(tmp_path, request):
    url = fresh_url() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'r.db'}"
    Store.create(url).close()
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def access(database):
    return Access(database)


SOME = frozenset((Scope.VERIFY, Scope.STORE_BINDINGS))


def test_a_key_is_256_bits_and_only_its_digest_is_kept(access, database):
    made, text = access.create("news", "desk", SOME, None)
    secret = text.rsplit("_", 1)[0] and text.split("_", 2)[2]
    assert len(secret) == 43
    with database.connect() as connection:
        row = connection.execute(API_KEY.select()).one()
    assert secret.encode() not in b"".join(str(value).encode() for value in row)
    assert len(row.secret_sha256) == 32
    assert access.caller(text) == Caller("news", f"key:{made.id}", SOME)


def test_last_use_is_kept_to_the_minute(access):
    made, text = access.create("news", "", SOME, None)
    assert made.used is None
    access.caller(text)
    [first] = access.keys()
    access.caller(text)
    assert access.keys() == [first]
    assert datetime.now(UTC) - first.used < timedelta(minutes=1)


@pytest.mark.parametrize("change", ["secret", "id", "prefix", "nothing", "long"])
def test_wrong_keys_get_one_answer_case_93(access, change):
    _, text = access.create("news", "", SOME, None)
    wrong = {
        "secret": text[:-1] + ("A" if text[-1] != "A" else "B"),
        "id": text.replace(text[5:13], "aaaaaaaa"),
        "prefix": text.replace("prov_", "prow_"),
        "nothing": "",
        "long": text + "A" * 100_000,
    }[change]
    with pytest.raises(UnauthenticatedError, match="valid API key"):
        access.caller(wrong)


def test_expired_and_revoked_keys_are_refused_case_93(access):
    _, old = access.create("news", "", SOME, datetime.now(UTC) - timedelta(seconds=1))
    made, text = access.create("news", "", SOME, datetime.now(UTC) + timedelta(days=1))
    access.caller(text)
    revoked = access.revoke(made.id)
    assert revoked.revoked is not None
    assert access.revoke(made.id) == revoked
    for one in (old, text):
        with pytest.raises(UnauthenticatedError):
            access.caller(one)
    with pytest.raises(NotFoundError):
        access.revoke("nokeynow")


def test_an_unknown_key_costs_the_same_comparison_as_a_wrong_secret_case_93(access, monkeypatch):
    _, text = access.create("news", "", SOME, None)
    compared = []
    monkeypatch.setattr(
        "provenance.service.access.hmac.compare_digest", lambda a, b: compared.append((len(a), len(b)))
    )
    for wrong in (text[:-4] + "AAAA", text.replace(text[5:13], "aaaaaaaa"), "nonsense"):
        with pytest.raises(UnauthenticatedError):
            access.caller(wrong)
    assert compared == [(32, 32)] * 3


def test_scopes_are_a_closed_list(access):
    assert parse_scopes("verify, fetch:manifests") == {Scope.VERIFY, Scope.FETCH_MANIFESTS}
    with pytest.raises(FormatError):
        parse_scopes("everything")
    for tenant, scopes in (("A b", SOME), ("", SOME), ("news", frozenset())):
        with pytest.raises(FormatError):
            access.create(tenant, "", scopes, None)


def test_the_trail_says_who_did_what(access):
    caller = Caller("news", "key:abc", SOME)
    access.note(caller, "manifest.delete", "urn:c2pa:1", "done")
    [(at, *rest)] = access.trail()
    assert rest == ["news", "key:abc", "manifest.delete", "urn:c2pa:1", "done"]
    assert datetime.now(UTC) - at < timedelta(minutes=1)


def test_unlisted_assets_are_seen_by_their_tenant_only(database):
    ownership = Ownership(database)
    ownership.claim("sha256:a", "news", listed=False)
    ownership.claim("sha256:b", "news", listed=True)
    assert ownership.seen_by("news")("sha256:a")
    assert not ownership.seen_by("other")("sha256:a")
    assert not ownership.seen_by("")("sha256:a")
    assert ownership.seen_by("other")("sha256:b")
    assert (ownership.owner("sha256:a"), ownership.owner("sha256:x")) == ("news", "default")
    ownership.claim("sha256:a", "thief", listed=True)
    assert ownership.owner("sha256:a") == "news"
