"""Signed tree heads: C2SP tlog-checkpoint in a C2SP signed note, Ed25519.

One spelling is accepted: the note that :func:`sign_checkpoint` would have written, with any further
signatures (witnesses, a next key) after it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance.errors import CheckpointError
from provenance.ledger.merkle import HASH_BYTES, MAX_SIZE

#: Longest note, bytes. Source: signed-note demands room for 16 signatures of up to 5 kB each.
MAX_NOTE_BYTES: Final = 128 << 10
#: Signature type Ed25519. Source: C2SP signed-note, "Signature types".
_ED25519: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_PUBLIC_BYTES: Final = 32
#: Key names hold no space and no plus sign. Source: C2SP signed-note, "Format".
_NAME = re.compile(r"[^\s+\x00-\x20\x7f\ud800-\udfff]{1,200}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SIGNATURE = re.compile(r"\u2014 ([^\s+]{1,200}) ([A-Za-z0-9+/]+={0,2})")


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_KEY_ID_BYTES]


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard base64 in its one canonical spelling.

    Raises:
        ValueError: Another alphabet, missing padding, or bits that are lost.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as cause:
        raise ValueError("expected standard base64") from cause
    if base64.b64encode(content).decode() != text:
        raise ValueError("expected canonical base64")
    return content


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of a log at one moment.

    Attributes:
        origin: Name of the log.
        size: Number of entries.
        root: Root hash, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.origin) is None:
            raise ValueError("a log's origin is 1 to 200 characters without spaces and plus signs")
        if not 0 <= self.size <= MAX_SIZE:
            raise ValueError(f"a log's size is 0 to 2^63-1, not {self.size}")
        if len(self.root) != HASH_BYTES:
            raise ValueError(f"a root is 32 bytes, not {len(self.root)}")

    def text(self) -> str:
        """Return the signed text: origin, size and root, each on its line."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A key that notes are checked with.

    Attributes:
        name: Key name; for a log its origin.
        public: Raw Ed25519 public key, 32 bytes.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise ValueError("a key name is 1 to 200 characters without spaces and plus signs")
        if len(self.public) != _PUBLIC_BYTES:
            raise ValueError(f"an Ed25519 public key is 32 bytes, not {len(self.public)}")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Return the verifier spelled ``name+hex key id+base64 key``.

        Raises:
            CheckpointError: Another spelling, another algorithm, or a key id that does not belong to it.
        """
        hint = "provenance log key prints the verifier key of a log"
        name, _, rest = vkey[:MAX_NOTE_BYTES].partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            key = decode_base64(encoded)
            made = cls(name, key[1:])
        except ValueError as cause:
            raise CheckpointError(
                f"expected a verifier key, found {vkey[:80]!r}: {cause}", hint=hint
            ) from cause
        if key[:1] != _ED25519 or key_id != made.key_id.hex():
            raise CheckpointError(
                "expected an Ed25519 verifier key with its own key id, found another", hint=hint
            )
        return made

    @property
    def key_id(self) -> bytes:
        """First four bytes of the SHA-256 of name, newline, type and key. Source: C2SP signed-note."""
        return _key_id(self.name, self.public)

    @property
    def vkey(self) -> str:
        """The verifier as text. Source: C2SP signed-note, verifier keys of golang.org/x/mod/sumdb/note."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def check(self, text: str, signature: bytes) -> None:
        """Return if ``signature`` is this key's over ``text``.

        Raises:
            CheckpointError: It is not.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError) as cause:
            raise CheckpointError(
                f"expected a signature by {self.name}, found one that does not verify",
                hint="the checkpoint was changed or the log has another key",
            ) from cause


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A key that signs notes.

    Attributes:
        name: Key name; for a log its origin.
    """

    name: str
    _key: Ed25519PrivateKey = field(repr=False)

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return NoteVerifier(self.name, self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def vkey(self) -> str:
        """The public half as text."""
        return self.verifier.vkey

    def sign(self, text: str) -> str:
        """Return the signature line for ``text``, which ends with a newline."""
        signature = self.verifier.key_id + self._key.sign(text.encode())
        return f"\u2014 {self.name} {base64.b64encode(signature).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """Return the note: the checkpoint's text, a blank line, the signature line."""
    text = checkpoint.text()
    return f"{text}\n{signer.sign(text)}"


def open_checkpoint(note: str, verifier: NoteVerifier) -> Checkpoint:
    """Return the checkpoint in ``note`` after checking the log's signature.

    Args:
        note: Signed note; signatures by other keys are ignored.
        verifier: The log's key; its name must be the origin.

    Raises:
        CheckpointError: Not a checkpoint, of another log, or not signed by ``verifier``.
    """
    if len(note.encode(errors="replace")) > MAX_NOTE_BYTES:
        raise CheckpointError(f"expected a note of at most {MAX_NOTE_BYTES} bytes, found a longer one")
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise CheckpointError("expected a signed note: text, a blank line, signature lines")
    text += "\n"
    checkpoint = _parse_text(text)
    if checkpoint.origin != verifier.name:
        raise CheckpointError(
            f"expected a checkpoint of {verifier.name}, found one of {checkpoint.origin[:80]!r}",
            hint="this belongs to another log",
        )
    mine = [
        each for each in map(_parse_signature, signatures[:-1].split("\n")) if each[:2] == _named(verifier)
    ]
    if len(mine) != 1:
        raise CheckpointError(
            f"expected one signature by {verifier.name}, found {len(mine)}",
            hint="check the log's verifier key",
        )
    verifier.check(text, mine[0][2])
    return checkpoint


def _named(verifier: NoteVerifier) -> tuple[str, bytes]:
    return verifier.name, verifier.key_id


def _parse_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    # Extension lines are refused: the log writes none, and no monitor could audit them.
    if len(lines) != 4 or _SIZE.fullmatch(lines[1]) is None:
        raise CheckpointError("expected three lines: origin, size without leading zeroes, root")
    try:
        return Checkpoint(lines[0], int(lines[1]), decode_base64(lines[2]))
    except ValueError as cause:
        raise CheckpointError(f"expected origin, size and root of a log: {cause}") from cause


def _parse_signature(line: str) -> tuple[str, bytes, bytes]:
    found = _SIGNATURE.fullmatch(line)
    if found is None:
        raise CheckpointError("expected signature lines of dash, name and base64, found another line")
    try:
        content = decode_base64(found.group(2))
    except ValueError as cause:
        raise CheckpointError(f"expected a signature line: {cause}") from cause
    return found.group(1), content[:_KEY_ID_BYTES], content[_KEY_ID_BYTES:]
