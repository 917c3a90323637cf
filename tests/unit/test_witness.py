"""A witness cosigns what continues, and nothing else; a log asks several and notices what they know."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from provenance.errors import CheckpointError, ConflictError, FormatError, ProofError, UnavailableError
from provenance.ledger.checkpoint import (
    Checkpoint,
    Cosigner,
    LogKeys,
    NoteSigner,
    cosigned_by,
    sign_checkpoint,
)
from provenance.ledger.cosign import Cosigning, check_cosigned, collect
from provenance.ledger.merkle import edge_root, grow, leaf_hash, prove_consistency, tree_levels
from provenance.ledger.policy import Policy
from provenance.ledger.receipt import check_receipt
from provenance.ledger.renew import witnessed
from provenance.ledger.witness import MAX_REQUEST_BYTES, SIZE_TYPE, Reply, Submission, Witness
from provenance.web import Web
from tests.ledger_made import ORIGIN, RIVAL_KEY, SIGNER, file_digest, make_log, make_store, register


class History:
    """A log in memory: its checkpoints and proofs."""

    def __init__(self, word: str, size: int = 40):
        self.hashes = [leaf_hash(f"{word if n > 4 else ''}{n}".encode()) for n in range(size)]

    def node(self, level, index):
        row = b"".join(self.hashes[index << level : (index + 1) << level])
        return tree_levels(row)[level]

    def point(self, size):
        edge, _ = grow((), 0, self.hashes[:size])
        return Checkpoint(ORIGIN, size, edge_root(edge, size))

    def note(self, size, signer=SIGNER):
        return sign_checkpoint(self.point(size), signer)

    def prove(self, old, new):
        return prove_consistency(old, new, self.node)

    def submission(self, old, new, **changes):
        proof = tuple(self.prove(old, new)) if 0 < old < new else ()
        return replace(Submission(old, proof, self.note(new)), **changes).format().encode()


MINE, FORK = History("mine"), History("fork")


def signers(name: str) -> list[Cosigner]:
    seed = hashlib.sha256(name.encode()).digest()
    keys = (Ed25519PrivateKey.from_private_bytes(seed), MLDSA44PrivateKey.from_seed_bytes(seed))
    return [Cosigner(f"w.example/{name}", key, lambda: datetime(2026, 5, 4, tzinfo=UTC)) for key in keys]


def make(folder, name: str = "w1") -> Witness:
    return Witness(signers(name), {ORIGIN: LogKeys((SIGNER.verifier,))}, folder / name)


@pytest.fixture
def witness(tmp_path):
    return make(tmp_path)


def test_what_continues_is_cosigned_by_every_key(witness, tmp_path):
    known = [each.verifier for each in signers("w1")]
    for old, new in ((0, 3), (3, 8), (8, 8), (8, 40)):
        reply = witness.add_checkpoint(MINE.submission(old, new))
        assert (reply.status, reply.media_type) == (200, "text/plain")
        assert set(cosigned_by(MINE.note(new) + reply.body, known)) == set(known)
    again = make(tmp_path)
    assert again.latest(ORIGIN) == witness.latest(ORIGIN), "it is on disk"
    assert again.latest(ORIGIN).startswith(f"{ORIGIN}\n40\n")


def test_a_rollback_is_409_and_names_the_known_size(witness):
    witness.add_checkpoint(MINE.submission(0, 20))
    assert witness.add_checkpoint(MINE.submission(0, 10)) == Reply(409, "20\n", SIZE_TYPE)
    assert witness.add_checkpoint(MINE.submission(10, 30)) == Reply(409, "20\n", SIZE_TYPE)
    assert witness.add_checkpoint(MINE.submission(20, 30)).status == 200


def test_a_fork_is_422_and_kept_as_evidence(witness, tmp_path):
    witness.add_checkpoint(MINE.submission(0, 20))
    before = witness.latest(ORIGIN)
    for body in (FORK.submission(20, 30), FORK.submission(20, 20), MINE.submission(20, 30, proof=())):
        assert witness.add_checkpoint(body).status == 422
    assert witness.latest(ORIGIN) == before
    kept = sorted((tmp_path / "w1/evidence").iterdir())
    assert len(kept) == 3
    assert Submission.parse(kept[0].read_bytes())
    assert witness.add_checkpoint(MINE.submission(0, 5, proof=(bytes(32),))).status == 409


def test_a_proof_from_nothing_is_422(witness):
    assert witness.add_checkpoint(MINE.submission(0, 5, proof=(bytes(32),))).status == 422
    empty = sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), SIGNER)
    assert witness.add_checkpoint(Submission(0, (), empty).format().encode()).status == 422


def test_other_logs_and_other_keys_are_refused(witness):
    other = sign_checkpoint(Checkpoint("other.example", 3, bytes(32)), NoteSigner("other.example", RIVAL_KEY))
    assert witness.add_checkpoint(Submission(0, (), other).format().encode()).status == 404
    forged = MINE.note(3, NoteSigner(ORIGIN, RIVAL_KEY))
    assert witness.add_checkpoint(Submission(0, (), forged).format().encode()).status == 403
    assert witness.latest(ORIGIN) is None
    assert witness.latest("other.example") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n\n",
        b"\xff",
        b"x" * (MAX_REQUEST_BYTES + 1),
        MINE.submission(0, 3).replace(b"old 0", b"old 00"),
        MINE.submission(0, 3).replace(b"old 0", b"old -1"),
        MINE.submission(0, 3).replace(b"old 0", b"old 9999999999999999999"),
        MINE.submission(0, 3).replace(b"\n\n", b"\nAAAA\n\n", 1),
        MINE.submission(0, 3).replace(b"\n\n", b"\n!\n\n", 1),
        MINE.submission(0, 3, proof=(bytes(32),) * 64),
        MINE.submission(0, 3).replace(b"\n", b"\r\n"),
        Submission(4, (), MINE.note(3)).format().encode(),
    ],
)
def test_any_other_spelling_is_400(witness, body):
    assert witness.add_checkpoint(body).status == 400


def test_submissions_survive():
    body = MINE.submission(5, 9)
    assert Submission.parse(body).format().encode() == body
    with pytest.raises(FormatError):
        Submission.parse(body[:10])


def test_of_racing_submissions_each_step_is_taken_once(witness):
    bodies = [MINE.submission(0, n) for n in range(1, 17)]
    replies: list[Reply] = []
    threads = [threading.Thread(target=lambda b=b: replies.append(witness.add_checkpoint(b))) for b in bodies]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(each.status for each in replies) == [200] + [409] * 15


# --- asking ---


def asking(witnesses: dict[str, Witness], broken=()) -> Web:
    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.host
        if name in broken:
            return broken[name](request)
        if request.method == "GET":
            seen = witnesses[name].latest(ORIGIN)
            known = request.url.path == f"/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
            return httpx.Response(200, text=seen) if known and seen else httpx.Response(404)
        assert request.url.path == "/add-checkpoint"
        reply = witnesses[name].add_checkpoint(request.content)
        return httpx.Response(
            int(reply.status), content=reply.body.encode(), headers={"content-type": reply.media_type}
        )

    return Web(transport=httpx.MockTransport(answer))


def policy(*names: str) -> Policy:
    lines = [f"log {SIGNER.vkey}"]
    lines += [f"witness {name} {signers(name)[0].verifier.vkey} http://{name}" for name in names]
    lines += [f"group most 2 {' '.join(names)}", "quorum most"]
    return Policy.parse("\n".join(lines))


def test_two_of_three_witnesses_are_enough(tmp_path):
    names = ("w1", "w2", "w3")
    known = {name: make(tmp_path, name) for name in names}

    def down(request):
        raise httpx.ConnectError("refused", request=request)

    with asking(known, {"w3": down}) as web:
        found = collect(web, policy(*names), MINE.note(20), 0, MINE.prove, SIGNER.verifier)
        assert found.witnesses == ("w1", "w2")
        assert [(each.name, type(each.error)) for each in found.refusals] == [("w3", UnavailableError)]
        assert policy(*names).check(found.note) == MINE.point(20)
        with pytest.raises(CheckpointError):
            policy(*names).check(MINE.note(20))
    with asking(known) as web:
        # The guess of the known size is wrong for each in its own way; the witnesses say where they are.
        for guess in (0, 7, 20, 40):
            found = collect(web, policy(*names), MINE.note(40), guess, MINE.prove, SIGNER.verifier)
            assert found.witnesses == names


def test_an_old_copy_of_the_database_is_noticed(tmp_path):
    """Case 105: the witness has seen more than we have."""
    known = {"w1": make(tmp_path, "w1"), "w2": make(tmp_path, "w2")}
    with asking(known) as web:
        collect(web, policy("w1", "w2"), MINE.note(40), 0, MINE.prove, SIGNER.verifier)
        found = collect(web, policy("w1", "w2"), MINE.note(20), 20, MINE.prove, SIGNER.verifier)
    assert found.witnesses == ()
    assert all(isinstance(each.error, ConflictError) for each in found.refusals)
    assert "40 entries" in found.refusals[0].error.message
    assert all(each.proven for each in found.refusals), "they show what this log has signed"


def test_another_history_is_noticed(tmp_path):
    """Case 106."""
    known = {"w1": make(tmp_path, "w1"), "w2": make(tmp_path, "w2")}
    with asking(known) as web:
        collect(web, policy("w1", "w2"), MINE.note(20), 0, MINE.prove, SIGNER.verifier)
        for size in (20, 40):
            found = collect(web, policy("w1", "w2"), FORK.note(size), 20, FORK.prove, SIGNER.verifier)
            assert [type(each.error) for each in found.refusals] == [ConflictError] * 2


@pytest.mark.parametrize(
    ("status", "body", "media_type", "error"),
    [
        (200, "", "text/plain", CheckpointError),
        (200, "words\n", "text/plain", CheckpointError),
        (200, signers("other")[0].sign(MINE.point(20).text()), "text/plain", CheckpointError),
        (200, signers("w1")[0].sign(MINE.point(21).text()), "text/plain", CheckpointError),
        (409, "20\n", "text/html", ConflictError),
        (409, "many\n", SIZE_TYPE, UnavailableError),
        (409, "7", SIZE_TYPE, UnavailableError),
        (409, "0\n", SIZE_TYPE, ConflictError),
        (422, "no\n", "text/plain", ConflictError),
        (403, "", "text/plain", UnavailableError),
        (500, "", "text/plain", UnavailableError),
        (200, "x" * 100_000, "text/plain", UnavailableError),
    ],
)
def test_whatever_a_witness_answers_is_checked(status, body, media_type, error):
    def answer(_request):
        return httpx.Response(status, content=body.encode(), headers={"content-type": media_type})

    with asking({}, {"w1": answer, "w2": answer}) as web:
        found = collect(web, policy("w1", "w2"), MINE.note(20), 0, MINE.prove, SIGNER.verifier)
    assert found.note == MINE.note(20)
    assert [type(each.error) for each in found.refusals] == [error] * 2


# --- keeping a log cosigned ---


@pytest.fixture
def live(tmp_path):
    """A log of 20 entries, and two witnesses that have seen it."""
    (tmp_path / "log").mkdir()
    store = make_store(tmp_path / "log")
    log = make_log(store)
    register(log, *range(20))
    known = {"w1": make(tmp_path, "w1"), "w2": make(tmp_path, "w2")}
    with asking(known) as web:
        Cosigning(log, store, policy("w1", "w2")).ask(web)
    yield log, store, known
    store.close()


def any_of_two() -> Policy:
    lines = [f"log {SIGNER.vkey}"]
    lines += [f"witness {n} {signers(n)[0].verifier.vkey} http://{n}" for n in ("w1", "w2")]
    return Policy.parse("\n".join([*lines, "group one any w1 w2", "quorum one"]))


def test_a_witness_that_lies_stops_nothing_while_enough_others_agree(live):
    log, store, known = live
    register(log, 20)

    def lies(request):
        if request.method == "GET":
            return httpx.Response(200, text=store.cosigned().replace("\n20\n", "\n99\n"))
        return httpx.Response(409, text="99\n", headers={"content-type": SIZE_TYPE})

    with asking(known, {"w2": lies}) as web:
        found = Cosigning(log, store, any_of_two()).ask(web)
        assert found.witnesses == ("w1",)
        assert [(each.name, each.proven) for each in found.refusals] == [("w2", False)]
        with pytest.raises(ConflictError, match="99 entries"):
            Cosigning(log, store, policy("w1", "w2")).ask(web)
    assert store.cosigned().split("\n")[1] == "21"


def test_one_witness_that_shows_what_was_signed_stops_everything(live, tmp_path):
    """Case 105: of two witnesses one has seen more; the other would still agree."""
    log, store, known = live
    register(log, *range(20, 30))
    with asking(known, {"w1": lambda _request: httpx.Response(503)}) as web:
        assert Cosigning(log, store, any_of_two()).ask(web).witnesses == ("w2",)
    (tmp_path / "restored").mkdir()
    old = make_store(tmp_path / "restored")
    rolled_back = make_log(old)
    register(rolled_back, *range(20))
    with asking(known) as web, pytest.raises(ConflictError, match="30 entries"):
        Cosigning(rolled_back, old, any_of_two()).ask(web)
    assert old.cosigned() is None
    old.close()


def test_receipts_carry_the_witnesses_once_they_have_seen_the_entry(live):
    log, store, _ = live
    early = witnessed(log.prove(7), store)
    assert policy("w1", "w2").check(early.checkpoint).size == 20
    assert check_receipt(early.format(), file_digest(7), SIGNER.verifier).index == 7
    register(log, 20)
    late = witnessed(log.prove(20), store)
    assert late == log.prove(20), "not seen yet: against the newest checkpoint, without cosignatures"
    assert check_receipt(witnessed(log.prove(7), store).format(), file_digest(7), SIGNER.verifier)


def test_a_cosigned_checkpoint_of_another_history_is_found_by_fsck(live):
    log, store, _ = live
    assert check_cosigned(store, SIGNER.verifier) == 20
    register(log, 20)
    assert check_cosigned(store, SIGNER.verifier) == 20
    for note, error in (
        (FORK.note(20), ProofError),
        (MINE.note(40), ProofError),
        (store.cosigned().replace(ORIGIN, "other.example"), CheckpointError),
    ):
        with store.writer() as writer:
            writer.keep_cosigned(40, note)
        with pytest.raises(error):
            check_cosigned(store, SIGNER.verifier)
