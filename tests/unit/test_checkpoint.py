"""Signed checkpoints: one spelling, one key, and nothing else (SR-27)."""

from __future__ import annotations

import base64

import pytest

from provenance.errors import CheckpointError
from provenance.ledger.checkpoint import (
    MAX_NOTE_BYTES,
    Checkpoint,
    NoteSigner,
    NoteVerifier,
    open_checkpoint,
    sign_checkpoint,
)
from tests.ledger_made import ORIGIN, RIVAL_KEY, SIGNER

POINT = Checkpoint(ORIGIN, 42, bytes(range(32)))
NOTE = sign_checkpoint(POINT, SIGNER)
TEXT, _, SIGNATURES = NOTE.partition("\n\n")


def test_a_signed_checkpoint_opens_to_what_was_signed():
    assert open_checkpoint(NOTE, SIGNER.verifier) == POINT


def test_the_note_has_the_lines_of_the_specification():
    root = base64.b64encode(POINT.root).decode()
    assert NOTE.startswith(f"{ORIGIN}\n42\n{root}\n\n\u2014 {ORIGIN} ")
    assert NOTE.endswith("=\n")


def test_a_verifier_key_survives_its_text():
    assert NoteVerifier.parse(SIGNER.vkey) == SIGNER.verifier


def test_the_published_example_of_a_signed_note_verifies():
    # Source: documentation of golang.org/x/mod/sumdb/note.
    verifier = NoteVerifier.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    verifier.check(text, base64.b64decode(line)[4:])
    with pytest.raises(CheckpointError):
        verifier.check(text.upper(), base64.b64decode(line)[4:])


def test_signatures_of_witnesses_are_ignored():
    witness = NoteSigner("witness.example", RIVAL_KEY).sign(POINT.text())
    assert open_checkpoint(NOTE + witness, SIGNER.verifier) == POINT
    same_name = NoteSigner(ORIGIN, RIVAL_KEY).sign(POINT.text())
    assert open_checkpoint(NOTE + same_name, SIGNER.verifier) == POINT


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        TEXT + "\n",
        NOTE.replace("\n42\n", "\n042\n"),
        NOTE.replace("\n42\n", "\n+42\n"),
        NOTE.replace("\n42\n", "\n\u0664\u0662\n"),
        NOTE.replace("\n42\n", "\n43\n"),
        NOTE.replace("\n42\n", f"\n{1 << 64}\n"),
        NOTE.replace("\n\n", "\nextension\n\n"),
        NOTE.replace("\n", "\r\n"),
        NOTE + "no signature line\n",
        NOTE + "\n",
        NOTE[:-1],
        NOTE + SIGNATURES,
        NOTE.replace("\u2014", "-"),
        NOTE.replace(ORIGIN, "log.example/other", 1),
        NOTE.replace(ORIGIN, "log.example/\ud800", 1),
        TEXT + "\n\n" + NoteSigner(ORIGIN, RIVAL_KEY).sign(POINT.text()),
        NOTE + "\u2014 w " + "A" * MAX_NOTE_BYTES + "\n",
    ],
)
def test_any_other_spelling_or_signature_is_refused(note):
    with pytest.raises(CheckpointError):
        open_checkpoint(note, SIGNER.verifier)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a+b",
        "a+00000000+AAAA",
        SIGNER.vkey + "x",
        SIGNER.vkey.replace(ORIGIN, "other"),
        SIGNER.vkey.upper(),
    ],
)
def test_malformed_verifier_keys_are_refused(vkey):
    with pytest.raises(CheckpointError):
        NoteVerifier.parse(vkey)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\n", "x" * 201])
def test_an_origin_that_could_break_a_line_is_refused(origin):
    with pytest.raises(ValueError, match="origin"):
        Checkpoint(origin, 0, bytes(32))
