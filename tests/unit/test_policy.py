"""C2SP tlog-policy: who must have signed and seen a checkpoint."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.errors import CheckpointError, ConfigError
from provenance.ledger.checkpoint import Checkpoint, Cosigner, NoteSigner, sign_checkpoint
from provenance.ledger.policy import Policy
from tests.ledger_made import ORIGIN, RIVAL_KEY, SIGNER

POINT = Checkpoint(ORIGIN, 42, bytes(32))
NOTE = sign_checkpoint(POINT, SIGNER)


def witness(name: str) -> Cosigner:
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    return Cosigner(f"w.example/{name}", key, lambda: datetime(2026, 5, 4, tzinfo=UTC))


ALL = {name: witness(name) for name in ("X1", "X2", "X3", "Y1", "Y2")}
LINES = [f"witness {name} {each.verifier.vkey}" for name, each in ALL.items()]
#: The shape of the specification's own example.
NESTED = "\n".join(
    [
        "# two organisations",
        f"log {SIGNER.vkey} https://log.example/log",
        *LINES,
        "\tgroup X-witnesses 2 X1 X2 X3 ",
        "group Y-witnesses any Y1 Y2",
        "group X-and-Y all X-witnesses Y-witnesses",
        "quorum X-and-Y",
        "",
    ]
)


@pytest.mark.parametrize(
    ("names", "enough"),
    [
        ((), False),
        (("X1", "X2"), False),
        (("X1", "Y1"), False),
        (("X1", "X3", "Y2"), True),
        (("X1", "X2", "X3", "Y1", "Y2"), True),
        (("Y1", "Y2"), False),
    ],
)
def test_a_quorum_of_groups(names, enough):
    policy = Policy.parse(NESTED)
    note = NOTE + "".join(ALL[name].sign(POINT.text()) for name in names)
    if enough:
        assert policy.check(note) == POINT
    else:
        with pytest.raises(CheckpointError, match="quorum X-and-Y"):
            policy.check(note)
        assert policy.check(note, quorum=False) == POINT


def test_one_witness_or_none_can_be_the_quorum():
    one = Policy.parse(f"log {SIGNER.vkey}\n{LINES[0]}\nquorum X1\n")
    assert one.check(NOTE + ALL["X1"].sign(POINT.text())) == POINT
    with pytest.raises(CheckpointError):
        one.check(NOTE + ALL["X2"].sign(POINT.text()))
    assert Policy.parse(f"log {SIGNER.vkey}\nquorum none").check(NOTE) == POINT


def test_a_log_that_is_not_listed_is_refused():
    policy = Policy.parse("quorum none")
    with pytest.raises(CheckpointError, match="log of the policy"):
        policy.check(NOTE)
    with pytest.raises(ConfigError):
        policy.keys()
    other = Policy.parse(f"log {NoteSigner('b.example', RIVAL_KEY).vkey}\nquorum none")
    with pytest.raises(CheckpointError):
        other.check(NOTE)


def test_each_of_several_keys_of_a_log_is_accepted():
    new = NoteSigner(ORIGIN, RIVAL_KEY)
    policy = Policy.parse(f"log {SIGNER.vkey}\nlog {new.vkey}\nquorum none")
    assert policy.check(NOTE) == policy.check(sign_checkpoint(POINT, new)) == POINT


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"log {SIGNER.vkey}",
        "quorum none\nquorum none",
        "quorum X1",
        f"quorum X1\n{LINES[0]}",
        f"{LINES[0]}\n{LINES[0].replace('X1', 'X9')}\nquorum none",
        f"{LINES[0]}\n{LINES[1].replace('X2', 'X1', 1)}\nquorum none",
        f"log {SIGNER.vkey}\nlog {SIGNER.vkey}\nquorum none",
        f"witness a {SIGNER.vkey}\nquorum none",
        f"log {ALL['X1'].verifier.vkey}\nquorum none",
        f"{LINES[0]}\ngroup g 2 X1\nquorum g",
        f"{LINES[0]}\ngroup g 0 X1\nquorum g",
        f"{LINES[0]}\ngroup g 01 X1\nquorum g",
        f"{LINES[0]}\ngroup g any\nquorum g",
        f"{LINES[0]}\ngroup g any none\nquorum g",
        f"{LINES[0]}\ngroup g any X1\ngroup h any X1\nquorum g",
        f"{LINES[0]}\ngroup none any X1\nquorum none",
        "witness none a+b+c\nquorum none",
        "log a\nquorum none",
        "logs x\nquorum none",
        "quorum none\r\n",
        "quorum\u00a0none",
        "#" * (256 << 10) + "\nquorum none",
    ],
)
def test_whatever_is_not_a_policy_is_refused(text):
    with pytest.raises(ConfigError):
        Policy.parse(text)
