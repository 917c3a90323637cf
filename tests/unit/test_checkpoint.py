"""Signed checkpoints: one spelling, one key, and nothing else (SR-27)."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from provenance.errors import CheckpointError
from provenance.ledger.checkpoint import (
    Checkpoint,
    Cosigner,
    LogKeys,
    LogSigner,
    NoteSigner,
    NoteVerifier,
    cosigned_by,
    open_checkpoint,
    sign_checkpoint,
)
from provenance.ledger.note import MAX_NOTE_BYTES, SignatureLine
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


# --- cosignatures ---

QUANTUM = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
TIME = 1_777_896_000


def cosigner(name: str, key) -> Cosigner:
    return Cosigner(name, key, lambda: datetime.fromtimestamp(TIME, UTC))


def test_an_ed25519_cosignature_signs_time_and_text():
    """The message as the specification shows it, signature and key id made by hand."""
    line = SignatureLine.parse(cosigner("witness.example/w1", RIVAL_KEY).sign(POINT.text())[:-1])
    public = RIVAL_KEY.public_key().public_bytes_raw()
    assert line.key_id == hashlib.sha256(b"witness.example/w1\n\x04" + public).digest()[:4]
    assert line.signature[:8] == struct.pack(">Q", TIME)
    RIVAL_KEY.public_key().verify(line.signature[8:], f"cosignature/v1\ntime {TIME}\n{POINT.text()}".encode())


def test_an_mldsa44_cosignature_signs_the_tree_head():
    line = SignatureLine.parse(cosigner(ORIGIN, QUANTUM).sign(POINT.text())[:-1])
    public = QUANTUM.public_key().public_bytes_raw()
    assert line.key_id == hashlib.sha256(ORIGIN.encode() + b"\n\x06" + public).digest()[:4]
    name = bytes([len(ORIGIN)]) + ORIGIN.encode()
    message = (
        b"subtree/v1\n\0" + name + struct.pack(">Q", TIME) + name + struct.pack(">QQ", 0, 42) + POINT.root
    )
    assert (len(line.signature), line.signature[:8]) == (8 + 2420, struct.pack(">Q", TIME))
    QUANTUM.public_key().verify(line.signature[8:], message)


def test_cosignatures_name_who_saw_the_checkpoint_and_when():
    witnesses = [cosigner("w.example/1", RIVAL_KEY), cosigner("w.example/2", QUANTUM)]
    note = NOTE + "".join(each.sign(POINT.text()) for each in witnesses)
    at = datetime.fromtimestamp(TIME, UTC)
    known = [each.verifier for each in witnesses]
    assert cosigned_by(note, known) == dict.fromkeys(known, at)
    assert cosigned_by(NOTE, known) == {}
    assert open_checkpoint(note, SIGNER.verifier) == POINT
    for verifier in known:
        assert NoteVerifier.parse(verifier.vkey) == verifier


def test_a_forged_cosignature_is_an_error_not_an_absence():
    for key in (RIVAL_KEY, QUANTUM):
        witness = cosigner("w.example/1", key)
        line = SignatureLine.parse(witness.sign(POINT.text())[:-1])
        for at in (0, 7, 8, len(line.signature) - 1):
            changed = bytearray(line.signature)
            changed[at] ^= 1
            forged = replace(line, signature=bytes(changed)).format()
            with pytest.raises(CheckpointError):
                cosigned_by(NOTE + forged, [witness.verifier])
        with pytest.raises(CheckpointError):
            cosigned_by(NOTE + replace(line, signature=b"").format(), [witness.verifier])


# --- key rotation ---


def test_in_the_overlap_of_a_rotation_old_and_new_key_both_open_the_note():
    new = NoteSigner(ORIGIN, RIVAL_KEY)
    both = LogSigner(SIGNER, (new, cosigner(ORIGIN, QUANTUM)))
    note = sign_checkpoint(POINT, both)
    for known in (SIGNER.verifier, new.verifier, both.verifier, LogKeys((both.verifier.keys[2],))):
        assert open_checkpoint(note, known) == POINT
    after = LogSigner(new, (), former=(SIGNER.verifier,))
    assert open_checkpoint(NOTE, after.verifier) == POINT, "what the former key signed stands"
    with pytest.raises(CheckpointError):
        open_checkpoint(sign_checkpoint(POINT, after), SIGNER.verifier)
    assert LogKeys.parse("\n".join(each.vkey for each in after.verifier.keys) + "\n") == after.verifier


def test_one_failing_signature_of_a_known_key_spoils_the_note():
    new = NoteSigner(ORIGIN, RIVAL_KEY)
    forged = NOTE + SignatureLine(ORIGIN, new.verifier.key_id, bytes(64)).format()
    with pytest.raises(CheckpointError):
        open_checkpoint(forged, LogKeys((SIGNER.verifier, new.verifier)))


@pytest.mark.parametrize("text", ["", "\n\n", "words", SIGNER.vkey + "\n" + NoteSigner("b", RIVAL_KEY).vkey])
def test_a_list_of_keys_is_of_one_log(text):
    with pytest.raises(CheckpointError):
        LogKeys.parse(text)
