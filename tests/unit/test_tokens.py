from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from provenance.errors import ConfigError, UnauthenticatedError
from provenance.service.access import Caller, Scope
from provenance.service.tokens import RETRY_S, Tokens

ISSUER, AUDIENCE = "https://id.example.org/", "content-provenance"
KEYS = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def document(*names: str) -> bytes:
    made = []
    for name in names:
        algorithm = jwt.get_algorithm_by_name(name)
        made.append(json.loads(algorithm.to_jwk(KEYS[name].public_key())) | {"kid": name, "alg": name})
    return json.dumps({"keys": made}).encode()


def claims(**changes):
    plain = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "u1",
        "exp": time.time() + 60,
        "tenant": "news",
        "scope": "verify openid",
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


def token(name: str = "ES256", headers=None, **changes) -> str:
    return jwt.encode(claims(**changes), KEYS[name], name, {"kid": name} | (headers or {}))


@pytest.fixture
def tokens():
    return Tokens(ISSUER, AUDIENCE, "tenant", lambda: document(*KEYS))


@pytest.mark.parametrize("name", KEYS)
def test_tokens_of_the_issuer_are_callers(tokens, name):
    assert tokens.caller(token(name)) == Caller("news", "sub:u1", frozenset((Scope.VERIFY,)))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"iss": "https://evil.example/"},
        {"exp": time.time() - 3600},
        {"nbf": time.time() + 3600},
        {"sub": None},
        {"exp": None},
        {"aud": None},
        {"tenant": None},
        {"tenant": "../../other"},
        {"tenant": ["news"]},
    ],
)
def test_wrong_claims_are_refused_case_94(tokens, changes):
    with pytest.raises(UnauthenticatedError):
        tokens.caller(token(**changes))


def test_no_algorithm_and_the_public_key_as_a_secret_are_refused_case_94(tokens):
    none = jwt.encode(claims(), None, "none", {"kid": "RS256"})
    public = (
        KEYS["RS256"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"RS256"}').rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=")
    mac = hmac.new(public, head + b"." + body, hashlib.sha256).digest()
    forged = (head + b"." + body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()
    crossed = token("ES256", {"kid": "RS256"})
    for text in (none, forged, crossed, "a.b.c", "", "..", token()[:-3], token("ES256", {"kid": "other"})):
        with pytest.raises(UnauthenticatedError):
            tokens.caller(text)


def test_keys_are_read_again_for_an_unknown_name_but_not_for_each():
    reads, now, known = [], [0.0], ["RS256"]
    tokens = Tokens(
        ISSUER, AUDIENCE, "tenant", lambda: reads.append(1) or document(*known), clock=lambda: now[0]
    )
    tokens.caller(token("RS256"))
    known.append("ES256")
    for _ in range(5):
        with pytest.raises(UnauthenticatedError):
            tokens.caller(token("ES256"))
    assert len(reads) == 1
    now[0] += RETRY_S + 1
    tokens.caller(token("ES256"))
    assert len(reads) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b'{"keys": 1}', b'{"keys": [{"kty": "RSA"}]}'])
def test_a_broken_key_document_is_a_setting_that_is_wrong(content):
    with pytest.raises(ConfigError):
        Tokens(ISSUER, AUDIENCE, "tenant", lambda: content).caller(token())
