from __future__ import annotations

import threading

import pytest

from provenance.digest import Digest
from provenance.errors import ConflictError
from provenance.ledger.store import Store
from provenance.service import replies as replies_module
from provenance.service.replies import Replies, Reply
from provenance.service.schema import open_database
from tests.postgres import fresh_url

ONE, OTHER = Digest.of(b"1"), Digest.of(b"2")
MADE = Reply(201, "application/json", {"location": "/x"}, b"{}")


@pytest.fixture(params=["sqlite", "postgresql"])
def replies(tmp_path, request):
    url = fresh_url() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'r.db'}"
    Store.create(url).close()
    engine = open_database(url)
    yield Replies(engine)
    engine.dispose()


def test_the_first_answer_is_given_again_sr26(replies):
    assert replies.begin("t", "key", ONE) is None
    replies.keep("t", "key", MADE)
    assert replies.begin("t", "key", ONE) == MADE


def test_another_request_with_the_same_key_conflicts_case_95(replies):
    replies.begin("t", "key", ONE)
    with pytest.raises(ConflictError, match="under way"):
        replies.begin("t", "key", ONE)
    replies.keep("t", "key", MADE)
    with pytest.raises(ConflictError, match="found another"):
        replies.begin("t", "key", OTHER)
    assert replies.begin("other tenant", "key", OTHER) is None


def test_a_failed_request_may_be_repeated(replies):
    replies.begin("t", "key", ONE)
    replies.drop("t", "key")
    assert replies.begin("t", "key", OTHER) is None


def test_answers_and_dead_requests_are_forgotten(replies, monkeypatch):
    replies.begin("t", "dead", ONE)
    monkeypatch.setattr(replies_module, "UNFINISHED_S", -1)
    assert replies.begin("t", "dead", OTHER) is None
    replies.keep("t", "dead", MADE)
    monkeypatch.setattr(replies_module, "KEEP_S", -1)
    assert replies.begin("t", "dead", ONE) is None


def test_of_many_at_once_one_does_the_work_case_96(replies):
    won, lost = [], []

    def ask():
        try:
            won.append(replies.begin("t", "key", ONE))
        except ConflictError:
            lost.append(1)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (won, len(lost)) == ([None], 15)
