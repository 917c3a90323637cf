"""The client believes a service as far as its log proves, and remembers what it saw."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from provenance.client import Client
from provenance.errors import (
    AuthorisationError,
    CheckpointError,
    ConflictError,
    FormatError,
    InputError,
    NotFoundError,
    ReceiptError,
    UnavailableError,
)
from provenance.ledger.checkpoint import LogKeys, LogSigner, NoteSigner, sign_checkpoint
from provenance.ledger.log import Log
from provenance.ledger.source import StoreSource
from provenance.web import Web
from tests.ledger_made import LOG_KEY, ORIGIN, RIVAL_KEY, SIGNER, Clock, file_digest, make_store, register

NEXT = NoteSigner(ORIGIN, RIVAL_KEY)


class Service:
    """A service in memory: a log and its look-ups, which can be told to lie."""

    def __init__(self, folder, signer=SIGNER):
        folder.mkdir(exist_ok=True)
        self.store = make_store(folder)
        self.use(signer)
        self.vkeys = SIGNER.vkey
        self.change = lambda hit: hit
        self.status = 200
        self.note: str | None = None

    def use(self, signer):
        clock = Clock()
        self.log = Log(self.store, ORIGIN, signer, clock, monotonic=clock.monotonic)
        self.source = StoreSource(self.log, self.store)

    def hit(self, number: int) -> dict:
        receipt = self.log.prove(number)
        record = {
            "asset_id": receipt.asset_id,
            "digest": str(file_digest(number)),
            "title": f"picture {number}",
            "publisher": "TEST Gazette",
        }
        values = {"hash": "h", "algorithm": "sha256", "distance": 0, "bits": 256, "status": "active"}
        return self.change(values | {"record": record, "receipt": receipt.format()})

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/v1/ledger/keys":
            return httpx.Response(200, text=self.vkeys)
        if path == "/v1/lookup":
            asked = json.loads(request.content)
            body = {"hits": [self.hit(int(each)) for each in asked["hashes"]]}
            problem = {"detail": "no", "title": "No"}
            return httpx.Response(self.status, json=body if self.status == 200 else problem)
        if path == "/log/checkpoint" and self.note is not None:
            return httpx.Response(200, text=self.note)
        try:
            return httpx.Response(200, content=self.source.read(path.removeprefix("/log/"), 1 << 24))
        except NotFoundError:
            return httpx.Response(404)

    def client(self, state, **options) -> Client:
        return Client(Web(transport=httpx.MockTransport(self.answer)), "https://r.example/", state, **options)


@pytest.fixture
def service(tmp_path):
    made = Service(tmp_path / "service")
    register(made.log, *range(10))
    yield made
    made.store.close()


@pytest.fixture
def client(service, tmp_path):
    return service.client(tmp_path / "state")


def test_what_is_found_was_checked(client):
    found = client.lookup(["3", "7"])
    assert [each.title for each in found] == ["picture 3", "picture 7"]
    assert [each.proof.index for each in found] == [3, 7]
    assert client.seen().size == 10


def test_a_growing_log_is_followed(client, service, tmp_path):
    client.checkpoint()
    register(service.log, *range(10, 300))
    assert client.checkpoint().size == 300
    assert service.client(tmp_path / "state").seen().size == 300, "a later client knows it"


def test_an_early_receipt_belongs_to_the_same_history(client, service):
    early = service.log.prove(3).format()
    register(service.log, *range(10, 300))
    assert client.check(early, file_digest(3)).index == 3


@pytest.mark.parametrize("size", [10, 30])
def test_another_history_is_refused(client, service, tmp_path, size):
    """Case 105: the client has seen the log, and is shown another one under the same key."""
    client.checkpoint()
    other = Service(tmp_path / "other")
    register(other.log, *range(1, size + 1))
    liar = other.client(tmp_path / "state")
    with pytest.raises(ConflictError, match="two"):
        liar.checkpoint()
    with pytest.raises(ConflictError):
        liar.lookup(["3"])
    with pytest.raises(ConflictError):
        client.check(other.log.prove(4).format(), file_digest(5))
    assert client.checkpoint().size == 10
    other.store.close()


def test_a_rollback_is_refused(client, service):
    early = service.log.checkpoint()
    register(service.log, *range(10, 30))
    client.checkpoint()
    service.note = early
    with pytest.raises(ConflictError, match="at least 30"):
        client.checkpoint()


def test_the_keys_of_the_first_use_are_kept(client, service):
    client.checkpoint()
    service.note = sign_checkpoint(client.seen(), NEXT)
    service.vkeys = NEXT.vkey
    with pytest.raises(CheckpointError):
        client.checkpoint()
    with pytest.raises(CheckpointError):
        client.learn_keys()


def test_pinned_keys_are_not_asked_for(service, tmp_path):
    service.vkeys = "words"
    assert service.client(tmp_path / "a", keys=LogKeys((SIGNER.verifier,))).checkpoint().size == 10
    with pytest.raises(CheckpointError):
        service.client(tmp_path / "b", keys=LogKeys((NEXT.verifier,))).checkpoint()
    with pytest.raises(CheckpointError):
        service.client(tmp_path / "c").checkpoint()


def test_a_new_key_is_learnt_while_the_old_one_vouches(client, service):
    client.checkpoint()
    service.vkeys = f"{NEXT.vkey}\n{SIGNER.vkey}"
    assert client.learn_keys().keys == (SIGNER.verifier,), "named, but it has signed nothing yet"
    service.use(LogSigner(SIGNER, (NEXT,)))
    register(service.log, 10)
    assert client.learn_keys().keys == (NEXT.verifier, SIGNER.verifier)
    service.use(LogSigner(NEXT, (), former=(SIGNER.verifier,)))
    register(service.log, 11)
    assert client.checkpoint().size == 12
    assert LOG_KEY is not RIVAL_KEY


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda hit: hit | {"receipt": "words"}, ReceiptError),
        (lambda hit: hit | {"receipt": None}, FormatError),
        (lambda hit: hit | {"distance": "0"}, FormatError),
        (lambda hit: hit | {"distance": True}, FormatError),
        (lambda hit: hit | {"record": hit["record"] | {"asset_id": "sha256:" + "0" * 64}}, ReceiptError),
        (lambda hit: hit | {"record": hit["record"] | {"digest": str(file_digest(8))}}, ReceiptError),
        (lambda hit: hit | {"record": hit["record"] | {"digest": "words"}}, FormatError),
        (lambda hit: hit | {"record": 1}, FormatError),
        (lambda _hit: 1, FormatError),
    ],
)
def test_an_answer_that_is_not_proven_is_refused(client, service, change, error):
    service.change = change
    with pytest.raises(error):
        client.lookup(["3"])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthorisationError),
        (403, AuthorisationError),
        (404, UnavailableError),
        (413, InputError),
        (422, InputError),
        (429, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_refusals_of_the_service_become_our_errors(client, service, status, error):
    service.status = status
    with pytest.raises(error, match=str(status)):
        client.lookup(["3"])


def test_an_api_key_is_sent_where_it_is_needed_and_nowhere_else(service, tmp_path):
    seen = {}

    def answer(request):
        seen[request.url.path] = request.headers.get("authorization")
        return service.answer(request)

    web = Web(transport=httpx.MockTransport(answer))
    Client(web, "https://r.example", tmp_path / "s", token="secret").lookup(["1"])
    assert seen.pop("/v1/lookup") == "Bearer secret"
    assert set(seen.values()) == {None}


def test_receipts_of_other_logs_are_refused(client, service):
    receipt = service.log.prove(3)
    forged = replace(receipt, checkpoint=sign_checkpoint(client.checkpoint(), NEXT))
    with pytest.raises(CheckpointError):
        client.check(forged.format(), file_digest(3))
